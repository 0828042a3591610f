//! Flow matching: the straight path from rows to noise, as an alternative to diffusion.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::denoiser::Denoiser;
use crate::error::Error;
use crate::process::NoisedBatch;
use crate::rows::Rows;

/// How the flow is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowMethod {
    /// x' = x + (τ' − τ) u(x, τ): first order, one velocity per step.
    Euler,
    /// x' = x + (τ' − τ) u(x + (τ_m − τ) u(x, τ), τ_m), τ_m half way: second order, two velocities per step.
    #[default]
    Midpoint,
}

/// x_τ = (1 − τ) x_0 + τ ε with velocity u = dx/dτ = ε − x_0 (Lipman et al. 2023, section 4.1, example II with σ_min
/// = 0 and time reversed, so that noise lies at the large times as in diffusion).
///
/// Times are steps of a grid, as every [`Denoiser`] takes them: τ_t = (t + 1)/T, and x_0 itself before t = 0. A
/// network puts out u; nothing else changes.
///
/// ```
/// use pert_diffusion::{FlowMethod, StraightPath};
/// let path = StraightPath::new(1000)?;
/// // Rows that are all 3: at time τ the velocity is (x − 3)/τ.
/// let model = |x: Vec<f64>, t: usize| -> Vec<f64> {
///     x.iter().map(|x| (x - 3.0) / path.time(t)).collect()
/// };
/// let x0 = path.sample(FlowMethod::Euler, 4, model, vec![0.5, -1.0])?;
/// assert!(x0.iter().all(|x| (x - 3.0).abs() < 1e-12));
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StraightPath {
    n_steps: usize,
}

impl StraightPath {
    /// A grid of T times.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for T = 0.
    pub fn new(n_steps: usize) -> Result<Self, Error> {
        if n_steps == 0 {
            return Err(Error::setting("n_steps", "at least 1", n_steps));
        }
        Ok(Self { n_steps })
    }

    /// τ_t = (t + 1)/T.
    pub fn time(&self, t: usize) -> f64 {
        (t + 1) as f64 / self.n_steps as f64
    }

    /// x_τ of rows, each at its own step (or all at one).
    ///
    /// # Shapes
    /// `x0`, `noise`, output: `[n, d]`; `t`: n steps, or one.
    pub fn interpolate(&self, x0: Tensor<2>, noise: Tensor<2>, t: &[usize]) -> Tensor<2> {
        let time = self.times(t, &x0.device()); // [n or 1, 1]
        x0 * time.clone().neg().add_scalar(1.0) + noise * time
    }

    /// The squared error of the velocity, averaged over rows and dimensions (Lipman et al. 2023, equation 23).
    ///
    /// # Shapes
    /// `batch`: as its fields say; output: `[1]`.
    pub fn loss<D: Denoiser + ?Sized>(&self, denoiser: &D, batch: NoisedBatch<'_>) -> Tensor<1> {
        let NoisedBatch { x0, noise, t, cond } = batch;
        let x_t = self.interpolate(x0.clone(), noise.clone(), t);
        (denoiser.predict(x_t, t, cond) - (noise - x0)).square().mean()
    }

    /// Follows the flow from noise to rows in `steps` even steps (rounded to the grid).
    ///
    /// # Shapes
    /// `initial` (N(0, I) values), output: `[n, d]`.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for 0 steps; [`Error::TooManySteps`] for more steps than the grid has times (for the
    /// midpoint method, than half of them).
    pub fn sample<R: Rows>(
        &self,
        method: FlowMethod,
        steps: usize,
        mut model: impl FnMut(R, usize) -> R,
        initial: R,
    ) -> Result<R, Error> {
        if steps == 0 {
            return Err(Error::setting("sampling steps", "at least 1", steps));
        }
        let per_step = match method {
            FlowMethod::Euler => 1,
            FlowMethod::Midpoint => 2,
        };
        let n_steps = self.n_steps;
        let available = n_steps / per_step;
        if steps > available {
            return Err(Error::TooManySteps { steps, start: 1.0, n_steps, available });
        }
        let n = steps * per_step;
        // Grid points counted from x_0, from T down to 0.
        let point = |i: usize| ((n - i) as f64 * n_steps as f64 / n as f64).round() as usize;
        let time = |i: usize| point(i) as f64 / n_steps as f64;
        let mut x = initial;
        for i in (0..n).step_by(per_step) {
            let velocity = model(x.clone(), point(i) - 1);
            let velocity = match method {
                FlowMethod::Euler => velocity,
                FlowMethod::Midpoint => {
                    let middle = R::combine(&[(1.0, &x), (time(i + 1) - time(i), &velocity)]);
                    model(middle, point(i + 1) - 1)
                }
            };
            x = R::combine(&[(1.0, &x), (time(i + per_step) - time(i), &velocity)]);
        }
        Ok(x)
    }

    fn times(&self, t: &[usize], device: &Device) -> Tensor<2> {
        let values: Vec<f32> = t.iter().map(|&t| self.time(t) as f32).collect();
        Tensor::from_data(TensorData::new(values, [t.len(), 1]), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows from N(mean, deviation²): u = E[ε − x_0 | x_τ], and the flow keeps quantiles.
    fn error(method: FlowMethod, steps: usize) -> f64 {
        let (mean, deviation) = (0.8, 0.5f64);
        let path = StraightPath::new(1 << 16).expect("valid");
        let model = |x: Vec<f64>, t: usize| -> Vec<f64> {
            let time = path.time(t);
            let variance = ((1.0 - time) * deviation).powi(2) + time * time;
            let slope = (time - (1.0 - time) * deviation * deviation) / variance;
            x.into_iter().map(|x| slope * (x - (1.0 - time) * mean) - mean).collect()
        };
        let initial = vec![-1.5, -0.3, 0.4, 2.0];
        let x0 = path.sample(method, steps, model, initial.clone()).expect("fits");
        let squares = x0.iter().zip(&initial).map(|(x, z)| (x - mean - deviation * z).powi(2));
        (squares.sum::<f64>() / 4.0).sqrt()
    }

    #[test]
    fn euler_is_of_first_and_midpoint_of_second_order_at_least() {
        for (method, expected) in [(FlowMethod::Euler, 1.0), (FlowMethod::Midpoint, 2.0)] {
            let errors: Vec<f64> = [16, 32, 64, 128].map(|n| error(method, n)).to_vec();
            println!("{method:?}: {errors:?}");
            for w in errors.windows(2) {
                let order = (w[0] / w[1]).log2();
                // On a Gaussian the midpoint method is one order better than promised.
                assert!(order > expected - 0.25, "{method:?}: {order} of {errors:?}");
            }
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        assert_eq!(StraightPath::new(0), Err(Error::setting("n_steps", "at least 1", 0)));
        let path = StraightPath::new(10).expect("valid");
        let refused = |method, steps| {
            path.sample(method, steps, |x: Vec<f64>, _| x, vec![0.0]).expect_err("")
        };
        let none = Error::setting("sampling steps", "at least 1", 0);
        assert_eq!(refused(FlowMethod::Euler, 0), none);
        assert_eq!(
            refused(FlowMethod::Midpoint, 6),
            Error::TooManySteps { steps: 6, start: 1.0, n_steps: 10, available: 5 }
        );
    }
}
