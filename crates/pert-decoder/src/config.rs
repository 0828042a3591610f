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

/// What the inverse dispersion θ depends on.
///
/// ```
/// use pert_decoder::{Dispersion, VaeConfig};
/// // Two batches as one-hot covariates, each with a dispersion of its own.
/// let config = VaeConfig { dispersion: Dispersion::GeneBatch, d_covariate: 2, ..VaeConfig::new(2000, 10) };
/// assert!(config.check().is_ok());
/// assert!(VaeConfig { d_covariate: 0, ..config }.check().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispersion {
    /// The gene: log θ is a vector (Lopez et al. 2018; scvi-tools' default).
    #[default]
    Gene,
    /// The gene and the covariates: log θ = a + covariate · B, one vector per batch where the covariates are a
    /// one-hot batch (scvi-tools' `gene-batch`).
    GeneBatch,
    /// The gene in a cell: log θ = a + h · C, h the generator's last hidden layer (scvi-tools' `gene-cell`).
    GeneCell,
}

/// The prior of z.
///
/// ```
/// use pert_decoder::{LatentPrior, VaeConfig};
/// let config = VaeConfig { latent_prior: LatentPrior::GivenG, d_cell: 10, ..VaeConfig::new(2000, 5) };
/// assert!(config.check().is_ok());
/// assert!(VaeConfig { d_cell: 0, ..config }.check().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatentPrior {
    /// N(0, I) (Lopez et al. 2018).
    #[default]
    Standard,
    /// p(z|g): mean and log variance of each dimension by a network of one hidden layer from g (or its null) and the
    /// covariates, learned with the rest (Sohn, Lee & Yan 2015, equation 4).
    GivenG,
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
    /// What θ depends on; must be the gene for Poisson, which has no θ. Default gene (scvi-tools).
    // Not written where it is the default: checksums of models saved before it existed are over the state as written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dispersion: Dispersion,
    /// The prior of z; needs a cell embedding unless standard. Default standard (Lopez et al. 2018).
    #[serde(default, skip_serializing_if = "is_default")]
    pub latent_prior: LatentPrior,
    /// Probability, in [0, 1), that a training cell's g is replaced by a learned null, so that the model also works
    /// without one. Default 0.05.
    #[serde(default = "default_cell_dropout")]
    pub cell_dropout: f64,
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
            dispersion: Dispersion::default(),
            latent_prior: LatentPrior::default(),
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
        if self.latent_prior == LatentPrior::GivenG && self.d_cell == 0 {
            let found = format!("{:?}", self.latent_prior);
            return Err(Error::setting("latent_prior", "Standard without a cell embedding", found));
        }
        let found = || format!("{:?}", self.dispersion);
        if self.dispersion != Dispersion::Gene && self.likelihood == Likelihood::Poisson {
            return Err(Error::setting("dispersion", "Gene with a Poisson likelihood", found()));
        }
        if self.dispersion == Dispersion::GeneBatch && self.d_covariate == 0 {
            return Err(Error::setting(
                "dispersion",
                "Gene or GeneCell without covariates",
                found(),
            ));
        }
        Ok(())
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
    }

    #[test]
    fn the_state_of_an_older_model_is_written_as_it_was_read() {
        let old = r#"{"n_genes":7,"n_hidden":128,"encoder_layers":1,"decoder_layers":2,"n_latent":3,"d_cell":0,"d_covariate":0,"likelihood":"zinb","library":"latent","cell_dropout":0.05}"#;
        let config: VaeConfig = serde_json::from_str(old).unwrap();
        assert_eq!(config.dispersion, Dispersion::Gene);
        assert_eq!(config.latent_prior, LatentPrior::Standard);
        assert_eq!(serde_json::to_string(&config).unwrap(), old);
        let (dispersion, latent_prior) = (Dispersion::GeneCell, LatentPrior::GivenG);
        let config = VaeConfig { dispersion, latent_prior, ..config };
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<VaeConfig>(&json).unwrap(), config);
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
            VaeConfig { cell_dropout: f64::NAN, ..good.clone() },
            VaeConfig { dispersion: Dispersion::GeneBatch, ..good.clone() },
            VaeConfig { latent_prior: LatentPrior::GivenG, ..good.clone() },
            VaeConfig { dispersion: Dispersion::GeneCell, likelihood: Likelihood::Poisson, ..good },
        ] {
            assert!(matches!(bad.check(), Err(Error::InvalidSetting { .. })), "{bad:?}");
        }
    }
}
