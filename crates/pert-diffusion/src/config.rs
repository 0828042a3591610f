//! Settings of a prior: its network, its training, its sampling.

use serde::{Deserialize, Serialize};

use crate::coupling::Coupling;
use crate::denoiser::DenoiserConfig;
use crate::error::Error;
use crate::guidance::Guidance;
use crate::loss::LossWeighting;
use crate::parameterization::Parameterization;
use crate::sampler::{Ddim, Ddpm, DpmSolver, FixedVariance, Sampler, Spacing, Timesteps};
use crate::schedule::{Schedule, ScheduleConfig, ScheduleKind};
use crate::validation::ValidationConfig;

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
    /// What the network predicts. Default: v.
    pub parameterization: Parameterization,
    /// Which noise goes with which row. Default: independent.
    pub coupling: Coupling,
    /// How much every step counts in the loss. Default: uniform.
    pub loss_weighting: LossWeighting,
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
    /// Largest global norm of the gradient, above 0; longer ones are shortened. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_clip: Option<f64>,
    /// Rows per training step, at least 1. Default 256.
    pub batch_size: usize,
    /// Number of training steps, at least 1. Default 2000.
    pub steps: usize,
    /// Decay of the exponential moving average of the weights, in [0, 1). Default 0.995.
    pub ema_decay: f64,
    /// Predicted x_0 is clipped per dimension to this times the largest absolute standardised training value, at
    /// least 1. Default 1.1.
    pub clip_factor: f64,
    /// Rows kept apart, on which training is judged. Default: none, and the weights of the last step are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<ValidationConfig>,
}

impl Default for PriorConfig {
    fn default() -> Self {
        Self {
            schedule: ScheduleConfig::default(),
            parameterization: Parameterization::default(),
            coupling: Coupling::default(),
            loss_weighting: LossWeighting::default(),
            denoiser: DenoiserConfig::default(),
            condition_dropout: 0.1,
            covariate_dropout: 0.1,
            learning_rate: 2e-3,
            weight_decay: 1e-4,
            gradient_clip: None,
            batch_size: 256,
            steps: 2000,
            ema_decay: 0.995,
            clip_factor: 1.1,
            validation: None,
        }
    }
}

