//! What can be wrong with a model's configuration, its inputs or its training.

/// An error of the variational autoencoder; every variant carries the values it is about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside its range.
    #[error("{name} must be {expected}, found {found}")]
    InvalidSetting {
        /// The setting's name.
        name: &'static str,
        /// The range allowed.
        expected: &'static str,
        /// The value given.
        found: String,
    },
    /// Counts over another set of genes than the model's.
    #[error("expected counts of {expected} genes, found {found}; select the model's genes first")]
    GeneMismatch {
        /// The model's number of genes.
        expected: usize,
        /// The number found.
        found: usize,
    },
    /// No cells to work on.
    #[error("no cells were given for {purpose}")]
    NoCells {
        /// What the cells were for.
        purpose: &'static str,
    },
    /// A cell without a single count.
    #[error("cell {cell} has no counts in the genes kept; drop such cells before")]
    ZeroCountCell {
        /// The cell's row.
        cell: usize,
    },
    /// A row that the counts do not have.
    #[error("cell {cell} was asked for, but there are only {n_cells}")]
    CellOutOfRange {
        /// The row asked for.
        cell: usize,
        /// The number of rows.
        n_cells: usize,
    },
    /// An array of the wrong length.
    #[error("{what} must hold {expected} values ({rows} rows of width {width}), found {found}")]
    WrongLength {
        /// Which array.
        what: &'static str,
        /// The length required.
        expected: usize,
        /// Number of rows.
        rows: usize,
        /// Width of a row.
        width: usize,
        /// The length found.
        found: usize,
    },
    /// A condition that the model was built with is not given.
    #[error("the model is conditioned on a {what} of width {width}, but none was given")]
    MissingCondition {
        /// Which condition.
        what: &'static str,
        /// Its width.
        width: usize,
    },
    /// A number that is not finite or not in its range.
    #[error("{what} holds {value} at position {index}; expected {expected}")]
    InvalidValue {
        /// Which array.
        what: &'static str,
        /// Position, counted from 0.
        index: usize,
        /// The value found.
        value: f64,
        /// The range allowed.
        expected: &'static str,
    },
    /// A library group that does not exist.
    #[error("library group {group} of cell {index} is not below the number of groups, {n_groups}")]
    GroupOutOfRange {
        /// The group given.
        group: usize,
        /// Position among the cells, counted from 0.
        index: usize,
        /// The number of groups.
        n_groups: usize,
    },
    /// The loss left the numbers.
    #[error("the loss became {loss} in step {step}; lower the learning rate")]
    NonFiniteLoss {
        /// The optimiser step, counted from 1.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// A gradient left the numbers, the loss not yet.
    #[error(
        "the gradients have norm {norm} in step {step}; the weights are those before it, lower the learning rate"
    )]
    NonFiniteGradient {
        /// The optimiser step, counted from 1.
        step: usize,
        /// The global norm.
        norm: f64,
    },
    /// A batch that the model was not trained with, by name.
    #[error("the model does not know batch {label:?}, only {}", known.join(", "))]
    UnknownBatch {
        /// The label asked for.
        label: String,
        /// The labels of the training.
        known: Vec<String>,
    },
    /// A batch that the model was not trained with, by number.
    #[error(
        "batch {batch} of cell {index} is not below the model's number of batches, {n_batches}"
    )]
    BatchOutOfRange {
        /// The batch given.
        batch: usize,
        /// Position among the cells, counted from 0.
        index: usize,
        /// The number of batches.
        n_batches: usize,
    },
    /// An export of scvi-tools that is not one of the models read here.
    #[error("the scvi-tools export cannot be read: {reason}")]
    ScviExport {
        /// What is missing or not supported.
        reason: String,
    },
    /// The caller stopped the training.
    #[error("training was stopped after step {step}")]
    Interrupted {
        /// The last step done, counted from 1.
        step: usize,
    },
    /// A state of another format.
    #[error("the model state has format {found}, this version reads format {expected}")]
    StateFormat {
        /// The version found.
        found: u32,
        /// The version read here.
        expected: u32,
    },
    /// An error of the optimiser or of stored weights.
    #[error(transparent)]
    Network(#[from] pert_nn::Error),
    /// An error of the count matrix.
    #[error(transparent)]
    Counts(#[from] pert_core::Error),
}

impl Error {
    pub(crate) fn setting(
        name: &'static str,
        expected: &'static str,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::InvalidSetting { name, expected, found: found.to_string() }
    }
}
