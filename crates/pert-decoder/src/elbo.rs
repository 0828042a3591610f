//! The evidence lower bound.

use burn::tensor::{Device, Tensor};
use pert_core::ChaCha8Rng;
use pert_nn::ops::{
    kl_normal, kl_normal_standard, nb_log_likelihood, poisson_log_likelihood, zinb_log_likelihood,
};
use pert_nn::standard_normal;

use crate::batch::Batch;
use crate::config::VaeConfig;
use crate::encoder::Posterior;
use crate::generator::Rates;
use crate::library::LogNormal;
use crate::network::{Network, matrix};

/// log p(y|g) ≥ reconstruction − kl_z − kl_l, each the mean over cells in nats.
///
/// ```
/// use pert_decoder::ElboTerms;
/// let terms = ElboTerms { reconstruction: -120.0, kl_z: 3.0, kl_l: 0.5 };
/// assert_eq!(terms.total(), -123.5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ElboTerms {
    /// E_q log p(y|z,l,g), one draw of z and l per cell; complete, with the constant −log Γ(y+1).
    pub reconstruction: f64,
    /// KL(q(z|y,g) ‖ p(z)), p(z) = N(0, I) or p(z|g).
    pub kl_z: f64,
    /// KL(q(l|y,g) ‖ p(l|p)); 0 when the library size is observed.
    pub kl_l: f64,
}

impl ElboTerms {
    /// reconstruction − kl_z − kl_l, nats per cell.
    pub fn total(&self) -> f64 {
        self.reconstruction - self.kl_z - self.kl_l
    }
}

/// The standard normal draws of a batch.
pub(crate) struct Noise {
    /// `[n, n_latent]`.
    pub(crate) z: Tensor<2>,
    /// `[n, 1]`.
    pub(crate) log_library: Tensor<2>,
}

impl Noise {
    pub(crate) fn draw(
        n: usize,
        config: &VaeConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        Self {
            z: standard_normal([n, config.n_latent], rng, device),
            log_library: standard_normal([n, 1], rng, device),
        }
    }
}

/// Sums over a batch, `[1]` each, and what else of it a loss may need, still in the graph.
pub(crate) struct BatchTerms {
    /// Without the batch's constant.
    pub(crate) log_likelihood: Tensor<1>,
    pub(crate) kl_z: Tensor<1>,
    pub(crate) kl_l: Option<Tensor<1>>,
    /// Means of q(z|y,g), `[n, n_latent]`.
    pub(crate) z_mean: Tensor<2>,
}

impl Network {
    /// The terms of the bound, one draw per cell; `library_prior` holds p(l|p) of every cell.
    pub(crate) fn elbo(
        &self,
        batch: &Batch,
        condition: Option<&Tensor<2>>,
        library_prior: &[LogNormal],
        noise: Noise,
        device: &Device,
    ) -> BatchTerms {
        let Posterior { z, log_library } =
            self.encoder.forward(batch.x.clone(), batch.log_total.clone(), condition);
        let (mean, log_variance) = (z.mean.clone(), z.log_variance.clone());
        let kl_z = match self.latent_prior(condition) {
            None => kl_normal_standard(mean.clone(), log_variance),
            Some(prior) => kl_normal(mean.clone(), log_variance, prior.mean, prior.log_variance),
        }
        .sum();
        let (log_l, kl_l) = match log_library {
            None => (batch.log_total.clone(), None),
            Some(q) => {
                let column = |f: fn(&LogNormal) -> f64| {
                    let values = library_prior.iter().map(|prior| f(prior) as f32).collect();
                    matrix(values, batch.n, device) // [n, 1]
                };
                let kl = kl_normal(
                    q.mean.clone(),
                    q.log_variance.clone(),
                    column(|prior| prior.mean),
                    column(|prior| prior.variance.ln()),
                );
                (q.sample(noise.log_library), Some(kl.sum()))
            }
        };
        let rates = self.generator.forward(z.sample(noise.z), condition, log_l, None);
        BatchTerms { log_likelihood: log_likelihood(batch, rates), kl_z, kl_l, z_mean: mean }
    }
}

