//! What a model of scvi-tools says about given cells.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use pert_core::{ChaCha8Rng, CsrCounts};
use pert_nn::standard_normal;

use super::{ScviEncoder, ScviLayout, Theta, layers};
use crate::batch::{Batch, CountTables};
use crate::bound::kl;
use crate::draws::{Draws, HostNormal};
use crate::elbo::ElboTerms;
use crate::error::Error;
use crate::expression::{Latent, LibraryScale};
use crate::inputs::check_cells;
use crate::library::LogNormal;
use crate::likelihood::HostRates;
use crate::vae::{blocks, to_vec};

/// The least variance of a posterior.
const VARIANCE_FLOOR: f64 = 1e-4;

/// Mean and variance, `[n, width]`.
struct Posterior {
    mean: Tensor<2>,
    variance: Tensor<2>,
}

impl ScviEncoder {
    fn forward(&self, x: Tensor<2>, covariates: Option<&Tensor<2>>) -> Posterior {
        let h = layers::forward(&self.layers, x, covariates); // [n, n_hidden]
        let raw = self.variance.forward(h.clone(), None);
        Posterior {
            mean: self.mean.forward(h, None),
            variance: raw.exp().add_scalar(VARIANCE_FLOOR),
        }
    }
}

impl Posterior {
    fn host(&self) -> HostNormal {
        HostNormal {
            mean: to_vec(self.mean.clone()),
            log_variance: to_vec(self.variance.clone().log()),
        }
    }

    fn sample(&self, draws: Draws, rng: &mut ChaCha8Rng) -> Tensor<2> {
        if draws == Draws::Mean {
            return self.mean.clone();
        }
        let noise = standard_normal(self.mean.dims(), rng, &self.mean.device());
        self.variance.clone().sqrt().mul(noise).add(self.mean.clone())
    }
}

/// Some cells and their posteriors.
struct Encoded {
    cells: Vec<usize>,
    batch: Vec<usize>,
    covariates: Option<Tensor<2>>,
    z: Posterior,
    library: Option<Posterior>,
    /// `[n, 1]`.
    log_total: Tensor<2>,
}

impl ScviLayout {
    /// Mean and variance of q(z|y) and q(log l|y), as scvi-tools' `get_latent_representation(return_dist=True)`.
    ///
    /// # Shapes
    /// - counts: raw counts, `[_, n_genes]`; batch: the batch number of every entry of `cells`
    ///
    /// # Errors
    /// [`Error::GeneMismatch`], [`Error::CellOutOfRange`], [`Error::ZeroCountCell`], [`Error::NoCells`],
    /// [`Error::WrongLength`] and [`Error::BatchOutOfRange`] for the batches.
    pub fn latent(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        batch: &[usize],
    ) -> Result<Latent, Error> {
        self.check(counts, cells, batch)?;
        let tables = CountTables::new();
        let mut latent = Latent {
            mean: Vec::new(),
            variance: Vec::new(),
            log_library_mean: Vec::new(),
            log_library_variance: Vec::new(),
        };
        for rows in blocks(cells.len()) {
            let encoded = self.encode(counts, cells, batch, &rows, &tables);
            latent.mean.extend(to_vec(encoded.z.mean));
            latent.variance.extend(to_vec(encoded.z.variance));
            match encoded.library {
                Some(library) => {
                    latent.log_library_mean.extend(to_vec(library.mean));
                    latent.log_library_variance.extend(to_vec(library.variance));
                }
                None => {
                    latent.log_library_mean.extend(to_vec(encoded.log_total));
                    latent.log_library_variance.extend(rows.iter().map(|_| 0.0));
                }
            }
        }
        Ok(latent)
    }

