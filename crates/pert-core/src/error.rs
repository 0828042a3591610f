//! What can be wrong with a screen.

/// An error about labels, counts, covariates or splits; every variant carries the values it is about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A perturbation label that is empty or has an empty part.
    #[error(
        "perturbation label {label:?} has an empty part; write gene names joined by '{separator}'"
    )]
    EmptyLabelPart {
        /// The label as given.
        label: String,
        /// The separator that split it.
        separator: char,
    },
    /// Arrays of a sparse matrix that contradict each other.
    #[error("the sparse matrix is inconsistent: {0}")]
    InconsistentMatrix(String),
    /// A value that is no raw count.
    #[error(
        "row {row}, column {column} holds {value}, which is no raw count \
         (a non-negative integer up to {})",
        crate::LARGEST_COUNT
    )]
    NotACount {
        /// Row (cell), counted from 0.
        row: usize,
        /// Column (gene), counted from 0.
        column: usize,
        /// The value found.
        value: f64,
    },
    /// Two lengths that must agree do not.
    #[error("expected {expected} {what}, found {found}")]
    LengthMismatch {
        /// What is counted.
        what: &'static str,
        /// The length required.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// A gene name that stands twice.
    #[error(
        "gene {name:?} stands twice (columns {first} and {second}); make the gene names unique"
    )]
    DuplicateGene {
        /// The name.
        name: String,
        /// Its first column.
        first: usize,
        /// Its second column.
        second: usize,
    },
    /// A hold-out rule that cannot be read.
    #[error("unknown hold-out rule {rule:?}: {reason}; known rules: {known}", known = crate::split::KNOWN_RULES)]
    UnknownRule {
        /// The text given.
        rule: String,
        /// Why it is refused.
        reason: String,
    },
    /// A rule that leaves nothing to test or nothing to train on.
    #[error("hold-out rule {rule} leaves no {what}: {reason}")]
    EmptySplit {
        /// The rule.
        rule: String,
        /// "perturbation to test" or "perturbation to train on".
        what: &'static str,
        /// Why, with the numbers found.
        reason: String,
    },
    /// A label in a split or a request that the screen does not hold.
    #[error("perturbation {label:?} is not in the data; nearest: {nearest}")]
    UnknownPerturbation {
        /// The label.
        label: String,
        /// Labels that look like it.
        nearest: String,
    },
    /// A split file of another format.
    #[error("the split has format {found}, this version reads format {expected}")]
    SplitFormat {
        /// The version found.
        found: u32,
        /// The version read here.
        expected: u32,
    },
}
