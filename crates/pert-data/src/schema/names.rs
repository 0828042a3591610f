//! Usual names of columns and control labels.

use pert_core::CovariateRole;

/// Usual names of the perturbation column, the likelier first; compared without case, `_`, `-`, `.` and spaces.
///
/// What was done comes before whom it hit: sci-Plex names drugs in `product_name` and their proteins in `target`.
const PERTURBATION_NAMES: [&str; N_PERTURBATION_NAMES] = [
    "perturbation",
    "perturbations",
    "perturbationname",
    "condition",
    "productname",
    "drug",
    "drugname",
    "compound",
    "variant",
    "variants",
    "mutation",
    "gene",
    "targetgene",
    "genetarget",
    "target",
    "sgrnatarget",
    "treatment",
    "stimulation",
    "stim",
    "geneid",
    "guideidentity",
    "guideids",
    "guideid",
    "guide",
];

/// Number of usual names.
pub(crate) const N_PERTURBATION_NAMES: usize = 24;

/// Those of them under which drugs stand.
const DRUG_COLUMNS: [&str; 4] = ["productname", "drug", "drugname", "compound"];

/// Usual labels of unperturbed cells, compared like the names above.
const CONTROL_LABELS: [&str; 30] = [
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
    "wt",
    "wildtype",
    "emptyvector",
    "gfp",
    "egfp",
    "lacz",
    "luciferase",
    "aavs1",
];

/// Those of them that are what a drug is dissolved in.
const VEHICLES: [&str; 3] = ["dmso", "dmsotso", "vehicle"];

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

/// How likely a label is that of unperturbed cells: smaller is likelier.
pub(crate) fn control_rank(label: &str) -> Option<usize> {
    stands_in(&CONTROL_LABELS, label)
}

/// Whether a column of this name holds drugs.
pub(crate) fn names_drugs(column: &str) -> bool {
    stands_in(&DRUG_COLUMNS, column).is_some()
}

/// Whether a label is what a drug is dissolved in.
pub(crate) fn is_vehicle(label: &str) -> bool {
    stands_in(&VEHICLES, label).is_some()
}

/// How likely a column of this name has a role: smaller is likelier.
pub(crate) fn role_rank(role: CovariateRole, column: &str) -> Option<usize> {
    match role {
        CovariateRole::CellType => stands_in(&CELL_TYPE_NAMES, column),
        CovariateRole::Batch => stands_in(&BATCH_NAMES, column),
        CovariateRole::Dose => stands_in(&DOSE_NAMES, column),
    }
}

/// The role a column of this name probably has.
pub(crate) fn guess_role(column: &str) -> Option<CovariateRole> {
    [CovariateRole::CellType, CovariateRole::Batch, CovariateRole::Dose]
        .into_iter()
        .find(|role| role_rank(*role, column).is_some())
}

#[cfg(test)]
pub(crate) fn labels(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_punctuation() {
        assert!(perturbation_rank("Target_Gene") > perturbation_rank("perturbation"));
        assert_eq!(guess_role("Cell.Type"), Some(CovariateRole::CellType));
        assert_eq!(guess_role("orig.ident"), Some(CovariateRole::Batch));
        assert_eq!(guess_role("n_genes"), None);
        assert_eq!(control_rank("Non-Targeting"), control_rank("nontargeting"));
        assert!(is_vehicle("DMSO") && names_drugs("product_name"));
    }
}
