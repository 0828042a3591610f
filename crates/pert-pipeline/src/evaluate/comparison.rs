//! The model against the best simple baseline, paired over perturbations.

use pert_metrics::wilcoxon_signed_rank;
use serde::Serialize;

use super::score::MetricRow;

/// A column of the metric table that methods are compared by.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The column's name.
    pub name: &'static str,
    /// Whether larger is better.
    pub larger_is_better: bool,
    /// Reads it from a row.
    pub value: fn(&MetricRow) -> f64,
}

/// Every metric methods are compared by.
pub const METRICS: [Metric; 6] = [
    Metric { name: "r2", larger_is_better: true, value: |r| r.r2 },
    Metric { name: "r2_pearson", larger_is_better: true, value: |r| r.r2_pearson },
    Metric { name: "pearson_delta", larger_is_better: true, value: |r| r.pearson_delta },
    Metric { name: "fid_latent", larger_is_better: false, value: |r| r.fid_latent },
    Metric { name: "e_distance", larger_is_better: false, value: |r| r.e_distance },
    Metric { name: "pearson_delta_true", larger_is_better: true, value: |r| r.pearson_delta_true },
];

/// Rows that are no prediction of an unseen thing: real cells of the same perturbation.
pub(super) const REFERENCES: [&str; 2] = ["ceiling", "training_cells"];

/// The model against the baseline with the best median, on one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The metric.
    pub metric: &'static str,
    /// The baseline with the best median.
    pub best_baseline: String,
    /// Median of the model over perturbations.
    pub model_median: f64,
    /// Median of that baseline.
    pub baseline_median: f64,
    /// Perturbations compared.
    pub n: usize,
    /// Perturbations on which the model is better.
    pub n_model_better: usize,
    /// Two-sided Wilcoxon signed-rank p; none with fewer than one non-zero difference.
    pub p_value: Option<f64>,
}

impl Comparison {
    /// "better", "worse" or "no difference" at p < 0.05.
    pub fn verdict(&self) -> &'static str {
        const LEVEL: f64 = 0.05;
        let larger_is_better = METRICS.iter().any(|m| m.name == self.metric && m.larger_is_better);
        match self.p_value {
            Some(p) if p < LEVEL => {
                if (2 * self.n_model_better > self.n)
                    || (2 * self.n_model_better == self.n
                        && (self.model_median > self.baseline_median) == larger_is_better)
                {
                    "better"
                } else {
                    "worse"
                }
            }
            _ => "no difference",
        }
    }
}

/// Compares on every metric that has values.
pub(super) fn compare(rows: &[MetricRow]) -> Vec<Comparison> {
    METRICS.iter().filter_map(|metric| compare_on(rows, metric)).collect()
}

fn compare_on(rows: &[MetricRow], metric: &Metric) -> Option<Comparison> {
    let of = |method: &str| -> Vec<(&str, f64)> {
        rows.iter()
            .filter(|r| r.method == method)
            .map(|r| (r.perturbation.as_str(), (metric.value)(r)))
            .filter(|(_, v)| v.is_finite())
            .collect()
    };
    let sign = if metric.larger_is_better { 1.0 } else { -1.0 };
    let mut methods: Vec<&str> = rows.iter().map(|r| r.method.as_str()).collect();
    methods.sort_unstable();
    methods.dedup();
    let model = of("model");
    let (best_baseline, baseline) = methods
        .into_iter()
        .filter(|m| *m != "model" && !REFERENCES.contains(m))
        .map(|m| (m, of(m)))
        .filter(|(_, values)| !values.is_empty())
        .max_by(|(_, a), (_, b)| (sign * median(a)).total_cmp(&(sign * median(b))))?;
    let pairs: Vec<(f64, f64)> = model
        .iter()
        .filter_map(|(p, m)| baseline.iter().find(|(q, _)| q == p).map(|(_, b)| (*m, *b)))
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let differences: Vec<f64> = pairs.iter().map(|(m, b)| sign * (m - b)).collect();
    Some(Comparison {
        metric: metric.name,
        best_baseline: best_baseline.to_owned(),
        model_median: median(&model),
        baseline_median: median(&baseline),
        n: pairs.len(),
        n_model_better: differences.iter().filter(|d| **d > 0.0).count(),
        p_value: wilcoxon_signed_rank(&differences).map(|test| test.p_value),
    })
}

fn median(values: &[(&str, f64)]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().map(|v| v.1).collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(perturbation: usize, method: &str, r2: f64, e_distance: f64) -> MetricRow {
        MetricRow { r2, e_distance, ..MetricRow::empty(&format!("p{perturbation}"), method, 10) }
    }

    #[test]
    fn the_best_baseline_is_chosen_per_metric_and_references_never_are() {
        let mut rows = Vec::new();
        for p in 0..8 {
            let noise = 0.001 * p as f64;
            rows.push(row(p, "model", 0.8 + noise, 0.3 + 2.0 * noise));
            rows.push(row(p, "additive", 0.7, 0.2));
            rows.push(row(p, "no_change", 0.5, 0.5));
            rows.push(row(p, "ceiling", 0.99, 0.0));
        }
        let comparisons = compare(&rows);
        let r2 = &comparisons[0];
        assert_eq!((r2.metric, r2.best_baseline.as_str(), r2.n), ("r2", "additive", 8));
        assert_eq!(r2.verdict(), "better");
        let e = comparisons.iter().find(|c| c.metric == "e_distance").unwrap();
        assert_eq!((e.best_baseline.as_str(), e.verdict()), ("additive", "worse"));
        // Eight differences of one sign: the smallest exact two-sided p is 2 / 2⁸.
        approx::assert_relative_eq!(r2.p_value.unwrap(), 2.0 / 256.0, max_relative = 1e-9);
    }
}
