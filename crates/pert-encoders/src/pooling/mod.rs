//! Sets of targets as one vector each: learned ids blended with features, then pooled without regard to order.

mod embedding;
mod error;
mod pool;
mod set_encoder;
mod tokens;

pub use error::PoolingError;
pub use pool::Pooling;
pub use set_encoder::{SetEncoder, SetEncoderConfig};
pub use tokens::TokenBatch;
