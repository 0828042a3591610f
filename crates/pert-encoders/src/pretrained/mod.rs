//! What pretrained networks of the BERT family share: their folder in the layout of `transformers`, weights by name and shape,
//! layers, rows of tokens.

mod config;
mod error;
mod files;
mod layers;
mod rows;
mod sizes;
mod weights;

pub(crate) use config::parse_config;
pub use error::PretrainedError;
pub(crate) use files::{read_text, read_weights};
pub(crate) use layers::{Layers, NormPlace};
pub(crate) use rows::{host, map_rows, padding, sum_of_rows};
pub(crate) use sizes::Sizes;
pub(crate) use weights::{Dense, Norm, Weights, transposed};
