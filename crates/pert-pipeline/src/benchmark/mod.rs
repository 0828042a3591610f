//! A benchmark: data sets × splits × seeds × models, planned from one file, run in parts, put together at the end.
//!
//! A [`Protocol`] is read and expanded into [`PlannedRun`]s. Each run leaves a [`RunRecord`] in a folder of its own below
//! the [`BenchmarkFolder`]; [`collect`] reads what is there and says what is missing. Running, writing reports and printing are
//! the caller's.

mod baseline_training;
mod check;
mod collect;
mod file_identity;
mod folder;
mod plan;
mod printed;
mod protocol;
mod record;
mod settings;
mod shard;

pub use baseline_training::BaselineTraining;
pub use collect::{Collected, Missing, MissingReason, collect};
pub use file_identity::FileIdentity;
pub use folder::BenchmarkFolder;
pub use plan::{PlannedRun, PlannedSplit};
pub use printed::{PrintedRow, PrintedTable};
pub use protocol::{Protocol, ProtocolDataset, ProtocolEvaluation, ProtocolModel};
pub use record::{RunOutcome, RunRecord, RunScore};
pub use shard::Shard;
