//! Encoder, generator and the learned null of g.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use pert_core::ChaCha8Rng;

use crate::config::{LatentPrior, VaeConfig};
use crate::encoder::{Encoder, Normal};
use crate::generator::Generator;
use crate::inputs::OwnedConditions;
use crate::latent_prior::ConditionalPrior;

/// Everything that is learned.
#[derive(Module, Debug)]
pub(crate) struct Network {
    pub(crate) encoder: Encoder,
    pub(crate) generator: Generator,
    /// What stands for g where there is none, `[1, d_cell]`.
    null_cell: Option<Param<Tensor<2>>>,
    /// p(z|g); `None`: N(0, I).
    latent_prior: Option<ConditionalPrior>,
    /// Logits of a cell's group from the mean of its z; in a training that asks for it only.
    pub(crate) classifier: Option<Linear>,
}

impl Network {
    pub(crate) fn init(config: &VaeConfig, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        Self {
            encoder: Encoder::init(config, rng, device),
            generator: Generator::init(config, rng, device),
            null_cell: (config.d_cell > 0)
                .then(|| Param::from_tensor(Tensor::zeros([1, config.d_cell], device))),
            latent_prior: (config.latent_prior == LatentPrior::GivenG)
                .then(|| ConditionalPrior::init(config, rng, device)),
            classifier: None,
        }
    }

    /// What is of use after the training.
    pub(crate) fn without_classifier(self) -> Self {
        Self { classifier: None, ..self }
    }

    /// p(z|g), `[n, n_latent]`; `None`: N(0, I).
    pub(crate) fn latent_prior(&self, condition: Option<&Tensor<2>>) -> Option<Normal> {
        Some(self.latent_prior.as_ref()?.forward(condition?.clone()))
    }

    /// g (or its null) and the covariates side by side, `[n, d_cell + d_covariate]`; `None` without any.
    ///
    /// `keep`, `[n]`, is 1 where a cell's g is used and 0 where the null is.
    pub(crate) fn condition(
        &self,
        rows: &OwnedConditions,
        keep: Option<Vec<f32>>,
        n: usize,
        device: &Device,
    ) -> Option<Tensor<2>> {
        let mut parts = Vec::new();
        if let Some(null) = &self.null_cell {
            let null = null.val(); // [1, d_cell]
            parts.push(match (&rows.cell, keep) {
                (None, _) => null.repeat_dim(0, n),
                (Some(cell), None) => matrix(cell.clone(), n, device),
                (Some(cell), Some(keep)) => {
                    let keep = matrix(keep, n, device); // [n, 1]
                    let dropped = keep.clone().neg().add_scalar(1.0);
                    matrix(cell.clone(), n, device).mul(keep).add(dropped.mul(null))
                }
            });
        }
        parts.extend(rows.covariate.clone().map(|covariate| matrix(covariate, n, device)));
        (!parts.is_empty()).then(|| Tensor::cat(parts, 1))
    }
}

/// A row-major matrix of `n` rows on the device.
pub(crate) fn matrix(values: Vec<f32>, n: usize, device: &Device) -> Tensor<2> {
    let width = values.len() / n;
    Tensor::from_data(TensorData::new(values, [n, width]), device)
}