/// Σ log p(y) over the batch without its constant; what the generator returns tells the likelihood.
fn log_likelihood(batch: &Batch, rates: Rates) -> Tensor<1> {
    let log_mu = batch
        .sparse
        .at(rates.log_mu_shifted)
        .add(batch.sparse.at_cells(rates.log_scale.flatten::<1>(0, 1)));
    match (rates.theta, rates.pi_logits) {
        (None, _) => poisson_log_likelihood(&batch.sparse, rates.mu, log_mu),
        (Some(theta), None) => nb_log_likelihood(&batch.sparse, rates.mu, log_mu, theta),
        (Some(theta), Some(pi)) => zinb_log_likelihood(&batch.sparse, rates.mu, log_mu, theta, pi),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::module::{Module, ModuleVisitor, Param};
    use burn::optim::GradientsParams;
    use pert_core::{CsrCounts, seeded_rng};
    use pert_nn::NamedTensor;

    use super::*;
    use crate::batch::CountTables;
    use crate::config::{Dispersion, LatentPrior, Likelihood};
    use crate::inputs::OwnedConditions;
    use crate::vae::scalar;

    #[derive(serde::Deserialize)]
    struct Parameter {
        name: String,
        shape: Vec<usize>,
        values: Vec<f32>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        likelihood: Likelihood,
        dispersion: Dispersion,
        latent_prior: LatentPrior,
        extra: Vec<Parameter>,
        reconstruction: f64,
        kl_z: f64,
        kl_l: f64,
        gradients: BTreeMap<String, Vec<f64>>,
    }

    #[derive(serde::Deserialize)]
    struct Golden {
        counts: Vec<f32>,
        cell: Vec<f32>,
        covariate: Vec<f32>,
        keep: Vec<f32>,
        noise_z: Vec<f32>,
        noise_l: Vec<f32>,
        prior: Vec<[f64; 2]>,
        parameters: Vec<Parameter>,
        cases: Vec<Case>,
    }

    /// Gradients by the names of their parameters.
    struct ByName<'a> {
        path: Vec<String>,
        grads: &'a GradientsParams,
        found: BTreeMap<String, Vec<f64>>,
    }

    impl ModuleVisitor for ByName<'_> {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let grad = self.grads.get::<D>(param.id).unwrap();
            self.found.insert(self.path.join("."), grad.into_data().iter::<f64>().collect());
        }
    }

    #[test]
    fn terms_and_every_gradient_agree_with_torch() {
        let golden: Golden = pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "elbo");
        let device = Device::default().autodiff();
        let counts = CsrCounts::from_dense(5, &golden.counts).unwrap();
        for case in golden.cases {
            let config = VaeConfig {
                n_hidden: 4,
                d_cell: 2,
                d_covariate: 2,
                likelihood: case.likelihood,
                dispersion: case.dispersion,
                latent_prior: case.latent_prior,
                ..VaeConfig::new(5, 2)
            };
            let network = Network::init(&config, &mut seeded_rng(0, "replaced"), &device);
            let weights: Vec<NamedTensor> = golden
                .parameters
                .iter()
                .chain(&case.extra)
                .filter(|p| case.gradients.contains_key(&p.name))
                .map(|p| NamedTensor {
                    name: p.name.clone(),
                    shape: p.shape.clone(),
                    values: p.values.clone(),
                })
                .collect();
            let network = pert_nn::load_parameters(network, &weights).unwrap();
            let batch = Batch::new(&counts, &[0, 1, 2], &CountTables::new(), &device);
            let rows = OwnedConditions {
                cell: Some(golden.cell.clone()),
                covariate: Some(golden.covariate.clone()),
            };
            let condition = network.condition(&rows, Some(golden.keep.clone()), 3, &device);
            let prior: Vec<LogNormal> =
                golden.prior.iter().map(|&[mean, variance]| LogNormal { mean, variance }).collect();
            let noise = Noise {
                z: matrix(golden.noise_z.clone(), 3, &device),
                log_library: matrix(golden.noise_l.clone(), 3, &device),
            };
            let terms = network.elbo(&batch, condition.as_ref(), &prior, noise, &device);
            let reconstruction = scalar(terms.log_likelihood.clone()) - batch.constant;
            let (kl_z, kl_l) = (terms.kl_z, terms.kl_l.unwrap());
            let pairs = [
                // The constant, 700 nats, is what f32 rounding is relative to.
                ("reconstruction", reconstruction, case.reconstruction, 1e-6 * batch.constant),
                ("kl_z", scalar(kl_z.clone()), case.kl_z, 1e-5 * case.kl_z),
                ("kl_l", scalar(kl_l.clone()), case.kl_l, 1e-5 * case.kl_l),
            ];
            for (name, actual, expected, bound) in pairs {
                assert!(
                    (actual - expected).abs() < bound,
                    "{:?} {name}: {actual} is not {expected}",
                    case.likelihood
                );
            }
            let loss = kl_z.add(kl_l).sub(terms.log_likelihood);
            let grads = GradientsParams::from_grads(loss.backward(), &network);
            let mut by_name = ByName { path: Vec::new(), grads: &grads, found: BTreeMap::new() };
            network.visit(&mut by_name);
            assert_eq!(by_name.found.len(), case.gradients.len());
            for (name, expected) in &case.gradients {
                let largest = expected.iter().fold(1.0f64, |m, v| m.max(v.abs()));
                for (a, e) in by_name.found[name].iter().zip(expected) {
                    assert!(
                        (a - e).abs() < 2e-5 * largest,
                        "{:?} {name}: {a} is not {e}",
                        case.likelihood
                    );
                }
            }
        }
    }
}
