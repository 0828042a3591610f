//! What is to be predicted: a perturbation, and where its cells lie.

use std::collections::BTreeMap;

use pert_core::Perturbation;

use crate::{StratumId, TrainingSummary};

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

impl TrainingSummary<'_> {
    /// A perturbation to be predicted for the strata of these cells of the screen, in their proportions.
    ///
    /// `rows` are the cells it is judged on, training cells or not; only their covariates are looked at. Without any
    /// it is [`TrainingSummary::overall_target`].
    ///
    /// # Panics
    /// When the screen has no such row.
    pub fn target(&self, p: &Perturbation, rows: &[usize]) -> Target {
        if rows.is_empty() {
            return self.overall_target(p);
        }
        let mut counts: BTreeMap<Option<StratumId>, usize> = BTreeMap::new();
        for &row in rows {
            *counts.entry(self.stratum_of(row)).or_default() += 1;
        }
        let n = rows.len() as f64;
        let strata = counts.into_iter().map(|(s, count)| (s, count as f64 / n)).collect();
        Target::new(p.clone(), strata)
    }

    /// A perturbation to be predicted for no cells in particular: the strata of the training controls, in their
    /// proportions, so that the matched control is the mean of all controls.
    ///
    /// ```
    /// use pert_baselines::TrainingSummary;
    /// // `screen` holds two cells each of control, A and B, then one of A+B.
    #[doc = include_str!("doc/screen.txt")]
    /// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
    /// let target = summary.overall_target(&perturbation("A")?);
    /// assert_eq!(summary.matched_control_mean(&target), summary.control_mean());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn overall_target(&self, p: &Perturbation) -> Target {
        let n = self.control().rows().len() as f64;
        let strata = self.control().by_stratum().iter();
        let weights = strata.map(|(s, rows)| (Some(*s), rows.len() as f64 / n)).collect();
        Target::new(p.clone(), weights)
    }
}
