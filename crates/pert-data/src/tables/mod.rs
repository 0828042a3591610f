//! Tables of perturbations within a cell file: vectors by label in `uns`, rows of cells in `obsm`.

mod obsm;
mod uns;

use std::fmt;
use std::path::Path;

use crate::h5ad::{Container, Node};
use crate::nearest::nearest_first;
use crate::{Error, ReadOptions};

/// The part of a cell file that a table stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableSlot {
    /// Anything by name: a vector for each label.
    Uns,
    /// A row for each cell, the same for all cells of a perturbation.
    Obsm,
}

/// A table of a cell file by its place, written `uns:KEY` or `obsm:KEY`. Tables in a dict of `uns` are `uns:OUTER/INNER`.
///
/// ```
/// use pert_data::{TableKey, TableSlot};
/// let key = TableKey::parse("uns:esm2").expect("a part of a cell file and a key");
/// assert_eq!((key.slot, key.key.as_str()), (TableSlot::Uns, "esm2"));
/// assert_eq!(key.to_string(), "uns:esm2");
/// assert_eq!(TableKey::parse("go.tsv"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableKey {
    /// The part of the file.
    pub slot: TableSlot,
    /// The name in it.
    pub key: String,
}

impl TableSlot {
    const ALL: [Self; 2] = [Self::Uns, Self::Obsm];

    fn name(self) -> &'static str {
        match self {
            Self::Uns => "uns",
            Self::Obsm => "obsm",
        }
    }
}

impl TableKey {
    /// Reads `uns:KEY` or `obsm:KEY`; nothing else is a key. That the key is there, reading will tell.
    pub fn parse(text: &str) -> Option<Self> {
        let (slot, key) = text.split_once(':')?;
        let slot = TableSlot::ALL.into_iter().find(|known| known.name() == slot)?;
        Some(Self { slot, key: key.to_owned() })
    }

    fn object(&self) -> String {
        format!("{}/{}", self.slot.name(), self.key)
    }
}

impl fmt::Display for TableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.slot.name(), self.key)
    }
}

/// Vectors by the name of what they describe, as a cell file holds them: a name may stand twice, a number may be NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRows {
    /// What the rows describe, `[n]`.
    pub names: Vec<String>,
    /// Names of the columns, `[n_columns]`, where the file has them.
    pub columns: Option<Vec<String>>,
    /// Length of a row.
    pub n_columns: usize,
    /// `[n, n_columns]`, row-major.
    pub values: Vec<f64>,
}

/// Reads a table of perturbations from a cell file.
///
/// | place | what it may be | names of the rows |
/// |---|---|---|
/// | `uns` | a dict of vectors of one length, `[d]` or `[1, d]` | its keys, in bytewise order |
/// | `uns` | a data frame of numbers | its index |
/// | `obsm` | a dense array `[n_cells, d]`, rows equal within a perturbation | the single targets of the labels, in bytewise order |
///
/// Labels are read as the options say, or as [`inspect`](crate::inspect) guesses; they matter to `obsm` only. There,
/// combinations and control give no row: a combination is described by the rows of its parts, control by none.
///
/// # Errors
/// [`Error::MissingObject`] with the tables that are there; [`Error::NoTable`] for anything else than the above, with the
/// entry, column or cells it is about; errors of a file or column that cannot be read.
///
/// ```
/// use pert_data::{Dataset, Provenance, ReadOptions, SimulatorConfig, TableKey, read_table, write_h5ad};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("screen.h5ad");
/// # let config = SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
/// # let provenance = Provenance { model: "s".into(), seed: 1, version: "0".into(), generated: false };
/// # write_h5ad(&path, Dataset::simulated(&config)?.population(), &provenance)?;
/// let key = TableKey::parse("uns:esm2").expect("a key");
/// let error = read_table(&path, &key, &ReadOptions::default()).unwrap_err().to_string();
/// assert!(error.contains("uns:esm2 is missing; the file holds: "), "{error}");
/// assert!(error.contains("uns:model"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_table(path: &Path, key: &TableKey, options: &ReadOptions) -> Result<TableRows, Error> {
    let container = Container::open(path)?;
    let place = Place { container: &container, key, object: key.object() };
    let node = if key.key.is_empty() { Node::Missing } else { container.node(&place.object)? };
    match (node, key.slot) {
        (Node::Missing, _) => Err(place.missing()?),
        (node, TableSlot::Uns) => uns::read(&place, node),
        (node, TableSlot::Obsm) => obsm::read(&place, node, options),
    }
}

/// A table that is being read.
struct Place<'a> {
    container: &'a Container,
    key: &'a TableKey,
    /// Its path in the file.
    object: String,
}

impl Place<'_> {
    fn no_table(&self, reason: String) -> Error {
        let path = self.container.path().to_owned();
        Error::NoTable { path, table: self.key.to_string(), reason }
    }

    /// What stands beside the table that is not there.
    fn missing(&self) -> Result<Error, Error> {
        let slot = self.key.slot.name();
        let outer = self.key.key.rsplit_once('/').map_or("", |(outer, _)| outer);
        let within = self.container.members(&format!("{slot}/{outer}"))?;
        let (start, names) = match outer.is_empty() || within.is_empty() {
            true => (format!("{slot}:"), self.container.members(slot)?),
            false => (format!("{slot}:{outer}/"), within),
        };
        let names: Vec<String> = names.into_iter().map(|name| start.clone() + &name).collect();
        let wanted = self.key.to_string();
        let available = nearest_first(&wanted, &names);
        let path = self.container.path().to_owned();
        Ok(Error::MissingObject { path, object: wanted, available })
    }

    /// Refuses more numbers than may be held of this file.
    fn check_size(&self, rows: usize, columns: usize) -> Result<(), Error> {
        let limit = self.container.memory_limit();
        let bytes = (rows as u64).saturating_mul(columns as u64).saturating_mul(8);
        if bytes > limit {
            return Err(self.no_table(format!(
                "{rows} rows of {columns} numbers need more than {limit} bytes, the most that is read of this file; keep \
                 fewer rows or columns"
            )));
        }
        Ok(())
    }
}
