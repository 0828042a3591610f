//! Which columns are covariates, and what they mean.

use std::collections::{BTreeMap, HashSet};

use pert_core::{CovariateRole, Perturbation};

use super::names::{guess_role, role_rank};
use crate::h5ad::{Column, Frame, Precision};
use crate::labels::Labels;
use crate::{Error, ReadOptions};

/// The value of a key that says there is no such covariate.
const NO_COLUMN: &str = "none";

/// Cells that every level of a guessed covariate needs.
const CELLS_PER_LEVEL: usize = 4;
/// Share of the perturbed cells that must have control cells of the same level.
const WITH_CONTROL: f64 = 0.9;
/// A dose with more values than this is measured rather than given.
const MOST_DOSES: usize = 100;

/// A covariate to read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) column: String,
    pub(crate) role: CovariateRole,
    /// Whether nobody named it.
    pub(crate) guessed: bool,
}

/// The role a column probably has, by its name and kind.
pub(crate) fn usable_role(name: &str, column: &Column) -> Option<CovariateRole> {
    // Labels such as `1.0+1.0` are no doses.
    guess_role(name).filter(|role| *role != CovariateRole::Dose || column.as_numbers().is_some())
}

/// Whether a column holds more than one dose.
pub(crate) fn has_doses(obs: &Frame<'_>) -> bool {
    obs.columns().iter().filter(|name| guess_role(name) == Some(CovariateRole::Dose)).any(|name| {
        let values = obs.column(name).ok().and_then(|column| column.as_numbers());
        values.is_some_and(|values| {
            let mut known = values.iter().filter(|value| value.is_finite());
            known.next().is_some_and(|first| known.any(|value| value != first))
        })
    })
}

/// The covariates that are named, and those whose names are usual and whose values are of use.
///
/// # Errors
/// When a column that is named does not exist.
pub(crate) fn choose(
    obs: &Frame<'_>,
    key: &str,
    labels: &Labels,
    perturbations: &[Option<Perturbation>],
    options: &ReadOptions,
    left_out: &mut Vec<String>,
) -> Result<Vec<Chosen>, Error> {
    let mut chosen = Vec::new();
    for (role, given) in [
        (CovariateRole::CellType, &options.cell_type_key),
        (CovariateRole::Batch, &options.batch_key),
        (CovariateRole::Dose, &options.dose_key),
    ] {
        if let Some(column) = given {
            if column != NO_COLUMN {
                obs.column(column)?;
                chosen.push(Chosen { column: column.clone(), role, guessed: false });
            }
            continue;
        }
        let mut named: Vec<(usize, &String)> = obs
            .columns()
            .iter()
            .filter(|name| name.as_str() != key)
            .filter_map(|name| Some((role_rank(role, name)?, name)))
            .collect();
        named.sort_by_key(|(rank, _)| *rank);
        for (_, name) in named {
            // A column that cannot be read is none to guess.
            let Ok(column) = obs.column(name) else { continue };
            match refusal(&column, role, labels, perturbations) {
                None => {
                    chosen.push(Chosen { column: name.clone(), role, guessed: true });
                    break;
                }
                Some(Refusal::None) => {}
                Some(Refusal::Because(reason)) => left_out.push(format!(
                    "{name} is not taken as {}: {reason}; name it with {} if it is one",
                    words(role),
                    flag(role)
                )),
            }
        }
    }
    Ok(chosen)
}

/// A role in plain words.
pub(crate) fn words(role: CovariateRole) -> &'static str {
    match role {
        CovariateRole::CellType => "cell type",
        CovariateRole::Batch => "batch",
        CovariateRole::Dose => "dose",
    }
}

/// The flag that names the column of a role.
pub(crate) fn flag(role: CovariateRole) -> &'static str {
    match role {
        CovariateRole::CellType => "--cell-type-key",
        CovariateRole::Batch => "--batch-key",
        CovariateRole::Dose => "--dose-key",
    }
}

/// Why a column of a usual name is not taken.
#[derive(Debug, PartialEq)]
enum Refusal {
    /// It has one value, or no numbers where doses are meant: it is none, and that needs no word.
    None,
    Because(String),
}

