//! The zero-inflated negative binomial.

use pert_core::ChaCha8Rng;

use super::special::{log_sigmoid, sigmoid};
use super::{CountDistribution, Nb};
use crate::error::Error;
use crate::sample::sample_count;

/// ZINB(μ, θ, π): 0 with probability π = σ(logit), else NB(μ, θ) with **inverse** dispersion θ (Lopez et al. 2018).
///
/// P(0) = π + (1−π) NB(0), P(y) = (1−π) NB(y); mean (1−π) μ, variance (1−π) μ (1 + μ (π + 1/θ)). It is scvi-tools'
/// `ZeroInflatedNegativeBinomial(mu, theta, zi_logits)`.
///
/// ```
/// use pert_decoder::{CountDistribution, Zinb};
/// // Dropout of one half, θ = 1, μ = 3: P(0) = ½ + ½ · ¼.
/// let zinb = Zinb::new(3.0, 1.0, 0.0)?;
/// assert!((zinb.log_prob(0).exp() - 0.625).abs() < 1e-15);
/// assert_eq!((zinb.mean(), zinb.variance()), (1.5, 8.25));
/// # Ok::<(), pert_decoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zinb {
    nb: Nb,
    pi_logit: f64,
}

impl Zinb {
    /// Mean `mu` before dropout and inverse dispersion `theta`, both in [1e-100, 1e100]; `pi_logit` any finite number.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn new(mu: f64, theta: f64, pi_logit: f64) -> Result<Self, Error> {
        if !pi_logit.is_finite() {
            return Err(Error::setting("pi_logit", "a finite number", pi_logit));
        }
        Ok(Self { nb: Nb::new(mu, theta)?, pi_logit })
    }

    /// For parameters that come out of a network.
    pub(crate) fn unchecked(mu: f64, theta: f64, pi_logit: f64) -> Self {
        Self { nb: Nb::unchecked(mu, theta), pi_logit }
    }
}

impl CountDistribution for Zinb {
    fn log_prob(&self, y: u32) -> f64 {
        let keep = log_sigmoid(-self.pi_logit);
        if y > 0 {
            return keep + self.nb.log_prob(y);
        }
        let log_zero = self.nb.log_zero();
        // 1 − (1−π)(1 − NB(0)) where that is near 1, a sum of exponentials elsewhere.
        let missing = -keep.exp() * log_zero.exp_m1();
        if missing <= 0.5 {
            return (-missing).ln_1p();
        }
        let (dropped, kept) = (log_sigmoid(self.pi_logit), keep + log_zero);
        dropped.max(kept) + (-(dropped - kept).abs()).exp().ln_1p()
    }

    fn mean(&self) -> f64 {
        sigmoid(-self.pi_logit) * self.nb.mean()
    }

    fn variance(&self) -> f64 {
        let (mu, pi) = (self.nb.mean(), sigmoid(self.pi_logit));
        self.mean() * (1.0 + mu * pi + mu / self.nb.theta())
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> u32 {
        sample_count(self.nb.mean(), Some(self.nb.theta()), sigmoid(self.pi_logit), rng) as u32
    }
}
