//! Fréchet distance between two populations, and the value it has when they do not differ.

use pert_core::{ChaCha8Rng, CsrCounts, shuffled_indices};
use rayon::prelude::*;

use crate::covariance::{
    centred, column_means, mean_and_covariance, mean_and_covariance_csr, scatter_matrix,
};
use crate::linalg::{
    cholesky, lower_congruence, product_with_transpose, singular_values, symmetric_eigen,
    symmetric_eigenvalues,
};
use crate::{Error, Rows};

/// Dimensions from which a Fréchet distance is tried by eigenvalues alone; below, the time does not matter.
const EIGENVALUES_FROM: usize = 256;

/// Relative error of the distance up to which the eigenvalues are trusted.
const EIGENVALUES_TOLERANCE: f64 = 1e-8;

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

    /// Eigenvalues of the covariance, ascending, what [`frechet_floor_closed_form`] takes.
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
    fn factor(&self) -> Result<Vec<f64>, Error> {
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

/// Fréchet distance ‖m₁ − m₂‖² + tr(S₁ + S₂ − 2(S₁S₂)^{1/2}) (Dowson & Landau 1982, eq. 4), known as FID.
///
/// The name FID comes from images; there is no Inception network here. Units: those of the space, squared.
/// tr (S₁S₂)^{1/2} is computed as the sum of the singular values of F₁F₂ᵀ, FᵢᵀFᵢ = Sᵢ, which needs no complex
/// square root; directions without variance are cut at the numerical rank, so that a singular covariance adds no noise.
/// From 256 dimensions on, it is the sum of the roots of the eigenvalues of LᵀS₂L, LLᵀ = S₁, where rounding then
/// leaves a relative error of the distance below 10⁻⁸, and the first form elsewhere (near 0, or singular); that one is
/// several times as slow. Never negative; NaN only where a covariance overflowed. Read it beside its floor, [`frechet_floor`]: it is positive for two samples of one distribution.
///
/// # Panics
/// When the dimensions differ.
///
/// ```
/// use pert_metrics::{Gaussian, Rows, frechet_distance};
/// let real = [0.0, 0.0, 1.0, 2.0, 2.0, 1.0];
/// let moved: Vec<f64> = real.chunks(2).flat_map(|cell| [cell[0] + 3.0, cell[1] + 4.0]).collect();
/// let fit = |x: &[f64]| Gaussian::fit(Rows::new(x, 2)?);
/// // Equal covariances: what is left is the squared distance of the means, 3² + 4².
/// assert!((frechet_distance(&fit(&real)?, &fit(&moved)?) - 25.0).abs() < 1e-9);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn frechet_distance(a: &Gaussian, b: &Gaussian) -> f64 {
    let d = a.mean.len();
    assert_eq!(d, b.mean.len(), "both populations must live in one space");
    let means: f64 = a.mean.iter().zip(&b.mean).map(|(p, q)| (p - q).powi(2)).sum();
    let trace = |g: &Gaussian| (0..d).map(|i| g.covariance[i * d + i]).sum::<f64>();
    let distance = |root: f64| (means + trace(a) + trace(b) - 2.0 * root).max(0.0);
    if d >= EIGENVALUES_FROM
        && let Some((root, error)) = root_trace_of_eigenvalues(a, b)
        && 2.0 * error <= EIGENVALUES_TOLERANCE * distance(root)
    {
        return distance(root);
    }
    root_trace_of_factors(a, b).map_or(f64::NAN, distance)
}

/// tr (S₁S₂)^{1/2} as the sum of the singular values of F₁F₂ᵀ.
fn root_trace_of_factors(a: &Gaussian, b: &Gaussian) -> Result<f64, Error> {
    let d = a.mean.len();
    let (factor_a, factor_b) = (a.factor()?, b.factor()?);
    let rows = |factor| Rows::new(factor, d).expect("a factor is a square matrix");
    let product = product_with_transpose(rows(&factor_a), rows(&factor_b)); // [d, d]
    Ok(singular_values(&product, d)?.iter().sum())
}

