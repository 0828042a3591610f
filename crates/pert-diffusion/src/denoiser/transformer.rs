//! The prior network of DALL-E 2: a transformer over a short sequence of embeddings.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use pert_nn::{
    AttentionMask, LinearInit, TimeEmbedding, TimeEmbeddingConfig, Transformer, TransformerConfig,
    linear, standard_normal,
};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::condition::{or_null, rows};
use super::config::DenoiserShape;
use super::tokens::Tokens;
use super::{Condition, Denoiser, EMBEDDING_SCALE};
use crate::error::Error;

/// Kinds of positions that every sequence has: pooled p, t, x_t, query.
const N_KINDS: usize = 4;

/// Configuration of a [`TransformerDenoiser`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{
///     Condition, ConditionParts, Denoiser, DenoiserShape, Tokens, TransformerDenoiserConfig, seeded_rng,
/// };
/// let (device, rng) = (Device::default(), &mut seeded_rng(0, "example"));
/// let config = TransformerDenoiserConfig { width: 16, depth: 1, n_heads: 2, ..Default::default() };
/// // Rows of 4 dimensions, pooled conditions of width 3, tokens of width 5, 1000 steps.
/// let shape = DenoiserShape { d_token: 5, ..DenoiserShape::new(4, 3, 1000) };
/// let denoiser = config.init(&shape, rng, &device)?;
/// let cond = Condition::Parts(ConditionParts {
///     pooled: Some(Tensor::ones([2, 3], &device)),
///     tokens: Some(Tokens::of_sets(&[&[1.0; 5], &[1.0; 10]], 5, &device)?), // one token, two tokens
///     ..Default::default()
/// });
/// let output = denoiser.predict(Tensor::ones([2, 4], &device), &[999], cond); // [n, d]
/// assert_eq!(output.dims(), [2, 4]);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransformerDenoiserConfig {
    /// Width of every position, even and at least 2. Default 64.
    pub width: usize,
    /// Number of blocks, at least 1. Default 2.
    pub depth: usize,
    /// Number of attention heads, a divisor of `width`. Default 4.
    pub n_heads: usize,
    /// Whether the network also sees its guess of x_0 at the step before (Chen et al. 2023, section 3.2). Default: no.
    pub self_conditioning: bool,
}

impl Default for TransformerDenoiserConfig {
    fn default() -> Self {
        Self { width: 64, depth: 2, n_heads: 4, self_conditioning: false }
    }
}

impl TransformerDenoiserConfig {
    /// Checks every size.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] (or one of `pert-nn`) naming the size and its range.
    pub fn check(&self) -> Result<(), Error> {
        if self.width < 2 || !self.width.is_multiple_of(2) {
            return Err(Error::setting("denoiser width", "even and at least 2", self.width));
        }
        Ok(self.transformer().check()?)
    }

    fn transformer(&self) -> TransformerConfig {
        TransformerConfig { width: self.width, depth: self.depth, n_heads: self.n_heads }
    }

    /// Draws the first weights.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds, and a `d`, `d_cond` or `n_steps` of 0.
    pub fn init(
        &self,
        shape: &DenoiserShape,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<TransformerDenoiser, Error> {
        self.check()?;
        shape.check()?;
        let width = self.width;
        let time = TimeEmbeddingConfig { n_steps: shape.n_steps, d_sinusoids: width, d_out: width };
        let optional_kinds = [shape.d_token > 0, shape.d_cov > 0, self.self_conditioning];
        let n_kinds = N_KINDS + optional_kinds.into_iter().filter(|&present| present).count();
        let optional = |present: bool, rng: &mut ChaCha8Rng, d| {
            present.then(|| Embedded::new(d, width, rng, device))
        };
        Ok(TransformerDenoiser {
            tokens: optional(shape.d_token > 0, rng, shape.d_token),
            pooled: Embedded::new(shape.d_cond, width, rng, device),
            covariates: optional(shape.d_cov > 0, rng, shape.d_cov),
            time: time.init(rng, device)?,
            noised: linear(shape.d, width, LinearInit::KaimingUniform, rng, device),
            estimate: self
                .self_conditioning
                .then(|| linear(shape.d, width, LinearInit::KaimingUniform, rng, device)),
            kinds: free([n_kinds, width], rng, device),
            transformer: self.transformer().init(rng, device)?,
            output: linear(width, shape.d, LinearInit::Zeros, rng, device),
        })
    }
}

/// A linear embedding, and what stands in its place where its input is dropped.
#[derive(Module, Debug)]
struct Embedded {
    linear: Linear,
    null: Param<Tensor<2>>,
}

impl Embedded {
    fn new(d: usize, width: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        Self {
            linear: linear(d, width, LinearInit::KaimingUniform, rng, device),
            null: free([1, width], rng, device),
        }
    }

