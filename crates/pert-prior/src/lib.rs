#![doc = include_str!("../README.md")]

pub mod prelude;

pub use pert_baselines as baselines;
pub use pert_core as core;
pub use pert_data as data;
pub use pert_decoder as decoder;
pub use pert_diffusion as diffusion;
pub use pert_encoders as encoders;
pub use pert_metrics as metrics;
pub use pert_pipeline as pipeline;
pub use pert_report as report;

pub use pert_pipeline::{Error, Progress, use_threads};
