//! Populations of cells with integer counts.

use burn::tensor::{Tensor, activation::sigmoid};
use pert_core::{ChaCha8Rng, CsrCounts, LARGEST_COUNT};
use pert_nn::standard_normal;

use crate::error::Error;
use crate::generator::Rates;
use crate::inputs::{Conditions, VaeInputs, check_bounded, check_values};
use crate::mean_profile::{Expected, MeanProfile};
use crate::network::matrix;
use crate::sample::sample_count;
use crate::vae::{Vae, blocks, to_vec};

/// Training cells that the library calibration generates anew.
const CALIBRATION_CELLS: usize = 2048;

/// What one count is drawn from.
struct CountRates {
    mu: f64,
    theta: Option<f64>,
    pi: f64,
}

impl Vae {
    /// Draws cells: z ~ p(z), which is N(0, I) or p(z|g), l as given, y ~ p(y|z,l,g); one cell per log library size.
    ///
    /// A cell of a tiny library may come out without counts.
    ///
    /// # Shapes
    /// - conditions: `n` rows; log_library: `[n]`, natural log of the library size, the calibration not included
    /// - gene_log_scale: `[n_genes]`, added to the logits of ρ before the softmax (a gene-wise correction that keeps
    ///   the library size), of magnitude up to 10⁶
    /// - output: `[n, n_genes]`
    ///
    /// # Errors
    /// Conditions of wrong width; [`Error::WrongLength`] for `gene_log_scale`; [`Error::InvalidValue`] for numbers
    /// that are not finite or a library above the largest count.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use pert_core::seeded_rng;
    /// use pert_decoder::{Conditions, Likelihood, Vae, VaeConfig};
    /// let config = VaeConfig { likelihood: Likelihood::Poisson, ..VaeConfig::new(3, 2) };
    /// let vae = Vae::untrained(config, &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let log_library = [10_000f64.ln(); 2]; // two cells
    /// let rng = &mut seeded_rng(1, "generate");
    /// let cells = vae.generate(Conditions::default(), &log_library, None, rng)?;
    /// assert_eq!((cells.n_cells(), cells.n_genes()), (2, 3));
    /// // ρ sums to 1 over genes, so totals are Poisson(10,000), a standard deviation of 100.
    /// assert!((0..2).all(|cell| (cells.library_size(cell) - 10_000.0).abs() < 600.0));
    /// # Ok::<(), pert_decoder::Error>(())
    /// ```
    pub fn generate(
        &self,
        conditions: Conditions<'_>,
        log_library: &[f64],
        gene_log_scale: Option<&[f64]>,
        rng: &mut ChaCha8Rng,
    ) -> Result<CsrCounts, Error> {
        self.generate_each(conditions, log_library, gene_log_scale, rng, |_, _| ())
    }

    /// Draws the cells of [`Vae::generate`], the same ones, and their mean log-normalised expression without most of the noise
    /// of drawing counts.
    ///
    /// # Errors
    /// As [`Vae::generate`].
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use pert_core::seeded_rng;
    /// use pert_decoder::{Conditions, Likelihood, Vae, VaeConfig};
    /// let config = VaeConfig { likelihood: Likelihood::Poisson, ..VaeConfig::new(3, 2) };
    /// let vae = Vae::untrained(config, &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let rng = &mut seeded_rng(1, "generate");
    /// let (cells, mean) =
    ///     vae.generate_with_mean(Conditions::default(), &[10.0; 8], None, rng)?;
    /// assert_eq!((cells.n_cells(), mean.mean().len()), (8, 3));
    /// # Ok::<(), pert_decoder::Error>(())
    /// ```
    pub fn generate_with_mean(
        &self,
        conditions: Conditions<'_>,
        log_library: &[f64],
        gene_log_scale: Option<&[f64]>,
        rng: &mut ChaCha8Rng,
    ) -> Result<(CsrCounts, MeanProfile), Error> {
        let n_genes = self.config.n_genes;
        let mut mean = MeanProfile::new(n_genes);
        let (mut counts, mut expected) = (Vec::with_capacity(n_genes), Vec::with_capacity(n_genes));
        let cells =
            self.generate_each(conditions, log_library, gene_log_scale, rng, |y, rates| {
                counts.push(y);
                expected.push(Expected::of(rates.mu, rates.theta, rates.pi));
                if counts.len() == n_genes {
                    mean.add(&counts, &expected);
                    counts.clear();
                    expected.clear();
                }
            })?;
        Ok((cells, mean))
    }

    /// Draws cells and shows each count, in row-major order, with the rates it was drawn from.
    fn generate_each(
        &self,
        conditions: Conditions<'_>,
        log_library: &[f64],
        gene_log_scale: Option<&[f64]>,
        rng: &mut ChaCha8Rng,
        mut show: impl FnMut(f64, &CountRates),
    ) -> Result<CsrCounts, Error> {
        let n_genes = self.config.n_genes;
        let largest = f64::from(LARGEST_COUNT).ln();
        check_values(
            "the log library sizes",
            log_library.iter().copied(),
            "a finite number up to log 2²⁴",
            |x| x.is_finite() && x <= largest,
        )?;
        conditions.check(&self.config, log_library.len())?;
        let scale = self.gene_log_scale(gene_log_scale)?;
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        for rows in blocks(log_library.len()) {
            let shifted =
                rows.iter().map(|&row| (log_library[row] + self.log_library_offset) as f32);
            let log_library = matrix(shifted.collect(), rows.len(), &self.device);
            let rates = self.rates(conditions, &rows, log_library, scale.as_ref(), rng);
            let theta: Option<Vec<f64>> =
                rates.theta.map(|theta| theta.into_data().iter::<f64>().collect());
            let pi = rates.pi_logits.map(|logits| to_vec(sigmoid(logits)));
            for (i, &mu) in to_vec(rates.mu).iter().enumerate() {
                let gene = i % n_genes;
                let rates = CountRates {
                    mu: f64::from(mu),
                    theta: theta.as_ref().map(|theta| theta[i % theta.len()]),
                    pi: pi.as_ref().map_or(0.0, |pi| f64::from(pi[i])),
                };
                let y = sample_count(rates.mu, rates.theta, rates.pi, rng);
                show(y, &rates);
                if y > 0.0 {
                    indices.push(gene as u32);
                    values.push(y as f32);
                }
                if gene + 1 == n_genes {
                    indptr.push(indices.len());
                }
            }
        }
        Ok(CsrCounts::new(n_genes, indptr, indices, values)?)
    }

