//! The zero-inflated negative binomial.

use burn::tensor::{Tensor, activation::log_sigmoid};

use super::nb::{nb_log_positive, nb_log_zero};

/// log ZINB(y; μ, θ, π) of every entry, in nats; π = sigmoid(`pi_logits`) is the dropout probability and θ the
/// **inverse** dispersion of the negative binomial part.
///
/// y = 0: logaddexp(log π, log(1−π) + log NB(0)) = log σ(π̃) − log σ(π̃ − log NB(0));
/// y > 0: log(1−π) + log NB(y), log(1−π) = log σ(−π̃), with π̃ the logits (Lopez et al. 2018, eq. 4–5).
///
/// # Shapes
/// - y, mu, pi_logits: `[n_cells, n_genes]` (any equal shapes); y ≥ 0 raw counts, mu > 0
/// - theta: the same, or broadcast (`[1, n_genes]`); > 0
/// - output: `[n_cells, n_genes]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::zinb_log_prob;
/// let tensor = |x: f32| Tensor::<1>::from_data([x], &Device::default());
/// // Dropout of one half, θ = 1, μ = 3: P(0) = ½ + ½ · ¼.
/// let log_p = zinb_log_prob(tensor(0.0), tensor(3.0), tensor(1.0), tensor(0.0));
/// assert!((log_p.into_scalar::<f32>().exp() - 0.625).abs() < 1e-6);
/// ```
pub fn zinb_log_prob<const D: usize>(
    y: Tensor<D>,
    mu: Tensor<D>,
    theta: Tensor<D>,
    pi_logits: Tensor<D>,
) -> Tensor<D> {
    let is_zero = y.clone().equal_elem(0.0);
    let nb_zero = nb_log_zero(mu.clone(), theta.clone());
    let zero = log_sigmoid(pi_logits.clone()).sub(log_sigmoid(pi_logits.clone().sub(nb_zero)));
    let positive = nb_log_positive(y, is_zero.clone(), mu, theta).add(log_sigmoid(pi_logits.neg()));
    positive.mask_where(is_zero, zero)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_masses_sum_to_one() {
        let y: Vec<f32> = (0..2000).map(|y| y as f32).collect();
        let y = Tensor::<1>::from_floats(y.as_slice(), &Device::default());
        for (mu, theta, pi) in
            [(0.01, 0.2, -3.0), (1.0, 0.5, 0.0), (20.0, 50.0, 2.0), (3.0, 1e4, -20.0)]
        {
            let log_prob =
                zinb_log_prob(y.clone(), y.full_like(mu), y.full_like(theta), y.full_like(pi));
            let total: f64 = log_prob.into_data().iter::<f64>().map(f64::exp).sum();
            assert!((total - 1.0).abs() < 1e-5, "mu {mu}, theta {theta}, pi {pi}: {total}");
        }
    }
}
