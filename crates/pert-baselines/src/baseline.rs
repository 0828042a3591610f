//! What a baseline is, and the cells it predicts.

use pert_core::{ChaCha8Rng, CsrCounts, Perturbation, shuffled_indices};

/// A predictor of the response to any perturbation, fitted on training cells.
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
/// let control = perturbation("control")?;
/// assert_eq!(baselines[0].mean(&control), baselines[2].mean(&control));
/// assert_eq!(baselines.map(|b| b.name()), ["no_change", "training_mean", "additive"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Baseline {
    /// Its name in tables (`method` in `metrics.csv`).
    fn name(&self) -> &'static str;

    /// Whether it says anything about this perturbation. Where it does not, means are NaN and there are no cells.
    fn covers(&self, p: &Perturbation) -> bool {
        let _ = p;
        true
    }

    /// The predicted mean of the log-normalised profiles x = log1p(10⁴ · y / Σy), `[n_genes]`.
    fn mean(&self, p: &Perturbation) -> Vec<f64>;

    /// A population of `n` cells (fewer where there are fewer to draw from), as a plan that [`CellPlan::profiles`]
    /// carries out.
    fn cells(&self, p: &Perturbation, n: usize, rng: &mut ChaCha8Rng) -> CellPlan;
}

/// Which training cells make up a predicted population. Rows are those of the screen the baseline was fitted on.
///
/// ```
/// use pert_baselines::CellPlan;
/// use pert_core::CsrCounts;
/// let counts = CsrCounts::from_dense(2, &[1.0, 3.0])?;
/// let profile = [2500f64.ln_1p(), 7500f64.ln_1p()];
/// assert_eq!(CellPlan::Rows(vec![0]).profiles(&counts), profile);
/// let shifted = CellPlan::Shifted { rows: vec![0], shift: vec![-20.0, 1.0] };
/// assert_eq!(shifted.profiles(&counts), [0.0, profile[1] + 1.0]);
/// # Ok::<(), pert_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum CellPlan {
    /// Copies of training cells.
    Rows(Vec<usize>),
    /// Training cells whose log-normalised profile gets a shift added, then is floored at 0.
    ///
    /// Because of the floor the mean of such a population may lie above the baseline's own mean.
    Shifted {
        /// The cells.
        rows: Vec<usize>,
        /// What is added to each, `[n_genes]`.
        shift: Vec<f64>,
    },
}

impl CellPlan {
    /// The rows that are copied.
    pub fn rows(&self) -> &[usize] {
        match self {
            Self::Rows(rows) | Self::Shifted { rows, .. } => rows,
        }
    }

    /// The log-normalised profiles of the population, `[n, n_genes]` row-major.
    ///
    /// # Panics
    /// When `counts` is not of the screen the baseline was fitted on: fewer rows, or another number of genes.
    pub fn profiles(&self, counts: &CsrCounts) -> Vec<f64> {
        let mut profiles = counts.log_normalised(self.rows());
        if let Self::Shifted { shift, .. } = self {
            assert_eq!(shift.len(), counts.n_genes(), "a shift has one value per gene");
            for row in profiles.chunks_exact_mut(shift.len().max(1)) {
                row.iter_mut().zip(shift).for_each(|(x, s)| *x = (*x + s).max(0.0));
            }
        }
        profiles
    }
}

/// `n` of the rows at random, each at most once: all of them, shuffled, where there are fewer.
///
/// Never with replacement: a cell that stands twice is at distance 0 of itself, which no real population shows, and
/// would be held against the baseline by every distance between populations.
pub(crate) fn draw(rows: &[usize], n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let order = shuffled_indices(rows.len(), rng);
    order.into_iter().take(n).map(|i| rows[i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::seeded_rng;
    use std::collections::HashSet;

    #[test]
    fn rows_never_repeat() {
        let rows: Vec<usize> = (10..30).collect();
        let mut rng = seeded_rng(1, "draw");
        let few = draw(&rows, 20, &mut rng);
        assert_eq!(few.iter().collect::<HashSet<_>>().len(), 20);
        let mut all = draw(&rows, 50, &mut rng);
        all.sort_unstable();
        assert_eq!(all, rows);
        assert!(draw(&[], 5, &mut rng).is_empty());
        assert_eq!(
            draw(&rows, 7, &mut seeded_rng(2, "x")),
            draw(&rows, 7, &mut seeded_rng(2, "x"))
        );
    }

    #[test]
    fn shifted_profiles_are_floored_at_zero() {
        let counts = CsrCounts::from_dense(2, &[1.0, 0.0, 0.0, 1.0]).unwrap();
        let l = 1e4f64.ln_1p();
        assert_eq!(CellPlan::Rows(vec![1, 0]).profiles(&counts), [0.0, l, l, 0.0]);
        let plan = CellPlan::Shifted { rows: vec![0], shift: vec![-1.0, -1.0] };
        assert_eq!(plan.profiles(&counts), [l - 1.0, 0.0]);
        assert_eq!(plan.rows(), [0]);
    }
}
