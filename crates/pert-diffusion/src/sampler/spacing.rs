//! Which steps of a schedule a sampler visits.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::schedule::Schedule;

/// How the visited steps are spread between the first and the least noisy one. With T' steps up to the first, n of them
/// visited (names and formulas of Lin et al. 2024, table 2):
///
/// | spacing | steps, i = 0 … n − 1 | visits the noisiest | visits step 0 |
/// |---|---|---|---|
/// | linspace | round((T' − 1)(1 − i/(n − 1))) | yes | if n > 1 |
/// | leading | (n − 1 − i)⌊T'/n⌋ | no | yes |
/// | trailing | round(T' − i T'/n) − 1 | yes | no |
/// | log_snr | nearest to even steps of λ = ½ ln SNR (Lu et al. 2022) | yes | if n > 1 |
///
/// Ties are rounded to even. Where steps of `log_snr` would coincide, they are moved to free neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// Even, both ends visited.
    #[default]
    Linspace,
    /// Even, the least noisy step visited.
    Leading,
    /// Even, the noisiest step visited.
    Trailing,
    /// Even in the logarithm of the signal-to-noise ratio, both ends visited.
    LogSnr,
}

/// The steps a sampler visits: how many, how spread, from where.
///
/// ```
/// use pert_diffusion::{Schedule, ScheduleConfig, Spacing, Timesteps};
/// let schedule = Schedule::new(&ScheduleConfig { n_steps: 1000, ..Default::default() })?;
/// let timesteps = Timesteps { steps: 4, start: 1.0, spacing: Spacing::Linspace };
/// assert_eq!(timesteps.visited(&schedule)?, [999, 666, 333, 0]);
/// let trailing = Timesteps { spacing: Spacing::Trailing, ..timesteps };
/// assert_eq!(trailing.visited(&schedule)?, [999, 749, 499, 249]);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timesteps {
    /// Number of steps, at least 1. Default 25.
    pub steps: usize,
    /// Where to start, as a fraction of the schedule, in (0, 1]. Default 0.97: at the very end the ε-form tells
    /// nothing about x_0, and a deterministic sampler never recovers from its first step. The
    /// price: a mean m of the rows under their condition comes out as m (1 − √ᾱ s), s their standard deviation there
    /// (standardised units; √ᾱ = 0.05 at 0.97 of the cosine schedule).
    pub start: f64,
    /// How they are spread. Default: linspace.
    pub spacing: Spacing,
}

impl Default for Timesteps {
    fn default() -> Self {
        Self { steps: 25, start: 0.97, spacing: Spacing::Linspace }
    }
}

impl Timesteps {
    /// Every step of a schedule.
    pub fn all(schedule: &Schedule) -> Self {
        Self { steps: schedule.n_steps(), start: 1.0, spacing: Spacing::Linspace }
    }

    /// The steps visited, strictly falling, `steps` of them, all at most round(start · (T − 1)).
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range; [`Error::TooManySteps`] when they would coincide.
    pub fn visited(&self, schedule: &Schedule) -> Result<Vec<usize>, Error> {
        let &Self { steps, start, spacing } = self;
        if steps == 0 {
            return Err(Error::setting("sampling steps", "at least 1", steps));
        }
        if !(start > 0.0 && start <= 1.0) {
            return Err(Error::setting("start", "in (0, 1]", start));
        }
        let n_steps = schedule.n_steps();
        let first = (start * (n_steps - 1) as f64).round() as usize;
        let available = first + 1;
        if steps > available {
            return Err(Error::TooManySteps { steps, start, n_steps, available });
        }
        let even = |from: f64, to: f64, i: usize| match steps {
            1 => from,
            _ => from + (to - from) * i as f64 / (steps - 1) as f64,
        };
        let index = 0..steps;
        Ok(match spacing {
            Spacing::Linspace => {
                index.map(|i| even(first as f64, 0.0, i).round_ties_even() as usize).collect()
            }
            Spacing::Leading => index.rev().map(|i| i * (available / steps)).collect(),
            Spacing::Trailing => {
                let gap = available as f64 / steps as f64;
                index
                    .map(|i| (available as f64 - i as f64 * gap).round_ties_even() as usize - 1)
                    .collect()
            }
            Spacing::LogSnr => {
                let lambda = |t| schedule.half_log_snr(t);
                // Without any signal λ is −∞: even steps begin after that step.
                let noisiest = if lambda(first).is_finite() { first } else { first.max(1) - 1 };
                let nearest = |i: usize| {
                    let wanted = even(lambda(noisiest), lambda(0), i);
                    if i == 0 { first } else { nearest_step(schedule, noisiest, wanted) }
                };
                apart(index.map(nearest).collect())
            }
        })
    }
}

