//! Baselines that combine the responses to single genes.

use std::collections::HashSet;

use pert_core::{ChaCha8Rng, Perturbation};

use crate::baseline::{Baseline, CellPlan, draw};
use crate::sampling::TrainingMean;
use crate::summary::TrainingSummary;

/// `matching_mean`: (1/k) Σ_gene μ_gene over the k genes of the perturbation, ½(μ_A + μ_B) for a pair.
///
/// A gene that was not seen alone contributes the mean of all perturbed cells; control (no gene) is the control mean.
/// Cells are drawn in equal parts from each gene's cells. Source: Systema (Viñas Torné et al. 2025).
///
/// ```
/// use pert_baselines::{Baseline, MatchingMean, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let baseline = MatchingMean::new(&summary);
/// let [a, b, pair] = ["A", "B", "A+B"].map(|label| perturbation(label).map(|p| baseline.mean(&p)));
/// let (a, b, pair) = (a?, b?, pair?);
/// assert!((0..2).all(|gene| (pair[gene] - (a[gene] + b[gene]) / 2.0).abs() < 1e-12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MatchingMean<'a> {
    summary: &'a TrainingSummary,
}

impl<'a> MatchingMean<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary) -> Self {
        Self { summary }
    }
}

impl Baseline for MatchingMean<'_> {
    fn name(&self) -> &'static str {
        "matching_mean"
    }

    fn mean(&self, p: &Perturbation) -> Vec<f64> {
        if p.is_control() {
            return self.summary.control_mean().to_vec();
        }
        let mut mean = vec![0.0; self.summary.control_mean().len()];
        for gene in p.targets() {
            let of_gene = self.summary.mean_of_gene(gene).unwrap_or(self.summary.perturbed_mean());
            mean.iter_mut().zip(of_gene).for_each(|(m, v)| *m += v);
        }
        mean.iter_mut().for_each(|m| *m /= p.targets().len() as f64);
        mean
    }

    fn cells(&self, p: &Perturbation, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        if p.is_control() {
            return CellPlan::Rows(draw(self.summary.control_rows(), n, rng));
        }
        let share = n.div_ceil(p.targets().len());
        let of_genes: Vec<Vec<usize>> = p
            .targets()
            .iter()
            .map(|gene| {
                let of_gene = self.summary.rows_of_gene(gene);
                draw(of_gene.unwrap_or(self.summary.perturbed_rows()), share, rng)
            })
            .collect();
        // In turn, until the gene with the fewest cells has no more: equal parts wherever a reader stops.
        let share = of_genes.iter().map(Vec::len).min().unwrap_or(0);
        let mut taken = HashSet::new();
        let rows = (0..share).flat_map(|i| of_genes.iter().map(move |rows| rows[i]));
        // Two genes not seen alone share their cells.
        CellPlan::Rows(rows.filter(|&row| taken.insert(row)).take(n).collect())
    }
}

/// `additive`: μ_c + Σ_gene (μ_gene − μ_c), control cells with that shift added.
///
/// Defined where every gene of the perturbation was seen alone; otherwise it is the training mean
/// ([`TrainingMean`]), so that every perturbation has a value.
///
/// ```
/// use pert_baselines::{Additive, Baseline, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let baseline = Additive::new(&summary);
/// let (a, b) = (baseline.mean(&perturbation("A")?), baseline.mean(&perturbation("B")?));
/// let (pair, control) = (baseline.mean(&perturbation("A+B")?), summary.control_mean());
/// assert!((0..2).all(|gene| (pair[gene] - (a[gene] + b[gene] - control[gene])).abs() < 1e-12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Additive<'a> {
    summary: &'a TrainingSummary,
}

impl<'a> Additive<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary) -> Self {
        Self { summary }
    }

    /// Σ_gene (μ_gene − μ_c), or `None` when a gene was not seen alone.
    fn shift(&self, p: &Perturbation) -> Option<Vec<f64>> {
        let control = self.summary.control_mean();
        let mut shift = vec![0.0; control.len()];
        for gene in p.targets() {
            let of_gene = self.summary.mean_of_gene(gene)?;
            shift.iter_mut().zip(of_gene).zip(control).for_each(|((s, m), c)| *s += m - c);
        }
        Some(shift)
    }
}

