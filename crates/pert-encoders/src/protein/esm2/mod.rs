//! ESM-2, a language model of proteins, frozen.

mod cache;
mod config;
mod encoder;
mod model;
mod vocabulary;
mod windows;

pub use config::Esm2Config;
pub use encoder::{Esm2Encoder, Esm2EncoderConfig, Esm2Part, Esm2Progress, Marginal};
pub use model::Esm2;
