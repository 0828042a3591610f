//! Noise schedules: plain f64 tables, no tensors.

use std::f64::consts::FRAC_PI_2;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// No step destroys more than this share of the remaining signal's variance (Nichol & Dhariwal 2021, section 3.2).
const MAX_BETA: f64 = 0.999;

/// First and last β of the linear schedule at T = 1000 (Ho et al. 2020, section 4); scaled by 1000/T otherwise.
const LINEAR_BETA: (f64, f64) = (1e-4, 0.02);

/// The part of the sigmoid used by the sigmoid schedule (Jabri et al. 2022, algorithm 1, τ = 1).
const SIGMOID_RANGE: (f64, f64) = (-3.0, 3.0);

/// How the noise grows with the step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleKind {
    /// ᾱ(u) = cos²((u + s)/(1 + s) · π/2) / cos²(s/(1 + s) · π/2), u = (t + 1)/T
    /// (Nichol & Dhariwal 2021, equation 17).
    Cosine {
        /// Offset, at least 0 and below 1; 0.008 in the paper.
        s: f64,
    },
    /// β linear from 10⁻⁴ to 0.02 at T = 1000 (Ho et al. 2020).
    Linear,
    /// ᾱ(u) ∝ sigmoid(3) − sigmoid(6u − 3) (Jabri et al. 2022).
    Sigmoid,
}

/// Configuration of a [`Schedule`].
///
/// ```
/// use pert_diffusion::{ScheduleConfig, ScheduleKind};
/// let linear = ScheduleConfig { kind: ScheduleKind::Linear, n_steps: 500 };
/// linear.check()?;
/// assert!(ScheduleConfig { n_steps: 1, ..linear }.check().is_err());
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// The curve. Default: cosine with s = 0.008.
    pub kind: ScheduleKind,
    /// Number of steps T, at least 2. Default 1000 (Ho et al. 2020).
    pub n_steps: usize,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { kind: ScheduleKind::Cosine { s: 0.008 }, n_steps: 1000 }
    }
}

impl ScheduleConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        if self.n_steps < 2 {
            return Err(Error::setting("n_steps", "at least 2", self.n_steps));
        }
        match self.kind {
            ScheduleKind::Cosine { s } if !(0.0..1.0).contains(&s) => {
                Err(Error::setting("s of the cosine schedule", "in [0, 1)", s))
            }
            _ => Ok(()),
        }
    }
}

/// The coefficients of q(x_t | x_0) = N(√ᾱ_t x_0, (1 − ᾱ_t) I) and of its posterior.
///
/// Index 0 is the least noisy step, `n_steps − 1` the noisiest; x_0 itself lies before index 0, with ᾱ = 1.
///
/// | symbol | method | |
/// |---|---|---|
/// | β_t | [`beta`](Self::beta) | variance added by step t, at most 0.999 |
/// | α_t | [`alpha`](Self::alpha) | 1 − β_t |
/// | ᾱ_t | [`alpha_bar`](Self::alpha_bar) | ∏ α over 0..=t, strictly decreasing |
/// | ᾱ_{t−1} | [`alpha_bar_previous`](Self::alpha_bar_previous) | 1 at t = 0 |
/// | β̃_t | [`posterior_variance`](Self::posterior_variance) | β_t (1 − ᾱ_{t−1})/(1 − ᾱ_t) |
///
/// ```
/// use pert_diffusion::{Schedule, ScheduleConfig, ScheduleKind};
/// let linear = ScheduleConfig { kind: ScheduleKind::Linear, n_steps: 1000 };
/// let schedule = Schedule::new(&linear)?;
/// // Ho et al. 2020: from 10⁻⁴ to 0.02.
/// assert!((schedule.beta(0) - 1e-4).abs() < 1e-12 && (schedule.beta(999) - 0.02).abs() < 1e-12);
/// assert!((1..1000).all(|t| schedule.alpha_bar(t) < schedule.alpha_bar(t - 1)));
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    beta: Vec<f64>,
    alpha_bar: Vec<f64>,
}

impl Schedule {
    /// Computes the tables.
    ///
    /// # Errors
    /// What [`ScheduleConfig::check`] finds.
    pub fn new(config: &ScheduleConfig) -> Result<Self, Error> {
        config.check()?;
        let n_steps = config.n_steps;
        let beta: Vec<f64> = match config.kind {
            ScheduleKind::Linear => {
                let scale = 1000.0 / n_steps as f64;
                let (first, last) = (scale * LINEAR_BETA.0, scale * LINEAR_BETA.1);
                let slope = (last - first) / (n_steps - 1) as f64;
                (0..n_steps).map(|t| (first + slope * t as f64).min(MAX_BETA)).collect()
            }
            ScheduleKind::Cosine { s } => {
                betas(n_steps, |u| ((u + s) / (1.0 + s) * FRAC_PI_2).cos().powi(2))
            }
            ScheduleKind::Sigmoid => betas(n_steps, |u| {
                let (start, end) = SIGMOID_RANGE;
                sigmoid(end) - sigmoid(start + u * (end - start))
            }),
        };
        let alpha_bar = beta
            .iter()
            .scan(1.0, |product, beta| {
                *product *= 1.0 - beta;
                Some(*product)
            })
            .collect();
        Ok(Self { beta, alpha_bar })
    }

