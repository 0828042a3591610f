//! What a baseline is.

use pert_core::ChaCha8Rng;

use crate::{CellPlan, Target};

/// A predictor of the response to any perturbation in any strata, fitted on training cells.
///
/// What it predicts depends on its training cells, the [`Target`] and nothing else.
///
/// ```
/// use pert_baselines::{Additive, Baseline, NoChange, TrainingMean, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let baselines: [Box<dyn Baseline>; 3] = [
///     Box::new(NoChange::new(&summary)),
///     Box::new(TrainingMean::new(&summary)),
///     Box::new(Additive::new(&summary)),
/// ];
/// // Nothing perturbed, nothing added: the additive baseline predicts control as the first one does.
/// let control = summary.overall_target(&perturbation("control")?);
/// assert_eq!(baselines[0].mean(&control), baselines[2].mean(&control));
/// assert_eq!(baselines.map(|b| b.name()), ["no_change", "training_mean", "additive"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Baseline {
    /// Its name in tables (`method` in `metrics.csv`).
    fn name(&self) -> &'static str;

    /// Whether it says anything about this target. Where it does not, means are NaN and there are no cells.
    fn covers(&self, target: &Target) -> bool {
        let _ = target;
        true
    }

    /// The predicted mean of the log-normalised profiles x = log1p(10⁴ · y / Σy), `[n_genes]`.
    fn mean(&self, target: &Target) -> Vec<f64>;

    /// A population of `n` cells (fewer where there are fewer to draw from), as a plan that [`CellPlan::profiles`]
    /// carries out. Every beginning of it is in proportion, so a reader may take fewer.
    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan;
}
