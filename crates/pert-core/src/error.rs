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
    /// A rule for screens of another kind.
    #[error(
        "hold-out rule {rule} is for {needs}, and perturbation {label:?} names none; choose another rule, or read \
         the labels with --label-kind {needs}"
    )]
    WrongKind {
        /// The rule.
        rule: String,
        /// What labels must name.
        needs: crate::LabelKind,
        /// The label that names something else.
        label: String,
        /// Why its target cannot be read so.
        source: Box<Error>,
    },
    /// Drugs of which nobody said what they share with others.
    #[error(
        "hold-out rule {rule} needs the structure of every drug; of {n_drugs}, {} have none: {}; give a table with the \
         columns drug and smiles (--smiles TABLE)",
        drugs.len(),
        some_of(drugs)
    )]
    NoGroup {
        /// The rule.
        rule: String,
        /// The drugs without a group, sorted bytewise.
        drugs: Vec<String>,
        /// The drugs of the screen.
        n_drugs: usize,
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
    /// A label that stands twice in one list of a split.
    #[error("{list} of the split lists {label:?} twice; keep one")]
    SplitDuplicate {
        /// "train", "test" or "test_cells".
        list: &'static str,
        /// The label, or the name of the cell.
        label: String,
    },
    /// A label to be learned from and judged on, without saying which of its cells are which.
    #[error("{label:?} stands in train and in test of the split; {mend}")]
    SplitOverlap {
        /// The label.
        label: String,
        /// What to change.
        mend: &'static str,
    },
    /// A split without control cells to learn from.
    #[error("train of the split lacks the control label {control:?}")]
    SplitWithoutControl {
        /// The label of unperturbed cells.
        control: String,
    },
    /// Cells in a split that the screen does not hold.
    #[error("{} of the {n_cells} test_cells of the split are not in the data: {}", cells.len(), some_of(cells))]
    UnknownCells {
        /// The names.
        cells: Vec<String>,
        /// Cells that the split names.
        n_cells: usize,
    },
}

impl Error {
    /// A label that the screen does not hold, with those nearest to it.
    pub(crate) fn unknown_perturbation(label: &str, screen: &crate::Population) -> Self {
        // Cheap nearness: share of common characters at the start, then lexical order.
        let common =
            |other: &str| label.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        let mut labels: Vec<&str> = screen.perturbations().iter().map(|p| p.label()).collect();
        labels.sort_by_key(|other| (std::cmp::Reverse(common(other)), *other));
        labels.truncate(3);
        Self::UnknownPerturbation { label: label.to_owned(), nearest: labels.join(", ") }
    }
}

/// The first few of a list.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}
