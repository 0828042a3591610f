//! The tables of a benchmark: many runs, put together.

mod aggregate;
mod columns;
mod delimited;
mod markdown;
mod printed;
mod terminal;

pub use aggregate::{
    BenchmarkGroup, BenchmarkMethod, BenchmarkTable, MethodRole, ModelComparison, OverSeeds,
    ScoredRun, Scores,
};
pub use delimited::comparison_csv;
pub use markdown::{BenchmarkAbout, comparison_json, comparison_markdown};
pub use printed::{BesidePrinted, Ours, PrintedComparison, slides_markdown};
pub use terminal::benchmark_terminal;

use pert_metrics::{METRICS, Metric};

use crate::table::{Grid, MAIN_METRICS, number};

/// Behind the best baseline of a column.
const BEST_BASELINE: &str = "†";
/// The row of what sampling noise alone gives.
const FLOOR: &str = "floor";

/// The main metrics that have numbers; floors are a row here, not columns.
fn main_metrics(group: &BenchmarkGroup) -> Vec<&'static Metric> {
    METRICS
        .iter()
        .filter(|metric| MAIN_METRICS.contains(&metric.name) && !is_floor(metric.name))
        .filter(|metric| group.methods.iter().any(|m| m.metrics.contains_key(metric.name)))
        .collect()
}

fn is_floor(metric: &str) -> bool {
    metric.ends_with("_floor")
}

/// Methods × metrics of a group.
fn grid(group: &BenchmarkGroup, metrics: &[&Metric], longest: usize) -> Grid {
    let best = |metric: &Metric, roles: &[MethodRole]| {
        let competing = group.methods.iter().filter(|m| roles.contains(&m.role));
        let losses = competing.filter_map(|method| {
            let loss = metric.better.loss(method.metrics.get(metric.name)?.value);
            (!loss.is_nan()).then_some((loss, method.name.as_str()))
        });
        losses.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
    };
    let columns: Vec<(&Metric, Option<&str>, Option<&str>)> = metrics
        .iter()
        .map(|metric| {
            let predictions = [MethodRole::Model, MethodRole::Baseline];
            (*metric, best(metric, &predictions), best(metric, &[MethodRole::Baseline]))
        })
        .collect();
    let rows = group.methods.iter().map(|method| {
        let bracketed = method.role == MethodRole::Reference;
        let name = if bracketed { format!("[{}]", method.name) } else { method.name.clone() };
        let mut cells =
            vec![(crate::table::cut(&name, longest), false), (method.n.to_string(), false)];
        cells.extend(columns.iter().map(|(metric, best, best_baseline)| {
            let Some(value) = method.metrics.get(metric.name) else {
                return (number(f64::NAN), false);
            };
            let is = |name: &Option<&str>| *name == Some(method.name.as_str());
            let sd = value.sd.map_or(String::new(), |sd| format!(" ±{}", number(sd)));
            let mark = if is(best_baseline) { BEST_BASELINE } else { "" };
            (format!("{}{sd}{mark}", number(value.value)), is(best))
        }));
        cells
    });
    let headings = metrics.iter().map(|metric| metric.heading);
    let header = ["method", "n"].into_iter().chain(headings).map(str::to_owned).collect();
    Grid { header, rows: rows.collect() }
}

/// `5 folds × 3 seeds, 33 perturbations`.
fn size(group: &BenchmarkGroup) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    format!(
        "{} × {}, {}",
        count(group.folds.len(), "fold"),
        count(group.seeds.len(), "seed"),
        count(group.n_perturbations, "perturbation")
    )
}
