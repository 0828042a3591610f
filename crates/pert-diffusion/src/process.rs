//! The forward process q, its posterior and the simple training loss.

use burn::tensor::Tensor;

use crate::denoiser::{Condition, Denoiser};
use crate::parameterization::{NoiseLevel, Parameterization};
use crate::schedule::Schedule;

/// A draw of q(x_t | x_0): x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε (Ho et al. 2020, equation 4).
///
/// # Shapes
/// `x0`, `noise`, output: `[n, d]`.
pub fn q_sample(x0: Tensor<2>, noise: Tensor<2>, level: &NoiseLevel) -> Tensor<2> {
    x0 * level.signal.clone() + noise * level.sigma.clone()
}

/// Mean `[n, d]` and variance of q(x_{t−1} | x_t, x_0) (Ho et al. 2020, equations 6 and 7), one step `t` for all rows.
pub fn q_posterior(
    x0: Tensor<2>,
    x_t: Tensor<2>,
    t: usize,
    schedule: &Schedule,
) -> (Tensor<2>, f64) {
    let mean = x0.mul_scalar(schedule.posterior_mean_x0(t))
        + x_t.mul_scalar(schedule.posterior_mean_xt(t));
    (mean, schedule.posterior_variance(t))
}

/// Rows to be noised and denoised again: the arguments of [`l_simple`].
#[derive(Debug, Clone)]
pub struct NoisedBatch<'a> {
    /// Clean rows, `[n, d]`.
    pub x0: Tensor<2>,
    /// Standard normal noise, `[n, d]`.
    pub noise: Tensor<2>,
    /// Step of every row, n of them.
    pub t: &'a [usize],
    /// Condition of every row.
    pub cond: Condition,
}

/// L_simple (Ho et al. 2020, equation 14): the squared error of the denoiser's output, averaged over rows *and*
/// dimensions (the paper's norm is d times as large).
///
/// # Shapes
/// Output: `[1]`.
pub fn l_simple<D: Denoiser>(
    denoiser: &D,
    batch: NoisedBatch<'_>,
    parameterization: Parameterization,
    schedule: &Schedule,
) -> Tensor<1> {
    let NoisedBatch { x0, noise, t, cond } = batch;
    let level = NoiseLevel::new(schedule, t, &x0.device());
    let x_t = q_sample(x0.clone(), noise.clone(), &level);
    let target = parameterization.target(x0, noise, &level);
    (denoiser.predict(x_t, t, cond) - target).square().mean()
}
