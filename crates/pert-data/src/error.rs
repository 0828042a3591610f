//! What can be wrong with a cell file.

use std::path::{Path, PathBuf};

/// An error about a cell file; every variant says which file, where in it, and what mends it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file does not exist.
    #[error("{}: there is no such file; check the path", path.display())]
    MissingFile {
        /// The path as given.
        path: PathBuf,
    },
    /// A folder was given.
    #[error("{}: this is a folder; give the .h5ad file inside it", path.display())]
    Directory {
        /// The path as given.
        path: PathBuf,
    },
    /// The operating system refused to read the file.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file could not be written; what stood at the path before is untouched.
    #[error(
        "{}: cannot be written: {source}; check that its folder exists, is writable and has space",
        path.display()
    )]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The stand-in that git-LFS leaves when the content was not fetched.
    #[error(
        "{}: this is a git-LFS pointer, not the data; run `git lfs pull` in its repository",
        path.display()
    )]
    GitLfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// A file of another format.
    #[error(
        "{}: not an HDF5 file ({n_bytes} bytes, beginning with {start:?}); expected an AnnData .h5ad{}",
        path.display(),
        conversion(path)
    )]
    NotHdf5 {
        /// The file.
        path: PathBuf,
        /// Its length.
        n_bytes: u64,
        /// Its first bytes as text.
        start: String,
    },
    /// A file shorter than its own header says.
    #[error(
        "{}: truncated: it holds {found} of {expected} bytes; copy or download it again",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes present.
        found: u64,
        /// Bytes announced by its header.
        expected: u64,
    },
    /// Content that contradicts itself or cannot be decoded.
    #[error(
        "{}: {object} is damaged or inconsistent: {reason}; copy the file again or write it anew \
         with anndata",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The group, dataset or attribute.
        object: String,
        /// What was found.
        reason: String,
    },
    /// A compression filter that is not built in.
    #[error(
        "{}: {object} is compressed with {filter}, which cannot be read here; write the file again \
         with `adata.write_h5ad(path, compression=\"gzip\")`",
        path.display()
    )]
    UnsupportedFilter {
        /// The file.
        path: PathBuf,
        /// The dataset.
        object: String,
        /// Name and number of the filter.
        filter: String,
    },
    /// Valid content that is not read here.
    #[error("{}: {object} cannot be read here: {reason}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The group or dataset.
        object: String,
        /// What it is, and what mends it.
        reason: String,
    },
    /// A part of an AnnData file is absent.
    #[error("{}: {object} is missing; the file holds: {available}", path.display())]
    MissingObject {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        object: String,
        /// What stands in its place.
        available: String,
    },
    /// Something else than a table of perturbations.
    #[error("{}: {table} is no table of perturbations: {reason}", path.display())]
    NoTable {
        /// The file.
        path: PathBuf,
        /// `uns:KEY` or `obsm:KEY`.
        table: String,
        /// What was found, and what mends it.
        reason: String,
    },
    /// A column of obs that does not exist.
    #[error(
        "{}: obs has no column {column:?}; it has (nearest first): {available}", path.display()
    )]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// The columns that exist.
        available: String,
    },
    /// A column of obs with values of the wrong kind.
    #[error("{}: obs column {column:?}: {reason}", path.display())]
    ColumnKind {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What was expected and found.
        reason: String,
    },
    /// No column looks like perturbation labels.
    #[error(
        "{}: no column of obs looks like perturbation labels; name one with --perturbation-key; \
         obs has: {available}",
        path.display()
    )]
    NoPerturbationColumn {
        /// The file.
        path: PathBuf,
        /// The columns that exist.
        available: String,
    },
    /// A matrix that does not hold raw counts.
    #[error("{}: {found}", path.display())]
    NotCounts {
        /// The file.
        path: PathBuf,
        /// The first value that is no count, and what to do.
        found: Box<NotCounts>,
    },
    /// No cell is unperturbed.
    #[error(
        "{}: no control cells: column {column:?} {tried}; its labels are {labels}; \
         name the unperturbed label with --control",
        path.display()
    )]
    NoControl {
        /// The file.
        path: PathBuf,
        /// The perturbation column.
        column: String,
        /// What was looked for.
        tried: String,
        /// Labels that exist, with their numbers of cells.
        labels: String,
    },
    /// No cell is left to read.
    #[error("{}: no cells are left: {reason}", path.display())]
    NoCells {
        /// The file.
        path: PathBuf,
        /// What removed them.
        reason: String,
    },
    /// A filter that cannot be read.
    #[error(
        "filter {filter:?}: {reason}; write COL>=VALUE with one of >= <= > < == !=, \
         for example 'guide_umi_fraction>=0.8'"
    )]
    BadFilter {
        /// The text given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Labels, counts and names that do not make a population.
    #[error("{}: {source}", path.display())]
    Screen {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pert_core::Error,
    },
    /// A population that cannot be put into an .h5ad file.
    #[error("{}: cannot be written as .h5ad: {reason}", path.display())]
    Unwritable {
        /// The file that was to be written.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A value in a matrix of counts that is no count.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "{matrix} holds no raw counts: cell {cell:?} (row {row}), gene {gene:?} (column {column}) is \
     {value}; {diagnosis}; {mend}"
)]
pub struct NotCounts {
    /// `X`, `layers/NAME` or `raw/X`.
    pub matrix: String,
    /// Name of the cell.
    pub cell: String,
    /// Row of the cell, counted from 0.
    pub row: usize,
    /// Name of the gene.
    pub gene: String,
    /// Column of the gene, counted from 0.
    pub column: usize,
    /// The value found.
    pub value: f64,
    /// What such a value usually means.
    pub diagnosis: &'static str,
    /// Which layer holds counts, or what to do when none does.
    pub mend: String,
}

/// How a file of another format becomes one that can be read, where its name tells the format.
fn conversion(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => "; if it is a compressed one, gunzip it",
        Some("csv" | "tsv" | "txt") => {
            "; in Python: a = anndata.io.read_csv(FILE); a.obs[\"perturbation\"] = …; a.write(\"screen.h5ad\")"
        }
        _ => "",
    }
}
