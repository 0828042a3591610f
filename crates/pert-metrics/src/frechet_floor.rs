//! The Fréchet distance of populations that do not differ.

use pert_core::{ChaCha8Rng, shuffled_indices};
use rayon::prelude::*;

use crate::frechet::frechet_distance;
use crate::{Error, Gaussian, Rows};

/// The Fréchet distance to expect between n real and n generated cells of one distribution, from real cells only.
///
/// Half the distance between two disjoint random halves of the n rows, mean over `n_splits`: the distance falls as
/// 1/n to leading order, so that of halves is twice that of n against n. With odd n a row is left out and the factor is
/// ⌊n/2⌋/n. Halves are never resampled up to n, which would triple the value.
///
/// NaN below four rows, without splits, or when a value is not finite.
///
/// ```
/// use pert_core::seeded_rng;
/// use pert_metrics::{Rows, frechet_floor, frechet_floor_closed_form};
/// use rand_distr::{Distribution, StandardNormal};
///
/// let mut rng = seeded_rng(0, "example");
/// let cells: Vec<f64> = StandardNormal.sample_iter(&mut rng).take(400 * 5).collect();
/// let floor = frechet_floor(Rows::new(&cells, 5)?, 20, &mut rng);
/// let expected = frechet_floor_closed_form(&[1.0; 5], 400);
/// assert!((floor / expected - 1.0).abs() < 0.3);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn frechet_floor(real: Rows, n_splits: usize, rng: &mut ChaCha8Rng) -> f64 {
    frechet_floor_with(real, n_splits, rng, Gaussian::fit)
}

/// [`frechet_floor`] with another estimate of the covariance, which must be the one of the distance it stands beside.
///
/// ```
/// use pert_core::seeded_rng;
/// use pert_metrics::{Gaussian, Rows, frechet_floor_with};
/// // Six cells in four dimensions: halves of three, whose plain covariances would be singular.
/// let cells: Vec<f64> = (0..24).map(|i| f64::from(i * i % 7)).collect();
/// let cells = Rows::new(&cells, 4)?;
/// let floor = frechet_floor_with(cells, 20, &mut seeded_rng(0, "example"), Gaussian::fit_shrunk);
/// assert!(floor > 0.0);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn frechet_floor_with(
    real: Rows,
    n_splits: usize,
    rng: &mut ChaCha8Rng,
    fit: impl Fn(Rows) -> Result<Gaussian, Error> + Sync,
) -> f64 {
    let n = real.n_rows();
    let half = n / 2;
    if half < 2 || n_splits == 0 {
        return f64::NAN;
    }
    let orders: Vec<Vec<usize>> = (0..n_splits).map(|_| shuffled_indices(n, rng)).collect();
    let distances: Vec<f64> = orders
        .par_iter()
        .map(|order| {
            let fit_half =
                |chosen: &[usize]| fit(Rows::new(&real.gather(chosen), real.n_columns())?);
            match (fit_half(&order[..half]), fit_half(&order[half..2 * half])) {
                (Ok(a), Ok(b)) => frechet_distance(&a, &b),
                _ => f64::NAN,
            }
        })
        .collect();
    distances.iter().sum::<f64>() / n_splits as f64 * half as f64 / n as f64
}

