//! Which label is that of unperturbed cells.

use pert_core::{GuideSuffix, LabelKind, without_guide_suffix};

use super::names::control_rank;

/// The label of unperturbed cells among the labels that occur, the likeliest spelling first.
///
/// A label whose parts are all one control spelling (`ctrl+ctrl`, `NTg1`, `TP53_WT`) gives that part, which is how it is then
/// parsed.
pub(crate) fn guess_control(
    labels: &[String],
    separator: char,
    kind: LabelKind,
    guides: GuideSuffix,
) -> Option<String> {
    let mut best: Option<(usize, bool, &str)> = None;
    for label in labels {
        let mut parts = label.split(separator).map(|part| core_of(part.trim(), kind, guides));
        let first = parts.next().unwrap_or_default();
        let composite = first.len() != label.trim().len();
        if parts.any(|part| part != first) {
            continue;
        }
        if let Some(rank) = control_rank(first) {
            let found = (rank, composite, first);
            if best.is_none_or(|best| found < best) {
                best = Some(found);
            }
        }
    }
    best.map(|(_, _, label)| label.to_owned())
}

/// A part without what the kind of label adds to a control.
fn core_of(part: &str, kind: LabelKind, guides: GuideSuffix) -> &str {
    match (kind, guides) {
        (LabelKind::Genes, GuideSuffix::Strip) => without_guide_suffix(part),
        (LabelKind::Variants, _) => part
            .rsplit_once(['_', ':', ' '])
            .map(|(_, last)| last)
            .filter(|last| control_rank(last).is_some())
            .unwrap_or(part),
        // `Vehicle_0`: the dose of a vehicle means nothing.
        (LabelKind::Drugs, _) => part
            .rsplit_once(['_', '@'])
            .map(|(drug, _)| drug.trim_end())
            .filter(|drug| control_rank(drug).is_some())
            .unwrap_or(part),
        _ => part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::names::labels;

    fn guess(words: &[&str], kind: LabelKind, guides: GuideSuffix) -> Option<String> {
        guess_control(&labels(words), '+', kind, guides)
    }

    #[test]
    fn control_is_found_in_its_usual_spellings() {
        let keep = |words: &[&str]| guess(words, LabelKind::Genes, GuideSuffix::Keep);
        for control in [
            "control",
            "Ctrl",
            "non-targeting",
            "NT",
            "DMSO",
            "Unperturbed",
            "vehicle",
            "WT",
            "wild type",
        ] {
            assert_eq!(keep(&["KLF1", control, "NTRK1"]).as_deref(), Some(control));
        }
        assert_eq!(keep(&["A+ctrl", "ctrl+ctrl"]).as_deref(), Some("ctrl"));
        assert_eq!(keep(&["DMSO", "control"]).as_deref(), Some("control"));
        assert_eq!(keep(&["unknown", "A+ctrl"]), None);
        assert_eq!(keep(&["NTg1", "STAT1g1"]), None);
    }

    #[test]
    fn what_a_kind_adds_is_taken_off() {
        let found = guess(&["NTg1", "NTg2", "STAT1g1"], LabelKind::Genes, GuideSuffix::Strip);
        assert_eq!(found.as_deref(), Some("NT"));
        let found = guess(&["TP53_WT", "TP53_R175H"], LabelKind::Variants, GuideSuffix::Keep);
        assert_eq!(found.as_deref(), Some("WT"));
        let found = guess(&["Vehicle_0", "X_10"], LabelKind::Drugs, GuideSuffix::Keep);
        assert_eq!(found.as_deref(), Some("Vehicle"));
    }
}