    /// The expected share of every gene in a cell's counts, E[ρ (1−π)] over `n` cells with z ~ p(z): the mean of
    /// what [`Vae::generate`] draws, per unit of library size and without its noise.
    ///
    /// # Shapes
    /// - conditions: `n` rows; gene_log_scale as in [`Vae::generate`]; output: `[n_genes]`
    ///
    /// # Errors
    /// As [`Vae::generate`]; [`Error::NoCells`].
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use pert_core::seeded_rng;
    /// use pert_decoder::{Conditions, Likelihood, Vae, VaeConfig};
    /// let config = VaeConfig { likelihood: Likelihood::Nb, ..VaeConfig::new(3, 2) };
    /// let vae = Vae::untrained(config, &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let rho = vae.mean_rho(Conditions::default(), 10, None, &mut seeded_rng(1, "mean"))?; // [n_genes]
    /// // Nothing drops out of a negative binomial.
    /// assert!((rho.iter().sum::<f64>() - 1.0).abs() < 1e-5);
    /// # Ok::<(), pert_decoder::Error>(())
    /// ```
    pub fn mean_rho(
        &self,
        conditions: Conditions<'_>,
        n: usize,
        gene_log_scale: Option<&[f64]>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<f64>, Error> {
        if n == 0 {
            return Err(Error::NoCells { purpose: "the mean expression" });
        }
        conditions.check(&self.config, n)?;
        let scale = self.gene_log_scale(gene_log_scale)?;
        let mut mean = vec![0.0; self.config.n_genes];
        for rows in blocks(n) {
            let unit = Tensor::zeros([rows.len(), 1], &self.device);
            let rates = self.rates(conditions, &rows, unit, scale.as_ref(), rng);
            let rho = match rates.pi_logits {
                Some(logits) => rates.mu.mul(sigmoid(logits.neg())),
                None => rates.mu,
            };
            let sums = rho.sum_dim(0).into_data();
            mean.iter_mut().zip(sums.iter::<f64>()).for_each(|(m, s)| *m += s / n as f64);
        }
        Ok(mean)
    }

    /// Sets the offset of the log library size so that cells generated from the training cells' own g and library
    /// sizes have the right mean log library: dropout, and an l that learned to differ from Σy, bias it.
    ///
    /// [`Vae::fit`] ends with it. The inputs are those of the training.
    ///
    /// # Errors
    /// As [`Vae::generate`].
    pub fn calibrate_library(
        &mut self,
        counts: &CsrCounts,
        cells: &[usize],
        inputs: &VaeInputs<'_>,
        rng: &mut ChaCha8Rng,
    ) -> Result<(), Error> {
        let stride = cells.len().div_ceil(CALIBRATION_CELLS).max(1);
        let rows: Vec<usize> = (0..cells.len()).step_by(stride).collect();
        // Single counts are bounded, totals are not: a cell beyond what can be generated is compared at that bound.
        let largest = f64::from(LARGEST_COUNT);
        let real: Vec<f64> =
            rows.iter().map(|&row| counts.library_size(cells[row]).min(largest).ln()).collect();
        let chosen = inputs.conditions().rows(&self.config, &rows);
        let conditions =
            Conditions { cell: chosen.cell.as_deref(), covariate: chosen.covariate.as_deref() };
        self.log_library_offset = 0.0;
        let generated = self.generate(conditions, &real, None, rng)?;
        let (mut sum, mut n) = (0.0, 0.0);
        for (i, real) in real.iter().enumerate() {
            let library = generated.library_size(i);
            if library > 0.0 {
                sum += real - library.ln();
                n += 1.0;
            }
        }
        self.log_library_offset = if n > 0.0 { sum / n } else { 0.0 };
        Ok(())
    }

    /// Rates of the chosen rows with fresh z.
    fn rates(
        &self,
        conditions: Conditions<'_>,
        rows: &[usize],
        log_library: Tensor<2>,
        gene_log_scale: Option<&Tensor<2>>,
        rng: &mut ChaCha8Rng,
    ) -> Rates {
        let owned = conditions.rows(&self.config, rows);
        let condition = self.network.condition(&owned, None, rows.len(), &self.device);
        let noise = standard_normal([rows.len(), self.config.n_latent], rng, &self.device);
        let z = match self.network.latent_prior(condition.as_ref()) {
            Some(prior) => prior.sample(noise),
            None => noise,
        };
        self.network.generator.forward(z, condition.as_ref(), log_library, gene_log_scale)
    }

    fn gene_log_scale(&self, scale: Option<&[f64]>) -> Result<Option<Tensor<2>>, Error> {
        let Some(scale) = scale else { return Ok(None) };
        let (what, width) = ("the gene log scale", self.config.n_genes);
        if scale.len() != width {
            let found = scale.len();
            return Err(Error::WrongLength { what, expected: width, rows: 1, width, found });
        }
        check_bounded(what, scale.iter().copied())?;
        Ok(Some(matrix(scale.iter().map(|&s| s as f32).collect(), 1, &self.device)))
    }
}
