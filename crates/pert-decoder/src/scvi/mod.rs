//! Models trained by scvi-tools.

mod export;
mod infer;
mod layers;

use burn::tensor::{Device, Tensor};

use self::export::Export;
use self::layers::{Dense, Hidden};
use crate::config::{Dispersion, Library, Likelihood};
use crate::error::Error;
use crate::library::LogNormal;

/// An `SCVI` model of scvi-tools with its weights, for inference.
///
/// Its layout differs from [`Vae`](crate::Vae)'s: batch norm (ε = 1e-3, running mean and variance kept with momentum
/// 0.01 in PyTorch's sense) where `Vae` has layer norm; a posterior variance of e^v + 1e-4 where `Vae` bounds v; a second
/// encoder for the library size; dropout of 0.1 in the encoders, in training only. Weights are written by
/// `python/export_scvi.py` of this crate.
///
/// Supported: `zinb`, `nb` and `poisson`; dispersion `gene`, `gene-batch` and `gene-cell`; observed and latent library
/// size; one-hot batches, in the encoders (`encode_covariates`) and in every layer (`deeply_inject_covariates`) or not. Not
/// supported: other covariates, layer norm, batch embeddings, size factors, training.
///
/// ```
/// use pert_decoder::{CsrCounts, Device, Draws, ScviLayout, seeded_rng};
/// # let path = "tests/golden/scvi/zinb.safetensors";
/// let model = ScviLayout::from_safetensors(&std::fs::read(path)?, &Device::default())?;
/// let counts = CsrCounts::from_dense(9, &[3.0, 0.0, 1.0, 0.0, 0.0, 7.0, 0.0, 2.0, 0.0])?;
/// let latent = model.latent(&counts, &[0], &[0])?; // cell 0, of batch 0
/// assert_eq!(latent.mean.len(), model.n_latent());
/// let rng = &mut seeded_rng(0, "elbo");
/// let terms = model.elbo_per_cell(&counts, &[0], &[0], Draws::Mean, rng)?;
/// assert!(terms[0].reconstruction < 0.0 && terms[0].kl_z > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ScviLayout {
    n_genes: usize,
    n_latent: usize,
    n_batches: usize,
    likelihood: Likelihood,
    z_encoder: ScviEncoder,
    /// `None` with an observed library size.
    library: Option<LatentLibrary>,
    decoder: Vec<Hidden>,
    rho: Dense,
    /// `None` without zero inflation.
    pi: Option<Dense>,
    theta: Theta,
    device: Device,
}

/// Hidden layers and the heads of mean and variance.
#[derive(Debug, Clone)]
struct ScviEncoder {
    layers: Vec<Hidden>,
    mean: Dense,
    variance: Dense,
}

#[derive(Debug, Clone)]
struct LatentLibrary {
    encoder: ScviEncoder,
    /// p(l) of every batch.
    prior: Vec<LogNormal>,
}

#[derive(Debug, Clone)]
enum Theta {
    /// Poisson.
    None,
    /// log θ, `[1, n_genes]`.
    Gene(Tensor<2>),
    /// log θ, `[n_batches, n_genes]`.
    GeneBatch(Tensor<2>),
    /// log θ from the last hidden layer.
    GeneCell(Box<Dense>),
}

