//! A score with how far it would move.

use crate::{Interval, Metric};

/// 95% interval of a score over resampled real cells, the prediction held fixed.
///
/// ```
/// use pert_metrics::{Interval, Metric, MetricInterval};
/// let r2 = Metric::named("r2").expect("a column of metrics.csv");
/// let one = MetricInterval {
///     perturbation: Some("KLF1".into()),
///     method: "model".into(),
///     metric: r2,
///     interval: Interval { low: 0.85, high: 0.93 },
/// };
/// assert_eq!(one.metric.heading, "R²");
/// ```
#[derive(Debug, Clone)]
pub struct MetricInterval {
    /// The perturbation; `None`: the median over all of them.
    pub perturbation: Option<String>,
    /// The method.
    pub method: String,
    /// The metric.
    pub metric: &'static Metric,
    /// Where the score lies.
    pub interval: Interval,
}
