//! How well a generated mean profile matches a real one, over genes.

/// Coefficient of determination over genes: R² = 1 − Σ(yᵢ − ŷᵢ)² / Σ(yᵢ − ȳ)².
///
/// The convention of scikit-learn's `r2_score(y_true = real, y_pred = generated)`: not symmetric, at most 1,
/// negative when worse than the mean of `real`. NaN where `real` is constant or shorter than 2.
///
/// # Panics
/// When the lengths differ.
///
/// ```
/// assert_eq!(pert_metrics::r2(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), 1.0);
/// assert!(pert_metrics::r2(&[1.0, 1.0], &[0.0, 2.0]).is_nan());
/// ```
pub fn r2(real: &[f64], generated: &[f64]) -> f64 {
    assert_eq!(real.len(), generated.len(), "profiles must hold the same genes");
    if is_constant(real) {
        return f64::NAN;
    }
    let mean = mean(real);
    let residual: f64 = real.iter().zip(generated).map(|(y, p)| (y - p).powi(2)).sum();
    let total: f64 = real.iter().map(|y| (y - mean).powi(2)).sum();
    1.0 - residual / total
}

/// Pearson correlation Σ(aᵢ − ā)(bᵢ − b̄) / √(Σ(aᵢ − ā)² Σ(bᵢ − b̄)²); NaN where either is constant.
///
/// # Panics
/// When the lengths differ.
///
/// ```
/// use pert_metrics::pearson;
/// assert!((pearson(&[1.0, 2.0, 3.0], &[0.0, 10.0, 20.0]) - 1.0).abs() < 1e-15);
/// assert!((pearson(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-15);
/// assert!(pearson(&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0]).is_nan());
/// ```
pub fn pearson(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "profiles must hold the same genes");
    if is_constant(a) || is_constant(b) {
        return f64::NAN;
    }
    let (mean_a, mean_b) = (mean(a), mean(b));
    let norm = |x: &[f64], m: f64| x.iter().map(|v| (v - m).powi(2)).sum::<f64>().sqrt();
    let (norm_a, norm_b) = (norm(a, mean_a), norm(b, mean_b));
    let r: f64 =
        a.iter().zip(b).map(|(x, y)| ((x - mean_a) / norm_a) * ((y - mean_b) / norm_b)).sum();
    r.clamp(-1.0, 1.0)
}

/// Squared Pearson correlation of two mean profiles, the other number that papers call R²: symmetric, in [0, 1],
/// blind to scale and offset. NaN where either is constant.
///
/// # Panics
/// As [`pearson`].
///
/// ```
/// use pert_metrics::{r2, r2_pearson};
/// // Twice the right profile: fully correlated, yet wrong, which only `r2` sees.
/// let (real, generated) = ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]);
/// assert!((r2_pearson(&real, &generated) - 1.0).abs() < 1e-15);
/// assert!((r2(&real, &generated) - (1.0 - 14.0 / 2.0)).abs() < 1e-15);
/// ```
pub fn r2_pearson(real: &[f64], generated: &[f64]) -> f64 {
    pearson(real, generated).powi(2)
}

/// Pearson correlation over genes of the real and the generated shift: corr(μ − μ_c, μ̂ − μ_c).
///
/// All three are mean log-normalised profiles. NaN where a shift is constant, so also where the generated mean
/// is the control mean.
///
/// # Panics
/// When the lengths differ.
///
/// ```
/// use pert_metrics::pearson_delta;
/// let control = [1.0, 2.0, 3.0];
/// let real = [2.0, 2.0, 1.0];
/// // Half of the real shift points the right way; no shift points nowhere.
/// let half_way = [1.5, 2.0, 2.0];
/// assert!((pearson_delta(&real, &half_way, &control) - 1.0).abs() < 1e-15);
/// assert!(pearson_delta(&real, &control, &control).is_nan());
/// ```
pub fn pearson_delta(real_mean: &[f64], generated_mean: &[f64], control_mean: &[f64]) -> f64 {
    assert_eq!(real_mean.len(), control_mean.len(), "profiles must hold the same genes");
    assert_eq!(generated_mean.len(), control_mean.len(), "profiles must hold the same genes");
    let shift = |mean: &[f64]| -> Vec<f64> {
        mean.iter().zip(control_mean).map(|(m, c)| difference(*m, *c)).collect()
    };
    pearson(&shift(real_mean), &shift(generated_mean))
}

/// a − b, and 0 where they differ by no more than the rounding of a mean: the same cells summed in another order
/// are no shift, and their rounding would correlate with anything.
fn difference(a: f64, b: f64) -> f64 {
    const ROUNDING: f64 = 1e-12;
    if (a - b).abs() <= ROUNDING * a.abs().max(b.abs()) { 0.0 } else { a - b }
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Compares values, because the computed variance of a constant such as 0.1 need not be 0.
fn is_constant(x: &[f64]) -> bool {
    x.windows(2).all(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_no_shift() {
        let control = [0.1 + 0.2, 0.7, 1.3];
        let the_same = [0.3, 0.7, 1.3 + 2e-16];
        assert!(pearson_delta(&[1.0, 2.0, 3.0], &the_same, &control).is_nan());
    }
    use proptest::prelude::*;

    #[test]
    fn no_variance_is_nan_never_a_sentinel() {
        let constant = [0.1; 7];
        let other = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.5];
        assert!(r2(&constant, &other).is_nan() && r2_pearson(&constant, &other).is_nan());
        assert!(pearson(&other, &constant).is_nan() && r2(&[1.0], &[1.0]).is_nan());
        assert!(pearson_delta(&other, &constant, &constant).is_nan());
    }

    proptest! {
        #[test]
        fn a_perfect_profile_scores_one_and_the_mean_scores_zero(
            real in prop::collection::vec(-5.0..5.0f64, 2..30)
        ) {
            prop_assume!(!is_constant(&real));
            prop_assert_eq!(r2(&real, &real), 1.0);
            let flat = vec![mean(&real); real.len()];
            prop_assert!(r2(&real, &flat).abs() < 1e-9);
        }

        #[test]
        fn correlation_ignores_scale_and_shift_but_r2_does_not(
            a in prop::collection::vec(-5.0..5.0f64, 3..30), scale in 0.1..9.0f64, shift in 1.0..3.0f64
        ) {
            let spread = a.iter().map(|v| (v - mean(&a)).abs()).fold(0.0, f64::max);
            prop_assume!(spread > 1e-3);
            let b: Vec<f64> = a.iter().map(|v| scale * v + shift).collect();
            prop_assert!((pearson(&a, &b) - 1.0).abs() < 1e-9);
            prop_assert!((pearson(&a, &b) - pearson(&b, &a)).abs() < 1e-12);
            let moved: Vec<f64> = a.iter().map(|v| v + shift).collect();
            prop_assert!(r2(&a, &moved) < 1.0);
        }
    }
}
