//! What is to be predicted: a perturbation, and where its cells lie.

use pert_core::Perturbation;

use crate::StratumId;

/// A perturbation together with the strata in which its cells are judged.
///
/// Made by [`TrainingSummary::target`](crate::TrainingSummary::target) from the judged cells; only their covariates
/// are looked at, never their counts.
///
/// ```
/// use pert_baselines::TrainingSummary;
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let target = summary.target(&perturbation("A+B")?, &[6]);
/// assert_eq!(target.perturbation().label(), "A+B");
/// // The screen has no covariates: everything lies in one stratum.
/// assert_eq!(target.strata().len(), 1);
/// assert_eq!(target.strata()[0].1, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    perturbation: Perturbation,
    strata: Vec<(Option<StratumId>, f64)>,
}

impl Target {
    /// `strata` sorted, each once, weights > 0 with sum 1.
    pub(crate) fn new(perturbation: Perturbation, strata: Vec<(Option<StratumId>, f64)>) -> Self {
        Self { perturbation, strata }
    }

    /// What is done to the cells.
    pub fn perturbation(&self) -> &Perturbation {
        &self.perturbation
    }

    /// The strata of the judged cells with their shares, which sum to 1.
    ///
    /// `None` stands for all strata without a single training cell: nothing is known of them.
    pub fn strata(&self) -> &[(Option<StratumId>, f64)] {
        &self.strata
    }
}
