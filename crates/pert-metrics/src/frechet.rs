//! Fréchet distance between two populations.

use crate::linalg::{
    cholesky, lower_congruence, product_with_transpose, singular_values, symmetric_eigenvalues,
};
use crate::{Error, Gaussian, Rows};

/// Dimensions from which a Fréchet distance is tried by eigenvalues alone; below, the time does not matter.
const EIGENVALUES_FROM: usize = 256;

/// Relative error of the distance up to which the eigenvalues are trusted.
const EIGENVALUES_TOLERANCE: f64 = 1e-8;
/// Fréchet distance ‖m₁ − m₂‖² + tr(S₁ + S₂ − 2(S₁S₂)^{1/2}) (Dowson & Landau 1982, eq. 4), known as FID.
///
/// The name FID comes from images; there is no Inception network here. Units: those of the space, squared.
/// tr (S₁S₂)^{1/2} is computed as the sum of the singular values of F₁F₂ᵀ, FᵢᵀFᵢ = Sᵢ, which needs no complex
/// square root; directions without variance are cut at the numerical rank, so that a singular covariance adds no noise.
/// From 256 dimensions on, it is the sum of the roots of the eigenvalues of LᵀS₂L, LLᵀ = S₁, where rounding then
/// leaves a relative error of the distance below 10⁻⁸, and the first form elsewhere (near 0, or singular); that one is
/// several times as slow. Never negative; NaN only where a covariance overflowed. Read it beside its floor, [`frechet_floor`](crate::frechet_floor): it is positive for two samples of one distribution.
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
    let d = a.mean().len();
    assert_eq!(d, b.mean().len(), "both populations must live in one space");
    let means: f64 = a.mean().iter().zip(b.mean()).map(|(p, q)| (p - q).powi(2)).sum();
    let trace = |g: &Gaussian| (0..d).map(|i| g.covariance()[i * d + i]).sum::<f64>();
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
    let d = a.mean().len();
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
    let d = a.mean().len();
    let l = cholesky(a.covariance(), d)?;
    let product = lower_congruence(&l, b.covariance(), d); // [d, d]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian_samples::{fit, normal};
    use approx::assert_relative_eq;
    use pert_core::{seeded_rng, shuffled_indices};
    use proptest::prelude::*;

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
            let trace = |g: &Gaussian| (0..d).map(|i| g.covariance()[i * d + i]).sum::<f64>();
            let means: f64 = x.mean().iter().zip(y.mean()).map(|(p, q)| (p - q).powi(2)).sum();
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
