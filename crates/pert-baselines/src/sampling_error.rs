//! What the mean of as many fresh control cells would be off by.

use pert_core::ChaCha8Rng;
use rand::RngExt;

use crate::{Target, TrainingSummary};

impl TrainingSummary<'_> {
    /// A draw of the sampling error of the matched control's mean, `[n_genes]`: mean 0 and covariance Σ_s w_s² S_s/n_s, where
    /// S_s is the unbiased covariance of the n_s control cells of a stratum.
    ///
    /// It is Σ_s w_s Σ_i ξ_i (x_i − μ_cs) / √(n_s (n_s − 1)) with signs ξ_i = ±1 (wild bootstrap: Liu 1988, *Annals of Statistics*
    /// 16, 1696). A stratum of one cell adds nothing: its spread is unknown.
    pub(crate) fn sampling_error(&self, target: &Target, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let counts = self.screen().counts();
        let mut error = vec![0.0; counts.n_genes()];
        for &(stratum, weight) in target.strata() {
            let own = self.control().rows_in(stratum);
            let rows = if own.is_empty() { self.control().rows() } else { own };
            if rows.len() < 2 {
                continue;
            }
            let (plus, minus): (Vec<usize>, Vec<usize>) =
                rows.iter().copied().partition(|_| rng.random::<bool>());
            let (of_plus, of_minus) =
                (counts.mean_log_normalised(&plus), counts.mean_log_normalised(&minus));
            // Both means less the common one, each times its number of cells: n₊n₋/n of their difference, twice.
            let n = rows.len() as f64;
            let scale = 2.0 * plus.len() as f64 * minus.len() as f64 / n / (n * (n - 1.0)).sqrt();
            for (e, (p, m)) in error.iter_mut().zip(of_plus.iter().zip(&of_minus)) {
                *e += weight * scale * (p - m);
            }
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CellPlan;
    use crate::summary::tests::perturbation;
    use pert_core::{Covariate, CovariateRole, CsrCounts, Perturbation, Population, seeded_rng};
    use pert_metrics::{Rows, energy_distance};

    const GENES: usize = 6;

    /// Cells whose genes have 50 to 150 counts: no profile comes near 0.
    fn counts(n: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        (0..n * GENES).map(|_| rng.random_range(50..=150) as f32).collect()
    }

    /// Control cells, a third of them of type T, and one cell of A to make it a screen.
    fn screen(n_control: usize, rng: &mut ChaCha8Rng) -> Population {
        let n = n_control + 1;
        let labels: Vec<Perturbation> =
            (0..n).map(|i| perturbation(if i < n_control { "control" } else { "A" })).collect();
        let types: Vec<String> =
            (0..n).map(|i| if i % 3 == 0 { "T" } else { "B" }.to_owned()).collect();
        Population::new(
            CsrCounts::from_dense(GENES, &counts(n, rng)).unwrap(),
            (0..GENES).map(|g| format!("g{g}")).collect(),
            (0..n).map(|i| i.to_string()).collect(),
            &labels,
            vec![Covariate::categorical("cell_type", CovariateRole::CellType, &types)],
        )
        .unwrap()
    }

    #[test]
    fn its_variance_is_that_of_a_mean_over_strata() {
        let mut rng = seeded_rng(0, "variance");
        let screen = screen(30, &mut rng);
        let train: Vec<usize> = (0..31).collect();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        // One judged cell of T, three of B: weights of a quarter and three quarters.
        let target = summary.target(&perturbation("A"), &[0, 1, 2, 4]);
        let x = screen.counts().log_normalised(&train);
        let expected = |gene: usize| {
            let variance_of_mean = |rows: Vec<usize>| {
                let of: Vec<f64> = rows.iter().map(|&i| x[i * GENES + gene]).collect();
                let n = of.len() as f64;
                let mean = of.iter().sum::<f64>() / n;
                of.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n
            };
            let (t, b) = (0..30).partition(|i| i % 3 == 0);
            variance_of_mean(t) / 16.0 + variance_of_mean(b) * 9.0 / 16.0
        };
        let draws: Vec<Vec<f64>> =
            (0..4000).map(|_| summary.sampling_error(&target, &mut rng)).collect();
        for gene in 0..GENES {
            let mean = draws.iter().map(|d| d[gene]).sum::<f64>() / 4000.0;
            let variance = draws.iter().map(|d| d[gene] * d[gene]).sum::<f64>() / 4000.0;
            assert!(mean.abs() < 4.0 * (variance / 4000.0).sqrt(), "{mean}");
            // Four standard errors of a variance from 4,000 draws.
            approx::assert_relative_eq!(variance, expected(gene), max_relative = 0.09);
        }
    }

    /// A prediction of the true mean whose cells have the true distribution is at distance 0 on average. Without the error, cells whose
    /// mean is exact come out nearer to the truth than the truth.
    #[test]
    fn cells_around_the_true_mean_are_as_far_from_real_ones_as_real_ones_are() {
        let mut rng = seeded_rng(0, "energy");
        let many = CsrCounts::from_dense(GENES, &counts(40_000, &mut rng)).unwrap();
        let truth = many.mean_log_normalised(&(0..40_000).collect::<Vec<_>>());
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..400 {
            let screen = screen(30, &mut rng);
            let train: Vec<usize> = (0..31).collect();
            let summary = TrainingSummary::fit(&screen, &train).unwrap();
            let target = summary.overall_target(&perturbation("A"));
            let shift = truth.iter().zip(summary.control_mean()).map(|(t, c)| t - c).collect();
            let plan = summary.shifted_cells(&target, Some(shift), 30, &mut rng);
            let real = CsrCounts::from_dense(GENES, &counts(30, &mut rng)).unwrap();
            let real = real.log_normalised(&(0..30).collect::<Vec<_>>());
            let distance = |plan: &CellPlan| {
                let cells = plan.profiles(screen.counts());
                energy_distance(Rows::new(&cells, GENES).unwrap(), Rows::new(&real, GENES).unwrap())
            };
            with.push(distance(&plan));
            let CellPlan::Shifted { rows, shift, .. } = plan else { panic!("a shift was given") };
            let sampling_error = vec![0.0; GENES];
            without.push(distance(&CellPlan::Shifted { rows, shift, sampling_error }));
        }
        let standardised = |x: &[f64]| {
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
            mean / (variance / n).sqrt()
        };
        assert!(standardised(&with).abs() < 4.0, "{}", standardised(&with));
        assert!(standardised(&without) < -10.0, "{}", standardised(&without));
    }
}
