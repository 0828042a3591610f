//! The encoder of sets: tokens, then pooling.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use pert_core::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::embedding::TokenEmbedding;
use super::error::PoolingError;
use super::pool::{Pool, Pooling};
use super::tokens::TokenBatch;

/// Configuration of a [`SetEncoder`].
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::{LabelFormat, Perturbation, seeded_rng};
/// use pert_encoders::{Pooling, SetEncoderConfig, TokenBatch};
/// let (device, seen) = (Device::default(), ["KLF1", "MYC"].map(str::to_owned));
/// let config = SetEncoderConfig { pooling: Pooling::DeepSets, ..SetEncoderConfig::new(2, 0, 8) };
/// let encoder = config.init(&mut seeded_rng(0, "sets"), &device)?;
/// let parse = |label| Perturbation::parse(label, &LabelFormat::default());
/// let (pair, control) = (parse("MYC+KLF1")?, parse("control")?);
/// let batch = TokenBatch::new(&[&pair, &control], &seen, None, &device)?;
/// let pooled = encoder.forward(&batch)?; // [n = 2, d_out = 8]
/// let values: Vec<f32> = pooled.into_data().iter().collect();
/// assert!(values[..8].iter().any(|&v| v != 0.0));
/// assert_eq!(values[8..], [0.0; 8]); // control
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetEncoderConfig {
    /// Number of targets seen in training, each with an id of its own.
    pub n_seen: usize,
    /// Width of the targets' features; 0: none.
    pub d_features: usize,
    /// Width of the output, at least 1.
    pub d_out: usize,
    /// Width of a token, at least 1. Default 64 (the set transformer of Lee et al. 2019 is 64 to 128 wide).
    #[serde(default = "default_d_token")]
    pub d_token: usize,
    /// How tokens are pooled. Default: sum.
    #[serde(default)]
    pub pooling: Pooling,
    /// Probability with which a seen target loses its id in a training step, in [0, 1]; see
    /// [`TokenBatch::with_ids_dropped`]. Default 0.1, as often as a prior's condition is dropped.
    #[serde(default = "default_id_dropout")]
    pub id_dropout: f64,
}

fn default_d_token() -> usize {
    64
}

fn default_id_dropout() -> f64 {
    0.1
}

impl SetEncoderConfig {
    /// The defaults for a number of seen targets, a width of features and a width of the output.
    pub fn new(n_seen: usize, d_features: usize, d_out: usize) -> Self {
        Self {
            n_seen,
            d_features,
            d_out,
            d_token: default_d_token(),
            pooling: Pooling::default(),
            id_dropout: default_id_dropout(),
        }
    }

    /// Checks every setting but the sizes of the networks, which [`init`](Self::init) does.
    ///
    /// # Errors
    /// [`PoolingError`] naming the setting and its range.
    pub fn check(&self) -> Result<(), PoolingError> {
        if !(0.0..=1.0).contains(&self.id_dropout) {
            return Err(PoolingError::IdDropout { found: self.id_dropout });
        }
        if self.n_seen == 0 && self.d_features == 0 {
            return Err(PoolingError::NoInputs);
        }
        Ok(())
    }

    /// Draws the first weights.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds, widths of 0, heads that do not divide the tokens' width.
    pub fn init(&self, rng: &mut ChaCha8Rng, device: &Device) -> Result<SetEncoder, PoolingError> {
        self.check()?;
        let Self { n_seen, d_features, d_out, d_token, pooling, .. } = *self;
        let pool = Pool::new(pooling, d_token, d_out, rng, device)?;
        let tokens = TokenEmbedding::new(n_seen, d_features, d_token, rng, device);
        Ok(SetEncoder { tokens, pool, n_seen, d_features })
    }
}

/// Sets of targets → vectors: tokens e = E\[id\] + W f + b, pooled without regard to their order; control is zero.
///
/// An unseen target has the null id, so it is what its features say; [`TokenBatch::with_ids_dropped`] makes training meet
/// that case. Weights are read and written by `pert_nn::{to_safetensors, from_safetensors}`, as of any module.
#[derive(Module, Debug)]
pub struct SetEncoder {
    tokens: TokenEmbedding,
    pool: Pool,
    #[module(skip)]
    n_seen: usize,
    #[module(skip)]
    d_features: usize,
}

impl SetEncoder {
    /// Encodes sets.
    ///
    /// # Shapes
    /// Output: `[n, d_out]`.
    ///
    /// # Errors
    /// [`PoolingError::Inputs`] for tokens with other features or ids than the encoder was built for.
    pub fn forward(&self, batch: &TokenBatch) -> Result<Tensor<2>, PoolingError> {
        for (what, expected, found) in [
            ("features of width", self.d_features, batch.d_features()),
            ("ids", self.n_seen, batch.n_seen()),
        ] {
            if expected != found {
                return Err(PoolingError::Inputs { what, expected, found });
            }
        }
        Ok(self.pool.forward(self.tokens.forward(batch), batch.is_token()))
    }
}
