//! Hold-out rules, as they are written on the command line.

use std::fmt;
use std::str::FromStr;

use crate::Error;

pub(crate) const KNOWN_RULES: &str = "cells, unseen-single, seen-0, seen-1, seen-2, covariate-transfer, position, \
    scaffold (each but cells with an optional :FRACTION), sorted-K[:FOLD], labels:A,B";

/// Share of the candidates held out when the rule names none.
const DEFAULT_FRACTION: f64 = 0.2;

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
    /// A share of the residue positions of protein variants, each with every variant that changes it.
    ///
    /// Candidates are the positions (gene and residue) that some perturbation changes alone, sorted by gene bytewise,
    /// then by number. Tested is a perturbation all of whose changed positions are held out; one that also changes a
    /// position kept is used for nothing, so that training never sees a held-out position. A synonymous substitution
    /// changes no position: a perturbation of such ones alone stays in training. A stop changes the position where it
    /// stands, and no later one. Wild type is control.
    Position,
    /// A share of the groups of drugs, such as those of one Bemis–Murcko scaffold; each with every drug of it, at all
    /// doses. The groups are given to [`SplitConfig::split_with_groups`](crate::SplitConfig::split_with_groups).
    ///
    /// Candidates are the groups of which some perturbation holds drugs and no others, sorted bytewise. Tested is a
    /// perturbation all of whose drugs are of held-out groups; a combination with a drug of another group is used for
    /// nothing.
    Scaffold,
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

impl HoldOut {
    /// The share of the candidates held out, said or not.
    pub(super) fn share(&self) -> f64 {
        self.fraction.unwrap_or(DEFAULT_FRACTION)
    }
}

impl HoldOutRule {
    /// Whether single cells are held out, so that a label may stand in training and in test.
    pub(super) fn splits_labels(&self) -> bool {
        matches!(self, Self::Cells | Self::CovariateTransfer)
    }
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
            "position" => HoldOutRule::Position,
            "scaffold" => HoldOutRule::Scaffold,
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
            Self::Position => f.write_str("position"),
            Self::Scaffold => f.write_str("scaffold"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_print_as_they_are_read() {
        for rule in [
            "cells",
            "seen-1:0.2",
            "sorted-5:2",
            "labels:A,B",
            "unseen-single:0.1",
            "position:0.25",
            "scaffold:0.3",
        ] {
            assert_eq!(rule.parse::<HoldOut>().unwrap().to_string(), rule);
        }
        assert_eq!("position".parse::<HoldOut>().unwrap().to_string(), "position:0.2");
        for bad in [
            "seen-3",
            "sorted-1",
            "sorted-5:5",
            "cells:0.5",
            "seen-2:2",
            "labels:",
            "x",
            "position:0",
            "scaffold:1",
            "scaffold:NaN",
        ] {
            assert!(bad.parse::<HoldOut>().is_err(), "{bad}");
        }
    }
}
