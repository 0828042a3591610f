//! `summary.json`: medians and means per method, and the model against the best baseline.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use pert_core::seeded_rng;
use pert_metrics::{
    Bootstrap, Comparison, Interval, METRICS, MetricInterval, MetricRow, Roles, compare, median,
    methods, values,
};

/// Version of the file format.
const SUMMARY_FORMAT: u32 = 1;

/// The content of `summary.json`.
///
/// ```
/// use pert_metrics::{MetricRow, Roles};
/// use pert_report::Summary;
/// let row = |label: &str, method: &str, r2| MetricRow { r2, ..MetricRow::new(label, method, 100) };
/// let rows = [row("A", "model", 0.5), row("B", "model", 0.75), row("A", "additive", 0.25)];
/// let summary = Summary::new(&rows, &Roles::default(), &[]);
/// let r2 = &summary.methods["model"].metrics["r2"];
/// assert_eq!((r2.n, r2.median, r2.mean), (2, 0.625, 0.625));
/// assert_eq!(summary.comparisons["r2"].best_baseline, "additive");
/// ```
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
    /// 95% interval of the median over resampled perturbations; `null` below two.
    pub over_perturbations: Option<Interval>,
    /// 95% interval of the median over resampled real cells; `null` where it was not computed.
    pub over_cells: Option<Interval>,
}

impl Summary {
    /// Summarises rows; `intervals` are those over real cells, as far as there are any.
    pub fn new(rows: &[MetricRow], roles: &Roles, intervals: &[MetricInterval]) -> Self {
        let labels: BTreeSet<&str> = rows.iter().map(|row| row.perturbation.as_str()).collect();
        let method_summary = |method: &str| MethodSummary {
            n_perturbations: rows.iter().filter(|row| row.method == method).count(),
            reference: roles.is_reference(method),
            metrics: METRICS
                .iter()
                .filter_map(|metric| {
                    let values = values(rows, method, metric);
                    let over_cells = intervals
                        .iter()
                        .find(|i| {
                            i.perturbation.is_none()
                                && i.method == method
                                && i.metric.name == metric.name
                        })
                        .map(|i| i.interval);
                    let statistic = || Statistic::of(&values, metric.name, over_cells);
                    (!values.is_empty()).then(|| (metric.name.to_owned(), statistic()))
                })
                .collect(),
        };
        let comparisons =
            compare(rows, roles).into_iter().map(|c| (c.metric.to_owned(), c)).collect();
        Self {
            format: SUMMARY_FORMAT,
            n_perturbations: labels.len(),
            model: roles.model.clone(),
            methods: methods(rows).into_iter().map(|m| (m.to_owned(), method_summary(m))).collect(),
            comparisons,
        }
    }

    /// The text of `summary.json`, indented, with a line break at the end.
    ///
    /// ```
    /// let summary = pert_report::Summary::new(&[], &pert_metrics::Roles::default(), &[]);
    /// let json: serde_json::Value = serde_json::from_str(&summary.to_json())?;
    /// assert_eq!(json["n_perturbations"], 0);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        // Only strings, numbers and maps with string keys: serialisation has nothing to fail on.
        let mut text = serde_json::to_string_pretty(self).expect("a summary is plain data");
        text.push('\n');
        text
    }
}

impl Statistic {
    fn of(values: &[f64], metric: &str, over_cells: Option<Interval>) -> Self {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let mut rng = seeded_rng(0, &format!("summary/{metric}"));
        let over_perturbations = Bootstrap::default().median(values, &mut rng);
        Self {
            n: values.len(),
            median: median(values),
            mean,
            over_perturbations: over_perturbations.filter(|_| values.len() > 1),
            over_cells,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn the_json_holds_medians_and_no_nan() {
        let summary = Summary::new(&fixture::rows(), &Roles::default(), &[]);
        let json: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
        assert_eq!(json["n_perturbations"], 3);
        assert_eq!(json["methods"]["model"]["metrics"]["r2"]["median"], 0.94);
        assert_eq!(json["methods"]["model"]["metrics"]["fid_latent"]["n"], 2);
        assert_eq!(json["methods"]["ceiling"]["reference"], true);
        assert!(json["methods"]["model"]["metrics"].get("pearson_delta").is_none());
        assert_eq!(json["comparisons"]["r2"]["best_baseline"], "ridge");
        assert_eq!(json["comparisons"]["r2"]["verdict"], "too_few");
    }
}
