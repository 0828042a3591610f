//! Noise schedules: plain f64 tables, no tensors.

mod config;

pub use config::{ScheduleConfig, ScheduleKind, TerminalSnr};

use crate::error::Error;

/// The coefficients of q(x_t | x_0) = N(√ᾱ_t x_0, σ_t² I) and of its posterior.
///
/// Index 0 is the least noisy step, `n_steps − 1` the noisiest; x_0 itself lies before index 0, with ᾱ = 1.
///
/// | symbol | method | |
/// |---|---|---|
/// | β_t | [`beta`](Self::beta) | variance added by step t |
/// | α_t | [`alpha`](Self::alpha) | 1 − β_t |
/// | ᾱ_t | [`alpha_bar`](Self::alpha_bar) | ∏ α over 0..=t, strictly decreasing |
/// | ᾱ_{t−1} | [`alpha_bar_previous`](Self::alpha_bar_previous) | 1 at t = 0 |
/// | σ_t² = 1 − ᾱ_t | [`noise_variance`](Self::noise_variance) | by its own recurrence: nothing cancels |
/// | β̃_t | [`posterior_variance`](Self::posterior_variance) | β_t σ²_{t−1}/σ_t² |
///
/// On the [straight path](ScheduleKind::Straight) of flow matching √ᾱ_t = 1 − τ and σ_t = τ instead, so that σ² is not 1 − ᾱ, and
/// α_t = ᾱ_t/ᾱ_{t−1} not 1 − β_t; all else holds.
///
/// ```
/// use pert_diffusion::{Schedule, ScheduleConfig, ScheduleKind};
/// let linear = ScheduleConfig { kind: ScheduleKind::Linear, ..Default::default() };
/// let schedule = Schedule::new(&linear)?;
/// // Ho et al. 2020: from 10⁻⁴ to 0.02.
/// assert!((schedule.beta(0) - 1e-4).abs() < 1e-12 && (schedule.beta(999) - 0.02).abs() < 1e-12);
/// assert!((1..1000).all(|t| schedule.alpha_bar(t) < schedule.alpha_bar(t - 1)));
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    beta: Vec<f64>,
    alpha: Vec<f64>,
    alpha_bar: Vec<f64>,
    noise_variance: Vec<f64>,
}

impl Schedule {
    /// Computes the tables of a known curve.
    ///
    /// # Errors
    /// What [`ScheduleConfig::check`] finds.
    pub fn new(config: &ScheduleConfig) -> Result<Self, Error> {
        config.check()?;
        let betas = config.kind.betas(config.n_steps);
        Ok(match config.kind {
            ScheduleKind::Straight => Self::straight(betas),
            _ => Self::of(config.terminal_snr.rescale(betas)),
        })
    }

    /// Computes the tables of any β, one per step.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for no β at all, [`Error::BetaOutOfRange`] for one that is not above 0 and below 1.
    ///
    /// ```
    /// use pert_diffusion::{Error, Schedule};
    /// let schedule = Schedule::from_betas(vec![0.1, 0.2])?;
    /// assert!((schedule.alpha_bar(1) - 0.9 * 0.8).abs() < 1e-15);
    /// let refused = Schedule::from_betas(vec![0.1, 1.0]);
    /// assert_eq!(refused, Err(Error::BetaOutOfRange { step: 1, beta: 1.0 }));
    /// # Ok::<(), pert_diffusion::Error>(())
    /// ```
    pub fn from_betas(beta: Vec<f64>) -> Result<Self, Error> {
        if beta.is_empty() {
            return Err(Error::setting("n_steps", "at least 1", beta.len()));
        }
        match beta.iter().position(|beta| !(*beta > 0.0 && *beta < 1.0)) {
            Some(step) => Err(Error::BetaOutOfRange { step, beta: beta[step] }),
            None => Ok(Self::of(beta)),
        }
    }

    fn of(beta: Vec<f64>) -> Self {
        let alpha = beta.iter().map(|beta| 1.0 - beta).collect();
        let (mut signal, mut noise) = (1.0, 0.0);
        let (alpha_bar, noise_variance) = beta
            .iter()
            .map(|beta| {
                signal *= 1.0 - beta;
                noise = beta + (1.0 - beta) * noise;
                (signal, noise)
            })
            .unzip();
        Self { beta, alpha, alpha_bar, noise_variance }
    }

