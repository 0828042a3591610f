//! Principal components.

use pert_core::seeded_rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use crate::covariance::{centred, column_means, mean_and_covariance};
use crate::linalg::{
    matrix_product, product_of_transpose, product_with_transpose, symmetric_eigen,
};
use crate::{Error, Rows};

/// Up to this many columns the covariance is formed and decomposed exactly (a few seconds at the limit).
const EXACT_COLUMNS: usize = 1500;

/// Directions carried beside those asked for, so that the last of them converges (Halko et al. 2011, §4.3).
const OVERSAMPLING: usize = 10;

/// Blocks X, CX, C²X, C³X of one Krylov sweep.
const KRYLOV_BLOCKS: usize = 4;

/// Sweeps stop when no leading variance changes by more than this, relatively; the variances promise 1e-6.
const TOLERANCE: f64 = 1e-9;

/// A slowly decaying spectrum needs about 10 sweeps; far beyond that the components are as good as equal.
const MOST_SWEEPS: usize = 60;

/// A vector that keeps less than this of its length outside the basis depends on the basis.
const DEPENDENT: f64 = 1e-10;

/// Rows transformed by one task.
const TRANSFORM_ROWS: usize = 1024;

/// Principal components of the rows it was fitted on.
///
/// x ↦ W (x − m), rows of W the leading eigenvectors of the covariance (ddof 1), by descending variance. The
/// sign of a component is fixed: its loading of largest absolute value is positive.
///
/// ```
/// use pert_metrics::{Pca, Rows};
/// let x = [0.0, 0.0, 1.0, 1.0, 2.0, 2.0];
/// let pca = Pca::fit(Rows::new(&x, 2)?, 1)?;
/// assert!((pca.explained_variance()[0] - 2.0).abs() < 1e-14);
/// assert!((pca.transform(Rows::new(&x, 2)?)[2] - 2f64.sqrt()).abs() < 1e-14);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    mean: Vec<f64>,
    components: Vec<f64>,
    explained_variance: Vec<f64>,
}

impl Pca {
    /// Fits `n_components`, 1 to min(rows, columns).
    ///
    /// Exact up to 1,500 columns; above, block Krylov iteration (Musco & Musco 2015) from a fixed seed until the
    /// variances stand still, right to 1e-6 relative. Both give the same bytes for the same input.
    ///
    /// # Errors
    /// [`Error::ComponentCount`], [`Error::TooFewRows`] below two rows, [`Error::NotFinite`], [`Error::NoConvergence`].
    pub fn fit(x: Rows, n_components: usize) -> Result<Self, Error> {
        let (n_rows, n_columns) = (x.n_rows(), x.n_columns());
        let most = n_rows.min(n_columns);
        if n_rows >= 2 && !(1..=most).contains(&n_components) {
            return Err(Error::ComponentCount { requested: n_components, n_rows, n_columns, most });
        }
        let krylov_size = KRYLOV_BLOCKS * (n_components + OVERSAMPLING);
        if n_columns <= EXACT_COLUMNS || krylov_size > n_columns {
            Self::fit_exact(x, n_components)
        } else {
            Self::fit_krylov(x, n_components)
        }
    }

    fn fit_exact(x: Rows, n_components: usize) -> Result<Self, Error> {
        let d = x.n_columns();
        let (mean, covariance) = mean_and_covariance(x, "a principal component analysis")?;
        let eigen = symmetric_eigen(&covariance, d)?;
        let mut components = Vec::with_capacity(n_components * d);
        let mut explained_variance = Vec::with_capacity(n_components);
        for j in (0..d).rev().take(n_components) {
            components.extend_from_slice(&eigen.vectors[j * d..(j + 1) * d]);
            explained_variance.push(eigen.values[j].max(0.0));
        }
        fix_signs(&mut components, d);
        Ok(Self { mean, components, explained_variance })
    }

    fn fit_krylov(x: Rows, n_components: usize) -> Result<Self, Error> {
        let d = x.n_columns();
        if x.n_rows() < 2 {
            let what = "a principal component analysis";
            return Err(Error::TooFewRows { what, needed: 2, found: x.n_rows() });
        }
        x.check_finite()?;
        let mean = column_means(x);
        let n_block = n_components + OVERSAMPLING;
        let mut rng = seeded_rng(0, "pert-metrics/pca");
        let mut block: Vec<f64> =
            (0..n_block * d).map(|_| StandardNormal.sample(&mut rng)).collect();
        let mut variances = vec![f64::NAN; n_components];
        for _ in 0..MOST_SWEEPS {
            let mut basis = Vec::new();
            extend_basis(&mut basis, &block, d);
            let mut power = basis.clone();
            for _ in 1..KRYLOV_BLOCKS {
                power = covariance_times(x, &mean, &power);
                let n_before = basis.len();
                extend_basis(&mut basis, &power, d);
                power = basis[n_before..].to_vec();
                if power.is_empty() {
                    break; // the basis holds the whole range of the covariance
                }
            }
            let (ritz_values, ritz_vectors) = ritz(x, &mean, &basis)?;
            let found: Vec<f64> =
                (0..n_components).map(|j| ritz_values.get(j).copied().unwrap_or(0.0)).collect();
            let converged = found.iter().zip(&variances).all(|(new, old)| {
                (new - old).abs() <= TOLERANCE * new.max(found[0] * f64::EPSILON)
            });
            variances = found;
            block = ritz_vectors;
            block.truncate(n_block * d);
            if converged {
                break;
            }
        }
        let mut components = block;
        components.truncate(n_components * d);
        fix_signs(&mut components, d);
        Ok(Self { mean, components, explained_variance: variances })
    }