/// tr (S₁S₂)^{1/2} as the sum of the roots of the eigenvalues of LᵀS₂L, LLᵀ = S₁, with a bound of its error; none where
/// S₁ is singular.
///
/// One decomposition without vectors where the factors take three, two of them with vectors. An eigenvalue λ has an error
/// of ε λ_max whatever its size, so its root has one of ε λ_max / 2√λ: large where directions have almost no variance.
fn root_trace_of_eigenvalues(a: &Gaussian, b: &Gaussian) -> Option<(f64, f64)> {
    let d = a.mean.len();
    let l = cholesky(&a.covariance, d)?;
    let product = lower_congruence(&l, &b.covariance, d); // [d, d]
    if product.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let values = symmetric_eigenvalues(&product, d).ok()?;
    if !values.first().is_some_and(|smallest| *smallest > 0.0) {
        return None;
    }
    let rounding = f64::EPSILON * values[d - 1];
    let roots = values.iter().map(|value| value.sqrt());
    Some((roots.clone().sum(), roots.map(|root| rounding / (2.0 * root)).sum()))
}

/// The Fréchet distance to expect between n real and n generated cells of one distribution, from real cells only.
///
/// Half the distance between two disjoint random halves of the n rows, mean over `n_splits`: the distance falls as
/// 1/n to leading order, so that of halves is twice that of n against n. With odd n a row is left out and the factor is
/// ⌊n/2⌋/n. Halves are never resampled up to n, which would triple the value.
///
/// NaN below four rows, without splits, or when a value is not finite.
///
/// ```
/// use pert_core::seeded_rng;
/// use pert_metrics::{Rows, frechet_floor, frechet_floor_closed_form};
/// use rand_distr::{Distribution, StandardNormal};
///
/// let mut rng = seeded_rng(0, "example");
/// let cells: Vec<f64> = StandardNormal.sample_iter(&mut rng).take(400 * 5).collect();
/// let floor = frechet_floor(Rows::new(&cells, 5)?, 20, &mut rng);
/// let expected = frechet_floor_closed_form(&[1.0; 5], 400);
/// assert!((floor / expected - 1.0).abs() < 0.3);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn frechet_floor(real: Rows, n_splits: usize, rng: &mut ChaCha8Rng) -> f64 {
    frechet_floor_with(real, n_splits, rng, Gaussian::fit)
}

/// [`frechet_floor`] with another estimate of the covariance, which must be the one of the distance it stands beside.
///
/// ```
/// use pert_core::seeded_rng;
/// use pert_metrics::{Gaussian, Rows, frechet_floor_with};
/// // Six cells in four dimensions: halves of three, whose plain covariances would be singular.
/// let cells: Vec<f64> = (0..24).map(|i| f64::from(i * i % 7)).collect();
/// let cells = Rows::new(&cells, 4)?;
/// let floor = frechet_floor_with(cells, 20, &mut seeded_rng(0, "example"), Gaussian::fit_shrunk);
/// assert!(floor > 0.0);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn frechet_floor_with(
    real: Rows,
    n_splits: usize,
    rng: &mut ChaCha8Rng,
    fit: impl Fn(Rows) -> Result<Gaussian, Error> + Sync,
) -> f64 {
    let n = real.n_rows();
    let half = n / 2;
    if half < 2 || n_splits == 0 {
        return f64::NAN;
    }
    let orders: Vec<Vec<usize>> = (0..n_splits).map(|_| shuffled_indices(n, rng)).collect();
    let distances: Vec<f64> = orders
        .par_iter()
        .map(|order| {
            let fit_half =
                |chosen: &[usize]| fit(Rows::new(&real.gather(chosen), real.n_columns())?);
            match (fit_half(&order[..half]), fit_half(&order[half..2 * half])) {
                (Ok(a), Ok(b)) => frechet_distance(&a, &b),
                _ => f64::NAN,
            }
        })
        .collect();
    distances.iter().sum::<f64>() / n_splits as f64 * half as f64 / n as f64
}

