//! What can be wrong with pooling.

/// An error about the settings of a set encoder or its inputs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolingError {
    /// A rate outside its range.
    #[error("id_dropout must be in [0, 1], found {found}")]
    IdDropout {
        /// The rate given.
        found: f64,
    },
    /// A set encoder that knows its tokens by nothing.
    #[error("a set encoder needs seen targets or features; both are 0")]
    NoInputs,
    /// Tokens of another kind than the encoder's.
    #[error("the set encoder takes {what} of {expected}, found {found}")]
    Inputs {
        /// "features of width" or "ids".
        what: &'static str,
        /// What it was built for.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// Sizes or weights.
    #[error(transparent)]
    Network(#[from] pert_nn::Error),
}
