//! A pre-norm transformer over short sequences.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::attention::{AttentionMask, SelfAttention, check_heads};
use crate::error::Error;
use crate::init::{LinearInit, linear};
use crate::ops::gelu;

/// Width of a block's MLP over that of the block (Vaswani et al. 2017, section 3.3).
const MLP_FACTOR: usize = 4;

/// Configuration of a [`Transformer`].
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_nn::{AttentionMask, TransformerConfig, standard_normal};
/// let (device, rng) = (Device::default(), &mut seeded_rng(0, "example"));
/// let config = TransformerConfig { width: 8, depth: 2, n_heads: 2 };
/// let transformer = config.init(rng, &device)?;
/// let x = standard_normal([5, 3, 8], rng, &device); // [n, n_positions, width]
/// let mask = AttentionMask::causal(3, &device);
/// assert_eq!(transformer.forward(x.clone(), &mask).dims(), [5, 3, 8]);
/// assert_eq!(transformer.forward_last(x, &mask).dims(), [5, 8]);
/// assert!(TransformerConfig { n_heads: 3, ..config }.check().is_err());
/// # Ok::<(), pert_nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerConfig {
    /// Width of every position, at least 1.
    pub width: usize,
    /// Number of blocks, at least 1.
    pub depth: usize,
    /// Number of attention heads, a divisor of `width`.
    pub n_heads: usize,
}

impl TransformerConfig {
    /// Checks every size.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the size and its range.
    pub fn check(&self) -> Result<(), Error> {
        if self.depth == 0 {
            return Err(Error::setting("depth", "at least 1", self.depth));
        }
        check_heads(self.width, self.n_heads)
    }

    /// Draws the first weights (PyTorch's default for linear layers).
    ///
    /// # Errors
    /// What [`check`](Self::check) finds.
    pub fn init(&self, rng: &mut ChaCha8Rng, device: &Device) -> Result<Transformer, Error> {
        self.check()?;
        let blocks = (0..self.depth)
            .map(|_| TransformerBlock::new(self.width, self.n_heads, rng, device))
            .collect::<Result<_, _>>()?;
        Ok(Transformer { blocks, norm: LayerNormConfig::new(self.width).init(device) })
    }
}

/// h ← h + attention(LN(h)); h ← h + W₂ GELU(W₁ LN(h) + b₁) + b₂, the MLP four times as wide (the pre-norm form of
/// Xiong et al. 2020, figure 1b; GELU as Hendrycks & Gimpel 2016, with the exact Φ).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_nn::{AttentionMask, TransformerBlock};
/// let (device, rng) = (Device::default(), &mut seeded_rng(0, "example"));
/// let block = TransformerBlock::new(8, 2, rng, &device)?;
/// let x = Tensor::ones([5, 3, 8], &device); // [n, n_positions, width]
/// assert_eq!(block.forward(x, &AttentionMask::bidirectional(3, &device)).dims(), [5, 3, 8]);
/// # Ok::<(), pert_nn::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct TransformerBlock {
    attention_norm: LayerNorm,
    attention: SelfAttention,
    mlp_norm: LayerNorm,
    hidden: Linear,
    output: Linear,
}

impl TransformerBlock {
    /// Draws the first weights of a block over vectors of `width`.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a width that the heads do not divide.
    pub fn new(
        width: usize,
        n_heads: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        let kaiming = LinearInit::KaimingUniform;
        Ok(Self {
            attention_norm: LayerNormConfig::new(width).init(device),
            attention: SelfAttention::new(width, n_heads, rng, device)?,
            mlp_norm: LayerNormConfig::new(width).init(device),
            hidden: linear(width, MLP_FACTOR * width, kaiming, rng, device),
            output: linear(MLP_FACTOR * width, width, kaiming, rng, device),
        })
    }

    /// Applies the block.
    ///
    /// # Shapes
    /// `x`, output: `[n, n_positions, width]`; `mask` of n rows or one.
    pub fn forward(&self, x: Tensor<3>, mask: &AttentionMask) -> Tensor<3> {
        let gathered = self.attention.forward(self.attention_norm.forward(x.clone()), mask);
        self.mlp(x + gathered)
    }

    /// The last position of [`forward`](Self::forward), for less work.
    ///
    /// # Shapes
    /// `x`: `[n, n_positions, width]`; output: `[n, 1, width]`.
    pub fn forward_last(&self, x: Tensor<3>, mask: &AttentionMask) -> Tensor<3> {
        let [_, n_positions, _] = x.dims();
        let gathered = self.attention.forward_last(self.attention_norm.forward(x.clone()), mask);
        self.mlp(x.narrow(1, n_positions - 1, 1) + gathered)
    }

    fn mlp(&self, x: Tensor<3>) -> Tensor<3> {
        let h = self.hidden.forward(self.mlp_norm.forward(x.clone())); // [n, n_positions, 4 width]
        x + self.output.forward(gelu(h))
    }
}

/// [`TransformerBlock`]s one after another, then a layer norm. Positions carry no order of their own: whoever builds the
/// sequence adds it.
#[derive(Module, Debug)]
pub struct Transformer {
    blocks: Vec<TransformerBlock>,
    norm: LayerNorm,
}

impl Transformer {
    /// Every position after the last block.
    ///
    /// # Shapes
    /// `x`, output: `[n, n_positions, width]`; `mask` of n rows or one.
    pub fn forward(&self, x: Tensor<3>, mask: &AttentionMask) -> Tensor<3> {
        let h = self.blocks.iter().fold(x, |h, block| block.forward(h, mask));
        self.norm.forward(h)
    }

    /// The last position alone: the last block computes no other.
    ///
    /// # Shapes
    /// `x`: `[n, n_positions, width]`; output: `[n, width]`.
    pub fn forward_last(&self, x: Tensor<3>, mask: &AttentionMask) -> Tensor<2> {
        let [n, _, width] = x.dims();
        let n_before = self.blocks.len() - 1;
        let h = self.blocks[..n_before].iter().fold(x, |h, block| block.forward(h, mask));
        let h = self.blocks[n_before].forward_last(h, mask); // [n, 1, width]
        self.norm.forward(h.reshape([n, width]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::standard_normal;
    use rand::SeedableRng;

    #[test]
    fn the_last_position_alone_equals_that_of_all() {
        let device = Device::default();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for depth in [1, 3] {
            let config = TransformerConfig { width: 8, depth, n_heads: 2 };
            let transformer = config.init(&mut rng, &device).expect("valid");
            let x = standard_normal([3, 5, 8], &mut rng, &device);
            let mask = AttentionMask::causal(5, &device);
            let all = transformer.forward(x.clone(), &mask).narrow(1, 4, 1);
            let last = transformer.forward_last(x, &mask);
            for (a, b) in all.into_data().iter::<f32>().zip(last.into_data().iter::<f32>()) {
                // f32 through `depth` blocks, values of order 1.
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
        }
    }

    #[test]
    fn sizes_out_of_range_are_named() {
        let config = TransformerConfig { width: 8, depth: 0, n_heads: 2 };
        assert_eq!(config.check(), Err(Error::setting("depth", "at least 1", 0)));
        assert!(TransformerConfig { depth: 1, n_heads: 5, ..config }.check().is_err());
    }
}
