//! The forward process q, its posterior and the simple training loss.

use burn::tensor::Tensor;

use crate::denoiser::{Condition, Denoiser};
use crate::parameterization::{NoiseLevel, Parameterization};
use crate::schedule::Schedule;

/// A draw of q(x_t | x_0): x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε (Ho et al. 2020, equation 4).
///
/// # Shapes
/// `x0`, `noise`, output: `[n, d]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{NoiseLevel, Schedule, ScheduleConfig, q_sample};
/// let (schedule, device) = (Schedule::new(&ScheduleConfig::default())?, Device::default());
/// let level = NoiseLevel::new(&schedule, &[500], &device);
/// let (x0, noise) = (Tensor::ones([1, 2], &device), Tensor::zeros([1, 2], &device));
/// let x_t: Vec<f64> = q_sample(x0, noise, &level).into_data().iter().collect();
/// assert!((x_t[0] - schedule.alpha_bar(500).sqrt()).abs() < 1e-6);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
pub fn q_sample(x0: Tensor<2>, noise: Tensor<2>, level: &NoiseLevel) -> Tensor<2> {
    x0 * level.signal.clone() + noise * level.sigma.clone()
}

/// Mean and variance of q(x_{t−1} | x_t, x_0) (Ho et al. 2020, equations 6 and 7), one step `t` for all rows.
///
/// # Shapes
/// `x0`, `x_t`, mean: `[n, d]`; the variance is the same for all entries.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{Schedule, ScheduleConfig, q_posterior};
/// let (schedule, device) = (Schedule::new(&ScheduleConfig::default())?, Device::default());
/// let (x0, x_t) = (Tensor::<2>::ones([1, 2], &device), Tensor::zeros([1, 2], &device));
/// // Before the first step lies x_0 itself.
/// let (mean, variance) = q_posterior(x0.clone(), x_t, 0, &schedule);
/// assert!((mean - x0).abs().max().into_scalar::<f32>() < 1e-6);
/// assert_eq!(variance, 0.0);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
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
/// `batch`: as its fields say; output: `[1]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{
///     Condition, Denoiser, NoisedBatch, Parameterization, Schedule, ScheduleConfig, l_simple,
/// };
///
/// /// Predicts 0 whatever it sees.
/// struct Zero;
/// impl Denoiser for Zero {
///     fn predict(&self, x_t: Tensor<2>, _: &[usize], _: Condition) -> Tensor<2> {
///         x_t.zeros_like()
///     }
/// }
/// let device = Device::default();
/// let noise = Tensor::<2>::from_data([[1.0, -2.0, 2.0]], &device);
/// let x0 = Tensor::ones([1, 3], &device);
/// let batch = NoisedBatch { x0, noise, t: &[7], cond: Condition::Null };
/// let schedule = Schedule::new(&ScheduleConfig::default())?;
/// let loss = l_simple(&Zero, batch, Parameterization::Epsilon, &schedule);
/// // What is left is the mean square of the noise.
/// assert!((loss.into_scalar::<f32>() - (1.0 + 4.0 + 4.0) / 3.0).abs() < 1e-6);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
pub fn l_simple<D: Denoiser>(
    denoiser: &D,
    batch: NoisedBatch<'_>,
    parameterization: Parameterization,
    schedule: &Schedule,
) -> Tensor<1> {
    squared_errors(denoiser, batch, parameterization, schedule).mean()
}

/// The squared error of every entry of the denoiser's output, `[n, d]`.
pub(crate) fn squared_errors<D: Denoiser + ?Sized>(
    denoiser: &D,
    batch: NoisedBatch<'_>,
    parameterization: Parameterization,
    schedule: &Schedule,
) -> Tensor<2> {
    let NoisedBatch { x0, noise, t, cond } = batch;
    let level = NoiseLevel::new(schedule, t, &x0.device());
    let x_t = q_sample(x0.clone(), noise.clone(), &level);
    let target = parameterization.target(x0, noise, &level);
    (denoiser.predict(x_t, t, cond) - target).square()
}