    /// Coordinates of rows in the space of the components, `[n_rows, n_components]` row-major.
    ///
    /// # Panics
    /// When the number of columns is not that of the fit.
    pub fn transform(&self, x: Rows) -> Vec<f64> {
        let d = self.mean.len();
        assert_eq!(x.n_columns(), d, "rows must have the columns the components were fitted on");
        let components = Rows::new(&self.components, d).expect("components fill rows");
        let mut out = vec![0.0; x.n_rows() * self.n_components()];
        out.par_chunks_mut(TRANSFORM_ROWS * self.n_components())
            .zip(x.values().par_chunks(TRANSFORM_ROWS * d))
            .for_each(|(out, values)| {
                let centred = centred(values, &self.mean);
                let rows = Rows::new(&centred, d).expect("a chunk holds whole rows");
                out.copy_from_slice(&product_with_transpose(rows, components));
            });
        out
    }

    /// Number of components.
    pub fn n_components(&self) -> usize {
        self.explained_variance.len()
    }

    /// The mean taken off before projecting, `[n_columns]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Orthonormal loadings, `[n_components, n_columns]` row-major.
    pub fn components(&self) -> &[f64] {
        &self.components
    }

    /// Variance along each component (ddof 1), descending.
    pub fn explained_variance(&self) -> &[f64] {
        &self.explained_variance
    }
}

/// Scores (X − 1mᵀ)Vᵀ for rows V, `[n_rows, n_vectors]`, without a centred copy of X.
fn scores(x: Rows, mean: &[f64], vectors: &[f64]) -> Vec<f64> {
    let vectors = Rows::new(vectors, mean.len()).expect("vectors fill rows");
    let mut scores = product_with_transpose(x, vectors);
    let offsets = product_with_transpose(Rows::new(mean, mean.len()).expect("one row"), vectors);
    scores
        .par_chunks_mut(offsets.len())
        .for_each(|row| row.iter_mut().zip(&offsets).for_each(|(s, o)| *s -= o));
    scores
}

/// Rows V times the covariance: ((X − 1mᵀ)ᵀ (X − 1mᵀ) Vᵀ)ᵀ / (n − 1), `[n_vectors, n_columns]`.
fn covariance_times(x: Rows, mean: &[f64], vectors: &[f64]) -> Vec<f64> {
    let n_vectors = vectors.len() / mean.len();
    let scores = scores(x, mean, vectors);
    let scores = Rows::new(&scores, n_vectors).expect("one score per row and vector");
    let totals: Vec<f64> = column_means(scores).iter().map(|m| m * x.n_rows() as f64).collect();
    let mut out = product_of_transpose(scores, x);
    let divisor = (x.n_rows() - 1) as f64;
    for (row, total) in out.chunks_exact_mut(mean.len()).zip(totals) {
        row.iter_mut().zip(mean).for_each(|(v, m)| *v = (*v - total * m) / divisor);
    }
    out
}

/// Appends the part of each row that is orthogonal to the basis, normalised; rows that depend on it are dropped.
fn extend_basis(basis: &mut Vec<f64>, rows: &[f64], d: usize) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(p, q)| p * q).sum::<f64>();
    for row in rows.chunks_exact(d) {
        let mut rest = row.to_vec();
        let before = dot(&rest, &rest).sqrt();
        // The second pass removes what rounding left over from the first.
        for _ in 0..2 {
            let coefficients: Vec<f64> =
                basis.par_chunks_exact(d).map(|vector| dot(vector, &rest)).collect();
            for (vector, c) in basis.chunks_exact(d).zip(coefficients) {
                rest.iter_mut().zip(vector).for_each(|(r, v)| *r -= c * v);
            }
        }
        let after = dot(&rest, &rest).sqrt();
        if after > DEPENDENT * before {
            basis.extend(rest.iter().map(|r| r / after));
        }
    }
}

