//! Settings of the model and of its training.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The distribution of a count given its mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Zero-inflated negative binomial (Lopez et al. 2018).
    #[default]
    Zinb,
    /// Negative binomial.
    Nb,
    /// Poisson.
    Poisson,
}

/// Where the library size of a cell comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Library {
    /// A latent variable with posterior q(l|y,g) and prior p(l|p).
    #[default]
    Latent,
    /// The total count, as scvi-tools has it by default.
    Observed,
}

/// Configuration of a [`Vae`](crate::Vae).
///
/// ```
/// use pert_decoder::{Likelihood, VaeConfig};
/// // 2,000 genes, 5 latent dimensions, given a cell embedding of width 10.
/// let config = VaeConfig { d_cell: 10, likelihood: Likelihood::Nb, ..VaeConfig::new(2000, 5) };
/// config.check()?;
/// assert!(VaeConfig { n_latent: 0, ..config }.check().is_err());
/// # Ok::<(), pert_decoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeConfig {
    /// Number of genes, at least 2.
    pub n_genes: usize,
    /// Width of the hidden layers, at least 1. Default 128 (scvi-tools).
    #[serde(default = "default_n_hidden")]
    pub n_hidden: usize,
    /// Hidden layers of the encoder, at least 1. Default 1.
    #[serde(default = "default_encoder_layers")]
    pub encoder_layers: usize,
    /// Hidden layers of the generator, at least 1. Default 2.
    #[serde(default = "default_decoder_layers")]
    pub decoder_layers: usize,
    /// Dimensions of z, at least 1: 10 for a cell encoder, 5 for a decoder given g.
    pub n_latent: usize,
    /// Width of the cell embedding g; 0: none. Default 0.
    #[serde(default)]
    pub d_cell: usize,
    /// Width of the one-hot covariates; 0: none. Default 0.
    #[serde(default)]
    pub d_covariate: usize,
    /// Default ZINB.
    #[serde(default)]
    pub likelihood: Likelihood,
    /// Default latent.
    #[serde(default)]
    pub library: Library,
    /// Probability, in [0, 1), that a training cell's g is replaced by a learned null, so that the model also works
    /// without one. Default 0.05.
    #[serde(default = "default_cell_dropout")]
    pub cell_dropout: f64,
}

fn default_n_hidden() -> usize {
    128
}

fn default_encoder_layers() -> usize {
    1
}

fn default_decoder_layers() -> usize {
    2
}

fn default_cell_dropout() -> f64 {
    0.05
}

impl VaeConfig {
    /// The defaults for a number of genes and latent dimensions, without conditions.
    pub fn new(n_genes: usize, n_latent: usize) -> Self {
        Self {
            n_genes,
            n_hidden: default_n_hidden(),
            encoder_layers: default_encoder_layers(),
            decoder_layers: default_decoder_layers(),
            n_latent,
            d_cell: 0,
            d_covariate: 0,
            likelihood: Likelihood::default(),
            library: Library::default(),
            cell_dropout: default_cell_dropout(),
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        if self.n_genes < 2 {
            return Err(Error::setting("n_genes", "at least 2", self.n_genes));
        }
        let sizes = [
            ("n_hidden", self.n_hidden),
            ("encoder_layers", self.encoder_layers),
            ("decoder_layers", self.decoder_layers),
            ("n_latent", self.n_latent),
        ];
        for (name, size) in sizes {
            if size == 0 {
                return Err(Error::setting(name, "at least 1", size));
            }
        }
        if !(0.0..1.0).contains(&self.cell_dropout) {
            return Err(Error::setting("cell_dropout", "in [0, 1)", self.cell_dropout));
        }
        Ok(())
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
    /// Largest rate of the one-cycle schedule, above 0. Default 2e-3.
    pub learning_rate: f64,
    /// Largest global norm of the gradients of the mean loss per cell, above 0. Default 5.
    pub clip: f64,
    /// Share of the steps over which the weight of KL(q(z) ‖ p(z)) rises from 0 to 1, in [0, 1]. Default 0.3.
    pub kl_warmup: f64,
    /// How many times faster log θ is learned than the weights, above 0. Default 5: a dispersion that lags behind
    /// spoils the variance of the counts generated.
    pub theta_rate: f64,
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
        let config: VaeConfig =
            serde_json::from_str(r#"{"n_genes": 7, "n_latent": 3, "likelihood": "nb"}"#).unwrap();
        assert_eq!(config, VaeConfig { likelihood: Likelihood::Nb, ..VaeConfig::new(7, 3) });
        assert!(serde_json::from_str::<VaeConfig>(r#"{"n_genes": 7, "n_latnet": 3}"#).is_err());
        let train: TrainConfig = serde_json::from_str(r#"{"steps": 3}"#).unwrap();
        assert_eq!(train, TrainConfig { steps: 3, ..TrainConfig::default() });
        assert!(serde_json::from_str::<TrainConfig>(r#"{"epochs": 3}"#).is_err());
    }

    #[test]
    fn every_setting_has_a_range() {
        let good = VaeConfig::new(5, 2);
        assert_eq!(good.check(), Ok(()));
        for bad in [
            VaeConfig::new(1, 2),
            VaeConfig::new(5, 0),
            VaeConfig { n_hidden: 0, ..good.clone() },
            VaeConfig { encoder_layers: 0, ..good.clone() },
            VaeConfig { decoder_layers: 0, ..good.clone() },
            VaeConfig { cell_dropout: 1.0, ..good.clone() },
            VaeConfig { cell_dropout: f64::NAN, ..good },
        ] {
            assert!(matches!(bad.check(), Err(Error::InvalidSetting { .. })), "{bad:?}");
        }
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
