//! Noise levels between which a sampler steps.

use super::Timesteps;
use crate::error::Error;
use crate::schedule::Schedule;

/// ᾱ and σ² of a step, or of x_0 itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub alpha_bar: f64,
    pub noise_variance: f64,
}

impl Level {
    pub fn of(schedule: &Schedule, t: usize) -> Self {
        Self { alpha_bar: schedule.alpha_bar(t), noise_variance: schedule.noise_variance(t) }
    }

    /// x_0, without noise.
    pub const CLEAN: Self = Self { alpha_bar: 1.0, noise_variance: 0.0 };

    /// a = √ᾱ.
    pub fn signal(self) -> f64 {
        self.alpha_bar.sqrt()
    }

    /// σ = √(1 − ᾱ), but on the straight path.
    pub fn sigma(self) -> f64 {
        self.noise_variance.sqrt()
    }

    /// λ = ln(a/σ).
    pub fn half_log_snr(self) -> f64 {
        0.5 * (self.alpha_bar / self.noise_variance).ln()
    }

    /// β = σ² − σ'² ᾱ/ᾱ' of the steps from the less noisy level `next` to this one, taken at once.
    pub fn beta_from(self, next: Self) -> f64 {
        self.noise_variance - next.noise_variance * (self.alpha_bar / next.alpha_bar)
    }
}

/// Every step visited with its level and the next one.
pub(super) fn levels(
    timesteps: &Timesteps,
    schedule: &Schedule,
) -> Result<Vec<(usize, Level, Level)>, Error> {
    let visited = timesteps.visited(schedule)?;
    let next = |i: usize| visited.get(i + 1).map_or(Level::CLEAN, |&t| Level::of(schedule, t));
    Ok(visited.iter().enumerate().map(|(i, &t)| (t, Level::of(schedule, t), next(i))).collect())
}
