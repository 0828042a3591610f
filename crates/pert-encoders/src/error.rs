//! What can be wrong with a table, a gene set to encode or a molecule.

use std::path::PathBuf;

use crate::contrastive::ContrastiveError;
use crate::pooling::PoolingError;
use crate::table::{AliasError, ArrayFileError, OntologyError};

/// An error about gene features or molecules; every variant says where and, if known, what mends it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the table {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The stand-in that git-LFS leaves when the content was not fetched.
    #[error(
        "{} is a git-LFS pointer, not a table; run `git lfs pull` in its repository",
        path.display()
    )]
    GitLfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// A file that becomes larger than any table read here.
    #[error(
        "{} holds more than {limit} bytes (after decompression), the most that is read; \
         keep fewer rows or columns",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        limit: u64,
    },
    /// Bytes that are no text.
    #[error(
        "{}, line {line}: not UTF-8 text; expected a tsv or csv table, plain or gzip-compressed",
        path.display()
    )]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// Text that is no table of the kind asked for.
    #[error("{}{}: {problem}", path.display(), line.map(|l| format!(", line {l}")).unwrap_or_default())]
    Table {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, if it is about one.
        line: Option<usize>,
        /// What is wrong.
        problem: TableProblem,
    },
    /// Genes with neither features nor, without a table, training cells.
    #[error(
        "no {what} for {}; check the names{}",
        describe(genes),
        if *what == "features" {
            ", or say with `--aliases TABLE` what they stand for; to let an average gene stand for genes without features, fit with `--unknown-gene mean`"
        } else {
            "; a gene never perturbed in training is known through features: fit with `--features TABLE`"
        }
    )]
    UnknownGenes {
        /// "features" or, without a table, "training cells".
        what: &'static str,
        /// Each gene with the known names nearest to it.
        genes: Vec<(String, Vec<String>)>,
    },
    /// A number of reduced dimensions outside its range.
    #[error("cannot reduce features to {found} dimensions; the range is 1 to {largest}")]
    ReducedDim {
        /// The number asked for.
        found: usize,
        /// The largest allowed.
        largest: usize,
    },
    /// A text that is no molecule.
    #[error(
        "SMILES {smiles:?} is no molecule: {}{reason}; take it from PubChem, or have RDKit write it anew",
        position.map(|byte| format!("at byte {byte}, ")).unwrap_or_default()
    )]
    BadSmiles {
        /// The text as given; of a long one, a part.
        smiles: String,
        /// The byte it is about, counted from 1, where that is known.
        position: Option<usize>,
        /// Why it is refused.
        reason: String,
    },
    /// An ontology or its annotations.
    #[error(transparent)]
    Ontology(#[from] OntologyError),
    /// A file of arrays.
    #[error(transparent)]
    Arrays(#[from] ArrayFileError),
    /// A table of aliases, or a name to be looked up in it.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// Pooling of sets of targets.
    #[error(transparent)]
    Pooling(#[from] PoolingError),
    /// Contrastive training.
    #[error(transparent)]
    Contrastive(#[from] ContrastiveError),
    /// A protein, a variant, or the network that reads them.
    #[error(transparent)]
    Protein(#[from] crate::ProteinError),
    /// The folder of a pretrained network.
    #[error(transparent)]
    Pretrained(#[from] crate::pretrained::PretrainedError),
    /// An error about molecules' fingerprints, drugs or the network that reads SMILES.
    #[error(transparent)]
    Molecule(#[from] crate::molecule::MoleculeError),
    /// A saved encoder and a feature table that do not belong together.
    #[error("the saved encoder does not fit its feature table: {reason}; restore the model folder")]
    StateMismatch {
        /// What differs.
        reason: String,
    },
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableProblem {
    /// Nothing but white space, or a header alone.
    #[error("the table has no rows")]
    Empty,
    /// The first line holds numbers.
    #[error(
        "the first line is no header (column {column} is the number {value}); name the columns"
    )]
    NoHeader {
        /// The column, counted from 1.
        column: usize,
        /// The number.
        value: String,
    },
    /// A header with one column.
    #[error(
        "the header names {found:?} only; expected the gene and at least one feature, split by tabs or commas"
    )]
    NoFeatures {
        /// The header.
        found: String,
    },
    /// A row of another width than the header.
    #[error("expected {expected} columns as in the header, found {found}")]
    Width {
        /// Columns of the header.
        expected: usize,
        /// Columns of the row.
        found: usize,
    },
    /// A feature that is no finite number.
    #[error(
        "gene {gene:?}, column {column:?} is {value:?}, not a finite number; impute or drop it"
    )]
    NotANumber {
        /// The gene.
        gene: String,
        /// Name of the column.
        column: String,
        /// The text found.
        value: String,
    },
    /// A row without a gene name.
    #[error("the gene name is empty")]
    EmptyGene,
    /// A gene that stands twice.
    #[error("gene {gene:?} stands twice, first in line {first}; keep one row")]
    DuplicateGene {
        /// The gene.
        gene: String,
        /// Line of its first row, counted from 1.
        first: usize,
    },
    /// A row whose list of annotations is not as long as it says.
    #[error("gene {gene:?}: n_terms is {expected:?}, but go_ids lists {found}")]
    TermCount {
        /// The gene.
        gene: String,
        /// The column `n_terms`.
        expected: String,
        /// Terms listed.
        found: usize,
    },
    /// A quoted field that does not end.
    #[error("a quote is opened and not closed")]
    OpenQuote,
    /// A header without a column that is needed.
    #[error("the header {found:?} has no column {}", wanted.join(" or "))]
    NoColumn {
        /// Names it may have, the first that stands there being taken.
        wanted: &'static [&'static str],
        /// The header.
        found: String,
    },
    /// A row without the name of a drug.
    #[error("the name of the drug is empty")]
    EmptyDrug,
    /// A drug with two structures.
    #[error("drug {drug:?} has another SMILES in line {first}; keep one")]
    TwoStructures {
        /// The drug, without dose.
        drug: String,
        /// Line of its first row, counted from 1.
        first: usize,
    },
    /// A structure that is none.
    #[error("drug {drug:?}: {problem}")]
    Molecule {
        /// The drug, without dose.
        drug: String,
        /// What is wrong with its SMILES.
        problem: String,
    },
    /// A set without a name, or with one that cannot be kept.
    #[error("the name of the set is {set:?}; it must neither be empty nor hold a `|`")]
    SetName {
        /// The name.
        set: String,
    },
    /// A set that stands twice.
    #[error("set {set:?} stands twice, first in line {first}; keep one")]
    DuplicateSet {
        /// The set.
        set: String,
        /// Its first line, counted from 1.
        first: usize,
    },
    /// A set of nothing.
    #[error("set {set:?} has no genes; drop it")]
    EmptySet {
        /// The set.
        set: String,
    },
    /// Values that do not fill the table.
    #[error("{genes} genes × {columns} columns do not hold {values} values")]
    Shape {
        /// Number of genes.
        genes: usize,
        /// Number of columns.
        columns: usize,
        /// Number of values.
        values: usize,
    },
    /// A table written by another version.
    #[error("the table has format {found:?}; this version reads {expected:?}")]
    Format {
        /// The first line.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
}

fn describe(genes: &[(String, Vec<String>)]) -> String {
    let one = |(gene, nearest): &(String, Vec<String>)| match nearest.as_slice() {
        [] => gene.clone(),
        nearest => format!("{gene} (nearest names: {})", nearest.join(", ")),
    };
    genes.iter().map(one).collect::<Vec<_>>().join("; ")
}
