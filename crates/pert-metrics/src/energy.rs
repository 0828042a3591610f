//! Energy distance between two populations.

use crate::Rows;
use crate::pairwise::{LANES, PairFunction, Pairs};

/// Energy distance 2δ − σ_X − σ_Y with δ = mean ‖xᵢ − yⱼ‖, σ_X = mean over i ≠ j of ‖xᵢ − xⱼ‖, σ_Y likewise.
///
/// Euclidean norm, not squared. σ leaves the zero diagonal out, so the estimate is unbiased: its expectation is 0 for
/// two samples of one distribution, and single values may be negative. Székely & Rizzo 2013, eq. 1; the
/// unbiased form is the usual one for perturbation screens (Peidli et al. 2024). Units: those of the space.
/// Time n² d; memory one copy of the rows.
///
/// NaN with fewer than two rows on a side and where a value is not finite.
///
/// # Panics
/// When the numbers of columns differ.
///
/// ```
/// use pert_metrics::{Rows, energy_distance};
/// let (x, y) = ([0.0, 1.0], [10.0, 11.0]);
/// // 2 · 10 − 1 − 1
/// assert_eq!(energy_distance(Rows::new(&x, 1)?, Rows::new(&y, 1)?), 18.0);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn energy_distance(x: Rows, y: Rows) -> f64 {
    assert_eq!(x.n_columns(), y.n_columns(), "both populations must live in one space");
    if x.n_rows() < 2 || y.n_rows() < 2 {
        return f64::NAN;
    }
    let (between, within_x, within_y) = Pairs::new(x, y).means(Distance);
    2.0 * between - within_x - within_y
}

/// √s: the Euclidean distance.
#[derive(Clone, Copy)]
struct Distance;

impl PairFunction for Distance {
    #[inline(always)]
    fn sum(self, squared: &[f64]) -> f64 {
        let (chunks, remainder) = squared.as_chunks::<LANES>();
        let mut lanes = [0.0; LANES];
        for chunk in chunks {
            for lane in 0..LANES {
                lanes[lane] += chunk[lane].sqrt();
            }
        }
        lanes.iter().sum::<f64>() + remainder.iter().map(|s| s.sqrt()).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::{seeded_rng, shuffled_indices};
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};

    fn normal(n: usize, d: usize, shift: f64, seed: u64) -> Vec<f64> {
        let mut rng = seeded_rng(seed, "energy");
        (0..n * d)
            .map(|_| {
                let z: f64 = StandardNormal.sample(&mut rng);
                z + shift
            })
            .collect()
    }

    #[test]
    fn samples_of_one_distribution_are_at_distance_zero_on_average() {
        let d = 5;
        let mean = (0..40)
            .map(|s| {
                let (x, y) = (normal(80, d, 0.0, 2 * s), normal(90, d, 0.0, 2 * s + 1));
                energy_distance(Rows::new(&x, d).unwrap(), Rows::new(&y, d).unwrap())
            })
            .sum::<f64>()
            / 40.0;
        // The standard error of the mean of 40 is near 0.003 here; a biased σ would be off by 0.07.
        assert!(mean.abs() < 0.012, "{mean}");
    }

    #[test]
    fn values_without_a_place_are_nan() {
        let two = Rows::new(&[1.0, 2.0], 1).unwrap();
        for bad in [f64::NAN, f64::INFINITY] {
            assert!(energy_distance(Rows::new(&[1.0, bad], 1).unwrap(), two).is_nan());
        }
    }

    #[test]
    fn too_few_rows_are_nan() {
        let one = Rows::new(&[1.0], 1).unwrap();
        assert!(energy_distance(one, Rows::new(&[1.0, 2.0], 1).unwrap()).is_nan());
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_bit() {
        let (x, y) = (normal(300, 11, 0.0, 1), normal(170, 11, 0.3, 2));
        let (x, y) = (Rows::new(&x, 11).unwrap(), Rows::new(&y, 11).unwrap());
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| energy_distance(x, y)).to_bits()
        };
        assert_eq!(on(1), on(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn symmetric_and_blind_to_the_order_of_rows(
            n in 2..40usize, m in 2..40usize, d in 1..20usize, seed in 0..1000u64
        ) {
            let (x, y) = (normal(n, d, 0.0, seed), normal(m, d, 0.5, seed + 1000));
            let (x, y) = (Rows::new(&x, d).unwrap(), Rows::new(&y, d).unwrap());
            let e = energy_distance(x, y);
            let shuffled = x.gather(&shuffled_indices(n, &mut seeded_rng(seed, "order")));
            prop_assert!((e - energy_distance(y, x)).abs() < 1e-11);
            prop_assert!((e - energy_distance(Rows::new(&shuffled, d).unwrap(), y)).abs() < 1e-11);
        }
    }
}
