//! What can be wrong with a matrix of cells.

/// An error about the input of a metric; every variant carries the values it is about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Values that do not fill whole rows.
    #[error("{n_values} values do not fill rows of {n_columns} columns")]
    RaggedRows {
        /// Number of values given.
        n_values: usize,
        /// Number of columns asked for.
        n_columns: usize,
    },
    /// Fewer rows than the quantity needs.
    #[error("{what} needs at least {needed} rows, found {found}; give more cells")]
    TooFewRows {
        /// The quantity.
        what: &'static str,
        /// The least number of rows.
        needed: usize,
        /// The number found.
        found: usize,
    },
    /// A value that is NaN or infinite.
    #[error(
        "row {row}, column {column} holds {value}; drop cells without counts before normalising"
    )]
    NotFinite {
        /// Row (cell), counted from 0.
        row: usize,
        /// Column, counted from 0.
        column: usize,
        /// The value found.
        value: f64,
    },
    /// More principal components than the data can have.
    #[error(
        "{requested} principal components of {n_rows} rows and {n_columns} columns; ask for 1 to {most}"
    )]
    ComponentCount {
        /// The number asked for.
        requested: usize,
        /// Rows of the data.
        n_rows: usize,
        /// Columns of the data.
        n_columns: usize,
        /// The largest number possible.
        most: usize,
    },
    /// A decomposition that did not converge: the matrix holds values near the limits of f64.
    #[error("the decomposition of a {n} × {n} matrix did not converge; rescale its values")]
    NoConvergence {
        /// Size of the matrix.
        n: usize,
    },
}
