//! Integer counts from a rate, a dispersion and a dropout probability.

use pert_core::{ChaCha8Rng, LARGEST_COUNT};
use rand::Rng;
use rand_distr::{Distribution, Gamma, Poisson};

/// Up to this mean the distribution function is walked from 0: a few multiplications for nearly every count.
const INVERSION_LIMIT: f64 = 20.0;

/// Mass that is no longer worth walking: below the resolution of the uniform draw.
const NEGLIGIBLE_MASS: f64 = 1e-17;

/// 2⁻⁵³: a 53-bit integer times this is uniform on [0, 1).
const ULP_53: f64 = 1.0 / 9_007_199_254_740_992.0;

/// One draw of dropout(π) · NB(μ, θ), or of Poisson(μ) where `theta` is `None`.
///
/// One uniform decides small means by inversion: y > 0 needs u < (1−π)(1 − p₀) ≤ (1−π) μ, so that the zeros, nine
/// tenths of single-cell counts, mostly cost one comparison. Larger means are drawn as gamma–Poisson mixtures.
pub(crate) fn sample_count(mu: f64, theta: Option<f64>, pi: f64, rng: &mut ChaCha8Rng) -> f64 {
    let u = (rng.next_u64() >> 11) as f64 * ULP_53;
    let keep = 1.0 - pi;
    if mu <= INVERSION_LIMIT {
        if u >= keep * mu {
            return 0.0;
        }
        return invert(u / keep, mu, theta);
    }
    if u >= keep {
        return 0.0;
    }
    let rate = match theta {
        // Scale μ/θ keeps the mean of the gamma at μ.
        Some(theta) => Gamma::new(theta, mu / theta).map_or(mu, |gamma| gamma.sample(rng)),
        None => mu,
    };
    // Beyond twice the largest count every draw is cut anyway.
    let y = Poisson::new(rate.min(2.0 * f64::from(LARGEST_COUNT)))
        .map_or(0.0, |poisson| poisson.sample(rng));
    y.min(f64::from(LARGEST_COUNT))
}

/// The y > 0 whose share of (0, 1 − p₀) holds `target`; 0 beyond.
fn invert(target: f64, mu: f64, theta: Option<f64>) -> f64 {
    let log_zero = theta.map_or(-mu, |theta| -theta * (mu / theta).ln_1p());
    if target >= -log_zero.exp_m1() {
        return 0.0;
    }
    let (mut y, mut mass, mut cumulative) = (0.0, log_zero.exp(), 0.0);
    loop {
        // p(y+1)/p(y) of the negative binomial, and its limit for θ → ∞.
        mass *= match theta {
            Some(theta) => (y + theta) / (y + 1.0) * (mu / (mu + theta)),
            None => mu / (y + 1.0),
        };
        y += 1.0;
        cumulative += mass;
        let is_last = (mass < NEGLIGIBLE_MASS && y > mu) || y >= f64::from(LARGEST_COUNT);
        if target < cumulative || is_last {
            return y;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_those_of_the_distribution() {
        use statrs::distribution::{Discrete, NegativeBinomial, Poisson};
        let n = 40_000;
        for (mu, theta, pi) in [
            (0.01, Some(0.5), 0.0),
            (1.5, Some(0.3), 0.2),
            (15.0, Some(4.0), 0.5),
            (25.0, Some(2.0), 0.1),
            (1.0, None, 0.0),
            (30.0, None, 0.0),
        ] {
            let mut rng = pert_core::seeded_rng(5, "sample");
            let mut seen = vec![0.0f64; 4000];
            for _ in 0..n {
                seen[sample_count(mu, theta, pi, &mut rng) as usize] += 1.0;
            }
            let (mut chi2, mut cells, mut rest) = (0.0, 0.0, 0.0);
            for (y, &seen) in seen.iter().enumerate() {
                let mass = match theta {
                    Some(theta) => {
                        NegativeBinomial::new(theta, theta / (theta + mu)).unwrap().pmf(y as u64)
                    }
                    None => Poisson::new(mu).unwrap().pmf(y as u64),
                };
                let expected = f64::from(n) * ((1.0 - pi) * mass + if y == 0 { pi } else { 0.0 });
                if expected >= 10.0 {
                    chi2 += (seen - expected).powi(2) / expected;
                    cells += 1.0;
                } else {
                    rest += seen - expected;
                }
            }
            // χ² has mean and half variance `cells`: four standard deviations.
            assert!(chi2 < cells + 4.0 * (2.0f64 * cells).sqrt(), "{mu} {theta:?}: {chi2}/{cells}");
            assert!(rest.abs() < 100.0, "{mu} {theta:?}: {rest} too many in the tail");
        }
    }
}
