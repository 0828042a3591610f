//! The mean shift of all perturbed training cells.

use pert_core::ChaCha8Rng;

use crate::baseline::Baseline;
use crate::{CellPlan, Target, TrainingSummary};

/// `training_mean`: the matched control plus the mean shift of all perturbed training cells; control cells of the
/// target's strata with that shift added. Every perturbation does the same.
///
/// Within one stratum its mean is that of all perturbed cells. [`RandomCells`](crate::RandomCells) has perturbed cells
/// as they are instead.
///
/// ```
/// use pert_baselines::{Baseline, TrainingMean, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let baseline = TrainingMean::new(&summary);
/// let mean = baseline.mean(&summary.target(&perturbation("A+B")?, &[6]));
/// assert_eq!(mean, baseline.mean(&summary.target(&perturbation("B")?, &[4, 5])));
/// assert!((0..2).all(|gene| (mean[gene] - summary.perturbed_mean()[gene]).abs() < 1e-12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TrainingMean<'a> {
    summary: &'a TrainingSummary<'a>,
}

impl<'a> TrainingMean<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary<'a>) -> Self {
        Self { summary }
    }

    pub(crate) fn shift(&self) -> Vec<f64> {
        self.summary.perturbed_shift()
    }
}

impl Baseline for TrainingMean<'_> {
    fn name(&self) -> &'static str {
        "training_mean"
    }

    fn mean(&self, target: &Target) -> Vec<f64> {
        self.summary.shifted_mean(target, Some(self.shift()))
    }

    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        self.summary.shifted_cells(target, Some(self.shift()), n, rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{assert_profile, perturbation, summary};
    use pert_core::seeded_rng;

    #[test]
    fn control_is_shifted_by_the_mean_of_all_perturbed_cells() {
        let (screen, train, l) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let baseline = TrainingMean::new(&summary);
        let target = summary.overall_target(&perturbation("C"));
        assert_profile(&baseline.mean(&target), [0.6 * l, 0.4 * l]);
        let plan = baseline.cells(&target, 9, &mut seeded_rng(0, "test"));
        let CellPlan::Shifted { rows, shift, .. } = plan else {
            panic!("control cells are shifted")
        };
        assert_eq!(rows.len(), 2);
        assert_profile(&shift, [0.1 * l, -0.1 * l]);
    }
}
