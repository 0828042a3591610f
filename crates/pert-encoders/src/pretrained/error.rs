//! What can be wrong with the folder of a pretrained network.

use std::path::{Path, PathBuf};

/// An error about the files of a pretrained network; every variant names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PretrainedError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Weights of a kind that is never read: pickled programs.
    #[error(
        "{} is a pickled program, and no model.safetensors stands beside it; write one with `transformers`: \
         AutoModel.from_pretrained(DIR).save_pretrained(DIR)",
        path.display()
    )]
    Pickled {
        /// The file.
        path: PathBuf,
    },
    /// A file that becomes larger than what is read here.
    #[error("{} holds more than {limit} bytes, the most that is read for such a configuration", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        limit: u64,
    },
    /// Text that is no configuration.
    #[error("{} is no readable configuration: {reason}", path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// A configuration that cannot be built.
    #[error("{}: {field} must be {expected}, found {found}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A tokenizer of another kind, or one that does not fit its network.
    #[error("{} is no tokenizer that is read here: {reason}", path.display())]
    BadTokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Bytes that are no weights.
    #[error("{} is no readable safetensors file ({reason}); it may be truncated or damaged", path.display())]
    BadWeights {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// A tensor that the weights lack.
    #[error("{} lacks tensor {name:?} of shape {expected:?}; it belongs to another model than config.json", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// Its name, without the prefix that names the network.
        name: String,
        /// The shape it must have.
        expected: Vec<usize>,
    },
    /// A tensor of another shape or number type.
    #[error("{}: tensor {name:?} must be F32 of shape {expected:?}, found {found_type} of shape {found:?}", path.display())]
    WrongTensor {
        /// The file.
        path: PathBuf,
        /// Its name in the file.
        name: String,
        /// The shape it must have.
        expected: Vec<usize>,
        /// The shape found.
        found: Vec<usize>,
        /// The number type found.
        found_type: String,
    },
    /// A weight that is no number.
    #[error("{}: tensor {name:?} holds {value} at {index}; every weight must be finite", path.display())]
    NonFinite {
        /// The file.
        path: PathBuf,
        /// Its name in the file.
        name: String,
        /// Position in row-major order, counted from 0.
        index: usize,
        /// The value.
        value: f32,
    },
}

impl PretrainedError {
    /// A field of a configuration and the range it is not in.
    pub(crate) fn config(
        path: &Path,
        field: &'static str,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        let (path, expected, found) = (path.to_owned(), expected.into(), found.to_string());
        Self::Config { path, field, expected, found }
    }
}
