//! Whether a prediction looks more like its own perturbation than like the others.

use rayon::prelude::*;

use crate::Rows;

/// Perturbation discrimination score per perturbation, `[n_perturbations]`: 1 − rankᵢ/P, higher is better.
///
/// rankᵢ counts the perturbations j whose real change Δⱼ is nearer to the predicted change Δ̂ᵢ than the right one Δᵢ
/// is, by L1 distance Σ|Δ̂ᵢ − Δⱼ| over genes. The columns `excluded[i]`, the genes that perturbation i targets, are left
/// out for every j, because a knocked-down gene gives its perturbation away. The targets of the other perturbations
/// stay in, as in cell-eval's `discrimination_score_l1` (Arc Institute; Wu et al. 2024 for the rank).
///
/// - A perfect prediction has 1, the worst 1/P. A prediction that is random, or the same for all perturbations, has
///   0.5 + 1/(2P) in the mean over perturbations, not 0.5.
/// - Perturbations exactly as near as the right one count one half each (mean rank). Sorting without regard to ties,
///   as cell-eval does, lets the order of the file decide, and predictions without any change can win by it.
/// - A perturbation with a NaN in its predicted or real row has none: its score is NaN, and it is not among the P.
///   With P = 1 there is nothing to tell apart and the score is NaN.
///
/// # Panics
/// When the shapes differ, `excluded` has not one list per perturbation, or names a column that does not exist.
///
/// ```
/// use pert_metrics::{Rows, discrimination};
/// let real = [5.0, 1.0, 0.0, 0.0, -1.0, 2.0];
/// let predicted = [0.0, 0.9, 0.1, 0.0, 0.2, 0.1];
/// let (real, predicted) = (Rows::new(&real, 3)?, Rows::new(&predicted, 3)?);
/// // The first perturbation's own gene is column 0, which was predicted badly.
/// assert_eq!(discrimination(predicted, real, &[vec![], vec![]]), [0.5, 1.0]);
/// assert_eq!(discrimination(predicted, real, &[vec![0], vec![]]), [1.0, 1.0]);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn discrimination(
    predicted_changes: Rows,
    real_changes: Rows,
    excluded: &[Vec<usize>],
) -> Vec<f64> {
    scores(predicted_changes, real_changes, excluded, |a, b| (a - b).abs())
}

/// [`discrimination`] by the Euclidean distance ‖μ̂ᵢ − μⱼ‖₂ of mean profiles: 1 − rankᵢ/P per perturbation.
///
/// After the centroid accuracy of Systema (Viñas Torné et al. 2025), which asks whether a prediction is nearer to its own
/// centroid than to the others. Empty lists in `excluded` keep all genes. Ties, NaN and expectation as for
/// [`discrimination`].
///
/// # Panics
/// As [`discrimination`].
///
/// ```
/// use pert_metrics::{Rows, centroid_accuracy};
/// let real = [1.0, 0.0, 0.0, 1.0, 3.0, 3.0];
/// let all_alike = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5];
/// let none = [vec![], vec![], vec![]];
/// let scores = centroid_accuracy(Rows::new(&all_alike, 2)?, Rows::new(&real, 2)?, &none);
/// // The first two centroids are equally near, the third is the farthest; the mean is 1/2 + 1/(2 · 3).
/// assert_eq!(scores, [1.0 - 0.5 / 3.0, 1.0 - 0.5 / 3.0, 1.0 - 2.0 / 3.0]);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn centroid_accuracy(
    predicted_means: Rows,
    real_means: Rows,
    excluded: &[Vec<usize>],
) -> Vec<f64> {
    // The root does not change the order.
    scores(predicted_means, real_means, excluded, |a, b| (a - b).powi(2))
}

