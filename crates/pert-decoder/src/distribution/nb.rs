//! The negative binomial in mean and inverse dispersion.

use pert_core::ChaCha8Rng;

use super::special::{HALF_LN_2PI, log_ratio, log1p_minus_x, stirling_error};
use super::{CountDistribution, check_parameter};
use crate::error::Error;
use crate::sample::sample_count;

/// NB(μ, θ): mean μ and **inverse** dispersion θ, variance μ + μ²/θ.
///
/// P(y) = Γ(y+θ)/(Γ(θ) y!) · (θ/(θ+μ))^θ · (μ/(θ+μ))^y: scvi-tools' `NegativeBinomial(mu, theta)`, scipy's
/// `nbinom(n = θ, p = θ/(θ+μ))`, R's `dnbinom(size = θ, mu = μ)`. θ → ∞ is Poisson(μ).
///
/// ```
/// use pert_decoder::{CountDistribution, Nb};
/// // θ = 1 is the geometric distribution: with μ = 3, P(y) = ¼ · (¾)^y.
/// let nb = Nb::new(3.0, 1.0)?;
/// assert!((nb.log_prob(2).exp() - 0.25 * 0.75 * 0.75).abs() < 1e-15);
/// assert_eq!((nb.mean(), nb.variance()), (3.0, 12.0));
/// # Ok::<(), pert_decoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nb {
    mu: f64,
    theta: f64,
}

impl Nb {
    /// The distribution of mean `mu` (counts) and inverse dispersion `theta` (counts), both in [1e-100, 1e100].
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn new(mu: f64, theta: f64) -> Result<Self, Error> {
        check_parameter("mu", mu)?;
        check_parameter("theta", theta)?;
        Ok(Self { mu, theta })
    }

    /// For parameters that come out of a network.
    pub(crate) fn unchecked(mu: f64, theta: f64) -> Self {
        Self { mu, theta }
    }

    pub(super) fn theta(&self) -> f64 {
        self.theta
    }

    /// log P(0) = −θ log(1 + μ/θ).
    pub(super) fn log_zero(&self) -> f64 {
        -self.theta * (self.mu / self.theta).ln_1p()
    }
}

impl CountDistribution for Nb {
    /// In saddle-point form (Loader 2000), where no two large terms are left to cancel.
    fn log_prob(&self, y: u32) -> f64 {
        if y == 0 {
            return self.log_zero();
        }
        let (y, mu, theta) = (f64::from(y), self.mu, self.theta);
        let n = y + theta;
        let difference = y - mu;
        // θ log((θ+μ)/(θ+y)) + y log(y(θ+μ)/(μ(θ+y))); near y = μ without what is linear in t and u.
        let (t, u) = (-difference / n, difference / mu * (theta / n));
        let t_ratio = (theta + mu) / n;
        let u_ratio = t_ratio * (y / mu);
        let deviance = if t.abs() > 0.5 || u.abs() > 0.5 {
            theta * log_ratio(t, t_ratio) + y * log_ratio(u, u_ratio)
        } else {
            theta * log1p_minus_x(t, t_ratio) + y * log1p_minus_x(u, u_ratio) + u * difference
        };
        stirling_error(n)
            - stirling_error(theta)
            - stirling_error(y)
            - 0.5 * ((y / theta).ln_1p() + y.ln())
            - HALF_LN_2PI
            - deviance
    }

    fn mean(&self) -> f64 {
        self.mu
    }

    fn variance(&self) -> f64 {
        self.mu + self.mu * (self.mu / self.theta)
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> u32 {
        sample_count(self.mu, Some(self.theta), 0.0, rng) as u32
    }
}
