//! Sets of genes: ids of those seen, features of all.

mod encoder;
mod reduction;
mod target_features;

pub use encoder::{GeneSetEncoder, GeneSetEncoderState, GeneSetEncoding, UnknownGene};
pub use reduction::LARGEST_REDUCED_DIM;
pub use target_features::TargetFeatures;
