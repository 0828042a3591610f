//! What every example needs: `use pert_prior::prelude::*;`.

pub use pert_core::{LabelFormat, Perturbation, Population, Split};
pub use pert_data::{Dataset, ReadOptions, SimulatorConfig, simulate, write_h5ad};
pub use pert_pipeline::{
    DeviceChoice, EvaluateConfig, Evaluation, FitConfig, Model, Request, evaluate,
};
