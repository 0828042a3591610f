//! Settings of a prior: its network, its training, its sampling.

use serde::{Deserialize, Serialize};

use crate::denoiser::DenoiserConfig;
use crate::error::Error;
use crate::parameterization::Parameterization;
use crate::sampler::DdimConfig;
use crate::schedule::{Schedule, ScheduleConfig};

/// Settings of a [`Prior`](crate::Prior) and of its training.
///
/// ```
/// use pert_diffusion::{Parameterization, PriorConfig};
/// let config = PriorConfig { parameterization: Parameterization::V, steps: 500, ..Default::default() };
/// config.check()?;
/// assert!(PriorConfig { condition_dropout: 1.5, ..config }.check().is_err());
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriorConfig {
    /// Noise schedule. Default: cosine, 1000 steps.
    pub schedule: ScheduleConfig,
    /// What the network predicts. Default: ε.
    pub parameterization: Parameterization,
    /// The network and its size. Default: an MLP of 3 blocks, 128 wide.
    pub denoiser: DenoiserConfig,
    /// Probability of replacing a row's condition by the null one in training, in [0, 1]. Default 0.1
    /// (Ramesh et al. 2022, section 2.2).
    pub condition_dropout: f64,
    /// Probability of replacing a row's covariates by their null, apart from the condition, in [0, 1]. Default 0.1. Covariates
    /// that are columns of the condition are dropped with it instead.
    pub covariate_dropout: f64,
    /// Peak of the one-cycle learning rate, above 0. Default 2e-3.
    pub learning_rate: f64,
    /// Decoupled weight decay, at least 0. Default 1e-4.
    pub weight_decay: f64,
    /// Rows per training step, at least 1. Default 256.
    pub batch_size: usize,
    /// Number of training steps, at least 1. Default 2000.
    pub steps: usize,
    /// Decay of the exponential moving average of the weights, in [0, 1). Default 0.995.
    pub ema_decay: f64,
    /// Predicted x_0 is clipped per dimension to this times the largest absolute standardised training value, at
    /// least 1. Default 1.1.
    pub clip_factor: f64,
}

impl Default for PriorConfig {
    fn default() -> Self {
        Self {
            schedule: ScheduleConfig::default(),
            parameterization: Parameterization::default(),
            denoiser: DenoiserConfig::default(),
            condition_dropout: 0.1,
            covariate_dropout: 0.1,
            learning_rate: 2e-3,
            weight_decay: 1e-4,
            batch_size: 256,
            steps: 2000,
            ema_decay: 0.995,
            clip_factor: 1.1,
        }
    }
}

impl PriorConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] (or one of `pert-nn`) naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        self.schedule.check()?;
        self.denoiser.check()?;
        for (name, rate) in [
            ("condition_dropout", self.condition_dropout),
            ("covariate_dropout", self.covariate_dropout),
        ] {
            if !(0.0..=1.0).contains(&rate) {
                return Err(Error::setting(name, "in [0, 1]", rate));
            }
        }
        if self.batch_size == 0 {
            return Err(Error::setting("batch_size", "at least 1", self.batch_size));
        }
        if self.steps == 0 {
            return Err(Error::setting("steps", "at least 1", self.steps));
        }
        if !(0.0..1.0).contains(&self.ema_decay) {
            return Err(Error::setting("ema_decay", "in [0, 1)", self.ema_decay));
        }
        if !(self.clip_factor >= 1.0 && self.clip_factor.is_finite()) {
            return Err(Error::setting("clip_factor", "at least 1 and finite", self.clip_factor));
        }
        self.optimizer().check()?;
        Ok(self.rates().check()?)
    }

    pub(crate) fn optimizer(&self) -> pert_nn::AdamWConfig {
        pert_nn::AdamWConfig { weight_decay: self.weight_decay, ..Default::default() }
    }

    pub(crate) fn rates(&self) -> pert_nn::OneCycle {
        pert_nn::OneCycle::new(self.learning_rate, self.steps)
    }
}

/// Settings of [`Prior::sample`](crate::Prior::sample).
///
/// ```
/// use pert_diffusion::{SamplerConfig, Schedule, ScheduleConfig};
/// let schedule = Schedule::new(&ScheduleConfig { n_steps: 100, ..Default::default() })?;
/// SamplerConfig { guidance: 2.0, ..Default::default() }.check(&schedule)?;
/// // More steps than the schedule has.
/// assert!(SamplerConfig { steps: 200, ..Default::default() }.check(&schedule).is_err());
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplerConfig {
    /// DDIM steps, at least 1. Default 25.
    pub steps: usize,
    /// DDIM's η in [0, 1]. Default 0.
    pub eta: f64,
    /// Where sampling starts, as a fraction of the schedule, in (0, 1]. Default 0.97.
    pub start: f64,
    /// Guidance weight w, at least 0: 0 ignores the condition, 1 (default) samples p(x | cond), more narrows it.
    pub guidance: f64,
}

impl Default for SamplerConfig {
    fn default() -> Self {
        let DdimConfig { steps, eta, start } = DdimConfig::default();
        Self { steps, eta, start, guidance: 1.0 }
    }
}

impl SamplerConfig {
    /// Checks every setting against the schedule it is to be used with.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] or [`Error::TooManySteps`].
    pub fn check(&self, schedule: &Schedule) -> Result<(), Error> {
        if !(self.guidance >= 0.0 && self.guidance.is_finite()) {
            return Err(Error::setting("guidance", "at least 0 and finite", self.guidance));
        }
        self.ddim().timesteps(schedule).map(|_| ())
    }

    pub(crate) fn ddim(&self) -> DdimConfig {
        DdimConfig { steps: self.steps, eta: self.eta, start: self.start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denoiser::MlpDenoiserConfig;

    #[test]
    fn settings_out_of_range_are_named() {
        let default = PriorConfig::default();
        assert_eq!(default.check(), Ok(()));
        let cases = [
            (PriorConfig { condition_dropout: 1.5, ..default }, "condition_dropout"),
            (PriorConfig { covariate_dropout: f64::NAN, ..default }, "covariate_dropout"),
            (PriorConfig { batch_size: 0, ..default }, "batch_size"),
            (PriorConfig { steps: 0, ..default }, "steps"),
            (PriorConfig { ema_decay: 1.0, ..default }, "ema_decay"),
            (PriorConfig { clip_factor: 0.9, ..default }, "clip_factor"),
            (PriorConfig { learning_rate: 0.0, ..default }, "learning rate"),
            (PriorConfig { weight_decay: f64::NAN, ..default }, "weight_decay"),
        ];
        for (config, name) in cases {
            let message = config.check().expect_err(name).to_string();
            assert!(message.starts_with(name), "{message}");
        }
    }

    #[test]
    fn configs_fill_defaults_and_refuse_unknown_keys() {
        let config: PriorConfig = serde_json::from_str(
            r#"{"steps": 50, "schedule": {"kind": "linear"}, "denoiser": {"width": 64}}"#,
        )
        .expect("readable");
        let denoiser = MlpDenoiserConfig { width: 64, n_blocks: 3 }.into();
        assert_eq!((config.steps, config.denoiser), (50, denoiser));
        assert_eq!(config.schedule.n_steps, 1000);
        assert!(serde_json::from_str::<PriorConfig>(r#"{"step": 50}"#).is_err());
        assert!(serde_json::from_str::<SamplerConfig>(r#"{"cfg": 1.0}"#).is_err());
        let text = serde_json::to_string(&PriorConfig::default()).expect("writable");
        assert_eq!(serde_json::from_str::<PriorConfig>(&text).ok(), Some(PriorConfig::default()));
    }
}
