//! The default denoiser: a residual MLP steered by step and condition.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, activation};
use pert_nn::{
    AdaLnBlock, AdaLnOutput, LinearInit, TimeEmbedding, TimeEmbeddingConfig, linear,
    standard_normal,
};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::condition::or_null;
use super::config::DenoiserShape;
use super::{Condition, Denoiser, EMBEDDING_SCALE};
use crate::error::Error;

/// Configuration of an [`MlpDenoiser`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_diffusion::{Condition, Denoiser, DenoiserShape, MlpDenoiserConfig};
/// let (device, rng) = (Device::default(), &mut seeded_rng(0, "example"));
/// // Rows of 2 dimensions, conditions of width 3, 1000 steps.
/// let shape = DenoiserShape::new(2, 3, 1000);
/// let denoiser = MlpDenoiserConfig { width: 16, n_blocks: 1 }.init(&shape, rng, &device)?;
/// let cond = Condition::Given(Tensor::ones([1, 3], &device));
/// let output = denoiser.predict(Tensor::ones([5, 2], &device), &[999], cond); // [n, d]
/// assert_eq!(output.dims(), [5, 2]);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MlpDenoiserConfig {
    /// Width of every layer, even and at least 2. Default 128.
    pub width: usize,
    /// Number of AdaLN residual blocks, at least 1. Default 3.
    pub n_blocks: usize,
}

impl Default for MlpDenoiserConfig {
    fn default() -> Self {
        Self { width: 128, n_blocks: 3 }
    }
}

impl MlpDenoiserConfig {
    /// Checks every size.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the size and its range.
    pub fn check(&self) -> Result<(), Error> {
        if self.width < 2 || !self.width.is_multiple_of(2) {
            return Err(Error::setting("denoiser width", "even and at least 2", self.width));
        }
        if self.n_blocks == 0 {
            return Err(Error::setting("denoiser n_blocks", "at least 1", self.n_blocks));
        }
        Ok(())
    }

