//! How sure a number is: percentile intervals over resampled perturbations or cells.

use pert_core::{ChaCha8Rng, seeded_rng};
use rand::Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::{Rows, matrix_product, median};

/// Resamples of cells whose means are one product, faster than one by one; bounds the memory.
const RESAMPLES_PER_PRODUCT: usize = 64;

/// An interval of a number, in its units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Percentile bootstrap: what a statistic is in `n_resamples` samples drawn with replacement, and the quantiles
/// (1 ± level)/2 of that (Efron & Tibshirani 1993, chapter 13).
///
/// Two things can be drawn anew:
///
/// - **perturbations**, for how a summary would look for others of their kind: [`median`](Self::median),
///   [`median_difference`](Self::median_difference), [`difference_of_medians`](Self::difference_of_medians);
/// - **cells**, for how a number would look for other cells of its perturbation:
///   [`of_mean_profile`](Self::of_mean_profile).
///
/// Over cells only numbers of *mean profiles* may be bootstrapped, and distances with a grain of salt: a resampled mean
/// carries the sampling error twice, so that where this error is most of the distance (`l2`, `mae` and 1 − `r2` of a
/// nearly perfect prediction) the interval lies above the number itself. Distances of populations that have a floor
/// (Fréchet, energy, MMD, Wasserstein) must not be: cells drawn twice are at distance 0 from themselves, and the floor
/// triples.
///
/// ```
/// use pert_core::seeded_rng;
/// use pert_metrics::Bootstrap;
/// let r2 = [0.91, 0.85, 0.88, 0.95, 0.79, 0.90, 0.93, 0.86];
/// let interval = Bootstrap::default().median(&r2, &mut seeded_rng(0, "example")).unwrap();
/// assert!(interval.low < 0.89 && 0.89 < interval.high);
/// assert!(interval.low >= 0.79 && interval.high <= 0.95);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Share of the resamples inside the interval, in (0, 1). Default 0.95.
    pub level: f64,
    /// Number of resamples. Default 1,000 (Efron & Tibshirani 1993, section 14.1).
    pub n_resamples: usize,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { level: 0.95, n_resamples: 1_000 }
    }
}

impl Bootstrap {
    /// The interval of a statistic of `n` things, which gets the indices drawn, `[n]`; parallel over resamples.
    ///
    /// Resamples where the statistic is NaN are left out; `None` where it is NaN in all, or n = 0. The result depends on
    /// the state of `rng`, not on the number of threads.
    ///
    /// # Panics
    /// When the level is not in (0, 1).
    ///
    /// ```
    /// use pert_core::seeded_rng;
    /// use pert_metrics::{Bootstrap, pearson};
    /// let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.1, 1.8, 3.3, 4.1, 4.7, 6.3]);
    /// let interval = Bootstrap::default()
    ///     .interval(6, &mut seeded_rng(0, "example"), |drawn| {
    ///         let pick = |x: &[f64]| drawn.iter().map(|&i| x[i]).collect::<Vec<f64>>();
    ///         pearson(&pick(&a), &pick(&b))
    ///     })
    ///     .unwrap();
    /// assert!(0.9 < interval.low && interval.high <= 1.0);
    /// ```
    pub fn interval(
        &self,
        n: usize,
        rng: &mut ChaCha8Rng,
        statistic: impl Fn(&[usize]) -> f64 + Sync,
    ) -> Option<Interval> {
        if n == 0 {
            return None;
        }
        let replicates: Vec<f64> = self
            .generators(rng)
            .into_par_iter()
            .map(|mut rng| statistic(&resampled_indices(n, &mut rng)))
            .collect();
        self.of_replicates(&replicates)
    }

