//! Ancestral sampling, through every step or some.

use serde::{Deserialize, Serialize};

use super::level::{Level, levels};
use super::{Sampler, SamplerStep, Timesteps};
use crate::error::Error;
use crate::schedule::Schedule;

/// The variance of p(x_{t−1} | x_t) where the network does not predict it (Ho et al. 2020, section 3.2). For steps
/// that are left out, β = 1 − ᾱ/ᾱ'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixedVariance {
    /// β̃ = β (1 − ᾱ')/(1 − ᾱ), optimal for rows that are all the same.
    #[default]
    Small,
    /// β, optimal for rows from N(0, I).
    Large,
}

/// Ancestral sampling (Ho et al. 2020, algorithm 2): x' is drawn from q(x' | x, x̂_0), the last one without noise.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_diffusion::{
///     Ddpm, Parameterization, ReverseProcess, Schedule, ScheduleConfig, Timesteps,
/// };
/// use pert_nn::standard_normal;
/// let schedule = Schedule::new(&ScheduleConfig { n_steps: 20, ..Default::default() })?;
/// let (device, mut rng) = (Device::default(), seeded_rng(0, "example"));
/// // A model that knows that every row is (3, 3), asked for x_0.
/// let model = |x_t: Tensor<2>, _t| x_t.full_like(3.0);
/// let initial = standard_normal([5, 2], &mut rng, &device);
/// let noise = || standard_normal([5, 2], &mut rng, &device);
/// let sampler = Ddpm { timesteps: Timesteps::all(&schedule), ..Default::default() };
/// let process = ReverseProcess::new(&schedule, Parameterization::X0);
/// let x0 = process.sample(&sampler, model, initial, noise)?;
/// assert!((x0 - 3.0).abs().max().into_scalar::<f32>() < 1e-5);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ddpm {
    /// The steps visited; [`Timesteps::all`] is the sampler of the paper.
    pub timesteps: Timesteps,
    /// How much noise is added. Default: small.
    pub variance: FixedVariance,
}

impl Sampler for Ddpm {
    fn plan(&self, schedule: &Schedule) -> Result<Vec<SamplerStep>, Error> {
        let levels = levels(&self.timesteps, schedule)?;
        let last = levels.len() - 1;
        let step = |(i, (t, now, next)): (usize, (usize, Level, Level))| {
            let beta = now.beta_from(next);
            let ratio = next.noise_variance / now.noise_variance;
            let variance = match self.variance {
                _ if i == last => 0.0,
                FixedVariance::Small => beta * ratio,
                FixedVariance::Large => beta,
            };
            SamplerStep {
                t,
                x: (now.alpha_bar / next.alpha_bar).sqrt() * ratio,
                x0: next.signal() * beta / now.noise_variance,
                x0_previous: 0.0,
                noise: variance.sqrt(),
            }
        };
        Ok(levels.into_iter().enumerate().map(step).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::ScheduleConfig;

    #[test]
    fn through_every_step_it_is_the_posterior() {
        let config = ScheduleConfig { n_steps: 50, ..Default::default() };
        let schedule = Schedule::new(&config).expect("valid");
        for variance in [FixedVariance::Small, FixedVariance::Large] {
            let sampler = Ddpm { timesteps: Timesteps::all(&schedule), variance };
            let plan = sampler.plan(&schedule).expect("valid");
            assert_eq!(plan.len(), 50);
            for step in plan {
                let t = step.t;
                let expected = match variance {
                    _ if t == 0 => 0.0,
                    FixedVariance::Small => schedule.posterior_variance(t),
                    FixedVariance::Large => schedule.beta(t),
                };
                for (a, b) in [
                    (step.x, schedule.posterior_mean_xt(t)),
                    (step.x0, schedule.posterior_mean_x0(t)),
                    (step.noise * step.noise, expected),
                ] {
                    assert!((a - b).abs() < 1e-12, "{t}: {a} {b}");
                }
            }
        }
    }
}
