//! What can go wrong between a file and a report.

use std::path::{Path, PathBuf};

/// An error of fitting, predicting, evaluating, or of the files they leave.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder that cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "read", "write", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A run file that is no valid configuration.
    #[error("{}: no valid {what}: {message}", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// "run file" or "split".
        what: &'static str,
        /// Line, key and reason.
        message: String,
    },
    /// A value outside its range, or values that contradict each other.
    #[error("{field}: {message}")]
    Config {
        /// The field, as written in a run file.
        field: &'static str,
        /// The value found and the range allowed.
        message: String,
    },
    /// A device this program was built without.
    #[error(
        "this program was built without the device {device:?}; \
         build it with `--features {feature}`, or use `--device cpu`"
    )]
    DeviceNotCompiled {
        /// The device asked for.
        device: &'static str,
        /// The Cargo feature that adds it.
        feature: &'static str,
    },
    /// No unperturbed cells among those to learn from.
    #[error("no control cells (label {control:?}) among the training cells; {mend}")]
    NoControl {
        /// The control label.
        control: String,
        /// What to do.
        mend: &'static str,
    },
    /// Perturbations with fewer cells than needed.
    #[error(
        "perturbation {label:?} has {found} training cells, fewer than the {needed} needed; \
         leave such perturbations out with --rare drop, or lower min-cells in the run file (at least 2)"
    )]
    TooFewCells {
        /// The perturbation.
        label: String,
        /// Its training cells.
        found: usize,
        /// Cells needed.
        needed: usize,
    },
    /// Genes of a model that a file lacks.
    #[error(
        "{} of the model's {total} genes are not in {}: {}; \
         use a file with the genes the model was fitted on",
        missing.len(), path.display(), list(missing)
    )]
    GenesAbsent {
        /// The file.
        path: PathBuf,
        /// The genes it lacks.
        missing: Vec<String>,
        /// Genes of the model.
        total: usize,
    },
    /// A model folder that cannot be used.
    #[error("model folder {}: {message}", path.display())]
    ModelFolder {
        /// The folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        message: String,
    },
    /// An output folder that holds something else.
    #[error("{} {found}; choose another {what}, or move this away", path.display())]
    OutputTaken {
        /// The folder.
        path: PathBuf,
        /// "model folder" or "report folder".
        what: &'static str,
        /// What stands there.
        found: String,
    },
    /// A value of a covariate that the model does not know.
    #[error("{column} = {value:?} was not seen in training; known: {known}")]
    UnknownLevel {
        /// The covariate.
        column: String,
        /// The value asked for.
        value: String,
        /// The values seen.
        known: String,
    },
    /// A request that cannot be carried out.
    #[error("{0}")]
    Request(String),
    /// A table of requests that cannot be read.
    #[error("{}, line {line}: {message}", path.display())]
    RequestTable {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The run was interrupted; nothing half-written is left.
    #[error("interrupted; nothing half-written is left")]
    Interrupted,
    /// A fit was interrupted and can be continued.
    #[error(
        "interrupted while training the {stage}, after step {step} of {total}; what was learned is kept in {}",
        folder.display()
    )]
    Unfinished {
        /// The network in training.
        stage: &'static str,
        /// Steps done.
        step: usize,
        /// Steps planned.
        total: usize,
        /// Where the checkpoints lie.
        folder: PathBuf,
    },
    /// Checkpoints of an earlier run lie where a new one would write.
    #[error(
        "{} holds an unfinished fit; add --resume to go on with it, or remove that folder to begin again",
        path.display()
    )]
    UnfinishedExists {
        /// The folder.
        path: PathBuf,
    },
    /// Another run writes its checkpoints to the same place.
    #[error("{} is in use by another fit; wait for it, or choose another model folder", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A finished model of another fit stands where a fit was to go on.
    #[error(
        "{} holds a finished model of another fit: {difference}; \
         choose another model folder, or leave --resume out to replace it",
        path.display()
    )]
    FinishedModel {
        /// The model folder.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// Checkpoints that this fit cannot go on from.
    #[error(
        "{} cannot be gone on from: {difference}; give the command it was begun with, \
         or remove that folder to begin again",
        path.display()
    )]
    OtherRun {
        /// The folder or file.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// About labels, counts or splits.
    #[error(transparent)]
    Core(#[from] pert_core::Error),
    /// About a cell file.
    #[error(transparent)]
    Data(#[from] pert_data::Error),
    /// About a simulated screen.
    #[error(transparent)]
    Simulator(#[from] pert_data::SimulatorError),
    /// About a perturbation encoder.
    #[error(transparent)]
    Encoder(#[from] pert_encoders::Error),
    /// About the decoder.
    #[error(transparent)]
    Decoder(#[from] pert_decoder::Error),
    /// About the prior.
    #[error(transparent)]
    Diffusion(#[from] pert_diffusion::Error),
    /// About a baseline.
    #[error(transparent)]
    Baseline(#[from] pert_baselines::Error),
    /// About a metric.
    #[error(transparent)]
    Metric(#[from] pert_metrics::Error),
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn model(path: &Path, message: impl Into<String>) -> Self {
        Self::ModelFolder { path: path.to_owned(), message: message.into() }
    }
}

/// The first few names of a list that may be long.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(", … ({} more)", names.len() - SHOWN));
    }
    text
}
