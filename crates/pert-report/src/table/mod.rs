//! The files and the terminal form of an evaluation's table.

mod delimited;
mod grid;
mod markdown;
mod summary;
mod terminal;

pub(crate) use delimited::{exact_number, quoted};
pub use delimited::{intervals_csv, metrics_csv, slides_tsv};
pub(crate) use grid::{Grid, LONGEST_LABEL, cut, number};
pub(crate) use markdown::markdown;
pub use markdown::{markdown_report, markdown_table};
pub use summary::{MethodSummary, Statistic, Summary};
pub use terminal::{MAIN_METRICS, TerminalStyle, terminal_table};
pub(crate) use terminal::{drawn, fitted, wrapped};

use pert_metrics::MetricRow;

/// The rows of a method, most cells first, then by label.
fn by_size<'a>(rows: &'a [MetricRow], method: &str) -> Vec<&'a MetricRow> {
    let mut rows: Vec<&MetricRow> = rows.iter().filter(|row| row.method == method).collect();
    rows.sort_by(|a, b| b.n.cmp(&a.n).then_with(|| a.perturbation.cmp(&b.perturbation)));
    rows
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::MetricRow;

    /// Three perturbations by a model, two baselines and a ceiling; the ridge wins on E-distance.
    pub(crate) fn rows() -> Vec<MetricRow> {
        let mut rows = Vec::new();
        for (i, (label, n)) in
            [("KLF1", 50), ("CEBPE+RUNX1T1", 200), ("AHR", 50)].iter().enumerate()
        {
            for (method, r2, e_distance) in [
                ("model", 0.95, 0.2),
                ("no change", 0.8, 0.9),
                ("ridge", 0.9, 0.1),
                ("ceiling", 0.99, 0.0),
            ] {
                let mut row = MetricRow::new(*label, method, *n);
                row.r2 = r2 - 0.01 * i as f64;
                row.e_distance = e_distance;
                row.fid_latent = if i == 2 { f64::NAN } else { 2.0 + i as f64 };
                rows.push(row);
            }
        }
        rows
    }
}
