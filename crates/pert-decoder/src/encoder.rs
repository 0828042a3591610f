//! The amortised posteriors q(z|y,g) and q(l|y,g).

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Tensor, activation::relu};
use pert_core::ChaCha8Rng;
use pert_nn::{LinearInit, linear};

use crate::config::{Library, VaeConfig};

/// Log variances are bounded smoothly to ±10: e^±10 is far beyond any posterior worth having, and the bound keeps
/// an early step from overflowing.
const LOG_VARIANCE_BOUND: f64 = 10.0;

/// First log variance of q(l|y,g): a standard deviation of 22% around the observed total.
const FIRST_LIBRARY_LOG_VARIANCE: f32 = -3.0;

/// Hidden layers, each linear → layer norm → ReLU; the condition enters the first by a matrix of its own.
///
/// Layer instead of scVI's batch norm: cells do not see each other, so that training and generation compute the same.
#[derive(Module, Debug)]
pub(crate) struct Trunk {
    layers: Vec<Hidden>,
    condition: Option<Linear>,
}

#[derive(Module, Debug)]
pub(crate) struct Hidden {
    linear: Linear,
    norm: LayerNorm,
}

impl Trunk {
    pub(crate) fn init(
        d_in: usize,
        n_layers: usize,
        config: &VaeConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let width = config.n_hidden;
        let layers = (0..n_layers)
            .map(|i| Hidden::init(if i == 0 { d_in } else { width }, width, rng, device))
            .collect();
        let d_condition = config.d_cell + config.d_covariate;
        let condition = (d_condition > 0).then(|| {
            // The first layer already has a bias.
            Linear {
                bias: None,
                ..linear(d_condition, width, LinearInit::KaimingUniform, rng, device)
            }
        });
        Self { layers, condition }
    }

    /// # Shapes
    /// - x: `[n, d_in]`; condition: `[n, d_cell + d_covariate]`; output: `[n, n_hidden]`
    pub(crate) fn forward(&self, x: Tensor<2>, condition: Option<&Tensor<2>>) -> Tensor<2> {
        let mut h = x;
        for (i, layer) in self.layers.iter().enumerate() {
            let told = match (i, &self.condition, condition) {
                (0, Some(weights), Some(condition)) => Some(weights.forward(condition.clone())),
                _ => None,
            };
            h = layer.forward(h, told); // [n, n_hidden]
        }
        h
    }
}

impl Hidden {
    pub(crate) fn init(d_in: usize, width: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        Self {
            linear: linear(d_in, width, LinearInit::KaimingUniform, rng, device),
            norm: LayerNormConfig::new(width).init(device),
        }
    }

    /// `told` is what the condition adds before the norm, `[n, width]`.
    pub(crate) fn forward(&self, x: Tensor<2>, told: Option<Tensor<2>>) -> Tensor<2> {
        let h = self.linear.forward(x); // [n, width]
        let h = match told {
            Some(told) => h.add(told),
            None => h,
        };
        relu(self.norm.forward(h))
    }
}

/// A diagonal normal.
#[derive(Debug, Clone)]
pub(crate) struct Normal {
    pub(crate) mean: Tensor<2>,
    pub(crate) log_variance: Tensor<2>,
}

impl Normal {
    /// mean + e^{log_variance/2} · noise.
    pub(crate) fn sample(&self, noise: Tensor<2>) -> Tensor<2> {
        self.log_variance.clone().mul_scalar(0.5).exp().mul(noise).add(self.mean.clone())
    }
}

/// Both posteriors of a batch.
#[derive(Debug)]
pub(crate) struct Posterior {
    /// q(z|y,g), `[n, n_latent]`.
    pub(crate) z: Normal,
    /// q(log l|y,g), `[n, 1]`; `None` when the library size is observed.
    pub(crate) log_library: Option<Normal>,
}

/// log1p(y), g → q(z|y,g) and q(log l|y,g).
#[derive(Module, Debug)]
pub(crate) struct Encoder {
    trunk: Trunk,
    z: NormalHead,
    library: Option<NormalHead>,
}

#[derive(Module, Debug)]
pub(crate) struct NormalHead {
    mean: Linear,
    log_variance: Linear,
}

impl NormalHead {
    pub(crate) fn init(
        config: &VaeConfig,
        d_out: usize,
        first: LinearInit,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        Self {
            mean: linear(config.n_hidden, d_out, first, rng, device),
            log_variance: linear(config.n_hidden, d_out, first, rng, device),
        }
    }

    pub(crate) fn forward(&self, h: Tensor<2>) -> Normal {
        let raw = self.log_variance.forward(h.clone());
        Normal {
            mean: self.mean.forward(h),
            log_variance: raw
                .mul_scalar(1.0 / LOG_VARIANCE_BOUND)
                .tanh()
                .mul_scalar(LOG_VARIANCE_BOUND),
        }
    }
}

impl Encoder {
    pub(crate) fn init(config: &VaeConfig, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let trunk = Trunk::init(config.n_genes, config.encoder_layers, config, rng, device);
        let z = NormalHead::init(config, config.n_latent, LinearInit::KaimingUniform, rng, device);
        let library = (config.library == Library::Latent).then(|| {
            let mut head = NormalHead::init(config, 1, LinearInit::Zeros, rng, device);
            head.log_variance.bias =
                Some(Param::from_tensor(Tensor::full([1], FIRST_LIBRARY_LOG_VARIANCE, device)));
            head
        });
        Self { trunk, z, library }
    }

    /// The posterior of log l is centred on log Σy: the network learns only the difference.
    ///
    /// # Shapes
    /// - x: `[n, n_genes]`, log1p of raw counts; log_total: `[n, 1]`, log Σy; condition as in [`Trunk::forward`]
    pub(crate) fn forward(
        &self,
        x: Tensor<2>,
        log_total: Tensor<2>,
        condition: Option<&Tensor<2>>,
    ) -> Posterior {
        let h = self.trunk.forward(x, condition); // [n, n_hidden]
        let log_library = self.library.as_ref().map(|head| {
            let shift = head.forward(h.clone());
            Normal { mean: shift.mean.add(log_total), ..shift }
        });
        Posterior { z: self.z.forward(h), log_library }
    }
}