    fn straight(beta: Vec<f64>) -> Self {
        let n_steps = beta.len();
        let signal = |t: usize| (n_steps - t) as f64 / n_steps as f64; // before step t
        let alpha = (0..n_steps).map(|t| (signal(t + 1) / signal(t)).powi(2)).collect();
        let alpha_bar = (0..n_steps).map(|t| signal(t + 1).powi(2)).collect();
        let sigma = |t: usize| (t + 1) as f64 / n_steps as f64;
        let noise_variance = (0..n_steps).map(|t| sigma(t).powi(2)).collect();
        Self { beta, alpha, alpha_bar, noise_variance }
    }

    /// Number of steps T.
    pub fn n_steps(&self) -> usize {
        self.beta.len()
    }

    /// β_t.
    pub fn beta(&self, t: usize) -> f64 {
        self.beta[t]
    }

    /// α_t = ᾱ_t/ᾱ_{t−1}, which is 1 − β_t but on the straight path.
    pub fn alpha(&self, t: usize) -> f64 {
        self.alpha[t]
    }

    /// ᾱ_t, the squared factor of x_0: the share of the variance that is still signal.
    pub fn alpha_bar(&self, t: usize) -> f64 {
        self.alpha_bar[t]
    }

    /// ᾱ_{t−1}; 1 at t = 0.
    pub fn alpha_bar_previous(&self, t: usize) -> f64 {
        if t == 0 { 1.0 } else { self.alpha_bar[t - 1] }
    }

    /// σ_t² = 1 − ᾱ_t (τ² on the straight path), the variance of the noise in x_t.
    pub fn noise_variance(&self, t: usize) -> f64 {
        self.noise_variance[t]
    }

    /// σ²_{t−1}; 0 at t = 0.
    pub fn noise_variance_previous(&self, t: usize) -> f64 {
        if t == 0 { 0.0 } else { self.noise_variance[t - 1] }
    }

    /// The variance of x_t for rows of variance 1: ᾱ_t + σ_t², which is 1 but on the straight path.
    pub fn total_variance(&self, t: usize) -> f64 {
        self.alpha_bar[t] + self.noise_variance[t]
    }

    /// The factor of x_0 in the posterior mean: √ᾱ_{t−1} β_t / σ_t² (Ho et al. 2020, equation 7).
    pub fn posterior_mean_x0(&self, t: usize) -> f64 {
        self.alpha_bar_previous(t).sqrt() * self.beta[t] / self.noise_variance[t]
    }

    /// The factor of x_t in the posterior mean: √α_t σ²_{t−1} / σ_t² (Ho et al. 2020, equation 7).
    pub fn posterior_mean_xt(&self, t: usize) -> f64 {
        self.alpha(t).sqrt() * self.noise_variance_previous(t) / self.noise_variance[t]
    }

    /// β̃_t, the variance of q(x_{t−1} | x_t, x_0) (Ho et al. 2020, equation 7); 0 at t = 0.
    pub fn posterior_variance(&self, t: usize) -> f64 {
        self.beta[t] * self.noise_variance_previous(t) / self.noise_variance[t]
    }

    /// ln β̃_t, clipped: at t = 0, where the variance is 0, that of t = 1 (Nichol & Dhariwal 2021); ln β_0 when T = 1.
    pub fn posterior_log_variance_clipped(&self, t: usize) -> f64 {
        if self.n_steps() == 1 {
            return self.beta[0].ln();
        }
        self.posterior_variance(t.max(1)).ln()
    }

    /// Signal-to-noise ratio ᾱ_t / σ_t², of variances.
    pub fn snr(&self, t: usize) -> f64 {
        self.alpha_bar[t] / self.noise_variance[t]
    }

