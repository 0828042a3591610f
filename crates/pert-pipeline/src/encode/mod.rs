//! Embeddings of perturbations without a model: from labels to rows, and why some have none.

mod config;
mod embeddings;
mod encoder;
mod request;
mod structures;

pub use config::EncodeConfig;
pub use embeddings::Embeddings;
pub(crate) use encoder::add_aliases;
pub use encoder::{NotEncoded, PerturbationEncoder};
pub use request::{EncodeRequest, read_encode_requests};
