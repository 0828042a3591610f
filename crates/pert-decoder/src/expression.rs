//! What a model says about given cells: latent representation, expression, counts to compare with.

use pert_core::{ChaCha8Rng, CsrCounts, TARGET_SUM};

use crate::batch::CountTables;
use crate::draws::Draws;
use crate::error::Error;
use crate::inputs::Conditions;
use crate::vae::{Vae, blocks};

/// The library size that expression is scaled to.
///
/// ```
/// use pert_decoder::LibraryScale;
/// assert_eq!(LibraryScale::default(), LibraryScale::Fixed(10_000.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LibraryScale {
    /// The same for all cells, counts, above 0; 1 gives ρ itself (scvi-tools' default).
    Fixed(f64),
    /// The latent l of the cell (the observed total where the model has no latent one).
    Latent,
    /// The cell's own total count.
    Observed,
}

impl Default for LibraryScale {
    /// 10⁴ counts.
    fn default() -> Self {
        Self::Fixed(TARGET_SUM)
    }
}

impl LibraryScale {
    pub(crate) fn check(self) -> Result<(), Error> {
        match self {
            Self::Fixed(l) if !(l > 0.0 && l.is_finite()) => {
                Err(Error::setting("library size", "above 0 and finite", l))
            }
            _ => Ok(()),
        }
    }

    /// What leads from μ at a log library size to expression on this scale; `own` is the cell's total count.
    pub(crate) fn shift(self, log_used: f64, own: f64) -> f64 {
        match self {
            Self::Fixed(l) => l.ln() - log_used,
            Self::Latent => 0.0,
            Self::Observed => own.ln() - log_used,
        }
    }
}

/// The posteriors of given cells, row-major.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Latent {
    /// Mean of q(z|y,g), `[n, n_latent]`.
    pub mean: Vec<f32>,
    /// Variance of q(z|y,g), `[n, n_latent]`.
    pub variance: Vec<f32>,
    /// Mean of q(log l|y,g), natural log of counts, `[n]`; log Σy where the library size is observed.
    pub log_library_mean: Vec<f32>,
    /// Variance of q(log l|y,g), `[n]`; 0 where the library size is observed.
    pub log_library_variance: Vec<f32>,
}

