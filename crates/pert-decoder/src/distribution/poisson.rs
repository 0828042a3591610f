//! The Poisson distribution.

use pert_core::ChaCha8Rng;

use super::special::{HALF_LN_2PI, log1p_minus_x, stirling_error};
use super::{CountDistribution, check_parameter};
use crate::error::Error;
use crate::sample::sample_count;

/// Poisson(μ): P(y) = μ^y e^−μ / y!, mean and variance μ.
///
/// ```
/// use pert_decoder::{CountDistribution, Poisson};
/// let poisson = Poisson::new(2.0)?;
/// assert!((poisson.log_prob(3) - (8f64 / 6.0).ln() + 2.0).abs() < 1e-14);
/// assert_eq!((poisson.mean(), poisson.variance()), (2.0, 2.0));
/// # Ok::<(), pert_decoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Poisson {
    mu: f64,
}

impl Poisson {
    /// The distribution of mean `mu` (counts), in [1e-100, 1e100].
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn new(mu: f64) -> Result<Self, Error> {
        check_parameter("mu", mu)?;
        Ok(Self { mu })
    }

    /// For parameters that come out of a network.
    pub(crate) fn unchecked(mu: f64) -> Self {
        Self { mu }
    }
}

impl CountDistribution for Poisson {
    /// y log μ − μ − log y!, as y (log(1+t) − t) − ½ log 2πy − S(y), t = (μ−y)/y (Loader 2000).
    fn log_prob(&self, y: u32) -> f64 {
        if y == 0 {
            return -self.mu;
        }
        let y = f64::from(y);
        let deviance = y * log1p_minus_x((self.mu - y) / y, self.mu / y);
        deviance - 0.5 * y.ln() - HALF_LN_2PI - stirling_error(y)
    }

    fn mean(&self) -> f64 {
        self.mu
    }

    fn variance(&self) -> f64 {
        self.mu
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> u32 {
        sample_count(self.mu, None, 0.0, rng) as u32
    }
}
