//! p(z|g): what the condition tells of z before the counts are seen.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use pert_core::ChaCha8Rng;
use pert_nn::LinearInit;

use crate::config::VaeConfig;
use crate::encoder::{Hidden, Normal, NormalHead};

/// The condition → N(mean, e^v) of z, by one hidden layer; N(0, I) at first.
#[derive(Module, Debug)]
pub(crate) struct ConditionalPrior {
    hidden: Hidden,
    z: NormalHead,
}

impl ConditionalPrior {
    pub(crate) fn init(config: &VaeConfig, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let d_condition = config.d_cell + config.d_covariate;
        Self {
            hidden: Hidden::init(d_condition, config.n_hidden, rng, device),
            z: NormalHead::init(config, config.n_latent, LinearInit::Zeros, rng, device),
        }
    }

    /// # Shapes
    /// - condition: `[n, d_cell + d_covariate]`, g (or its null) and the covariates; output: `[n, n_latent]`
    pub(crate) fn forward(&self, condition: Tensor<2>) -> Normal {
        self.z.forward(self.hidden.forward(condition, None))
    }
}

#[cfg(test)]
mod tests {
    use pert_core::{CsrCounts, seeded_rng};
    use pert_nn::{load_parameters, named_parameters};

    use super::*;
    use crate::config::{LatentPrior, Library};
    use crate::draws::Draws;
    use crate::inputs::Conditions;
    use crate::likelihood::HostRates;
    use crate::network::matrix;
    use crate::vae::Vae;

    const N_GENES: usize = 6;
    const N_HIDDEN: usize = 16;
    const MEAN: f32 = 1.5;

    /// One latent dimension with p(z|g) = N(±1.5, e^v), the sign that of g.
    fn vae(log_variance: f32) -> Vae {
        let config = VaeConfig {
            library: Library::Observed,
            latent_prior: LatentPrior::GivenG,
            d_cell: 1,
            n_hidden: N_HIDDEN,
            ..VaeConfig::new(N_GENES, 1)
        };
        let mut vae =
            Vae::untrained(config, &mut seeded_rng(3, "weights"), &Device::default()).unwrap();
        // g in every second unit, −g in the others: of mean 0, so that the norm leaves ±1 and the positive half tells the sign.
        let signs: Vec<f32> = (0..N_HIDDEN).map(|unit| [1.0, -1.0][unit % 2]).collect();
        let means: Vec<f32> = signs.iter().map(|s| s * MEAN * 2.0 / N_HIDDEN as f32).collect();
        let mut tensors = named_parameters(&vae.network);
        for tensor in &mut tensors {
            let values: &[f32] = match tensor.name.as_str() {
                "latent_prior.hidden.linear.weight" => &signs,
                "latent_prior.hidden.linear.bias" => &[0.0; N_HIDDEN],
                "latent_prior.z.mean.weight" => &means,
                "latent_prior.z.log_variance.bias" => &[log_variance],
                // q(z|y,g) = N(0, e): broad enough for either prior, for importance sampling.
                "encoder.z.mean.weight" | "encoder.z.log_variance.weight" => &[0.0; N_HIDDEN],
                "encoder.z.mean.bias" => &[0.0],
                "encoder.z.log_variance.bias" => &[1.0],
                _ => continue,
            };
            assert_eq!(tensor.values.len(), values.len(), "{}", tensor.name);
            tensor.values = values.to_vec();
        }
        vae.network = load_parameters(vae.network, &tensors).unwrap();
        vae
    }

    /// Rates at the values of z given, all with one g and library size.
    fn rates(vae: &Vae, z: Vec<f32>, g: f32, log_library: f64) -> HostRates {
        let n = z.len();
        let log_library = Tensor::full([n, 1], log_library, &vae.device);
        let g = matrix(vec![g; n], n, &vae.device);
        let z = matrix(z, n, &vae.device);
        HostRates::of(vae.network.generator.forward(z, Some(&g), log_library, None))
    }