    /// The interval of what a statistic was in resamples drawn elsewhere; NaN left out, `None` without any other.
    ///
    /// # Panics
    /// When the level is not in (0, 1).
    ///
    /// ```
    /// use pert_metrics::{Bootstrap, Interval};
    /// let replicates: Vec<f64> = (0..=1_000).map(f64::from).collect();
    /// let interval = Bootstrap::default().of_replicates(&replicates).unwrap();
    /// assert!((interval.low - 25.0).abs() < 1e-9 && (interval.high - 975.0).abs() < 1e-9);
    /// assert_eq!(Bootstrap::default().of_replicates(&[f64::NAN]), None);
    /// ```
    pub fn of_replicates(&self, replicates: &[f64]) -> Option<Interval> {
        assert!(0.0 < self.level && self.level < 1.0, "a level in (0, 1), found {}", self.level);
        let replicates: Vec<f64> = replicates.iter().copied().filter(|v| !v.is_nan()).collect();
        let tail = (1.0 - self.level) / 2.0;
        (!replicates.is_empty()).then(|| Interval {
            low: quantile(&replicates, tail),
            high: quantile(&replicates, 1.0 - tail),
        })
    }

    /// The interval of the median of values over perturbations; NaN left out, `None` without any other.
    ///
    /// Of few values it is too narrow (of one it has no width): say how many there were beside it.
    pub fn median(&self, values: &[f64], rng: &mut ChaCha8Rng) -> Option<Interval> {
        let values: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        self.interval(values.len(), rng, |drawn| {
            median(&drawn.iter().map(|&i| values[i]).collect::<Vec<f64>>())
        })
    }

    /// The interval of the median of first − second over perturbations, as in
    /// [`Comparison`](crate::Comparison); pairs with a NaN left out.
    ///
    /// # Panics
    /// When the lengths differ.
    ///
    /// ```
    /// use pert_core::seeded_rng;
    /// use pert_metrics::Bootstrap;
    /// // The model is 0.1 better everywhere, however much the perturbations differ.
    /// let (model, baseline) = ([0.9, 0.5, 0.7], [0.8, 0.4, 0.6]);
    /// let interval =
    ///     Bootstrap::default().median_difference(&model, &baseline, &mut seeded_rng(0, "example"));
    /// assert!((interval.unwrap().low - 0.1).abs() < 1e-12);
    /// ```
    pub fn median_difference(
        &self,
        first: &[f64],
        second: &[f64],
        rng: &mut ChaCha8Rng,
    ) -> Option<Interval> {
        assert_eq!(first.len(), second.len(), "both methods must have the same perturbations");
        let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
        self.median(&differences, rng)
    }

    /// The interval of median(first) − median(second), both over the perturbations drawn; pairs with a NaN left out.
    ///
    /// # Panics
    /// When the lengths differ.
    ///
    /// ```
    /// use pert_core::seeded_rng;
    /// use pert_metrics::Bootstrap;
    /// let (model, baseline) = ([0.9, 0.5, 0.7], [0.8, 0.4, 0.6]);
    /// let interval =
    ///     Bootstrap::default().difference_of_medians(&model, &baseline, &mut seeded_rng(0, "example"));
    /// assert!((interval.unwrap().high - 0.1).abs() < 1e-12);
    /// ```
    pub fn difference_of_medians(
        &self,
        first: &[f64],
        second: &[f64],
        rng: &mut ChaCha8Rng,
    ) -> Option<Interval> {
        assert_eq!(first.len(), second.len(), "both methods must have the same perturbations");
        let (first, second): (Vec<f64>, Vec<f64>) =
            first.iter().zip(second).filter(|(a, b)| !a.is_nan() && !b.is_nan()).unzip();
        self.interval(first.len(), rng, |drawn| {
            let of_drawn =
                |values: &[f64]| median(&drawn.iter().map(|&i| values[i]).collect::<Vec<f64>>());
            of_drawn(&first) - of_drawn(&second)
        })
    }