    /// The three terms of the bound of every cell, nats, as [`Vae::elbo_per_cell`](crate::Vae::elbo_per_cell): what
    /// scvi-tools' `loss` sums up, with the sign of the reconstruction turned.
    ///
    /// # Shapes
    /// As [`latent`](Self::latent); output: one per entry of `cells`.
    ///
    /// # Errors
    /// As [`latent`](Self::latent); [`Error::InvalidSetting`] for no draws.
    pub fn elbo_per_cell(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        batch: &[usize],
        draws: Draws,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<ElboTerms>, Error> {
        self.check(counts, cells, batch)?;
        draws.check()?;
        let tables = CountTables::new();
        let mut terms = Vec::with_capacity(cells.len());
        for rows in blocks(cells.len()) {
            let encoded = self.encode(counts, cells, batch, &rows, &tables);
            let (z, l) = (encoded.z.host(), encoded.library.as_ref().map(Posterior::host));
            let first = terms.len();
            for (i, &batch) in encoded.batch.iter().enumerate() {
                let kl_l = match (&l, &self.library) {
                    (Some(l), Some(library)) => kl(l, i..i + 1, |_| library.prior[batch]),
                    _ => 0.0,
                };
                let places = i * self.n_latent..(i + 1) * self.n_latent;
                let kl_z = kl(&z, places, |_| LogNormal::STANDARD);
                terms.push(ElboTerms { reconstruction: 0.0, kl_z, kl_l });
            }
            for _ in 0..draws.count() {
                let (rates, _) = self.rates(&encoded, draws, rng);
                for (i, &cell) in encoded.cells.iter().enumerate() {
                    terms[first + i].reconstruction +=
                        rates.log_prob(i, counts.row(cell)) / draws.count() as f64;
                }
            }
        }
        Ok(terms)
    }

    /// Normalised expression E_q\[ρ\] times a library size, as scvi-tools' `get_normalized_expression`.
    ///
    /// # Shapes
    /// As [`latent`](Self::latent); output: `[cells.len(), n_genes]`, row-major.
    ///
    /// # Errors
    /// As [`latent`](Self::latent); [`Error::InvalidSetting`] for no draws or a library size that is not above 0.
    ///
    /// ```
    /// use pert_decoder::{CsrCounts, Device, Draws, LibraryScale, ScviLayout, seeded_rng};
    /// # let path = "tests/golden/scvi/zinb.safetensors";
    /// let model = ScviLayout::from_safetensors(&std::fs::read(path)?, &Device::default())?;
    /// let counts = CsrCounts::from_dense(9, &[3.0, 0.0, 1.0, 0.0, 0.0, 7.0, 0.0, 2.0, 0.0])?;
    /// let rng = &mut seeded_rng(0, "expression");
    /// let scale = LibraryScale::Fixed(1.0);
    /// let rho = model.normalised_expression(&counts, &[0], &[0], scale, Draws::Samples(5), rng)?;
    /// assert!((rho.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn normalised_expression(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        batch: &[usize],
        scale: LibraryScale,
        draws: Draws,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<f32>, Error> {
        scale.check()?;
        self.check(counts, cells, batch)?;
        draws.check()?;
        let (tables, n_genes) = (CountTables::new(), self.n_genes);
        let mut expression = Vec::with_capacity(cells.len() * n_genes);
        for rows in blocks(cells.len()) {
            let encoded = self.encode(counts, cells, batch, &rows, &tables);
            let mut sums = vec![0.0f64; rows.len() * n_genes];
            for _ in 0..draws.count() {
                let (rates, log_library) = self.rates(&encoded, draws, rng);
                for (i, sums) in sums.chunks_mut(n_genes).enumerate() {
                    let own = counts.library_size(encoded.cells[i]);
                    let shift = scale.shift(f64::from(log_library[i]), own);
                    rates.add_mu(i, shift, sums);
                }
            }
            expression.extend(sums.iter().map(|sum| (sum / draws.count() as f64) as f32));
        }
        Ok(expression)
    }

    fn encode(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        batch: &[usize],
        rows: &[usize],
        tables: &CountTables,
    ) -> Encoded {
        let cells: Vec<usize> = rows.iter().map(|&row| cells[row]).collect();
        let batch: Vec<usize> = rows.iter().map(|&row| batch[row]).collect();
        let read = Batch::new(counts, &cells, tables, &self.device);
        let n = cells.len();
        let covariates = (self.n_batches > 1).then(|| {
            let is_in = |place| batch[place / self.n_batches] == place % self.n_batches;
            let values = (0..n * self.n_batches).map(|k| f32::from(u8::from(is_in(k)))).collect();
            crate::network::matrix(values, n, &self.device) // [n, n_batches]
        });
        let library = self
            .library
            .as_ref()
            .map(|library| library.encoder.forward(read.x.clone(), covariates.as_ref()));
        let z = self.z_encoder.forward(read.x, covariates.as_ref());
        Encoded { cells, batch, covariates, z, library, log_total: read.log_total }
    }

    /// The rates of one draw, and the log library sizes they are for, `[n]`.
    fn rates(
        &self,
        encoded: &Encoded,
        draws: Draws,
        rng: &mut ChaCha8Rng,
    ) -> (HostRates, Vec<f32>) {
        let z = encoded.z.sample(draws, rng);
        let log_library = match &encoded.library {
            Some(library) => library.sample(draws, rng),
            None => encoded.log_total.clone(),
        };
        let h = layers::forward(&self.decoder, z, encoded.covariates.as_ref()); // [n, n_hidden]
        let log_rho = log_softmax(self.rho.forward(h.clone(), None), 1); // [n, n_genes]
        let pi_logits = self.pi.as_ref().map(|pi| pi.forward(h.clone(), None));
        let theta = match &self.theta {
            Theta::None => None,
            Theta::Gene(log_theta) => Some(log_theta.clone()),
            Theta::GeneBatch(log_theta) => {
                let batch: Vec<i32> = encoded.batch.iter().map(|&batch| batch as i32).collect();
                let n = batch.len();
                let batch = Tensor::<1, Int>::from_data(TensorData::new(batch, [n]), &self.device);
                Some(log_theta.clone().select(0, batch))
            }
            Theta::GeneCell(head) => Some(head.forward(h, None)),
        };
        let host = to_vec(log_library.clone());
        (HostRates::new(log_rho, log_library, theta.map(Tensor::exp), pi_logits), host)
    }

    fn check(&self, counts: &CsrCounts, cells: &[usize], batch: &[usize]) -> Result<(), Error> {
        if cells.is_empty() {
            return Err(Error::NoCells { purpose: "the model of scvi-tools" });
        }
        check_cells(self.n_genes, counts, cells)?;
        let n = cells.len();
        if batch.len() != n {
            let (what, found) = ("the batches", batch.len());
            return Err(Error::WrongLength { what, expected: n, rows: n, width: 1, found });
        }
        match batch.iter().enumerate().find(|(_, batch)| **batch >= self.n_batches) {
            Some((index, &batch)) => {
                Err(Error::BatchOutOfRange { batch, index, n_batches: self.n_batches })
            }
            None => Ok(()),
        }
    }
}
