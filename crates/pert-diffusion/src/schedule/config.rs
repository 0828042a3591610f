//! Which schedule: its curve, its length, its end.

use std::f64::consts::FRAC_PI_2;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// No step destroys more than this share of the remaining signal's variance (Nichol & Dhariwal 2021, section 3.2).
pub(super) const MAX_BETA: f64 = 0.999;

/// First and last β of the linear schedule at T = 1000 (Ho et al. 2020, section 4); scaled by 1000/T otherwise.
const LINEAR_BETA: (f64, f64) = (1e-4, 0.02);

/// The part of the sigmoid used by the sigmoid schedule (Jabri et al. 2022, algorithm 1, τ = 1).
const SIGMOID_RANGE: (f64, f64) = (-3.0, 3.0);

/// How the noise grows with the step. Every curve but the straight path gives β_t = 1 − ᾱ((t + 1)/T)/ᾱ(t/T), at most 0.999.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleKind {
    /// ᾱ(u) = cos²((u + s)/(1 + s) · π/2) / cos²(s/(1 + s) · π/2) (Nichol & Dhariwal 2021, equation 17).
    Cosine {
        /// Offset, at least 0 and below 1; 0.008 in the paper.
        s: f64,
    },
    /// β linear from 10⁻⁴ to 0.02 at T = 1000 (Ho et al. 2020), both times 1000/T for another T, so that ᾱ at the end
    /// is about the same (4·10⁻⁵) for every T; at most 0.999. A single step has the last β.
    Linear,
    /// ᾱ(u) ∝ sigmoid(3) − sigmoid(6u − 3) (Jabri et al. 2022).
    Sigmoid,
    /// The path of flow matching, x_t = (1 − τ) x_0 + τ ε with τ = (t + 1)/T (Lipman et al. 2023, section 4.1, example II
    /// with σ_min = 0 and time reversed): √ᾱ = 1 − τ and σ = τ, whose squares do not add up to 1. No signal is left at the last
    /// step: predict x_0 or [`Flow`](crate::Parameterization::Flow).
    Straight,
}

impl ScheduleKind {
    /// β of every step. Differences of nearly equal values of the curve are written as products, so that β has all
    /// digits of f64 however small it is.
    pub(super) fn betas(self, n_steps: usize) -> Vec<f64> {
        let u = |t: usize| t as f64 / n_steps as f64;
        let beta = |t: usize| match self {
            Self::Cosine { s } => {
                let angle = |t| (u(t) + s) / (1.0 + s) * FRAC_PI_2;
                let (before, now) = (angle(t), angle(t + 1));
                // 1 − cos²b/cos²a = sin(b + a) sin(b − a)/cos²a
                (now + before).sin() * (now - before).sin() / before.cos().powi(2)
            }
            Self::Linear => {
                let scale = 1000.0 / n_steps as f64;
                let share = if n_steps == 1 { 1.0 } else { t as f64 / (n_steps - 1) as f64 };
                scale * (LINEAR_BETA.0 + share * (LINEAR_BETA.1 - LINEAR_BETA.0))
            }
            Self::Sigmoid => {
                let (start, end) = SIGMOID_RANGE;
                let at = |t| start + u(t) * (end - start);
                let (before, now) = (at(t), at(t + 1));
                // sigmoid(a) − sigmoid(b) = sinh((a − b)/2) / (2 cosh(a/2) cosh(b/2)), in numerator and denominator
                let half_sinh = |a: f64, b: f64| ((a - b) / 2.0).sinh();
                half_sinh(now, before) * (end / 2.0).cosh()
                    / ((now / 2.0).cosh() * half_sinh(end, before))
            }
            Self::Straight => {
                // τ² − (kept τ')², as a product
                let (before, now) = (u(t), u(t + 1));
                let kept = (1.0 - now) / (1.0 - before);
                (now - before) / (1.0 - before) * (now + kept * before)
            }
        };
        let most = if self == Self::Straight { 1.0 } else { MAX_BETA };
        (0..n_steps).map(|t| beta(t).min(most)).collect()
    }
}

