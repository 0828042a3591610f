//! A look at a file before anything is fitted to it.

use std::collections::BTreeMap;
use std::path::Path;

use pert_core::{CovariateRole, LabelFormat};

use crate::h5ad::{Column, Container, Frame, Reading};
use crate::labels::{Labels, perturbation_key};
use crate::layers::{check_rows, counts_matrix, gene_names, layer_with_counts, other_layers};
use crate::schema::{guess_control, guess_role, guess_separator};
use crate::{Error, ReadOptions};

/// What a file holds, as far as it can be told without being told.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// Number of cells in the file; filters are not applied.
    pub n_cells: usize,
    /// Number of genes of the matrix looked at.
    pub n_genes: usize,
    /// Whether the matrix that would be read (`X`, or the layer asked for) holds raw counts.
    pub counts: bool,
    /// Where raw counts are: `X`, a layer as `--layer` names it, or nothing.
    pub count_layer: Option<String>,
    /// The column of perturbation labels.
    pub perturbation_key: Option<String>,
    /// The label of unperturbed cells.
    pub control: Option<String>,
    /// What joins the genes of a combination.
    pub separator: char,
    /// Label → number of cells.
    pub perturbations: BTreeMap<String, usize>,
    /// The other columns of obs.
    pub covariates: Vec<CovariateSummary>,
    /// A command to start from.
    pub suggested_command: String,
    /// All columns of obs, in file order.
    pub obs_columns: Vec<String>,
    /// Layers, `raw` among them when the file has `raw/X`.
    pub layers: Vec<String>,
    /// Share of zeros in the matrix, in [0, 1]; known for counts only.
    pub sparsity: Option<f64>,
    /// Median number of counts per cell; known for counts only.
    pub median_library_size: Option<f64>,
    /// What looks odd, one sentence each.
    pub notes: Vec<String>,
}

/// A column of obs.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct CovariateSummary {
    /// The column's name.
    pub name: String,
    /// The role it probably has.
    pub role: Option<CovariateRole>,
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

