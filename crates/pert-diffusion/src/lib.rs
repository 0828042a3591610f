//! Conditional denoising diffusion over embeddings: given rows x (cells, say) and a condition for each, learn
//! p(x | condition) and draw new rows, also under conditions never seen.
//!
//! [`Prior`] does it all: standardise, train, sample, store. Its parts are usable alone: noise [`Schedule`]s in
//! plain f64, [`Parameterization`]s (ε, x_0, v), [`Sampler`]s over any function on tensors or f64 ([`Ddpm`], [`Ddim`],
//! [`DpmSolver`], and [`Inversion`] back to the noise; all run by [`ReverseProcess`]), the variational [`Bound`],
//! [`LossWeighting`]s, and classifier-free [`Guidance`] over any [`Denoiser`]. Flow matching is one of the schedules,
//! [`ScheduleKind::Straight`] ([`PriorConfig::flow_matching`]), its noise coupled by optimal transport if wanted ([`Coupling`]).
//!
//! In a crate of one's own:
//!
//! ```toml
//! pert-diffusion = { git = "https://github.com/pert-prior/pert-prior" }
//! ```
//!
//! [`Device`], [`ChaCha8Rng`] and [`seeded_rng`] are re-exported, so that a prior needs no other dependency. Samplers of one's
//! own work on Burn's tensors: `burn = { version = "=0.22.1", default-features = false, features = ["std", "optim"] }`, and
//! `rand = "0.10"`. `examples/prior_only.rs` learns and draws two mixtures in the plane.
//!
//! Every random value comes from a `ChaCha8Rng` that is passed in: the same seed gives the same bytes.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use pert_diffusion::{Device, Prior, PriorConfig, SamplerConfig, TrainingData, seeded_rng};
//!
//! // Two conditions, four rows each, two dimensions.
//! let x = [0.0, 0.1, 0.2, 0.0, 0.1, 0.1, 0.0, 0.2, 5.0, 5.1, 5.2, 5.0, 5.1, 5.1, 5.0, 5.2];
//! let data = TrainingData {
//!     x: &x,
//!     d: 2,
//!     conditions: &[1.0, 0.0, 0.0, 1.0],
//!     d_cond: 2,
//!     condition_of: &[0, 0, 0, 0, 1, 1, 1, 1],
//!     ..Default::default()
//! };
//! let config = PriorConfig { steps: 5, ..Default::default() };
//! let mut rng = seeded_rng(0, "prior");
//! let device = Device::default();
//! let prior = Prior::fit(&data, &config, &mut rng, &device, &mut |_| ControlFlow::Continue(()))?;
//! let rows = prior.sample(Some(&[0.0, 1.0]), 10, &SamplerConfig::default(), &mut rng, &device)?;
//! assert_eq!(rows.len(), 10 * 2);
//! # Ok::<(), pert_diffusion::Error>(())
//! ```

mod batches;
mod bound;
mod condition_table;
mod config;
mod counterfactual;
mod coupling;
mod denoiser;
mod error;
mod guidance;
mod importance;
mod judge;
mod loss;
mod parameterization;
mod prior;
mod process;
mod rows;
mod sample_condition;
mod sampler;
mod schedule;
mod standardise;
mod train;
mod training_data;
mod validation;

pub use burn::tensor::Device;
pub use pert_core::{ChaCha8Rng, RngState, seeded_rng};
pub use pert_nn::TrainingState;

pub use bound::{Bound, Prediction};
pub use config::{PriorConfig, SamplerConfig, SamplerKind};
pub use coupling::{Coupling, pair_with_noise};
pub use denoiser::{
    Condition, ConditionParts, Denoiser, DenoiserConfig, DenoiserShape, MlpDenoiser,
    MlpDenoiserConfig, PriorDenoiser, Tokens, TransformerDenoiser, TransformerDenoiserConfig,
};
pub use error::Error;
pub use guidance::Guidance;
pub use importance::LossHistory;
pub use loss::{LossWeighting, row_losses, weighted_mean};
pub use parameterization::{NoiseLevel, Parameterization};
pub use prior::{PRIOR_FORMAT, Prior, PriorState};
pub use process::{NoisedBatch, l_simple, q_posterior, q_sample};
pub use rows::Rows;
pub use sample_condition::SampleCondition;
pub use sampler::{
    Ddim, Ddpm, DpmSolver, FixedVariance, Inversion, ReverseProcess, Sampler, SamplerStep, Spacing,
    Timesteps, X0Clip,
};
pub use schedule::{Schedule, ScheduleConfig, ScheduleKind, TerminalSnr};
pub use standardise::Standardiser;
pub use train::{PriorTrainer, TrainStep};
pub use training_data::{Covariates, TokenSets, TrainingData};
pub use validation::{Criterion, Judgement, ValidationConfig};