fn refusal(
    column: &Column,
    role: CovariateRole,
    labels: &Labels,
    perturbations: &[Option<Perturbation>],
) -> Option<Refusal> {
    let because = |reason: String| Some(Refusal::Because(reason));
    let fractional =
        matches!(column, Column::Numbers { precision, .. } if *precision != Precision::Integer);
    if role == CovariateRole::Dose {
        return dose_refusal(column, labels);
    }
    if fractional {
        return because("it holds numbers with fractions".into());
    }
    let (levels, codes) = column.clone().into_labels();
    // Per level, and for cells without one: cells, perturbed cells, control cells.
    let mut cells: BTreeMap<Option<u32>, (usize, usize, usize)> = BTreeMap::new();
    for (code, label) in codes.iter().zip(&labels.codes) {
        let Some(label) = *label else { continue };
        let counted = cells.entry(*code).or_default();
        counted.0 += 1;
        match perturbations.get(label as usize).and_then(Option::as_ref) {
            Some(p) if p.is_control() => counted.2 += 1,
            Some(_) => counted.1 += 1,
            None => {}
        }
    }
    if cells.len() < 2 {
        return Some(Refusal::None);
    }
    let name = |code: Option<u32>| code.map_or("(missing)", |code| &levels[code as usize]);
    if let Some((code, n)) = cells.iter().find(|(_, n)| n.0 < CELLS_PER_LEVEL) {
        let (level, n) = (name(*code), n.0);
        return because(format!("{level:?} has {n} cells, fewer than {CELLS_PER_LEVEL}"));
    }
    let perturbed: usize = cells.values().map(|n| n.1).sum();
    let with_control: usize = cells.values().filter(|n| n.2 > 0).map(|n| n.1).sum();
    if (with_control as f64) < WITH_CONTROL * perturbed as f64 {
        return because(format!(
            "{} of {perturbed} perturbed cells have no control cell of their level",
            perturbed - with_control
        ));
    }
    None
}

fn dose_refusal(column: &Column, labels: &Labels) -> Option<Refusal> {
    let because = |reason: &str| Some(Refusal::Because(reason.into()));
    // Labels such as `1+1` are no doses.
    let Some(values) = column.as_numbers() else { return Some(Refusal::None) };
    let labelled = || {
        let cells = values.iter().zip(&labels.codes);
        cells.filter_map(|(value, label)| Some((*value, (*label)?)))
    };
    if labelled().any(|(dose, _)| !(dose.is_finite() && dose >= 0.0)) {
        return because("some cells have no dose");
    }
    let doses: HashSet<u64> = labelled().map(|(dose, _)| dose.to_bits()).collect();
    if doses.len() < 2 {
        return Some(Refusal::None);
    }
    if doses.len() > MOST_DOSES {
        return because("it has too many values to be a dose that was given");
    }
    let mut first: BTreeMap<u32, f64> = BTreeMap::new();
    let varies = labelled().any(|(dose, label)| *first.entry(label).or_insert(dose) != dose);
    if varies { None } else { because("every perturbation has one dose") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::LabelFormat;

    fn labels(words: &[&str], n_cells: u32) -> (Labels, Vec<Option<Perturbation>>) {
        let levels: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let n = words.len() as u32;
        let codes = (0..n_cells).map(|cell| Some(cell % n)).collect();
        let format = LabelFormat::default();
        let parsed = levels.iter().map(|l| Perturbation::parse(l, &format).ok()).collect();
        (Labels::of(Column::Labels { levels, codes, text: false }), parsed)
    }

    fn column(levels: &[&str], codes: impl Iterator<Item = u32>) -> Column {
        let levels = levels.iter().map(|&level| level.to_owned()).collect();
        Column::Labels { levels, codes: codes.map(Some).collect(), text: false }
    }

    #[test]
    fn a_batch_in_which_every_perturbation_meets_control_is_taken() {
        let (labels, parsed) = labels(&["control", "A"], 40);
        let refused = |column: &Column| refusal(column, CovariateRole::Batch, &labels, &parsed);
        assert_eq!(refused(&column(&["x", "y"], (0..40).map(|i| i / 20))), None);
        assert_eq!(refused(&column(&["x"], (0..40).map(|_| 0))), Some(Refusal::None));
        // The same as the perturbation.
        let same = refused(&column(&["x", "y"], (0..40).map(|i| i % 2)));
        assert!(matches!(same, Some(Refusal::Because(why)) if why.contains("20 of 20")));
        let rare = refused(&column(&["x", "y"], (0..40).map(|i| u32::from(i == 7))));
        assert!(matches!(rare, Some(Refusal::Because(why)) if why.contains("\"y\" has 1 cells")));
        let lanes = Column::Numbers {
            values: (0..40).map(|i| f64::from(i / 20)).collect(),
            precision: Precision::Integer,
        };
        assert_eq!(refused(&lanes), None);
    }

    #[test]
    fn doses_are_numbers_that_vary_within_a_perturbation() {
        let (labels, parsed) = labels(&["control", "A"], 40);
        let refused = |values: Vec<f64>| {
            let column = Column::Numbers { values, precision: Precision::Double };
            refusal(&column, CovariateRole::Dose, &labels, &parsed)
        };
        assert_eq!(refused((0..40).map(|i| f64::from(i % 2 * (i / 20) * 10)).collect()), None);
        assert_eq!(refused(vec![1.0; 40]), Some(Refusal::None));
        for values in
            [(0..40).map(|i| f64::from(i % 2)).collect(), vec![f64::NAN; 40], vec![-1.0; 40]]
        {
            assert!(matches!(refused(values), Some(Refusal::Because(_))));
        }
    }
}
