//! What can be wrong with a block's configuration or with stored weights.

/// An error about layer sizes, optimiser settings or parameters; every variant carries the values it is about.
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
    /// A parameter of the model that the weights do not hold.
    #[error("the weights lack parameter {name:?} of shape {shape:?}; they belong to another model")]
    MissingParameter {
        /// The parameter's dotted path.
        name: String,
        /// The shape the model needs.
        shape: Vec<usize>,
    },
    /// A stored parameter that the model does not have.
    #[error(
        "the weights hold {name:?}, which this model does not have; they belong to another model"
    )]
    UnknownParameter {
        /// The stored name.
        name: String,
    },
    /// A name that stands twice among the weights.
    #[error("the weights hold parameter {name:?} twice")]
    DuplicateParameter {
        /// The stored name.
        name: String,
    },
    /// A stored parameter of another shape than the model's.
    #[error("parameter {name:?} must have shape {expected:?}, found {found:?}")]
    ShapeMismatch {
        /// The parameter's dotted path.
        name: String,
        /// The model's shape.
        expected: Vec<usize>,
        /// The stored shape.
        found: Vec<usize>,
    },
    /// A parameter with fewer or more values than its shape holds.
    #[error("parameter {name:?} of shape {shape:?} has {found} values")]
    ValueCount {
        /// The parameter's dotted path.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The number of values found.
        found: usize,
    },
    /// A stored value that is no number.
    #[error("parameter {name:?} holds {value} at position {index}; every weight must be finite")]
    NonFiniteParameter {
        /// The parameter's dotted path.
        name: String,
        /// Position in row-major order, counted from 0.
        index: usize,
        /// The value found.
        value: f32,
    },
    /// A stored training that this one cannot go on from.
    #[error("the training that was written down cannot be continued: {reason}")]
    TrainingState {
        /// What does not fit.
        reason: String,
    },
    /// A stored parameter of another number type.
    #[error("parameter {name:?} must be stored as F32, found {found}")]
    WrongType {
        /// The parameter's dotted path.
        name: String,
        /// The number type found.
        found: String,
    },
    /// Bytes that are no safetensors file.
    #[error(
        "the weights are no readable safetensors file ({reason}); it may be truncated or damaged"
    )]
    CorruptWeights {
        /// What the reader said.
        reason: String,
    },
}

impl From<safetensors::SafeTensorError> for Error {
    fn from(error: safetensors::SafeTensorError) -> Self {
        Self::CorruptWeights { reason: error.to_string() }
    }
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
