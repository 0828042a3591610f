//! Correlation of ranks.

use crate::r_squared::pearson;

/// Ranks from 1, ties sharing the mean of their places; −0 and 0 are one value, NaN values come last.
///
/// ```
/// assert_eq!(pert_metrics::average_ranks(&[0.3, 0.1, 0.3, 7.0]), [2.5, 1.0, 2.5, 4.0]);
/// ```
pub fn average_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    // Adding 0 makes one zero of both, which are equal but not in the total order.
    order.sort_by(|&a, &b| (values[a] + 0.0).total_cmp(&(values[b] + 0.0)));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (group.len() + 1) as f64 / 2.0;
        group.iter().for_each(|&i| ranks[i] = rank);
        before += group.len();
    }
    ranks
}

/// Spearman's rank correlation: [`pearson`] of [`average_ranks`]; NaN where either is constant or holds NaN.
///
/// Without ties it is 1 − 6 Σ dᵢ² / (n³ − n), dᵢ the difference of the ranks of pair i (Spearman 1904).
///
/// # Panics
/// When the lengths differ.
///
/// ```
/// use pert_metrics::spearman;
/// // The order is the same, whatever the steps.
/// assert!((spearman(&[1.0, 2.0, 3.0], &[0.1, 0.2, 100.0]) - 1.0).abs() < 1e-15);
/// assert!(spearman(&[1.0, 2.0], &[5.0, 5.0]).is_nan());
/// ```
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    if a.iter().chain(b).any(|v| v.is_nan()) {
        return f64::NAN;
    }
    pearson(&average_ranks(a), &average_ranks(b))
}
