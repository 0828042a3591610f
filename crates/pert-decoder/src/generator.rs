//! p(y|z,l,g): rates and dropout of every gene.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use pert_core::ChaCha8Rng;
use pert_nn::{LinearInit, linear};

use crate::config::{Dispersion, Likelihood, VaeConfig};
use crate::encoder::Trunk;
use crate::moments::CountMoments;

/// First dropout logit: 5%, so that training starts near the negative binomial whose moments θ was taken from.
const FIRST_PI_LOGIT: f32 = -3.0;

/// log θ of a cell or a batch stays within ± this: Poisson to the last digit on one side, a θ of 3e-7 on the other.
const LOG_THETA_BOUND: f64 = 15.0;

/// z, g → ρ, π, θ.
#[derive(Module, Debug)]
pub(crate) struct Generator {
    trunk: Trunk,
    rho: Linear,
    pi: Option<Linear>,
    log_theta: Option<Param<Tensor<1>>>,
    /// What covariates or the cell add to log θ; zero at first.
    theta: Option<Linear>,
    #[module(skip)]
    dispersion: Dispersion,
    /// The covariates are the last columns of the condition, this many.
    #[module(skip)]
    d_covariate: usize,
}

/// Means and dropout of a batch.
#[derive(Debug)]
pub(crate) struct Rates {
    /// μ = l·ρ, `[n, n_genes]`.
    pub(crate) mu: Tensor<2>,
    /// log μ up to a constant per cell, `[n, n_genes]`; with `log_scale` it holds where μ underflows.
    pub(crate) log_mu_shifted: Tensor<2>,
    /// That constant, `[n, 1]`.
    pub(crate) log_scale: Tensor<2>,
    /// `[n, n_genes]`; `None` without zero inflation.
    pub(crate) pi_logits: Option<Tensor<2>>,
    /// θ, `[1, n_genes]` or `[n, n_genes]`; `None` for Poisson.
    pub(crate) theta: Option<Tensor<2>>,
}

impl Generator {
    pub(crate) fn init(config: &VaeConfig, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let trunk = Trunk::init(config.n_latent, config.decoder_layers, config, rng, device);
        let (width, n_genes) = (config.n_hidden, config.n_genes);
        let rho = linear(width, n_genes, LinearInit::KaimingUniform, rng, device);
        let pi = (config.likelihood == Likelihood::Zinb).then(|| Linear {
            bias: Some(Param::from_tensor(Tensor::full([n_genes], FIRST_PI_LOGIT, device))),
            ..linear(width, n_genes, LinearInit::KaimingUniform, rng, device)
        });
        let log_theta = (config.likelihood != Likelihood::Poisson)
            .then(|| Param::from_tensor(Tensor::zeros([n_genes], device)));
        let d_theta = match config.dispersion {
            Dispersion::Gene => None,
            Dispersion::GeneBatch => Some(config.d_covariate),
            Dispersion::GeneCell => Some(width),
        };
        let theta = d_theta.map(|d_in| Linear {
            bias: None,
            ..linear(d_in, n_genes, LinearInit::Zeros, rng, device)
        });
        let (dispersion, d_covariate) = (config.dispersion, config.d_covariate);
        Self { trunk, rho, pi, log_theta, theta, dispersion, d_covariate }
    }

    /// Starts ρ at the mean expression and θ at its moments.
    pub(crate) fn start_at(mut self, moments: &CountMoments, device: &Device) -> Self {
        let vector = |values: &[f64]| {
            let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            let n = values.len();
            Param::from_tensor(Tensor::<1>::from_data(TensorData::new(values, [n]), device))
        };
        self.rho.bias = Some(vector(&moments.log_rho));
        self.log_theta = self.log_theta.map(|_| vector(&moments.log_theta));
        self
    }

    /// The parameter log θ, which is learned at a rate of its own.
    pub(crate) fn log_theta(&self) -> Option<&Param<Tensor<1>>> {
        self.log_theta.as_ref()
    }

    /// Sum of the squared weights from the last hidden layer to log ρ and the dropout logits.
    pub(crate) fn output_squares(&self) -> Tensor<1> {
        let squares = |layer: &Linear| layer.weight.val().square().sum();
        let of_rho = squares(&self.rho);
        self.pi.as_ref().map_or(of_rho.clone(), |pi| of_rho.add(squares(pi)))
    }

    /// μ = l · softmax(logits + offset) with one exponential per entry: e^{logit − max} · e^{log l − log Σ}.
    ///
    /// # Shapes
    /// - z: `[n, n_latent]`; condition as in [`Trunk::forward`]; log_library: `[n, 1]`
    /// - gene_log_scale: `[1, n_genes]`, added to the logits of ρ
    pub(crate) fn forward(
        &self,
        z: Tensor<2>,
        condition: Option<&Tensor<2>>,
        log_library: Tensor<2>,
        gene_log_scale: Option<&Tensor<2>>,
    ) -> Rates {
        let h = self.trunk.forward(z, condition); // [n, n_hidden]
        let pi_logits = self.pi.as_ref().map(|pi| pi.forward(h.clone()));
        let theta = self.theta(&h, condition);
        let mut logits = self.rho.forward(h); // [n, n_genes]
        if let Some(scale) = gene_log_scale {
            logits = logits.add(scale.clone());
        }
        let largest = logits.clone().detach().max_dim(1); // [n, 1]
        let log_mu_shifted = logits.sub(largest);
        let unnormalised = log_mu_shifted.clone().exp();
        let log_scale = log_library.sub(unnormalised.clone().sum_dim(1).log()); // [n, 1]
        let mu = unnormalised.mul(log_scale.clone().exp());
        Rates { mu, log_mu_shifted, log_scale, pi_logits, theta }
    }

    /// θ, `[1, n_genes]` or `[n, n_genes]`.
    fn theta(&self, h: &Tensor<2>, condition: Option<&Tensor<2>>) -> Option<Tensor<2>> {
        let log_theta = self.log_theta.as_ref()?.val().unsqueeze::<2>(); // [1, n_genes]
        let Some(weights) = &self.theta else { return Some(log_theta.exp()) };
        let input = match (self.dispersion, condition) {
            (Dispersion::GeneBatch, Some(condition)) => {
                let [n, width] = condition.dims();
                condition.clone().slice([0..n, width - self.d_covariate..width])
            }
            _ => h.clone(),
        };
        let log_theta = weights.forward(input).add(log_theta); // [n, n_genes]
        Some(log_theta.clamp(-LOG_THETA_BOUND, LOG_THETA_BOUND).exp())
    }
}
