//! What can be wrong with the numbers a report is asked to show.

use std::path::PathBuf;

/// An error about an embedding, a picture or a table; every variant carries the values it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside its range.
    #[error("{field} = {value} is out of range: {range}")]
    OutOfRange {
        /// The name of the setting.
        field: &'static str,
        /// The value given.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
    /// A matrix whose length is no multiple of its number of columns.
    #[error("{n_values} values do not fill rows of {n_columns} columns")]
    Shape {
        /// Number of values given.
        n_values: usize,
        /// Number of columns expected.
        n_columns: usize,
    },
    /// Two lists that must be equally long are not.
    #[error("expected {expected} {what}, found {found}")]
    LengthMismatch {
        /// What is counted.
        what: &'static str,
        /// The length required.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// A coordinate that is NaN or infinite.
    #[error("row {row}, column {column} holds {value}; drop such rows before")]
    NotFinite {
        /// Row (point), counted from 0.
        row: usize,
        /// Column, counted from 0.
        column: usize,
        /// The value found.
        value: f32,
    },
    /// Fewer points than the neighbourhood needs.
    #[error(
        "UMAP with {n_neighbors} neighbours needs more than {n_neighbors} points, found {n_points}; \
         lower n_neighbors or show principal components"
    )]
    TooFewPoints {
        /// Number of points given.
        n_points: usize,
        /// The neighbourhood, the point itself included.
        n_neighbors: usize,
    },
    /// A picture without anything to show.
    #[error("nothing to draw in {picture}: {reason}")]
    EmptyPicture {
        /// Which picture.
        picture: &'static str,
        /// Why it would be empty.
        reason: String,
    },
    /// A picture the rasteriser refused.
    #[error("the picture cannot be written as PNG: {0}")]
    Png(String),
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
