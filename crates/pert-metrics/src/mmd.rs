//! Maximum mean discrepancy between two populations.

use rayon::prelude::*;

use crate::exponential::exp_nonpositive;
use crate::pairwise::{LANES, PairFunction, Pairs, squared_distance};
use crate::{Rows, median};

/// The kernels of [`mmd`]: γ as a multiple of median⁻².
pub const MMD_BANDWIDTHS: [f64; 6] = [2.0, 1.0, 0.5, 0.1, 0.01, 0.005];

/// Rows among which [`median_distance`] looks at all pairs: two million, a tenth of a second.
const MEDIAN_ROWS: usize = 2_000;

/// Unbiased squared maximum mean discrepancy with Gaussian kernels k(a, b) = exp(−γ ‖a − b‖²), mean over
/// γ = c · median⁻² for c in [`MMD_BANDWIDTHS`].
///
/// MMD² = mean_{i≠j} k(xᵢ, xⱼ) + mean_{i≠j} k(yᵢ, yⱼ) − 2 mean_{i,j} k(xᵢ, yⱼ) (Gretton et al. 2012, eq. 3). The median
/// is [`median_distance`]: of Euclidean distances between pooled rows. Without unit, and unchanged when all values are
/// moved or scaled alike. Its expectation is 0 for two samples of one distribution, so single values may be negative;
/// it is not the root, MMD. Time n² d; memory one copy of the rows.
///
/// NaN with fewer than two rows on a side, where a value is not finite, and where the median is 0 (more than half of
/// the pairs are equal rows).
///
/// # Panics
/// When the numbers of columns differ.
///
/// ```
/// use pert_metrics::{MMD_BANDWIDTHS, Rows, median_distance, mmd, mmd_with};
/// let (x, y) = ([0.0, 1.0, 0.5], [10.0, 11.0, 10.5]);
/// let (x, y) = (Rows::new(&x, 1)?, Rows::new(&y, 1)?);
/// let gammas = MMD_BANDWIDTHS.map(|c| c / median_distance(x, y).powi(2));
/// assert_eq!(mmd(x, y), mmd_with(x, y, &gammas));
/// assert!(mmd(x, y) > 0.5);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn mmd(x: Rows, y: Rows) -> f64 {
    let median = median_distance(x, y);
    mmd_with(x, y, &MMD_BANDWIDTHS.map(|c| c / (median * median)))
}

/// The same with given γ, the mean over them.
///
/// Units of γ: those of the space, to the power −2. Also NaN where `gammas` is empty or one is not positive and
/// finite.
///
/// # Panics
/// As [`mmd`].
///
/// ```
/// use pert_metrics::{Rows, mmd_with};
/// let (x, y) = ([0.0, 1.0], [2.0, 3.0]);
/// let k = |squared: f64| (-0.5 * squared).exp();
/// let expected = 2.0 * k(1.0) - (2.0 * k(4.0) + k(1.0) + k(9.0)) / 2.0;
/// let actual = mmd_with(Rows::new(&x, 1)?, Rows::new(&y, 1)?, &[0.5]);
/// assert!((actual - expected).abs() < 1e-14);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn mmd_with(x: Rows, y: Rows, gammas: &[f64]) -> f64 {
    assert_eq!(x.n_columns(), y.n_columns(), "both populations must live in one space");
    let usable = gammas.iter().all(|gamma| gamma.is_finite() && *gamma > 0.0);
    if x.n_rows() < 2 || y.n_rows() < 2 || gammas.is_empty() || !usable {
        return f64::NAN;
    }
    let chains = Chain::of(gammas);
    let (between, within_x, within_y) = Pairs::new(x, y).means(KernelSum(&chains));
    (within_x + within_y - 2.0 * between) / gammas.len() as f64
}

/// Median Euclidean distance over the pairs i < j of the rows of `x` and `y` taken together; the mean of the middle two
/// where their number is even.
///
/// Exact up to 2,000 rows in all. Of more, the 2,000 rows whose values have the smallest hash: a sample that depends
/// neither on a seed nor on the order of the rows (equal rows are chosen together or not at all). NaN below two rows
/// and where a value is not finite.
///
/// # Panics
/// When the numbers of columns differ.
///
/// ```
/// use pert_metrics::{Rows, median_distance};
/// // Distances 1, 3 and 4.
/// assert_eq!(median_distance(Rows::new(&[0.0, 1.0], 1)?, Rows::new(&[4.0], 1)?), 3.0);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn median_distance(x: Rows, y: Rows) -> f64 {
    assert_eq!(x.n_columns(), y.n_columns(), "both populations must live in one space");
    let mut rows: Vec<&[f64]> =
        [x, y].iter().flat_map(|side| (0..side.n_rows()).map(|i| side.row(i))).collect();
    if x.check_finite().is_err() || y.check_finite().is_err() {
        return f64::NAN;
    }
    if rows.len() > MEDIAN_ROWS {
        rows.sort_by_cached_key(|row| hash(row));
        rows.truncate(MEDIAN_ROWS);
    }
    let distances: Vec<f64> = (0..rows.len())
        .into_par_iter()
        .flat_map_iter(|i| {
            rows[i + 1..].iter().map(|other| squared_distance(rows[i], other)).collect::<Vec<f64>>()
        })
        .map(f64::sqrt)
        .collect();
    middle(distances)
}

