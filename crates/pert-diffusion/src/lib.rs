//! Conditional denoising diffusion over embeddings: given rows x (cells, say) and a condition for each, learn
//! p(x | condition) and draw new rows, also under conditions never seen.
//!
//! [`Prior`] does it all: standardise, train, sample, store. Its parts are usable alone: noise [`Schedule`]s in
//! plain f64, [`Parameterization`]s (ε, x_0, v), the samplers [`ddim`] and [`ddpm`] over any function, and
//! classifier-free guidance ([`guided`]) over any [`Denoiser`].
//!
//! Every random value comes from a `ChaCha8Rng` that is passed in: the same seed gives the same bytes.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use burn::tensor::Device;
//! use pert_diffusion::{Prior, PriorConfig, SamplerConfig, TrainingData};
//! use rand::SeedableRng;
//!
//! // Two conditions, four rows each, two dimensions.
//! let x = [0.0, 0.1, 0.2, 0.0, 0.1, 0.1, 0.0, 0.2, 5.0, 5.1, 5.2, 5.0, 5.1, 5.1, 5.0, 5.2];
//! let data = TrainingData {
//!     x: &x,
//!     d: 2,
//!     conditions: &[1.0, 0.0, 0.0, 1.0],
//!     d_cond: 2,
//!     condition_of: &[0, 0, 0, 0, 1, 1, 1, 1],
//! };
//! let config = PriorConfig { steps: 5, ..Default::default() };
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
//! let device = Device::default();
//! let prior = Prior::fit(&data, &config, &mut rng, &device, &mut |_| ControlFlow::Continue(()))?;
//! let rows = prior.sample(Some(&[0.0, 1.0]), 10, &SamplerConfig::default(), &mut rng, &device)?;
//! assert_eq!(rows.len(), 10 * 2);
//! # Ok::<(), pert_diffusion::Error>(())
//! ```

mod config;
mod denoiser;
mod error;
mod guidance;
mod parameterization;
mod prior;
mod process;
mod sampler;
mod schedule;
mod standardise;
mod train;

pub use config::{PriorConfig, SamplerConfig};
pub use denoiser::{Condition, Denoiser, MlpDenoiser, MlpDenoiserConfig};
pub use error::Error;
pub use guidance::guided;
pub use parameterization::{NoiseLevel, Parameterization};
pub use prior::{PRIOR_FORMAT, Prior, PriorState};
pub use process::{NoisedBatch, l_simple, q_posterior, q_sample};
pub use sampler::{DdimConfig, X0Clip, ddim, ddpm};
pub use schedule::{Schedule, ScheduleConfig, ScheduleKind};
pub use standardise::Standardiser;
pub use train::{PriorTrainer, TrainStep, TrainingData};
