//! Linear layers whose first weights come from a seeded generator.

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::random::uniform;

/// How the weight `[d_in, d_out]` and bias `[d_out]` of a linear layer are first drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinearInit {
    /// Weight and bias U(−1/√d_in, 1/√d_in): the default of PyTorch's `nn.Linear`
    /// (He et al. 2015 with negative slope √5).
    KaimingUniform,
    /// Weight U(−a, a) with a = √(6/(d_in + d_out)), bias zero (Glorot & Bengio 2010, equation 16).
    XavierUniform,
    /// Weight and bias zero: a layer that starts as no contribution at all.
    Zeros,
}

/// A linear layer y = x W + b with seeded first weights.
///
/// Burn's own initialisation draws from a process-global generator, which is why this one exists.
/// The weight is drawn first, row by row, then the bias.
///
/// # Shapes
/// The layer maps `[.., d_in]` to `[.., d_out]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_nn::{LinearInit, linear};
/// let device = Device::default();
/// let layer = linear(4, 3, LinearInit::KaimingUniform, &mut seeded_rng(0, "example"), &device);
/// assert_eq!(layer.forward(Tensor::<2>::zeros([5, 4], &device)).dims(), [5, 3]);
/// // Bounded by 1/√d_in.
/// assert!(layer.weight.val().into_data().iter::<f64>().all(|w| w.abs() <= 0.5));
/// ```
pub fn linear(
    d_in: usize,
    d_out: usize,
    init: LinearInit,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Linear {
    let shape = [d_in, d_out];
    let (weight, bias) = match init {
        LinearInit::KaimingUniform => {
            let bound = 1.0 / (d_in as f32).sqrt();
            (
                uniform(shape, -bound, bound, rng, device),
                uniform([d_out], -bound, bound, rng, device),
            )
        }
        LinearInit::XavierUniform => {
            let bound = (6.0 / (d_in + d_out) as f32).sqrt();
            (uniform(shape, -bound, bound, rng, device), Tensor::zeros([d_out], device))
        }
        LinearInit::Zeros => (Tensor::zeros(shape, device), Tensor::zeros([d_out], device)),
    };
    Linear { weight: Param::from_tensor(weight), bias: Some(Param::from_tensor(bias)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn weights_stay_within_the_bound_and_depend_on_the_seed() {
        let device = Device::default();
        let weights = |seed: u64, init: LinearInit| -> (Vec<f32>, Vec<f32>) {
            let layer = linear(16, 9, init, &mut ChaCha8Rng::seed_from_u64(seed), &device);
            let bias = layer.bias.as_ref().expect("has a bias");
            (
                layer.weight.val().into_data().try_to_vec().expect("f32"),
                bias.val().into_data().try_to_vec().expect("f32"),
            )
        };
        let (w, b) = weights(1, LinearInit::KaimingUniform);
        assert!(w.iter().chain(&b).all(|v| v.abs() <= 0.25) && w.iter().any(|v| v.abs() > 0.2));
        assert_eq!((w.clone(), b.clone()), weights(1, LinearInit::KaimingUniform));
        assert_ne!((w, b), weights(2, LinearInit::KaimingUniform));
        let (w, b) = weights(1, LinearInit::XavierUniform);
        let bound = (6.0f32 / 25.0).sqrt();
        assert!(w.iter().all(|v| v.abs() <= bound) && w.iter().any(|v| v.abs() > 0.8 * bound));
        assert!(b.iter().all(|&v| v == 0.0));
        let (w, b) = weights(1, LinearInit::Zeros);
        assert!(w.iter().chain(&b).all(|&v| v == 0.0));
    }
}
