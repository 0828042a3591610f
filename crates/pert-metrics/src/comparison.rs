//! The model against the best simple baseline, paired over perturbations.

use std::collections::BTreeMap;

use pert_core::seeded_rng;
use serde::Serialize;

use crate::benjamini_hochberg::benjamini_hochberg;
use crate::bootstrap::{Bootstrap, Interval};
use crate::score_table::{METRICS, Metric, MetricRow, Roles, median, methods, values};
use crate::signed_rank::wilcoxon_signed_rank;

/// A difference is called one below this p.
const SIGNIFICANCE: f64 = 0.05;

/// The seed of all intervals: the same rows give the same summary.
const INTERVAL_SEED: u64 = 0;

/// The fewest pairs of which a two-sided signed-rank test can have p < 0.05: 2 / 2⁶.
const FEWEST: usize = 6;

/// The model against the best baseline on one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The metric's name.
    pub metric: &'static str,
    /// The baseline with the best median.
    pub best_baseline: String,
    /// Median of the model.
    pub model_median: f64,
    /// Median of that baseline.
    pub baseline_median: f64,
    /// Perturbations on which both have a number.
    pub n_pairs: usize,
    /// Perturbations on which the model is better.
    pub n_model_better: usize,
    /// Median over these of model − baseline; `null` without pairs.
    pub median_difference: Option<f64>,
    /// 95 % interval of `median_difference`, with its sign: percentile bootstrap over perturbations, 1,000 resamples,
    /// seeded by the metric's name. `null` for fewer than six pairs, of which it would be too narrow.
    pub interval: Option<Interval>,
    /// Matched-pairs rank-biserial correlation in [−1, 1] ([`SignedRank`](crate::SignedRank)), positive where the model
    /// is better, whatever the direction of the metric; `null` where no two values differ.
    pub effect_size: Option<f64>,
    /// Two-sided p of the Wilcoxon signed-rank test, `null` where no two values differ.
    pub wilcoxon_p: Option<f64>,
    /// `wilcoxon_p` adjusted by Benjamini–Hochberg for the metrics compared together; `null` with it. For readers who
    /// look through all metrics for one that differs; the verdict does not use it.
    pub wilcoxon_p_adjusted: Option<f64>,
    /// What may be said of this metric by itself: by `wilcoxon_p`, not adjusted.
    pub verdict: Verdict,
}

/// What a paired test allows to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The model is better, p < 0.05.
    ModelBetter,
    /// The baseline is better, p < 0.05.
    BaselineBetter,
    /// The test does not tell them apart.
    NoDifference,
    /// No two values differ.
    NotTested,
    /// Fewer than six pairs: whatever the values, p could not be below 0.05.
    TooFew,
}

/// Compares the model with the best baseline on every metric that has a direction and numbers, in the order of
/// [`METRICS`]; pairs are perturbations on which both have a number.
///
/// Each verdict is about its own metric, with p as it is. `wilcoxon_p_adjusted` answers to all metrics of the result
/// ([`benjamini_hochberg`](crate::benjamini_hochberg), which holds for tests that depend on each other positively:
/// Benjamini & Yekutieli 2001).
///
/// ```
/// use pert_metrics::{MetricRow, Roles, Verdict, compare};
/// let mut rows = Vec::new();
/// for gene in ["KLF1", "CEBPA", "SPI1", "GATA1", "TAL1", "MYC"] {
///     rows.push(MetricRow { r2: 0.8, ..MetricRow::new(gene, "model", 100) });
///     rows.push(MetricRow { r2: 0.7, ..MetricRow::new(gene, "additive", 100) });
/// }
/// let of_r2 = &compare(&rows, &Roles::default())[0];
/// assert_eq!((of_r2.metric, of_r2.best_baseline.as_str(), of_r2.n_pairs), ("r2", "additive", 6));
/// // Better on all six: 2 of 2⁶ outcomes are as extreme.
/// assert_eq!((of_r2.wilcoxon_p, of_r2.verdict), (Some(2.0 / 64.0), Verdict::ModelBetter));
/// assert_eq!(of_r2.effect_size, Some(1.0));
/// assert!((of_r2.interval.unwrap().low - 0.1).abs() < 1e-12);
/// ```
pub fn compare(rows: &[MetricRow], roles: &Roles) -> Vec<Comparison> {
    let mut comparisons: Vec<Comparison> =
        METRICS.iter().filter_map(|metric| Comparison::new(rows, roles, metric)).collect();
    let p_values: Vec<f64> = comparisons.iter().map(|c| c.wilcoxon_p.unwrap_or(f64::NAN)).collect();
    for (comparison, p) in comparisons.iter_mut().zip(benjamini_hochberg(&p_values)) {
        comparison.wilcoxon_p_adjusted = (!p.is_nan()).then_some(p);
    }
    comparisons
}

