//! The spaces in which populations are compared: latent means of the evaluation VAE, and principal components.

use pert_core::{Population, shuffled_indices};
use pert_metrics::{Gaussian, Pca, Rows};

use super::EvaluateConfig;
use super::cells::Cells;
use super::evaluation_vae::{EvaluationVae, rng};
use crate::Error;

/// Real cells that the principal components are fitted on at most.
const PCA_CELLS: usize = 5_000;

/// Both spaces, fitted on real cells only.
pub(super) struct Spaces<'a> {
    vae: &'a EvaluationVae,
    pca: Pca,
}

impl<'a> Spaces<'a> {
    pub fn fit(
        screen: &Population,
        vae: &'a EvaluationVae,
        config: &EvaluateConfig,
    ) -> Result<Self, Error> {
        vae.check_genes(screen.genes())?;
        let mut rows = shuffled_indices(screen.n_cells(), &mut rng(config.seed, "pca", ""));
        rows.truncate(PCA_CELLS);
        rows.sort_unstable();
        let profiles = screen.counts().log_normalised(&rows);
        let most = screen.n_genes().min(rows.len().saturating_sub(1));
        let pca = Pca::fit(Rows::new(&profiles, screen.n_genes())?, config.n_components.min(most))?;
        Ok(Self { vae, pca })
    }

    /// Latent means of the evaluation VAE.
    pub fn latent(&self, cells: &Cells) -> Result<Points, Error> {
        Ok(Points { values: self.vae.latent(cells)?, d: self.vae.n_latent() })
    }

    /// Principal components of the log-normalised profiles.
    pub fn components(&self, cells: &Cells) -> Result<Points, Error> {
        Ok(Points { values: self.pca.transform(cells.rows()?), d: self.pca.n_components() })
    }

    /// Width of the space of principal components.
    pub fn n_components(&self) -> usize {
        self.pca.n_components()
    }
}

/// Cells in one of the spaces.
pub(super) struct Points {
    values: Vec<f64>,
    d: usize,
}

impl Points {
    pub fn rows(&self) -> Rows<'_> {
        Rows::new(&self.values, self.d).expect("points fill whole rows")
    }

    /// Whether a covariance of them has no full rank, so that it is shrunk before a Fréchet distance.
    pub fn are_few(&self) -> bool {
        self.rows().n_rows() <= self.d
    }

    /// Their mean and covariance, shrunk or not.
    pub fn gaussian(&self, shrunk: bool) -> Result<Gaussian, Error> {
        Ok(if shrunk { Gaussian::fit_shrunk(self.rows())? } else { Gaussian::fit(self.rows())? })
    }

    pub fn into_values(self) -> Vec<f64> {
        self.values
    }
}
