//! Whether the labels of a screen name drugs.

use std::collections::HashSet;

use pert_core::{DrugDose, LabelFormat, LabelKind, Perturbation};

use super::guides::{Suffixes, suffixes};
use super::names::{is_vehicle, names_drugs};

/// So many labels with a unit of concentration are no accident.
const CLEAR: usize = 2;
/// Above this share of targets that are genes of the file, labels name genes.
const GENES: f64 = 0.5;

/// Why the labels name drugs, if they do.
pub(crate) fn drug_evidence(
    labels: &[String],
    column: Option<&str>,
    control: Option<&str>,
    genes: &HashSet<&str>,
    has_doses: bool,
    separator: char,
) -> Option<String> {
    let control_label = control.unwrap_or("control").to_owned();
    let format = LabelFormat {
        control: control_label,
        separator,
        kind: LabelKind::Drugs,
        ..LabelFormat::default()
    };
    // A drug screen that cannot be read as one is read as names.
    let read: Vec<Perturbation> = labels
        .iter()
        .map(|label| Perturbation::parse(label, &format).ok())
        .collect::<Option<_>>()?;
    format.check().ok()?;
    let targets: HashSet<&str> =
        read.iter().flat_map(|p| p.targets()).map(String::as_str).collect();
    let drugs: Vec<DrugDose> = targets.iter().filter_map(|t| t.parse().ok()).collect();
    let n_genes = drugs.iter().filter(|d| genes.contains(d.drug())).count();
    if drugs.is_empty() || n_genes as f64 > GENES * drugs.len() as f64 {
        return None;
    }
    let with_unit = labels.iter().filter(|label| has_unit(label)).count();
    if with_unit >= CLEAR.min(drugs.len()) {
        return Some(format!("{with_unit} labels end in a dose with its unit"));
    }
    if let Some(column) = column.filter(|column| names_drugs(column)) {
        return Some(format!("{column} is a usual name of a column of drugs"));
    }
    if let Some(control) = control.filter(|control| is_vehicle(control)) {
        return Some(format!("the control {control:?} is a vehicle"));
    }
    if has_doses {
        return Some("a column holds doses, and few labels are genes of the file".into());
    }
    match suffixes(labels.iter().map(|label| label.trim())) {
        Suffixes::Numbers(example) => Some(format!("labels end in doses ({example})")),
        _ => None,
    }
}

/// Whether a label ends in a number with a unit of concentration.
fn has_unit(label: &str) -> bool {
    let label = label.trim_end();
    label.parse::<DrugDose>().is_ok_and(|drug| drug.dose_nm().is_some())
        && !label.ends_with(|c: char| c.is_ascii_digit() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::names::labels;

    fn evidence(words: &[&str], column: &str, control: &str, has_doses: bool) -> Option<String> {
        let genes = HashSet::from(["KLF1", "ATF4"]);
        drug_evidence(&labels(words), Some(column), Some(control), &genes, has_doses, '+')
    }

    #[test]
    fn drugs_are_told_by_dose_column_or_vehicle() {
        let found = evidence(&["A_10nM", "A 1 uM", "control"], "label", "control", false);
        assert!(found.unwrap().contains("unit"));
        assert!(evidence(&["A", "(+)-JQ1", "control"], "product_name", "control", false).is_some());
        assert!(evidence(&["A", "B", "DMSO"], "perturbation", "DMSO", false).is_some());
        assert!(evidence(&["A", "B", "control"], "perturbation", "control", true).is_some());
        let doses = ["A_10", "A_1000", "B_10", "B_1000", "control"];
        assert!(evidence(&doses, "perturbation", "control", false).is_some());
    }

    #[test]
    fn genes_are_no_drugs() {
        assert_eq!(evidence(&["KLF1", "ATF4", "NT"], "perturbation", "NT", true), None);
        assert_eq!(evidence(&["JUN", "FOS", "NT"], "perturbation", "NT", false), None);
        assert_eq!(evidence(&["A(", "DMSO"], "drug", "DMSO", true), None);
        assert_eq!(evidence(&["DMSO"], "drug", "DMSO", true), None);
    }
}
