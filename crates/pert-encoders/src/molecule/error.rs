//! What can be wrong with drugs, their fingerprints and the network that reads SMILES.

/// An error about molecules beyond their structure ([`Error::BadSmiles`](crate::Error::BadSmiles)).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoleculeError {
    /// A drug whose structure is no molecule.
    #[error("drug {drug:?}: {problem}; or leave such drugs out with the rule `skip`")]
    BadDrug {
        /// The drug, without dose.
        drug: String,
        /// What is wrong with its SMILES.
        problem: String,
    },
    /// A drug that was left out of the table because its structure is no molecule.
    #[error("drug {drug:?}: {problem}; correct its SMILES in the table of drugs")]
    SkippedDrug {
        /// The drug, without dose.
        drug: String,
        /// What is wrong with its SMILES.
        problem: String,
    },
    /// A drug without structure.
    #[error(
        "no structure for drug {drug:?}{}; add its SMILES to the table of drugs",
        nearest_of(nearest)
    )]
    UnknownDrug {
        /// The drug, without dose.
        drug: String,
        /// Names that look like it.
        nearest: Vec<String>,
    },
    /// A target that names no drug.
    #[error(transparent)]
    BadTarget(#[from] pert_core::Error),
    /// A drug without dose among drugs with one.
    #[error("drug {target:?} has no dose, others in training have; write it as {target}_100nM")]
    MissingDose {
        /// The target.
        target: String,
    },
    /// A drug with dose, where none had one in training.
    #[error("{target:?} has a dose, but no drug in training had one; leave the dose out")]
    UnexpectedDose {
        /// The target.
        target: String,
    },
    /// Nothing to learn from.
    #[error("no {what} to learn from")]
    Nothing {
        /// What is missing.
        what: &'static str,
    },
    /// A setting outside its range.
    #[error("{name} must be {expected}, found {found}")]
    InvalidSetting {
        /// The setting.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// The value given.
        found: String,
    },
    /// A state of another format, or one that does not hold together.
    #[error("the saved {what} cannot be used: {reason}; restore its file")]
    BadState {
        /// What was saved.
        what: &'static str,
        /// Why it cannot be used.
        reason: String,
    },
    /// A piece of SMILES that the network was not trained on.
    #[error(
        "{token:?} at byte {position} of {smiles:?} is unknown to the SMILES network; \
         train it on molecules that have it"
    )]
    UnknownToken {
        /// The canonical SMILES.
        smiles: String,
        /// The piece.
        token: String,
        /// The byte at which it begins, counted from 1.
        position: usize,
    },
    /// A molecule of more tokens than the network reads.
    #[error("{smiles:?} has {found} tokens; the SMILES network reads {longest} at most")]
    TooManyTokens {
        /// The canonical SMILES.
        smiles: String,
        /// Its number of tokens.
        found: usize,
        /// The most that are read.
        longest: usize,
    },
    /// A molecule of which a tokenizer knows nothing.
    #[error("the SMILES network has no token for any letter of {smiles:?}")]
    NoTokens {
        /// The SMILES.
        smiles: String,
    },
    /// The loss left the numbers.
    #[error("the loss became {loss} in step {step}; lower the learning rate")]
    NonFiniteLoss {
        /// The optimiser step, counted from 1.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// The caller stopped the training.
    #[error("training was stopped after step {step}")]
    Interrupted {
        /// The last step done, counted from 1.
        step: usize,
    },
    /// A file of the network that cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// An error of the optimiser or of stored weights.
    #[error(transparent)]
    Network(#[from] pert_nn::Error),
    /// An error of the eigenvalue decomposition.
    #[error(transparent)]
    Decomposition(#[from] pert_metrics::Error),
}

impl MoleculeError {
    pub(super) fn setting(
        name: &'static str,
        expected: &'static str,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::InvalidSetting { name, expected, found: found.to_string() }
    }
}

fn nearest_of(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        nearest => format!(" (nearest names: {})", nearest.join(", ")),
    }
}