impl Vae {
    /// Mean and variance of the posteriors q(z|y,g) and q(log l|y,g).
    ///
    /// # Shapes
    /// As [`Vae::encode`], which gives the means alone.
    ///
    /// # Errors
    /// As [`Vae::encode`]; [`Error::NoCells`].
    ///
    /// ```
    /// use pert_decoder::{Conditions, CsrCounts, Device, Vae, VaeConfig, seeded_rng};
    /// let vae =
    ///     Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0])?;
    /// let latent = vae.latent(&counts, &[0], Conditions::default())?;
    /// assert_eq!(latent.mean, vae.encode(&counts, &[0], Conditions::default())?);
    /// // A new model believes the total it sees.
    /// assert!((latent.log_library_mean[0] - 5f32.ln()).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn latent(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        conditions: Conditions<'_>,
    ) -> Result<Latent, Error> {
        self.check_given(counts, cells, conditions, "the latent representation")?;
        let tables = CountTables::new();
        let mut latent = Latent::default();
        for rows in blocks(cells.len()) {
            let block = self.block(counts, cells, conditions, &rows, &tables);
            let z = block.z();
            latent.variance.extend(z.variance());
            latent.mean.extend(z.mean);
            match block.log_library() {
                Some(l) => {
                    latent.log_library_variance.extend(l.variance());
                    latent.log_library_mean.extend(l.mean);
                }
                None => {
                    latent.log_library_variance.extend(rows.iter().map(|_| 0.0));
                    latent.log_library_mean.extend(crate::vae::to_vec(block.log_total.clone()));
                }
            }
        }
        Ok(latent)
    }

    /// Normalised expression: E_q\[ρ\] times a library size, without dropout and count noise.
    ///
    /// # Shapes
    /// - counts: raw counts; one row of `conditions` per entry of `cells`
    /// - output: `[cells.len(), n_genes]`, row-major, in counts of the library size asked for
    ///
    /// # Errors
    /// As [`Vae::latent`]; [`Error::InvalidSetting`] for no draws or a library size that is not above 0.
    ///
    /// ```
    /// use pert_decoder::{
    ///     Conditions, CsrCounts, Device, Draws, LibraryScale, Vae, VaeConfig, seeded_rng,
    /// };
    /// let vae =
    ///     Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0])?;
    /// let (free, rng) = (Conditions::default(), &mut seeded_rng(1, "expression"));
    /// let total = |x: Vec<f32>| x.iter().sum::<f32>();
    /// let per_10k = vae.normalised_expression(
    ///     &counts, &[0], free, LibraryScale::default(), Draws::Samples(10), rng)?;
    /// assert!((total(per_10k) - 1e4).abs() < 0.1);
    /// let own = vae.normalised_expression(
    ///     &counts, &[0], free, LibraryScale::Observed, Draws::Mean, rng)?;
    /// assert!((total(own) - 5.0).abs() < 1e-4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn normalised_expression(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        conditions: Conditions<'_>,
        scale: LibraryScale,
        draws: Draws,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<f32>, Error> {
        scale.check()?;
        self.check_given(counts, cells, conditions, "the expression")?;
        draws.check()?;
        let (tables, n_genes) = (CountTables::new(), self.config.n_genes);
        let mut expression = Vec::with_capacity(cells.len() * n_genes);
        for rows in blocks(cells.len()) {
            let block = self.block(counts, cells, conditions, &rows, &tables);
            let mut sums = vec![0.0f64; rows.len() * n_genes];
            for _ in 0..draws.count() {
                let drawn = self.draw(&block, draws, rng);
                for (i, sums) in sums.chunks_mut(n_genes).enumerate() {
                    let own = counts.library_size(block.cells[i]);
                    let shift = scale.shift(f64::from(drawn.log_library[i]), own);
                    drawn.rates.add_mu(i, shift, sums);
                }
            }
            expression.extend(sums.iter().map(|sum| (sum / draws.count() as f64) as f32));
        }
        Ok(expression)
    }

    /// Denoised expression: E_q\[μ\] = E_q\[l ρ\], the counts the cells would have shown without dropout and count noise.
    ///
    /// The same as [`Vae::normalised_expression`] with [`LibraryScale::Latent`].
    ///
    /// # Shapes
    /// Output: `[cells.len(), n_genes]`, row-major, counts.
    ///
    /// # Errors
    /// As [`Vae::normalised_expression`].
    ///
    /// ```
    /// use pert_decoder::{Conditions, CsrCounts, Device, Draws, Vae, VaeConfig, seeded_rng};
    /// let vae =
    ///     Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0])?;
    /// let rng = &mut seeded_rng(1, "expression");
    /// let x = vae.denoised_expression(&counts, &[0], Conditions::default(), Draws::Mean, rng)?;
    /// assert!(x.iter().all(|&mu| mu > 0.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn denoised_expression(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        conditions: Conditions<'_>,
        draws: Draws,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<f32>, Error> {
        self.normalised_expression(counts, cells, conditions, LibraryScale::Latent, draws, rng)
    }

    /// Counts drawn again for given cells: z, l ~ q(·|y,g), then y' ~ p(y|z,l,g); one matrix per sample.
    ///
    /// Unlike [`Vae::generate`] it starts from the cells' own posteriors, with no offset of the library size: what the
    /// model has understood of these cells, for posterior predictive checks.
    ///
    /// # Shapes
    /// - output: `n_samples` matrices `[cells.len(), n_genes]`
    ///
    /// # Errors
    /// As [`Vae::latent`]; [`Error::InvalidSetting`] for `n_samples` = 0.
    ///
    /// ```
    /// use pert_decoder::{Conditions, CsrCounts, Device, Vae, VaeConfig, seeded_rng};
    /// let vae =
    ///     Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0])?;
    /// let rng = &mut seeded_rng(1, "predictive");
    /// let again = vae.posterior_predictive(&counts, &[0], Conditions::default(), 3, rng)?;
    /// assert_eq!((again.len(), again[0].n_cells(), again[0].n_genes()), (3, 1, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn posterior_predictive(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        conditions: Conditions<'_>,
        n_samples: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<CsrCounts>, Error> {
        self.check_given(counts, cells, conditions, "the posterior predictive")?;
        let draws = Draws::Samples(n_samples);
        draws.check()?;
        let (tables, n_genes) = (CountTables::new(), self.config.n_genes);
        let mut samples = vec![(vec![0], Vec::new(), Vec::new()); n_samples];
        for rows in blocks(cells.len()) {
            let block = self.block(counts, cells, conditions, &rows, &tables);
            for (indptr, indices, values) in &mut samples {
                let drawn = self.draw(&block, draws, rng);
                for i in 0..rows.len() {
                    for gene in 0..n_genes {
                        let y = drawn.rates.entry(i, gene).get().sample(rng);
                        if y > 0 {
                            indices.push(gene as u32);
                            values.push(y as f32);
                        }
                    }
                    indptr.push(indices.len());
                }
            }
        }
        samples
            .into_iter()
            .map(|(indptr, indices, values)| Ok(CsrCounts::new(n_genes, indptr, indices, values)?))
            .collect()
    }
}
