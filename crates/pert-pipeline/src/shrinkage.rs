//! Means of seen perturbations, shrunk: few cells are a noisy mean, the other perturbations are a prior for it.

/// Empirical-Bayes means of the rows of a table, each between what was measured and what the others predict.
///
/// For perturbation p and dimension j, with measured shift s, leave-one-out prediction s̃, and noise variance
/// ν_pj = σ_j² / n_p of the measured mean,
///
/// shrunk = w s + (1 − w) s̃,  w = τ²_pj / (τ²_pj + ν_pj),  τ²_pj = a_p b_j / c
///
/// where a_p and b_j are the means of the excess (s − s̃)² − ν over a row and a column, not below 0, and c its mean
/// over the table: strong perturbations and responsive genes are shrunk less. Source: James & Stein 1961; Efron &
/// Morris 1975, with a rank-one variance of the effects.
///
/// # Shapes
/// - measured, predicted: `[n, d]`; within_variance: `[d]`, variance between cells of one perturbation; n_cells: `[n]`
pub(crate) fn shrink(
    measured: &[f64],
    predicted: &[f64],
    within_variance: &[f64],
    n_cells: &[usize],
) -> Vec<f64> {
    let (n, d) = (n_cells.len(), within_variance.len());
    let noise = |p: usize, j: usize| within_variance[j] / n_cells[p] as f64;
    let (mut of_row, mut of_column, mut overall) = (vec![0.0; n], vec![0.0; d], 0.0);
    for p in 0..n {
        for j in 0..d {
            let excess = (measured[p * d + j] - predicted[p * d + j]).powi(2) - noise(p, j);
            of_row[p] += excess / d as f64;
            of_column[j] += excess / n as f64;
            overall += excess / (n * d) as f64;
        }
    }
    (0..n * d)
        .map(|i| {
            let (p, j) = (i / d, i % d);
            let tau2 = if overall > 0.0 {
                of_row[p].max(0.0) * of_column[j].max(0.0) / overall
            } else {
                0.0
            };
            let total = tau2 + noise(p, j);
            // Without noise (a gene no cell expresses) the measurement stands.
            let w = if total > 0.0 { tau2 / total } else { 1.0 };
            w * measured[i] + (1.0 - w) * predicted[i]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::seeded_rng;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn the_shrunk_mean_is_nearer_the_truth_than_either_source() {
        let (n, d) = (40, 60);
        let mut rng = seeded_rng(1, "shrinkage");
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        // Effects differ in size between perturbations; the prediction knows half of each.
        let size: Vec<f64> = (0..n).map(|p| if p % 4 == 0 { 1.0 } else { 0.2 }).collect();
        let known: Vec<f64> = (0..n * d).map(|i| size[i / d] * normal()).collect();
        let truth: Vec<f64> = (0..n * d).map(|i| known[i] + size[i / d] * normal()).collect();
        let variance = vec![4.0; d];
        let cells = vec![25; n];
        let measured: Vec<f64> = truth.iter().map(|t| t + 0.4 * normal()).collect();
        let error = |estimate: &[f64]| -> f64 {
            estimate.iter().zip(&truth).map(|(e, t)| (e - t).powi(2)).sum()
        };
        let shrunk = shrink(&measured, &known, &variance, &cells);
        assert!(error(&shrunk) < 0.85 * error(&measured).min(error(&known)));
    }

    #[test]
    fn no_noise_keeps_the_measurement_and_pure_noise_the_prediction() {
        assert_eq!(shrink(&[1.0, 2.0], &[0.0, 0.0], &[0.0], &[5, 5]), [1.0, 2.0]);
        // The measurement is off by less than its noise: nothing says there is an effect.
        assert_eq!(shrink(&[0.1, -0.1], &[0.0, 0.0], &[100.0], &[5, 5]), [0.0, 0.0]);
    }
}
