//! What can be wrong with contrastive training or a stored cell encoder.

use crate::pooling::PoolingError;

/// An error about settings, cells or weights; every variant carries the values it is about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ContrastiveError {
    /// A setting outside its range.
    #[error("{name} must be {expected}, found {found}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The range allowed.
        expected: &'static str,
        /// The value given.
        found: String,
    },
    /// Arrays that contradict each other.
    #[error("expected {expected} {what}, found {found}")]
    Length {
        /// What is counted.
        what: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A cell that does not exist.
    #[error("cell {cell} is asked for, but there are {n_cells}")]
    NoSuchCell {
        /// The cell, counted from 0.
        cell: usize,
        /// Number of cells.
        n_cells: usize,
    },
    /// A cell without counts, of which no profile can be made.
    #[error("cell {cell} has no counts over the genes kept; drop it")]
    EmptyCell {
        /// The cell, counted from 0.
        cell: usize,
    },
    /// A perturbation that does not exist.
    #[error("cell {cell} has perturbation {found}, but there are {n_perturbations}")]
    NoSuchPerturbation {
        /// Place of the cell among those given, counted from 0.
        cell: usize,
        /// The perturbation, counted from 0.
        found: usize,
        /// Number of perturbations.
        n_perturbations: usize,
    },
    /// Nothing to tell apart.
    #[error("contrastive training needs cells of at least 2 perturbations, found {found}")]
    OnePerturbation {
        /// Perturbations with cells.
        found: usize,
    },
    /// Tokens are missing, or given where prototypes are learned.
    #[error("{0}")]
    Tokens(&'static str),
    /// A loss that is no number.
    #[error("the loss of step {step} is {loss}; lower the learning rate")]
    LossNotFinite {
        /// The step, counted from 1.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// Training was ended from outside.
    #[error("training was interrupted after step {step} of {total}")]
    Interrupted {
        /// Steps done.
        step: usize,
        /// Steps planned.
        total: usize,
    },
    /// A state of another version.
    #[error("the cell encoder has format {found}, this version reads {expected}")]
    Format {
        /// Version found.
        found: u32,
        /// Version read.
        expected: u32,
    },
    /// The encoder of sets.
    #[error(transparent)]
    Pooling(#[from] PoolingError),
    /// Sizes or weights.
    #[error(transparent)]
    Network(#[from] pert_nn::Error),
}

impl ContrastiveError {
    pub(super) fn setting(
        name: &'static str,
        expected: &'static str,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Setting { name, expected, found: found.to_string() }
    }

    pub(super) fn check_length(
        what: &'static str,
        expected: usize,
        found: usize,
    ) -> Result<(), Self> {
        if expected == found { Ok(()) } else { Err(Self::Length { what, expected, found }) }
    }
}
