//! What can be wrong with the training data of a baseline.

/// An error about training cells, features or targets; every variant carries the values it is about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A row index beyond the screen.
    #[error("training cell {row} is not in the screen of {n_cells} cells")]
    RowOutOfRange {
        /// The index given.
        row: usize,
        /// Number of cells there are.
        n_cells: usize,
    },
    /// No unperturbed training cells.
    #[error("none of the {n_cells} training cells is a control cell; check the control label")]
    NoControlCells {
        /// Number of training cells.
        n_cells: usize,
    },
    /// No perturbed training cells.
    #[error("all {n_cells} training cells are control cells; nothing to learn a shift from")]
    NoPerturbedCells {
        /// Number of training cells.
        n_cells: usize,
    },
    /// Fewer perturbations than a ridge needs.
    #[error("ridge regression needs at least {needed} training perturbations, found {found}")]
    TooFewPerturbations {
        /// The least number.
        needed: usize,
        /// The number found.
        found: usize,
    },
    /// Targets that do not fill one row per perturbation.
    #[error("{n_values} targets for {n_perturbations} perturbations of {d} dimensions")]
    TargetShape {
        /// Number of target values.
        n_values: usize,
        /// Number of perturbations.
        n_perturbations: usize,
        /// Dimensions of a target.
        d: usize,
    },
    /// Feature vectors that differ in shape.
    #[error(
        "perturbation {index} has feature blocks of lengths {found:?}, the first one {expected:?}"
    )]
    FeatureShape {
        /// Index of the perturbation.
        index: usize,
        /// Lengths of the blocks of the first perturbation.
        expected: Vec<usize>,
        /// Lengths found.
        found: Vec<usize>,
    },
    /// A feature or target that is NaN or infinite.
    #[error("{what} of perturbation {index} holds {value} at place {place}")]
    NotFinite {
        /// "a feature" or "the target".
        what: &'static str,
        /// Index of the perturbation.
        index: usize,
        /// Place within the block or the target.
        place: usize,
        /// The value found.
        value: f64,
    },
    /// A training perturbation for which no features were given.
    #[error("no features were given for the training perturbation {label:?}")]
    MissingFeatures {
        /// Its label.
        label: String,
    },
    /// Features that hold no number for any perturbation.
    #[error("the embedding of perturbations has no dimension: no features were given")]
    NoFeatures,
    /// A setting out of its range.
    #[error("{of}: {field} must be {range}, got {value}")]
    Config {
        /// What is set.
        of: &'static str,
        /// The setting.
        field: &'static str,
        /// What is allowed.
        range: &'static str,
        /// What was given.
        value: String,
    },
    /// A matrix could not be decomposed.
    #[error(transparent)]
    Metrics(#[from] pert_metrics::Error),
}