impl Comparison {
    /// Compares on one metric; `None` where the model or every baseline lacks numbers.
    ///
    /// Alone its adjusted p is its p; [`compare`] adjusts those of all metrics.
    pub fn new(rows: &[MetricRow], roles: &Roles, metric: &Metric) -> Option<Self> {
        let baseline = best_baseline(rows, roles, metric)?;
        let model_median = median(&values(rows, &roles.model, metric));
        if model_median.is_nan() {
            return None;
        }
        let (of_model, of_baseline) = paired_values(rows, metric, &roles.model, baseline);
        let differences: Vec<f64> = of_model.iter().zip(&of_baseline).map(|(m, b)| m - b).collect();
        let difference = median(&differences);
        // Of losses, so that also a metric whose best value lies between others has a better side.
        let gains: Vec<f64> = of_model
            .iter()
            .zip(&of_baseline)
            .map(|(m, b)| metric.better.loss(*b) - metric.better.loss(*m))
            .collect();
        let test = wilcoxon_signed_rank(&gains);
        let wilcoxon_p = test.map(|test| test.p_value);
        let mut rng = seeded_rng(INTERVAL_SEED, &format!("comparison/{}", metric.name));
        let interval = (differences.len() >= FEWEST)
            .then(|| Bootstrap::default().median(&differences, &mut rng))
            .flatten();
        // Of the ranks, not of the median, which is 0 where most pairs are tied.
        let direction = test.map_or(0.0, |test| test.effect_size);
        let verdict = match wilcoxon_p {
            None => Verdict::NotTested,
            Some(_) if differences.len() < FEWEST => Verdict::TooFew,
            Some(p) if p < SIGNIFICANCE && direction > 0.0 => Verdict::ModelBetter,
            Some(p) if p < SIGNIFICANCE && direction < 0.0 => Verdict::BaselineBetter,
            Some(_) => Verdict::NoDifference,
        };
        let n_model_better = gains.iter().filter(|gain| **gain > 0.0).count();
        Some(Self {
            metric: metric.name,
            best_baseline: baseline.to_owned(),
            model_median,
            baseline_median: median(&values(rows, baseline, metric)),
            n_pairs: differences.len(),
            n_model_better,
            median_difference: (!difference.is_nan()).then_some(difference),
            interval,
            effect_size: test.map(|test| test.effect_size),
            wilcoxon_p,
            wilcoxon_p_adjusted: wilcoxon_p,
            verdict,
        })
    }
}

/// The baseline with the best median of a metric; of equal ones the first in the rows.
///
/// `None` for a metric without direction, or when no baseline has a number.
///
/// ```
/// use pert_metrics::{Metric, MetricRow, Roles, best_baseline};
/// let row = |method: &str, r2| MetricRow { r2, ..MetricRow::new("KLF1", method, 100) };
/// let rows = [row("ceiling", 0.99), row("model", 0.9), row("no_change", 0.5), row("additive", 0.8)];
/// let r2 = Metric::named("r2").expect("a column of metrics.csv");
/// assert_eq!(best_baseline(&rows, &Roles::default(), r2), Some("additive"));
/// ```
pub fn best_baseline<'a>(rows: &'a [MetricRow], roles: &Roles, metric: &Metric) -> Option<&'a str> {
    methods(rows)
        .into_iter()
        .filter(|method| roles.is_baseline(method))
        .map(|method| {
            let losses: Vec<f64> = values(rows, method, metric)
                .into_iter()
                .map(|value| metric.better.loss(value))
                .collect();
            (median(&losses), method)
        })
        .filter(|(loss, _)| !loss.is_nan())
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, method)| method)
}

