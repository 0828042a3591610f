//! DDIM: deterministic or stochastic sampling in few steps.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{X0Clip, denoise};
use crate::error::Error;
use crate::parameterization::{NoiseLevel, Parameterization};
use crate::schedule::Schedule;

/// Settings of [`ddim`].
///
/// ```
/// use pert_diffusion::{DdimConfig, Schedule, ScheduleConfig};
/// let schedule = Schedule::new(&ScheduleConfig { n_steps: 1000, ..Default::default() })?;
/// let config = DdimConfig { steps: 4, start: 1.0, ..Default::default() };
/// assert_eq!(config.timesteps(&schedule)?, [999, 666, 333, 0]);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DdimConfig {
    /// Number of steps, at least 1. Default 25.
    pub steps: usize,
    /// Share η of the posterior's noise, in [0, 1]: 0 is deterministic, 1 has the variance of DDPM. Default 0.
    pub eta: f64,
    /// Where to start, as a fraction of the schedule, in (0, 1]. Default 0.97: at the very end the ε-form tells
    /// nothing about x_0, and a deterministic sampler never recovers from its first step. The
    /// price: a mean m of the rows under their condition comes out as m (1 − √ᾱ s), s their standard deviation there
    /// (standardised units; √ᾱ = 0.05 at 0.97 of the cosine schedule).
    pub start: f64,
}

impl Default for DdimConfig {
    fn default() -> Self {
        Self { steps: 25, eta: 0.0, start: 0.97 }
    }
}

impl DdimConfig {
    /// The steps visited, from the noisiest: evenly spaced from `start · (T − 1)` to 0, rounded.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range; [`Error::TooManySteps`] when they would coincide.
    pub fn timesteps(&self, schedule: &Schedule) -> Result<Vec<usize>, Error> {
        if self.steps == 0 {
            return Err(Error::setting("sampling steps", "at least 1", self.steps));
        }
        if !(0.0..=1.0).contains(&self.eta) {
            return Err(Error::setting("eta", "in [0, 1]", self.eta));
        }
        if !(self.start > 0.0 && self.start <= 1.0) {
            return Err(Error::setting("start", "in (0, 1]", self.start));
        }
        let first = (self.start * (schedule.n_steps() - 1) as f64).round();
        let available = first as usize + 1;
        if self.steps > available {
            let (steps, start, n_steps) = (self.steps, self.start, schedule.n_steps());
            return Err(Error::TooManySteps { steps, start, n_steps, available });
        }
        if self.steps == 1 {
            return Ok(vec![first as usize]);
        }
        let spacing = first / (self.steps - 1) as f64;
        Ok((0..self.steps).map(|i| (first - spacing * i as f64).round() as usize).collect())
    }
}

/// Draws x_0 (Song et al. 2021, equations 12 and 16).
///
/// x' = √ᾱ' x̂_0 + √(1 − ᾱ' − σ²) ε̂ + σ z with σ = η √((1 − ᾱ')/(1 − ᾱ)) √(1 − ᾱ/ᾱ'), where ᾱ' belongs to the next
/// step visited and is 1 after the last.
///
/// `model` gives the raw output for `x_t` at a step; `noise` gives fresh N(0, I) values z of the shape of `initial`
/// and is called only when σ > 0, once per step.
///
/// # Shapes
/// `initial` (N(0, I) values), output: `[n, d]`.
///
/// # Errors
/// What [`DdimConfig::timesteps`] finds.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{DdimConfig, Parameterization, Schedule, ScheduleConfig, ddim};
/// let (schedule, device) = (Schedule::new(&ScheduleConfig::default())?, Device::default());
/// // A model that knows that every row is (3, 3), asked for x_0; η = 0 needs no noise.
/// let model = |x_t: Tensor<2>, _t| x_t.full_like(3.0);
/// let initial = Tensor::<2>::from_data([[0.3, -1.2]], &device);
/// let noise = || unreachable!("deterministic");
/// let config = DdimConfig::default();
/// let x0 = ddim(model, &schedule, Parameterization::X0, &config, None, initial, noise)?;
/// assert!((x0 - 3.0).abs().max().into_scalar::<f32>() < 1e-5);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
pub fn ddim(
    mut model: impl FnMut(Tensor<2>, usize) -> Tensor<2>,
    schedule: &Schedule,
    parameterization: Parameterization,
    config: &DdimConfig,
    clip: Option<&X0Clip>,
    initial: Tensor<2>,
    mut noise: impl FnMut() -> Tensor<2>,
) -> Result<Tensor<2>, Error> {
    let timesteps = config.timesteps(schedule)?;
    let mut x = initial;
    for (i, &t) in timesteps.iter().enumerate() {
        let alpha_bar = schedule.alpha_bar(t);
        let next = timesteps.get(i + 1).map_or(1.0, |&t| schedule.alpha_bar(t));
        let level = NoiseLevel::new(schedule, &[t], &x.device());
        let output = model(x.clone(), t);
        let (x0, direction) = denoise(output, x, &level, parameterization, clip);
        let sigma = config.eta
            * ((1.0 - next) / (1.0 - alpha_bar)).sqrt()
            * (1.0 - alpha_bar / next).sqrt();
        // At η = 1 the difference is 0 up to rounding for neighbouring steps.
        let rest = (1.0 - next - sigma * sigma).max(0.0).sqrt();
        x = x0.mul_scalar(next.sqrt()) + direction.mul_scalar(rest);
        if sigma > 0.0 {
            x = x + noise().mul_scalar(sigma);
        }
    }
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::ScheduleConfig;

    fn schedule(n_steps: usize) -> Schedule {
        Schedule::new(&ScheduleConfig { n_steps, ..Default::default() }).expect("valid")
    }

    #[test]
    fn timesteps_fall_strictly_to_zero() {
        for steps in 2..=970 {
            let config = DdimConfig { steps, ..Default::default() };
            let visited = config.timesteps(&schedule(1000)).expect("fits");
            assert_eq!((visited.len(), visited[0], visited[steps - 1]), (steps, 969, 0));
            assert!(visited.windows(2).all(|w| w[0] > w[1]), "{steps}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let refused = |config: DdimConfig| config.timesteps(&schedule(20)).expect_err("refused");
        let default = DdimConfig::default();
        assert_eq!(
            refused(default),
            Error::TooManySteps { steps: 25, start: 0.97, n_steps: 20, available: 19 }
        );
        assert!(matches!(
            refused(DdimConfig { steps: 0, ..default }),
            Error::InvalidSetting { name: "sampling steps", .. }
        ));
        assert!(matches!(
            refused(DdimConfig { eta: 1.5, ..default }),
            Error::InvalidSetting { name: "eta", .. }
        ));
        assert!(matches!(
            refused(DdimConfig { start: f64::NAN, ..default }),
            Error::InvalidSetting { name: "start", .. }
        ));
    }
}