    /// Number of steps T.
    pub fn n_steps(&self) -> usize {
        self.beta.len()
    }

    /// β_t.
    pub fn beta(&self, t: usize) -> f64 {
        self.beta[t]
    }

    /// α_t = 1 − β_t.
    pub fn alpha(&self, t: usize) -> f64 {
        1.0 - self.beta[t]
    }

    /// ᾱ_t, the share of the variance that is still signal.
    pub fn alpha_bar(&self, t: usize) -> f64 {
        self.alpha_bar[t]
    }

    /// ᾱ_{t−1}; 1 at t = 0.
    pub fn alpha_bar_previous(&self, t: usize) -> f64 {
        if t == 0 { 1.0 } else { self.alpha_bar[t - 1] }
    }

    /// The factor of x_0 in the posterior mean: √ᾱ_{t−1} β_t / (1 − ᾱ_t) (Ho et al. 2020, equation 7).
    pub fn posterior_mean_x0(&self, t: usize) -> f64 {
        self.alpha_bar_previous(t).sqrt() * self.beta[t] / (1.0 - self.alpha_bar[t])
    }

    /// The factor of x_t in the posterior mean: √α_t (1 − ᾱ_{t−1}) / (1 − ᾱ_t) (Ho et al. 2020, equation 7).
    pub fn posterior_mean_xt(&self, t: usize) -> f64 {
        self.alpha(t).sqrt() * (1.0 - self.alpha_bar_previous(t)) / (1.0 - self.alpha_bar[t])
    }

    /// β̃_t, the variance of q(x_{t−1} | x_t, x_0) (Ho et al. 2020, equation 7); 0 at t = 0.
    pub fn posterior_variance(&self, t: usize) -> f64 {
        self.beta[t] * (1.0 - self.alpha_bar_previous(t)) / (1.0 - self.alpha_bar[t])
    }

    /// ln β̃_t, with that of t = 1 at t = 0, where the variance is 0.
    pub fn posterior_log_variance_clipped(&self, t: usize) -> f64 {
        self.posterior_variance(t.max(1)).ln()
    }

    /// Signal-to-noise ratio ᾱ_t / (1 − ᾱ_t), of variances.
    pub fn snr(&self, t: usize) -> f64 {
        self.alpha_bar[t] / (1.0 - self.alpha_bar[t])
    }
}

/// β_t = 1 − ᾱ(t + 1)/ᾱ(t), capped, for ᾱ as a function of the fraction of steps done.
fn betas(n_steps: usize, alpha_bar: impl Fn(f64) -> f64) -> Vec<f64> {
    let at = |t: usize| alpha_bar(t as f64 / n_steps as f64);
    (0..n_steps).map(|t| (1.0 - at(t + 1) / at(t)).min(MAX_BETA)).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind() -> impl Strategy<Value = ScheduleKind> {
        prop_oneof![
            (0.0..0.1f64).prop_map(|s| ScheduleKind::Cosine { s }),
            Just(ScheduleKind::Linear),
            Just(ScheduleKind::Sigmoid),
        ]
    }

    proptest! {
        #[test]
        fn the_signal_only_shrinks(kind in kind(), n_steps in 2usize..1500) {
            let schedule = Schedule::new(&ScheduleConfig { kind, n_steps }).expect("valid");
            let mut previous = 1.0;
            for t in 0..n_steps {
                let now = schedule.alpha_bar(t);
                prop_assert!(now > 0.0 && now < previous, "alpha_bar[{t}] = {now}");
                prop_assert!(schedule.beta(t) > 0.0 && schedule.beta(t) <= MAX_BETA);
                prop_assert!(schedule.posterior_log_variance_clipped(t).is_finite());
                previous = now;
            }
        }

        /// q(x_{t−1}|x_t, x_0) mixed over q(x_t|x_0) is q(x_{t−1}|x_0): mean and variance.
        #[test]
        fn the_posterior_is_consistent(kind in kind(), n_steps in 2usize..1500, at in 0.0..1.0f64) {
            let schedule = Schedule::new(&ScheduleConfig { kind, n_steps }).expect("valid");
            let t = (at * n_steps as f64) as usize;
            let (a, b) = (schedule.posterior_mean_x0(t), schedule.posterior_mean_xt(t));
            let (now, before) = (schedule.alpha_bar(t), schedule.alpha_bar_previous(t));
            let mean = a + b * now.sqrt();
            let variance = schedule.posterior_variance(t) + b * b * (1.0 - now);
            // 1 − ᾱ loses up to 6 digits at the first steps of long schedules.
            prop_assert!((mean - before.sqrt()).abs() < 1e-9);
            prop_assert!((variance - (1.0 - before)).abs() < 1e-9);
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let config = ScheduleConfig { n_steps: 1, ..Default::default() };
        assert_eq!(config.check(), Err(Error::setting("n_steps", "at least 2", 1)));
        let kind = ScheduleKind::Cosine { s: f64::NAN };
        assert!(ScheduleConfig { kind, ..Default::default() }.check().is_err());
    }
}
