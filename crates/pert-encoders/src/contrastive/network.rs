//! The two sides of contrastive training.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use pert_core::{ChaCha8Rng, CsrCounts};
use pert_nn::{Activation, LinearInit, Mlp, MlpConfig, Norm, linear, standard_normal};

use super::config::{ContrastiveConfig, LOWEST_TEMPERATURE, PerturbationSide};
use super::error::ContrastiveError;
use crate::pooling::{PoolingError, SetEncoder, TokenBatch};

/// Squared lengths below this are not divided by: the direction of a vector of zeros is zero.
const SMALLEST_SQUARED_LENGTH: f64 = 1e-12;

/// Genes → hidden → g, and a vector for every perturbation.
#[derive(Module, Debug)]
pub(super) struct Network {
    /// Mean profile of the training cells, `[1, n_genes]`; not trained. Profiles have much in common, and the little by which
    /// perturbations differ would be learned slowly beside it.
    centre: Param<Tensor<2>>,
    cell: Mlp,
    /// `[n_perturbations, d]`.
    prototypes: Option<Param<Tensor<2>>>,
    sets: Option<SetEncoder>,
    /// From pooled tokens to d; its bias is where control lies.
    projection: Option<Linear>,
    /// `[1]`.
    log_temperature: Param<Tensor<1>>,
}

impl Network {
    pub fn init(
        config: &ContrastiveConfig,
        n_genes: usize,
        n_perturbations: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, ContrastiveError> {
        let cell = MlpConfig {
            d_in: n_genes,
            d_hidden: config.n_hidden,
            n_layers: 1,
            d_out: Some(config.d),
            norm: Norm::Layer,
            activation: Activation::Relu,
        };
        let centre = Tensor::zeros([1, n_genes], device);
        let mut network = Self {
            centre: Param::from_tensor(centre).set_require_grad(false),
            cell: cell.init(rng, device)?,
            prototypes: None,
            sets: None,
            projection: None,
            log_temperature: Param::from_tensor(Tensor::full(
                [1],
                config.temperature.ln() as f32,
                device,
            )),
        };
        match &config.perturbations {
            PerturbationSide::Prototypes => {
                let first = standard_normal([n_perturbations, config.d], rng, device);
                network.prototypes = Some(Param::from_tensor(first));
            }
            PerturbationSide::Sets(sets) => {
                network.sets = Some(sets.init(rng, device)?);
                let kaiming = LinearInit::KaimingUniform;
                network.projection = Some(linear(sets.d_out, config.d, kaiming, rng, device));
            }
        }
        Ok(network)
    }

    /// The same network, its inputs centred on the mean profile of some cells.
    pub fn centred_on(mut self, counts: &CsrCounts, cells: &[usize], device: &Device) -> Self {
        let mean: Vec<f32> =
            counts.mean_log_normalised(cells).into_iter().map(|x| x as f32).collect();
        let mean = Tensor::from_data(TensorData::new(mean, [1, counts.n_genes()]), device);
        self.centre = Param::from_tensor(mean).set_require_grad(false);
        self
    }

    /// # Shapes
    /// - x: `[n, n_genes]`, log1p(10⁴ y / Σy); output: `[n, d]`, of length 1
    pub fn cells(&self, x: Tensor<2>) -> Tensor<2> {
        direction(self.cell.forward(x - self.centre.val()))
    }

    /// The learned prototypes, `[n_perturbations, d]`, of length 1.
    pub fn prototypes(&self) -> Option<Tensor<2>> {
        self.prototypes.as_ref().map(|p| direction(p.val()))
    }

    /// The vectors of sets of tokens, `[n, d]`, of length 1.
    pub fn sets(&self, tokens: &TokenBatch) -> Result<Option<Tensor<2>>, PoolingError> {
        let (Some(sets), Some(projection)) = (&self.sets, &self.projection) else {
            return Ok(None);
        };
        Ok(Some(direction(projection.forward(sets.forward(tokens)?))))
    }

    /// s = cos / τ.
    ///
    /// # Shapes
    /// - cells: `[n, d]`; perturbations: `[n_perturbations, d]`, both of length 1; output: `[n, n_perturbations]`
    pub fn logits(&self, cells: Tensor<2>, perturbations: Tensor<2>) -> Tensor<2> {
        let inverse = self.log_temperature.val().clamp_min(LOWEST_TEMPERATURE.ln()).neg().exp();
        cells.matmul(perturbations.transpose()) * inverse.reshape([1, 1])
    }

    pub fn temperature(&self) -> f64 {
        let log = f64::from(self.log_temperature.val().into_scalar::<f32>());
        log.exp().max(LOWEST_TEMPERATURE)
    }
}

/// Rows scaled to length 1.
fn direction(rows: Tensor<2>) -> Tensor<2> {
    let length = rows.clone().square().sum_dim(1).clamp_min(SMALLEST_SQUARED_LENGTH).sqrt();
    rows / length
}

/// Cells as the network reads them: log1p(10⁴ y / Σy), and rows of zeros up to `n_rows`.
pub(super) fn profiles(
    counts: &CsrCounts,
    cells: &[usize],
    n_rows: usize,
    device: &Device,
) -> Tensor<2> {
    let mut x: Vec<f32> = counts.log_normalised(cells).into_iter().map(|x| x as f32).collect();
    x.resize(n_rows * counts.n_genes(), 0.0);
    Tensor::from_data(TensorData::new(x, [n_rows, counts.n_genes()]), device)
}
