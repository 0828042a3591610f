//! The columns of obs, looked at without reading the counts.

use std::path::Path;

use crate::Error;
use crate::h5ad::{Container, Frame};
use crate::nearest::nearest_first;

/// Refuses a file that lacks a column of obs which somebody counts on.
///
/// ```
/// use pert_data::{Dataset, Provenance, SimulatorConfig, check_columns, write_h5ad};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("screen.h5ad");
/// # let provenance = Provenance { model: "s".into(), seed: 1, version: "0".into(), generated: false };
/// let config = SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
/// write_h5ad(&path, Dataset::simulated(&config)?.population(), &provenance)?;
/// check_columns(&path, &["perturbation".to_owned()])?;
/// let error = check_columns(&path, &["dose".to_owned()]).unwrap_err().to_string();
/// assert!(error.contains("dose") && error.contains("perturbation"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::MissingColumn`] naming the first that is missing and those that exist; errors of a file that cannot be read.
pub fn check_columns(path: &Path, wanted: &[String]) -> Result<(), Error> {
    let container = Container::open(path)?;
    let obs = Frame::open(&container, "obs")?;
    match wanted.iter().find(|column| !obs.columns().contains(column)) {
        None => Ok(()),
        Some(column) => Err(Error::MissingColumn {
            path: path.to_owned(),
            column: column.clone(),
            available: nearest_first(column, obs.columns()),
        }),
    }
}
