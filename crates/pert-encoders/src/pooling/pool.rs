//! From the tokens of a set to one vector, without regard to their order.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use pert_core::ChaCha8Rng;
use pert_nn::{
    Activation, AttentionMask, LinearInit, Mlp, MlpConfig, Norm, SelfAttention, linear,
    standard_normal,
};
use serde::{Deserialize, Serialize};

use super::error::PoolingError;

/// How the tokens of a set become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pooling {
    /// W Σᵢ eᵢ: effects add up.
    #[default]
    Sum,
    /// ρ(Σᵢ φ(eᵢ)) with networks ρ and φ (Zaheer et al. 2017, theorem 2): targets may act together.
    DeepSets,
    /// A learned query gathers from the tokens and from itself by multi-head attention, and a network follows (pooling by
    /// attention with one seed, Lee et al. 2019, equation 11; that the query sees itself lets it tell one token from two).
    Attention {
        /// Number of heads, a divisor of the tokens' width.
        n_heads: usize,
    },
}

/// Deviation of the query's first values, as in the vision transformer.
const FIRST_QUERY: f64 = 0.02;

/// The modules of one kind of pooling; the others are absent.
#[derive(Module, Debug)]
pub(super) struct Pool {
    sum: Option<Linear>,
    deep_sets: Option<DeepSets>,
    attention: Option<AttentionPool>,
}

#[derive(Module, Debug)]
struct DeepSets {
    phi: Mlp,
    rho: Mlp,
}

#[derive(Module, Debug)]
struct AttentionPool {
    /// `[1, d_token]`.
    query: Param<Tensor<2>>,
    attention: SelfAttention,
    output: Mlp,
}

impl Pool {
    pub fn new(
        pooling: Pooling,
        d_token: usize,
        d_out: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, PoolingError> {
        let mlp = |d_out| MlpConfig {
            d_in: d_token,
            d_hidden: d_token,
            n_layers: 1,
            d_out,
            norm: Norm::None,
            activation: Activation::Silu,
        };
        mlp(Some(d_out)).check()?;
        let mut pool = Self { sum: None, deep_sets: None, attention: None };
        match pooling {
            Pooling::Sum => {
                pool.sum = Some(linear(d_token, d_out, LinearInit::KaimingUniform, rng, device));
            }
            Pooling::DeepSets => {
                let phi = mlp(None).init(rng, device)?;
                pool.deep_sets = Some(DeepSets { phi, rho: mlp(Some(d_out)).init(rng, device)? });
            }
            Pooling::Attention { n_heads } => {
                let query = standard_normal([1, d_token], rng, device).mul_scalar(FIRST_QUERY);
                let attention = SelfAttention::new(d_token, n_heads, rng, device)?;
                let output = mlp(Some(d_out)).init(rng, device)?;
                let query = Param::from_tensor(query);
                pool.attention = Some(AttentionPool { query, attention, output });
            }
        }
        Ok(pool)
    }

    /// # Shapes
    /// - tokens: `[n, n_tokens, d_token]`; is_token: `[n, n_tokens]`, 1 or 0
    /// - output: `[n, d_out]`, exactly zero for a set without tokens
    pub fn forward(&self, tokens: Tensor<3>, is_token: Tensor<2>) -> Tensor<2> {
        let [n, n_tokens, d_token] = tokens.dims();
        let mask = is_token.clone().reshape([n, n_tokens, 1]);
        let pooled = if let Some(pool) = &self.attention {
            pool.forward(tokens * mask, is_token.clone())
        } else if let Some(DeepSets { phi, rho }) = &self.deep_sets {
            let each = phi.forward(tokens.reshape([n * n_tokens, d_token])); // [n · n_tokens, d_token]
            let each = each.reshape([n, n_tokens, d_token]) * mask;
            rho.forward(each.sum_dim(1).reshape([n, d_token]))
        } else {
            let sum = (tokens * mask).sum_dim(1).reshape([n, d_token]);
            self.sum.as_ref().map_or(sum.clone(), |linear| linear.forward(sum))
        }; // [n, d_out]
        pooled * is_token.max_dim(1) // biases say nothing about control
    }
}

impl AttentionPool {
    fn forward(&self, tokens: Tensor<3>, is_token: Tensor<2>) -> Tensor<2> {
        let [n, n_tokens, d_token] = tokens.dims();
        let device = tokens.device();
        let query = self.query.val().reshape([1, 1, d_token]).expand([n, 1, d_token]);
        let positions = Tensor::cat(vec![tokens, query], 1); // [n, n_tokens + 1, d_token]
        let padding = is_token.neg().add_scalar(1.0);
        let padding = Tensor::cat(vec![padding, Tensor::zeros([n, 1], &device)], 1);
        let mask = AttentionMask::bidirectional(n_tokens + 1, &device).with_padding(padding);
        let gathered = self.attention.forward_last(positions, &mask); // [n, 1, d_token]
        self.output.forward(gathered.reshape([n, d_token]))
    }
}
