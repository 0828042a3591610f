//! A stack of linear layers with normalisation and activation.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Tensor, activation};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::init::{LinearInit, linear};
use crate::ops::gelu;

/// Normalisation after a linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// None.
    None,
    /// Layer normalisation (Ba et al. 2016). Rows do not see each other, so a cell's result does not depend on
    /// the batch it stands in.
    #[default]
    Layer,
}

/// The non-linearity between layers.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::Activation;
/// let x = Tensor::<1>::from_data([-2.0, 0.0, 3.0], &Device::default());
/// let y: Vec<f64> = Activation::Relu.apply(x).into_data().iter().collect();
/// assert_eq!(y, [0.0, 0.0, 3.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(0, x).
    #[default]
    Relu,
    /// x · sigmoid(x).
    Silu,
    /// x · Φ(x), Φ the standard normal distribution function.
    Gelu,
}

impl Activation {
    /// The function, element by element; the output has the shape of `x`.
    pub fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => activation::relu(x),
            Self::Silu => activation::silu(x),
            Self::Gelu => gelu(x),
        }
    }
}

/// Configuration of an [`Mlp`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_nn::{Activation, MlpConfig, Norm};
/// let config = MlpConfig {
///     d_in: 4,
///     d_hidden: 8,
///     n_layers: 1,
///     d_out: None,
///     norm: Norm::Layer,
///     activation: Activation::Relu,
/// };
/// let mlp = config.init(&mut seeded_rng(0, "example"), &Device::default())?;
/// assert_eq!(mlp.forward(Tensor::zeros([5, 4], &Device::default())).dims(), [5, 8]);
/// assert!(MlpConfig { n_layers: 0, ..config }.check().is_err());
/// # Ok::<(), pert_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// Width of the input, at least 1.
    pub d_in: usize,
    /// Width of every hidden layer, at least 1.
    pub d_hidden: usize,
    /// Number of hidden layers, each linear → norm → activation; at least 1.
    pub n_layers: usize,
    /// Width of a last linear layer without norm and activation; `None` ends at the last hidden layer.
    #[serde(default)]
    pub d_out: Option<usize>,
    /// Normalisation in the hidden layers. Default: layer.
    #[serde(default)]
    pub norm: Norm,
    /// Activation in the hidden layers. Default: ReLU.
    #[serde(default)]
    pub activation: Activation,
}

impl MlpConfig {
    /// Checks every size.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a width or depth of 0.
    pub fn check(&self) -> Result<(), Error> {
        let sizes = [
            ("d_in", self.d_in),
            ("d_hidden", self.d_hidden),
            ("n_layers", self.n_layers),
            ("d_out", self.d_out.unwrap_or(1)),
        ];
        for (name, size) in sizes {
            if size == 0 {
                return Err(Error::setting(name, "at least 1", size));
            }
        }
        Ok(())
    }

    /// Draws the first weights (PyTorch's default) and builds the network.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds.
    pub fn init(&self, rng: &mut ChaCha8Rng, device: &Device) -> Result<Mlp, Error> {
        self.check()?;
        let layers = (0..self.n_layers)
            .map(|i| {
                let d_in = if i == 0 { self.d_in } else { self.d_hidden };
                HiddenLayer {
                    linear: linear(d_in, self.d_hidden, LinearInit::KaimingUniform, rng, device),
                    norm: match self.norm {
                        Norm::None => None,
                        Norm::Layer => Some(LayerNormConfig::new(self.d_hidden).init(device)),
                    },
                }
            })
            .collect();
        let output = self
            .d_out
            .map(|d_out| linear(self.d_hidden, d_out, LinearInit::KaimingUniform, rng, device));
        Ok(Mlp { layers, output, activation: self.activation })
    }
}

/// One hidden layer: linear, then (if any) the norm; the activation follows in [`Mlp::forward`].
#[derive(Module, Debug)]
struct HiddenLayer {
    linear: Linear,
    norm: Option<LayerNorm>,
}

/// h ← activation(norm(h W + b)), repeated, and a last linear layer if asked for.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<HiddenLayer>,
    output: Option<Linear>,
    #[module(skip)]
    activation: Activation,
}

impl Mlp {
    /// Applies the network.
    ///
    /// # Shapes
    /// `x`: `[n, d_in]`; output: `[n, d_out]`, or `[n, d_hidden]` without a last layer.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let mut h = x;
        for layer in &self.layers {
            h = layer.linear.forward(h); // [n, d_hidden]
            if let Some(norm) = &layer.norm {
                h = norm.forward(h);
            }
            h = self.activation.apply(h);
        }
        match &self.output {
            Some(output) => output.forward(h), // [n, d_out]
            None => h,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::standard_normal;
    use rand::SeedableRng;

    fn config() -> MlpConfig {
        MlpConfig {
            d_in: 5,
            d_hidden: 8,
            n_layers: 2,
            d_out: Some(3),
            norm: Norm::Layer,
            activation: Activation::Silu,
        }
    }

    #[test]
    fn rows_do_not_see_each_other() {
        let device = Device::default();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mlp = config().init(&mut rng, &device).expect("valid");
        let x = standard_normal([6, 5], &mut rng, &device);
        let all: Vec<f32> = mlp.forward(x.clone()).into_data().try_to_vec().expect("f32");
        let some: Vec<f32> = mlp.forward(x.narrow(0, 2, 3)).into_data().try_to_vec().expect("f32");
        for (a, b) in all[6..15].iter().zip(&some) {
            // f32 products of width 8: a few units in the last place.
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }

    #[test]
    fn without_a_last_layer_the_hidden_width_comes_out() {
        let device = Device::default();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let config = MlpConfig { d_out: None, norm: Norm::None, ..config() };
        let mlp = config.init(&mut rng, &device).expect("valid");
        assert_eq!(mlp.forward(Tensor::zeros([4, 5], &device)).dims(), [4, 8]);
    }

    #[test]
    fn a_width_of_zero_is_named() {
        let error = MlpConfig { d_hidden: 0, ..config() }.check().expect_err("zero width");
        assert_eq!(error, Error::setting("d_hidden", "at least 1", 0));
        assert!(MlpConfig { d_out: Some(0), ..config() }.check().is_err());
    }
}
