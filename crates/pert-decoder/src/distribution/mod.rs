//! Distributions of one count, in f64.

mod nb;
mod poisson;
mod special;
mod zinb;

use pert_core::ChaCha8Rng;

pub use nb::Nb;
pub use poisson::Poisson;
pub use zinb::Zinb;

use crate::error::Error;

/// Means and dispersions lie between its inverse and this: squares and quotients of two of them are still numbers.
const LARGEST_PARAMETER: f64 = 1e100;

/// A distribution over the integers 0, 1, 2, …
///
/// ```
/// use pert_decoder::{CountDistribution, Nb, Poisson, Zinb, seeded_rng};
/// let each: [Box<dyn CountDistribution>; 3] =
///     [Box::new(Poisson::new(3.0)?), Box::new(Nb::new(3.0, 2.0)?), Box::new(Zinb::new(3.0, 2.0, -1.0)?)];
/// for distribution in each {
///     let total: f64 = (0..500).map(|y| distribution.log_prob(y).exp()).sum();
///     assert!((total - 1.0).abs() < 1e-12);
///     let y: u32 = distribution.sample(&mut seeded_rng(0, "counts"));
///     assert!(distribution.log_prob(y) < 0.0);
/// }
/// # Ok::<(), pert_decoder::Error>(())
/// ```
pub trait CountDistribution {
    /// log P(y), nats.
    fn log_prob(&self, y: u32) -> f64;

    /// E\[y\], counts.
    fn mean(&self) -> f64;

    /// Var\[y\], counts².
    fn variance(&self) -> f64;

    /// One draw; what is above 2²⁴, the largest count held exactly, is drawn as 2²⁴.
    fn sample(&self, rng: &mut ChaCha8Rng) -> u32;
}

/// Refuses what is not a positive number within the range.
fn check_parameter(name: &'static str, value: f64) -> Result<(), Error> {
    if (1.0 / LARGEST_PARAMETER..=LARGEST_PARAMETER).contains(&value) {
        return Ok(());
    }
    Err(Error::setting(name, "in [1e-100, 1e100]", value))
}

#[cfg(test)]
mod tests {
    use pert_core::seeded_rng;

    use super::*;

    fn assert_moments(what: &str, distribution: &dyn CountDistribution) {
        const N: usize = 200_000;
        let mut rng = seeded_rng(11, "moments");
        let draws: Vec<f64> = (0..N).map(|_| f64::from(distribution.sample(&mut rng))).collect();
        let (mean, variance) = (distribution.mean(), distribution.variance());
        let found = draws.iter().sum::<f64>() / N as f64;
        let squares: Vec<f64> = draws.iter().map(|y| (y - mean).powi(2)).collect();
        let found_variance = squares.iter().sum::<f64>() / N as f64;
        let fourth = squares.iter().map(|s| (s - found_variance).powi(2)).sum::<f64>() / N as f64;
        // Five standard errors of each.
        let (bound, variance_bound) =
            (5.0 * (variance / N as f64).sqrt(), 5.0 * (fourth / N as f64).sqrt());
        assert!((found - mean).abs() < bound, "{what}: mean {found}, not {mean}");
        let difference = (found_variance - variance).abs();
        assert!(difference < variance_bound, "{what}: variance {found_variance}, not {variance}");
    }

    #[test]
    fn draws_have_the_mean_and_the_variance() {
        for mu in [0.05, 1.0, 7.0, 60.0, 5000.0] {
            assert_moments("Poisson", &Poisson::new(mu).unwrap());
            for theta in [0.5, 3.0, 1e5] {
                assert_moments("NB", &Nb::new(mu, theta).unwrap());
                for logit in [-3.0, 0.0, 1.0] {
                    assert_moments("ZINB", &Zinb::new(mu, theta, logit).unwrap());
                }
            }
        }
    }

    #[test]
    fn extremes_can_be_drawn() {
        let mut rng = seeded_rng(0, "extremes");
        for mu in [1e-100, 1e-12, 1.0, 19.0, 1e9, 1e100] {
            for theta in [1e-100, 1e-9, 1.0, 1e12, 1e100] {
                for logit in [-1e300, 0.0, 1e300] {
                    for _ in 0..20 {
                        let zinb = Zinb::new(mu, theta, logit).unwrap();
                        assert!(zinb.sample(&mut rng) <= 1 << 24);
                    }
                }
            }
            assert!(Poisson::new(mu).unwrap().sample(&mut rng) <= 1 << 24);
        }
        assert_eq!(Poisson::new(1e100).unwrap().sample(&mut rng), 1 << 24);
    }

    #[test]
    fn parameters_out_of_range_are_named() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e101] {
            for error in [
                Poisson::new(bad).unwrap_err(),
                Nb::new(bad, 1.0).unwrap_err(),
                Zinb::new(bad, 1.0, 0.0).unwrap_err(),
            ] {
                assert!(matches!(error, Error::InvalidSetting { name: "mu", .. }), "{error}");
            }
            let error = Nb::new(1.0, bad).unwrap_err();
            assert!(matches!(error, Error::InvalidSetting { name: "theta", .. }), "{error}");
        }
        let error = Zinb::new(1.0, 1.0, f64::NAN).unwrap_err();
        assert!(matches!(error, Error::InvalidSetting { name: "pi_logit", .. }), "{error}");
    }
}
