//! Whether a generated population varies as much, and is as sparse, as the real one.

use crate::{Rows, median};

/// Variance of generated cells over that of real ones, gene by gene.
#[derive(Debug, Clone, PartialEq)]
pub struct VarianceRatio {
    /// Ratio of each gene, `[n_genes]`; NaN where the real variance is 0, so the gene is left out of the median.
    pub per_gene: Vec<f64>,
    /// Median over the genes that vary in the real cells; NaN where none does.
    pub median: f64,
}

/// Ratio s²(generated) / s²(real) of each gene, s² with ddof 1, and its median: 1 when the spread is right, below 1
/// when generated cells crowd around their mean.
///
/// Without unit. Genes of zero real variance have no ratio and are left out. NaN with fewer than two rows on a side
/// and where a value of the gene is not finite.
///
/// # Panics
/// When the numbers of columns differ.
///
/// ```
/// use pert_metrics::{Rows, variance_ratio};
/// // The first gene spreads twice as wide, the second is constant in the real cells.
/// let (real, generated) = ([0.0, 5.0, 1.0, 5.0], [0.0, 4.0, 2.0, 6.0]);
/// let ratio = variance_ratio(Rows::new(&real, 2)?, Rows::new(&generated, 2)?);
/// assert_eq!((ratio.per_gene[0], ratio.median), (4.0, 4.0));
/// assert!(ratio.per_gene[1].is_nan());
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn variance_ratio(real: Rows, generated: Rows) -> VarianceRatio {
    check_genes(real, generated);
    let per_gene: Vec<f64> = column_variances(real)
        .iter()
        .zip(column_variances(generated))
        .map(|(&real, generated)| if real > 0.0 { generated / real } else { f64::NAN })
        .collect();
    let known: Vec<f64> = per_gene.iter().copied().filter(|ratio| !ratio.is_nan()).collect();
    VarianceRatio { per_gene, median: median(&known) }
}

/// Σ_g s²_g(generated) / Σ_g s²_g(real): the ratio of the total variances, which the most variable genes rule.
///
/// Unlike the median of [`variance_ratio`] it counts genes that are constant in the real cells. NaN with fewer than two
/// rows on a side, where no gene varies in the real cells, and where a value is not finite.
///
/// # Panics
/// When the numbers of columns differ.
///
/// ```
/// use pert_metrics::{Rows, pooled_variance_ratio};
/// let (real, generated) = ([0.0, 5.0, 1.0, 5.0], [0.0, 4.0, 2.0, 6.0]);
/// // (2 + 2) / (0.5 + 0)
/// assert_eq!(pooled_variance_ratio(Rows::new(&real, 2)?, Rows::new(&generated, 2)?), 8.0);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn pooled_variance_ratio(real: Rows, generated: Rows) -> f64 {
    check_genes(real, generated);
    let total = |x: Rows| column_variances(x).iter().sum::<f64>();
    let real = total(real);
    if real > 0.0 { total(generated) / real } else { f64::NAN }
}

/// Mean over genes of the share of zeros among generated cells less that among real ones, in [−1, 1]: positive when
/// the generated population is too sparse.
///
/// A zero is the value 0 exactly; counts and log-normalised profiles have the same ones. NaN where a side has no rows.
///
/// # Panics
/// When the numbers of columns differ.
///
/// ```
/// use pert_metrics::{Rows, zero_fraction_difference};
/// let (real, generated) = ([0.0, 2.0, 1.0, 0.0], [0.0, 0.0, 0.0, 3.0]);
/// // Three zeros of four against two of four.
/// assert_eq!(zero_fraction_difference(Rows::new(&real, 2)?, Rows::new(&generated, 2)?), 0.25);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn zero_fraction_difference(real: Rows, generated: Rows) -> f64 {
    check_genes(real, generated);
    // All genes have the same number of cells, so the mean of their shares is the share of all entries.
    let share =
        |x: Rows| x.values().iter().filter(|&&v| v == 0.0).count() as f64 / x.values().len() as f64;
    share(generated) - share(real)
}

/// Two-sample Kolmogorov–Smirnov statistic sup_t |F(t) − G(t)| in [0, 1], F and G the empirical distribution functions.
///
/// Used on library sizes (total counts per cell). scipy's `ks_2samp(...).statistic`. NaN where a sample is empty
/// or holds NaN.
///
/// ```
/// use pert_metrics::kolmogorov_smirnov;
/// assert_eq!(kolmogorov_smirnov(&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 5.0, 6.0]), 0.5);
/// assert_eq!(kolmogorov_smirnov(&[1.0, 2.0], &[7.0]), 1.0);
/// assert!(kolmogorov_smirnov(&[], &[7.0]).is_nan());
/// ```
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    if a.is_empty() || b.is_empty() || a.iter().chain(b).any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let sorted = |x: &[f64]| {
        let mut x = x.to_vec();
        x.sort_unstable_by(f64::total_cmp);
        x
    };
    let (a, b) = (sorted(a), sorted(b));
    let (mut i, mut j, mut largest) = (0, 0, 0.0f64);
    // Once one sample is used up, the other function only comes nearer to 1.
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        while a.get(i) == Some(&value) {
            i += 1;
        }
        while b.get(j) == Some(&value) {
            j += 1;
        }
        largest = largest.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    largest
}

