//! Baselines that copy training cells as they are: control cells, perturbed cells, cells of the same perturbation.

use pert_core::ChaCha8Rng;

use crate::baseline::Baseline;
use crate::draw::{Pool, draw_in_proportion};
use crate::{CellPlan, StratumId, Target, TrainingSummary};

/// `no_change`: the matched control, mean Σ_s w_s μ_cs, and control cells of the target's strata. The perturbation
/// does nothing.
///
/// ```
/// use pert_baselines::{Baseline, NoChange, TrainingSummary};
/// use pert_core::seeded_rng;
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let (baseline, pair) = (NoChange::new(&summary), summary.target(&perturbation("A+B")?, &[6]));
/// assert_eq!(baseline.mean(&pair), summary.control_mean());
/// let plan = baseline.cells(&pair, 1, &mut seeded_rng(0, "example"));
/// assert!(summary.control_rows().contains(&plan.rows()[0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NoChange<'a> {
    summary: &'a TrainingSummary<'a>,
}

impl<'a> NoChange<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary<'a>) -> Self {
        Self { summary }
    }
}

impl Baseline for NoChange<'_> {
    fn name(&self) -> &'static str {
        "no_change"
    }

    fn mean(&self, target: &Target) -> Vec<f64> {
        self.summary.matched_control_mean(target)
    }

    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        CellPlan::Rows(self.summary.copies(self.summary.control(), target, n, rng))
    }
}

/// `random_cells`: random perturbed training cells of the target's strata, whatever was done to them, and their mean.
///
/// A stratum without perturbed training cells takes those of all strata, as they are. Where
/// [`TrainingMean`](crate::TrainingMean) puts the mean shift on control cells, so keeps the spread of control, these
/// cells also hold the differences among perturbations. Within one stratum the two have the same mean; with several,
/// this one stays where its cells were measured and the other moves a shift learned elsewhere onto the target's own
/// control.
///
/// ```
/// use pert_baselines::{Baseline, RandomCells, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let (baseline, pair) = (RandomCells::new(&summary), summary.target(&perturbation("A+B")?, &[6]));
/// assert_eq!(baseline.mean(&pair), summary.perturbed_mean());
/// assert_eq!(summary.perturbed_rows(), [2, 3, 4, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RandomCells<'a> {
    summary: &'a TrainingSummary<'a>,
}

impl<'a> RandomCells<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary<'a>) -> Self {
        Self { summary }
    }
}

impl Baseline for RandomCells<'_> {
    fn name(&self) -> &'static str {
        "random_cells"
    }

    fn mean(&self, target: &Target) -> Vec<f64> {
        self.summary.matched_perturbed_mean(target)
    }

    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        CellPlan::Rows(self.summary.copies(self.summary.perturbed(), target, n, rng))
    }
}

/// `training_cells`: real training cells of the same perturbation in the same strata, and their mean. What a perfect
/// generator of seen perturbations would reach.
///
/// It covers a target when the perturbation was seen in training in at least one of the target's strata; the others
/// are left out and the weights of the rest scaled to sum 1. A perturbation seen only in other strata (one held out
/// in a cell type) is not covered: its cells there are no sample of what is judged.
///
/// ```
/// use pert_baselines::{Baseline, TrainingCells, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let ceiling = TrainingCells::new(&summary);
/// let single = summary.target(&perturbation("A")?, &[2, 3]);
/// assert_eq!(Some(ceiling.mean(&single).as_slice()), summary.mean_of_gene("A"));
/// assert!(!ceiling.covers(&summary.target(&perturbation("A+B")?, &[6])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TrainingCells<'a> {
    summary: &'a TrainingSummary<'a>,
}

impl<'a> TrainingCells<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary<'a>) -> Self {
        Self { summary }
    }

    /// Rows of the perturbation in each of the target's strata that has any, with the stratum's weight.
    fn rows(&self, target: &Target) -> Vec<(&'a [usize], f64)> {
        let group = self.summary.group_of(target.perturbation());
        let rows_in = |&(stratum, weight): &(Option<StratumId>, f64)| {
            let rows = group?.rows_in(stratum);
            (!rows.is_empty()).then_some((rows, weight))
        };
        target.strata().iter().filter_map(rows_in).collect()
    }
}

impl Baseline for TrainingCells<'_> {
    fn name(&self) -> &'static str {
        "training_cells"
    }

    fn covers(&self, target: &Target) -> bool {
        !self.rows(target).is_empty()
    }

    fn mean(&self, target: &Target) -> Vec<f64> {
        let screen = self.summary.screen();
        let rows = self.rows(target);
        let total: f64 = rows.iter().map(|(_, weight)| weight).sum();
        if rows.is_empty() {
            return vec![f64::NAN; screen.n_genes()];
        }
        let mut mean = vec![0.0; screen.n_genes()];
        for (rows, weight) in rows {
            let in_stratum = screen.counts().mean_log_normalised(rows);
            mean.iter_mut().zip(in_stratum).for_each(|(m, v)| *m += weight / total * v);
        }
        mean
    }

    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        let pool = |(rows, weight): (&[usize], f64)| Pool::new(rows, None, weight);
        let pools: Vec<Pool> = self.rows(target).into_iter().map(pool).collect();
        let drawn = draw_in_proportion(&pools, n, rng);
        CellPlan::Rows(drawn.into_iter().map(|(row, _)| row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{assert_profile, perturbation, summary};
    use pert_core::seeded_rng;

    #[test]
    fn means_and_cells_by_hand() {
        let (screen, train, l) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let mut rng = seeded_rng(0, "test");
        let unseen = summary.overall_target(&perturbation("C"));
        let no_change = NoChange::new(&summary);
        assert_profile(&no_change.mean(&unseen), [l / 2.0, l / 2.0]);
        let mut rows = no_change.cells(&unseen, 2, &mut rng).rows().to_vec();
        rows.sort_unstable();
        assert_eq!(rows, [0, 2]);
        let random = RandomCells::new(&summary);
        assert_profile(&random.mean(&unseen), [0.6 * l, 0.4 * l]);
        let mut rows = random.cells(&unseen, 9, &mut rng).rows().to_vec();
        rows.sort_unstable();
        assert_eq!(rows, [1, 3, 4, 5, 6]); // no cell twice
    }

    #[test]
    fn cells_of_the_same_perturbation_exist_only_where_it_was_seen() {
        let (screen, train, l) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let mut rng = seeded_rng(0, "test");
        let baseline = TrainingCells::new(&summary);
        let seen = summary.overall_target(&perturbation("B+A"));
        assert!(baseline.covers(&seen));
        assert_profile(&baseline.mean(&seen), [l, 0.0]);
        assert_eq!(baseline.cells(&seen, 1, &mut rng).rows(), [5]);
        let unseen = summary.overall_target(&perturbation("C"));
        assert!(!baseline.covers(&unseen) && baseline.mean(&unseen).iter().all(|m| m.is_nan()));
        assert!(baseline.cells(&unseen, 3, &mut rng).rows().is_empty());
    }
}
