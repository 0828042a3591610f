//! Where a table of features lies: in a file of its own, or within a file of cells.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use pert_data::{Dataset, ReadOptions, TableKey, read_table};
use pert_encoders::FeatureTable;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How names of cell files end.
const CELL_FILE: &str = "h5ad";

/// Where a table of features lies.
///
/// | written | the table |
/// |---|---|
/// | `uns:KEY`, `obsm:KEY` | of the cell file at hand: the one that is fitted, inspected or judged |
/// | `FILE.h5ad:uns:KEY`, `FILE.h5ad:obsm:KEY` | of that cell file |
/// | anything else | a file: text, npz, safetensors ([`FeatureTable::read`]) |
///
/// A file whose own name begins so is written `./uns:KEY`. What tables within cell files may be, [`read_table`] says.
///
/// ```
/// use pert_pipeline::FeatureSource;
/// let (own, other) = (FeatureSource::from("uns:esm2"), FeatureSource::from("a/b.h5ad:uns:esm2"));
/// assert_eq!(own.in_cells("a/b.h5ad"), other);
/// assert_eq!(other.to_string(), "a/b.h5ad:uns:esm2");
/// assert_eq!(FeatureSource::from("go.tsv"), FeatureSource::File("go.tsv".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PathBuf", into = "PathBuf")]
pub enum FeatureSource {
    /// A file of its own.
    File(PathBuf),
    /// A table of a cell file.
    Cells {
        /// The cell file; `None`: the one at hand.
        file: Option<PathBuf>,
        /// Its place there.
        table: TableKey,
    },
}

impl FeatureSource {
    /// The file it names, if it names one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Cells { file, .. } => file.as_deref(),
        }
    }

    /// The same with the file it names, if any, found elsewhere.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn try_map_file<E>(
        self,
        find: impl FnOnce(PathBuf) -> Result<PathBuf, E>,
    ) -> Result<Self, E> {
        Ok(match self {
            Self::File(path) => Self::File(find(path)?),
            Self::Cells { file, table } => Self::Cells { file: file.map(find).transpose()?, table },
        })
    }

    /// The same, with this as the cell file at hand.
    pub fn in_cells(self, cells: impl Into<PathBuf>) -> Self {
        match self {
            Self::Cells { file: None, table } => Self::Cells { file: Some(cells.into()), table },
            named => named,
        }
    }

    /// Reads the table; labels of a cell file are read as the options say.
    ///
    /// # Errors
    /// [`Error::Config`] where no cell file is at hand, or one is named without a table; errors of the file.
    pub fn read(&self, options: &ReadOptions) -> Result<FeatureTable, Error> {
        let bad = |message| Err(Error::Config { field: "features", message });
        match self {
            Self::File(path)
                if path.extension().is_some_and(|extension| extension == CELL_FILE) =>
            {
                let path = path.display();
                bad(format!(
                    "{path} is a cell file; name the table in it: {path}:uns:KEY or {path}:obsm:KEY"
                ))
            }
            Self::File(path) => Ok(FeatureTable::read(path)?),
            Self::Cells { file: None, table } => bad(format!(
                "no cell file is at hand to look for {table} in; name it: FILE.h5ad:{table}"
            )),
            Self::Cells { file: Some(file), table } => {
                let rows = read_table(file, table, options)?;
                let (names, columns) = (rows.names, rows.columns);
                let source = self.to_string();
                Ok(FeatureTable::from_rows_of(source, names, columns, rows.n_columns, rows.values)?)
            }
        }
    }

    /// Reads the table for a screen, which is the cell file at hand and whose labels are read as they were.
    ///
    /// # Errors
    /// As [`FeatureSource::read`]; a screen that was not read from a file is no cell file.
    pub fn read_for(&self, screen: &Dataset) -> Result<FeatureTable, Error> {
        match (self, screen.path()) {
            (Self::Cells { file: None, .. }, Some(path)) => {
                self.clone().in_cells(path).read(&screen.label_options())
            }
            _ => self.read(&ReadOptions::default()),
        }
    }
}

/// Annotations need their ontology, and take the place of a table.
pub(crate) fn check_annotations(features: bool, gaf: bool, obo: bool) -> Result<(), Error> {
    let message = if gaf != obo {
        "--gaf and --obo belong together: annotations and their ontology"
    } else if gaf && features {
        "give --features or --gaf with --obo, not both"
    } else {
        return Ok(());
    };
    Err(Error::Config { field: "features", message: message.to_owned() })
}

/// The cell file and the place in it, where a text names one.
fn within_cells(text: &str) -> Option<(Option<PathBuf>, TableKey)> {
    if let Some(table) = TableKey::parse(text) {
        return Some((None, table));
    }
    let joint = format!(".{CELL_FILE}:");
    text.match_indices(&joint).find_map(|(at, joint)| {
        let table = TableKey::parse(&text[at + joint.len()..])?;
        Some((Some(text[..at + joint.len() - 1].into()), table))
    })
}

impl From<PathBuf> for FeatureSource {
    fn from(path: PathBuf) -> Self {
        match path.to_str().and_then(within_cells) {
            Some((file, table)) => Self::Cells { file, table },
            None => Self::File(path),
        }
    }
}

impl From<&str> for FeatureSource {
    fn from(text: &str) -> Self {
        PathBuf::from(text).into()
    }
}

impl From<OsString> for FeatureSource {
    fn from(text: OsString) -> Self {
        PathBuf::from(text).into()
    }
}

impl From<FeatureSource> for PathBuf {
    fn from(source: FeatureSource) -> Self {
        match source {
            FeatureSource::File(path) => path,
            FeatureSource::Cells { file: None, table } => table.to_string().into(),
            FeatureSource::Cells { file: Some(file), table } => {
                let mut text = file.into_os_string();
                text.push(format!(":{table}"));
                text.into()
            }
        }
    }
}

impl fmt::Display for FeatureSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PathBuf::from(self.clone()).display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_cell_file_is_told_from_a_path() {
        let parts = |text: &str| match FeatureSource::from(text) {
            FeatureSource::File(_) => None,
            FeatureSource::Cells { file, table } => Some((file, table.to_string())),
        };
        let of = |file: &str, table: &str| Some((Some(file.into()), table.to_owned()));
        assert_eq!(parts("uns:a/b:c"), Some((None, "uns:a/b:c".to_owned())));
        assert_eq!(parts("a.h5ad:obsm:X"), of("a.h5ad", "obsm:X"));
        assert_eq!(parts(r"C:\a.h5ad:b.h5ad:uns:X"), of(r"C:\a.h5ad:b.h5ad", "uns:X"));
        assert_eq!(parts("a.h5ad:uns:b.h5ad:uns:c"), of("a.h5ad", "uns:b.h5ad:uns:c"));
        for path in ["./uns:a", "a.h5ad", "a.h5ad:var:X", "a.tsv:uns:X", "obs:X", ""] {
            assert_eq!(parts(path), None, "{path}");
        }
        for text in ["uns:a", "a.h5ad:obsm:X", "./uns:a"] {
            assert_eq!(FeatureSource::from(text).to_string(), text);
        }
    }

    #[test]
    fn what_names_no_table_says_how_to() {
        let message =
            |source: FeatureSource| source.read(&ReadOptions::default()).unwrap_err().to_string();
        assert!(message("uns:esm2".into()).contains("name it: FILE.h5ad:uns:esm2"));
        assert!(message("a.h5ad".into()).contains("a.h5ad:uns:KEY"));
    }
}
