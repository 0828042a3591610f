//! A perturbation: the set of genes that were hit, and the label it was read from.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::Error;

/// How perturbation labels of a screen are written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelFormat {
    /// The label of unperturbed cells; as a part of a label (`A+control`) it stands for "nothing".
    pub control: String,
    /// What joins the genes of a combination.
    pub separator: char,
}

impl Default for LabelFormat {
    fn default() -> Self {
        Self { control: "control".to_owned(), separator: '+' }
    }
}

/// A perturbation: a set of targets (genes), empty for control.
///
/// Two perturbations are equal when their targets are, whatever the order in the label:
/// `A+B` and `B+A` are one perturbation. The label is kept as it was read, for printing.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Perturbation {
    label: String,
    targets: Vec<String>,
}

impl Perturbation {
    /// Reads a label.
    ///
    /// # Errors
    /// [`Error::EmptyLabelPart`] when the label or one of its parts is empty.
    pub fn parse(label: &str, format: &LabelFormat) -> Result<Self, Error> {
        let label = label.trim();
        let mut targets = Vec::new();
        if label != format.control {
            for part in label.split(format.separator).map(str::trim) {
                if part.is_empty() {
                    return Err(Error::EmptyLabelPart {
                        label: label.to_owned(),
                        separator: format.separator,
                    });
                }
                if part != format.control {
                    targets.push(part.to_owned());
                }
            }
        }
        targets.sort_unstable();
        targets.dedup();
        Ok(Self { label: label.to_owned(), targets })
    }

    /// The label as it was read.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The perturbed genes, sorted bytewise, each once; empty for control.
    pub fn targets(&self) -> &[String] {
        &self.targets
    }

    /// Whether nothing is perturbed.
    pub fn is_control(&self) -> bool {
        self.targets.is_empty()
    }

    /// The spelling that does not depend on the order in the label: sorted targets joined by `+`, empty for control.
    pub fn key(&self) -> String {
        self.targets.join("+")
    }
}

impl fmt::Display for Perturbation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl PartialEq for Perturbation {
    fn eq(&self, other: &Self) -> bool {
        self.targets == other.targets
    }
}
impl Eq for Perturbation {}

impl Hash for Perturbation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.targets.hash(state);
    }
}

impl Ord for Perturbation {
    fn cmp(&self, other: &Self) -> Ordering {
        self.targets.cmp(&other.targets)
    }
}
impl PartialOrd for Perturbation {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_is_the_empty_set_and_vanishes_in_combinations() {
        let format = LabelFormat { control: "ctrl".into(), separator: '+' };
        assert!(Perturbation::parse("ctrl", &format).unwrap().is_control());
        let single = Perturbation::parse("ctrl+KLF1", &format).unwrap();
        assert_eq!(single.targets(), ["KLF1"]);
        assert_eq!(single.label(), "ctrl+KLF1");
    }

    #[test]
    fn empty_parts_are_refused() {
        for label in ["", "A+", "+A", "A++B"] {
            assert!(matches!(
                Perturbation::parse(label, &LabelFormat::default()),
                Err(Error::EmptyLabelPart { .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn the_order_of_genes_does_not_matter(a in "[A-Z][A-Z0-9-]{0,8}", b in "[A-Z][A-Z0-9-]{0,8}") {
            let format = LabelFormat::default();
            let ab = Perturbation::parse(&format!("{a}+{b}"), &format).unwrap();
            let ba = Perturbation::parse(&format!("{b}+{a}"), &format).unwrap();
            prop_assert_eq!(ab.key(), ba.key());
            prop_assert_eq!(ab, ba);
        }
    }
}
