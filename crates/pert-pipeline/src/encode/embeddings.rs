//! Rows of numbers by label, as a table or as arrays.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use pert_data::write_atomically;
use pert_encoders::write_embeddings_npz;

use crate::Error;

/// Embeddings of perturbations, one row each.
///
/// ```
/// use pert_encoders::FeatureTable;
/// use pert_pipeline::Embeddings;
/// # let folder = tempfile::tempdir().expect("a scratch folder");
/// let path = folder.path().join("genes.npz");
/// let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
/// let embeddings = Embeddings {
///     labels: names(["KLF1", "MYC"]),
///     columns: names(["x", "y"]),
///     values: vec![1.0, 2.0, 3.0, 6.0],
/// };
/// embeddings.write(&path)?;
/// // What is written, `--features` reads.
/// assert_eq!(FeatureTable::read(&path)?.genes(), embeddings.labels);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// Labels as they were given, `[n]`.
    pub labels: Vec<String>,
    /// What each number is, `[dim]`.
    pub columns: Vec<String>,
    /// `[n, dim]`, row-major.
    pub values: Vec<f32>,
}

impl Embeddings {
    /// Writes a file, whole or not at all: arrays `labels`, `embeddings` and `columns` where its name ends in `.npz`, else a
    /// tab-separated table with the column `perturbation` and one for each number.
    ///
    /// # Errors
    /// [`Error::Data`] when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let is_npz = path.extension().is_some_and(|extension| extension == "npz");
        let write = |out: &mut dyn Write| match is_npz {
            true => write_embeddings_npz(out, &self.labels, &self.columns, &self.values),
            false => self.write_tsv(out),
        };
        Ok(write_atomically(path, write)?)
    }

    fn write_tsv(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"perturbation")?;
        for column in &self.columns {
            write!(out, "\t{}", field(column))?;
        }
        out.write_all(b"\n")?;
        for (label, row) in self.labels.iter().zip(self.values.chunks(self.columns.len().max(1))) {
            out.write_all(field(label).as_bytes())?;
            for value in row {
                write!(out, "\t{value}")?;
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

/// A name as a field of a tab-separated line, quoted where it would be taken for quoted.
fn field(name: &str) -> Cow<'_, str> {
    match name.contains('"') {
        true => Cow::Owned(format!("\"{}\"", name.replace('"', "\"\""))),
        false => Cow::Borrowed(name),
    }
}