    /// The intervals of K metrics of the mean profile of cells drawn with replacement; parallel over resamples.
    ///
    /// `cells` are the real cells of one perturbation, `[n_cells, n_genes]`; `metrics` gets a resampled mean, `[n_genes]`,
    /// and scores the prediction against it. Only for metrics of mean profiles (`r2`, `pearson_delta`, `l2`, `mae`): see
    /// [`Bootstrap`]. `None` for a metric that is always NaN, and without cells. Time n_cells · n_genes per resample.
    ///
    /// # Panics
    /// When the level is not in (0, 1).
    ///
    /// ```
    /// use pert_core::seeded_rng;
    /// use pert_metrics::{Bootstrap, Rows, mae, r2};
    /// let cells = [0.9, 2.1, 3.0, 1.2, 1.7, 3.1, 1.0, 2.0, 2.8];
    /// let predicted = [1.0, 2.0, 3.0];
    /// let [of_r2, of_mae] = Bootstrap::default().of_mean_profile(
    ///     Rows::new(&cells, 3)?,
    ///     &mut seeded_rng(0, "example"),
    ///     |mean| [r2(mean, &predicted), mae(mean, &predicted)],
    /// );
    /// assert!(of_r2.unwrap().low > 0.9 && of_mae.unwrap().high < 0.25);
    /// # Ok::<(), pert_metrics::Error>(())
    /// ```
    pub fn of_mean_profile<const K: usize>(
        &self,
        cells: Rows,
        rng: &mut ChaCha8Rng,
        metrics: impl Fn(&[f64]) -> [f64; K] + Sync,
    ) -> [Option<Interval>; K] {
        let n = cells.n_rows();
        if n == 0 {
            return [None; K];
        }
        let mut generators = self.generators(rng);
        let mut replicates: Vec<[f64; K]> = Vec::with_capacity(self.n_resamples);
        for block in generators.chunks_mut(RESAMPLES_PER_PRODUCT) {
            let weights: Vec<f64> = block
                .par_iter_mut()
                .flat_map_iter(|rng| resampled_weights(n, rng))
                .map(|weight| f64::from(weight) / n as f64)
                .collect(); // [block, n_cells]
            let weights = Rows::new(&weights, n).expect("a weight per cell");
            let means = matrix_product(weights, cells); // [block, n_genes]
            replicates.par_extend(means.par_chunks_exact(cells.n_columns()).map(&metrics));
        }
        std::array::from_fn(|k| {
            self.of_replicates(&replicates.iter().map(|values| values[k]).collect::<Vec<f64>>())
        })
    }

    /// One generator per resample, so that resamples can be drawn in any order.
    fn generators(&self, rng: &mut ChaCha8Rng) -> Vec<ChaCha8Rng> {
        (0..self.n_resamples).map(|_| seeded_rng(rng.next_u64(), "bootstrap/resample")).collect()
    }
}

/// `n` indices below `n` drawn with replacement, `[n]`: `next_u64() % n` each.
///
/// ```
/// use pert_core::seeded_rng;
/// let drawn = pert_metrics::resampled_indices(5, &mut seeded_rng(0, "example"));
/// assert!(drawn.len() == 5 && drawn.iter().all(|&i| i < 5));
/// ```
pub fn resampled_indices(n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    (0..n).map(|_| (rng.next_u64() % n as u64) as usize).collect()
}

/// How often each of `n` rows is drawn when `n` are drawn with replacement, `[n]`: as [`resampled_indices`], counted.
///
/// ```
/// use pert_core::seeded_rng;
/// let weights = pert_metrics::resampled_weights(5, &mut seeded_rng(0, "example"));
/// assert_eq!(weights.iter().sum::<u32>(), 5);
/// ```
pub fn resampled_weights(n: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut weights = vec![0; n];
    resampled_indices(n, rng).into_iter().for_each(|i| weights[i] += 1);
    weights
}

