//! What can be wrong with a table stored as arrays.

use std::path::PathBuf;

/// A file of arrays that holds no table.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct ArrayFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: ArrayProblem,
}

/// What is wrong with a file of arrays; rows are counted from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayProblem {
    /// Bytes that contradict the format.
    #[error("no readable npz or safetensors file ({reason}); it may be truncated or damaged")]
    Damaged {
        /// What was found.
        reason: String,
    },
    /// An archive packed in a way that is not read.
    #[error("{entry:?} is packed by {found}; write it with numpy.savez or numpy.savez_compressed")]
    Packing {
        /// The entry.
        entry: String,
        /// How it is packed.
        found: String,
    },
    /// An array that becomes larger than any table read here.
    #[error(
        "array {array:?} needs more than {limit} bytes, the most that is read; keep fewer rows or columns"
    )]
    TooLarge {
        /// The array.
        array: String,
        /// The most bytes.
        limit: u64,
    },
    /// An array that is not there.
    #[error("no array {wanted:?}, found {found}; expected `names` [n] and `values` [n, d]")]
    Missing {
        /// The array.
        wanted: &'static str,
        /// The arrays that are there.
        found: String,
    },
    /// An array of another type.
    #[error("array {array:?} must hold {expected}, found {found}")]
    Type {
        /// The array.
        array: String,
        /// What it must hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// Pickled Python objects, which are programs.
    #[error(
        "array {array:?} holds pickled objects, which are not read; save `np.array(names, dtype=str)`"
    )]
    Pickled {
        /// The array.
        array: String,
    },
    /// An array of another shape.
    #[error("array {array:?} must have {expected}, found shape {found:?}")]
    Shape {
        /// The array.
        array: String,
        /// The shape it must have.
        expected: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// Text of metadata that is no list of names.
    #[error("metadata {key:?} is no JSON list of text: {reason}")]
    Metadata {
        /// The key.
        key: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// No rows or no columns.
    #[error("the table has no rows or no columns")]
    Empty,
    /// Fewer or more names than rows.
    #[error("{names} names for {rows} rows of values")]
    NameCount {
        /// Number of names.
        names: usize,
        /// Number of rows.
        rows: usize,
    },
    /// Fewer or more names of columns than columns.
    #[error("expected {expected} names of columns, found {found}")]
    ColumnCount {
        /// Number of columns.
        expected: usize,
        /// Number of names.
        found: usize,
    },
    /// A row without a name.
    #[error("row {row}: the name is empty")]
    EmptyName {
        /// The row.
        row: usize,
    },
    /// A name that stands twice.
    #[error("row {row}: {name:?} stands twice, first in row {first}; keep one")]
    DuplicateName {
        /// The name.
        name: String,
        /// Its first row.
        first: usize,
        /// Its second row.
        row: usize,
    },
    /// A value that is no finite number.
    #[error(
        "row {row} ({name:?}), column {column:?} is {value}, not a finite number; impute or drop it"
    )]
    NotFinite {
        /// The name.
        name: String,
        /// The row.
        row: usize,
        /// Name of the column.
        column: String,
        /// The value.
        value: f64,
    },
}
