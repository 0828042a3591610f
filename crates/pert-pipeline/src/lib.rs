//! Fit, predict and evaluate: the road from a screen to a table.
//!
//! ```no_run
//! use pert_data::Dataset;
//! use pert_pipeline::{DeviceChoice, FitConfig};
//!
//! let screen = Dataset::read_h5ad("screen.h5ad")?;
//! let model = FitConfig::default().fit(&screen, &DeviceChoice::Auto.open()?)?;
//! let cells = model.predict(&[model.perturbation("CEBPE+RUNX1T1")?], 500, 0)?;
//! # Ok::<(), pert_pipeline::Error>(())
//! ```

mod additive_means;
mod anchor;
mod benchmark;
mod checkpoint;
mod checkpoints;
mod config;
mod contexts;
mod device;
mod encode;
mod encoding;
mod error;
mod evaluate;
mod familiarity;
mod feature_source;
mod fit;
mod model;
mod output_folder;
mod predict;
mod pretrain;
mod progress;
mod requests;
mod shrinkage;
mod smiles_network;
mod split_file;
mod training;
mod training_set;
mod unseen_library;

pub use benchmark::{
    BaselineTraining, BenchmarkFolder, Collected, FileIdentity, Missing, MissingReason, PlannedRun,
    PlannedSplit, PrintedRow, PrintedTable, Protocol, ProtocolDataset, ProtocolEvaluation,
    ProtocolModel, RunOutcome, RunRecord, RunScore, Shard, collect,
};
pub use burn::tensor::Device;
pub use checkpoint::MODEL_FORMAT;
pub use checkpoints::Checkpoints;
pub use config::{
    EncoderKind, FitConfig, GeneAnchor, PriorForm, RarePolicy, UnknownGenePolicy, UnseenLibrary,
};
pub use device::{DeviceChoice, use_threads};
pub use encode::{
    Embeddings, EncodeConfig, EncodeRequest, NotEncoded, PerturbationEncoder, read_encode_requests,
};
pub use error::Error;
pub use evaluate::{
    Changes, EvaluateConfig, Evaluation, EvaluationVae, MeanChange, Picture, Predicted, Truth,
    check_predicted, evaluate, evaluate_with, roles, split_of_predicted,
};
pub use familiarity::Familiarity;
pub use feature_source::FeatureSource;
pub use model::{Model, Provenance, SeenPerturbation};
pub use output_folder::{FolderKind, OutputFolder};
pub use predict::Request;
pub use pretrain::PretrainSmiles;
pub use progress::{Progress, Silent};
pub use requests::{parse_at, read_requests};
pub use smiles_network::{
    SmilesNetworkReport, load_smiles_network, open_smiles_network, save_smiles_network,
};
pub use split_file::read_split;
