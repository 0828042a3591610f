//! The split as a file, and the cells it means.

use std::collections::HashSet;

use super::HoldOutRule;
use crate::{LabelFormat, Perturbation, Population};

/// The version of the split file written and read here.
pub const SPLIT_FORMAT: u32 = 1;

/// A split as it is written beside a model (`split.json`).
///
/// ```
/// use pert_core::Split;
/// // A split of one's own, as any tool may write it.
/// let split: Split = serde_json::from_str(
///     r#"{"format": 1, "rule": "mine", "seed": 0, "train": ["control", "A", "B"], "test": ["A+B"]}"#,
/// )
/// .expect("a split file");
/// split.check()?;
/// assert_eq!(split.test, ["A+B"]);
/// assert!(split.test_cells.is_empty());
/// # Ok::<(), pert_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Version of this file format, [`SPLIT_FORMAT`].
    pub format: u32,
    /// The rule that made it, for the record.
    pub rule: String,
    /// The seed that made it.
    pub seed: u64,
    /// Labels a model may learn from, control included.
    pub train: Vec<String>,
    /// Labels it is judged on.
    pub test: Vec<String>,
    /// Names of the cells it is judged on, control cells of the reference included. May be left empty when
    /// `train` and `test` share no label: then all cells of the `test` labels are meant.
    #[serde(default)]
    pub test_cells: Vec<String>,
}

impl Split {
    /// A split in which every cell is learned from.
    pub fn train_on_all(screen: &Population) -> Self {
        Self {
            format: SPLIT_FORMAT,
            rule: "none".into(),
            seed: 0,
            train: screen.perturbations().iter().map(|p| p.label().to_owned()).collect(),
            test: Vec::new(),
            test_cells: Vec::new(),
        }
    }

    /// Rows to learn from: cells of the `train` labels (and of control) that are not held out.
    pub fn train_cells(&self, screen: &Population, format: &LabelFormat) -> Vec<usize> {
        let rows = Rows::of(self, format);
        (0..screen.n_cells())
            .filter(|&i| {
                let p = screen.perturbation_of(i);
                (p.is_control() || rows.train.contains(p)) && !rows.is_test(screen, i)
            })
            .collect()
    }

    /// Rows to be judged on, control excluded.
    pub fn test_cells(&self, screen: &Population, format: &LabelFormat) -> Vec<usize> {
        let rows = Rows::of(self, format);
        (0..screen.n_cells())
            .filter(|&i| {
                let p = screen.perturbation_of(i);
                !p.is_control() && rows.test.contains(p) && rows.is_test(screen, i)
            })
            .collect()
    }

    /// Control rows that evaluation compares with: the held-out ones, or all where none is held out.
    ///
    /// Under `cells`, which holds out every fifth control cell too, it is the training ones: the noise of a small
    /// reference is shared by real and predicted shifts, and would correlate them whatever is predicted.
    pub fn reference_cells(&self, screen: &Population) -> Vec<usize> {
        let names: HashSet<&str> = self.test_cells.iter().map(String::as_str).collect();
        let control = screen.control_cells();
        let (held_out, training): (Vec<usize>, Vec<usize>) =
            control.iter().partition(|&&i| names.contains(screen.cells()[i].as_str()));
        let reference =
            if self.rule == HoldOutRule::Cells.to_string() { training } else { held_out };
        if reference.is_empty() { control } else { reference }
    }
}

/// The split with its labels parsed, ready for look-ups.
struct Rows<'a> {
    train: HashSet<Perturbation>,
    test: HashSet<Perturbation>,
    names: HashSet<&'a str>,
}

impl<'a> Rows<'a> {
    fn of(split: &'a Split, format: &LabelFormat) -> Self {
        let parse = |labels: &[String]| {
            labels.iter().filter_map(|l| Perturbation::parse(l, format).ok()).collect()
        };
        Self {
            train: parse(&split.train),
            test: parse(&split.test),
            names: split.test_cells.iter().map(String::as_str).collect(),
        }
    }

    fn is_test(&self, screen: &Population, cell: usize) -> bool {
        let p = screen.perturbation_of(cell);
        self.names.contains(screen.cells()[cell].as_str())
            || self.test.contains(p) && !self.train.contains(p)
    }
}
