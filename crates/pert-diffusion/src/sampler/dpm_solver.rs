//! DPM-Solver++(2M): deterministic sampling of second order.

use serde::{Deserialize, Serialize};

use super::level::levels;
use super::{Sampler, SamplerStep, Spacing, Timesteps};
use crate::error::Error;
use crate::schedule::Schedule;

/// DPM-Solver++(2M) (Lu et al. 2022, *DPM-Solver++*, algorithm 2): multistep, from predictions of x_0, of second
/// order in the steps.
///
/// With a = √ᾱ, σ = √(1 − ᾱ), λ = ln(a/σ), h = λ' − λ and r = (h of the step before)/h:
///
/// x' = (σ'/σ) x − a' (e^{−h} − 1) ((1 + 1/(2r)) x̂_0 − 1/(2r) x̂_0 of the step before)
///
/// The first step, which has no step before, and the last one, to σ' = 0 where h is infinite, use x̂_0 alone; the
/// last one then puts out x̂_0 itself.
///
/// ```
/// use pert_diffusion::{
///     DpmSolver, Parameterization, ReverseProcess, Schedule, ScheduleConfig, Timesteps,
/// };
/// let schedule = Schedule::new(&ScheduleConfig::default())?;
/// // Rows from N(0, 0.25), for which the best guess of x_0 is known.
/// let model = |x_t: Vec<f64>, t| {
///     let (a, s) = (schedule.alpha_bar(t), schedule.noise_variance(t));
///     x_t.iter().map(|x| a.sqrt() * 0.25 / (0.25 * a + s) * x).collect()
/// };
/// let process = ReverseProcess::new(&schedule, Parameterization::X0);
/// let default = DpmSolver::default();
/// let sampler = DpmSolver { timesteps: Timesteps { start: 1.0, ..default.timesteps } };
/// let x0 = process.sample(&sampler, model, vec![1.5], || unreachable!("deterministic"))?;
/// // The exact flow maps quantiles of N(0, 1) to those of N(0, 0.25).
/// assert!((x0[0] - 1.5 * 0.5).abs() < 0.01);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DpmSolver {
    /// The steps visited. Default: 20, trailing, from 0.97 of the schedule. On Gaussians and mixtures under the cosine
    /// schedule trailing and even steps of λ do equally well; linspace, whose last steps are large in λ, far worse.
    pub timesteps: Timesteps,
}

impl Default for DpmSolver {
    fn default() -> Self {
        let timesteps = Timesteps { steps: 20, spacing: Spacing::Trailing, ..Default::default() };
        Self { timesteps }
    }
}

impl Sampler for DpmSolver {
    fn plan(&self, schedule: &Schedule) -> Result<Vec<SamplerStep>, Error> {
        let levels = levels(&self.timesteps, schedule)?;
        let last = levels.len() - 1;
        let mut h_before = None;
        let mut plan = Vec::with_capacity(levels.len());
        for (i, (t, now, next)) in levels.into_iter().enumerate() {
            let x = next.sigma() / now.sigma();
            // −a' (e^{−h} − 1), with e^{−h} = (a/a')(σ'/σ): finite at both ends.
            let x0 = next.signal() - now.signal() * x;
            let h = next.half_log_snr() - now.half_log_snr();
            let extrapolation = match h_before {
                // h of the step before is infinite where it began without signal.
                Some(h_before) if i < last => h / (2.0 * h_before),
                _ => 0.0,
            };
            plan.push(SamplerStep {
                t,
                x,
                x0: x0 * (1.0 + extrapolation),
                x0_previous: -x0 * extrapolation,
                noise: 0.0,
            });
            h_before = Some(h);
        }
        Ok(plan)
    }
}