    /// λ_t = ln(√ᾱ_t / σ_t), half the logarithm of [`snr`](Self::snr) (Lu et al. 2022, section 2); −∞ where no
    /// signal is left.
    pub fn half_log_snr(&self, t: usize) -> f64 {
        0.5 * self.snr(t).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::config::MAX_BETA;
    use super::*;
    use proptest::prelude::*;

    fn kind() -> impl Strategy<Value = ScheduleKind> {
        prop_oneof![
            (0.0..0.1f64).prop_map(|s| ScheduleKind::Cosine { s }),
            Just(ScheduleKind::Linear),
            Just(ScheduleKind::Sigmoid),
        ]
    }

    fn schedule(kind: ScheduleKind, n_steps: usize, terminal_snr: TerminalSnr) -> Schedule {
        Schedule::new(&ScheduleConfig { kind, n_steps, terminal_snr }).expect("valid")
    }

    proptest! {
        #[test]
        fn the_signal_only_shrinks(kind in kind(), n_steps in 1usize..1500) {
            let schedule = schedule(kind, n_steps, TerminalSnr::AsCurve);
            let mut previous = 1.0;
            for t in 0..n_steps {
                let now = schedule.alpha_bar(t);
                prop_assert!(now > 0.0 && now < previous, "alpha_bar[{t}] = {now}");
                prop_assert!(schedule.beta(t) > 0.0 && schedule.beta(t) <= MAX_BETA);
                prop_assert!(schedule.posterior_log_variance_clipped(t).is_finite());
                prop_assert!((now + schedule.noise_variance(t) - 1.0).abs() < 1e-12);
                previous = now;
            }
        }

        /// q(x_{t−1}|x_t, x_0) mixed over q(x_t|x_0) is q(x_{t−1}|x_0): mean and variance.
        #[test]
        fn the_posterior_is_consistent(
            kind in prop_oneof![kind(), Just(ScheduleKind::Straight)],
            n_steps in 1usize..1500,
            at in 0.0..1.0f64,
        ) {
            let schedule = schedule(kind, n_steps, TerminalSnr::AsCurve);
            let t = (at * n_steps as f64) as usize;
            let (a, b) = (schedule.posterior_mean_x0(t), schedule.posterior_mean_xt(t));
            let (now, before) = (schedule.alpha_bar(t), schedule.alpha_bar_previous(t));
            let mean = a + b * now.sqrt();
            let variance = schedule.posterior_variance(t) + b * b * schedule.noise_variance(t);
            prop_assert!((mean - before.sqrt()).abs() < 1e-12);
            prop_assert!((variance - schedule.noise_variance_previous(t)).abs() < 1e-12);
        }

        #[test]
        fn zero_terminal_snr_keeps_the_first_step_and_ends_in_noise(
            kind in kind(),
            n_steps in 2usize..1500,
        ) {
            let curve = schedule(kind, n_steps, TerminalSnr::AsCurve);
            let zero = schedule(kind, n_steps, TerminalSnr::Zero);
            let last = n_steps - 1;
            prop_assert_eq!(zero.beta(0), curve.beta(0));
            prop_assert_eq!((zero.alpha_bar(last), zero.noise_variance(last)), (0.0, 1.0));
            // √ᾱ' is affine in √ᾱ.
            let (first, end) = (curve.alpha_bar(0).sqrt(), curve.alpha_bar(last).sqrt());
            for t in 0..n_steps {
                let expected = (curve.alpha_bar(t).sqrt() - end) * first / (first - end);
                prop_assert!((zero.alpha_bar(t).sqrt() - expected).abs() < 1e-9, "{t}");
            }
        }
    }

    /// x_t made of x_{t−1}: signal and noise as the path says, up to its end in noise alone.
    #[test]
    fn the_straight_path_is_a_chain() {
        for n_steps in [1, 2, 7, 1000] {
            let schedule = schedule(ScheduleKind::Straight, n_steps, TerminalSnr::AsCurve);
            for t in 0..n_steps {
                let time = (t + 1) as f64 / n_steps as f64;
                let signal = (schedule.alpha(t) * schedule.alpha_bar_previous(t)).sqrt();
                let noise =
                    schedule.alpha(t) * schedule.noise_variance_previous(t) + schedule.beta(t);
                assert!((signal - (1.0 - time)).abs() < 1e-12, "{t} of {n_steps}: {signal}");
                assert!((noise - time * time).abs() < 1e-12, "{t} of {n_steps}: {noise}");
                assert!((schedule.alpha_bar(t).sqrt() - (1.0 - time)).abs() < 1e-12);
                assert!((schedule.noise_variance(t).sqrt() - time).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn betas_out_of_range_are_named_with_their_step() {
        for beta in [0.0, 1.0, -0.1, 1.5, f64::INFINITY] {
            let refused = Schedule::from_betas(vec![0.5, 0.2, beta]);
            assert_eq!(refused, Err(Error::BetaOutOfRange { step: 2, beta }));
        }
        assert!(matches!(
            Schedule::from_betas(vec![f64::NAN]),
            Err(Error::BetaOutOfRange { step: 0, .. })
        ));
        assert_eq!(
            Schedule::from_betas(Vec::new()),
            Err(Error::setting("n_steps", "at least 1", 0))
        );
    }
}