    /// Draws the first weights. Tokens, if the shape has any, are not used.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds, and a `d`, `d_cond` or `n_steps` of 0.
    pub fn init(
        &self,
        shape: &DenoiserShape,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<MlpDenoiser, Error> {
        self.check()?;
        shape.check()?;
        let width = self.width;
        let time = TimeEmbeddingConfig { n_steps: shape.n_steps, d_sinusoids: width, d_out: width };
        let kaiming = LinearInit::KaimingUniform;
        let null = |rng: &mut _| {
            let null = standard_normal([1, width], rng, device);
            Param::from_tensor(null.mul_scalar(EMBEDDING_SCALE))
        };
        let d_cov = shape.d_cov;
        Ok(MlpDenoiser {
            input: linear(shape.d, width, kaiming, rng, device),
            time: time.init(rng, device)?,
            condition: linear(shape.d_cond, width, kaiming, rng, device),
            null: null(rng),
            blocks: (0..self.n_blocks)
                .map(|_| AdaLnBlock::new(width, width, rng, device))
                .collect(),
            output: AdaLnOutput::new(width, width, shape.d, rng, device),
            covariates: (d_cov > 0).then(|| linear(d_cov, width, kaiming, rng, device)),
            null_covariates: (d_cov > 0).then(|| null(rng)),
        })
    }
}

/// h = W x_t + b; h ← AdaLN block(h, c), repeated; output = AdaLN layer(h, c), with
/// c = SiLU(e(t) + SiLU(W_c cond + b_c) + SiLU(W_v cov + b_v)), an inner term a learned null vector where the condition,
/// or the covariates, are dropped; the last term is there only for covariates given apart from the condition.
///
/// The condition is a raw vector, such as multi-hot of perturbed genes ‖ gene features. The rows of W_c that
/// belong to the multi-hot part *are* the learned gene embeddings, and a set of genes is embedded by their sum, so
/// that its order cannot matter.
///
/// Conditions should be of order 1 in every column: W_c starts at U(−1/√d_cond, 1/√d_cond).
#[derive(Module, Debug)]
pub struct MlpDenoiser {
    input: Linear,
    time: TimeEmbedding,
    condition: Linear,
    null: Param<Tensor<2>>,
    blocks: Vec<AdaLnBlock>,
    output: AdaLnOutput,
    covariates: Option<Linear>,
    null_covariates: Option<Param<Tensor<2>>>,
}

impl MlpDenoiser {
    /// The embeddings of condition and covariates, `[n or 1, width]`.
    fn embed(&self, cond: Condition) -> Tensor<2> {
        let parts = cond.into_parts();
        let given = |layer: &Linear, values| activation::silu(layer.forward(values));
        let pooled = parts.pooled.map(|values| given(&self.condition, values));
        let pooled = or_null(pooled, parts.dropped, self.null.val());
        let (Some(layer), Some(null)) = (&self.covariates, &self.null_covariates) else {
            return pooled;
        };
        let covariates = parts.covariates.map(|values| given(layer, values));
        pooled + or_null(covariates, parts.covariates_dropped, null.val())
    }
}

impl Denoiser for MlpDenoiser {
    fn predict(&self, x_t: Tensor<2>, t: &[usize], cond: Condition) -> Tensor<2> {
        // A step and condition common to all rows are embedded once: [1, width].
        let c = activation::silu(self.time.forward(t) + self.embed(cond)); // [n or 1, width]
        let mut h = self.input.forward(x_t); // [n, width]
        for block in &self.blocks {
            h = block.forward(h, c.clone());
        }
        self.output.forward(h, c) // [n, d]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_nn::{load_parameters, named_parameters};
    use rand::SeedableRng;

    /// A denoiser whose zero-initialised layers are random too, so that every input matters.
    fn denoiser(device: &Device) -> MlpDenoiser {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let config = MlpDenoiserConfig { width: 8, n_blocks: 2 };
        let denoiser = config.init(&DenoiserShape::new(3, 4, 10), &mut rng, device).expect("valid");
        let mut parameters = named_parameters(&denoiser);
        for parameter in &mut parameters {
            for (i, value) in parameter.values.iter_mut().enumerate() {
                *value += 0.3 * ((i * 7 + parameter.name.len()) as f32).sin();
            }
        }
        load_parameters(denoiser, &parameters).expect("same names")
    }

    fn host(t: Tensor<2>) -> Vec<f32> {
        t.into_data().try_to_vec().expect("f32")
    }

    fn assert_near(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            // f32 networks of width 8.
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn one_step_and_condition_for_all_rows_equal_the_same_ones_per_row() {
        let device = Device::default();
        let denoiser = denoiser(&device);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let x = standard_normal([6, 3], &mut rng, &device);
        let cond = standard_normal([1, 4], &mut rng, &device);
        let once = denoiser.predict(x.clone(), &[7], Condition::Given(cond.clone()));
        let each = denoiser.predict(x, &[7; 6], Condition::Given(cond.repeat_dim(0, 6)));
        assert_near(&host(once), &host(each));
    }

    #[test]
    fn dropped_rows_see_the_null_condition_and_kept_rows_their_own() {
        let device = Device::default();
        let denoiser = denoiser(&device);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let x = standard_normal([2, 3], &mut rng, &device);
        let values = standard_normal([2, 4], &mut rng, &device);
        let dropped = Tensor::from_data([[1.0], [0.0]], &device);
        let cond = Condition::Dropped { values: values.clone(), dropped };
        let mixed = host(denoiser.predict(x.clone(), &[3, 8], cond));
        let null = host(denoiser.predict(x.clone(), &[3, 8], Condition::Null));
        let given = host(denoiser.predict(x, &[3, 8], Condition::Given(values)));
        assert_near(&mixed[..3], &null[..3]);
        assert_near(&mixed[3..], &given[3..]);
        assert!((mixed[0] - given[0]).abs() > 1e-3);
    }

    #[test]
    fn a_size_of_zero_is_named() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let config = MlpDenoiserConfig::default();
        let error =
            config.init(&DenoiserShape::new(0, 4, 10), &mut rng, &Device::default()).map(|_| ());
        assert_eq!(error, Err(Error::setting("d", "at least 1", 0)));
        assert!(MlpDenoiserConfig { width: 7, n_blocks: 1 }.check().is_err());
    }
}
