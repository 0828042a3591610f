//! Baselines that copy training cells: control cells, perturbed cells, cells of the same perturbation.

use pert_core::{ChaCha8Rng, Perturbation};

use crate::baseline::{Baseline, CellPlan, draw};
use crate::summary::TrainingSummary;

/// `no_change`: mean μ_c, cells drawn from the control cells. The perturbation does nothing.
///
/// ```
/// use pert_baselines::{Baseline, NoChange, TrainingSummary};
/// use pert_core::seeded_rng;
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let (baseline, pair) = (NoChange::new(&summary), perturbation("A+B")?);
/// assert_eq!(baseline.mean(&pair), summary.control_mean());
/// let plan = baseline.cells(&pair, 1, &mut seeded_rng(0, "example"));
/// assert!(summary.control_rows().contains(&plan.rows()[0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NoChange<'a> {
    summary: &'a TrainingSummary,
}

impl<'a> NoChange<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary) -> Self {
        Self { summary }
    }
}

impl Baseline for NoChange<'_> {
    fn name(&self) -> &'static str {
        "no_change"
    }

    fn mean(&self, _: &Perturbation) -> Vec<f64> {
        self.summary.control_mean().to_vec()
    }

    fn cells(&self, _: &Perturbation, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        CellPlan::Rows(draw(self.summary.control_rows(), n, rng))
    }
}

/// `training_mean`: the mean of all perturbed training cells, and cells drawn from them. Every perturbation does
/// the same.
///
/// ```
/// use pert_baselines::{Baseline, TrainingMean, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let baseline = TrainingMean::new(&summary);
/// assert_eq!(baseline.mean(&perturbation("A+B")?), baseline.mean(&perturbation("B")?));
/// assert_eq!(summary.perturbed_rows(), [2, 3, 4, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TrainingMean<'a> {
    summary: &'a TrainingSummary,
}

impl<'a> TrainingMean<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary) -> Self {
        Self { summary }
    }
}

impl Baseline for TrainingMean<'_> {
    fn name(&self) -> &'static str {
        "training_mean"
    }

    fn mean(&self, _: &Perturbation) -> Vec<f64> {
        self.summary.perturbed_mean().to_vec()
    }

    fn cells(&self, _: &Perturbation, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        CellPlan::Rows(draw(self.summary.perturbed_rows(), n, rng))
    }
}

/// `training_cells`: real training cells of the same perturbation, mean μ_p. What a perfect generator of seen
/// perturbations would reach; it covers seen perturbations only.
///
/// ```
/// use pert_baselines::{Baseline, TrainingCells, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let ceiling = TrainingCells::new(&summary);
/// assert_eq!(Some(ceiling.mean(&perturbation("A")?).as_slice()), summary.mean_of_gene("A"));
/// assert!(!ceiling.covers(&perturbation("A+B")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TrainingCells<'a> {
    summary: &'a TrainingSummary,
}

impl<'a> TrainingCells<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary) -> Self {
        Self { summary }
    }
}

impl Baseline for TrainingCells<'_> {
    fn name(&self) -> &'static str {
        "training_cells"
    }

    fn covers(&self, p: &Perturbation) -> bool {
        self.summary.rows_of(p).is_some()
    }

    fn mean(&self, p: &Perturbation) -> Vec<f64> {
        let unseen = || vec![f64::NAN; self.summary.control_mean().len()];
        self.summary.mean_of(p).map_or_else(unseen, <[f64]>::to_vec)
    }

    fn cells(&self, p: &Perturbation, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        CellPlan::Rows(draw(self.summary.rows_of(p).unwrap_or_default(), n, rng))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{assert_profile, perturbation, summary};
    use pert_core::seeded_rng;

    #[test]
    fn means_and_cells_by_hand() {
        let (_, summary, l) = summary();
        let mut rng = seeded_rng(0, "test");
        let unseen = perturbation("C");
        let no_change = NoChange::new(&summary);
        assert_profile(&no_change.mean(&unseen), [l / 2.0, l / 2.0]);
        let mut rows = no_change.cells(&unseen, 2, &mut rng).rows().to_vec();
        rows.sort_unstable();
        assert_eq!(rows, [0, 2]);
        let training_mean = TrainingMean::new(&summary);
        assert_profile(&training_mean.mean(&unseen), [0.6 * l, 0.4 * l]);
        let mut rows = training_mean.cells(&unseen, 9, &mut rng).rows().to_vec();
        rows.sort_unstable();
        assert_eq!(rows, [1, 3, 4, 5, 6]); // no cell twice
    }

    #[test]
    fn cells_of_the_same_perturbation_exist_only_where_it_was_seen() {
        let (_, summary, l) = summary();
        let mut rng = seeded_rng(0, "test");
        let baseline = TrainingCells::new(&summary);
        let seen = perturbation("B+A");
        assert!(baseline.covers(&seen));
        assert_profile(&baseline.mean(&seen), [l, 0.0]);
        assert_eq!(baseline.cells(&seen, 1, &mut rng).rows(), [5]);
        let unseen = perturbation("C");
        assert!(!baseline.covers(&unseen) && baseline.mean(&unseen).iter().all(|m| m.is_nan()));
        assert!(baseline.cells(&unseen, 3, &mut rng).rows().is_empty());
    }
}