/// Weighted mean of each column, Σᵢ wᵢ xᵢ / Σᵢ wᵢ, `[n_columns]`; NaN where all weights are 0.
///
/// Rows of weight 0 are not read.
///
/// # Panics
/// When there is not one weight per row.
///
/// ```
/// use pert_metrics::{Rows, resampled_mean};
/// let x = [1.0, 2.0, 3.0, 6.0, 8.0, 0.0];
/// // The first row drawn twice, the last once.
/// assert_eq!(resampled_mean(Rows::new(&x, 2)?, &[2, 0, 1]), [10.0 / 3.0, 4.0 / 3.0]);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn resampled_mean(rows: Rows, weights: &[u32]) -> Vec<f64> {
    assert_eq!(rows.n_rows(), weights.len(), "every row needs its weight");
    let mut mean = vec![0.0; rows.n_columns()];
    for (i, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0) {
        let weight = f64::from(weight);
        mean.iter_mut().zip(rows.row(i)).for_each(|(m, v)| *m += weight * v);
    }
    let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    mean.iter_mut().for_each(|m| *m /= total);
    mean
}

/// The value below which a share `q` of the values lies: (1 − f) x\[k\] + f x\[k + 1\] of the sorted values counted from
/// 0, k and f the whole and the fractional part of (n − 1) q.
///
/// Type 7 of Hyndman & Fan 1996, the default of `numpy.quantile`. NaN of nothing and where a value is NaN.
///
/// # Panics
/// When `q` is not in [0, 1].
///
/// ```
/// use pert_metrics::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 2.0], 0.25), 1.5);
/// assert!(quantile(&[], 0.5).is_nan());
/// ```
pub fn quantile(values: &[f64], q: f64) -> f64 {
    assert!((0.0..=1.0).contains(&q), "a quantile in [0, 1], found {q}");
    if values.is_empty() || values.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = (sorted.len() - 1) as f64 * q;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let (low, high) = (sorted[below], sorted[above]);
    // Between equal values there is nothing to go, not even from infinity to infinity.
    if low == high { low } else { low + (place - place.floor()) * (high - low) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{column_means, mae};
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        StandardNormal.sample_iter(&mut seeded_rng(seed, "noise")).take(n).collect()
    }

    #[test]
    fn nothing_has_no_interval_and_one_value_one_without_width() {
        let bootstrap = Bootstrap::default();
        let mut rng = seeded_rng(0, "test");
        assert_eq!(bootstrap.median(&[], &mut rng), None);
        assert_eq!(bootstrap.median(&[f64::NAN], &mut rng), None);
        let one = bootstrap.median(&[2.0, f64::NAN], &mut rng);
        assert_eq!(one, Some(Interval { low: 2.0, high: 2.0 }));
        assert_eq!(bootstrap.difference_of_medians(&[1.0], &[f64::NAN], &mut rng), None);
        let none = bootstrap.of_mean_profile(Rows::new(&[], 3).unwrap(), &mut rng, |_| [0.0, 1.0]);
        assert_eq!(none, [None, None]);
        assert_eq!(bootstrap.interval(3, &mut rng, |_| f64::NAN), None);
    }

    #[test]
    fn intervals_of_a_median_cover_it_as_often_as_they_say() {
        let bootstrap = Bootstrap { n_resamples: 400, ..Bootstrap::default() };
        const N_TRIALS: u64 = 400;
        let covered = (0..N_TRIALS)
            .filter(|&seed| {
                let interval =
                    bootstrap.median(&noise(60, seed), &mut seeded_rng(seed, "coverage")).unwrap();
                interval.low <= 0.0 && 0.0 <= interval.high
            })
            .count();
        // Standard deviation of the share: √(0.95 · 0.05 / 400) = 0.011; five of them.
        let share = covered as f64 / N_TRIALS as f64;
        assert!((share - 0.95).abs() < 0.055, "{share}");
    }

    #[test]
    fn the_spread_of_a_resampled_mean_is_its_standard_error() {
        const N: usize = 400;
        let x = noise(N, 1);
        let rows = Rows::new(&x, 1).unwrap();
        let bootstrap = Bootstrap { n_resamples: 4_000, ..Bootstrap::default() };
        let [mean] = bootstrap.of_mean_profile(rows, &mut seeded_rng(2, "mean"), |mean| [mean[0]]);
        let width = mean.unwrap().high - mean.unwrap().low;
        let variance =
            x.iter().map(|v| v * v).sum::<f64>() / N as f64 - column_means(rows)[0].powi(2);
        // ± 1.96 standard errors; the ends of 4,000 resamples are good to some per cent.
        let expected = 2.0 * 1.959_964 * (variance / N as f64).sqrt();
        approx::assert_relative_eq!(width, expected, max_relative = 0.1);
    }

    #[test]
    fn means_of_blocks_are_those_of_single_resamples() {
        const N_COLUMNS: usize = 7;
        let x = noise(20 * N_COLUMNS, 5);
        let rows = Rows::new(&x, N_COLUMNS).unwrap();
        let bootstrap =
            Bootstrap { n_resamples: RESAMPLES_PER_PRODUCT + 9, ..Bootstrap::default() };
        let blocks = bootstrap.of_mean_profile(rows, &mut seeded_rng(6, "blocks"), |mean| {
            [mean[2], mean[6] - mean[0]]
        });
        for (k, interval) in blocks.into_iter().enumerate() {
            let single = bootstrap.interval(20, &mut seeded_rng(6, "blocks"), |drawn| {
                let gathered = rows.gather(drawn);
                let mean = column_means(Rows::new(&gathered, N_COLUMNS).unwrap());
                [mean[2], mean[6] - mean[0]][k]
            });
            let (interval, single) = (interval.unwrap(), single.unwrap());
            approx::assert_relative_eq!(interval.low, single.low, epsilon = 1e-12);
            approx::assert_relative_eq!(interval.high, single.high, epsilon = 1e-12);
        }
    }

    #[test]
    fn paired_differences_are_drawn_in_pairs() {
        // Perturbations differ by far more than the methods do.
        let first: Vec<f64> = noise(50, 3).iter().map(|v| 100.0 * v).collect();
        let second: Vec<f64> = first.iter().map(|v| v - 1.0).collect();
        for interval in [
            Bootstrap::default().median_difference(&first, &second, &mut seeded_rng(0, "a")),
            Bootstrap::default().difference_of_medians(&first, &second, &mut seeded_rng(0, "b")),
        ] {
            let Interval { low, high } = interval.unwrap();
            assert!((low - 1.0).abs() < 1e-9 && (high - 1.0).abs() < 1e-9, "{low} {high}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn intervals_repeat_with_the_seed_and_nest_with_the_level(
            seed in any::<u64>(), n in 1..30usize
        ) {
            let values = noise(n, seed);
            let interval = |level| {
                Bootstrap { level, n_resamples: 200 }
                    .median(&values, &mut seeded_rng(seed, "law"))
                    .unwrap()
            };
            let (wide, narrow) = (interval(0.95), interval(0.5));
            prop_assert_eq!(wide, interval(0.95));
            prop_assert!(wide.low <= narrow.low && narrow.low <= narrow.high);
            prop_assert!(narrow.high <= wide.high);
            prop_assert!(quantile(&values, 0.0) <= wide.low && wide.high <= quantile(&values, 1.0));
        }

        #[test]
        fn weights_are_the_indices_counted(seed in any::<u64>(), n in 1..40usize) {
            const N_COLUMNS: usize = 3;
            let x = noise(n * N_COLUMNS, seed);
            let rows = Rows::new(&x, N_COLUMNS).unwrap();
            let drawn = rows.gather(&resampled_indices(n, &mut seeded_rng(seed, "draw")));
            let weights = resampled_weights(n, &mut seeded_rng(seed, "draw"));
            let mean = resampled_mean(rows, &weights);
            prop_assert!(mae(&mean, &column_means(Rows::new(&drawn, N_COLUMNS).unwrap())) < 1e-12);
            prop_assert_eq!(resampled_mean(rows, &vec![1; n]), column_means(rows));
        }

        #[test]
        fn the_half_quantile_is_the_median(values in prop::collection::vec(-9.0..9.0f64, 1..30)) {
            prop_assert!((quantile(&values, 0.5) - median(&values)).abs() < 1e-12);
        }
    }
}
