//! Baselines that combine the responses to single genes.

use std::collections::HashSet;

use pert_core::ChaCha8Rng;

use crate::baseline::Baseline;
use crate::draw::Placed;
use crate::matched::Mover;
use crate::training_mean::TrainingMean;
use crate::{CellPlan, Target, TrainingSummary};

/// `matching_mean`: the matched control plus (1/k) Σ_gene δ_gene over the k genes of the perturbation; within one
/// stratum ½(μ_A + μ_B) for a pair.
///
/// A gene that was not seen alone contributes the mean shift of all perturbed cells; control (no gene) is the matched
/// control. Cells are drawn in equal parts from each gene's cells in the target's strata; where a gene has none in a
/// stratum, its cells of other strata are moved from the control of theirs to the control of that one.
/// Source: Systema (Viñas Torné et al. 2025).
///
/// ```
/// use pert_baselines::{Baseline, MatchingMean, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let pair = MatchingMean::new(&summary).mean(&summary.target(&perturbation("A+B")?, &[6]));
/// let [Some(a), Some(b)] = ["A", "B"].map(|gene| summary.mean_of_gene(gene)) else { panic!() };
/// assert!((0..2).all(|gene| (pair[gene] - (a[gene] + b[gene]) / 2.0).abs() < 1e-12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MatchingMean<'a> {
    summary: &'a TrainingSummary<'a>,
}

impl<'a> MatchingMean<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary<'a>) -> Self {
        Self { summary }
    }

    fn shift(&self, target: &Target) -> Vec<f64> {
        let genes = target.perturbation().targets();
        let mut shift = vec![0.0; self.summary.control_mean().len()];
        for gene in genes {
            let of_gene = self.summary.shift_of_gene(gene);
            let of_gene = of_gene.unwrap_or_else(|| self.summary.perturbed_shift());
            shift.iter_mut().zip(of_gene).for_each(|(s, v)| *s += v / genes.len() as f64);
        }
        shift
    }
}

impl Baseline for MatchingMean<'_> {
    fn name(&self) -> &'static str {
        "matching_mean"
    }

    fn mean(&self, target: &Target) -> Vec<f64> {
        self.summary.shifted_mean(target, Some(self.shift(target)))
    }

    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        let genes = target.perturbation().targets();
        if genes.is_empty() {
            return CellPlan::Rows(self.summary.copies(self.summary.control(), target, n, rng));
        }
        let share = n.div_ceil(genes.len());
        let mut mover = Mover::new(self.summary, target);
        let of_genes: Vec<Vec<Placed>> = genes
            .iter()
            .map(|gene| {
                let group = self.summary.group_of_gene(gene).unwrap_or(self.summary.perturbed());
                mover.draw(group, share, rng)
            })
            .collect();
        // In turn, until the gene with the fewest cells has no more: equal parts wherever a reader stops.
        let share = of_genes.iter().map(Vec::len).min().unwrap_or(0);
        let mut taken = HashSet::new();
        let cells = (0..share).flat_map(|i| of_genes.iter().map(move |cells| cells[i]));
        // Two genes not seen alone share their cells.
        mover.plan(cells.filter(|&(row, _)| taken.insert(row)).take(n).collect())
    }
}

/// `additive`: the matched control plus Σ_gene δ_gene; control cells of the target's strata with that shift added.
///
/// Defined where every gene of the perturbation was seen alone, in whatever strata: its shift there is put on the
/// target's own control. Otherwise it is the training mean ([`TrainingMean`]), so that every perturbation has a value.
///
/// ```
/// use pert_baselines::{Additive, Baseline, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let pair = Additive::new(&summary).mean(&summary.target(&perturbation("A+B")?, &[6]));
/// let [Some(a), Some(b)] = ["A", "B"].map(|gene| summary.mean_of_gene(gene)) else { panic!() };
/// let control = summary.control_mean();
/// assert!((0..2).all(|gene| (pair[gene] - (a[gene] + b[gene] - control[gene])).abs() < 1e-12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Additive<'a> {
    summary: &'a TrainingSummary<'a>,
}

