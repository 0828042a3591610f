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
            TrainConfig { clip: 0.0, ..good.clone() },
            TrainConfig { kl_warmup: 1.5, ..good.clone() },
            TrainConfig { theta_rate: -1.0, ..good },
        ] {
            assert!(matches!(bad.check(), Err(Error::InvalidSetting { .. })), "{bad:?}");
        }
    }

    #[test]
    fn the_kl_weight_rises_to_one() {
        let config = TrainConfig { steps: 10, kl_warmup: 0.5, ..TrainConfig::default() };
        let weights: Vec<f64> = (0..7).map(|step| config.kl_weight(step)).collect();
        assert_eq!(weights, [0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0]);
        assert_eq!(TrainConfig { kl_warmup: 0.0, ..config }.kl_weight(0), 1.0);
    }
}
