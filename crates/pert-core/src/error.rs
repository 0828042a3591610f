//! What can be wrong with a screen.

/// An error about labels, counts, covariates or splits; every variant carries the values it is about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A perturbation label that is empty or has an empty part.
    #[error(
        "perturbation label {label:?}: part {part} is empty; write names joined by '{separator}'"
    )]
    EmptyLabelPart {
        /// The label as given.
        label: String,
        /// The separator that split it.
        separator: char,
        /// The empty part, counted from 1.
        part: usize,
    },
    /// A part of a label that is not what the format says it is.
    #[error("perturbation label {label:?}, part {part}: {source}")]
    LabelPart {
        /// The label as given.
        label: String,
        /// The part, counted from 1.
        part: usize,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// A text that is no protein variant.
    #[error(
        "{text:?} is no protein variant: {reason}; write GENE_G12D or GENE:p.Gly12Asp, joined by _ where \
         there are several substitutions, or take labels as names with --label-kind genes"
    )]
    BadVariant {
        /// The text as given.
        text: String,
        /// Why it is refused.
        reason: String,
    },
    /// A text that is no drug with or without a dose.
    #[error(
        "{text:?} is no drug: {reason}; write NAME or NAME_100nM, or take labels as names with \
         --label-kind genes"
    )]
    BadDrug {
        /// The text as given.
        text: String,
        /// Why it is refused.
        reason: String,
    },
    /// A separator that names are written with.
    #[error(
        "labels cannot be joined by {separator:?}: {reason}; give another with --separator, such as +"
    )]
    BadSeparator {
        /// The separator.
        separator: char,
        /// Why it is refused.
        reason: String,
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
