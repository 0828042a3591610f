//! A benchmark on screen.

use super::aggregate::BenchmarkTable;
use super::markdown::{heading, probability, tests, verdict};
use super::{BEST_BASELINE, grid, main_metrics, size};
use crate::TerminalStyle;
use crate::table::{drawn, fitted, wrapped};

/// One table per data set and split rule, and a sentence per paired test.
pub fn benchmark_terminal(table: &BenchmarkTable, style: &TerminalStyle) -> String {
    let mut text = String::new();
    for group in &table.groups {
        let title = format!("{}, {}: {}", group.dataset, group.split, size(group));
        text.push_str(&wrapped(&title, style.width));
        text.push_str(&fitted(
            style.width,
            |metrics, longest| drawn(grid(group, metrics, longest), style.color),
            &main_metrics(group),
        ));
        for test in tests(group) {
            let c = &test.comparison;
            let p = match c.wilcoxon_p.map(probability) {
                Some(p) if p.starts_with('<') => format!(" (p {p})"),
                Some(p) => format!(" (p = {p})"),
                None => String::new(),
            };
            let line = format!(
                "{}: {} {:.3}, best baseline {} {:.3}; better on {} of {}, {}{p}",
                heading(test),
                test.model,
                c.model_median,
                c.best_baseline,
                c.baseline_median,
                c.n_model_better,
                c.n_pairs,
                verdict(test),
            );
            text.push_str(&wrapped(&line, style.width));
        }
        text.push('\n');
    }
    if !table.groups.is_empty() {
        let key = format!(
            "Median over perturbations of all folds, mean over seeds ± standard deviation; * best prediction, \
             {BEST_BASELINE} best baseline, brackets: no prediction"
        );
        text.push_str(&wrapped(&key, style.width));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::fixture::runs;
    use super::*;
    use pert_metrics::Roles;

    #[test]
    fn narrow_terminals_are_kept_to() {
        let table = BenchmarkTable::new(&runs(), &Roles::default());
        for width in [40, 60, 100] {
            let style = TerminalStyle { width: Some(width), ..TerminalStyle::default() };
            let text = benchmark_terminal(&table, &style);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
        }
        let text = benchmark_terminal(&table, &TerminalStyle::default());
        assert!(text.contains("norman, sorted-2: 2 folds × 2 seeds, 8 perturbations"), "{text}");
        assert!(text.contains("better on 8 of 8, better (p = 0.008)"), "{text}");
    }
}
