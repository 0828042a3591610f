//! Wilcoxon's rank-sum test (Mann–Whitney U), the unpaired test of one gene between two groups of cells.

use statrs::distribution::{ContinuousCDF, Normal};

/// The result of [`wilcoxon_rank_sum`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankSum {
    /// U of the first group: pairs in which its value is the larger one, ties counting one half.
    pub statistic: f64,
    /// U less its mean, over its standard deviation; positive where the first group is larger.
    pub z_score: f64,
    /// Two-sided p-value of the normal approximation.
    pub p_value: f64,
}

/// Two-sided Wilcoxon rank-sum test that the values of two groups are equally distributed.
///
/// z = (U − n₁n₂/2) / √(n₁n₂/12 · (n + 1 − Σ(t³ − t) / (n(n − 1)))), U = R₁ − n₁(n₁ + 1)/2, R₁ the sum of the
/// first group's average ranks among all n = n₁ + n₂ values, t the sizes of the groups of ties (Wilcoxon 1945;
/// Mann & Whitney 1947; ties as in Lehmann 1975); p = 2 (1 − Φ(|z|)), which is 0 beyond |z| ≈ 38.
///
/// Corrected for ties, since half of the values of a gene are zeros, and not for continuity. This is
/// `scipy.stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=False)` (its default corrects for
/// continuity) and the score of scanpy's `rank_genes_groups(method="wilcoxon", tie_correct=True)` (its default has
/// no correction for ties, and scores nearer to 0).
///
/// z and p are NaN where a group is empty, all values are equal, or one of them is NaN.
///
/// ```
/// use pert_metrics::wilcoxon_rank_sum;
/// let test = wilcoxon_rank_sum(&[0.0, 0.0, 1.2, 3.0], &[0.0, 0.0, 0.0, 0.5]);
/// // 2 zeros tie with 3, and 2 values are above all 4: U = 2·3/2 + 2·4.
/// assert_eq!(test.statistic, 11.0);
/// assert!(test.z_score > 0.0 && test.p_value > 0.05);
/// assert!(wilcoxon_rank_sum(&[0.0, 0.0], &[0.0]).p_value.is_nan());
/// ```
pub fn wilcoxon_rank_sum(first: &[f64], second: &[f64]) -> RankSum {
    if first.iter().chain(second).any(|v| v.is_nan()) {
        return RankSum { statistic: f64::NAN, z_score: f64::NAN, p_value: f64::NAN };
    }
    let sorted_non_zeros = |values: &[f64]| {
        let mut values: Vec<f64> = values.iter().copied().filter(|v| *v != 0.0).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let (a, b) = (sorted_non_zeros(first), sorted_non_zeros(second));
    rank_sum_of_sorted(
        SortedSample { non_zeros: &a, n: first.len() },
        SortedSample { non_zeros: &b, n: second.len() },
    )
}

/// A sample whose zeros are only counted.
#[derive(Clone, Copy)]
pub(crate) struct SortedSample<'a> {
    /// Ascending, without NaN.
    pub(crate) non_zeros: &'a [f64],
    /// With the zeros.
    pub(crate) n: usize,
}

impl<'a> SortedSample<'a> {
    /// The values below 0, the number of zeros, the values above 0.
    fn parts(self) -> (&'a [f64], usize, &'a [f64]) {
        let (negative, positive) =
            self.non_zeros.split_at(self.non_zeros.partition_point(|v| *v < 0.0));
        (negative, self.n - self.non_zeros.len(), positive)
    }
}

/// The test by one merge: zeros are one group of ties, and stand in no list.
pub(crate) fn rank_sum_of_sorted(first: SortedSample, second: SortedSample) -> RankSum {
    let (n_first, n_second) = (first.n as f64, second.n as f64);
    let n = n_first + n_second;
    let mut ranks = Ranks::default();
    let (negative_a, zeros_a, positive_a) = first.parts();
    let (negative_b, zeros_b, positive_b) = second.parts();
    ranks.merge(negative_a, negative_b);
    ranks.add(zeros_a, zeros_b);
    ranks.merge(positive_a, positive_b);

    let statistic = ranks.sum_of_first - n_first * (n_first + 1.0) / 2.0;
    let testable = n_first > 0.0 && n_second > 0.0 && ranks.largest_tie < first.n + second.n;
    let z_score = if testable {
        let variance = n_first * n_second / 12.0 * ((n + 1.0) - ranks.tie_term / (n * (n - 1.0)));
        (statistic - n_first * n_second / 2.0) / variance.sqrt()
    } else {
        f64::NAN
    };
    let p_value =
        if testable { (2.0 * Normal::standard().sf(z_score.abs())).min(1.0) } else { f64::NAN };
    RankSum { statistic, z_score, p_value }
}

