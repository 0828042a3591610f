//! The model.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use pert_core::{ChaCha8Rng, CsrCounts};

use crate::batch::{Batch, CountTables};
use crate::config::VaeConfig;
use crate::elbo::{ElboTerms, Noise};
use crate::error::Error;
use crate::inputs::{Conditions, OwnedConditions, check_cells, check_groups, check_values};
use crate::library::{LibraryPrior, LogNormal};
use crate::network::{Network, matrix};

/// Cells that pass the network at once outside training.
pub(crate) const BLOCK: usize = 512;

/// A (conditional) variational autoencoder of raw counts on a plain device; made by [`Vae::fit`], stored as
/// [`VaeState`](crate::VaeState) and safetensors.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::{CsrCounts, seeded_rng};
/// use pert_decoder::{Conditions, Vae, VaeConfig};
/// // With its first weights; `Vae::fit` trains one instead.
/// let vae =
///     Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &Device::default())?;
/// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0, 0.0, 2.0, 0.0])?;
/// let g = vae.encode(&counts, &[0, 1], Conditions::default())?; // [n_cells, n_latent]
/// // Cells do not see each other: alone, the second has the same embedding.
/// let alone = vae.encode(&counts, &[1], Conditions::default())?;
/// assert!(g[2..].iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Vae {
    pub(crate) config: VaeConfig,
    pub(crate) network: Network,
    pub(crate) library_prior: LibraryPrior,
    pub(crate) log_library_offset: f64,
    pub(crate) device: Device,
}

impl Vae {
    /// A model with its first weights, for benches and tests. Its library prior is log-normal around one count per
    /// gene.
    ///
    /// # Errors
    /// What [`VaeConfig::check`] finds.
    pub fn untrained(
        config: VaeConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        config.check()?;
        let device = device.clone().without_autodiff();
        let network = Network::init(&config, rng, &device).valid();
        let mean = (config.n_genes as f64).ln();
        let library_prior = LibraryPrior::global_only(LogNormal { mean, variance: 1.0 });
        Ok(Self { config, network, library_prior, log_library_offset: 0.0, device })
    }

    /// The settings it was built with.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// p(l|p) of the training cells' groups.
    pub fn library_prior(&self) -> &LibraryPrior {
        &self.library_prior
    }

    /// What [`Vae::generate`] adds to every log library size so that dropout does not shrink the totals.
    pub fn log_library_offset(&self) -> f64 {
        self.log_library_offset
    }

    /// The posterior means of z, the cell embedding g of a cell encoder.
    ///
    /// # Shapes
    /// - counts: raw counts; one row of `conditions` per entry of `cells`
    /// - output: `[cells.len(), n_latent]`, row-major
    ///
    /// # Errors
    /// [`Error::GeneMismatch`], [`Error::CellOutOfRange`], [`Error::ZeroCountCell`], or conditions of wrong width.
    pub fn encode(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        conditions: Conditions<'_>,
    ) -> Result<Vec<f32>, Error> {
        check_cells(self.config.n_genes, counts, cells)?;
        conditions.check(&self.config, cells.len())?;
        let mut means = Vec::with_capacity(cells.len() * self.config.n_latent);
        for rows in blocks(cells.len()) {
            let chosen: Vec<usize> = rows.iter().map(|&row| cells[row]).collect();
            let mut x = counts.dense(&chosen);
            means.extend(self.encode_block(&mut x, conditions.rows(&self.config, &rows)));
        }
        Ok(means)
    }