/// The numbers of two methods on the perturbations where both have one, in the order of the rows.
///
/// ```
/// use pert_metrics::{Metric, MetricRow, paired_values};
/// let row = |gene: &str, method: &str, r2| MetricRow { r2, ..MetricRow::new(gene, method, 100) };
/// // The additive baseline says nothing about KLF1, so only the pair of MYC counts.
/// let rows = [row("KLF1", "model", 0.9), row("MYC", "model", 0.7), row("MYC", "additive", 0.6)];
/// let r2 = Metric::named("r2").expect("a column of metrics.csv");
/// assert_eq!(paired_values(&rows, r2, "model", "additive"), (vec![0.7], vec![0.6]));
/// ```
pub fn paired_values(
    rows: &[MetricRow],
    metric: &Metric,
    first: &str,
    second: &str,
) -> (Vec<f64>, Vec<f64>) {
    let of_second: BTreeMap<&str, f64> = rows
        .iter()
        .filter(|row| row.method == second)
        .map(|row| (row.perturbation.as_str(), (metric.get)(row)))
        .collect();
    rows.iter()
        .filter(|row| row.method == first)
        .filter_map(|row| {
            let pair = ((metric.get)(row), *of_second.get(row.perturbation.as_str())?);
            (!pair.0.is_nan() && !pair.1.is_nan()).then_some(pair)
        })
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model is better than the ridge on R², worse on the energy distance, the same on pearson_delta.
    fn rows() -> Vec<MetricRow> {
        let mut rows = Vec::new();
        for i in 0..8 {
            let small = 0.001 * f64::from(i);
            for (method, r2, e_distance) in [
                ("model", 0.95 + small, 0.2 + small),
                ("no_change", 0.8, 0.9),
                ("ridge", 0.9, 0.1),
                ("ceiling", 0.99, 0.0),
            ] {
                let mut row = MetricRow::new(format!("p{i}"), method, 50);
                row.r2 = r2;
                row.e_distance = e_distance;
                row.pearson_delta = 0.5;
                rows.push(row);
            }
        }
        rows
    }

    fn comparison(rows: &[MetricRow], name: &str) -> Option<Comparison> {
        Comparison::new(rows, &Roles::default(), Metric::named(name)?)
    }

    #[test]
    fn the_best_baseline_is_neither_the_model_nor_the_ceiling() {
        let rows = rows();
        for name in ["r2", "e_distance"] {
            assert_eq!(comparison(&rows, name).unwrap().best_baseline, "ridge", "{name}");
        }
        assert!(comparison(&rows, "fid_latent_floor").is_none());
        assert!(comparison(&rows, "fid_latent").is_none());
    }

    #[test]
    fn verdicts_follow_the_direction_of_the_metric() {
        let rows = rows();
        let r2 = comparison(&rows, "r2").unwrap();
        assert_eq!((r2.verdict, r2.n_model_better), (Verdict::ModelBetter, 8));
        // Eight differences of one sign: the smallest two-sided p of the exact test is 2 / 2⁸.
        approx::assert_relative_eq!(r2.wilcoxon_p.unwrap(), 2.0 / 256.0, max_relative = 1e-9);
        let e = comparison(&rows, "e_distance").unwrap();
        assert_eq!((e.verdict, e.n_model_better), (Verdict::BaselineBetter, 0));
        assert_eq!(comparison(&rows, "pearson_delta").unwrap().verdict, Verdict::NotTested);
    }

    #[test]
    fn effects_are_positive_where_the_model_is_better_and_intervals_where_it_is_larger() {
        let rows = rows();
        let r2 = comparison(&rows, "r2").unwrap();
        let e = comparison(&rows, "e_distance").unwrap();
        assert_eq!((r2.effect_size, e.effect_size), (Some(1.0), Some(-1.0)));
        assert_eq!(comparison(&rows, "pearson_delta").unwrap().effect_size, None);
        for (comparison, smallest) in [(r2, 0.05), (e, 0.1)] {
            let interval = comparison.interval.unwrap();
            let difference = comparison.median_difference.unwrap();
            assert!(smallest - 1e-12 <= interval.low && interval.low < difference);
            assert!(difference < interval.high && interval.high <= smallest + 0.007 + 1e-12);
        }
        let few: Vec<MetricRow> =
            rows.into_iter().filter(|row| row.perturbation < "p5".into()).collect();
        let few = comparison(&few, "r2").unwrap();
        assert_eq!((few.n_pairs, few.verdict, few.interval), (5, Verdict::TooFew, None));
    }

    #[test]
    fn adjusted_values_answer_to_all_metrics_and_repeat() {
        let rows = rows();
        let all = compare(&rows, &Roles::default());
        assert_eq!(all, compare(&rows, &Roles::default()));
        let of = |name: &str| all.iter().find(|c| c.metric == name).unwrap();
        // Two tests with the same p: 0.0078 · 2/2; the third metric had none.
        assert_eq!(of("r2").wilcoxon_p_adjusted, of("r2").wilcoxon_p);
        assert_eq!(of("pearson_delta").wilcoxon_p_adjusted, None);
        let mut mixed = rows;
        for row in
            mixed.iter_mut().filter(|row| row.method == "model" && row.perturbation < "p4".into())
        {
            row.e_distance = 0.05;
        }
        let all = compare(&mixed, &Roles::default());
        let of = |name: &str| all.iter().find(|c| c.metric == name).unwrap();
        // The smaller of two p counts twice.
        assert_eq!(of("r2").wilcoxon_p_adjusted, of("r2").wilcoxon_p.map(|p| 2.0 * p));
        assert_eq!(of("e_distance").wilcoxon_p_adjusted, of("e_distance").wilcoxon_p);
    }

    #[test]
    fn only_common_perturbations_are_paired() {
        let mut rows = rows();
        rows.retain(|row| row.method != "ridge" || row.perturbation != "p0");
        let metric = Metric::named("r2").unwrap();
        let (model, ridge) = paired_values(&rows, metric, "model", "ridge");
        assert_eq!((model.len(), ridge.len()), (7, 7));
        assert_eq!(model[0], 0.951);
    }
}
