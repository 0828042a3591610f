//! The negative binomial in mean and inverse dispersion.

use burn::tensor::{Bool, Tensor};

use super::special::{HALF_LN_2PI, log_ratio, stirling_error};

/// log NB(y; μ, θ) of every entry, in nats; θ is the **inverse** dispersion: variance μ + μ²/θ.
///
/// log NB = log Γ(y+θ) − log Γ(θ) − log Γ(y+1) + θ log(θ/(θ+μ)) + y log(μ/(θ+μ)), for y > 0 in saddle-point
/// form (Loader 2000), where no two large terms are left to cancel:
///
/// log NB = −θ log((θ+μ)/(θ+y)) − y log(y(θ+μ)/(μ(θ+y))) − ½ log 2πy(1+y/θ) + S(y+θ) − S(θ) − S(y),
/// and −θ log(1+μ/θ) for y = 0; S is [`stirling_error`](super::stirling_error).
///
/// # Shapes
/// - y, mu: `[n_cells, n_genes]` (any equal shapes); y ≥ 0 raw counts, mu > 0
/// - theta: the same, or broadcast (`[1, n_genes]`); > 0
/// - output: `[n_cells, n_genes]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::nb_log_prob;
/// let tensor = |x| Tensor::<1>::from_data([x, x], &Device::default());
/// let y = Tensor::<1>::from_data([0.0, 2.0], &Device::default());
/// // θ = 1 is the geometric distribution: with μ = 3, P(y) = ¼ · (¾)^y.
/// let p: Vec<f64> = nb_log_prob(y, tensor(3.0), tensor(1.0)).exp().into_data().iter().collect();
/// assert!((p[0] - 0.25).abs() < 1e-6 && (p[1] - 0.25 * 0.75 * 0.75).abs() < 1e-6);
/// ```
pub fn nb_log_prob<const D: usize>(y: Tensor<D>, mu: Tensor<D>, theta: Tensor<D>) -> Tensor<D> {
    let is_zero = y.clone().equal_elem(0.0);
    let zero = nb_log_zero(mu.clone(), theta.clone());
    nb_log_positive(y, is_zero.clone(), mu, theta).mask_where(is_zero, zero)
}

/// log NB(0; μ, θ) = −θ log(1 + μ/θ).
pub(super) fn nb_log_zero<const D: usize>(mu: Tensor<D>, theta: Tensor<D>) -> Tensor<D> {
    mu.div(theta.clone()).log1p().mul(theta).neg()
}

/// log NB(y; μ, θ) where y > 0; finite and meaningless where `is_zero`.
pub(super) fn nb_log_positive<const D: usize>(
    y: Tensor<D>,
    is_zero: Tensor<D, Bool>,
    mu: Tensor<D>,
    theta: Tensor<D>,
) -> Tensor<D> {
    let y = y.mask_fill(is_zero, 1.0);
    let n = y.clone().add(theta.clone());
    let difference = mu.clone().sub(y.clone());
    let total = theta.clone().add(mu.clone());
    let failures = log_ratio(total.clone(), n.clone(), difference.clone()).mul(theta.clone());
    let successes =
        log_ratio(total.mul(y.clone()), n.clone().mul(mu), difference.neg().mul(theta.clone()))
            .mul(y.clone());
    let spread = y.clone().div(theta.clone()).log1p().add(y.clone().log()).mul_scalar(0.5);
    stirling_error(n)
        .sub(stirling_error(theta))
        .sub(stirling_error(y))
        .sub(spread.add_scalar(HALF_LN_2PI))
        .sub(failures)
        .sub(successes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_masses_sum_to_one() {
        let device = Device::default();
        for (mu, theta) in [(0.01, 0.2), (1.0, 0.5), (5.0, 3.0), (20.0, 50.0), (3.0, 1e4)] {
            let y: Vec<f32> = (0..2000).map(|y| y as f32).collect();
            let y = Tensor::<1>::from_floats(y.as_slice(), &device);
            let log_prob = nb_log_prob(y.clone(), y.full_like(mu), y.full_like(theta));
            let total: f64 = log_prob.into_data().iter::<f64>().map(f64::exp).sum();
            assert!((total - 1.0).abs() < 1e-5, "mu {mu}, theta {theta}: {total}");
        }
    }
}
