//! A perturbation: the set of targets that were hit, and the label it was read from.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::{Error, LabelFormat};

/// A perturbation: a set of targets (genes, protein variants or drugs at a dose), empty for control.
///
/// Two perturbations are equal when their targets are, whatever the order in the label:
/// `A+B` and `B+A` are one perturbation. The label is kept as it was read, for printing.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Perturbation {
    label: String,
    targets: Vec<String>,
}

impl Perturbation {
    /// Reads a label, as docs/labels.md describes.
    ///
    /// # Errors
    /// [`Error::EmptyLabelPart`] when the label or one of its parts is empty, [`Error::LabelPart`] when a part is no
    /// variant or drug where the format says so.
    pub fn parse(label: &str, format: &LabelFormat) -> Result<Self, Error> {
        let label = label.trim();
        let mut targets = Vec::new();
        if label != format.control.trim() {
            for (index, part) in format.parts(label).into_iter().enumerate() {
                if part.is_empty() {
                    return Err(Error::EmptyLabelPart {
                        label: label.to_owned(),
                        separator: format.separator,
                        part: index + 1,
                    });
                }
                targets.extend(format.target(part).map_err(|source| Error::LabelPart {
                    label: label.to_owned(),
                    part: index + 1,
                    source: Box::new(source),
                })?);
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

    /// What is perturbed, in canonical spelling, sorted bytewise, each once; empty for control.
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

    /// The label that a format would give it: sorted targets joined by the separator, or the control label.
    ///
    /// Read under the same format, it is the same perturbation again:
    ///
    /// ```
    /// use pert_core::{LabelFormat, LabelKind, Perturbation};
    ///
    /// let format = LabelFormat { kind: LabelKind::Variants, ..LabelFormat::default() };
    /// let variant = Perturbation::parse("TP53:p.Arg175His+KRAS G12D", &format)?;
    /// assert_eq!(variant.canonical(&format), "KRAS_G12D+TP53_R175H");
    /// assert_eq!(Perturbation::parse("KRAS_G12D+TP53_R175H", &format)?, variant);
    /// # Ok::<(), pert_core::Error>(())
    /// ```
    pub fn canonical(&self, format: &LabelFormat) -> String {
        if self.is_control() {
            return format.control.trim().to_owned();
        }
        let mut separator = [0; 4];
        self.targets.join(format.separator.encode_utf8(&mut separator))
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
    use crate::{GuideSuffix, LabelKind};
    use proptest::prelude::*;

    fn format(control: &str, separator: char, kind: LabelKind) -> LabelFormat {
        LabelFormat { control: control.into(), separator, kind, ..LabelFormat::default() }
    }

    fn targets(label: &str, format: &LabelFormat) -> Vec<String> {
        Perturbation::parse(label, format).unwrap_or_else(|e| panic!("{e}")).targets().to_vec()
    }

    #[test]
    fn control_is_the_empty_set_and_vanishes_in_combinations() {
        for separator in ['+', '/', '_', ',', '|', ';'] {
            let format = format("ctrl", separator, LabelKind::Genes);
            assert!(Perturbation::parse("ctrl", &format).unwrap().is_control());
            for label in [format!("ctrl{separator}KLF1"), format!("KLF1{separator}ctrl")] {
                let single = Perturbation::parse(&label, &format).unwrap();
                assert_eq!((single.targets(), single.label()), (&["KLF1".into()][..], &*label));
            }
            assert_eq!(targets(&format!("KLF1 {separator} ATF4"), &format), ["ATF4", "KLF1"]);
            assert!(targets(&format!("ctrl{separator}ctrl"), &format).is_empty());
        }
    }

    #[test]
    fn genes_are_taken_as_they_stand() {
        let format = format("control", '+', LabelKind::Genes);
        for gene in [
            "HLA-A",
            "NKX2-1",
            "C2orf69",
            "KIAA1804",
            "RP11-34P13.7",
            "A_B",
            "KRAS_G12D",
            "X_100nM",
            "KLF1_sg1",
        ] {
            assert_eq!(targets(gene, &format), [gene]);
            assert_eq!(targets(&format!("{gene}+ZZZ"), &format), [gene, "ZZZ"]);
        }
    }

    #[test]
    fn guides_of_a_gene_are_one_perturbation_when_asked() {
        let format =
            LabelFormat { guide_suffix: GuideSuffix::Strip, ..format("NT", '+', LabelKind::Genes) };
        assert_eq!(targets("KLF1_sg1+MAP2K6g2", &format), ["KLF1", "MAP2K6"]);
        assert_eq!(targets("KLF1_1+NKX2-1", &format), ["KLF1", "NKX2-1"]);
        assert!(targets("NTg3", &format).is_empty());
    }

    #[test]
    fn variants_and_drugs_have_one_spelling() {
        let variants = format("WT", '+', LabelKind::Variants);
        assert_eq!(targets("TP53 p.Arg175His+KRAS:p.G12D", &variants), ["KRAS_G12D", "TP53_R175H"]);
        assert!(targets("TP53_WT", &variants).is_empty());
        let drugs = format("Vehicle", '+', LabelKind::Drugs);
        assert_eq!(
            targets("(+)-JQ1 1uM+Trametinib_10", &drugs),
            ["(+)-JQ1_1000nM", "Trametinib_10nM"]
        );
        assert!(targets("Vehicle_0", &drugs).is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        for (label, place) in [("", 1), ("A+", 2), ("+A", 1), ("A++B", 2)] {
            let error = Perturbation::parse(label, &LabelFormat::default()).unwrap_err();
            assert!(
                matches!(&error, Error::EmptyLabelPart { part, .. } if *part == place),
                "{label}: {error}"
            );
        }
        let error = Perturbation::parse("KRAS_G12D+TP53", &format("WT", '+', LabelKind::Variants));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("\"KRAS_G12D+TP53\", part 2: \"TP53\""), "{error}");
        assert!(error.contains("--label-kind genes"), "{error}");
    }

    /// Any format, with labels that have a fair chance of being read under it.
    fn labelled() -> impl Strategy<Value = (LabelFormat, Vec<String>)> {
        let kinds = [LabelKind::Genes, LabelKind::Variants, LabelKind::Drugs];
        let guides = [GuideSuffix::Keep, GuideSuffix::Strip];
        let kind = proptest::sample::select(kinds.to_vec());
        let guide = proptest::sample::select(guides.to_vec());
        let separator = proptest::sample::select(vec!['+', '|', '/', '&']);
        (kind, guide, separator).prop_flat_map(|(kind, guide_suffix, separator)| {
            let part = match kind {
                LabelKind::Genes => "[A-Za-z][A-Za-z0-9._-]{0,8}(_sg[0-9]|_[0-9]|g[0-9])?|ctrl",
                LabelKind::Variants => {
                    "([A-Z][A-Z0-9-]{0,5}(_|:| |:p\\.))?[ACDEG][1-9][0-9]?[ACDE=*]|ctrl"
                }
                LabelKind::Drugs => {
                    "[A-Za-z(][A-Za-z0-9 +()-]{0,8}(_| |@)?[0-9]{0,3}(nM| uM)?|ctrl"
                }
            };
            let format = LabelFormat { control: "ctrl".into(), separator, kind, guide_suffix };
            (Just(format), proptest::collection::vec(part, 1..4))
        })
    }

    proptest! {
        #[test]
        fn the_canonical_label_is_read_as_the_same((format, parts) in labelled()) {
            let separator = format.separator.to_string();
            if let Ok(read) = Perturbation::parse(&parts.join(&separator), &format) {
                let printed = read.canonical(&format);
                let again = Perturbation::parse(&printed, &format).unwrap();
                prop_assert_eq!(again.canonical(&format), printed);
                prop_assert_eq!(again, read);
            }
        }

        #[test]
        fn the_order_of_genes_does_not_matter((format, parts) in labelled()) {
            let separator = format.separator.to_string();
            let reversed: Vec<String> = parts.iter().rev().cloned().collect();
            // A bracket may reach over a separator, and then order is part of the name.
            prop_assume!(parts.iter().all(|part| format.parts(part).len() == 1));
            prop_assume!(!parts.iter().any(|part| part.contains(['(', ')'])));
            if let Ok(read) = Perturbation::parse(&parts.join(&separator), &format) {
                let other = Perturbation::parse(&reversed.join(&separator), &format).unwrap();
                prop_assert_eq!(read.key(), other.key());
                prop_assert_eq!(read, other);
            }
        }

        #[test]
        fn no_text_makes_it_panic(label in "\\PC{0,48}", control in "\\PC{0,8}", separator: char) {
            for kind in [LabelKind::Genes, LabelKind::Variants, LabelKind::Drugs] {
                for guide_suffix in [GuideSuffix::Keep, GuideSuffix::Strip] {
                    let control = control.clone();
                    let format = LabelFormat { control, separator, kind, guide_suffix };
                    let _ = format.check();
                    if let Ok(read) = Perturbation::parse(&label, &format) {
                        let _ = read.canonical(&format);
                    }
                }
            }
        }
    }
}