/// The same floor for a Gaussian, to leading order in 1/n:
/// (2/n) Σᵢ λᵢ + (1/n) Σᵢⱼ λᵢλⱼ (1 + δᵢⱼ) / (λᵢ + λⱼ), λ the eigenvalues of the covariance.
///
/// The first term comes from the means, the second from the covariances: 20/n + 55/n for N(0, I) in 10 dimensions.
/// Pairs with λᵢ + λⱼ ≤ 0 add nothing.
///
/// ```
/// let floor = pert_metrics::frechet_floor_closed_form(&[1.0; 10], 100);
/// assert!((floor - 0.75).abs() < 1e-12);
/// ```
pub fn frechet_floor_closed_form(eigenvalues: &[f64], n: usize) -> f64 {
    let means = 2.0 * eigenvalues.iter().sum::<f64>();
    let mut covariances = 0.0;
    for (i, &p) in eigenvalues.iter().enumerate() {
        for (j, &q) in eigenvalues.iter().enumerate() {
            if p + q > 0.0 {
                covariances += p * q * if i == j { 2.0 } else { 1.0 } / (p + q);
            }
        }
    }
    (means + covariances) / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use pert_core::seeded_rng;
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};

    /// n rows of N(0, diag(scales²)).
    fn normal(n: usize, scales: &[f64], seed: u64) -> Vec<f64> {
        let mut rng = seeded_rng(seed, "frechet");
        (0..n)
            .flat_map(|_| scales.to_vec())
            .map(|scale| {
                let z: f64 = StandardNormal.sample(&mut rng);
                scale * z
            })
            .collect()
    }

    fn fit(values: &[f64], d: usize) -> Gaussian {
        Gaussian::fit(Rows::new(values, d).unwrap()).unwrap()
    }

    #[test]
    fn shifted_and_scaled_gaussians_have_the_closed_form() {
        // y = 3x + 2: covariances commute, so tr(...) = Σ (√λ − 3√λ)² = 4 Σλ.
        let d = 6;
        let x = normal(50, &[1.0, 2.0, 0.5, 1.0, 3.0, 0.1], 1);
        let y: Vec<f64> = x.iter().map(|v| 3.0 * v + 2.0).collect();
        let (a, b) = (fit(&x, d), fit(&y, d));
        let means: f64 = a.mean().iter().zip(b.mean()).map(|(p, q)| (p - q).powi(2)).sum();
        let trace: f64 = a.eigenvalues().unwrap().iter().sum();
        assert_relative_eq!(frechet_distance(&a, &b), means + 4.0 * trace, max_relative = 1e-11);
        let moved: Vec<f64> = x.iter().map(|v| v + 2.0).collect();
        assert_relative_eq!(frechet_distance(&a, &fit(&moved, d)), 24.0, max_relative = 1e-11);
    }

    #[test]
    fn one_dimension_is_a_difference_of_standard_deviations() {
        let (a, b) = (fit(&[0.0, 2.0], 1), fit(&[5.0, 15.0], 1));
        // m 1 and 10, s √2 and √50
        let expected = 81.0 + (50f64.sqrt() - 2f64.sqrt()).powi(2);
        assert_relative_eq!(frechet_distance(&a, &b), expected, max_relative = 1e-13);
    }

    #[test]
    fn constant_data_are_a_point() {
        let (a, b) = (fit(&[1.0; 12], 3), fit(&[2.0; 12], 3));
        assert_eq!(frechet_distance(&a, &b), 3.0);
        assert_eq!(
            Gaussian::fit_shrunk(Rows::new(&[1.0; 12], 3).unwrap()).unwrap().shrinkage(),
            0.0
        );
    }

    #[test]
    fn too_few_rows_are_flagged_and_shrinkage_mends_it() {
        let x = normal(8, &[1.0; 10], 3);
        let rows = Rows::new(&x, 10).unwrap();
        let (plain, shrunk) = (Gaussian::fit(rows).unwrap(), Gaussian::fit_shrunk(rows).unwrap());
        assert!(plain.is_singular() && !shrunk.is_singular());
        assert!(shrunk.eigenvalues().unwrap()[0] > 0.0);
        assert!(matches!(
            Gaussian::fit(Rows::new(&x[..10], 10).unwrap()),
            Err(Error::TooFewRows { found: 1, .. })
        ));
        assert!(frechet_distance(&plain, &plain) < 1e-12);
    }

    #[test]
    fn the_floor_of_a_standard_gaussian_is_75_over_n() {
        let n = 2000;
        let x = normal(n, &[1.0; 10], 5);
        let floor = frechet_floor(Rows::new(&x, 10).unwrap(), 40, &mut seeded_rng(0, "floor"));
        assert_relative_eq!(floor * n as f64, 75.0, max_relative = 0.1);
    }

    #[test]
    fn halves_agree_with_the_closed_form_for_any_spectrum() {
        let scales = [3.0, 2.0, 1.0, 0.5, 0.2];
        let n = 3001;
        let x = normal(n, &scales, 6);
        let rows = Rows::new(&x, scales.len()).unwrap();
        let floor = frechet_floor(rows, 60, &mut seeded_rng(1, "floor"));
        let lambda = Gaussian::fit(rows).unwrap().eigenvalues().unwrap();
        let closed = frechet_floor_closed_form(&lambda, n);
        // 60 splits of one sample of 3,001: sampling error near 5%.
        assert_relative_eq!(floor, closed, max_relative = 0.15);
    }

    #[test]
    fn floors_are_seeded_and_undefined_where_halves_are() {
        let x = normal(101, &[1.0; 4], 7);
        let rows = Rows::new(&x, 4).unwrap();
        let floor = |seed| frechet_floor(rows, 5, &mut seeded_rng(seed, "floor"));
        assert_eq!(floor(1).to_bits(), floor(1).to_bits());
        assert_ne!(floor(1), floor(2));
        let three = Rows::new(&x[..12], 4).unwrap();
        assert!(frechet_floor(three, 5, &mut seeded_rng(1, "floor")).is_nan());
        assert!(frechet_floor(rows, 0, &mut seeded_rng(1, "floor")).is_nan());
    }

    #[test]
    fn eigenvalues_and_factors_give_one_distance() {
        let d = EIGENVALUES_FROM;
        let scales: Vec<f64> = (0..d).map(|i| 0.5 + (i % 7) as f64).collect();
        let (a, b) = (fit(&normal(900, &scales, 8), d), fit(&normal(1100, &scales, 9), d));
        let (root, error) = root_trace_of_eigenvalues(&a, &b).unwrap();
        let factors = root_trace_of_factors(&a, &b).unwrap();
        assert!((root - factors).abs() <= 10.0 * error + 1e-11, "{root}, {factors}, {error}");
        assert_relative_eq!(
            frechet_distance(&a, &b),
            frechet_distance(&b, &a),
            max_relative = 1e-9
        );
        assert!(frechet_distance(&a, &a) < 1e-9);
        // Fewer cells than dimensions: singular on one side, or on both.
        let few = fit(&normal(100, &scales, 10), d);
        let expected = |x: &Gaussian, y: &Gaussian| {
            let trace = |g: &Gaussian| (0..d).map(|i| g.covariance[i * d + i]).sum::<f64>();
            let means: f64 = x.mean.iter().zip(&y.mean).map(|(p, q)| (p - q).powi(2)).sum();
            means + trace(x) + trace(y) - 2.0 * root_trace_of_factors(x, y).unwrap()
        };
        for (x, y) in [(&few, &a), (&a, &few), (&a, &b)] {
            assert_relative_eq!(frechet_distance(x, y), expected(x, y), max_relative = 1e-8);
        }
    }

    #[test]
    fn shifted_gaussians_are_at_their_closed_form_within_sampling_error() {
        // N(0, diag(s²)) against N(m, diag(4 s²)): ‖m‖² + Σ (2s − s)².
        let scales = [2.0, 1.0, 0.5, 0.25];
        let wide = scales.map(|s| 2.0 * s);
        let x = normal(20_000, &scales, 11);
        let y: Vec<f64> = normal(20_000, &wide, 12).iter().map(|v| v + 1.0).collect();
        let expected = 4.0 + scales.iter().map(|s| s * s).sum::<f64>();
        assert_relative_eq!(
            frechet_distance(&fit(&x, 4), &fit(&y, 4)),
            expected,
            max_relative = 0.03
        );
    }

    /// Mean Fréchet distance between n and n fresh rows: what the floor estimates.
    fn true_floor(n: usize, scales: &[f64], n_draws: u64) -> f64 {
        let d = scales.len();
        let distances: Vec<f64> = (0..n_draws)
            .into_par_iter()
            .map(|i| {
                let draw = |seed| fit(&normal(n, scales, seed), d);
                frechet_distance(&draw(1_000_000 + 2 * i), &draw(1_000_001 + 2 * i))
            })
            .collect();
        distances.iter().sum::<f64>() / n_draws as f64
    }

    #[test]
    fn the_floor_is_the_distance_between_fresh_samples_for_any_spectrum() {
        let flat = |d: usize| vec![1.0; d];
        let geometric = |d: usize| (0..d).map(|i| 0.5f64.powi(i as i32).sqrt()).collect();
        let dominant = |d: usize| (0..d).map(|i| if i == 0 { 10.0 } else { 1.0 }).collect();
        for d in [5, 10, 20] {
            for (spectrum, scales) in
                [("flat", flat(d)), ("geometric", geometric(d)), ("dominant", dominant(d))]
            {
                for (n, n_sets, n_draws) in [(500, 100, 1000), (2000, 100, 1000)] {
                    let truth = true_floor(n, &scales, n_draws);
                    let estimates: Vec<f64> = (0..n_sets)
                        .into_par_iter()
                        .map(|seed| {
                            let x = normal(n, &scales, seed);
                            let rows = Rows::new(&x, d).unwrap();
                            frechet_floor(rows, 10, &mut seeded_rng(seed, "floor"))
                        })
                        .collect();
                    let estimate = estimates.iter().sum::<f64>() / n_sets as f64;
                    // The standard error of the ratio is near 2%, and 4% where one direction dominates.
                    let ratio = estimate / truth;
                    println!("{spectrum:9} d = {d:2}, n = {n:4}: estimate / truth {ratio:.3}");
                    assert!((ratio - 1.0).abs() < 0.1, "{spectrum}, d = {d}, n = {n}: {ratio}");
                }
            }
        }
    }

    #[test]
    fn rounding_in_directions_without_variance_does_not_show() {
        // Four rows in four dimensions: rank 3, against a covariance of full rank.
        let (d, seed) = (4, 84);
        let scales = [1.0, 0.5, 1.0 / 3.0, 0.25];
        let (x, y) = (normal(4, &scales, seed), normal(5, &scales, seed + 1000));
        let (rows, full) = (Rows::new(&x, d).unwrap(), fit(&y, d));
        let distance = frechet_distance(&fit(&x, d), &full);
        for order in [[1, 0, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1], [0, 3, 1, 2]] {
            let other = frechet_distance(&fit(&rows.gather(&order), d), &full);
            assert!((distance - other).abs() < 1e-11, "{distance} is not {other}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn zero_to_itself_symmetric_and_blind_to_the_order_of_rows(
            n in 2..60usize, m in 2..60usize, d in 1..12usize, seed in 0..1000u64
        ) {
            let scales: Vec<f64> = (0..d).map(|i| 1.0 / (1 + i) as f64).collect();
            let (x, y) = (normal(n, &scales, seed), normal(m, &scales, seed + 1000));
            let (a, b) = (fit(&x, d), fit(&y, d));
            prop_assert!(frechet_distance(&a, &a) < 1e-11);
            let distance = frechet_distance(&a, &b);
            prop_assert!((distance - frechet_distance(&b, &a)).abs() < 1e-11);
            let order = shuffled_indices(n, &mut seeded_rng(seed, "order"));
            let shuffled = fit(&Rows::new(&x, d).unwrap().gather(&order), d);
            prop_assert!((distance - frechet_distance(&shuffled, &b)).abs() < 1e-11);
        }
    }
}