/// What the test needs of the ranks, gathered group of ties by group of ties in ascending order.
#[derive(Default)]
struct Ranks {
    n_below: usize,
    sum_of_first: f64,
    tie_term: f64,
    largest_tie: usize,
}

impl Ranks {
    /// A group of ties with its members in each sample.
    fn add(&mut self, n_first: usize, n_second: usize) {
        let size = n_first + n_second;
        // The average of the ranks n_below + 1 … n_below + size.
        let rank = self.n_below as f64 + (size as f64 + 1.0) / 2.0;
        self.sum_of_first += n_first as f64 * rank;
        self.tie_term += (size as f64).powi(3) - size as f64;
        self.largest_tie = self.largest_tie.max(size);
        self.n_below += size;
    }

    fn merge(&mut self, mut a: &[f64], mut b: &[f64]) {
        let equal_to = |values: &[f64], v: f64| values.iter().take_while(|x| **x == v).count();
        while let Some(&least) = match (a.first(), b.first()) {
            (Some(x), Some(y)) => Some(if x <= y { x } else { y }),
            (x, y) => x.or(y),
        } {
            let (n_a, n_b) = (equal_to(a, least), equal_to(b, least));
            self.add(n_a, n_b);
            (a, b) = (&a[n_a..], &b[n_b..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_tested_is_nan() {
        for (a, b) in
            [(&[][..], &[1.0][..]), (&[1.0], &[]), (&[0.0, -0.0], &[0.0]), (&[2.0], &[2.0])]
        {
            let test = wilcoxon_rank_sum(a, b);
            assert!(test.z_score.is_nan() && test.p_value.is_nan(), "{a:?} {b:?}");
        }
        assert!(wilcoxon_rank_sum(&[1.0, f64::NAN], &[2.0, 3.0]).z_score.is_nan());
    }

    #[test]
    fn negative_zero_is_a_zero() {
        let (a, b) = ([0.0, 1.0, 2.0, -1.0], [0.0, 0.0, -1.0]);
        assert_eq!(wilcoxon_rank_sum(&a, &b), wilcoxon_rank_sum(&[-0.0, 1.0, 2.0, -1.0], &b));
    }

    /// Small whole numbers: zeros, ties and negative values are frequent.
    fn sample() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((-3..6i32).prop_map(|v| f64::from(v.max(-1))), 1..40)
    }

    proptest! {
        #[test]
        fn u_counts_the_pairs_that_the_first_group_wins(a in sample(), b in sample()) {
            let wins: f64 = a
                .iter()
                .flat_map(|x| b.iter().map(move |y| if x > y { 1.0 } else if x == y { 0.5 } else { 0.0 }))
                .sum();
            prop_assert_eq!(wilcoxon_rank_sum(&a, &b).statistic, wins);
        }

        #[test]
        fn swapping_the_groups_negates_z_and_keeps_p(a in sample(), b in sample()) {
            let (forth, back) = (wilcoxon_rank_sum(&a, &b), wilcoxon_rank_sum(&b, &a));
            prop_assert_eq!(forth.z_score.is_nan(), back.z_score.is_nan());
            if !forth.z_score.is_nan() {
                prop_assert_eq!(forth.z_score, -back.z_score);
                prop_assert_eq!(forth.p_value, back.p_value);
                prop_assert!((0.0..=1.0).contains(&forth.p_value));
            }
        }

        #[test]
        fn only_the_order_of_the_values_counts(a in sample(), b in sample()) {
            let stretched = |values: &[f64]| values.iter().map(|v| v.powi(3)).collect::<Vec<_>>();
            let (plain, cubed) =
                (wilcoxon_rank_sum(&a, &b), wilcoxon_rank_sum(&stretched(&a), &stretched(&b)));
            prop_assert_eq!(plain.statistic, cubed.statistic);
            prop_assert_eq!(plain.z_score.to_bits(), cubed.z_score.to_bits());
        }
    }
}
