//! The columns of obs beside the perturbation.

use pert_core::CovariateRole;

use crate::h5ad::{Column, Frame};
use crate::schema::{Schema, usable_role};

/// A column of obs.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct CovariateSummary {
    /// The column's name.
    pub name: String,
    /// The role it probably has, or was given.
    pub role: Option<CovariateRole>,
    /// Whether it would be read as a covariate of that role.
    pub used: bool,
    /// `categorical`, `text`, `numeric` or `boolean`.
    pub kind: &'static str,
    /// Number of distinct labels; of labels only.
    pub n_levels: Option<usize>,
    /// The labels, at most 20 of them; of labels only.
    pub levels: Vec<String>,
    /// Smallest and largest value; of numbers only.
    pub range: Option<(f64, f64)>,
    /// Number of cells without a value.
    pub n_missing: usize,
}

/// At most this many labels of a column are listed.
const LISTED_LEVELS: usize = 20;

/// All columns but the perturbation's, in file order.
pub(super) fn summaries(
    obs: &Frame<'_>,
    schema: Option<&Schema>,
    notes: &mut Vec<String>,
) -> Vec<CovariateSummary> {
    let mut summaries = Vec::new();
    for name in obs.columns().iter().filter(|name| schema.is_none_or(|s| s.key != **name)) {
        match obs.column(name) {
            Ok(column) => {
                let mut summary = summarise(name, column);
                let chosen = schema.and_then(|s| s.covariates.iter().find(|c| c.column == *name));
                if let Some(chosen) = chosen {
                    summary.role = Some(chosen.role);
                    summary.used = true;
                }
                summaries.push(summary);
            }
            Err(error) => notes.push(format!("obs column {name} cannot be read: {error}")),
        }
    }
    summaries
}

fn summarise(name: &str, column: Column) -> CovariateSummary {
    let kind = match &column {
        Column::Labels { text: true, .. } => "text",
        Column::Labels { .. } => "categorical",
        Column::Numbers { .. } => "numeric",
        Column::Booleans(_) => "boolean",
    };
    let mut summary = CovariateSummary {
        name: name.to_owned(),
        role: usable_role(name, &column),
        used: false,
        kind,
        n_levels: None,
        levels: Vec::new(),
        range: None,
        n_missing: 0,
    };
    match column {
        Column::Labels { levels, codes, .. } => {
            let mut used = vec![false; levels.len()];
            for &code in &codes {
                match code {
                    Some(code) => used[code as usize] = true,
                    None => summary.n_missing += 1,
                }
            }
            let used: Vec<String> =
                levels.into_iter().zip(used).filter(|(_, used)| *used).map(|(l, _)| l).collect();
            summary.n_levels = Some(used.len());
            summary.levels = used.into_iter().take(LISTED_LEVELS).collect();
        }
        Column::Numbers { values, .. } => {
            summary.n_missing = values.iter().filter(|value| value.is_nan()).count();
            let known = || values.iter().copied().filter(|value| !value.is_nan());
            summary.range = known()
                .reduce(f64::min)
                .and_then(|smallest| Some((smallest, known().reduce(f64::max)?)));
        }
        Column::Booleans(values) => {
            summary.n_missing = values.iter().filter(|value| value.is_none()).count();
        }
    }
    summary
}
