//! Settings of a training.

use pert_nn::OneCycle;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How the learning rate changes over the planned steps.
///
/// ```
/// use pert_decoder::Schedule;
/// let rates = |schedule: Schedule| [0, 50, 99].map(|step| schedule.rate(1e-3, 100, step));
/// assert_eq!(rates(Schedule::Constant), [1e-3; 3]);
/// let [first, middle, last] = rates(Schedule::Cosine);
/// assert!(first == 1e-3 && middle < first && last < middle && last > 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Up over the first 30% of the steps, then down to nearly 0 ([`OneCycle`], Smith & Topin 2018).
    #[default]
    OneCycle,
    /// The same rate throughout (scvi-tools' default; it goes with early stopping).
    Constant,
    /// Half a cosine from the largest rate down to 0 after the last step (Loshchilov & Hutter 2017, without restarts).
    Cosine,
}

impl Schedule {
    /// The rate of optimiser step `step`, counted from 0; beyond `total` steps the last one.
    pub fn rate(self, peak: f64, total: usize, step: usize) -> f64 {
        match self {
            Self::OneCycle => OneCycle::new(peak, total).rate(step),
            Self::Constant => peak,
            Self::Cosine => {
                let step = step.min(total.saturating_sub(1)) as f64;
                peak * 0.5 * (1.0 + (std::f64::consts::PI * step / total as f64).cos())
            }
        }
    }
}

/// What is believed of the weights from the last hidden layer to the genes (log ρ and the dropout logits) before any
/// cell is seen. Their negative log density is added to the loss, divided by the number of training cells: it fades as
/// cells become many.
///
/// ```
/// use pert_decoder::{OutputPrior, TrainConfig};
/// let config = TrainConfig { output_prior: OutputPrior::Normal { spread: 0.5 }, ..Default::default() };
/// assert!(config.check().is_ok());
/// let config = TrainConfig { output_prior: OutputPrior::Normal { spread: 0.0 }, ..config };
/// assert!(config.check().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OutputPrior {
    /// Nothing: the likelihood alone decides, as in scvi-tools but for its weight decay of 10⁻⁶.
    Flat,
    /// N(0, 2 spread²/n_hidden) for each weight. The hidden layer is the positive half of about n_hidden standard normal
    /// numbers, so that log ρ of a gene differs between cells by about `spread` nats (MacKay 1992: a Gaussian prior of
    /// the weights).
    Normal {
        /// Standard deviation of log ρ between cells before any is seen, nats; above 0.
        spread: f64,
    },
}

impl Default for OutputPrior {
    fn default() -> Self {
        Self::Normal { spread: 0.5 }
    }
}

impl OutputPrior {
    /// The factor of the sum of squared weights in the loss per cell.
    pub(crate) fn penalty(self, n_hidden: usize, n_cells: usize) -> Option<f64> {
        match self {
            Self::Flat => None,
            Self::Normal { spread } => {
                Some(n_hidden as f64 / (4.0 * spread * spread * n_cells as f64))
            }
        }
    }
}

/// Configuration of the training of a [`Vae`](crate::Vae) by Adam with a one-cycle rate.
///
/// ```
/// use pert_decoder::TrainConfig;
/// let config = TrainConfig { steps: 300, ..Default::default() };
/// config.check()?;
/// assert!(TrainConfig { kl_warmup: 2.0, ..config }.check().is_err());
/// # Ok::<(), pert_decoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Optimiser steps, at least 1. Default 1,500.
    pub steps: usize,
    /// Cells per step, at least 1; fewer when fewer are given. Default 128.
    pub batch: usize,
    /// Largest rate of the schedule, above 0. Default 2e-3.
    pub learning_rate: f64,
    /// Largest global norm of the gradients of the mean loss per cell, above 0. Default 5.
    pub clip: f64,
    /// Share of the steps over which the weight of KL(q(z) ‖ p(z)) rises from 0 to 1, in [0, 1]. Default 0.3.
    pub kl_warmup: f64,
    /// How many times faster log θ is learned than the weights, above 0. Default 5: a dispersion that lags behind
    /// spoils the variance of the counts generated.
    pub theta_rate: f64,
    /// How the rate changes over the steps. Default one-cycle.
    #[serde(skip_serializing_if = "crate::config::is_default")]
    pub schedule: Schedule,
    /// What is believed of the weights to the genes before any cell is seen. Default normal with a spread of 0.5: of 1, 0.5,
    /// 0.25 and 0.12 the one with which the bound of held-out cells was nowhere worse than with a flat prior
    /// (docs/decisions/0020-prior-of-the-output-weights.md).
    pub output_prior: OutputPrior,
    /// Weight of −log p(group | mean of z) per cell, by a linear classifier that is trained along and then dropped; 0 for none,
    /// the default. It makes z tell the groups (perturbations) apart.
    #[serde(skip_serializing_if = "crate::config::is_default")]
    pub classifier_weight: f64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            steps: 1500,
            batch: 128,
            learning_rate: 2e-3,
            clip: 5.0,
            kl_warmup: 0.3,
            theta_rate: 5.0,
            schedule: Schedule::default(),
            output_prior: OutputPrior::default(),
            classifier_weight: 0.0,
        }
    }
}

