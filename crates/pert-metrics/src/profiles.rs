//! Distances and correlations of mean profiles over chosen genes.

use crate::pearson_delta;

/// How many of the most expressed genes [`l2_top`] usually looks at.
pub const L2_GENES: usize = 1_000;

/// Euclidean distance √Σ(μ̂ⱼ − μⱼ)² of mean log-normalised profiles over the `n_top` genes most expressed in control.
///
/// All genes where there are fewer; of equally expressed ones the earlier. The restriction, usually to [`L2_GENES`],
/// makes numbers of data sets filtered to different numbers of genes comparable. In log-normalised units, growing with
/// √`n_top`.
///
/// NaN where a mean of a chosen gene is NaN.
///
/// # Panics
/// When the lengths differ.
///
/// ```
/// use pert_metrics::l2_top;
/// let (real, predicted, control) = ([1.0, 5.0, 2.0], [1.0, 2.0, 6.0], [0.1, 3.0, 2.0]);
/// assert_eq!(l2_top(&real, &predicted, &control, 1), 3.0);
/// assert_eq!(l2_top(&real, &predicted, &control, 1_000), 5.0);
/// ```
pub fn l2_top(
    real_mean: &[f64],
    predicted_mean: &[f64],
    control_mean: &[f64],
    n_top: usize,
) -> f64 {
    assert_eq!(real_mean.len(), control_mean.len(), "profiles must hold the same genes");
    assert_eq!(predicted_mean.len(), control_mean.len(), "profiles must hold the same genes");
    let mut genes: Vec<usize> = (0..control_mean.len()).collect();
    genes.sort_by(|&a, &b| control_mean[b].total_cmp(&control_mean[a]));
    genes.truncate(n_top);
    // Summed in the order of the genes, whatever their expression.
    genes.sort_unstable();
    genes.iter().map(|&j| (predicted_mean[j] - real_mean[j]).powi(2)).sum::<f64>().sqrt()
}

/// Mean absolute error (1/G) Σ|μ̂ⱼ − μⱼ| over genes, in the units of the profiles; NaN without genes, or where one is NaN.
///
/// # Panics
/// When the lengths differ.
///
/// ```
/// assert_eq!(pert_metrics::mae(&[1.0, 2.0], &[1.5, 0.0]), 1.25);
/// ```
pub fn mae(real: &[f64], predicted: &[f64]) -> f64 {
    assert_eq!(real.len(), predicted.len(), "profiles must hold the same genes");
    let sum: f64 = real.iter().zip(predicted).map(|(r, p)| (p - r).abs()).sum();
    sum / real.len() as f64
}

/// [`pearson_delta`] over some genes only, usually the 20 most differentially expressed ones
/// ([`top_genes`](crate::DifferentialExpression::top_genes) of the *real* cells).
///
/// NaN where a shift is constant over these genes, so also for fewer than two of them.
///
/// # Panics
/// When the lengths differ, or there is no such gene.
///
/// ```
/// use pert_metrics::pearson_delta_over;
/// let control = [0.0; 4];
/// let (real, generated) = ([1.0, 2.0, 3.0, 9.0], [2.0, 4.0, 6.0, -9.0]);
/// assert!((pearson_delta_over(&real, &generated, &control, &[0, 1, 2]) - 1.0).abs() < 1e-15);
/// assert!(pearson_delta_over(&real, &generated, &control, &[3]).is_nan());
/// ```
pub fn pearson_delta_over(
    real_mean: &[f64],
    generated_mean: &[f64],
    control_mean: &[f64],
    genes: &[usize],
) -> f64 {
    assert_eq!(real_mean.len(), control_mean.len(), "profiles must hold the same genes");
    assert_eq!(generated_mean.len(), control_mean.len(), "profiles must hold the same genes");
    let chosen = |profile: &[f64]| genes.iter().map(|&j| profile[j]).collect::<Vec<f64>>();
    pearson_delta(&chosen(real_mean), &chosen(generated_mean), &chosen(control_mean))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_genes_are_nan_and_equal_expression_takes_the_earlier_gene() {
        assert!(mae(&[], &[]).is_nan());
        assert!(pearson_delta_over(&[1.0], &[2.0], &[0.0], &[]).is_nan());
        assert_eq!(l2_top(&[0.0, 0.0], &[1.0, 5.0], &[0.5, 0.5], 1), 1.0);
        assert!(l2_top(&[0.0, f64::NAN], &[1.0, 5.0], &[0.5, 0.5], 2).is_nan());
    }

    proptest! {
        #[test]
        fn distances_are_symmetric_and_grow_with_the_genes(
            profiles in prop::collection::vec((0.0..5.0f64, 0.0..5.0f64, 0.0..5.0f64), 1..40),
            n_top in 1..40usize,
        ) {
            let real: Vec<f64> = profiles.iter().map(|p| p.0).collect();
            let predicted: Vec<f64> = profiles.iter().map(|p| p.1).collect();
            let control: Vec<f64> = profiles.iter().map(|p| p.2).collect();
            let distance = l2_top(&real, &predicted, &control, n_top);
            prop_assert_eq!(distance, l2_top(&predicted, &real, &control, n_top));
            prop_assert!(distance <= l2_top(&real, &predicted, &control, n_top + 1) + 1e-12);
            prop_assert_eq!(l2_top(&real, &real, &control, n_top), 0.0);
            // Σ|d| ≤ √G ‖d‖.
            let n = real.len() as f64;
            let whole = l2_top(&real, &predicted, &control, real.len());
            prop_assert!(mae(&real, &predicted) <= whole / n.sqrt() + 1e-12);
        }

        #[test]
        fn over_all_genes_it_is_pearson_delta(
            profiles in prop::collection::vec((0.0..5.0f64, 0.0..5.0f64, 0.0..5.0f64), 2..20)
        ) {
            let real: Vec<f64> = profiles.iter().map(|p| p.0).collect();
            let generated: Vec<f64> = profiles.iter().map(|p| p.1).collect();
            let control: Vec<f64> = profiles.iter().map(|p| p.2).collect();
            let all: Vec<usize> = (0..real.len()).collect();
            let over = pearson_delta_over(&real, &generated, &control, &all);
            prop_assert_eq!(over.to_bits(), pearson_delta(&real, &generated, &control).to_bits());
        }
    }
}
