//! How the perturbation labels of a screen are written (grammar: docs/labels.md).

use std::fmt;

use crate::{DrugDose, Error, Variant, guide::without_guide_suffix};

/// What the parts of a label name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// Genes, or any other names: taken as they stand.
    #[default]
    Genes,
    /// Protein variants: `KRAS_G12D`, `KRAS:p.Gly12Asp`; see [`Variant`].
    Variants,
    /// Drugs, with a dose or without: `Trametinib_100nM`; see [`DrugDose`].
    Drugs,
}

impl fmt::Display for LabelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Genes => "genes",
            Self::Variants => "variants",
            Self::Drugs => "drugs",
        })
    }
}

/// What becomes of the number of a guide at the end of a gene (`KLF1_sg2`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum GuideSuffix {
    /// It belongs to the name: each guide is a perturbation of its own.
    #[default]
    Keep,
    /// It is taken off: the guides of one gene are one perturbation.
    Strip,
}

impl fmt::Display for GuideSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "keep",
            Self::Strip => "strip",
        })
    }
}

/// How perturbation labels of a screen are written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelFormat {
    /// The label of unperturbed cells; as a part of a label (`A+control`) it stands for "nothing".
    pub control: String,
    /// What joins the parts of a combination.
    pub separator: char,
    /// What the parts name. Default: genes.
    #[serde(default)]
    pub kind: LabelKind,
    /// What becomes of guide numbers; for genes only. Default: kept.
    #[serde(default)]
    pub guide_suffix: GuideSuffix,
}

impl Default for LabelFormat {
    fn default() -> Self {
        Self {
            control: "control".to_owned(),
            separator: '+',
            kind: LabelKind::Genes,
            guide_suffix: GuideSuffix::Keep,
        }
    }
}

impl LabelFormat {
    /// Refuses a separator that parts of this kind are written with.
    ///
    /// # Errors
    /// [`Error::BadSeparator`].
    pub fn check(&self) -> Result<(), Error> {
        let taken = match self.kind {
            LabelKind::Genes => "",
            LabelKind::Variants => "_:,;*=.-()[] ",
            LabelKind::Drugs => "_@.()[]{} ",
        };
        let c = self.separator;
        let reason = if c.is_alphanumeric() || c.is_control() {
            "it must be a punctuation mark".to_owned()
        } else if taken.contains(c) {
            format!("{} are written with it", self.kind)
        } else {
            return Ok(());
        };
        Err(Error::BadSeparator { separator: c, reason })
    }

    /// The parts of a label, trimmed. Brackets in names of drugs protect what they hold: `(+)-JQ1` is one part.
    pub(crate) fn parts<'a>(&self, label: &'a str) -> Vec<&'a str> {
        let mut depth = 0usize;
        let protects = self.kind == LabelKind::Drugs;
        label
            .split(|c: char| {
                match c {
                    '(' | '[' | '{' if protects => depth += 1,
                    ')' | ']' | '}' if protects => depth = depth.saturating_sub(1),
                    _ => {}
                }
                c == self.separator && depth == 0
            })
            .map(str::trim)
            .collect()
    }

    /// The canonical target that a part names; `None` for control.
    pub(crate) fn target(&self, part: &str) -> Result<Option<String>, Error> {
        let control = self.control.trim();
        if part == control {
            return Ok(None);
        }
        let target = match self.kind {
            LabelKind::Genes => match self.guide_suffix {
                GuideSuffix::Keep => part.to_owned(),
                GuideSuffix::Strip => without_guide_suffix(part).to_owned(),
            },
            LabelKind::Variants => {
                // `TP53_WT`, where WT is control, is a gene without substitution.
                let wild_type = part.rsplit_once(['_', ':', ' ']).map(|(_, last)| last);
                if wild_type == Some(control) {
                    return Ok(None);
                }
                part.parse::<Variant>()?.to_string()
            }
            LabelKind::Drugs => {
                let dosed: DrugDose = part.parse()?;
                if dosed.drug() == control {
                    return Ok(None);
                }
                dosed.to_string()
            }
        };
        Ok((target != control).then_some(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_older_files_are_read() {
        let format: LabelFormat =
            serde_json::from_str(r#"{"control": "NT", "separator": "_"}"#).unwrap();
        assert_eq!((format.kind, format.guide_suffix), (LabelKind::Genes, GuideSuffix::Keep));
        let text = serde_json::to_string(&LabelFormat {
            kind: LabelKind::Drugs,
            guide_suffix: GuideSuffix::Strip,
            ..format
        })
        .unwrap();
        assert!(text.contains(r#""kind":"drugs","guide_suffix":"strip""#), "{text}");
    }

    #[test]
    fn a_separator_that_parts_are_written_with_is_refused() {
        let format = |kind, separator| LabelFormat { kind, separator, ..LabelFormat::default() };
        for (kind, separator) in [
            (LabelKind::Genes, 'A'),
            (LabelKind::Variants, '_'),
            (LabelKind::Variants, ','),
            (LabelKind::Drugs, '@'),
        ] {
            let error = format(kind, separator).check().unwrap_err();
            assert!(error.to_string().contains("--separator"), "{error}");
        }
        for separator in ['+', '|', '/', '&'] {
            for kind in [LabelKind::Genes, LabelKind::Variants, LabelKind::Drugs] {
                assert_eq!(format(kind, separator).check(), Ok(()));
            }
        }
    }
}