/// As [`median`], in linear time.
fn middle(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let half = values.len() / 2;
    let n_is_odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if n_is_odd {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    median(&[lower, upper])
}

/// FNV-1a over the bits of the values, mixed at the end (MurmurHash3's last steps) so that the order of the hashes says
/// nothing about the values.
fn hash(row: &[f64]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for value in row {
        hash = (hash ^ value.to_bits()).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// γ, 2γ, 4γ, …: kernels of which each is the square of the one before, so one exponential serves all.
#[derive(Debug, Clone, PartialEq)]
struct Chain {
    gamma: f64,
    n_doublings: usize,
}

impl Chain {
    fn of(gammas: &[f64]) -> Vec<Self> {
        let mut sorted = gammas.to_vec();
        sorted.sort_by(f64::total_cmp);
        let mut chains: Vec<Self> = Vec::new();
        let mut previous = f64::NAN;
        for gamma in sorted {
            match chains.last_mut() {
                Some(chain) if gamma == 2.0 * previous => chain.n_doublings += 1,
                _ => chains.push(Self { gamma, n_doublings: 0 }),
            }
            previous = gamma;
        }
        chains
    }

    /// Σ over the chain of exp(−γ s), added to the running sums; `kernels` is working space as long as `squared`.
    #[inline(always)]
    fn add(&self, squared: &[f64], kernels: &mut [f64], sums: &mut [f64; LANES]) {
        for (kernel, s) in kernels.iter_mut().zip(squared) {
            *kernel = exp_nonpositive(-self.gamma * s);
        }
        add_to_lanes(kernels, sums);
        for _ in 0..self.n_doublings {
            kernels.iter_mut().for_each(|kernel| *kernel *= *kernel);
            add_to_lanes(kernels, sums);
        }
    }
}

#[inline(always)]
fn add_to_lanes(values: &[f64], sums: &mut [f64; LANES]) {
    let (chunks, remainder) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += chunk[lane];
        }
    }
    sums.iter_mut().zip(remainder).for_each(|(sum, value)| *sum += value);
}

/// Σ over γ of exp(−γ s).
#[derive(Clone, Copy)]
struct KernelSum<'a>(&'a [Chain]);

/// Kernels computed at a time: loops over an array, one step each, are what becomes vector instructions.
const BUFFER: usize = 256;