/// What is left of the signal at the noisiest step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalSnr {
    /// What the curve leaves: a little.
    #[default]
    AsCurve,
    /// None: √ᾱ is shifted and scaled so that it is 0 at the last step and as before at the first (Lin et al. 2024,
    /// algorithm 1). The ε-form tells nothing about x_0 there: predict x_0 or v.
    Zero,
}

impl TerminalSnr {
    /// √ᾱ' = (√ᾱ − √ᾱ_{T−1}) √ᾱ_0/(√ᾱ_0 − √ᾱ_{T−1}), as β.
    pub(super) fn rescale(self, beta: Vec<f64>) -> Vec<f64> {
        if self == Self::AsCurve {
            return beta;
        }
        let signal: Vec<f64> = beta
            .iter()
            .scan(1.0, |alpha_bar, beta| {
                *alpha_bar *= 1.0 - beta;
                Some(f64::sqrt(*alpha_bar))
            })
            .collect();
        let last = signal[signal.len() - 1];
        let ratio = |w: &[f64]| (w[1] - last) / (w[0] - last);
        // The first β stays; the scale cancels from the ratios.
        std::iter::once(beta[0]).chain(signal.windows(2).map(|w| 1.0 - ratio(w).powi(2))).collect()
    }
}

/// Configuration of a [`Schedule`](crate::Schedule).
///
/// ```
/// use pert_diffusion::{Schedule, ScheduleConfig, ScheduleKind, TerminalSnr};
/// let linear = ScheduleConfig { kind: ScheduleKind::Linear, n_steps: 500, ..Default::default() };
/// linear.check()?;
/// assert!(ScheduleConfig { n_steps: 0, ..linear }.check().is_err());
/// let to_pure_noise = ScheduleConfig { terminal_snr: TerminalSnr::Zero, ..linear };
/// assert_eq!(Schedule::new(&to_pure_noise)?.alpha_bar(499), 0.0);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// The curve. Default: cosine with s = 0.008.
    pub kind: ScheduleKind,
    /// Number of steps T, at least 1. Default 1000 (Ho et al. 2020).
    pub n_steps: usize,
    /// Signal left at the last step. Default: what the curve leaves (the straight path leaves none either way).
    pub terminal_snr: TerminalSnr,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            kind: ScheduleKind::Cosine { s: 0.008 },
            n_steps: 1000,
            terminal_snr: TerminalSnr::default(),
        }
    }
}

impl ScheduleConfig {
    /// Whether no signal is left at the last step, so that the ε-form tells nothing about x_0 there.
    pub fn ends_in_noise(&self) -> bool {
        self.kind == ScheduleKind::Straight || self.terminal_snr == TerminalSnr::Zero
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        if self.n_steps == 0 {
            return Err(Error::setting("n_steps", "at least 1", self.n_steps));
        }
        if self.terminal_snr == TerminalSnr::Zero && self.n_steps == 1 {
            let expected = "at least 2 for a terminal signal-to-noise ratio of zero";
            return Err(Error::setting("n_steps", expected, self.n_steps));
        }
        match self.kind {
            ScheduleKind::Cosine { s } if !(0.0..1.0).contains(&s) => {
                Err(Error::setting("s of the cosine schedule", "in [0, 1)", s))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let config = ScheduleConfig { n_steps: 0, ..Default::default() };
        assert_eq!(config.check(), Err(Error::setting("n_steps", "at least 1", 0)));
        let kind = ScheduleKind::Cosine { s: f64::NAN };
        assert!(ScheduleConfig { kind, ..Default::default() }.check().is_err());
        let terminal_snr = TerminalSnr::Zero;
        let one = ScheduleConfig { n_steps: 1, terminal_snr, ..Default::default() };
        assert!(matches!(one.check(), Err(Error::InvalidSetting { name: "n_steps", .. })));
    }
}