/// The same floor for a Gaussian, to leading order in 1/n:
/// (2/n) Σᵢ λᵢ + (1/n) Σᵢⱼ λᵢλⱼ (1 + δᵢⱼ) / (λᵢ + λⱼ), λ the eigenvalues of the covariance.
///
/// The first term comes from the means, the second from the covariances: 20/n + 55/n for N(0, I) in 10 dimensions.
/// Pairs with λᵢ + λⱼ ≤ 0 add nothing.
///
/// ```
/// let floor = pert_metrics::frechet_floor_closed_form(&[1.0; 10], 100);
/// assert!((floor - 0.75).abs() < 1e-12);
/// ```
pub fn frechet_floor_closed_form(eigenvalues: &[f64], n: usize) -> f64 {
    let means = 2.0 * eigenvalues.iter().sum::<f64>();
    let mut covariances = 0.0;
    for (i, &p) in eigenvalues.iter().enumerate() {
        for (j, &q) in eigenvalues.iter().enumerate() {
            if p + q > 0.0 {
                covariances += p * q * if i == j { 2.0 } else { 1.0 } / (p + q);
            }
        }
    }
    (means + covariances) / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian_samples::{fit, normal};
    use approx::assert_relative_eq;
    use pert_core::seeded_rng;

    #[test]
    fn the_floor_of_a_standard_gaussian_is_75_over_n() {
        let n = 2000;
        let x = normal(n, &[1.0; 10], 5);
        let floor = frechet_floor(Rows::new(&x, 10).unwrap(), 40, &mut seeded_rng(0, "floor"));
        assert_relative_eq!(floor * n as f64, 75.0, max_relative = 0.1);
    }

    #[test]
    fn halves_agree_with_the_closed_form_for_any_spectrum() {
        let scales = [3.0, 2.0, 1.0, 0.5, 0.2];
        let n = 3001;
        let x = normal(n, &scales, 6);
        let rows = Rows::new(&x, scales.len()).unwrap();
        let floor = frechet_floor(rows, 60, &mut seeded_rng(1, "floor"));
        let lambda = Gaussian::fit(rows).unwrap().eigenvalues().unwrap();
        let closed = frechet_floor_closed_form(&lambda, n);
        // 60 splits of one sample of 3,001: sampling error near 5%.
        assert_relative_eq!(floor, closed, max_relative = 0.15);
    }

    #[test]
    fn floors_are_seeded_and_undefined_where_halves_are() {
        let x = normal(101, &[1.0; 4], 7);
        let rows = Rows::new(&x, 4).unwrap();
        let floor = |seed| frechet_floor(rows, 5, &mut seeded_rng(seed, "floor"));
        assert_eq!(floor(1).to_bits(), floor(1).to_bits());
        assert_ne!(floor(1), floor(2));
        let three = Rows::new(&x[..12], 4).unwrap();
        assert!(frechet_floor(three, 5, &mut seeded_rng(1, "floor")).is_nan());
        assert!(frechet_floor(rows, 0, &mut seeded_rng(1, "floor")).is_nan());
    }

    /// Mean Fréchet distance between n and n fresh rows: what the floor estimates.
    fn true_floor(n: usize, scales: &[f64], n_draws: u64) -> f64 {
        let d = scales.len();
        let distances: Vec<f64> = (0..n_draws)
            .into_par_iter()
            .map(|i| {
                let draw = |seed| fit(&normal(n, scales, seed), d);
                frechet_distance(&draw(1_000_000 + 2 * i), &draw(1_000_001 + 2 * i))
            })
            .collect();
        distances.iter().sum::<f64>() / n_draws as f64
    }

    #[test]
    fn the_floor_is_the_distance_between_fresh_samples_for_any_spectrum() {
        let flat = |d: usize| vec![1.0; d];
        let geometric = |d: usize| (0..d).map(|i| 0.5f64.powi(i as i32).sqrt()).collect();
        let dominant = |d: usize| (0..d).map(|i| if i == 0 { 10.0 } else { 1.0 }).collect();
        for d in [5, 10, 20] {
            for (spectrum, scales) in
                [("flat", flat(d)), ("geometric", geometric(d)), ("dominant", dominant(d))]
            {
                for (n, n_sets, n_draws) in [(500, 100, 1000), (2000, 100, 1000)] {
                    let truth = true_floor(n, &scales, n_draws);
                    let estimates: Vec<f64> = (0..n_sets)
                        .into_par_iter()
                        .map(|seed| {
                            let x = normal(n, &scales, seed);
                            let rows = Rows::new(&x, d).unwrap();
                            frechet_floor(rows, 10, &mut seeded_rng(seed, "floor"))
                        })
                        .collect();
                    let estimate = estimates.iter().sum::<f64>() / n_sets as f64;
                    // The standard error of the ratio is near 2%, and 4% where one direction dominates.
                    let ratio = estimate / truth;
                    println!("{spectrum:9} d = {d:2}, n = {n:4}: estimate / truth {ratio:.3}");
                    assert!((ratio - 1.0).abs() < 0.1, "{spectrum}, d = {d}, n = {n}: {ratio}");
                }
            }
        }
    }
}