    /// `[n or 1, width]`.
    fn forward(&self, values: Option<Tensor<2>>, dropped: Option<Tensor<2>>) -> Tensor<2> {
        or_null(values.map(|v| self.linear.forward(v)), dropped, self.null.val())
    }
}

fn free(shape: [usize; 2], rng: &mut ChaCha8Rng, device: &Device) -> Param<Tensor<2>> {
    Param::from_tensor(standard_normal(shape, rng, device).mul_scalar(EMBEDDING_SCALE))
}

/// The prior of Ramesh et al. 2022, section 2.2, over the sequence
///
/// ```text
/// perturbation tokens …, pooled p, covariates, t, x_t, x̂_0 of the step before, query
/// ```
///
/// of which tokens, covariates and x̂_0 are there only if the network was built for them. Each is brought to `width` by a
/// linear layer (t by a [`TimeEmbedding`]) and gets a learned vector of its kind; the query is such a vector alone. A
/// pre-norm [`Transformer`] runs over them, and what it makes of the query is read out by a linear layer that starts at
/// zero.
///
/// *Mask.* Causal as in the paper, but for the perturbation tokens, which see one another and share one vector: a set has no
/// order, so that none may be learned (padding is seen by nobody). Tokens and pooled p are then embedded without
/// regard to t and x_t.
///
/// *Null.* Where the perturbation is dropped, learned vectors replace pooled p and the first token, and the other
/// tokens count as padding: not even their number has influence.
#[derive(Module, Debug)]
pub struct TransformerDenoiser {
    tokens: Option<Embedded>,
    pooled: Embedded,
    covariates: Option<Embedded>,
    time: TimeEmbedding,
    noised: Linear,
    estimate: Option<Linear>,
    /// A vector per kind of position, in the order of the sequence; the last is the query.
    kinds: Param<Tensor<2>>,
    transformer: Transformer,
    output: Linear,
}

impl TransformerDenoiser {
    /// Token embeddings `[n, n_tokens, width]` and which of them are padding, `[n, n_tokens]`.
    fn embed_tokens(
        &self,
        embedded: &Embedded,
        tokens: Option<Tokens>,
        dropped: Option<Tensor<2>>,
        n: usize,
    ) -> (Tensor<3>, Tensor<2>) {
        let null = embedded.null.val().unsqueeze_dim::<3>(1); // [1, 1, width]
        let Some(tokens) = tokens else {
            let [_, _, width] = null.dims();
            return (null.expand([n, 1, width]), Tensor::zeros([n, 1], &self.device()));
        };
        let values = embedded.linear.forward(tokens.values()); // [n or 1, n_tokens, width]
        let [_, n_tokens, width] = values.dims();
        let (values, padding) =
            (values.expand([n, n_tokens, width]), tokens.padding().expand([n, n_tokens]));
        let Some(dropped) = dropped else { return (values, padding) };
        let dropped = rows(dropped, n);
        // All but the first place of a dropped row are padding.
        let rest: Vec<f32> = (0..n_tokens).map(|i| if i == 0 { 0.0 } else { 1.0 }).collect();
        let rest = Tensor::from_data(TensorData::new(rest, [1, n_tokens]), &self.device());
        let padding = padding.max_pair(dropped.clone() * rest);
        let dropped = dropped.unsqueeze_dim::<3>(2); // [n, 1, 1]
        let kept = dropped.clone().neg().add_scalar(1.0);
        (values * kept + null * dropped, padding)
    }

    fn device(&self) -> Device {
        self.kinds.val().device()
    }
}

impl Denoiser for TransformerDenoiser {
    fn predict(&self, x_t: Tensor<2>, t: &[usize], cond: Condition) -> Tensor<2> {
        let [n, _] = x_t.dims();
        let device = self.device();
        let parts = cond.into_parts();
        let mut sequence = Sequence { n, kinds: self.kinds.val(), parts: Vec::new() };
        let mut padding = None;
        if let Some(embedded) = &self.tokens {
            let dropped = parts.dropped.clone();
            let (tokens, padded) = self.embed_tokens(embedded, parts.tokens, dropped, n);
            sequence.push_all(tokens);
            padding = Some(padded); // [n, n_tokens]
        }
        sequence.push(self.pooled.forward(parts.pooled, parts.dropped));
        if let Some(covariates) = &self.covariates {
            sequence.push(covariates.forward(parts.covariates, parts.covariates_dropped));
        }
        sequence.push(self.time.forward(t));
        sequence.push(self.noised.forward(x_t.clone()));
        if let Some(embedding) = &self.estimate {
            let estimate = parts.estimate.unwrap_or_else(|| x_t.zeros_like());
            sequence.push(embedding.forward(estimate));
        }
        let [_, width] = self.kinds.val().dims();
        sequence.push(Tensor::zeros([1, width], &device));

        let sequence = Tensor::cat(sequence.parts, 1); // [n, n_positions, width]
        let [_, n_positions, _] = sequence.dims();
        let mask = match padding {
            None => AttentionMask::causal(n_positions, &device),
            Some(padding) => {
                let [_, n_tokens] = padding.dims();
                let others = Tensor::zeros([n, n_positions - n_tokens], &device);
                AttentionMask::prefix_causal(n_positions, n_tokens, &device)
                    .with_padding(Tensor::cat(vec![padding, others], 1)) // [n, n_positions]
            }
        };
        self.output.forward(self.transformer.forward_last(sequence, &mask)) // [n, d]
    }
}

/// The positions gathered so far; every push is a kind of its own.
struct Sequence {
    n: usize,
    kinds: Tensor<2>,
    /// `[n, .., width]` each.
    parts: Vec<Tensor<3>>,
}

impl Sequence {
    fn push_all(&mut self, x: Tensor<3>) {
        let kind = self.kinds.clone().narrow(0, self.parts.len(), 1); // [1, width]
        self.parts.push(x + kind.unsqueeze_dim::<3>(0));
    }

    /// One position, `[n or 1, width]`.
    fn push(&mut self, x: Tensor<2>) {
        self.push_all(rows(x, self.n).unsqueeze_dim::<3>(1));
    }
}
