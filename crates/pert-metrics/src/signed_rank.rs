//! Wilcoxon's signed-rank test, the paired test of one method against another over perturbations.

use statrs::distribution::{ContinuousCDF, Normal};

/// Up to this many untied differences the null distribution is counted out (scipy's `method="auto"`).
const EXACT_UNTIED: usize = 50;

/// Up to this many differences it is counted out with ties and zeros too (scipy's `method="auto"`).
const EXACT_TIED: usize = 13;

/// The result of [`wilcoxon_signed_rank`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignedRank {
    /// The smaller of the rank sums of positive and of negative differences.
    pub statistic: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Number of non-zero differences, which the test is about.
    pub n: usize,
    /// Matched-pairs rank-biserial correlation (R⁺ − R⁻)/(R⁺ + R⁻), in [−1, 1]: 1 where all differences are positive,
    /// 0 where both signs weigh the same (Kerby 2014).
    pub effect_size: f64,
}

/// Two-sided Wilcoxon signed-rank test that paired differences are symmetric around 0; `None` when all are 0.
///
/// R⁺ = Σ rank(|dᵢ|) over dᵢ > 0, average ranks for ties, zeros dropped first (Wilcoxon 1945). As
/// `scipy.stats.wilcoxon(d, zero_method="wilcox", correction=False, method="auto")`: p is exact for at most 50 differences
/// without ties and zeros, and for at most 13 with them; otherwise the normal approximation
/// z = (R⁺ − n(n+1)/4) / √((n(n+1)(2n+1) − Σ(t³ − t)/2) / 24), t the sizes of the groups of ties.
/// NaN differences are left out. The p-value says whether there is a difference, the effect size how one-sided it is.
///
/// ```
/// let test = pert_metrics::wilcoxon_signed_rank(&[0.1, 0.2, 0.3, 0.4, 0.5]).unwrap();
/// // All five signs equal: 2 of 2⁵ outcomes are as extreme.
/// assert_eq!((test.statistic, test.p_value, test.n), (0.0, 0.0625, 5));
/// assert_eq!(test.effect_size, 1.0);
/// ```
pub fn wilcoxon_signed_rank(differences: &[f64]) -> Option<SignedRank> {
    let mut d: Vec<f64> = differences.iter().copied().filter(|v| !v.is_nan()).collect();
    let n_given = d.len();
    d.retain(|&v| v != 0.0);
    if d.is_empty() {
        return None;
    }
    d.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let n = d.len();
    // Ranks doubled are whole numbers even where ties share an average.
    let mut doubled_ranks = Vec::with_capacity(n);
    let mut tie_correction = 0.0;
    for group in d.chunk_by(|a, b| a.abs() == b.abs()) {
        let (before, size) = (doubled_ranks.len(), group.len());
        doubled_ranks.extend(std::iter::repeat_n(2 * before + size + 1, size));
        tie_correction += (size as f64).powi(3) - size as f64;
    }
    let doubled_plus: usize =
        d.iter().zip(&doubled_ranks).filter(|(v, _)| **v > 0.0).map(|(_, rank)| rank).sum();
    let doubled_total = n * (n + 1);
    let untied = tie_correction == 0.0 && n == n_given;
    let p_value = if n_given <= EXACT_TIED || untied && n_given <= EXACT_UNTIED {
        exact_p(&doubled_ranks, doubled_plus)
    } else {
        approximate_p(n as f64, doubled_plus as f64 / 2.0, tie_correction)
    };
    let statistic = doubled_plus.min(doubled_total - doubled_plus) as f64 / 2.0;
    // R⁺ − R⁻ = 2 R⁺ − (R⁺ + R⁻).
    let effect_size = (2.0 * doubled_plus as f64 - doubled_total as f64) / doubled_total as f64;
    Some(SignedRank { statistic, p_value, n, effect_size })
}

/// min(1, 2 · min(P(R ≤ r), P(R ≥ r))) with every choice of signs equally likely.
fn exact_p(doubled_ranks: &[usize], doubled_plus: usize) -> f64 {
    let mut probability = vec![0.0; doubled_ranks.iter().sum::<usize>() + 1];
    probability[0] = 1.0;
    let mut reach = 0;
    for &rank in doubled_ranks {
        reach += rank;
        for sum in (0..=reach).rev() {
            let with = if sum >= rank { probability[sum - rank] } else { 0.0 };
            probability[sum] = 0.5 * (probability[sum] + with);
        }
    }
    let lower: f64 = probability[..=doubled_plus].iter().sum();
    let upper: f64 = probability[doubled_plus..].iter().sum();
    (2.0 * lower.min(upper)).min(1.0)
}

fn approximate_p(n: f64, plus: f64, tie_correction: f64) -> f64 {
    let mean = n * (n + 1.0) / 4.0;
    let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - tie_correction / 2.0) / 24.0;
    let z = (plus - mean) / variance.sqrt();
    2.0 * Normal::standard().sf(z.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_to_test_is_none() {
        assert_eq!(wilcoxon_signed_rank(&[]), None);
        assert_eq!(wilcoxon_signed_rank(&[0.0, -0.0]), None);
        assert_eq!(wilcoxon_signed_rank(&[f64::NAN]), None);
    }

    #[test]
    fn exact_and_approximate_meet_at_the_border() {
        let d: Vec<f64> =
            (1..=50).map(|i| if i % 3 == 0 { -f64::from(i) } else { f64::from(i) }).collect();
        let exact = wilcoxon_signed_rank(&d).unwrap();
        let plus = d.iter().filter(|v| **v > 0.0).sum();
        approx::assert_relative_eq!(
            exact.p_value,
            approximate_p(50.0, plus, 0.0),
            max_relative = 0.05
        );
    }

    proptest! {
        #[test]
        fn swapping_the_methods_changes_nothing_and_p_is_a_probability(
            d in prop::collection::vec(-20..20i32, 1..80)
        ) {
            let d: Vec<f64> = d.into_iter().map(f64::from).collect();
            let swapped: Vec<f64> = d.iter().map(|v| -v).collect();
            let (a, b) = (wilcoxon_signed_rank(&d), wilcoxon_signed_rank(&swapped));
            prop_assert_eq!(a.is_some(), b.is_some());
            if let (Some(a), Some(b)) = (a, b) {
                prop_assert_eq!(a.statistic, b.statistic);
                prop_assert_eq!(a.effect_size, -b.effect_size);
                prop_assert!(a.effect_size.abs() <= 1.0);
                prop_assert!((a.p_value - b.p_value).abs() < 1e-12);
                prop_assert!(a.p_value > 0.0 && a.p_value <= 1.0);
            }
        }
    }
}