impl Baseline for Additive<'_> {
    fn name(&self) -> &'static str {
        "additive"
    }

    fn mean(&self, p: &Perturbation) -> Vec<f64> {
        match self.shift(p) {
            Some(shift) => {
                self.summary.control_mean().iter().zip(shift).map(|(c, s)| c + s).collect()
            }
            None => TrainingMean::new(self.summary).mean(p),
        }
    }

    fn cells(&self, p: &Perturbation, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        match self.shift(p) {
            Some(shift) => {
                CellPlan::Shifted { rows: draw(self.summary.control_rows(), n, rng), shift }
            }
            None => TrainingMean::new(self.summary).cells(p, n, rng),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{assert_profile, perturbation, summary};
    use pert_core::seeded_rng;

    #[test]
    fn the_matching_mean_by_hand() {
        let (_, summary, l) = summary();
        let baseline = MatchingMean::new(&summary);
        let mean = |label| baseline.mean(&perturbation(label));
        assert_profile(&mean("A+B"), [l / 2.0, l / 2.0]); // not the A+B that was seen
        assert_profile(&mean("A+C"), [0.3 * l, 0.7 * l]);
        assert_profile(&mean("B"), [l, 0.0]);
        assert_profile(&mean("control"), [l / 2.0, l / 2.0]);
        let plan = baseline.cells(&perturbation("B+A"), 3, &mut seeded_rng(0, "test"));
        let rows = plan.rows();
        // A and B in turn.
        assert!(rows.len() == 3 && [1, 3].contains(&rows[0]) && [4, 6].contains(&rows[1]));
        assert!([1, 3].contains(&rows[2]) && rows[0] != rows[2]);
        let unseen = baseline.cells(&perturbation("C+D"), 4, &mut seeded_rng(0, "test"));
        let mut rows = unseen.rows().to_vec();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), unseen.rows().len());
        assert!((2..=4).contains(&rows.len()) && rows.iter().all(|r| (1..7).contains(r)));
    }

    #[test]
    fn the_additive_prediction_by_hand() {
        let (screen, summary, l) = summary();
        let baseline = Additive::new(&summary);
        // μ_A = (0, L), μ_B = (L, 0), μ_c = (L/2, L/2): the shifts cancel.
        assert_profile(&baseline.mean(&perturbation("A+B")), [l / 2.0, l / 2.0]);
        assert_profile(&baseline.mean(&perturbation("A")), [0.0, l]);
        assert_profile(&baseline.mean(&perturbation("A+C")), [0.6 * l, 0.4 * l]);
        let plan = baseline.cells(&perturbation("A"), 2, &mut seeded_rng(0, "test"));
        let CellPlan::Shifted { rows, shift } = &plan else { panic!("control cells are shifted") };
        assert_profile(shift, [-l / 2.0, l / 2.0]);
        let profiles = plan.profiles(screen.counts());
        let first = if rows[0] == 0 { [l / 2.0, l / 2.0] } else { [0.0, 1.5 * l] };
        assert_profile(&profiles[..2], first);
        let unseen = baseline.cells(&perturbation("A+C"), 2, &mut seeded_rng(0, "test"));
        assert!(matches!(unseen, CellPlan::Rows(_)));
    }

    #[test]
    fn the_order_of_genes_does_not_matter() {
        let (_, summary, _) = summary();
        let baselines: [&dyn Baseline; 2] =
            [&MatchingMean::new(&summary), &Additive::new(&summary)];
        for baseline in baselines {
            for (one, other) in [("A+B", "B+A"), ("C+A", "A+C")] {
                let (one, other) = (perturbation(one), perturbation(other));
                assert_eq!(baseline.mean(&one), baseline.mean(&other));
                assert_eq!(
                    baseline.cells(&one, 5, &mut seeded_rng(3, "test")),
                    baseline.cells(&other, 5, &mut seeded_rng(3, "test"))
                );
            }
        }
    }
}