/// The step up to `first` whose λ is nearest; λ falls with the step.
fn nearest_step(schedule: &Schedule, first: usize, wanted: f64) -> usize {
    let lambda = |t| schedule.half_log_snr(t);
    let (mut low, mut high) = (0, first);
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if lambda(middle) >= wanted { low = middle } else { high = middle }
    }
    if (lambda(low) - wanted).abs() <= (lambda(high) - wanted).abs() { low } else { high }
}

/// Moves steps that coincide to free neighbours: the least change upwards from the end, given that they fit.
fn apart(mut visited: Vec<usize>) -> Vec<usize> {
    let n = visited.len();
    for i in 1..n {
        visited[i] = visited[i].min(visited[i - 1].saturating_sub(1));
    }
    for i in (0..n).rev() {
        visited[i] = visited[i].max(n - 1 - i);
        if i + 1 < n {
            visited[i] = visited[i].max(visited[i + 1] + 1);
        }
    }
    visited
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{ScheduleConfig, TerminalSnr};
    use proptest::prelude::*;

    const SPACINGS: [Spacing; 4] =
        [Spacing::Linspace, Spacing::Leading, Spacing::Trailing, Spacing::LogSnr];

    fn schedule(n_steps: usize, terminal_snr: TerminalSnr) -> Schedule {
        let config = ScheduleConfig { n_steps, terminal_snr, ..Default::default() };
        Schedule::new(&config).expect("valid")
    }

    proptest! {
        #[test]
        fn any_number_of_steps_that_fits_falls_strictly(
            n_steps in 2usize..300,
            start in 0.01..=1.0f64,
            share in 0.0..=1.0f64,
            zero in any::<bool>(),
        ) {
            let terminal = if zero { TerminalSnr::Zero } else { TerminalSnr::AsCurve };
            let schedule = schedule(n_steps, terminal);
            let first = (start * (n_steps - 1) as f64).round() as usize;
            let steps = 1 + (share * first as f64) as usize;
            for spacing in SPACINGS {
                let visited = Timesteps { steps, start, spacing }.visited(&schedule).expect("fits");
                prop_assert_eq!(visited.len(), steps);
                prop_assert!(visited.windows(2).all(|w| w[0] > w[1]), "{spacing:?} {visited:?}");
                if spacing != Spacing::Leading {
                    prop_assert_eq!(visited[0], first);
                }
                if spacing != Spacing::Trailing && steps > 1 {
                    prop_assert_eq!(visited[steps - 1], 0);
                }
            }
        }
    }

    #[test]
    fn a_schedule_of_one_step_has_one() {
        for spacing in SPACINGS {
            let timesteps = Timesteps { steps: 1, start: 1.0, spacing };
            assert_eq!(timesteps.visited(&schedule(1, TerminalSnr::AsCurve)), Ok(vec![0]));
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let schedule = schedule(20, TerminalSnr::AsCurve);
        let refused = |timesteps: Timesteps| timesteps.visited(&schedule).expect_err("refused");
        let default = Timesteps::default();
        assert_eq!(
            refused(default),
            Error::TooManySteps { steps: 25, start: 0.97, n_steps: 20, available: 19 }
        );
        assert_eq!(
            refused(Timesteps { steps: 0, ..default }),
            Error::setting("sampling steps", "at least 1", 0)
        );
        for start in [0.0, -0.1, 1.1, f64::NAN] {
            assert_eq!(
                refused(Timesteps { start, ..default }),
                Error::setting("start", "in (0, 1]", start)
            );
        }
    }
}
