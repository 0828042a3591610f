//! A population summarised by its mean and covariance.

use pert_core::CsrCounts;

use crate::covariance::{
    centred, column_means, mean_and_covariance, mean_and_covariance_csr, scatter_matrix,
};
use crate::linalg::symmetric_eigen;
use crate::{Error, Rows};

/// A population summarised by its mean and covariance.
///
/// ```
/// use pert_metrics::{Gaussian, Rows};
/// let x = [0.0, 0.0, 1.0, 2.0, 2.0, 4.0];
/// let cells = Gaussian::fit(Rows::new(&x, 2)?)?;
/// assert_eq!(cells.mean(), [1.0, 2.0]);
/// assert_eq!(cells.covariance(), [1.0, 2.0, 2.0, 4.0]);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    mean: Vec<f64>,
    covariance: Vec<f64>,
    n: usize,
    shrinkage: f64,
}

impl Gaussian {
    /// Mean m and covariance Σᵢ (xᵢ − m)(xᵢ − m)ᵀ / (n − 1) of the rows.
    ///
    /// With fewer rows than columns + 1 the covariance is singular ([`Gaussian::is_singular`]) and a Fréchet distance
    /// mostly measures that; use [`Gaussian::fit_shrunk`] and say so.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] below two rows, [`Error::NotFinite`].
    pub fn fit(x: Rows) -> Result<Self, Error> {
        let (mean, covariance) = mean_and_covariance(x, "a covariance")?;
        Ok(Self { mean, covariance, n: x.n_rows(), shrinkage: 0.0 })
    }

    /// The same of the log-normalised profiles x = log1p(10⁴ · y / Σy) of all cells, in one pass over their counts.
    ///
    /// Never holds more than a few hundred dense cells; agrees with [`Gaussian::fit`] on
    /// [`CsrCounts::log_normalised`] to rounding. Units: log1p. A cell without counts is a row of zeros; drop such
    /// cells before.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] below two cells.
    ///
    /// ```
    /// use pert_core::CsrCounts;
    /// use pert_metrics::{Gaussian, Rows};
    /// let counts = CsrCounts::from_dense(2, &[1.0, 3.0, 2.0, 2.0, 5.0, 0.0])?;
    /// let dense = counts.log_normalised(&[0, 1, 2]);
    /// let (sparse, dense) = (Gaussian::fit_csr(&counts)?, Gaussian::fit(Rows::new(&dense, 2)?)?);
    /// assert!((sparse.covariance()[1] / dense.covariance()[1] - 1.0).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fit_csr(counts: &CsrCounts) -> Result<Self, Error> {
        let (mean, covariance) = mean_and_covariance_csr(counts, "a covariance")?;
        Ok(Self { mean, covariance, n: counts.n_cells(), shrinkage: 0.0 })
    }

    /// Mean and Ledoit–Wolf covariance (1 − s)·S + s·m·I, m = tr(S)/d, s ∈ [0, 1] the shrinkage that minimises the
    /// expected squared error (Ledoit & Wolf 2004, eq. 14).
    ///
    /// S has ddof 0 here, as in the paper and in scikit-learn's `ledoit_wolf`; [`Gaussian::fit`] has ddof 1.
    ///
    /// # Errors
    /// As [`Gaussian::fit`].
    ///
    /// ```
    /// use pert_metrics::{Gaussian, Rows};
    /// // Three cells span a plane, so their covariance in four dimensions has no full rank.
    /// let x = [1.0, 0.0, 0.0, 2.0, 0.0, 3.0, 1.0, 0.0, 4.0, 0.0, 1.0, 1.0];
    /// let cells = Rows::new(&x, 4)?;
    /// assert!(Gaussian::fit(cells)?.is_singular());
    /// let shrunk = Gaussian::fit_shrunk(cells)?;
    /// assert!(shrunk.shrinkage() > 0.0 && shrunk.shrinkage() <= 1.0);
    /// assert!(shrunk.eigenvalues()?[0] > 0.0);
    /// # Ok::<(), pert_metrics::Error>(())
    /// ```
    pub fn fit_shrunk(x: Rows) -> Result<Self, Error> {
        let (n_rows, d) = (x.n_rows(), x.n_columns());
        if n_rows < 2 {
            return Err(Error::TooFewRows { what: "a covariance", needed: 2, found: n_rows });
        }
        x.check_finite()?;
        let n = n_rows as f64;
        let mean = column_means(x);
        let mut covariance = scatter_matrix(x, &mean);
        covariance.iter_mut().for_each(|c| *c /= n);
        let trace: f64 = (0..d).map(|i| covariance[i * d + i]).sum();
        let mean_variance = trace / d as f64;
        let squared_norm: f64 = covariance.iter().map(|c| c * c).sum();
        // Distance of S from m·I, and the part of it that sampling error explains.
        let delta = squared_norm / d as f64 - mean_variance * mean_variance;
        let fourth: f64 = centred(x.values(), &mean)
            .chunks_exact(d)
            .map(|row| row.iter().map(|v| v * v).sum::<f64>().powi(2))
            .sum();
        let beta = ((fourth / n - squared_norm) / (n * d as f64)).min(delta);
        let shrinkage = if beta <= 0.0 { 0.0 } else { beta / delta };
        covariance.iter_mut().for_each(|c| *c *= 1.0 - shrinkage);
        (0..d).for_each(|i| covariance[i * d + i] += shrinkage * mean_variance);
        Ok(Self { mean, covariance, n: n_rows, shrinkage })
    }

    /// Mean, `[d]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Covariance, `[d, d]` row-major.
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }

    /// Number of rows it was fitted on.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Weight of the spherical part in [0, 1]; 0 for [`Gaussian::fit`].
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage
    }

    /// Whether there were too few rows (n < d + 1) for a covariance of full rank, and no shrinkage mended it.
    pub fn is_singular(&self) -> bool {
        self.shrinkage == 0.0 && self.n <= self.mean.len()
    }

    /// Eigenvalues of the covariance, ascending, what [`frechet_floor_closed_form`](crate::frechet_floor_closed_form) takes.
    ///
    /// # Errors
    /// [`Error::NoConvergence`], or [`Error::NotFinite`] where a covariance overflowed.
    pub fn eigenvalues(&self) -> Result<Vec<f64>, Error> {
        Ok(symmetric_eigen(&self.covariance, self.mean.len())?.values)
    }

    /// Rows √λⱼ vⱼ: a matrix F with FᵀF = S.
    ///
    /// Eigenvalues below the numerical rank, max(n, d) · ε · λ_max, count as 0: they are rounding, and the root
    /// of a rounding error of 1e-16 would put 1e-8 into the distance.
    pub(crate) fn factor(&self) -> Result<Vec<f64>, Error> {
        let d = self.mean.len();
        let eigen = symmetric_eigen(&self.covariance, d)?;
        let largest = eigen.values.last().copied().unwrap_or(0.0);
        let smallest = self.n.max(d) as f64 * f64::EPSILON * largest;
        let mut factor = eigen.vectors;
        for (row, &value) in factor.chunks_exact_mut(d).zip(&eigen.values) {
            let root = if value > smallest { value.sqrt() } else { 0.0 };
            row.iter_mut().for_each(|v| *v *= root);
        }
        Ok(factor)
    }
}
