//! Settings of the SMILES network and of its training.

use serde::{Deserialize, Serialize};

use crate::molecule::MoleculeError;

/// Configuration of a [`SmilesVae`](super::SmilesVae).
///
/// ```
/// use pert_encoders::SmilesVaeConfig;
/// let config = SmilesVaeConfig { d_latent: 64, ..Default::default() };
/// config.check()?;
/// assert!(SmilesVaeConfig { d_latent: 0, ..config }.check().is_err());
/// # Ok::<(), pert_encoders::MoleculeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmilesVaeConfig {
    /// Width of the latent Gaussian, at least 1. Default 128 (that of MOSES' VAE: Polykovskiy et al. 2020).
    pub d_latent: usize,
    /// Width of the layers, at least 1. Default 96, for training within minutes on two cores.
    pub d_hidden: usize,
    /// Convolutions of the decoder, each with twice to three times the reach of the one before, 1 to 6. Default 4: the last
    /// sees 80 tokens back.
    pub n_layers: usize,
    /// The most tokens of a molecule, 1 to 1,000. Default 100, more than 99% of LINCS and ZINC have.
    pub longest: usize,
}

impl Default for SmilesVaeConfig {
    fn default() -> Self {
        Self { d_latent: 128, d_hidden: 96, n_layers: 4, longest: 100 }
    }
}

impl SmilesVaeConfig {
    /// Places of a molecule: its tokens and the end.
    pub(super) fn n_places(&self) -> usize {
        self.longest + 1
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`MoleculeError::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), MoleculeError> {
        for (name, width) in [("d_latent", self.d_latent), ("d_hidden", self.d_hidden)] {
            if !(1..=4096).contains(&width) {
                return Err(MoleculeError::setting(name, "1 to 4,096", width));
            }
        }
        if !(1..=6).contains(&self.n_layers) {
            return Err(MoleculeError::setting("n_layers", "1 to 6", self.n_layers));
        }
        if !(1..=1000).contains(&self.longest) {
            return Err(MoleculeError::setting("longest", "1 to 1,000", self.longest));
        }
        Ok(())
    }
}

/// Configuration of a [`SmilesVaeTrainer`](super::SmilesVaeTrainer).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmilesVaeTrainConfig {
    /// Optimiser steps, at least 1. Default 2,000.
    pub steps: usize,
    /// Molecules per step, at least 1. Default 128.
    pub batch: usize,
    /// Largest rate of the one-cycle schedule, above 0. Default 2e-3.
    pub learning_rate: f64,
    /// Largest global norm of the gradients of the mean loss per molecule, above 0. Default 50 (MOSES).
    pub clip: f64,
    /// The last weight of the divergence, at least 0. Default 0.05 (MOSES): a weight of 1 would cost the details of structure
    /// that an embedding is for.
    pub kl_weight: f64,
    /// Share of the steps over which that weight rises from 0, in [0, 1]. Default 0.3.
    pub kl_warmup: f64,
    /// Share of the decoder's input tokens that are blanked, in [0, 1), so that it reads the latent instead (Bowman et al.
    /// 2016). Default 0.1.
    pub token_dropout: f64,
    /// Share of the molecules that are held out, in [0, 1). Default 0.05.
    pub held_out: f64,
    /// The fewest molecules a token must stand in; molecules with rarer ones are left out. Default 20.
    pub least_molecules: usize,
}

impl Default for SmilesVaeTrainConfig {
    fn default() -> Self {
        Self {
            steps: 2000,
            batch: 128,
            learning_rate: 2e-3,
            clip: 50.0,
            kl_weight: 0.05,
            kl_warmup: 0.3,
            token_dropout: 0.1,
            held_out: 0.05,
            least_molecules: 20,
        }
    }
}

impl SmilesVaeTrainConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`MoleculeError::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), MoleculeError> {
        for (name, value) in [("steps", self.steps), ("batch", self.batch)] {
            if value == 0 {
                return Err(MoleculeError::setting(name, "at least 1", value));
            }
        }
        for (name, value) in [("learning_rate", self.learning_rate), ("clip", self.clip)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(MoleculeError::setting(name, "above 0 and finite", value));
            }
        }
        if !(self.kl_weight >= 0.0 && self.kl_weight.is_finite()) {
            return Err(MoleculeError::setting(
                "kl_weight",
                "at least 0 and finite",
                self.kl_weight,
            ));
        }
        if !(0.0..=1.0).contains(&self.kl_warmup) {
            return Err(MoleculeError::setting("kl_warmup", "in [0, 1]", self.kl_warmup));
        }
        for (name, value) in [("token_dropout", self.token_dropout), ("held_out", self.held_out)] {
            if !(0.0..1.0).contains(&value) {
                return Err(MoleculeError::setting(name, "in [0, 1)", value));
            }
        }
        Ok(())
    }

    /// The weight of the divergence in a step, counted from 0.
    pub(super) fn kl_weight_at(&self, step: usize) -> f64 {
        let rising = self.kl_warmup * self.steps as f64;
        let share = if rising > 0.0 { ((step + 1) as f64 / rising).min(1.0) } else { 1.0 };
        self.kl_weight * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let default = SmilesVaeTrainConfig::default;
        assert!(default().check().is_ok() && SmilesVaeConfig::default().check().is_ok());
        for (bad, name) in [
            (SmilesVaeTrainConfig { steps: 0, ..default() }, "steps"),
            (SmilesVaeTrainConfig { learning_rate: f64::NAN, ..default() }, "learning_rate"),
            (SmilesVaeTrainConfig { kl_weight: -1.0, ..default() }, "kl_weight"),
            (SmilesVaeTrainConfig { token_dropout: 1.0, ..default() }, "token_dropout"),
            (SmilesVaeTrainConfig { kl_warmup: 1.5, ..default() }, "kl_warmup"),
        ] {
            assert!(bad.check().unwrap_err().to_string().contains(name));
        }
        for bad in [
            SmilesVaeConfig { longest: 0, ..Default::default() },
            SmilesVaeConfig { n_layers: 7, ..Default::default() },
            SmilesVaeConfig { d_hidden: 0, ..Default::default() },
        ] {
            assert!(bad.check().is_err());
        }
    }

    #[test]
    fn the_weight_of_the_divergence_rises_and_stays() {
        let config = SmilesVaeTrainConfig { steps: 10, kl_weight: 0.5, ..Default::default() };
        let weights: Vec<f64> = (0..10).map(|step| config.kl_weight_at(step)).collect();
        assert!(weights[0] > 0.0 && weights.windows(2).all(|w| w[0] <= w[1]));
        assert!(weights[1] < 0.5 && weights[2..].iter().all(|&w| w == 0.5));
    }
}
