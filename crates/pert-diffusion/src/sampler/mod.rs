//! Samplers: lists of f64 coefficients, run over any model; all noise is passed in.

mod clip;
mod ddim;
mod ddpm;
mod dpm_solver;
mod inversion;
mod level;
mod reverse;
mod spacing;

pub use clip::X0Clip;
pub use ddim::Ddim;
pub use ddpm::{Ddpm, FixedVariance};
pub use dpm_solver::DpmSolver;
pub use inversion::Inversion;
pub use reverse::ReverseProcess;
pub use spacing::{Spacing, Timesteps};

use crate::error::Error;
use crate::schedule::Schedule;

/// One step of a sampler, from x at step `t` to x' at the next step visited or, after the last, to x_0:
///
/// x' = `x` · x + `x0` · x̂_0 + `x0_previous` · (x̂_0 of the step before) + `noise` · z, z ~ N(0, I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerStep {
    /// Where the model is asked.
    pub t: usize,
    /// Factor of the state.
    pub x: f64,
    /// Factor of the x_0 predicted at `t`, clipped.
    pub x0: f64,
    /// Factor of the x_0 predicted at the step before, clipped; 0 in the first step.
    pub x0_previous: f64,
    /// Standard deviation of the fresh noise; no noise is drawn where it is 0.
    pub noise: f64,
}

/// A way to go from noise to rows, as coefficients in f64: no tensors, no model.
///
/// Every sampler here keeps the marginals of the forward process: given the right x̂_0, x' has mean √ᾱ' x_0 and (but
/// for [`FixedVariance::Large`]) variance 1 − ᾱ'.
///
/// ```
/// use pert_diffusion::{
///     Ddim, Error, Parameterization, ReverseProcess, Sampler, SamplerStep, Schedule,
///     ScheduleConfig,
/// };
/// /// Believes the first prediction.
/// struct Impatient;
/// impl Sampler for Impatient {
///     fn plan(&self, schedule: &Schedule) -> Result<Vec<SamplerStep>, Error> {
///         let t = schedule.n_steps() - 1;
///         Ok(vec![SamplerStep { t, x: 0.0, x0: 1.0, x0_previous: 0.0, noise: 0.0 }])
///     }
/// }
/// let schedule = Schedule::new(&ScheduleConfig::default())?;
/// let process = ReverseProcess::new(&schedule, Parameterization::X0);
/// let samplers: [&dyn Sampler; 2] = [&Impatient, &Ddim::default()];
/// for sampler in samplers {
///     let model = |x_t: Vec<f64>, _t| vec![3.0; x_t.len()];
///     let x0 = process.sample(sampler, model, vec![0.3, -1.2], || unreachable!("no noise"))?;
///     assert!(x0.iter().all(|x| (x - 3.0).abs() < 1e-12));
/// }
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
pub trait Sampler {
    /// The steps, in order.
    ///
    /// # Errors
    /// Settings that are out of range or do not fit the schedule.
    fn plan(&self, schedule: &Schedule) -> Result<Vec<SamplerStep>, Error>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{ScheduleConfig, TerminalSnr};
    use proptest::prelude::*;

    proptest! {
        /// Given the right x̂_0 at every step, x' is distributed as q(x' | x_0).
        #[test]
        fn samplers_keep_the_marginals(
            n_steps in 2usize..400,
            share in 0.0..=1.0f64,
            start in 0.05..=1.0f64,
            eta in 0.0..=1.0f64,
            zero in any::<bool>(),
        ) {
            let terminal_snr = if zero { TerminalSnr::Zero } else { TerminalSnr::AsCurve };
            let config = ScheduleConfig { n_steps, terminal_snr, ..Default::default() };
            let schedule = Schedule::new(&config).expect("valid");
            let first = (start * (n_steps - 1) as f64).round();
            let steps = 1 + (share * first) as usize;
            for spacing in [Spacing::Linspace, Spacing::Trailing, Spacing::LogSnr] {
                let timesteps = Timesteps { steps, start, spacing };
                let samplers: [&dyn Sampler; 3] = [
                    &Ddim { timesteps, eta },
                    &Ddpm { timesteps, ..Default::default() },
                    &DpmSolver { timesteps },
                ];
                for sampler in samplers {
                    let plan = sampler.plan(&schedule).expect("fits");
                    for (i, step) in plan.iter().enumerate() {
                        let next = plan.get(i + 1).map(|next| next.t);
                        let alpha_bar = next.map_or(1.0, |t| schedule.alpha_bar(t));
                        let noise = next.map_or(0.0, |t| schedule.noise_variance(t));
                        let signal = step.x * schedule.alpha_bar(step.t).sqrt();
                        let mean = signal + step.x0 + step.x0_previous;
                        let variance = step.x * step.x * schedule.noise_variance(step.t)
                            + step.noise * step.noise;
                        prop_assert!((mean - alpha_bar.sqrt()).abs() < 1e-9, "{step:?} {mean}");
                        prop_assert!((variance - noise).abs() < 1e-9, "{step:?} {variance}");
                    }
                }
            }
        }
    }
}
