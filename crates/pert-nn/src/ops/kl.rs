//! Kullback–Leibler divergences of diagonal normals.

use burn::tensor::Tensor;

/// KL(N(m, e^v) ‖ N(0, 1)) of every entry, in nats: ½ (e^v + m² − 1 − v), v the log variance.
///
/// # Shapes
/// - mean, log_variance, output: `[..]`, equal
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::kl_normal_standard;
/// let device = Device::default();
/// let mean = Tensor::<1>::from_data([0.0, 1.0], &device);
/// let kl = kl_normal_standard(mean, Tensor::zeros([2], &device));
/// assert_eq!(kl.into_data().iter::<f64>().collect::<Vec<_>>(), [0.0, 0.5]);
/// ```
pub fn kl_normal_standard<const D: usize>(mean: Tensor<D>, log_variance: Tensor<D>) -> Tensor<D> {
    let square = mean.clone().mul(mean);
    log_variance.clone().exp().add(square).sub(log_variance).sub_scalar(1.0).mul_scalar(0.5)
}

/// KL(N(m, e^v) ‖ N(m₀, e^{v₀})) of every entry, in nats: ½ (e^{v−v₀} + (m−m₀)² e^{−v₀} − 1 − (v−v₀)).
///
/// # Shapes
/// - all: `[..]`, equal or broadcast
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::kl_normal;
/// let tensor = |x: [f32; 2]| Tensor::<1>::from_data(x, &Device::default());
/// // The same normal; then means 2 apart at variance 1.
/// let (mean, prior_mean) = (tensor([3.0, 3.0]), tensor([3.0, 1.0]));
/// let kl = kl_normal(mean, tensor([0.0; 2]), prior_mean, tensor([0.0; 2]));
/// assert_eq!(kl.into_data().iter::<f64>().collect::<Vec<_>>(), [0.0, 2.0]);
/// ```
pub fn kl_normal<const D: usize>(
    mean: Tensor<D>,
    log_variance: Tensor<D>,
    prior_mean: Tensor<D>,
    prior_log_variance: Tensor<D>,
) -> Tensor<D> {
    let standardised = mean.sub(prior_mean).mul(prior_log_variance.clone().mul_scalar(-0.5).exp());
    kl_normal_standard(standardised, log_variance.sub(prior_log_variance))
}
