//! Samples of Gaussians for the tests of what is known about them.

use pert_core::seeded_rng;
use rand_distr::{Distribution, StandardNormal};

use crate::{Gaussian, Rows};

/// n rows of N(0, diag(scales²)).
pub fn normal(n: usize, scales: &[f64], seed: u64) -> Vec<f64> {
    let mut rng = seeded_rng(seed, "frechet");
    (0..n)
        .flat_map(|_| scales.to_vec())
        .map(|scale| {
            let z: f64 = StandardNormal.sample(&mut rng);
            scale * z
        })
        .collect()
}

/// Their mean and covariance.
pub fn fit(values: &[f64], d: usize) -> Gaussian {
    Gaussian::fit(Rows::new(values, d).unwrap()).unwrap()
}
