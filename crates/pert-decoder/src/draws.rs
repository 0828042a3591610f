//! z and l of given cells, and the rates they lead to.

use burn::tensor::Tensor;
use pert_core::{ChaCha8Rng, CsrCounts};

use crate::batch::{Batch, CountTables};
use crate::elbo::Noise;
use crate::encoder::{Normal, Posterior};
use crate::error::Error;
use crate::inputs::{Conditions, check_cells};
use crate::library::LogNormal;
use crate::likelihood::HostRates;
use crate::vae::{Vae, to_vec};

/// How often the posterior of a cell is drawn from.
///
/// ```
/// use pert_decoder::Draws;
/// assert!(Draws::Samples(25).check().is_ok());
/// assert!(Draws::Samples(0).check().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Draws {
    /// Not at all: z and log l at their posterior means.
    #[default]
    Mean,
    /// This many times, at least 1; results are averages over the draws.
    Samples(usize),
}

impl Draws {
    /// Refuses a number of 0.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn check(self) -> Result<(), Error> {
        match self {
            Self::Samples(0) => Err(Error::setting("samples", "at least 1", 0)),
            _ => Ok(()),
        }
    }

    /// Number of passes through the generator.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Mean => 1,
            Self::Samples(n) => n,
        }
    }
}

/// Some cells and their posteriors.
pub(crate) struct Block {
    /// Rows of the count matrix.
    pub(crate) cells: Vec<usize>,
    /// Natural log of the totals, `[n, 1]`.
    pub(crate) log_total: Tensor<2>,
    condition: Option<Tensor<2>>,
    posterior: Posterior,
    /// p(z|g); `None`: N(0, I).
    latent_prior: Option<HostNormal>,
}

/// A normal per cell and dimension, `[n, width]`, on the host.
pub(crate) struct HostNormal {
    pub(crate) mean: Vec<f32>,
    pub(crate) log_variance: Vec<f32>,
}

/// One draw of a block.
pub(crate) struct Drawn {
    /// Standard normal, `[n, n_latent]` and `[n]`; 0 for the posterior mean.
    pub(crate) noise_z: Vec<f32>,
    pub(crate) noise_l: Vec<f32>,
    /// `[n, n_latent]`.
    pub(crate) z: Vec<f32>,
    /// Natural log of the library size used, `[n]`.
    pub(crate) log_library: Vec<f32>,
    pub(crate) rates: HostRates,
}

impl Block {
    pub(crate) fn z(&self) -> HostNormal {
        HostNormal::of(&self.posterior.z)
    }

    /// Mean and variance of p(z) at a place of `[n, n_latent]`.
    pub(crate) fn prior_of_z(&self, place: usize) -> LogNormal {
        self.latent_prior.as_ref().map_or(LogNormal::STANDARD, |prior| LogNormal {
            mean: f64::from(prior.mean[place]),
            variance: f64::from(prior.log_variance[place]).exp(),
        })
    }

    /// `None` where the library size is observed.
    pub(crate) fn log_library(&self) -> Option<HostNormal> {
        self.posterior.log_library.as_ref().map(HostNormal::of)
    }
}

impl HostNormal {
    fn of(normal: &Normal) -> Self {
        Self {
            mean: to_vec(normal.mean.clone()),
            log_variance: to_vec(normal.log_variance.clone()),
        }
    }

    /// Variances, as [`Self::mean`].
    pub(crate) fn variance(&self) -> Vec<f32> {
        self.log_variance.iter().map(|v| v.exp()).collect()
    }
}

impl Vae {
    /// Checks what every question about given cells needs.
    pub(crate) fn check_given(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        conditions: Conditions<'_>,
        purpose: &'static str,
    ) -> Result<(), Error> {
        if cells.is_empty() {
            return Err(Error::NoCells { purpose });
        }
        check_cells(self.config.n_genes, counts, cells)?;
        conditions.check(&self.config, cells.len())
    }

    /// The posteriors of the cells at `rows` of `cells`.
    pub(crate) fn block(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        conditions: Conditions<'_>,
        rows: &[usize],
        tables: &CountTables,
    ) -> Block {
        let cells: Vec<usize> = rows.iter().map(|&row| cells[row]).collect();
        let batch = Batch::new(counts, &cells, tables, &self.device);
        let owned = conditions.rows(&self.config, rows);
        let condition = self.network.condition(&owned, None, batch.n, &self.device);
        let log_total = batch.log_total.clone();
        let posterior = self.network.encoder.forward(batch.x, batch.log_total, condition.as_ref());
        let latent_prior = self.network.latent_prior(condition.as_ref());
        let latent_prior = latent_prior.as_ref().map(HostNormal::of);
        Block { cells, log_total, condition, posterior, latent_prior }
    }

    /// One draw of z and log l, and its rates.
    pub(crate) fn draw(&self, block: &Block, draws: Draws, rng: &mut ChaCha8Rng) -> Drawn {
        let mut noise = Noise::draw(block.cells.len(), &self.config, rng, &self.device);
        if draws == Draws::Mean {
            noise = Noise { z: noise.z.zeros_like(), log_library: noise.log_library.zeros_like() };
        }
        let (noise_z, noise_l) = (to_vec(noise.z.clone()), to_vec(noise.log_library.clone()));
        let z = block.posterior.z.sample(noise.z);
        let log_l = match &block.posterior.log_library {
            Some(q) => q.sample(noise.log_library),
            None => block.log_total.clone(),
        };
        let condition = block.condition.as_ref();
        let rates = self.network.generator.forward(z.clone(), condition, log_l.clone(), None);
        Drawn {
            noise_z,
            noise_l,
            z: to_vec(z),
            log_library: to_vec(log_l),
            rates: HostRates::of(rates),
        }
    }
}
