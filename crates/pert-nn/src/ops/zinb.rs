//! The zero-inflated negative binomial.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, sigmoid};

use super::nb::{nb_derivatives, nb_value};
use super::special::{log1p, one_minus_exp, with_derivatives};

/// log ZINB(y; μ, θ, π) of every entry, in nats; π = sigmoid(`pi_logits`) is the dropout probability and θ the
/// **inverse** dispersion of the negative binomial part.
///
/// y = 0: logaddexp(log π, log(1−π) + log NB(0));
/// y > 0: log(1−π) + log NB(y), log(1−π) = log σ(−π̃), with π̃ the logits (Lopez et al. 2018, eq. 4–5).
///
/// Range and accuracy of value and gradients as in [`nb_log_prob`](super::nb_log_prob), for |π̃| ≤ 10⁴.
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
    let is_tracked = mu.is_autodiff() || theta.is_autodiff() || pi_logits.is_autodiff();
    let plain = |tensor: &Tensor<D>| tensor.clone().detach();
    let (plain_mu, plain_theta, logits) = (plain(&mu), plain(&theta), plain(&pi_logits));
    let is_zero = y.clone().equal_elem(0.0);
    let log_nb = nb_value(y.clone(), plain_mu.clone(), plain_theta.clone());
    let positive = log_nb.clone().add(log_sigmoid(logits.clone().neg()));
    let value = positive.mask_where(is_zero.clone(), log_zero(log_nb.clone(), logits.clone()));
    if !is_tracked {
        return value;
    }
    let [by_mu, by_theta] = nb_derivatives(y, plain_mu, plain_theta);
    // The probability that a zero is no dropout, and 1 for what is not zero.
    let share = sigmoid(log_nb.clone().sub(logits.clone()));
    let share = share.ones_like().mask_where(is_zero.clone(), share);
    let pi = sigmoid(logits.clone());
    // σ(a − l) − σ(a) = σ(a − l) σ(−a) (1 − e^l), l = log NB(0) ≤ 0.
    let log_nb = log_nb.mask_fill(is_zero.clone().bool_not(), 0.0);
    let at_zero = sigmoid(logits.clone().sub(log_nb.clone()))
        .mul(sigmoid(logits.neg()))
        .mul(one_minus_exp(log_nb));
    let by_logits = pi.neg().mask_where(is_zero, at_zero);
    let derivatives =
        [(mu, by_mu.mul(share.clone())), (theta, by_theta.mul(share)), (pi_logits, by_logits)];
    with_derivatives(value, derivatives)
}

/// log[π + (1−π) e^l], l = log NB(0): 1 − (1−π)(1 − e^l) where that is near 1, a sum of exponentials elsewhere.
fn log_zero<const D: usize>(log_nb: Tensor<D>, logits: Tensor<D>) -> Tensor<D> {
    let missing = sigmoid(logits.clone().neg()).mul(one_minus_exp(log_nb.clone()));
    let is_far = missing.clone().greater_elem(0.5);
    let near = log1p(missing.mask_fill(is_far.clone(), 0.0).neg());
    let (dropped, kept) = (log_sigmoid(logits.clone()), log_sigmoid(logits.neg()).add(log_nb)); // [n_cells, n_genes]
    let largest = dropped.clone().max_pair(kept.clone());
    let far = log1p(dropped.sub(kept).abs().neg().exp()).add(largest);
    near.mask_where(is_far, far)
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
