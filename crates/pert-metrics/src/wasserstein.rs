//! Wasserstein distance in one dimension, and its mean over genes.

use rayon::prelude::*;

use crate::Rows;

/// Wasserstein-1 distance ∫ |F(t) − G(t)| dt of two samples, F and G their empirical distribution functions: the
/// least mean way that mass must be moved to turn one sample into the other.
///
/// Units: those of the values. The sizes may differ. The one-dimensional form of Ramdas, García & Cuturi 2017,
/// proposition 1, and scipy's `wasserstein_distance`. NaN where a sample is empty or holds a value that is not
/// finite.
///
/// ```
/// use pert_metrics::wasserstein;
/// assert_eq!(wasserstein(&[0.0, 1.0, 3.0], &[5.0, 6.0, 8.0]), 5.0);
/// // Half of the mass moves by 2.
/// assert_eq!(wasserstein(&[0.0], &[0.0, 2.0]), 1.0);
/// assert!(wasserstein(&[], &[1.0]).is_nan());
/// ```
pub fn wasserstein(a: &[f64], b: &[f64]) -> f64 {
    sorted_distance(sorted(a), sorted(b))
}

/// Mean over columns (genes) of [`wasserstein`] between the column of `x` and that of `y`.
///
/// Sees every marginal distribution, and nothing of how genes vary together. Units: those of the values, so log1p for
/// log-normalised profiles. NaN where a side has no rows or any value is not finite.
///
/// # Panics
/// When the numbers of columns differ.
///
/// ```
/// use pert_metrics::{Rows, mean_wasserstein};
/// // The first gene moves by 1, the second by 3.
/// let (x, y) = ([0.0, 0.0, 2.0, 5.0], [1.0, 3.0, 3.0, 8.0]);
/// assert_eq!(mean_wasserstein(Rows::new(&x, 2)?, Rows::new(&y, 2)?), 2.0);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn mean_wasserstein(x: Rows, y: Rows) -> f64 {
    assert_eq!(x.n_columns(), y.n_columns(), "both populations must hold the same genes");
    let per_gene: Vec<f64> = (0..x.n_columns())
        .into_par_iter()
        .map(|gene| sorted_distance(sorted(&x.column(gene)), sorted(&y.column(gene))))
        .collect();
    per_gene.iter().sum::<f64>() / per_gene.len() as f64
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn sorted_distance(a: Vec<f64>, b: Vec<f64>) -> f64 {
    // Infinities and NaN stand at the ends of the total order.
    let finite = |x: &[f64]| x.first().is_some_and(|v| v.is_finite()) && x[x.len() - 1].is_finite();
    if !finite(&a) || !finite(&b) {
        return f64::NAN;
    }
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mut i, mut j) = (0, 0);
    let (mut area, mut previous) = (0.0, a[0].min(b[0]));
    while i < a.len() || j < b.len() {
        let next = match (a.get(i), b.get(j)) {
            (Some(&p), Some(&q)) => p.min(q),
            (Some(&p), None) | (None, Some(&p)) => p,
            (None, None) => break,
        };
        area += (i as f64 / n - j as f64 / m).abs() * (next - previous);
        previous = next;
        while a.get(i) == Some(&next) {
            i += 1;
        }
        while b.get(j) == Some(&next) {
            j += 1;
        }
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use pert_core::{seeded_rng, shuffled_indices};
    use proptest::prelude::*;

    #[test]
    fn values_without_a_place_are_nan() {
        assert!(wasserstein(&[1.0], &[]).is_nan());
        assert!(wasserstein(&[1.0, f64::NAN], &[1.0]).is_nan());
        assert!(wasserstein(&[1.0], &[f64::NEG_INFINITY, 0.0]).is_nan());
        let none = Rows::new(&[], 2).unwrap();
        assert!(mean_wasserstein(none, none).is_nan());
    }

    #[test]
    fn zeros_of_either_sign_are_one_value() {
        assert_eq!(wasserstein(&[0.0, -0.0, 1.0], &[-0.0, 0.0, 1.0]), 0.0);
    }

    proptest! {
        #[test]
        fn a_shifted_copy_is_as_far_as_its_shift(
            a in prop::collection::vec(-50.0..50.0f64, 1..60), shift in -10.0..10.0f64, seed in 0..99u64
        ) {
            let moved: Vec<f64> = shuffled_indices(a.len(), &mut seeded_rng(seed, "order"))
                .into_iter()
                .map(|i| a[i] + shift)
                .collect();
            prop_assert!((wasserstein(&a, &moved) - shift.abs()).abs() < 1e-12);
            prop_assert_eq!(wasserstein(&a, &a), 0.0);
        }

        #[test]
        fn symmetric_and_blind_to_repeats_and_the_order_of_rows(
            a in prop::collection::vec(-5..5i32, 1..40), b in prop::collection::vec(-5..5i32, 1..40), seed in 0..99u64
        ) {
            let (a, b) = (a.into_iter().map(f64::from), b.into_iter().map(f64::from));
            let (a, b): (Vec<f64>, Vec<f64>) = (a.collect(), b.collect());
            let distance = wasserstein(&a, &b);
            assert_relative_eq!(distance, wasserstein(&b, &a), epsilon = 1e-13);
            assert_relative_eq!(distance, wasserstein(&[&a[..], &a].concat(), &b), epsilon = 1e-13);
            let rows = Rows::new(&a, 1).unwrap();
            let shuffled = rows.gather(&shuffled_indices(a.len(), &mut seeded_rng(seed, "order")));
            let shuffled = Rows::new(&shuffled, 1).unwrap();
            prop_assert_eq!(distance, mean_wasserstein(shuffled, Rows::new(&b, 1).unwrap()));
        }
    }
}
