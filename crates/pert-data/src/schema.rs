//! Guesses about a file nobody described: which column holds perturbations, which label is control, what columns mean.

use pert_core::CovariateRole;

/// Usual names of the perturbation column, the likelier first; compared without case, `_`, `-`, `.` and spaces.
const PERTURBATION_NAMES: [&str; 19] = [
    "perturbation",
    "perturbations",
    "perturbationname",
    "condition",
    "gene",
    "targetgene",
    "target",
    "genetarget",
    "guideidentity",
    "guideids",
    "guideid",
    "sgrnatarget",
    "geneid",
    "treatment",
    "drug",
    "compound",
    "productname",
    "stimulation",
    "stim",
];

/// Usual labels of unperturbed cells, compared like the names above.
const CONTROL_LABELS: [&str; 22] = [
    "control",
    "ctrl",
    "ctl",
    "nontargeting",
    "nontarget",
    "nt",
    "ntc",
    "negctrl",
    "negctrl0",
    "negativecontrol",
    "negative",
    "safetargeting",
    "scramble",
    "scrambled",
    "dmso",
    "dmsotso",
    "vehicle",
    "unperturbed",
    "untreated",
    "unstimulated",
    "mock",
    "none",
];

const CELL_TYPE_NAMES: [&str; 9] = [
    "celltype",
    "cellline",
    "celltypes",
    "celltypeannotation",
    "celllabel",
    "cellontologyclass",
    "annotation",
    "tissue",
    "line",
];

const BATCH_NAMES: [&str; 14] = [
    "batch",
    "library",
    "librarybatch",
    "lane",
    "gemgroup",
    "replicate",
    "biorep",
    "rep",
    "donor",
    "sample",
    "plate",
    "channel",
    "patient",
    "orig.ident",
];

const DOSE_NAMES: [&str; 6] =
    ["dose", "dosevalue", "dosenm", "dosage", "concentration", "concentrationnm"];

/// A name without case and punctuation.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | '.' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn stands_in(list: &[&str], name: &str) -> Option<usize> {
    let name = plain(name);
    list.iter().position(|known| plain(known) == name)
}

/// How likely a column of this name holds perturbations: smaller is likelier.
pub(crate) fn perturbation_rank(column: &str) -> Option<usize> {
    stands_in(&PERTURBATION_NAMES, column)
}

/// The role a column of this name probably has.
pub(crate) fn guess_role(column: &str) -> Option<CovariateRole> {
    if stands_in(&CELL_TYPE_NAMES, column).is_some() {
        Some(CovariateRole::CellType)
    } else if stands_in(&BATCH_NAMES, column).is_some() {
        Some(CovariateRole::Batch)
    } else if stands_in(&DOSE_NAMES, column).is_some() {
        Some(CovariateRole::Dose)
    } else {
        None
    }
}

/// The label of unperturbed cells among the labels that occur, the likeliest spelling first.
///
/// A label whose parts are all one control spelling (`ctrl+ctrl`) gives that part, which is how it is then parsed.
pub(crate) fn guess_control(labels: &[String], separator: char) -> Option<String> {
    let mut best: Option<(usize, bool, &str)> = None;
    for label in labels {
        let mut parts = label.split(separator).map(str::trim);
        let first = parts.next().unwrap_or_default();
        let composite = first.len() != label.trim().len();
        if parts.any(|part| part != first) {
            continue;
        }
        if let Some(rank) = stands_in(&CONTROL_LABELS, first) {
            let found = (rank, composite, first);
            if best.is_none_or(|best| found < best) {
                best = Some(found);
            }
        }
    }
    best.map(|(_, _, label)| label.to_owned())
}

/// Characters that join genes in labels, beside `+`.
const OTHER_SEPARATORS: [char; 6] = ['_', '/', ',', '|', ';', '&'];

/// What joins the genes of a combination: `+` unless no label holds it and another character clearly does the same.
///
/// "Clearly": at least two labels fall into parts that are all labels of their own.
pub(crate) fn guess_separator(labels: &[String]) -> char {
    const CLEAR: usize = 2;
    if labels.iter().any(|label| label.contains('+')) {
        return '+';
    }
    let known: std::collections::HashSet<&str> = labels.iter().map(String::as_str).collect();
    OTHER_SEPARATORS
        .into_iter()
        .find(|&separator| {
            let joined = labels.iter().filter(|label| {
                label.contains(separator)
                    && label.split(separator).all(|part| known.contains(part.trim()))
            });
            joined.count() >= CLEAR
        })
        .unwrap_or('+')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|&label| label.to_owned()).collect()
    }

    #[test]
    fn control_is_found_in_its_usual_spellings() {
        for control in ["control", "Ctrl", "non-targeting", "NT", "DMSO", "Unperturbed", "vehicle"]
        {
            let found = guess_control(&labels(&["KLF1", control, "NTRK1"]), '+');
            assert_eq!(found.as_deref(), Some(control));
        }
        assert_eq!(guess_control(&labels(&["A+ctrl", "ctrl+ctrl"]), '+').as_deref(), Some("ctrl"));
        assert_eq!(guess_control(&labels(&["DMSO", "control"]), '+').as_deref(), Some("control"));
        assert_eq!(guess_control(&labels(&["unknown", "A+ctrl"]), '+'), None);
    }

    #[test]
    fn another_separator_needs_clear_signs() {
        assert_eq!(guess_separator(&labels(&["A", "B", "C", "A_B", "B_C"])), '_');
        assert_eq!(guess_separator(&labels(&["A", "HLA_B", "C_2"])), '+');
        assert_eq!(guess_separator(&labels(&["A", "B", "A+B", "A_B", "B_A"])), '+');
    }

    #[test]
    fn names_are_compared_without_case_and_punctuation() {
        assert!(perturbation_rank("Target_Gene") > perturbation_rank("perturbation"));
        assert_eq!(guess_role("Cell.Type"), Some(CovariateRole::CellType));
        assert_eq!(guess_role("orig.ident"), Some(CovariateRole::Batch));
        assert_eq!(guess_role("n_genes"), None);
    }
}