/// 1 − mean rank / P by the sum over columns of `distance`.
fn scores(
    predicted: Rows,
    real: Rows,
    excluded: &[Vec<usize>],
    distance: impl Fn(f64, f64) -> f64 + Sync,
) -> Vec<f64> {
    let n = real.n_rows();
    assert_eq!(predicted.n_columns(), real.n_columns(), "both tables must hold the same genes");
    assert_eq!(predicted.n_rows(), n, "both tables must hold the same perturbations");
    assert_eq!(excluded.len(), n, "every perturbation needs its list of excluded columns");
    let has_numbers = |rows: Rows, i: usize| !rows.row(i).iter().any(|v| v.is_nan());
    let present: Vec<usize> =
        (0..n).filter(|&i| has_numbers(predicted, i) && has_numbers(real, i)).collect();
    let mut scores = vec![f64::NAN; n];
    if present.len() < 2 {
        return scores;
    }
    let of_present: Vec<f64> = present
        .par_iter()
        .map(|&i| {
            let mut keep = vec![true; real.n_columns()];
            excluded[i].iter().for_each(|&column| keep[column] = false);
            let to = |j: usize| -> f64 {
                let columns = predicted.row(i).iter().zip(real.row(j)).zip(&keep);
                columns.filter(|(_, keep)| **keep).map(|((p, r), _)| distance(*p, *r)).sum()
            };
            let own = to(i);
            let rank: f64 = present
                .iter()
                .filter(|&&j| j != i)
                .map(|&j| match to(j) {
                    other if other < own => 1.0,
                    other if other == own => 0.5,
                    _ => 0.0,
                })
                .sum();
            1.0 - rank / present.len() as f64
        })
        .collect();
    present.iter().zip(of_present).for_each(|(&i, score)| scores[i] = score);
    scores
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::seeded_rng;
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};

    const N_GENES: usize = 8;

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        StandardNormal.sample_iter(&mut seeded_rng(seed, "noise")).take(n * N_GENES).collect()
    }

    /// Both scores without excluded columns.
    fn both(predicted: &[f64], real: &[f64]) -> [Vec<f64>; 2] {
        let rows = |x| Rows::new(x, N_GENES).unwrap();
        let none = vec![vec![]; real.len() / N_GENES];
        [discrimination, centroid_accuracy].map(|score| score(rows(predicted), rows(real), &none))
    }

    fn mean(scores: &[f64]) -> f64 {
        scores.iter().sum::<f64>() / scores.len() as f64
    }

    #[test]
    fn perturbations_without_numbers_are_left_out() {
        let real = noise(6, 1);
        let mut predicted = real.clone();
        predicted[2 * N_GENES + 3] = f64::NAN;
        for scores in both(&predicted, &real) {
            assert!(scores[2].is_nan());
            assert!(scores.iter().enumerate().all(|(i, &score)| i == 2 || score == 1.0));
        }
        // Two left, each predicted as the other: rank 1 of 2.
        let real = [&noise(2, 2)[..], &[f64::NAN; N_GENES]].concat();
        let swapped = [&real[N_GENES..2 * N_GENES], &real[..N_GENES], &[0.0; N_GENES]].concat();
        for scores in both(&swapped, &real) {
            assert_eq!(scores[..2], [0.5, 0.5]);
        }
        assert!(both(&real[..N_GENES], &real[..N_GENES])[0][0].is_nan());
    }

    #[test]
    fn without_any_gene_left_all_are_equally_near() {
        let x = noise(5, 3);
        let rows = Rows::new(&x, N_GENES).unwrap();
        let all = vec![(0..N_GENES).collect(); 5];
        assert!(discrimination(rows, rows, &all).iter().all(|&score| score == 1.0 - 2.0 / 5.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_perfect_prediction_scores_one(n in 2..30usize, seed in any::<u64>()) {
            let real = noise(n, seed);
            for scores in both(&real, &real) {
                prop_assert!(scores.iter().all(|&score| score == 1.0));
            }
        }

        #[test]
        fn a_prediction_that_ignores_the_perturbation_scores_a_half(
            n in 2..30usize, seed in any::<u64>(), repeats in 1..3usize
        ) {
            // Repeated real rows are exact ties.
            let real = noise(n, seed).repeat(repeats);
            let n = n * repeats;
            let predicted = noise(1, !seed).repeat(n);
            for scores in both(&predicted, &real) {
                prop_assert!((mean(&scores) - 0.5 - 0.5 / n as f64).abs() < 1e-12);
            }
        }

        #[test]
        fn random_predictions_score_a_half_within_the_sampling_error(seed in any::<u64>()) {
            const N: usize = 100;
            // Ranks are uniform: five standard deviations of a mean of independent ones.
            let bound = 5.0 * (1.0 / 12.0f64 / N as f64).sqrt();
            for scores in both(&noise(N, seed), &noise(N, !seed)) {
                prop_assert!((mean(&scores) - 0.5 - 0.5 / N as f64).abs() < bound);
            }
        }

        #[test]
        fn the_order_of_the_perturbations_does_not_matter(n in 2..20usize, seed in any::<u64>()) {
            let (real, predicted) = (noise(n, seed), noise(n, !seed));
            let turned = |x: &[f64]| [&x[N_GENES..], &x[..N_GENES]].concat();
            let after = both(&turned(&predicted), &turned(&real));
            for (scores, mut after) in both(&predicted, &real).into_iter().zip(after) {
                after.rotate_right(1);
                prop_assert_eq!(scores, after);
            }
        }
    }
}