impl TrainConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        for (name, size) in [("steps", self.steps), ("batch", self.batch)] {
            if size == 0 {
                return Err(Error::setting(name, "at least 1", size));
            }
        }
        let positive = [
            ("learning_rate", self.learning_rate),
            ("clip", self.clip),
            ("theta_rate", self.theta_rate),
        ];
        for (name, value) in positive {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::setting(name, "above 0 and finite", value));
            }
        }
        if let OutputPrior::Normal { spread } = self.output_prior
            && !(spread > 0.0 && spread.is_finite())
        {
            return Err(Error::setting("output_prior.spread", "above 0 and finite", spread));
        }
        if !(self.classifier_weight >= 0.0 && self.classifier_weight.is_finite()) {
            let (name, range) = ("classifier_weight", "0 or above and finite");
            return Err(Error::setting(name, range, self.classifier_weight));
        }
        if !(0.0..=1.0).contains(&self.kl_warmup) {
            return Err(Error::setting("kl_warmup", "in [0, 1]", self.kl_warmup));
        }
        Ok(())
    }

    /// The weight of KL(q(z) ‖ p(z)) in step `step`, counted from 0.
    pub(crate) fn kl_weight(&self, step: usize) -> f64 {
        let rising = self.kl_warmup * self.steps as f64;
        if rising < 1.0 { 1.0 } else { ((step + 1) as f64 / rising).min(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{Continuous, Normal};

    use super::*;

    #[test]
    fn a_file_may_leave_out_defaults_but_not_add_keys() {
        let train: TrainConfig = serde_json::from_str(r#"{"steps": 3}"#).unwrap();
        assert_eq!(train, TrainConfig { steps: 3, ..TrainConfig::default() });
        let train: TrainConfig = serde_json::from_str(r#"{"schedule": "cosine"}"#).unwrap();
        assert_eq!(train.schedule, Schedule::Cosine);
        let train = TrainConfig { schedule: Schedule::Constant, ..TrainConfig::default() };
        let json = serde_json::to_string(&train).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&json).unwrap(), train);
        assert!(!serde_json::to_string(&TrainConfig::default()).unwrap().contains("schedule"));
        assert!(serde_json::from_str::<TrainConfig>(r#"{"epochs": 3}"#).is_err());
    }

    #[test]
    fn every_setting_has_a_range() {
        let good = TrainConfig::default();
        assert_eq!(good.check(), Ok(()));
        for bad in [
            TrainConfig { steps: 0, ..good.clone() },
            TrainConfig { batch: 0, ..good.clone() },
            TrainConfig { learning_rate: f64::NAN, ..good.clone() },
            TrainConfig { classifier_weight: -1.0, ..good.clone() },
            TrainConfig { clip: 0.0, ..good.clone() },
            TrainConfig { kl_warmup: 1.5, ..good.clone() },
            TrainConfig { output_prior: OutputPrior::Normal { spread: f64::NAN }, ..good.clone() },
            TrainConfig { theta_rate: -1.0, ..good },
        ] {
            assert!(matches!(bad.check(), Err(Error::InvalidSetting { .. })), "{bad:?}");
        }
    }

    #[test]
    fn the_penalty_is_the_log_density_of_the_prior() {
        let (spread, n_hidden, n_cells, w) = (0.7, 12, 50, 0.3);
        let sd = (2.0 * spread * spread / f64::from(n_hidden)).sqrt();
        let log_density = |x: f64| Normal::new(0.0, sd).unwrap().ln_pdf(x);
        let expected = (log_density(0.0) - log_density(w)) / f64::from(n_cells);
        let prior = OutputPrior::Normal { spread };
        let factor = prior.penalty(n_hidden as usize, n_cells as usize).unwrap();
        approx::assert_relative_eq!(factor * w * w, expected, max_relative = 1e-12);
        assert_eq!(OutputPrior::Flat.penalty(12, 50), None);
    }

    #[test]
    fn the_kl_weight_rises_to_one() {
        let config = TrainConfig { steps: 10, kl_warmup: 0.5, ..TrainConfig::default() };
        let weights: Vec<f64> = (0..7).map(|step| config.kl_weight(step)).collect();
        assert_eq!(weights, [0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0]);
        assert_eq!(TrainConfig { kl_warmup: 0.0, ..config }.kl_weight(0), 1.0);
    }
}
