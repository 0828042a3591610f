//! Which matrix of a file holds the counts.

use pert_core::CsrCounts;

use crate::error::NotCounts;
use crate::h5ad::{Container, Frame, Matrix, Reading};
use crate::{Error, ReadOptions};

/// Opens the matrix asked for, or `X`.
pub(crate) fn counts_matrix<'a>(
    container: &'a Container,
    layer: Option<&str>,
) -> Result<Matrix<'a>, Error> {
    let places = match layer {
        None | Some("X") => vec!["X".to_owned()],
        Some("raw" | "raw/X") => vec!["raw/X".to_owned(), "layers/raw".to_owned()],
        Some(name) => vec![format!("layers/{}", name.strip_prefix("layers/").unwrap_or(name))],
    };
    for place in &places {
        if let Some(matrix) = Matrix::open(container, place)? {
            return Ok(matrix);
        }
    }
    let available = std::iter::once("X".to_owned()).chain(other_layers(container)?);
    Err(Error::MissingObject {
        path: container.path().to_owned(),
        object: layer.map_or_else(|| "X".to_owned(), |name| format!("layer {name:?}")),
        available: available.collect::<Vec<_>>().join(", "),
    })
}

/// The layers of a file, as `--layer` names them.
pub(crate) fn other_layers(container: &Container) -> Result<Vec<String>, Error> {
    let mut layers = container.members("layers")?;
    if container.members("raw")?.iter().any(|name| name == "X") {
        layers.push("raw".to_owned());
    }
    Ok(layers)
}

/// The first layer beside the one at `object` that looks like counts.
pub(crate) fn layer_with_counts(
    container: &Container,
    object: &str,
) -> Result<Option<String>, Error> {
    for layer in other_layers(container)? {
        // A layer that cannot be opened holds no counts for us.
        let Ok(matrix) = counts_matrix(container, Some(&layer)) else { continue };
        if matrix.object() != object && matrix.looks_like_counts().unwrap_or(false) {
            return Ok(Some(layer));
        }
    }
    Ok(None)
}

/// Gene names of a matrix: `raw/X` has its own.
pub(crate) fn gene_names(container: &Container, matrix: &Matrix<'_>) -> Result<Vec<String>, Error> {
    let table = if matrix.object() == "raw/X" { "raw/var" } else { "var" };
    let genes = Frame::open(container, table)?.index().to_vec();
    if genes.len() != matrix.shape().1 {
        return Err(container.corrupt(
            matrix.object(),
            format!("{} columns for {} genes in {table}", matrix.shape().1, genes.len()),
        ));
    }
    Ok(genes)
}

/// Gene names for a look at labels; where they cannot be read, reading the counts says why.
pub(crate) fn gene_names_or_none(container: &Container, options: &ReadOptions) -> Vec<String> {
    counts_matrix(container, options.layer.as_deref())
        .and_then(|matrix| gene_names(container, &matrix))
        .unwrap_or_default()
}

/// Reads the counts, their gene names, and where they stand.
pub(crate) fn read_counts(
    container: &Container,
    obs: &Frame<'_>,
    options: &ReadOptions,
) -> Result<(CsrCounts, Vec<String>, String), Error> {
    let matrix = counts_matrix(container, options.layer.as_deref())?;
    check_rows(container, obs, &matrix)?;
    let genes = gene_names(container, &matrix)?;
    match matrix.read()? {
        Reading::Counts(counts) => Ok((counts, genes, matrix.object().to_owned())),
        Reading::NotCounts { row, column, value } => {
            let mend = match layer_with_counts(container, matrix.object())? {
                Some(layer) => {
                    format!("layer {layer:?} holds counts: read it with --layer {layer}")
                }
                None => "no layer of the file holds counts: give the file from before \
                         normalisation"
                    .to_owned(),
            };
            let found = NotCounts {
                matrix: matrix.object().to_owned(),
                cell: obs.index()[row].clone(),
                row,
                gene: genes[column].clone(),
                column,
                value,
                diagnosis: diagnosis(value),
                mend,
            };
            let path = container.path().to_owned();
            Err(Error::NotCounts { path, found: Box::new(found) })
        }
    }
}

/// Refuses a matrix with another number of rows than there are cells.
pub(crate) fn check_rows(
    container: &Container,
    obs: &Frame<'_>,
    matrix: &Matrix<'_>,
) -> Result<(), Error> {
    if obs.index().len() == matrix.shape().0 {
        return Ok(());
    }
    Err(container.corrupt(
        matrix.object(),
        format!("{} rows for {} cells in obs", matrix.shape().0, obs.index().len()),
    ))
}

fn diagnosis(value: f64) -> &'static str {
    if value.is_nan() {
        "values are missing"
    } else if value < 0.0 {
        "the data look scaled or centred (counts are never negative)"
    } else if value.is_finite() && value.fract() != 0.0 {
        "the data look normalised (counts are whole numbers)"
    } else {
        "the value is too large for a count"
    }
}
