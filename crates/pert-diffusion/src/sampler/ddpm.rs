//! Ancestral sampling through every step.

use burn::tensor::Tensor;

use super::{X0Clip, denoise};
use crate::parameterization::{NoiseLevel, Parameterization};
use crate::process::q_posterior;
use crate::schedule::Schedule;

/// Draws x_0 through all T steps (Ho et al. 2020, algorithm 2, with variance β̃_t): at every step x_{t−1} is drawn
/// from q(x_{t−1} | x_t, x̂_0).
///
/// `model` gives the raw output for `x_t` at a step; `noise` gives fresh N(0, I) values of the shape of `initial` and
/// is called T − 1 times.
///
/// # Shapes
/// `initial` (N(0, I) values), output: `[n, d]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_diffusion::{Parameterization, Schedule, ScheduleConfig, ddpm};
/// use pert_nn::standard_normal;
/// let schedule = Schedule::new(&ScheduleConfig { n_steps: 20, ..Default::default() })?;
/// let (device, mut rng) = (Device::default(), seeded_rng(0, "example"));
/// // A model that knows that every row is (3, 3), asked for x_0.
/// let model = |x_t: Tensor<2>, _t| x_t.full_like(3.0);
/// let initial = standard_normal([5, 2], &mut rng, &device);
/// let noise = || standard_normal([5, 2], &mut rng, &device);
/// let x0 = ddpm(model, &schedule, Parameterization::X0, None, initial, noise);
/// assert!((x0 - 3.0).abs().max().into_scalar::<f32>() < 1e-5);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
pub fn ddpm(
    mut model: impl FnMut(Tensor<2>, usize) -> Tensor<2>,
    schedule: &Schedule,
    parameterization: Parameterization,
    clip: Option<&X0Clip>,
    initial: Tensor<2>,
    mut noise: impl FnMut() -> Tensor<2>,
) -> Tensor<2> {
    let mut x = initial;
    for t in (0..schedule.n_steps()).rev() {
        let level = NoiseLevel::new(schedule, &[t], &x.device());
        let output = model(x.clone(), t);
        let (x0, _) = denoise(output, x.clone(), &level, parameterization, clip);
        let (mean, variance) = q_posterior(x0, x, t, schedule);
        x = if t > 0 { mean + noise().mul_scalar(variance.sqrt()) } else { mean };
    }
    x
}