/// Looks at an AnnData file: sizes, whether it holds counts and where, perturbations, covariates.
///
/// A file without control labels, or without counts, is described rather than refused.
///
/// # Errors
/// When the file cannot be read, or an option names a column or layer that it does not have.
pub fn inspect(path: &Path, options: &ReadOptions) -> Result<Inspection, Error> {
    let container = Container::open(path)?;
    let obs = Frame::open(&container, "obs")?;
    let matrix = counts_matrix(&container, options.layer.as_deref())?;
    check_rows(&container, &obs, &matrix)?;
    let genes = gene_names(&container, &matrix)?;
    let mut notes = Vec::new();

    let (n_cells, n_genes) = matrix.shape();
    let asked = options.layer.clone().unwrap_or_else(|| "X".to_owned());
    let (mut sparsity, mut median_library_size, mut counts, mut count_layer) =
        (None, None, true, Some(asked.clone()));
    match matrix.read()? {
        Reading::Counts(matrix) => {
            let n_values = n_cells as f64 * n_genes as f64;
            sparsity = (n_values > 0.0).then(|| 1.0 - matrix.n_nonzero() as f64 / n_values);
            let mut libraries: Vec<f64> = (0..n_cells).map(|i| matrix.library_size(i)).collect();
            median_library_size = median(&mut libraries);
            let empty = libraries.iter().filter(|&&library| library == 0.0).count();
            if empty > 0 {
                notes.push(format!("{empty} cells have no count; they would be dropped"));
            }
        }
        Reading::NotCounts { row, column, value } => {
            counts = false;
            count_layer = layer_with_counts(&container, matrix.object())?;
            if count_layer.is_none() && matrix.object() != "X" {
                let x = counts_matrix(&container, None)?;
                count_layer = x.looks_like_counts()?.then(|| "X".to_owned());
            }
            notes.push(format!(
                "{} holds no raw counts: cell {:?}, gene {:?} is {value}",
                matrix.object(),
                obs.index()[row],
                genes[column]
            ));
        }
    }

    let perturbation_key = perturbation_key(&container, &obs, options)?;
    let mut perturbations = BTreeMap::new();
    let (mut control, mut separator) = (options.control.clone(), options.separator);
    if let Some(key) = &perturbation_key {
        let labels = Labels::read(&obs, key)?;
        let used = labels.used();
        if separator == LabelFormat::default().separator {
            separator = guess_separator(&used);
        }
        match &control {
            None => control = guess_control(&used, separator),
            Some(control) if !used.contains(control) => {
                notes.push(format!("no cell is labelled {control:?} in {key}"));
            }
            Some(_) => {}
        }
        let unlabelled = labels.codes.iter().filter(|code| code.is_none()).count();
        if unlabelled > 0 {
            notes.push(format!(
                "{unlabelled} cells have no perturbation label; they would be dropped"
            ));
        }
        perturbations =
            labels.levels.into_iter().zip(labels.n_cells).filter(|(_, n)| *n > 0).collect();
        if control.is_none() {
            notes.push(format!("no label of {key} looks like control; name it with --control"));
        }
    } else {
        notes.push(
            "no column looks like perturbation labels; name it with --perturbation-key".into(),
        );
    }

    let mut covariates = Vec::new();
    for name in obs.columns().iter().filter(|name| Some(*name) != perturbation_key.as_ref()) {
        match obs.column(name) {
            Ok(column) => covariates.push(summarise(name, column)),
            Err(error) => notes.push(format!("obs column {name} cannot be read: {error}")),
        }
    }
    let suggested_command = suggested_command(
        path,
        perturbation_key.as_deref(),
        control.as_deref(),
        count_layer.as_deref(),
        &covariates,
    );
    Ok(Inspection {
        n_cells,
        n_genes,
        counts,
        count_layer,
        perturbation_key,
        control,
        separator,
        perturbations,
        covariates,
        suggested_command,
        obs_columns: obs.columns().to_vec(),
        layers: other_layers(&container)?,
        sparsity,
        median_library_size,
        notes,
    })
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
        role: guess_role(name),
        kind,
        n_levels: None,
        levels: Vec::new(),
        range: None,
        n_missing: 0,
    };
    // Labels such as `1.0+1.0` are no doses.
    if summary.role == Some(CovariateRole::Dose) && column.as_numbers().is_none() {
        summary.role = None;
    }
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

fn suggested_command(
    path: &Path,
    key: Option<&str>,
    control: Option<&str>,
    count_layer: Option<&str>,
    covariates: &[CovariateSummary],
) -> String {
    let mut command = format!("pert fit {} -o model", quoted(&path.display().to_string()));
    let mut flag = |name: &str, value: &str| {
        command.push_str(&format!(" {name} {value}"));
    };
    flag("--perturbation-key", &key.map_or_else(|| "COL".to_owned(), quoted));
    flag("--control", &control.map_or_else(|| "LABEL".to_owned(), quoted));
    if let Some(layer) = count_layer.filter(|&layer| layer != "X") {
        flag("--layer", &quoted(layer));
    }
    for (role, name) in [
        (CovariateRole::CellType, "--cell-type-key"),
        (CovariateRole::Batch, "--batch-key"),
        (CovariateRole::Dose, "--dose-key"),
    ] {
        // A column with one value tells the model nothing.
        let varies = |c: &&CovariateSummary| {
            c.n_levels.is_some_and(|n| n > 1) || c.range.is_some_and(|(low, high)| low < high)
        };
        let named = covariates.iter().filter(|c| c.role == Some(role)).find(varies);
        if let Some(covariate) = named {
            flag(name, &quoted(&covariate.name));
        }
    }
    command
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./+:=@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    match n {
        0 => None,
        n if n % 2 == 1 => Some(values[n / 2]),
        _ => Some((values[n / 2 - 1] + values[n / 2]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(quoted("a+b.h5ad"), "a+b.h5ad");
        assert_eq!(quoted("CD14 Mono's"), r"'CD14 Mono'\''s'");
    }

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }
}