impl ScviLayout {
    /// Reads an export of `python/export_scvi.py`.
    ///
    /// # Errors
    /// [`Error::ScviExport`] and [`Error::Network`] for bytes that are no such file, for a model of another kind, and for
    /// weights that are not finite.
    pub fn from_safetensors(bytes: &[u8], device: &Device) -> Result<Self, Error> {
        let device = device.clone().without_autodiff();
        let mut export = Export::read(bytes, &device)?;
        let likelihood = export.choice(
            "gene_likelihood",
            &[("zinb", Likelihood::Zinb), ("nb", Likelihood::Nb), ("poisson", Likelihood::Poisson)],
        )?;
        let dispersion = export.choice(
            "dispersion",
            &[
                ("gene", Dispersion::Gene),
                ("gene-batch", Dispersion::GeneBatch),
                ("gene-cell", Dispersion::GeneCell),
            ],
        )?;
        let library = export
            .choice("library", &[("observed", Library::Observed), ("latent", Library::Latent)])?;
        let found = export.metadata("n_batch")?;
        let n_batches = found.parse().ok().filter(|&n: &usize| n > 0).ok_or_else(|| {
            Error::ScviExport { reason: format!("n_batch is {found:?}, not a number above 0") }
        })?;
        // One batch tells nothing and has no column.
        let n_covariates = if n_batches > 1 { n_batches } else { 0 };
        let n_genes = export.size("decoder.px_scale_decoder.0.bias", 0)?;
        let n_latent = export.size("z_encoder.mean_encoder.bias", 0)?;
        let width = export.size("z_encoder.mean_encoder.weight", 1)?;
        let encoder = |export: &mut Export<'_>, name: &str, d_out| -> Result<_, Error> {
            Ok(ScviEncoder {
                layers: export.stack(&format!("{name}.encoder"), n_genes, n_covariates, width)?,
                mean: export.dense(&format!("{name}.mean_encoder"), width, 0, d_out)?,
                variance: export.dense(&format!("{name}.var_encoder"), width, 0, d_out)?,
            })
        };
        let z_encoder = encoder(&mut export, "z_encoder", n_latent)?;
        let library = match library {
            Library::Observed => None,
            Library::Latent => {
                let encoder = encoder(&mut export, "l_encoder", 1)?;
                let means = export.take("library_log_means", &[1, n_batches])?;
                let variances = export.take("library_log_vars", &[1, n_batches])?;
                let prior = means.iter().zip(&variances).map(|(&mean, &variance)| LogNormal {
                    mean: f64::from(mean),
                    variance: f64::from(variance),
                });
                Some(LatentLibrary { encoder, prior: prior.collect() })
            }
        };
        let decoder = export.stack("decoder.px_decoder", n_latent, n_covariates, width)?;
        let rho = export.dense("decoder.px_scale_decoder.0", width, 0, n_genes)?;
        let pi = match likelihood {
            Likelihood::Zinb => {
                Some(export.dense("decoder.px_dropout_decoder", width, 0, n_genes)?)
            }
            Likelihood::Nb | Likelihood::Poisson => None,
        };
        let theta = match (likelihood, dispersion) {
            (Likelihood::Poisson, _) => Theta::None,
            (_, Dispersion::Gene) => {
                let log_theta = export.take("px_r", &[n_genes])?;
                Theta::Gene(export.matrix(log_theta, 1, n_genes))
            }
            (_, Dispersion::GeneBatch) => {
                let log_theta = export.take("px_r", &[n_genes, n_batches])?;
                Theta::GeneBatch(export.matrix(log_theta, n_genes, n_batches).transpose())
            }
            (_, Dispersion::GeneCell) => {
                let head = export.dense("decoder.px_r_decoder", width, 0, n_genes)?;
                Theta::GeneCell(Box::new(head))
            }
        };
        // Parts that scvi-tools writes whether or not the model uses them.
        export.finish(&[
            "l_encoder.",
            "px_r",
            "decoder.px_r_decoder",
            "decoder.px_dropout_decoder",
        ])?;
        Ok(Self {
            n_genes,
            n_latent,
            n_batches,
            likelihood,
            z_encoder,
            library,
            decoder,
            rho,
            pi,
            theta,
            device,
        })
    }

    /// Number of genes; counts must have them in the order of the training.
    pub fn n_genes(&self) -> usize {
        self.n_genes
    }

    /// Dimensions of z.
    pub fn n_latent(&self) -> usize {
        self.n_latent
    }

    /// Number of batches, 1 without any.
    pub fn n_batches(&self) -> usize {
        self.n_batches
    }

    /// The distribution of a count given its mean.
    pub fn likelihood(&self) -> Likelihood {
        self.likelihood
    }
}