fn check_genes(real: Rows, generated: Rows) {
    assert_eq!(
        real.n_columns(),
        generated.n_columns(),
        "both populations must hold the same genes"
    );
}

/// Variance with ddof 1 of each column; exactly 0 for a constant one.
fn column_variances(x: Rows) -> Vec<f64> {
    if x.n_rows() < 2 {
        return vec![f64::NAN; x.n_columns()];
    }
    // Taken from the first row, a constant column has the exact mean; a sum over it would round.
    let origin = x.row(0);
    let mut mean = vec![0.0; x.n_columns()];
    for row in x.values().chunks_exact(x.n_columns()) {
        mean.iter_mut().zip(row).zip(origin).for_each(|((m, v), o)| *m += v - o);
    }
    mean.iter_mut().zip(origin).for_each(|(m, o)| *m = o + *m / x.n_rows() as f64);
    let mut variance = vec![0.0; x.n_columns()];
    for row in x.values().chunks_exact(x.n_columns()) {
        variance.iter_mut().zip(row).zip(&mean).for_each(|((s, v), m)| *s += (v - m) * (v - m));
    }
    variance.iter_mut().for_each(|s| *s /= (x.n_rows() - 1) as f64);
    variance
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::{seeded_rng, shuffled_indices};
    use proptest::prelude::*;

    fn rows(values: &[f64], n_columns: usize) -> Rows<'_> {
        Rows::new(values, n_columns).unwrap()
    }

    #[test]
    fn a_constant_gene_has_no_ratio_though_its_sum_rounds() {
        let real = [0.1; 7];
        let generated = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
        let ratio = variance_ratio(rows(&real, 1), rows(&generated, 1));
        assert!(ratio.per_gene[0].is_nan() && ratio.median.is_nan());
        assert!(pooled_variance_ratio(rows(&real, 1), rows(&generated, 1)).is_nan());
    }

    #[test]
    fn what_cannot_be_computed_is_nan() {
        let (one, two) = ([1.0], [1.0, 2.0]);
        assert!(variance_ratio(rows(&two, 1), rows(&one, 1)).median.is_nan());
        assert!(pooled_variance_ratio(rows(&one, 1), rows(&two, 1)).is_nan());
        assert!(zero_fraction_difference(rows(&[], 1), rows(&two, 1)).is_nan());
        assert!(kolmogorov_smirnov(&[f64::NAN], &two).is_nan());
        let infinite = [1.0, f64::INFINITY];
        assert!(variance_ratio(rows(&two, 1), rows(&infinite, 1)).median.is_nan());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn kolmogorov_smirnov_is_a_symmetric_share(
            a in prop::collection::vec(0..9i32, 1..40), b in prop::collection::vec(0..9i32, 1..40), seed in 0..99u64
        ) {
            let a: Vec<f64> = a.into_iter().map(f64::from).collect();
            let b: Vec<f64> = b.into_iter().map(f64::from).collect();
            let d = kolmogorov_smirnov(&a, &b);
            prop_assert!((0.0..=1.0).contains(&d));
            prop_assert_eq!(d, kolmogorov_smirnov(&b, &a));
            prop_assert_eq!(kolmogorov_smirnov(&a, &a), 0.0);
            let order = shuffled_indices(a.len(), &mut seeded_rng(seed, "order"));
            prop_assert_eq!(d, kolmogorov_smirnov(&rows(&a, 1).gather(&order), &b));
            let log: Vec<Vec<f64>> =
                [&a, &b].map(|x| x.iter().map(|v| v.ln_1p()).collect()).into();
            prop_assert_eq!(d, kolmogorov_smirnov(&log[0], &log[1]));
        }

        #[test]
        fn scaling_squares_the_ratio_and_the_order_of_rows_does_not_matter(
            n in 3..40usize, d in 1..6usize, scale in 0.1..3.0f64, seed in 0..1000u64
        ) {
            let order = shuffled_indices(n, &mut seeded_rng(seed, "order"));
            let real: Vec<f64> = (0..n * d).map(|i| ((i * 7919 + 13) % 101) as f64).collect();
            let shuffled = rows(&real, d).gather(&order);
            let generated: Vec<f64> = shuffled.iter().map(|v| scale * v).collect();
            let ratio = variance_ratio(rows(&real, d), rows(&generated, d));
            for value in ratio.per_gene.iter().chain([&ratio.median]) {
                prop_assert!((value / (scale * scale) - 1.0).abs() < 1e-11);
            }
            let pooled = pooled_variance_ratio(rows(&real, d), rows(&generated, d));
            prop_assert!((pooled / (scale * scale) - 1.0).abs() < 1e-11);
            prop_assert_eq!(zero_fraction_difference(rows(&real, d), rows(&generated, d)), 0.0);
        }
    }
}
