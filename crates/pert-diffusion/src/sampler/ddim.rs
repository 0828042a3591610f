//! DDIM: deterministic or stochastic sampling in few steps.

use serde::{Deserialize, Serialize};

use super::level::{Level, levels};
use super::{Sampler, SamplerStep, Timesteps};
use crate::error::Error;
use crate::schedule::Schedule;

/// DDIM (Song et al. 2021, equations 12 and 16), of first order in the steps.
///
/// x' = √ᾱ' x̂_0 + √(1 − ᾱ' − σ²) ε̂ + σ z with σ = η √((1 − ᾱ')/(1 − ᾱ)) √(1 − ᾱ/ᾱ') and ε̂ = (x − √ᾱ x̂_0)/√(1 − ᾱ),
/// where ᾱ' belongs to the next step visited and is 1 after the last.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{Ddim, Parameterization, ReverseProcess, Schedule, ScheduleConfig};
/// let (schedule, device) = (Schedule::new(&ScheduleConfig::default())?, Device::default());
/// // A model that knows that every row is (3, 3), asked for x_0; η = 0 needs no noise.
/// let model = |x_t: Tensor<2>, _t| x_t.full_like(3.0);
/// let initial = Tensor::<2>::from_data([[0.3, -1.2]], &device);
/// let process = ReverseProcess::new(&schedule, Parameterization::X0);
/// let noise = || unreachable!("deterministic");
/// let x0 = process.sample(&Ddim::default(), model, initial, noise)?;
/// assert!((x0 - 3.0).abs().max().into_scalar::<f32>() < 1e-5);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ddim {
    /// The steps visited.
    pub timesteps: Timesteps,
    /// Share η of the posterior's noise, in [0, 1]: 0 is deterministic, 1 is [`Ddpm`](super::Ddpm). Default 0.
    pub eta: f64,
}

impl Sampler for Ddim {
    fn plan(&self, schedule: &Schedule) -> Result<Vec<SamplerStep>, Error> {
        if !(0.0..=1.0).contains(&self.eta) {
            return Err(Error::setting("eta", "in [0, 1]", self.eta));
        }
        let step = |(t, now, next): (usize, Level, Level)| {
            let ratio = next.noise_variance / now.noise_variance;
            let sigma = self.eta * (ratio * now.beta_from(next)).sqrt();
            // At η = 1 the difference is 0 up to rounding for neighbouring steps.
            let rest = (next.noise_variance - sigma * sigma).max(0.0).sqrt();
            let x = rest / now.sigma();
            let x0 = next.signal() - x * now.signal();
            SamplerStep { t, x, x0, x0_previous: 0.0, noise: sigma }
        };
        Ok(levels(&self.timesteps, schedule)?.into_iter().map(step).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::{Ddpm, Spacing};
    use crate::schedule::ScheduleConfig;

    #[test]
    fn full_noise_is_ancestral_sampling() {
        let schedule = Schedule::new(&ScheduleConfig::default()).expect("valid");
        for spacing in [Spacing::Linspace, Spacing::LogSnr] {
            let timesteps = Timesteps { steps: 40, start: 1.0, spacing };
            let ddim = Ddim { timesteps, eta: 1.0 }.plan(&schedule).expect("valid");
            let ddpm = Ddpm { timesteps, ..Default::default() }.plan(&schedule).expect("valid");
            for (a, b) in ddim.iter().zip(&ddpm) {
                assert_eq!(a.t, b.t);
                for (a, b) in [(a.x, b.x), (a.x0, b.x0), (a.noise, b.noise)] {
                    assert!((a - b).abs() < 1e-9, "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn an_eta_out_of_range_is_named() {
        let schedule = Schedule::new(&ScheduleConfig::default()).expect("valid");
        for eta in [-0.1, 1.5, f64::NAN] {
            let refused = Ddim { eta, ..Default::default() }.plan(&schedule);
            assert_eq!(refused, Err(Error::setting("eta", "in [0, 1]", eta)));
        }
    }
}
