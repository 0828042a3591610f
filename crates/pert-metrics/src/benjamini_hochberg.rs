//! P-values adjusted for the number of tests.

/// P-values adjusted to the false discovery rate at which each is just called, `[n]`, in the order given.
///
/// With the p-values ascending, adjusted₍ᵢ₎ = min over j ≥ i of min(1, p₍ⱼ₎ · m / j), m tests (Benjamini & Hochberg
/// 1995; the step-up form of Yekutieli & Benjamini 1999). As `scipy.stats.false_discovery_control(p, method="bh")`.
///
/// NaN stays NaN and is no test: it does not count in m.
///
/// ```
/// use pert_metrics::benjamini_hochberg;
/// let adjusted = benjamini_hochberg(&[0.01, f64::NAN, 0.04, 0.03]);
/// assert_eq!(adjusted[0], 0.03);
/// assert!(adjusted[1].is_nan());
/// // 0.03 · 3/2 is above the 0.04 that the next one needs, and takes that.
/// assert_eq!((adjusted[2], adjusted[3]), (0.04, 0.04));
/// ```
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).filter(|&i| !p_values[i].is_nan()).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    let n_tests = order.len() as f64;
    let mut adjusted = vec![f64::NAN; p_values.len()];
    let mut least = 1.0f64;
    for (rank, &i) in order.iter().enumerate().rev() {
        least = least.min(p_values[i] * (n_tests / (rank + 1) as f64));
        adjusted[i] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_tests_have_no_adjusted_values() {
        assert!(benjamini_hochberg(&[]).is_empty());
        assert!(benjamini_hochberg(&[f64::NAN])[0].is_nan());
        assert_eq!(benjamini_hochberg(&[0.2]), [0.2]);
    }

    proptest! {
        #[test]
        fn adjusted_values_keep_the_order_and_are_never_smaller(
            p in prop::collection::vec(0.0..=1.0f64, 1..60)
        ) {
            let adjusted = benjamini_hochberg(&p);
            for i in 0..p.len() {
                prop_assert!(adjusted[i] >= p[i] && adjusted[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
                }
            }
        }

        #[test]
        fn what_was_not_tested_does_not_count(p in prop::collection::vec(0.0..=1.0f64, 1..40)) {
            let with_gaps: Vec<f64> = p.iter().flat_map(|p| [*p, f64::NAN]).collect();
            let adjusted = benjamini_hochberg(&with_gaps);
            let kept: Vec<f64> = adjusted.iter().step_by(2).copied().collect();
            prop_assert_eq!(kept, benjamini_hochberg(&p));
            prop_assert!(adjusted.iter().skip(1).step_by(2).all(|p| p.is_nan()));
        }
    }
}
