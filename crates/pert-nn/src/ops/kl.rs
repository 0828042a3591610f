//! Kullback–Leibler divergences of diagonal normals.

use burn::tensor::Tensor;

/// KL(N(m, e^v) ‖ N(0, 1)) of every entry, in nats: ½ (e^v + m² − 1 − v), v the log variance.
///
/// # Shapes
/// - mean, log_variance, output: `[..]`, equal
pub fn kl_normal_standard<const D: usize>(mean: Tensor<D>, log_variance: Tensor<D>) -> Tensor<D> {
    let square = mean.clone().mul(mean);
    log_variance.clone().exp().add(square).sub(log_variance).sub_scalar(1.0).mul_scalar(0.5)
}

/// KL(N(m, e^v) ‖ N(m₀, e^{v₀})) of every entry, in nats: ½ (e^{v−v₀} + (m−m₀)² e^{−v₀} − 1 − (v−v₀)).
///
/// # Shapes
/// - all: `[..]`, equal or broadcast
pub fn kl_normal<const D: usize>(
    mean: Tensor<D>,
    log_variance: Tensor<D>,
    prior_mean: Tensor<D>,
    prior_log_variance: Tensor<D>,
) -> Tensor<D> {
    let standardised = mean.sub(prior_mean).mul(prior_log_variance.clone().mul_scalar(-0.5).exp());
    kl_normal_standard(standardised, log_variance.sub(prior_log_variance))
}