/// Variances and directions, descending, of the covariance restricted to an orthonormal basis.
fn ritz(x: Rows, mean: &[f64], basis: &[f64]) -> Result<(Vec<f64>, Vec<f64>), Error> {
    let d = mean.len();
    let size = basis.len() / d;
    let scores = scores(x, mean, basis);
    let (_, covariance) =
        mean_and_covariance(Rows::new(&scores, size)?, "a principal component analysis")?;
    let eigen = symmetric_eigen(&covariance, size)?;
    let rotation: Vec<f64> = eigen.vectors.chunks_exact(size).rev().flatten().copied().collect();
    let vectors = matrix_product(Rows::new(&rotation, size)?, Rows::new(basis, d)?);
    Ok((eigen.values.iter().rev().map(|v| v.max(0.0)).collect(), vectors))
}

fn fix_signs(components: &mut [f64], d: usize) {
    for row in components.chunks_exact_mut(d) {
        let largest =
            row.iter().fold(0.0f64, |best, v| if v.abs() > best.abs() { *v } else { best });
        if largest < 0.0 {
            row.iter_mut().for_each(|v| *v = -*v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// Rows with a few strong directions above a slowly decaying bulk, around a large mean.
    fn rows(n: usize, d: usize) -> Vec<f64> {
        let mut rng = seeded_rng(1, "pca test");
        let loadings: Vec<f64> = (0..4 * d).map(|_| StandardNormal.sample(&mut rng)).collect();
        let mut x = Vec::with_capacity(n * d);
        for _ in 0..n {
            let factors: Vec<f64> = (0..4).map(|_| StandardNormal.sample(&mut rng)).collect();
            for g in 0..d {
                let noise: f64 = StandardNormal.sample(&mut rng);
                let signal: f64 =
                    (0..4).map(|f| factors[f] * loadings[f * d + g] / (f + 1) as f64).sum();
                x.push(5.0 + 0.2 * signal + noise / (1.0 + g as f64 / 50.0));
            }
        }
        x
    }

    #[test]
    fn iteration_finds_the_exact_variances_and_directions() {
        let (n, d, k) = (400, 300, 20);
        let x = rows(n, d);
        let x = Rows::new(&x, d).unwrap();
        let (exact, krylov) = (Pca::fit_exact(x, k).unwrap(), Pca::fit_krylov(x, k).unwrap());
        for (a, b) in krylov.explained_variance().iter().zip(exact.explained_variance()) {
            assert_relative_eq!(a, b, max_relative = 1e-6);
        }
        for j in 0..4 {
            let cosine: f64 = (0..d)
                .map(|g| krylov.components()[j * d + g] * exact.components()[j * d + g])
                .sum();
            assert_relative_eq!(cosine, 1.0, epsilon = 1e-6);
        }
    }

    #[test]
    fn more_components_than_rank_have_no_variance() {
        let x = rows(6, 100);
        let x = Rows::new(&x, 100).unwrap();
        for pca in [Pca::fit_exact(x, 6).unwrap(), Pca::fit_krylov(x, 6).unwrap()] {
            assert_eq!(pca.n_components(), 6);
            assert!(pca.explained_variance()[5] < 1e-12 * pca.explained_variance()[0]);
            assert_eq!(pca.transform(x).len(), 36);
        }
    }

    #[test]
    fn scores_have_the_variances_promised_and_signs_are_fixed() {
        let (n, d) = (150, 12);
        let x = rows(n, d);
        let x = Rows::new(&x, d).unwrap();
        let pca = Pca::fit(x, 5).unwrap();
        let scores = pca.transform(x);
        let (mean, covariance) = mean_and_covariance(Rows::new(&scores, 5).unwrap(), "t").unwrap();
        for j in 0..5 {
            assert!(mean[j].abs() < 1e-12);
            assert_relative_eq!(
                covariance[6 * j],
                pca.explained_variance()[j],
                max_relative = 1e-11
            );
            let row = &pca.components()[j * d..(j + 1) * d];
            let largest = row.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
            assert!(largest > 0.0);
        }
    }

    #[test]
    fn the_number_of_components_is_checked() {
        let x = rows(5, 3);
        let x = Rows::new(&x, 3).unwrap();
        for requested in [0, 4] {
            assert!(matches!(Pca::fit(x, requested), Err(Error::ComponentCount { most: 3, .. })));
        }
        assert!(matches!(
            Pca::fit(Rows::new(&[1.0], 1).unwrap(), 1),
            Err(Error::TooFewRows { .. })
        ));
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_bit() {
        let (n, d) = (500, 260);
        let x = rows(n, d);
        let x = Rows::new(&x, d).unwrap();
        let on = |threads, fit: fn(Rows, usize) -> Result<Pca, Error>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(x, 4).unwrap())
        };
        assert_eq!(on(1, Pca::fit_exact), on(3, Pca::fit_exact));
        assert_eq!(on(1, Pca::fit_krylov), on(3, Pca::fit_krylov));
    }
}
