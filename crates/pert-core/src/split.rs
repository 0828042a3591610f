//! Which cells a model may learn from, and which it is judged on.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::str::FromStr;

use crate::{
    CovariateRole, CovariateValues, Error, LabelFormat, Perturbation, Population, seeded_rng,
    shuffled_indices,
};

/// The version of the split file written and read here.
pub const SPLIT_FORMAT: u32 = 1;

pub(crate) const KNOWN_RULES: &str = "cells, unseen-single, seen-0, seen-1, seen-2, covariate-transfer \
    (each with an optional :FRACTION), sorted-K[:FOLD], labels:A,B";

/// Share of the candidates held out when the rule names none.
const DEFAULT_FRACTION: f64 = 0.2;

/// Within `cells`, cell `i` of a label is test if `i % 5 == 4`.
const CELLS_PERIOD: usize = 5;

/// What is held out.
///
/// ```
/// use pert_core::{HoldOut, HoldOutRule};
/// assert_eq!("sorted-5:2".parse::<HoldOut>()?.rule, HoldOutRule::Sorted { k: 5, fold: 2 });
/// assert_eq!("seen-0".parse::<HoldOut>()?.rule, HoldOutRule::Seen(0));
/// # Ok::<(), pert_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum HoldOutRule {
    /// Every fifth cell of every label, control included: fidelity to seen perturbations.
    Cells,
    /// A share of the single genes, with every combination that contains one of them.
    UnseenSingle,
    /// Combinations of which exactly this many genes (0, 1 or 2) were seen alone in training.
    Seen(u8),
    /// Pairs of (perturbation, cell type) whose perturbation is seen in another cell type.
    CovariateTransfer,
    /// Labels sorted bytewise, held out where index % k = fold. No randomness.
    Sorted {
        /// Number of folds.
        k: usize,
        /// The fold held out.
        fold: usize,
    },
    /// The labels named.
    Labels(Vec<String>),
}

/// A rule with its share, as written on the command line: `RULE[:FRACTION]`.
///
/// ```
/// use pert_core::HoldOut;
/// let rule: HoldOut = "seen-2:0.3".parse()?;
/// assert_eq!(rule.to_string(), "seen-2:0.3");
/// assert!("seen-7".parse::<HoldOut>().is_err());
/// # Ok::<(), pert_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HoldOut {
    /// What is held out.
    pub rule: HoldOutRule,
    /// Share of the candidates held out, in (0, 1); rules without randomness have none.
    pub fraction: Option<f64>,
}

impl FromStr for HoldOut {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::UnknownRule { rule: text.to_owned(), reason };
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        if name == "labels" {
            let labels: Vec<String> = argument
                .unwrap_or_default()
                .split(',')
                .map(|l| l.trim().to_owned())
                .filter(|l| !l.is_empty())
                .collect();
            if labels.is_empty() {
                return Err(bad("name at least one label".into()));
            }
            return Ok(Self { rule: HoldOutRule::Labels(labels), fraction: None });
        }
        if let Some(k) = name.strip_prefix("sorted-") {
            let k: usize = k.parse().map_err(|_| bad(format!("{k:?} is no number of folds")))?;
            let fold: usize = match argument {
                None => 0,
                Some(a) => a.parse().map_err(|_| bad(format!("{a:?} is no fold")))?,
            };
            if k < 2 || fold >= k {
                return Err(bad(format!("needs k ≥ 2 and fold < k, got k = {k}, fold = {fold}")));
            }
            return Ok(Self { rule: HoldOutRule::Sorted { k, fold }, fraction: None });
        }
        let rule = match name {
            "cells" => HoldOutRule::Cells,
            "unseen-single" => HoldOutRule::UnseenSingle,
            "seen-0" => HoldOutRule::Seen(0),
            "seen-1" => HoldOutRule::Seen(1),
            "seen-2" => HoldOutRule::Seen(2),
            "covariate-transfer" => HoldOutRule::CovariateTransfer,
            "scaffold" | "position" => {
                return Err(bad("it needs drugs or protein variants, which come later".into()));
            }
            _ => return Err(bad("no rule of that name".into())),
        };
        if rule == HoldOutRule::Cells {
            return match argument {
                None => Ok(Self { rule, fraction: None }),
                Some(_) => Err(bad("it always holds out every fifth cell".into())),
            };
        }
        let fraction = match argument {
            None => DEFAULT_FRACTION,
            Some(a) => a
                .parse()
                .ok()
                .filter(|f| *f > 0.0 && *f < 1.0)
                .ok_or_else(|| bad(format!("{a:?} is no fraction between 0 and 1")))?,
        };
        Ok(Self { rule, fraction: Some(fraction) })
    }
}

