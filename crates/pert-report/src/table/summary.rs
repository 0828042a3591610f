//! `summary.json`: medians and means per method, and the model against the best baseline.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Better, METRICS, Metric, MetricRow, Roles, median, methods, values};

/// Version of the file format.
const SUMMARY_FORMAT: u32 = 1;
/// A difference is called one below this p.
const SIGNIFICANCE: f64 = 0.05;

/// A paired test of the model against one baseline, computed by the caller from [`paired_values`].
#[derive(Debug, Clone, PartialEq)]
pub struct PairedTest {
    /// The metric's name.
    pub metric: String,
    /// The baseline's name.
    pub baseline: String,
    /// Two-sided p of the Wilcoxon signed-rank test over perturbations.
    pub p: f64,
}

/// The content of `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Version of the file format.
    pub format: u32,
    /// Distinct perturbations in the rows.
    pub n_perturbations: usize,
    /// The method under test.
    pub model: String,
    /// By method.
    pub methods: BTreeMap<String, MethodSummary>,
    /// By metric: the model against the best baseline, where both have numbers.
    pub comparisons: BTreeMap<String, Comparison>,
}

/// One method over all its perturbations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodSummary {
    /// Perturbations it was judged on.
    pub n_perturbations: usize,
    /// Whether it is a reference, no prediction.
    pub reference: bool,
    /// By metric, those with at least one number.
    pub metrics: BTreeMap<String, Statistic>,
}

/// One metric of one method over perturbations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistic {
    /// Perturbations with a number.
    pub n: usize,
    /// Their median.
    pub median: f64,
    /// Their mean.
    pub mean: f64,
}

/// The model against the best baseline on one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The baseline with the best median.
    pub best_baseline: String,
    /// Median of the model.
    pub model_median: f64,
    /// Median of that baseline.
    pub baseline_median: f64,
    /// Perturbations on which both have a number.
    pub n_pairs: usize,
    /// Median over these of model − baseline; `null` without pairs.
    pub median_difference: Option<f64>,
    /// Two-sided p of the Wilcoxon signed-rank test, `null` where the caller gave none.
    pub wilcoxon_p: Option<f64>,
    /// What may be said.
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
    /// No test was given.
    NotTested,
}

/// The baseline with the best median of a metric; of equal ones the first in the rows.
///
/// `None` for a metric without direction, or when no baseline has a number.
pub fn best_baseline<'a>(rows: &'a [MetricRow], roles: &Roles, metric: &Metric) -> Option<&'a str> {
    let sign = match metric.better {
        Better::Higher => -1.0,
        Better::Lower => 1.0,
        Better::Neither => return None,
    };
    methods(rows)
        .into_iter()
        .filter(|method| roles.is_baseline(method))
        .map(|method| (sign * median(&values(rows, method, metric)), method))
        .filter(|(loss, _)| !loss.is_nan())
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, method)| method)
}

/// The numbers of two methods on the perturbations where both have one, in the order of the rows.
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

impl Summary {
    /// Summarises rows; `tests` hold what was computed for the pairs of [`best_baseline`].
    pub fn new(rows: &[MetricRow], roles: &Roles, tests: &[PairedTest]) -> Self {
        let labels: BTreeSet<&str> = rows.iter().map(|row| row.perturbation.as_str()).collect();
        let method_summary = |method: &str| MethodSummary {
            n_perturbations: rows.iter().filter(|row| row.method == method).count(),
            reference: roles.is_reference(method),
            metrics: METRICS
                .iter()
                .filter_map(|metric| {
                    let values = values(rows, method, metric);
                    (!values.is_empty()).then(|| (metric.name.to_owned(), Statistic::of(&values)))
                })
                .collect(),
        };
        let comparisons = METRICS
            .iter()
            .filter_map(|metric| {
                let comparison = Comparison::new(rows, roles, metric, tests)?;
                Some((metric.name.to_owned(), comparison))
            })
            .collect();
        Self {
            format: SUMMARY_FORMAT,
            n_perturbations: labels.len(),
            model: roles.model.clone(),
            methods: methods(rows).into_iter().map(|m| (m.to_owned(), method_summary(m))).collect(),
            comparisons,
        }
    }

    /// The text of `summary.json`, indented, with a line break at the end.
    pub fn to_json(&self) -> String {
        // Only strings, numbers and maps with string keys: serialisation has nothing to fail on.
        let mut text = serde_json::to_string_pretty(self).expect("a summary is plain data");
        text.push('\n');
        text
    }
}