impl<'a> Additive<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary<'a>) -> Self {
        Self { summary }
    }

    /// Σ_gene δ_gene, or the training mean's when a gene was not seen alone.
    fn shift(&self, target: &Target) -> Vec<f64> {
        let mut shift = vec![0.0; self.summary.control_mean().len()];
        for gene in target.perturbation().targets() {
            let Some(of_gene) = self.summary.shift_of_gene(gene) else {
                return TrainingMean::new(self.summary).shift();
            };
            shift.iter_mut().zip(of_gene).for_each(|(s, v)| *s += v);
        }
        shift
    }
}

impl Baseline for Additive<'_> {
    fn name(&self) -> &'static str {
        "additive"
    }

    fn mean(&self, target: &Target) -> Vec<f64> {
        self.summary.shifted_mean(target, Some(self.shift(target)))
    }

    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        self.summary.shifted_cells(target, Some(self.shift(target)), n, rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{assert_profile, perturbation, summary};
    use pert_core::seeded_rng;

    #[test]
    fn the_matching_mean_by_hand() {
        let (screen, train, l) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let target = |label| summary.overall_target(&perturbation(label));
        let baseline = MatchingMean::new(&summary);
        let mean = |label| baseline.mean(&target(label));
        assert_profile(&mean("A+B"), [l / 2.0, l / 2.0]); // not the A+B that was seen
        assert_profile(&mean("A+C"), [0.3 * l, 0.7 * l]);
        assert_profile(&mean("B"), [l, 0.0]);
        assert_profile(&mean("control"), [l / 2.0, l / 2.0]);
        let plan = baseline.cells(&target("B+A"), 3, &mut seeded_rng(0, "test"));
        let rows = plan.rows();
        // A and B in turn.
        assert!(rows.len() == 3 && [1, 3].contains(&rows[0]) && [4, 6].contains(&rows[1]));
        assert!([1, 3].contains(&rows[2]) && rows[0] != rows[2]);
        let unseen = baseline.cells(&target("C+D"), 4, &mut seeded_rng(0, "test"));
        let mut rows = unseen.rows().to_vec();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), unseen.rows().len());
        assert!((2..=4).contains(&rows.len()) && rows.iter().all(|r| (1..7).contains(r)));
    }

    #[test]
    fn the_additive_prediction_by_hand() {
        let (screen, train, l) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let target = |label| summary.overall_target(&perturbation(label));
        let baseline = Additive::new(&summary);
        // μ_A = (0, L), μ_B = (L, 0), μ_c = (L/2, L/2): the shifts cancel.
        assert_profile(&baseline.mean(&target("A+B")), [l / 2.0, l / 2.0]);
        assert_profile(&baseline.mean(&target("A")), [0.0, l]);
        assert_profile(&baseline.mean(&target("A+C")), [0.6 * l, 0.4 * l]);
        let plan = baseline.cells(&target("A"), 2, &mut seeded_rng(0, "test"));
        let CellPlan::Shifted { rows, shift, sampling_error } = &plan else {
            panic!("control cells are shifted")
        };
        assert_profile(shift, [-l / 2.0, l / 2.0]);
        let profiles = plan.profiles(screen.counts());
        let first = if rows[0] == 0 { [l / 2.0, l / 2.0] } else { [0.0, 1.5 * l] };
        let moved = [0, 1].map(|g| f64::max(first[g] + sampling_error[g], 0.0));
        assert_profile(&profiles[..2], moved);
        let unseen = baseline.cells(&target("A+C"), 2, &mut seeded_rng(0, "test"));
        let CellPlan::Shifted { shift, .. } = &unseen else { panic!("control cells are shifted") };
        assert_profile(shift, [0.1 * l, -0.1 * l]);
    }

    #[test]
    fn the_order_of_genes_does_not_matter() {
        let (screen, train, _) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let target = |label| summary.overall_target(&perturbation(label));
        let baselines: [&dyn Baseline; 2] =
            [&MatchingMean::new(&summary), &Additive::new(&summary)];
        for baseline in baselines {
            for (one, other) in [("A+B", "B+A"), ("C+A", "A+C")] {
                let (one, other) = (target(one), target(other));
                assert_eq!(baseline.mean(&one), baseline.mean(&other));
                assert_eq!(
                    baseline.cells(&one, 5, &mut seeded_rng(3, "test")),
                    baseline.cells(&other, 5, &mut seeded_rng(3, "test"))
                );
            }
        }
    }
}