impl fmt::Display for HoldOutRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cells => f.write_str("cells"),
            Self::UnseenSingle => f.write_str("unseen-single"),
            Self::Seen(k) => write!(f, "seen-{k}"),
            Self::CovariateTransfer => f.write_str("covariate-transfer"),
            Self::Sorted { k, fold } => write!(f, "sorted-{k}:{fold}"),
            Self::Labels(labels) => write!(f, "labels:{}", labels.join(",")),
        }
    }
}

impl fmt::Display for HoldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.fmt(f)?;
        match self.fraction {
            Some(fraction) => write!(f, ":{fraction}"),
            None => Ok(()),
        }
    }
}

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

    /// Splits a screen. Random choices: candidates sorted bytewise, then [`shuffled_indices`].
    ///
    /// # Errors
    /// [`Error::EmptySplit`] when nothing is left to test or to train on, [`Error::UnknownPerturbation`] for a
    /// label the screen does not hold.
    pub fn split(&self, screen: &Population) -> Result<Split, Error> {
        let rule = self.hold_out.to_string();
        let perturbed: Vec<&Perturbation> = {
            let mut all: Vec<_> =
                screen.perturbations().iter().filter(|p| !p.is_control()).collect();
            all.sort_by(|a, b| a.label().as_bytes().cmp(b.label().as_bytes()));
            all
        };
        let fraction = self.hold_out.fraction.unwrap_or(DEFAULT_FRACTION);
        let mut test_cells: BTreeSet<usize> = BTreeSet::new();
        // Combinations of held-out genes that are neither learned from nor tested.
        let mut unused: HashSet<&Perturbation> = HashSet::new();
        let test: Vec<&Perturbation> = match &self.hold_out.rule {
            HoldOutRule::Cells => {
                for p in screen.perturbations() {
                    test_cells.extend(
                        screen.cells_of(p).into_iter().skip(CELLS_PERIOD - 1).step_by(CELLS_PERIOD),
                    );
                }
                perturbed.clone()
            }
            HoldOutRule::Labels(labels) => labels
                .iter()
                .map(|label| {
                    perturbed
                        .iter()
                        .find(|p| p.label() == label)
                        .copied()
                        .ok_or_else(|| unknown_label(label, screen))
                })
                .collect::<Result<_, _>>()?,
            HoldOutRule::Sorted { k, fold } => perturbed
                .iter()
                .enumerate()
                .filter(|(i, _)| i % k == *fold)
                .map(|(_, p)| *p)
                .collect(),
            HoldOutRule::UnseenSingle => {
                let singles: Vec<_> =
                    perturbed.iter().copied().filter(|p| p.targets().len() == 1).collect();
                let chosen = self.choose(&singles, fraction);
                let genes: HashSet<&str> = chosen.iter().map(|p| p.targets()[0].as_str()).collect();
                unused.extend(perturbed.iter().filter(|p| {
                    p.targets().len() > 1 && p.targets().iter().any(|g| genes.contains(g.as_str()))
                }));
                chosen
            }
            HoldOutRule::Seen(2) => {
                let alone = genes_seen_alone(&perturbed, &HashSet::new());
                let pairs: Vec<_> = perturbed
                    .iter()
                    .copied()
                    .filter(|p| p.targets().len() == 2 && n_seen(p, &alone) == 2)
                    .collect();
                self.choose(&pairs, fraction)
            }
            HoldOutRule::Seen(k) => {
                let (test, held_out) = self.hold_out_genes(&perturbed, usize::from(*k), fraction);
                unused.extend(perturbed.iter().filter(|p| {
                    p.targets().iter().any(|g| held_out.contains(g.as_str())) && !test.contains(p)
                }));
                test
            }
            HoldOutRule::CovariateTransfer => {
                test_cells = self.transfer_cells(screen, &perturbed, fraction)?;
                perturbed
                    .iter()
                    .copied()
                    .filter(|p| screen.cells_of(p).iter().any(|i| test_cells.contains(i)))
                    .collect()
            }
        };
        let by_cells =
            matches!(self.hold_out.rule, HoldOutRule::Cells | HoldOutRule::CovariateTransfer);
        if !by_cells {
            for p in &test {
                test_cells.extend(screen.cells_of(p));
            }
        }
        if self.hold_out.rule != HoldOutRule::Cells {
            test_cells.extend(self.choose_control(&screen.control_cells()));
        }
        let train: Vec<&Perturbation> = screen
            .perturbations()
            .iter()
            .filter(|p| p.is_control() || by_cells || !test.contains(p) && !unused.contains(p))
            .collect();
        let empty = |what, reason: String| Error::EmptySplit { rule: rule.clone(), what, reason };
        if test.is_empty() {
            return Err(empty(
                "perturbation to test",
                format!("none of the {} perturbations fits the rule", perturbed.len()),
            ));
        }
        if !train.iter().any(|p| !p.is_control()) {
            return Err(empty(
                "perturbation to train on",
                format!("all {} perturbations are held out", perturbed.len()),
            ));
        }
        let labels = |ps: Vec<&Perturbation>| {
            let mut labels: Vec<String> = ps.iter().map(|p| p.label().to_owned()).collect();
            labels.sort_unstable();
            labels
        };
        Ok(Split {
            format: SPLIT_FORMAT,
            rule: rule.clone(),
            seed: self.seed,
            train: labels(train),
            test: labels(test),
            test_cells: test_cells.into_iter().map(|i| screen.cells()[i].clone()).collect(),
        })
    }

    /// A random share of sorted candidates, at least one, in sorted order.
    fn choose<T: Copy>(&self, candidates: &[T], fraction: f64) -> Vec<T> {
        if candidates.is_empty() {
            return Vec::new();
        }
        let n = ((candidates.len() as f64 * fraction).round() as usize).max(1);
        let order = shuffled_indices(candidates.len(), &mut seeded_rng(self.seed, "split"));
        let mut chosen = order[..n].to_vec();
        chosen.sort_unstable();
        chosen.into_iter().map(|i| candidates[i]).collect()
    }

    /// Holds out genes, a random pair's at a time, until a share of the pairs has exactly `k` genes seen alone.
    /// Returns those pairs and the genes; every other perturbation of those genes must stay unused.
    fn hold_out_genes<'a>(
        &self,
        perturbed: &[&'a Perturbation],
        k: usize,
        fraction: f64,
    ) -> (Vec<&'a Perturbation>, HashSet<&'a str>) {
        let pairs: Vec<&Perturbation> =
            perturbed.iter().copied().filter(|p| p.targets().len() == 2).collect();
        let tested = |held_out: &HashSet<&str>| -> Vec<&'a Perturbation> {
            let alone = genes_seen_alone(perturbed, held_out);
            pairs
                .iter()
                .copied()
                .filter(|p| p.targets().iter().any(|g| held_out.contains(g.as_str())))
                .filter(|p| n_seen(p, &alone) == k)
                .collect()
        };
        let wanted = ((pairs.len() as f64 * fraction).round() as usize).max(1);
        let mut held_out: HashSet<&str> = HashSet::new();
        let order = shuffled_indices(pairs.len(), &mut seeded_rng(self.seed, "split"));
        for pair in order.into_iter().map(|i| pairs[i]) {
            let (a, b) = (pair.targets()[0].as_str(), pair.targets()[1].as_str());
            for genes in [vec![a], vec![b], vec![a, b]] {
                let n_tested = tested(&held_out).len();
                if n_tested >= wanted {
                    break;
                }
                let mut more = held_out.clone();
                more.extend(genes);
                if tested(&more).len() > n_tested {
                    held_out = more;
                }
            }
        }
        (tested(&held_out), held_out)
    }

    fn choose_control(&self, control: &[usize]) -> Vec<usize> {
        let n = (control.len() as f64 * self.control_split).floor() as usize;
        let order = shuffled_indices(control.len(), &mut seeded_rng(self.seed, "split/control"));
        order[..n].iter().map(|&i| control[i]).collect()
    }

    fn transfer_cells(
        &self,
        screen: &Population,
        perturbed: &[&Perturbation],
        fraction: f64,
    ) -> Result<BTreeSet<usize>, Error> {
        let cell_type = screen.covariates().iter().find(|c| c.role == CovariateRole::CellType);
        let Some(CovariateValues::Categorical { levels, codes }) = cell_type.map(|c| &c.values)
        else {
            return Err(Error::EmptySplit {
                rule: self.hold_out.to_string(),
                what: "perturbation to test",
                reason: "the data has no cell types (--cell-type-key)".into(),
            });
        };
        let mut present: BTreeSet<(usize, u32)> = BTreeSet::new();
        for (index, p) in perturbed.iter().enumerate() {
            present.extend(screen.cells_of(p).into_iter().map(|cell| (index, codes[cell])));
        }
        let candidates: Vec<(usize, u32)> = present.iter().copied().collect();
        let wanted = ((candidates.len() as f64 * fraction).round() as usize).max(1);
        let order = shuffled_indices(candidates.len(), &mut seeded_rng(self.seed, "split"));
        let mut left = vec![0usize; perturbed.len()];
        candidates.iter().for_each(|c| left[c.0] += 1);
        let mut held_out: HashSet<(usize, u32)> = HashSet::new();
        for candidate in order.into_iter().map(|i| candidates[i]) {
            if held_out.len() < wanted && left[candidate.0] > 1 {
                left[candidate.0] -= 1;
                held_out.insert(candidate);
            }
        }
        if held_out.is_empty() {
            return Err(Error::EmptySplit {
                rule: self.hold_out.to_string(),
                what: "perturbation to test",
                reason: format!(
                    "no perturbation is seen in two of the {} cell types",
                    levels.len()
                ),
            });
        }
        let mut cells = BTreeSet::new();
        for (index, p) in perturbed.iter().enumerate() {
            cells.extend(
                screen.cells_of(p).into_iter().filter(|&i| held_out.contains(&(index, codes[i]))),
            );
        }
        Ok(cells)
    }
}

