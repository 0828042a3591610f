//! Whether a split, perhaps written by hand, can mean what it says.

use std::collections::HashSet;

use super::{HoldOut, SPLIT_FORMAT, Split};
use crate::{Error, LabelFormat, Perturbation, Population};

impl Split {
    /// Refuses what no screen can mend: another format, an entry listed twice, and a label in train and in test under a
    /// rule of ours that holds out whole labels.
    ///
    /// # Errors
    /// [`Error::SplitFormat`], [`Error::SplitDuplicate`], [`Error::SplitOverlap`].
    ///
    /// ```
    /// # use pert_core::Split;
    /// let json = r#"{"format": 1, "rule": "seen-2:0.2", "seed": 0, "train": ["A", "A"], "test": ["A+B"]}"#;
    /// let split: Split = serde_json::from_str(json).expect("a split file");
    /// assert_eq!(split.check().unwrap_err().to_string(), "train of the split lists \"A\" twice; keep one");
    /// ```
    pub fn check(&self) -> Result<(), Error> {
        if self.format != SPLIT_FORMAT {
            return Err(Error::SplitFormat { found: self.format, expected: SPLIT_FORMAT });
        }
        let lists =
            [("train", &self.train), ("test", &self.test), ("test_cells", &self.test_cells)];
        for (list, entries) in lists {
            let mut before = HashSet::with_capacity(entries.len());
            if let Some(twice) = entries.iter().find(|entry| !before.insert(entry.as_str())) {
                return Err(Error::SplitDuplicate { list, label: twice.clone() });
            }
        }
        // A rule that is not ours is for the record; it may hold out single cells.
        let whole = self.rule.parse::<HoldOut>().is_ok_and(|known| !known.rule.splits_labels());
        match self.test.iter().find(|label| whole && self.train.contains(label)) {
            None => Ok(()),
            Some(label) => Err(Error::SplitOverlap {
                label: label.clone(),
                mend: "the rule holds out whole labels: take it from one of them",
            }),
        }
    }

    /// Checks the split, and refuses one that does not fit a screen.
    ///
    /// Beside [`Self::check`]: labels are compared as perturbations (`A+B` is `B+A`), training needs control cells, and
    /// the screen must hold every label and cell named. A screen of which cells were dropped may lack some; whoever
    /// accepts that matches on [`Error::UnknownPerturbation`] and [`Error::UnknownCells`], which come last.
    ///
    /// # Errors
    /// Those of [`Self::check`] and [`Perturbation::parse`], [`Error::SplitWithoutControl`],
    /// [`Error::UnknownPerturbation`], [`Error::UnknownCells`].
    ///
    /// ```
    /// use pert_core::Split;
    /// # use pert_core::{CsrCounts, LabelFormat, Perturbation, Population};
    /// # let format = LabelFormat::default();
    /// # let labels = ["control", "A", "A+B"].iter().cycle().take(6);
    /// # let of_cell = labels.map(|l| Perturbation::parse(l, &format)).collect::<Result<Vec<_>, _>>()?;
    /// # let cells = (0..6).map(|i| format!("cell {i}")).collect();
    /// # let counts = CsrCounts::from_dense(1, &[1.0; 6])?;
    /// // `screen` holds cells of control, A and A+B.
    /// # let screen = Population::new(counts, vec!["gene".into()], cells, &of_cell, vec![])?;
    /// let mut split = Split::train_on_all(&screen);
    /// split.train.retain(|label| label != "A+B");
    /// split.test = vec!["B+A".into()];
    /// assert_eq!(split.check_against(&screen, &format), Ok(()));
    /// split.train.push("A+B".into());
    /// assert!(split.check_against(&screen, &format).is_err());
    /// # Ok::<(), pert_core::Error>(())
    /// ```
    pub fn check_against(&self, screen: &Population, format: &LabelFormat) -> Result<(), Error> {
        self.check()?;
        let train = parse_unique("train", &self.train, format)?;
        let test = parse_unique("test", &self.test, format)?;
        if !train.iter().any(Perturbation::is_control) {
            return Err(Error::SplitWithoutControl { control: format.control.clone() });
        }
        if let (true, Some(both)) =
            (self.test_cells.is_empty(), test.iter().find(|p| train.contains(p)))
        {
            return Err(Error::SplitOverlap {
                label: both.label().to_owned(),
                mend: "name the cells held out in test_cells",
            });
        }
        let known: HashSet<&Perturbation> = screen.perturbations().iter().collect();
        if let Some(unknown) =
            train.iter().chain(&test).find(|p| !p.is_control() && !known.contains(p))
        {
            return Err(Error::unknown_perturbation(unknown.label(), screen));
        }
        let cells: HashSet<&str> = screen.cells().iter().map(String::as_str).collect();
        let absent: Vec<String> =
            self.test_cells.iter().filter(|cell| !cells.contains(cell.as_str())).cloned().collect();
        if absent.is_empty() {
            Ok(())
        } else {
            Err(Error::UnknownCells { cells: absent, n_cells: self.test_cells.len() })
        }
    }
}

/// The perturbations of a list, none of which may stand twice in two spellings.
fn parse_unique(
    list: &'static str,
    labels: &[String],
    format: &LabelFormat,
) -> Result<Vec<Perturbation>, Error> {
    let mut before = HashSet::with_capacity(labels.len());
    let mut parsed = Vec::with_capacity(labels.len());
    for label in labels {
        let p = Perturbation::parse(label, format)?;
        if !before.insert(p.clone()) {
            return Err(Error::SplitDuplicate { list, label: label.clone() });
        }
        parsed.push(p);
    }
    Ok(parsed)
}