    /// As [`Vae::encode`], for profiles that need not be integers (means of populations, pseudo-counts).
    ///
    /// # Shapes
    /// - profiles: `[n, n_genes]`, row-major, on the scale of raw counts; output: `[n, n_latent]`
    ///
    /// # Errors
    /// [`Error::WrongLength`]; [`Error::InvalidValue`] for a negative or non-finite value; [`Error::ZeroCountCell`]
    /// for a row that sums to 0; conditions of wrong width.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use pert_core::{CsrCounts, seeded_rng};
    /// use pert_decoder::{Conditions, Vae, VaeConfig};
    /// let vae =
    ///     Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let (profile, none) = ([4.0, 0.0, 1.0], Conditions::default());
    /// let of_profile = vae.encode_profiles(&profile, none)?; // [n, n_latent]
    /// let of_cell = vae.encode(&CsrCounts::from_dense(3, &profile)?, &[0], none)?;
    /// assert!(of_profile.iter().zip(&of_cell).all(|(p, c)| (p - c).abs() < 1e-6));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode_profiles(
        &self,
        profiles: &[f32],
        conditions: Conditions<'_>,
    ) -> Result<Vec<f32>, Error> {
        let width = self.config.n_genes;
        let n = profiles.len() / width;
        if !profiles.len().is_multiple_of(width) {
            let (what, expected, found) = ("the profiles", n * width, profiles.len());
            return Err(Error::WrongLength { what, expected, rows: n, width, found });
        }
        let values = profiles.iter().copied().map(f64::from);
        check_values("the profiles", values, "a finite number ≥ 0", |v| {
            v >= 0.0 && v.is_finite()
        })?;
        if let Some(cell) = profiles.chunks(width).position(|row| row.iter().all(|&v| v == 0.0)) {
            return Err(Error::ZeroCountCell { cell });
        }
        conditions.check(&self.config, n)?;
        let mut means = Vec::with_capacity(n * self.config.n_latent);
        for rows in blocks(n) {
            let mut x = profiles[rows[0] * width..][..rows.len() * width].to_vec();
            means.extend(self.encode_block(&mut x, conditions.rows(&self.config, &rows)));
        }
        Ok(means)
    }

    /// Posterior means of dense rows, which become log1p in place.
    fn encode_block(&self, x: &mut Vec<f32>, conditions: OwnedConditions) -> Vec<f32> {
        let n = x.len() / self.config.n_genes;
        // In f64 as in training, so that both see the same input.
        x.iter_mut().filter(|v| **v > 0.0).for_each(|v| *v = f64::from(*v).ln_1p() as f32);
        let condition = self.network.condition(&conditions, None, n, &self.device);
        // The library posterior is not asked for, so its centre does not matter.
        let log_total = Tensor::zeros([n, 1], &self.device);
        let x = matrix(std::mem::take(x), n, &self.device);
        let posterior = self.network.encoder.forward(x, log_total, condition.as_ref());
        to_vec(posterior.z.mean)
    }

    /// The evidence lower bound of the chosen cells, mean nats per cell, one draw per cell.
    ///
    /// `library_group` names the group of p(l|p) for every cell; `None`: the global distribution.
    ///
    /// # Shapes
    /// - counts: raw counts; `library_group` and rows of `conditions`: one per entry of `cells`
    ///
    /// # Errors
    /// As [`Vae::encode`]; [`Error::NoCells`]; a library group out of range.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use pert_core::{CsrCounts, seeded_rng};
    /// use pert_decoder::{Conditions, Vae, VaeConfig};
    /// let vae =
    ///     Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0])?;
    /// let terms = vae.elbo(&counts, &[0], Conditions::default(), None, &mut seeded_rng(1, "elbo"))?;
    /// // A log probability of counts, and divergences.
    /// assert!(terms.reconstruction < 0.0 && terms.kl_z >= 0.0 && terms.kl_l >= 0.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn elbo(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        conditions: Conditions<'_>,
        library_group: Option<&[usize]>,
        rng: &mut ChaCha8Rng,
    ) -> Result<ElboTerms, Error> {
        if cells.is_empty() {
            return Err(Error::NoCells { purpose: "the evidence lower bound" });
        }
        check_cells(self.config.n_genes, counts, cells)?;
        conditions.check(&self.config, cells.len())?;
        if let Some(groups) = library_group {
            check_groups(groups, cells.len(), self.library_prior.n_groups())?;
        }
        let tables = CountTables::new();
        let mut sums = ElboTerms::default();
        for rows in blocks(cells.len()) {
            let chosen: Vec<usize> = rows.iter().map(|&row| cells[row]).collect();
            let batch = Batch::new(counts, &chosen, &tables, &self.device);
            let owned = conditions.rows(&self.config, &rows);
            let condition = self.network.condition(&owned, None, batch.n, &self.device);
            let prior: Vec<LogNormal> = rows
                .iter()
                .map(|&row| match library_group {
                    Some(groups) => self.library_prior.group(groups[row]),
                    None => self.library_prior.global(),
                })
                .collect();
            let noise = Noise::draw(batch.n, &self.config, rng, &self.device);
            let terms = self.network.elbo(&batch, condition.as_ref(), &prior, noise, &self.device);
            sums.reconstruction += scalar(terms.log_likelihood) - batch.constant;
            sums.kl_z += scalar(terms.kl_z);
            sums.kl_l += terms.kl_l.map_or(0.0, scalar);
        }
        let n = cells.len() as f64;
        Ok(ElboTerms {
            reconstruction: sums.reconstruction / n,
            kl_z: sums.kl_z / n,
            kl_l: sums.kl_l / n,
        })
    }
}

/// 0..n in blocks.
pub(crate) fn blocks(n: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..n).step_by(BLOCK).map(move |start| (start..n.min(start + BLOCK)).collect())
}

pub(crate) fn scalar(tensor: Tensor<1>) -> f64 {
    f64::from(tensor.into_scalar::<f32>())
}

pub(crate) fn to_vec(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