    #[test]
    fn importance_sampling_finds_the_integral_under_the_conditional_prior() {
        let log_variance = -1.0f32;
        let vae = vae(log_variance);
        let values = [9.0, 0.0, 1.0, 3.0, 0.0, 2.0, 0.0, 4.0, 0.0, 0.0, 1.0, 30.0];
        let counts = CsrCounts::from_dense(N_GENES, &values).unwrap();
        let g = [2.0f32, -2.0];
        let given = Conditions { cell: Some(&g), covariate: None };
        let rng = &mut seeded_rng(0, "importance");
        let found = vae.marginal_log_likelihood(&counts, &[0, 1], given, None, 5000, rng).unwrap();
        // The trapezoidal rule on [−8, 8].
        let z: Vec<f32> = (0..1601).map(|k| k as f32 * 0.01 - 8.0).collect();
        for (cell, found) in found.into_iter().enumerate() {
            let rates = rates(&vae, z.clone(), g[cell], counts.library_size(cell).ln());
            let mean = f64::from(MEAN * g[cell].signum());
            // The head bounds log variances by 10 tanh(v/10).
            let variance = (10.0 * f64::from(log_variance / 10.0).tanh()).exp();
            let integral: f64 = z
                .iter()
                .enumerate()
                .map(|(row, &z)| {
                    let square = (f64::from(z) - mean).powi(2) / variance;
                    let density =
                        (-0.5 * square).exp() / (2.0 * std::f64::consts::PI * variance).sqrt();
                    0.01 * density * rates.log_prob(row, counts.row(cell)).exp()
                })
                .sum();
            // The posterior is broad: 5,000 draws leave a standard error of about 0.02.
            assert!((found - integral.ln()).abs() < 0.08, "{found}, not {}", integral.ln());
        }
    }

    #[test]
    fn the_bound_of_a_batch_is_that_of_its_cells() {
        let vae = vae(-1.0);
        let values = [9.0, 0.0, 1.0, 3.0, 0.0, 2.0, 0.0, 4.0, 0.0, 0.0, 1.0, 30.0];
        let counts = CsrCounts::from_dense(N_GENES, &values).unwrap();
        let given = Conditions { cell: Some(&[2.0, -2.0]), covariate: None };
        let rng = || seeded_rng(1, "elbo");
        let each = vae
            .elbo_per_cell(&counts, &[0, 1], given, None, Draws::Samples(1), &mut rng())
            .unwrap();
        let batch = vae.elbo(&counts, &[0, 1], given, None, &mut rng()).unwrap();
        assert!((0.5 * (each[0].kl_z + each[1].kl_z) - batch.kl_z).abs() < 1e-5 * batch.kl_z);
        assert!((0.5 * (each[0].total() + each[1].total()) - batch.total()).abs() < 1e-4);
        // The prior is further away than N(0, I), from which N(0, e) is ½ (e − 2) = 0.36 nats.
        assert!(batch.kl_z > 2.0, "{batch:?}");
    }

    #[test]
    fn generation_draws_z_from_the_conditional_prior() {
        // e^−10 is next to no variance: all cells are made of one z.
        let vae = vae(-100.0);
        for g in [2.0f32, -2.0] {
            let cells = [g; 20];
            let given = Conditions { cell: Some(&cells), covariate: None };
            let found = vae.mean_rho(given, 20, None, &mut seeded_rng(2, "mean")).unwrap();
            let at = |z: f32| {
                let rates = rates(&vae, vec![z], g, 0.0);
                let mean = |gene| rates.entry(0, gene).get().mean();
                (0..N_GENES).map(mean).collect::<Vec<f64>>()
            };
            let far = |rho: &[f64]| {
                rho.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
            };
            let (right, wrong) = (far(&at(MEAN * g.signum())), far(&at(-MEAN * g.signum())));
            assert!(right < 0.01 && wrong > 0.03, "{right} {wrong}");
        }
    }
}
