//! Residual blocks steered by a condition through adaptive layer normalisation.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::module::layer_norm;
use burn::tensor::{Device, Tensor, activation};
use rand_chacha::ChaCha8Rng;

use crate::init::{LinearInit, linear};

/// Guard of the variance in layer normalisation (PyTorch's default).
const NORM_EPS: f64 = 1e-5;

/// x ← x + gate(c) ⊙ W₂ SiLU(W₁ (LN(x) ⊙ (1 + scale(c)) + shift(c)))
/// (AdaLN-Zero of Peebles & Xie 2023, section 3.2, with the MLP alone).
///
/// LN has no learned scale and shift of its own. The layer that gives shift, scale and gate starts at zero, so the
/// block starts as the identity.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_nn::AdaLnBlock;
/// let device = Device::default();
/// let block = AdaLnBlock::new(3, 2, &mut seeded_rng(0, "example"), &device);
/// let x = Tensor::<2>::from_data([[1.0, -2.0, 0.5], [0.0, 4.0, 1.0]], &device); // [n = 2, d = 3]
/// let cond = Tensor::<2>::from_data([[1.0, 3.0]], &device); // [1, d_cond = 2]
/// assert_eq!(block.forward(x.clone(), cond).into_data(), x.into_data());
/// ```
#[derive(Module, Debug)]
pub struct AdaLnBlock {
    modulation: Linear,
    hidden: Linear,
    output: Linear,
}

impl AdaLnBlock {
    /// A block over rows of width `d` under conditions of width `d_cond`, its MLP `d` wide.
    pub fn new(d: usize, d_cond: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        Self {
            modulation: linear(d_cond, 3 * d, LinearInit::Zeros, rng, device),
            hidden: linear(d, d, LinearInit::KaimingUniform, rng, device),
            output: linear(d, d, LinearInit::KaimingUniform, rng, device),
        }
    }

    /// Applies the block.
    ///
    /// # Shapes
    /// `x`: `[n, d]`; `cond`: `[n, d_cond]`, or `[1, d_cond]` for all rows, already passed through SiLU (once for
    /// all blocks); output: `[n, d]`.
    pub fn forward(&self, x: Tensor<2>, cond: Tensor<2>) -> Tensor<2> {
        let [_, d] = x.dims();
        let modulation = self.modulation.forward(cond); // [n or 1, 3 d]
        let shift = modulation.clone().narrow(1, 0, d);
        let scale = modulation.clone().narrow(1, d, d);
        let gate = modulation.narrow(1, 2 * d, d);
        let h = modulate(x.clone(), shift, scale);
        let h = self.output.forward(activation::silu(self.hidden.forward(h)));
        x + h * gate
    }
}

/// LN(x) ⊙ (1 + scale(c)) + shift(c), then a linear layer; modulation and layer start at zero.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_nn::AdaLnOutput;
/// let device = Device::default();
/// let layer = AdaLnOutput::new(3, 2, 4, &mut seeded_rng(0, "example"), &device);
/// let y = layer.forward(Tensor::ones([5, 3], &device), Tensor::ones([1, 2], &device));
/// assert_eq!(y.into_data(), Tensor::<2>::zeros([5, 4], &device).into_data());
/// ```
#[derive(Module, Debug)]
pub struct AdaLnOutput {
    modulation: Linear,
    output: Linear,
}

impl AdaLnOutput {
    /// A last layer from width `d` to `d_out` under conditions of width `d_cond`.
    pub fn new(
        d: usize,
        d_cond: usize,
        d_out: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        Self {
            modulation: linear(d_cond, 2 * d, LinearInit::Zeros, rng, device),
            output: linear(d, d_out, LinearInit::Zeros, rng, device),
        }
    }

    /// Applies the layer.
    ///
    /// # Shapes
    /// `x`: `[n, d]`; `cond`: as in [`AdaLnBlock::forward`]; output: `[n, d_out]`.
    pub fn forward(&self, x: Tensor<2>, cond: Tensor<2>) -> Tensor<2> {
        let [_, d] = x.dims();
        let modulation = self.modulation.forward(cond); // [n or 1, 2 d]
        let shift = modulation.clone().narrow(1, 0, d);
        let scale = modulation.narrow(1, d, d);
        self.output.forward(modulate(x, shift, scale))
    }
}

fn modulate(x: Tensor<2>, shift: Tensor<2>, scale: Tensor<2>) -> Tensor<2> {
    let [_, d] = x.dims();
    let ones = Tensor::ones([d], &x.device());
    layer_norm(x, ones, None, NORM_EPS) * scale.add_scalar(1.0) + shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::standard_normal;
    use rand::SeedableRng;

    #[test]
    fn a_new_block_is_the_identity_and_a_new_output_is_zero() {
        let device = Device::default();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let x = standard_normal([5, 6], &mut rng, &device);
        let cond = standard_normal([5, 4], &mut rng, &device);
        let block = AdaLnBlock::new(6, 4, &mut rng, &device);
        assert_eq!(block.forward(x.clone(), cond.clone()).into_data(), x.clone().into_data());
        let output = AdaLnOutput::new(6, 4, 3, &mut rng, &device);
        let zeros = Tensor::<2>::zeros([5, 3], &device);
        assert_eq!(output.forward(x, cond).into_data(), zeros.into_data());
    }
}
