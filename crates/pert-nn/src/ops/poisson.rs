//! The Poisson distribution.

use burn::tensor::Tensor;

use super::special::{HALF_LN_2PI, log1p_minus_x, stirling_error, with_derivatives};

/// log Poisson(y; μ) of every entry, in nats.
///
/// log P = y log μ − μ − log Γ(y+1), for y > 0 in saddle-point form y log(μ/y) + y − μ − ½ log 2πy − S(y)
/// (Loader 2000), whose large terms do not cancel.
///
/// Range and accuracy of value and gradient as in [`nb_log_prob`](super::nb_log_prob).
///
/// # Shapes
/// - y, mu: `[n_cells, n_genes]` (any equal shapes); y ≥ 0 raw counts, mu > 0
/// - output: `[n_cells, n_genes]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::poisson_log_prob;
/// let tensor = |x: [f32; 2]| Tensor::<1>::from_data(x, &Device::default());
/// let log_p = poisson_log_prob(tensor([0.0, 2.0]), tensor([1.0, 1.0]));
/// let log_p: Vec<f64> = log_p.into_data().iter().collect();
/// // e⁻¹ and e⁻¹/2!.
/// assert!((log_p[0] + 1.0).abs() < 1e-6 && (log_p[1] + 1.0 + 2f64.ln()).abs() < 1e-6);
/// ```
pub fn poisson_log_prob<const D: usize>(y: Tensor<D>, mu: Tensor<D>) -> Tensor<D> {
    let plain = mu.clone().detach();
    let is_zero = y.clone().equal_elem(0.0);
    let positive = y.clone().mask_fill(is_zero.clone(), 1.0);
    let t = plain.clone().sub(positive.clone()).div(positive.clone());
    let deviance = log1p_minus_x(t, plain.clone().div(positive.clone())).mul(positive.clone());
    let half_log = positive.clone().log().mul_scalar(0.5).add_scalar(HALF_LN_2PI);
    let value = deviance.sub(half_log).sub(stirling_error(positive));
    let value = value.mask_where(is_zero, plain.clone().neg());
    if !mu.is_autodiff() {
        return value;
    }
    let by_mu = y.sub(plain.clone()).div(plain);
    with_derivatives(value, [(mu, by_mu)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_masses_sum_to_one() {
        let y: Vec<f32> = (0..500).map(|y| y as f32).collect();
        let y = Tensor::<1>::from_floats(y.as_slice(), &Device::default());
        for mu in [1e-3, 0.7, 12.0, 200.0] {
            let log_prob = poisson_log_prob(y.clone(), y.full_like(mu));
            let total: f64 = log_prob.into_data().iter::<f64>().map(f64::exp).sum();
            assert!((total - 1.0).abs() < 1e-5, "mu {mu}: {total}");
        }
    }
}
