//! How a screen is split.

use std::collections::BTreeSet;

use super::draw::choose_control;
use super::rules::apply;
use super::{HoldOut, HoldOutRule, SPLIT_FORMAT, Split};
use crate::{Error, Perturbation, Population};

/// How to split a screen.
///
/// ```
/// use pert_core::SplitConfig;
/// # use pert_core::{CsrCounts, LabelFormat, Perturbation, Population};
/// // `screen` holds four cells each of control, A, B, A+B and A+C.
/// # let format = LabelFormat::default();
/// # let labels = ["control", "A", "B", "A+B", "A+C"].iter().cycle().take(20);
/// # let of_cell = labels.map(|l| Perturbation::parse(l, &format)).collect::<Result<Vec<_>, _>>()?;
/// # let cells = (0..20).map(|i| format!("cell {i}")).collect();
/// # let counts = CsrCounts::from_dense(1, &[1.0; 20])?;
/// # let screen = Population::new(counts, vec!["gene".into()], cells, &of_cell, vec![])?;
/// let split = SplitConfig::new("seen-2".parse()?, 0).split(&screen)?;
/// // C was never perturbed alone, so only A+B has both genes seen.
/// assert_eq!(split.test, ["A+B"]);
/// assert_eq!(split.train, ["A", "A+C", "B", "control"]);
/// // Half of the four control cells are kept apart for the evaluation.
/// assert_eq!(split.reference_cells(&screen).len(), 2);
/// assert_eq!(split.train_cells(&screen, &format).len(), 3 * 4 + 2);
/// # Ok::<(), pert_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SplitConfig {
    /// What is held out.
    pub hold_out: HoldOut,
    /// Seed of the random rules and of the control split.
    pub seed: u64,
    /// Share of the control cells kept apart as the reference of the evaluation, in [0, 1); default 0.5.
    /// With 0 all control cells are both learned from and compared with. `cells` splits controls by its own rule.
    pub control_split: f64,
}

impl SplitConfig {
    /// The rule with its seed, half of the control cells kept apart.
    pub fn new(hold_out: HoldOut, seed: u64) -> Self {
        Self { hold_out, seed, control_split: 0.5 }
    }

    /// Splits a screen. Random choices: candidates sorted bytewise, then [`shuffled_indices`](crate::shuffled_indices).
    ///
    /// # Errors
    /// [`Error::EmptySplit`] when nothing is left to test or to train on, [`Error::UnknownPerturbation`] for a
    /// label the screen does not hold, [`Error::WrongKind`] for `position` where a label names no protein variant,
    /// [`Error::NoGroup`] for `scaffold`, which needs [`Self::split_with_groups`].
    pub fn split(&self, screen: &Population) -> Result<Split, Error> {
        self.split_with_groups(screen, &|_| None)
    }

    /// Splits a screen, with the group of each drug for the rule `scaffold`. Other rules ask for no group.
    ///
    /// `group_of` is asked for names of drugs as [`DrugDose::drug`](crate::DrugDose::drug) gives them, once each. This
    /// crate knows no chemistry: a group may be a scaffold or anything else that drugs share.
    ///
    /// # Errors
    /// Those of [`Self::split`]; [`Error::NoGroup`] names the drugs for which `group_of` gives `None`.
    ///
    /// ```
    /// use pert_core::SplitConfig;
    /// # use pert_core::{CsrCounts, LabelFormat, LabelKind, Perturbation, Population};
    /// // `screen` holds two cells each of control, two ibuprofens, ibuprofen twice as high, and caffeine.
    /// # let format = LabelFormat { kind: LabelKind::Drugs, ..LabelFormat::default() };
    /// # let labels = ["control", "ibuprofen_1uM", "ibuprofen_2uM", "dexibuprofen_1uM", "caffeine_1uM"];
    /// # let labels = labels.iter().cycle().take(10);
    /// # let of_cell = labels.map(|l| Perturbation::parse(l, &format)).collect::<Result<Vec<_>, _>>()?;
    /// # let cells = (0..10).map(|i| format!("cell {i}")).collect();
    /// # let counts = CsrCounts::from_dense(1, &[1.0; 10])?;
    /// # let screen = Population::new(counts, vec!["gene".into()], cells, &of_cell, vec![])?;
    /// let scaffold_of = |drug: &str| match drug {
    ///     "ibuprofen" | "dexibuprofen" => Some("c1ccccc1".to_owned()),
    ///     "caffeine" => Some("O=c1[nH]c(=O)c2[nH]cnc2[nH]1".to_owned()),
    ///     _ => None,
    /// };
    /// let config = SplitConfig::new("scaffold:0.5".parse()?, 0);
    /// let split = config.split_with_groups(&screen, &scaffold_of)?;
    /// // One of the two groups is held out, whole.
    /// let together = ["dexibuprofen_1uM", "ibuprofen_1uM", "ibuprofen_2uM"];
    /// assert!(split.test == together || split.test == ["caffeine_1uM"]);
    ///
    /// let error = config.split_with_groups(&screen, &|_| None).unwrap_err();
    /// assert!(error.to_string().contains("caffeine"));
    /// # Ok::<(), pert_core::Error>(())
    /// ```
    pub fn split_with_groups(
        &self,
        screen: &Population,
        group_of: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Split, Error> {
        let mut perturbed: Vec<&Perturbation> =
            screen.perturbations().iter().filter(|p| !p.is_control()).collect();
        perturbed.sort_by_key(|p| p.label());
        let held_out = apply(self, screen, &perturbed, group_of)?;
        let mut test_cells: BTreeSet<usize> = match held_out.cells {
            Some(cells) => cells,
            None => held_out.test.iter().flat_map(|p| screen.cells_of(p)).collect(),
        };
        if self.hold_out.rule != HoldOutRule::Cells {
            let control = screen.control_cells();
            test_cells.extend(choose_control(&control, self.control_split, self.seed));
        }
        let splits_labels = self.hold_out.rule.splits_labels();
        let is_learned =
            |p: &Perturbation| !held_out.test.contains(&p) && !held_out.unused.contains(p);
        let train: Vec<&Perturbation> = screen
            .perturbations()
            .iter()
            .filter(|p| p.is_control() || splits_labels || is_learned(p))
            .collect();
        let rule = self.hold_out.to_string();
        if held_out.test.is_empty() {
            return Err(Error::EmptySplit {
                rule,
                what: "perturbation to test",
                reason: format!("none of the {} perturbations fits the rule", perturbed.len()),
            });
        }
        if !train.iter().any(|p| !p.is_control()) {
            return Err(Error::EmptySplit {
                rule,
                what: "perturbation to train on",
                reason: format!("all {} perturbations are held out", perturbed.len()),
            });
        }
        Ok(Split {
            format: SPLIT_FORMAT,
            rule,
            seed: self.seed,
            train: sorted_labels(&train),
            test: sorted_labels(&held_out.test),
            test_cells: test_cells.into_iter().map(|i| screen.cells()[i].clone()).collect(),
        })
    }
}

fn sorted_labels(perturbations: &[&Perturbation]) -> Vec<String> {
    let mut labels: Vec<String> = perturbations.iter().map(|p| p.label().to_owned()).collect();
    labels.sort_unstable();
    labels
}