impl Statistic {
    fn of(values: &[f64]) -> Self {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Self { n: values.len(), median: median(values), mean }
    }
}

impl Comparison {
    fn new(
        rows: &[MetricRow],
        roles: &Roles,
        metric: &Metric,
        tests: &[PairedTest],
    ) -> Option<Self> {
        let baseline = best_baseline(rows, roles, metric)?;
        let model_median = median(&values(rows, &roles.model, metric));
        if model_median.is_nan() {
            return None;
        }
        let (of_model, of_baseline) = paired_values(rows, metric, &roles.model, baseline);
        let differences: Vec<f64> = of_model.iter().zip(&of_baseline).map(|(m, b)| m - b).collect();
        let difference = median(&differences);
        let wilcoxon_p = tests
            .iter()
            .find(|test| test.metric == metric.name && test.baseline == baseline)
            .map(|test| test.p)
            .filter(|p| !p.is_nan());
        let gain = if metric.better == Better::Lower { -difference } else { difference };
        let verdict = match wilcoxon_p {
            None => Verdict::NotTested,
            Some(p) if p < SIGNIFICANCE && gain > 0.0 => Verdict::ModelBetter,
            Some(p) if p < SIGNIFICANCE && gain < 0.0 => Verdict::BaselineBetter,
            Some(_) => Verdict::NoDifference,
        };
        Some(Self {
            best_baseline: baseline.to_owned(),
            model_median,
            baseline_median: median(&values(rows, baseline, metric)),
            n_pairs: differences.len(),
            median_difference: (!difference.is_nan()).then_some(difference),
            wilcoxon_p,
            verdict,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn test(metric: &str, baseline: &str, p: f64) -> PairedTest {
        PairedTest { metric: metric.into(), baseline: baseline.into(), p }
    }

    #[test]
    fn the_best_baseline_is_neither_the_model_nor_the_ceiling() {
        let (rows, roles) = (fixture::rows(), Roles::default());
        for name in ["r2", "e_distance"] {
            let metric = Metric::named(name).unwrap();
            assert_eq!(best_baseline(&rows, &roles, metric), Some("ridge"), "{name}");
        }
        let floor = Metric::named("fid_latent_floor").unwrap();
        assert_eq!(best_baseline(&rows, &roles, floor), None);
        let without_numbers = Metric::named("pearson_delta").unwrap();
        assert_eq!(best_baseline(&rows, &roles, without_numbers), None);
    }

    #[test]
    fn verdicts_follow_the_direction_of_the_metric() {
        let tests = [test("r2", "ridge", 0.01), test("e_distance", "ridge", 0.01)];
        let summary = Summary::new(&fixture::rows(), &Roles::default(), &tests);
        assert_eq!(summary.comparisons["r2"].verdict, Verdict::ModelBetter);
        assert_eq!(summary.comparisons["e_distance"].verdict, Verdict::BaselineBetter);
        assert_eq!(summary.comparisons["fid_latent"].verdict, Verdict::NotTested);
        assert_eq!(summary.comparisons["fid_latent"].n_pairs, 2);
        let undecided = [test("r2", "ridge", 0.2), test("e_distance", "no change", 0.001)];
        let summary = Summary::new(&fixture::rows(), &Roles::default(), &undecided);
        assert_eq!(summary.comparisons["r2"].verdict, Verdict::NoDifference);
        assert_eq!(summary.comparisons["e_distance"].verdict, Verdict::NotTested);
    }

    #[test]
    fn the_json_holds_medians_and_no_nan() {
        let summary = Summary::new(&fixture::rows(), &Roles::default(), &[]);
        let json: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
        assert_eq!(json["n_perturbations"], 3);
        assert_eq!(json["methods"]["model"]["metrics"]["r2"]["median"], 0.94);
        assert_eq!(json["methods"]["model"]["metrics"]["fid_latent"]["n"], 2);
        assert_eq!(json["methods"]["ceiling"]["reference"], true);
        assert!(json["methods"]["model"]["metrics"].get("pearson_delta").is_none());
        assert!(json["comparisons"]["r2"]["wilcoxon_p"].is_null());
    }

    #[test]
    fn only_common_perturbations_are_paired() {
        let mut rows = fixture::rows();
        rows.retain(|row| row.method != "ridge" || row.perturbation != "KLF1");
        let metric = Metric::named("r2").unwrap();
        let (model, ridge) = paired_values(&rows, metric, "model", "ridge");
        assert_eq!((model.len(), ridge.len()), (2, 2));
        assert_eq!(model[0], 0.94);
    }
}
