//! How much a step counts in the training loss.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::denoiser::Denoiser;
use crate::error::Error;
use crate::parameterization::Parameterization;
use crate::process::{NoisedBatch, squared_errors};
use crate::schedule::Schedule;

/// Weight of a step in the squared error of the network's own output.
///
/// The same network error counts differently in ε, x_0, v and u: ‖x_0 error‖² = ‖ε error‖²/SNR = ‖v error‖²/(SNR + 1) =
/// ‖u error‖²/(√SNR + 1)².
/// Min-SNR-γ (Hang et al. 2023, equations 4 to 7) weighs x_0 errors by min(SNR, γ):
///
/// | output | weight |
/// |---|---|
/// | x_0 | min(SNR, γ) |
/// | ε | min(SNR, γ)/SNR |
/// | v | min(SNR, γ)/(SNR + 1) |
/// | u | min(SNR, γ)/(√SNR + 1)² |
///
/// ```
/// use pert_diffusion::{LossWeighting, Parameterization};
/// let weighting = LossWeighting::MinSnr { gamma: 5.0 };
/// assert_eq!(weighting.weight(Parameterization::X0, 20.0)?, 5.0);
/// assert_eq!(weighting.weight(Parameterization::Epsilon, 20.0)?, 0.25);
/// assert_eq!(weighting.weight(Parameterization::V, 4.0)?, 0.8);
/// assert_eq!(LossWeighting::Uniform.weight(Parameterization::V, 4.0)?, 1.0);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LossWeighting {
    /// 1 at every step: L_simple (Ho et al. 2020, equation 14).
    #[default]
    Uniform,
    /// Min-SNR-γ.
    MinSnr {
        /// γ, above 0; 5 in the paper.
        gamma: f64,
    },
}

impl LossWeighting {
    /// Checks γ.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a γ that is not above 0 and finite.
    pub fn check(self) -> Result<(), Error> {
        match self {
            Self::MinSnr { gamma } if !(gamma > 0.0 && gamma.is_finite()) => {
                Err(Error::setting("gamma of the loss weighting", "above 0 and finite", gamma))
            }
            _ => Ok(()),
        }
    }

    /// The weight where the signal-to-noise ratio is `snr`.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds.
    pub fn weight(self, parameterization: Parameterization, snr: f64) -> Result<f64, Error> {
        self.check()?;
        let Self::MinSnr { gamma } = self else { return Ok(1.0) };
        Ok(match parameterization {
            Parameterization::X0 => snr.min(gamma),
            // As min(1, γ/SNR), which is 1 also where no signal is left.
            Parameterization::Epsilon => (gamma / snr).min(1.0),
            Parameterization::V => snr.min(gamma) / (snr + 1.0),
            Parameterization::Flow => snr.min(gamma) / (snr.sqrt() + 1.0).powi(2),
        })
    }

    /// The weights of rows at steps `t`.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds.
    pub fn weights(
        self,
        parameterization: Parameterization,
        t: &[usize],
        schedule: &Schedule,
    ) -> Result<Vec<f64>, Error> {
        t.iter().map(|&t| self.weight(parameterization, schedule.snr(t))).collect()
    }
}