impl PriorConfig {
    /// Flow matching instead of diffusion: the straight path, whose velocity the network puts out (Lipman et al. 2023). All
    /// else is the same; DDIM with η = 0 takes Euler steps along the flow.
    ///
    /// ```
    /// use pert_diffusion::{Coupling, Parameterization, PriorConfig};
    /// let config = PriorConfig { coupling: Coupling::OptimalTransport, ..PriorConfig::flow_matching() };
    /// assert_eq!(config.parameterization, Parameterization::Flow);
    /// config.check()?;
    /// # Ok::<(), pert_diffusion::Error>(())
    /// ```
    pub fn flow_matching() -> Self {
        Self {
            schedule: ScheduleConfig { kind: ScheduleKind::Straight, ..Default::default() },
            parameterization: Parameterization::Flow,
            ..Default::default()
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] (or one of `pert-nn`) naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        self.schedule.check()?;
        self.loss_weighting.check()?;
        let straight = self.schedule.kind == ScheduleKind::Straight;
        let unfit = match self.parameterization {
            Parameterization::Epsilon if straight => {
                Some(("flow or x0 on the straight path", "epsilon"))
            }
            Parameterization::V if straight => Some(("flow or x0 on the straight path", "v")),
            Parameterization::Epsilon if self.schedule.ends_in_noise() => {
                Some(("x0, v or flow with a terminal signal-to-noise ratio of zero", "epsilon"))
            }
            _ => None,
        };
        if let Some((expected, found)) = unfit {
            return Err(Error::setting("parameterization", expected, found));
        }
        if self.coupling == Coupling::OptimalTransport && !straight {
            let expected = "independent, but on the straight path of flow matching";
            return Err(Error::setting("coupling", expected, "optimal_transport"));
        }
        self.validation.map_or(Ok(()), |validation| validation.check())?;
        self.denoiser.check()?;
        for (name, rate) in [
            ("condition_dropout", self.condition_dropout),
            ("covariate_dropout", self.covariate_dropout),
        ] {
            if !(0.0..=1.0).contains(&rate) {
                return Err(Error::setting(name, "in [0, 1]", rate));
            }
        }
        if let Some(norm) = self.gradient_clip.filter(|norm| !(*norm > 0.0 && norm.is_finite())) {
            return Err(Error::setting("gradient_clip", "above 0 and finite", norm));
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

/// Which sampler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplerKind {
    /// [`Ddim`], first order, with η.
    Ddim,
    /// [`Ddpm`], ancestral, with the small variance.
    Ddpm,
    /// [`DpmSolver`], second order, deterministic; best with spacing `trailing`.
    #[default]
    DpmSolver,
}

/// Settings of [`Prior::sample`](crate::Prior::sample).
///
/// ```
/// use pert_diffusion::{PriorConfig, SamplerConfig, SamplerKind, ScheduleConfig};
/// let schedule = ScheduleConfig { n_steps: 100, ..Default::default() };
/// let prior = PriorConfig { schedule, ..Default::default() };
/// SamplerConfig { guidance: 2.0, ..Default::default() }.check_for(&prior)?;
/// let stochastic = SamplerConfig { kind: SamplerKind::Ddim, eta: 1.0, ..Default::default() };
/// SamplerConfig { steps: 50, ..stochastic }.check_for(&prior)?;
/// // More steps than the schedule has.
/// assert!(SamplerConfig { steps: 200, ..Default::default() }.check_for(&prior).is_err());
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplerConfig {
    /// Which sampler. Default: DPM-Solver++.
    pub kind: SamplerKind,
    /// Number of steps, at least 1. Default 20.
    pub steps: usize,
    /// How the steps are spread. Default: trailing.
    pub spacing: Spacing,
    /// DDIM's η in [0, 1]; 0 for the other samplers. Default 0.
    pub eta: f64,
    /// Where sampling starts, as a fraction of the schedule, in (0, 1]. Default: [`Parameterization::start`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<f64>,
    /// Guidance weight w, at least 0: 0 ignores the condition, 1 (default) samples p(x | cond), more narrows it.
    pub guidance: f64,
    /// Rescale φ of guided outputs, in [0, 1]; see [`Guidance`]. Default 0.
    pub guidance_rescale: f64,
    /// Fractions of the schedule between which guidance holds; see [`Guidance`]. Default: everywhere.
    pub guidance_interval: [f64; 2],
}

impl Default for SamplerConfig {
    fn default() -> Self {
        Self {
            kind: SamplerKind::default(),
            steps: 20,
            spacing: Spacing::Trailing,
            eta: 0.0,
            start: None,
            guidance: 1.0,
            guidance_rescale: 0.0,
            guidance_interval: [0.0, 1.0],
        }
    }
}

impl SamplerConfig {
    /// Checks every setting against the prior it is to sample: its schedule, and that no noise is added between where noise
    /// was coupled in training.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] or [`Error::TooManySteps`].
    ///
    /// ```
    /// use pert_diffusion::{Coupling, PriorConfig, SamplerConfig, SamplerKind};
    /// let prior = PriorConfig { coupling: Coupling::OptimalTransport, ..PriorConfig::flow_matching() };
    /// assert!(SamplerConfig::default().check_for(&prior).is_ok());
    /// let noisy = SamplerConfig { kind: SamplerKind::Ddim, eta: 0.5, ..Default::default() };
    /// assert!(noisy.check_for(&prior).is_err());
    /// # Ok::<(), pert_diffusion::Error>(())
    /// ```
    pub fn check_for(&self, prior: &PriorConfig) -> Result<(), Error> {
        self.check_on(&Schedule::new(&prior.schedule)?, prior)
    }

    /// [`check_for`](Self::check_for), with the prior's schedule at hand.
    pub(crate) fn check_on(&self, schedule: &Schedule, prior: &PriorConfig) -> Result<(), Error> {
        self.guidance()?;
        let plan = self.sampler(prior.parameterization)?.plan(schedule)?;
        let coupled = prior.coupling == Coupling::OptimalTransport;
        if coupled && plan.iter().any(|step| step.noise > 0.0) {
            let expected =
                "deterministic for a prior of coupled noise: ddim with eta 0, or dpm_solver";
            return Err(Error::setting("sampler", expected, "one that adds noise"));
        }
        Ok(())
    }

    pub(crate) fn guidance(&self) -> Result<Guidance, Error> {
        let [from, to] = self.guidance_interval;
        Guidance::new(self.guidance)?.rescaled(self.guidance_rescale)?.within(from, to)
    }

    pub(crate) fn timesteps(&self, parameterization: Parameterization) -> Timesteps {
        let start = self.start.unwrap_or(parameterization.start());
        Timesteps { steps: self.steps, start, spacing: self.spacing }
    }

    pub(crate) fn sampler(
        &self,
        parameterization: Parameterization,
    ) -> Result<Box<dyn Sampler>, Error> {
        let (kind, eta, timesteps) = (self.kind, self.eta, self.timesteps(parameterization));
        if kind != SamplerKind::Ddim && eta != 0.0 {
            return Err(Error::setting("eta", "0 for a sampler other than DDIM", eta));
        }
        Ok(match kind {
            SamplerKind::Ddim => Box::new(Ddim { timesteps, eta }),
            SamplerKind::Ddpm => Box::new(Ddpm { timesteps, variance: FixedVariance::Small }),
            SamplerKind::DpmSolver => Box::new(DpmSolver { timesteps }),
        })
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
            (PriorConfig { gradient_clip: Some(0.0), ..default }, "gradient_clip"),
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
    fn sampler_settings_out_of_range_are_named() {
        let prior = PriorConfig::default();
        let default = SamplerConfig::default();
        assert_eq!(default.check_for(&prior), Ok(()));
        let ddim = SamplerConfig { kind: SamplerKind::Ddim, ..default };
        let cases = [
            (SamplerConfig { guidance: -1.0, ..default }, "guidance"),
            (SamplerConfig { guidance_rescale: 2.0, ..default }, "guidance_rescale"),
            (SamplerConfig { guidance_interval: [0.5, 0.2], ..default }, "guidance_interval"),
            (SamplerConfig { steps: 0, ..default }, "sampling steps"),
            (SamplerConfig { steps: 1001, ..default }, "1001 sampling steps"),
            (SamplerConfig { start: Some(0.0), ..default }, "start"),
            (SamplerConfig { eta: 0.5, ..default }, "eta"),
            (SamplerConfig { eta: 2.0, ..ddim }, "eta"),
        ];
        for (config, name) in cases {
            let message = config.check_for(&prior).expect_err(name).to_string();
            assert!(message.starts_with(name), "{message}");
        }
    }

    #[test]
    fn the_noise_form_needs_a_rest_of_signal() {
        let schedule =
            ScheduleConfig { terminal_snr: crate::TerminalSnr::Zero, ..Default::default() };
        let config = PriorConfig { schedule, ..Default::default() };
        assert_eq!(config.check(), Ok(()));
        let parameterization = Parameterization::Epsilon;
        assert!(matches!(
            PriorConfig { parameterization, ..config }.check(),
            Err(Error::InvalidSetting { name: "parameterization", .. })
        ));
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