fn genes_seen_alone<'a>(
    perturbed: &[&'a Perturbation],
    held_out: &HashSet<&str>,
) -> HashSet<&'a str> {
    perturbed
        .iter()
        .filter(|p| p.targets().len() == 1)
        .map(|p| p.targets()[0].as_str())
        .filter(|gene| !held_out.contains(gene))
        .collect()
}

fn n_seen(p: &Perturbation, alone: &HashSet<&str>) -> usize {
    p.targets().iter().filter(|g| alone.contains(g.as_str())).count()
}

fn unknown_label(label: &str, screen: &Population) -> Error {
    // Cheap nearness: share of common characters at the start, then lexical order.
    let common = |other: &str| label.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let mut labels: Vec<&str> = screen.perturbations().iter().map(Perturbation::label).collect();
    labels.sort_by_key(|other| (std::cmp::Reverse(common(other)), *other));
    labels.truncate(3);
    Error::UnknownPerturbation { label: label.to_owned(), nearest: labels.join(", ") }
}

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

    /// Refuses a split of another format.
    ///
    /// # Errors
    /// [`Error::SplitFormat`].
    pub fn check(&self) -> Result<(), Error> {
        if self.format == SPLIT_FORMAT {
            Ok(())
        } else {
            Err(Error::SplitFormat { found: self.format, expected: SPLIT_FORMAT })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Covariate, CsrCounts};

    fn screen() -> Population {
        let labels = ["control", "A", "B", "C", "A+B", "B+C", "A+D", "D+E"];
        let per_label = 10;
        let n = labels.len() * per_label;
        let perturbations: Vec<Perturbation> = (0..n)
            .map(|i| {
                Perturbation::parse(labels[i % labels.len()], &LabelFormat::default()).unwrap()
            })
            .collect();
        let types: Vec<String> = (0..n).map(|i| format!("t{}", (i / labels.len()) % 2)).collect();
        Population::new(
            CsrCounts::from_dense(1, &vec![1.0; n]).unwrap(),
            vec!["g".into()],
            (0..n).map(|i| i.to_string()).collect(),
            &perturbations,
            vec![Covariate::categorical("type", CovariateRole::CellType, &types)],
        )
        .unwrap()
    }

    fn split(rule: &str) -> Split {
        SplitConfig::new(rule.parse().unwrap(), 3).split(&screen()).unwrap()
    }

    #[test]
    fn no_cell_is_both_learned_from_and_judged_on() {
        let (screen, format) = (screen(), LabelFormat::default());
        for rule in [
            "cells",
            "seen-0:0.5",
            "seen-1:0.5",
            "seen-2",
            "unseen-single",
            "sorted-3:1",
            "labels:A,B+C",
            "covariate-transfer",
        ] {
            let Ok(split) = SplitConfig::new(rule.parse().unwrap(), 3).split(&screen) else {
                panic!("{rule} holds nothing out")
            };
            let train: HashSet<usize> = split.train_cells(&screen, &format).into_iter().collect();
            let test = split.test_cells(&screen, &format);
            assert!(!test.is_empty() && !train.is_empty(), "{rule}");
            assert!(test.iter().all(|i| !train.contains(i)), "{rule}");
            let reference = split.reference_cells(&screen);
            let shared = reference.iter().filter(|&i| train.contains(i)).count();
            assert_eq!(shared, if rule == "cells" { reference.len() } else { 0 }, "{rule}");
            let json = serde_json::to_string(&split).unwrap();
            assert_eq!(serde_json::from_str::<Split>(&json).unwrap(), split);
        }
    }

    #[test]
    fn every_fifth_cell_of_each_label() {
        let (screen, split) = (screen(), split("cells"));
        let test = split.test_cells(&screen, &LabelFormat::default());
        let a = Perturbation::parse("A", &LabelFormat::default()).unwrap();
        let cells = screen.cells_of(&a);
        let expected = [cells[4], cells[9]];
        let of_a: Vec<usize> =
            test.into_iter().filter(|&i| screen.perturbation_of(i) == &a).collect();
        assert_eq!(of_a, expected);
    }

    #[test]
    fn sorted_labels_are_taken_by_index() {
        // bytewise: A, A+B, A+D, B, B+C, C, D+E
        assert_eq!(split("sorted-3:1").test, ["A+B", "B+C"]);
        assert_eq!(split("sorted-5").test, ["A", "C"]);
    }

    #[test]
    fn seen_k_counts_the_genes_seen_alone() {
        let format = LabelFormat::default();
        for k in 0..=2u8 {
            let split = split(&format!("seen-{k}:0.5"));
            let alone: HashSet<&str> = split.train.iter().map(String::as_str).collect();
            for label in &split.test {
                let p = Perturbation::parse(label, &format).unwrap();
                let seen = p.targets().iter().filter(|g| alone.contains(g.as_str())).count();
                assert_eq!(seen, usize::from(k), "{label} under seen-{k}");
            }
        }
    }

    #[test]
    fn labels_alone_make_a_split() {
        let screen = screen();
        let split = Split {
            format: 1,
            rule: "by hand".into(),
            seed: 0,
            train: vec!["A".into(), "B".into()],
            test: vec!["B+A".into()],
            test_cells: vec![],
        };
        assert_eq!(split.test_cells(&screen, &LabelFormat::default()).len(), 10);
        assert_eq!(split.train_cells(&screen, &LabelFormat::default()).len(), 30);
        assert_eq!(split.reference_cells(&screen).len(), 10);
    }

    #[test]
    fn a_rule_that_holds_everything_or_nothing_is_an_error() {
        let one = screen();
        let all = SplitConfig::new("labels:A,B,C,A+B,B+C,A+D,D+E".parse().unwrap(), 0).split(&one);
        assert!(matches!(all, Err(Error::EmptySplit { .. })));
        let unknown = SplitConfig::new("labels:A+Z".parse().unwrap(), 0).split(&one).unwrap_err();
        assert!(unknown.to_string().contains("A+B"), "{unknown}");
    }

    #[test]
    fn rules_print_as_they_are_read() {
        for rule in ["cells", "seen-1:0.2", "sorted-5:2", "labels:A,B", "unseen-single:0.1"] {
            assert_eq!(rule.parse::<HoldOut>().unwrap().to_string(), rule);
        }
        for bad in ["seen-3", "sorted-1", "sorted-5:5", "cells:0.5", "seen-2:2", "labels:", "x"] {
            assert!(bad.parse::<HoldOut>().is_err(), "{bad}");
        }
    }
}
