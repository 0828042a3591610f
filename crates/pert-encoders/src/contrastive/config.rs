//! Settings of contrastive training.

use serde::{Deserialize, Serialize};

use super::error::ContrastiveError;
use crate::pooling::SetEncoderConfig;

/// The smallest temperature: the cosines are then spread over ±100, where CLIP stops too (Radford et al. 2021, section 2.5).
pub(super) const LOWEST_TEMPERATURE: f64 = 0.01;

/// What a cell is compared with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PerturbationSide {
    /// A learned vector for each perturbation of the training cells. Unseen perturbations have none.
    #[default]
    Prototypes,
    /// Pooled tokens through a projection: unseen perturbations have a vector as soon as their targets have features.
    Sets(SetEncoderConfig),
}

/// Which softmax is taken; s(i, p) = cos(g_i, v_p) / τ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContrastiveLoss {
    /// Each cell among all perturbations: −(1/n) Σ_i log [e^{s(i, p_i)} / Σ_p e^{s(i, p)}].
    #[default]
    CellToPerturbation,
    /// The mean of the above and of each perturbation among the cells of the batch, all cells of it being positives:
    /// −(1/n) Σ_i log [e^{s(i, p_i)} / Σ_j e^{s(j, p_i)}].
    Symmetric,
}

/// Settings of a [`CellEncoder`](crate::CellEncoder) and of its training.
///
/// ```
/// use pert_encoders::{ContrastiveConfig, ContrastiveLoss};
/// let config = ContrastiveConfig { d: 8, loss: ContrastiveLoss::Symmetric, ..Default::default() };
/// config.check()?;
/// assert!(ContrastiveConfig { temperature: 0.0, ..config }.check().is_err());
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContrastiveConfig {
    /// What a cell is compared with. Default: learned prototypes.
    pub perturbations: PerturbationSide,
    /// Which softmax. Default: each cell among all perturbations.
    pub loss: ContrastiveLoss,
    /// Width of the cell network's hidden layer, at least 1. Default 128.
    pub n_hidden: usize,
    /// Width of g, at least 1. Default 16.
    pub d: usize,
    /// First temperature τ, from 0.01 up; learned from there. Default 0.1.
    pub temperature: f64,
    /// Peak of the one-cycle learning rate, above 0. Default 2e-3.
    pub learning_rate: f64,
    /// Decoupled weight decay, at least 0. Default 1e-4.
    pub weight_decay: f64,
    /// Cells per training step, at least 2. Default 256.
    pub batch_size: usize,
    /// Number of training steps, at least 1. Default 1000.
    pub steps: usize,
}

impl Default for ContrastiveConfig {
    fn default() -> Self {
        Self {
            perturbations: PerturbationSide::default(),
            loss: ContrastiveLoss::default(),
            n_hidden: 128,
            d: 16,
            temperature: 0.1,
            learning_rate: 2e-3,
            weight_decay: 1e-4,
            batch_size: 256,
            steps: 1000,
        }
    }
}

impl ContrastiveConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`ContrastiveError`] naming the setting and its range.
    pub fn check(&self) -> Result<(), crate::Error> {
        Ok(self.checked()?)
    }

    pub(super) fn checked(&self) -> Result<(), ContrastiveError> {
        for (name, expected, size, least) in [
            ("n_hidden", "at least 1", self.n_hidden, 1),
            ("d", "at least 1", self.d, 1),
            ("batch_size", "at least 2", self.batch_size, 2),
            ("steps", "at least 1", self.steps, 1),
        ] {
            if size < least {
                return Err(ContrastiveError::setting(name, expected, size));
            }
        }
        if !(self.temperature >= LOWEST_TEMPERATURE && self.temperature.is_finite()) {
            let expected = "at least 0.01 and finite";
            return Err(ContrastiveError::setting("temperature", expected, self.temperature));
        }
        if let PerturbationSide::Sets(sets) = &self.perturbations {
            sets.check()?;
        }
        self.optimizer().check()?;
        Ok(self.rates().check()?)
    }

    pub(super) fn optimizer(&self) -> pert_nn::AdamWConfig {
        pert_nn::AdamWConfig { weight_decay: self.weight_decay, ..Default::default() }
    }

    pub(super) fn rates(&self) -> pert_nn::OneCycle {
        pert_nn::OneCycle::new(self.learning_rate, self.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let message = |config: ContrastiveConfig| config.check().unwrap_err().to_string();
        let default = ContrastiveConfig::default;
        assert!(default().check().is_ok());
        assert!(
            message(ContrastiveConfig { d: 0, ..default() }).starts_with("d must be at least 1")
        );
        assert!(
            message(ContrastiveConfig { batch_size: 1, ..default() }).starts_with("batch_size")
        );
        assert!(message(ContrastiveConfig { temperature: f64::NAN, ..default() }).contains("NaN"));
        assert!(
            message(ContrastiveConfig { learning_rate: -1.0, ..default() })
                .contains("learning rate")
        );
        let sets = SetEncoderConfig { id_dropout: 2.0, ..SetEncoderConfig::new(1, 0, 4) };
        let perturbations = PerturbationSide::Sets(sets);
        assert!(
            message(ContrastiveConfig { perturbations, ..default() }).starts_with("id_dropout")
        );
    }

    #[test]
    fn configs_fill_defaults_and_refuse_unknown_keys() {
        let config: ContrastiveConfig =
            serde_json::from_str(r#"{"steps": 5, "perturbations": {"sets": {"n_seen": 2, "d_features": 0, "d_out": 4}}}"#).unwrap();
        let sets = PerturbationSide::Sets(SetEncoderConfig::new(2, 0, 4));
        assert_eq!(
            config,
            ContrastiveConfig { steps: 5, perturbations: sets, ..Default::default() }
        );
        assert!(serde_json::from_str::<ContrastiveConfig>(r#"{"step": 5}"#).is_err());
    }
}
