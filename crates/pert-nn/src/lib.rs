//! Neural-network blocks and training tools on [Burn](burn): layers with seeded first weights, AdamW with a one-cycle
//! rate and clipping by the global norm, an exponential moving average of the weights, weights by name to and from
//! safetensors, time embedding, AdaLN and transformer blocks for diffusion.
//!
//! Every random value comes from a `ChaCha8Rng` that is passed in; Burn's process-global generator is never used.
//! The backend is chosen by the [`Device`](burn::tensor::Device) given, never by this crate.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use pert_nn::{Activation, MlpConfig, Norm};
//! use rand::SeedableRng;
//!
//! let config = MlpConfig {
//!     d_in: 4,
//!     d_hidden: 16,
//!     n_layers: 2,
//!     d_out: Some(3),
//!     norm: Norm::Layer,
//!     activation: Activation::Silu,
//! };
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
//! let mlp = config.init(&mut rng, &Device::default())?;
//! assert_eq!(mlp.forward(Tensor::zeros([5, 4], &Device::default())).dims(), [5, 3]);
//! # Ok::<(), pert_nn::Error>(())
//! ```

mod adaln;
mod adamw;
mod attention;
mod clip;
mod ema;
mod epochs;
mod error;
mod init;
mod mlp;
mod one_cycle;
pub mod ops;
mod params;
mod random;
mod time_embedding;
mod training_state;
mod transformer;

pub use adaln::{AdaLnBlock, AdaLnOutput};
pub use adamw::{AdamW, AdamWConfig};
pub use attention::{AttentionMask, SelfAttention};
pub use clip::{clip_and_norm, clip_by_global_norm};
pub use ema::Ema;
pub use epochs::Epochs;
pub use error::Error;
pub use init::{LinearInit, linear};
pub use mlp::{Activation, Mlp, MlpConfig, Norm};
pub use one_cycle::OneCycle;
pub use params::{
    NamedTensor, count_parameters, from_safetensors, load_parameters, named_parameters,
    read_safetensors, to_safetensors,
};
pub use random::{standard_normal, uniform};
pub use time_embedding::{TimeEmbedding, TimeEmbeddingConfig, sinusoids};
pub use training_state::TrainingState;
pub use transformer::{Transformer, TransformerBlock, TransformerConfig};
