//! From rows back to the noise they come from.

use serde::{Deserialize, Serialize};

use super::level::levels;
use super::{ReverseProcess, Timesteps};
use crate::error::Error;
use crate::rows::Rows;

/// DDIM run backwards: x_0 → the noise from which [`Ddim`](super::Ddim) with η = 0 and the same `timesteps` draws it.
///
/// Sampling from that noise under another condition gives a counterfactual: the same cell, another perturbation.
///
/// A step of DDIM is x' = (a'/a) x + (σ' − σ a'/a) ε̂(x). Backwards, x stands on both sides of
///
/// x = (a/a') x' + (σ − σ' a/a') ε̂(x)
///
/// and is found by repeated substitution, starting at x = x'. One substitution is the usual approximate inversion
/// (Song et al. 2021, section 4.3); more make it exact (Pan et al. 2023), by a factor of at most 1 − (σ'/a')/(σ/a)
/// each where ε̂ is that of Gaussian rows.
///
/// ```
/// use pert_diffusion::{
///     Ddim, Inversion, Parameterization, ReverseProcess, Schedule, ScheduleConfig,
/// };
/// let schedule = Schedule::new(&ScheduleConfig::default())?;
/// // Exact for rows from N(mean, 0.25), with another mean under another condition.
/// let model = |mean: f64| {
///     let schedule = &schedule;
///     move |x_t: Vec<f64>, t: usize| -> Vec<f64> {
///         let (a, s) = (schedule.alpha_bar(t).sqrt(), schedule.noise_variance(t));
///         x_t.iter().map(|x| mean + a * 0.25 / (a * a * 0.25 + s) * (x - a * mean)).collect()
///     }
/// };
/// let process = ReverseProcess::new(&schedule, Parameterization::X0);
/// let noise = process.invert(&Inversion::default(), model(0.0), vec![0.3])?;
/// let sample = |mean| process.sample(&Ddim::default(), model(mean), noise.clone(), || unreachable!());
/// assert!((sample(0.0)?[0] - 0.3).abs() < 1e-3);
/// // Under the other condition: as far from its mean (and 0.97 T keeps a little of the old one).
/// assert!((sample(2.0)?[0] - 2.3).abs() < 0.1);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inversion {
    /// The steps of the sampler to be inverted.
    pub timesteps: Timesteps,
    /// Substitutions per step, at least 1; the model is asked once in each. Default 10.
    pub substitutions: usize,
}

impl Default for Inversion {
    fn default() -> Self {
        Self { timesteps: Timesteps::default(), substitutions: 10 }
    }
}

impl ReverseProcess<'_> {
    /// The noise from which DDIM draws `x0`.
    ///
    /// # Shapes
    /// `x0`, output: `[n, d]`.
    ///
    /// # Errors
    /// What [`Timesteps::visited`] finds, no substitutions, and the ε-form at a step without any signal.
    pub fn invert<R: Rows>(
        &self,
        inversion: &Inversion,
        mut model: impl FnMut(R, usize) -> R,
        x0: R,
    ) -> Result<R, Error> {
        let substitutions = inversion.substitutions;
        if substitutions == 0 {
            return Err(Error::setting("substitutions", "at least 1", substitutions));
        }
        let levels = levels(&inversion.timesteps, self.schedule)?;
        for (t, ..) in &levels {
            self.check_output(*t)?;
        }
        let mut below = x0;
        for (t, now, next) in levels.into_iter().rev() {
            let scale = now.signal() / next.signal();
            let of_noise = now.sigma() - next.sigma() * scale;
            let mut x = below.clone();
            for _ in 0..substitutions {
                let output = model(x.clone(), t);
                let x0 = self.x0(&output, &x, t);
                // ε̂ = (x − a x̂_0)/σ
                let share = of_noise / now.sigma();
                x = R::combine(&[(scale, &below), (share, &x), (-share * now.signal(), &x0)]);
            }
            below = x;
        }
        Ok(below)
    }
}