/// The squared error of the denoiser's output, averaged over dimensions, of every row: L_simple before the average
/// over rows.
///
/// # Shapes
/// `batch`: as its fields say; output: `[n]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{
///     Condition, Denoiser, LossHistory, LossWeighting, NoisedBatch, Parameterization, Schedule,
///     ScheduleConfig, row_losses, seeded_rng, weighted_mean,
/// };
///
/// /// Predicts 0 whatever it sees.
/// struct Zero;
/// impl Denoiser for Zero {
///     fn predict(&self, x_t: Tensor<2>, _: &[usize], _: Condition) -> Tensor<2> {
///         x_t.zeros_like()
///     }
/// }
/// let (device, kind) = (Device::default(), Parameterization::Epsilon);
/// let schedule = Schedule::new(&ScheduleConfig::default())?;
/// // Steps drawn by importance, weighted by min-SNR-γ.
/// let mut history = LossHistory::new(schedule.n_steps())?;
/// let (t, importance) = history.draw(2, &mut seeded_rng(0, "steps"));
/// let weighting = LossWeighting::MinSnr { gamma: 5.0 }.weights(kind, &t, &schedule)?;
/// let noise = Tensor::<2>::from_data([[1.0, -2.0], [0.0, 2.0]], &device);
/// let x0 = Tensor::ones([2, 2], &device);
/// let losses =
///     row_losses(&Zero, NoisedBatch { x0, noise, t: &t, cond: Condition::Null }, kind, &schedule);
/// let each: Vec<f64> = losses.to_data().iter().collect();
/// assert_eq!(each, [2.5, 2.0]);
/// history.update(&t, &each)?;
/// let weights: Vec<f64> = importance.iter().zip(&weighting).map(|(a, b)| a * b).collect();
/// let loss = weighted_mean(losses, &weights)?; // [1], to be minimised
/// # assert!(loss.into_scalar::<f32>() > 0.0);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
pub fn row_losses<D: Denoiser + ?Sized>(
    denoiser: &D,
    batch: NoisedBatch<'_>,
    parameterization: Parameterization,
    schedule: &Schedule,
) -> Tensor<1> {
    squared_errors(denoiser, batch, parameterization, schedule).mean_dim(1).squeeze_dim(1)
}

/// (1/n) Σ weight · loss.
///
/// # Shapes
/// `losses`: `[n]`; output: `[1]`.
///
/// # Errors
/// [`Error::LengthMismatch`] when there is not one weight per loss.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// let losses = Tensor::<1>::from_data([1.0, 2.0], &Device::default());
/// let loss = pert_diffusion::weighted_mean(losses, &[3.0, 0.5])?;
/// assert_eq!(loss.into_scalar::<f32>(), 2.0);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
pub fn weighted_mean(losses: Tensor<1>, weights: &[f64]) -> Result<Tensor<1>, Error> {
    let [n] = losses.dims();
    Error::check_length("weights (one per row)", n, weights.len())?;
    let values: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
    let weights = Tensor::<1>::from_data(TensorData::new(values, [n]), &losses.device());
    Ok((losses * weights).mean())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{ScheduleConfig, TerminalSnr};

    /// An error δ of x_0 costs the same whatever the network puts out.
    #[test]
    fn one_error_costs_the_same_in_every_parameterisation() {
        let schedule = Schedule::new(&ScheduleConfig::default()).expect("valid");
        let weighting = LossWeighting::MinSnr { gamma: 5.0 };
        for t in [0, 1, 100, 500, 998, 999] {
            let snr = schedule.snr(t);
            let cost = |p, scale: f64| weighting.weight(p, snr).expect("valid") * scale;
            let x0 = cost(Parameterization::X0, 1.0);
            for (p, scale) in [
                (Parameterization::Epsilon, snr),
                (Parameterization::V, snr + 1.0),
                (Parameterization::Flow, (snr.sqrt() + 1.0).powi(2)),
            ] {
                assert!((cost(p, scale) - x0).abs() < 1e-9 * x0, "{p:?} at {t}");
            }
        }
    }

    #[test]
    fn weights_are_finite_without_any_signal() {
        let config = ScheduleConfig { terminal_snr: TerminalSnr::Zero, ..Default::default() };
        let schedule = Schedule::new(&config).expect("valid");
        for p in [Parameterization::Epsilon, Parameterization::X0, Parameterization::V] {
            for weighting in [LossWeighting::Uniform, LossWeighting::MinSnr { gamma: 5.0 }] {
                let weights = weighting.weights(p, &[0, 998, 999], &schedule).expect("valid");
                assert!(weights.iter().all(|w| w.is_finite() && *w >= 0.0), "{weights:?}");
            }
        }
    }

    #[test]
    fn a_gamma_out_of_range_is_named() {
        for gamma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                LossWeighting::MinSnr { gamma }.weight(Parameterization::V, 1.0),
                Err(Error::setting("gamma of the loss weighting", "above 0 and finite", gamma))
            );
        }
    }
}