impl PairFunction for KernelSum<'_> {
    #[inline(always)]
    fn sum(self, squared: &[f64]) -> f64 {
        let mut lanes = [0.0; LANES];
        let mut buffer = [0.0; BUFFER];
        for part in squared.chunks(BUFFER) {
            for chain in self.0 {
                chain.add(part, &mut buffer[..part.len()], &mut lanes);
            }
        }
        lanes.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use pert_core::{seeded_rng, shuffled_indices};
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};

    fn normal(n: usize, d: usize, shift: f64, seed: u64) -> Vec<f64> {
        StandardNormal
            .sample_iter(&mut seeded_rng(seed, "mmd"))
            .take(n * d)
            .map(|z: f64| z + shift)
            .collect()
    }

    /// The definition, pair by pair.
    fn reference(x: Rows, y: Rows, gammas: &[f64]) -> f64 {
        let squared =
            |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(p, q)| (p - q).powi(2)).sum::<f64>();
        let mean = |x: Rows, y: Rows, gamma: f64, same: bool| {
            let (mut sum, mut n) = (0.0, 0);
            for i in 0..x.n_rows() {
                for j in (0..y.n_rows()).filter(|&j| !same || j != i) {
                    sum += (-gamma * squared(x.row(i), y.row(j))).exp();
                    n += 1;
                }
            }
            sum / f64::from(n)
        };
        let of = |&g: &f64| mean(x, x, g, true) + mean(y, y, g, true) - 2.0 * mean(x, y, g, false);
        gammas.iter().map(of).sum::<f64>() / gammas.len() as f64
    }

    #[test]
    fn samples_of_one_distribution_are_at_distance_zero_on_average() {
        let d = 5;
        let values: Vec<f64> = (0..40)
            .map(|s| {
                let (x, y) = (normal(60, d, 0.0, 2 * s), normal(80, d, 0.0, 2 * s + 1));
                mmd(Rows::new(&x, d).unwrap(), Rows::new(&y, d).unwrap())
            })
            .collect();
        let mean = values.iter().sum::<f64>() / 40.0;
        // The standard error of the mean of 40 is near 0.0004; a biased estimate would be off by 0.02.
        assert!(mean.abs() < 0.0016, "{mean}");
        assert!(values.iter().any(|v| *v < 0.0));
    }

    #[test]
    fn the_median_is_that_of_all_pairs_and_of_large_data_nearly_so() {
        let d = 3;
        let (x, y) = (normal(1500, d, 0.0, 1), normal(1600, d, 0.4, 2));
        let (rows_x, rows_y) = (Rows::new(&x, d).unwrap(), Rows::new(&y, d).unwrap());
        let pooled = [x.clone(), y.clone()].concat();
        let pooled = Rows::new(&pooled, d).unwrap();
        let mut all = Vec::new();
        for i in 0..pooled.n_rows() {
            all.extend(
                (i + 1..pooled.n_rows())
                    .map(|j| squared_distance(pooled.row(i), pooled.row(j)).sqrt()),
            );
        }
        // 2,000 of 3,100 rows: the standard error is below 1%.
        assert_relative_eq!(median_distance(rows_x, rows_y), median(&all), max_relative = 0.03);
        let order = shuffled_indices(1500, &mut seeded_rng(1, "order"));
        let shuffled = rows_x.gather(&order);
        let other = median_distance(rows_y, Rows::new(&shuffled, d).unwrap());
        assert_eq!(median_distance(rows_x, rows_y), other);
    }

    #[test]
    fn what_cannot_be_computed_is_nan() {
        fn rows(x: &[f64]) -> Rows<'_> {
            Rows::new(x, 1).unwrap()
        }
        assert!(mmd(rows(&[1.0]), rows(&[1.0, 2.0])).is_nan());
        assert!(mmd(rows(&[1.0, 1.0]), rows(&[1.0, 1.0])).is_nan());
        let two = rows(&[1.0, 2.0]);
        for gammas in [&[][..], &[0.0], &[-1.0], &[f64::NAN], &[1.0, f64::INFINITY]] {
            assert!(mmd_with(two, two, gammas).is_nan());
        }
        for bad in [f64::NAN, f64::INFINITY] {
            let bad = [1.0, bad];
            assert!(mmd(two, rows(&bad)).is_nan() && mmd_with(two, rows(&bad), &[1.0]).is_nan());
        }
    }

    #[test]
    fn doubled_gammas_share_an_exponential() {
        let chain = |gamma, n_doublings| Chain { gamma, n_doublings };
        assert_eq!(Chain::of(&MMD_BANDWIDTHS), [chain(0.005, 1), chain(0.1, 0), chain(0.5, 2)]);
        assert_eq!(Chain::of(&[3.0, 3.0]), [chain(3.0, 0), chain(3.0, 0)]);
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_bit() {
        let (x, y) = (normal(300, 11, 0.0, 1), normal(170, 11, 0.3, 2));
        let (x, y) = (Rows::new(&x, 11).unwrap(), Rows::new(&y, 11).unwrap());
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| mmd(x, y)).to_bits()
        };
        assert_eq!(on(1), on(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_definition_symmetric_and_blind_to_order_place_and_scale(
            n in 2..40usize, m in 2..40usize, d in 1..20usize, scale in 0.01..100.0f64, seed in 0..1000u64
        ) {
            let (x, y) = (normal(n, d, 0.0, seed), normal(m, d, 0.5, seed + 1000));
            let moved = |x: &[f64]| x.iter().map(|v| scale * (v + 1.0)).collect::<Vec<f64>>();
            let (moved_x, moved_y) = (moved(&x), moved(&y));
            let rows = |x| Rows::new(x, d).unwrap();
            let (x, y) = (rows(&x), rows(&y));
            let value = mmd(x, y);
            let gammas = MMD_BANDWIDTHS.map(|c| c / median_distance(x, y).powi(2));
            prop_assert!((value - reference(x, y, &gammas)).abs() < 1e-12);
            let one = &gammas[2..3];
            prop_assert!((mmd_with(x, y, one) - reference(x, y, one)).abs() < 1e-12);
            prop_assert!((value - mmd(y, x)).abs() < 1e-12);
            let shuffled = x.gather(&shuffled_indices(n, &mut seeded_rng(seed, "order")));
            prop_assert!((value - mmd(rows(&shuffled), y)).abs() < 1e-12);
            prop_assert!((value - mmd(rows(&moved_x), rows(&moved_y))).abs() < 1e-10);
        }
    }
}
