//! `comparison.md` and `comparison.json`.

use pert_metrics::{Metric, Verdict};
use serde::Serialize;

use super::aggregate::{BenchmarkGroup, BenchmarkTable, ModelComparison};
use super::{BEST_BASELINE, grid, main_metrics, size};
use crate::table::{Grid, LONGEST_LABEL, MAIN_METRICS, markdown, number};

/// Version of `comparison.json`.
const FORMAT: u32 = 1;

/// What a benchmark is, and what of it is not done.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct BenchmarkAbout {
    /// Its name.
    pub name: String,
    /// A sentence for readers.
    pub description: String,
    /// Runs planned.
    pub n_runs: usize,
    /// Runs without numbers, each with the reason.
    pub missing: Vec<(String, String)>,
    /// Name of each data set with its citation and accession.
    pub datasets: Vec<(String, String)>,
}

impl BenchmarkAbout {
    fn warning(&self) -> String {
        if self.missing.is_empty() {
            return String::new();
        }
        let mut text = format!(
            "**Incomplete: {} of {} runs are missing.**\n\n",
            self.missing.len(),
            self.n_runs
        );
        for (run, reason) in &self.missing {
            text.push_str(&format!("- `{run}`: {}\n", reason.replace('\n', " ")));
        }
        text + "\n"
    }
}

/// `comparison.md`: one table per data set and split rule, and the paired tests below it.
///
/// Bold is the best prediction, `†` the best baseline; rows in brackets are no predictions.
pub fn comparison_markdown(about: &BenchmarkAbout, table: &BenchmarkTable) -> String {
    let mut text = format!("# {}\n\n", about.name);
    if !about.description.is_empty() {
        text.push_str(&format!("{}\n\n", about.description));
    }
    text.push_str(&about.warning());
    text.push_str(&format!(
        "Median over held-out perturbations (n) of all folds, mean over seeds ± their standard deviation. Bold: best \
         prediction. {BEST_BASELINE}: best baseline. In brackets: no prediction. Every metric stands in `comparison.csv`.\n"
    ));
    for group in &table.groups {
        text.push_str(&format!("\n## {}, {}\n\n", group.dataset, group.split));
        let about_it = about.datasets.iter().find(|(name, _)| *name == group.dataset);
        let said = about_it.map_or(String::new(), |(_, said)| said.clone());
        text.push_str(&format!("{}.", size(group)));
        if !said.is_empty() {
            text.push_str(&format!(" {said}."));
        }
        text.push_str("\n\n");
        text.push_str(&markdown(grid(group, &main_metrics(group), LONGEST_LABEL)));
        let tests: Vec<&ModelComparison> = tests(group).collect();
        if !tests.is_empty() {
            text.push_str(
                "\nEach model against the best baseline, paired over perturbations (Wilcoxon signed rank, two-sided):\n\n",
            );
            text.push_str(&markdown(tests_grid(&tests)));
        }
    }
    text
}

/// The paired tests of the main metrics.
pub(super) fn tests(group: &BenchmarkGroup) -> impl Iterator<Item = &ModelComparison> {
    group.comparisons.iter().filter(|c| MAIN_METRICS.contains(&c.comparison.metric))
}

pub(super) fn verdict(test: &ModelComparison) -> &'static str {
    match test.comparison.verdict {
        Verdict::ModelBetter => "better",
        Verdict::BaselineBetter => "worse",
        Verdict::TooFew => "too few to test",
        Verdict::NotTested => "the same",
        _ => "no difference",
    }
}

/// Three decimals, and never a p of zero.
pub(super) fn probability(p: f64) -> String {
    if p < 0.0005 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

pub(super) fn heading(test: &ModelComparison) -> &'static str {
    Metric::named(test.comparison.metric).map_or(test.comparison.metric, |metric| metric.heading)
}

fn tests_grid(tests: &[&ModelComparison]) -> Grid {
    let header =
        ["model", "metric", "value", "best baseline", "its value", "better on", "p", "verdict"];
    let rows = tests.iter().map(|test| {
        let c = &test.comparison;
        let cells = [
            test.model.clone(),
            heading(test).to_owned(),
            number(c.model_median),
            c.best_baseline.clone(),
            number(c.baseline_median),
            format!("{} of {}", c.n_model_better, c.n_pairs),
            c.wilcoxon_p.map_or_else(|| number(f64::NAN), probability),
            verdict(test).to_owned(),
        ];
        cells.into_iter().map(|cell| (cell, false)).collect()
    });
    Grid { header: header.map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// `comparison.json`: every metric of every method with its value per seed, and every paired test.
pub fn comparison_json(about: &BenchmarkAbout, table: &BenchmarkTable) -> String {
    #[derive(Serialize)]
    struct File<'a> {
        format: u32,
        complete: bool,
        #[serde(flatten)]
        about: &'a BenchmarkAbout,
        #[serde(flatten)]
        table: &'a BenchmarkTable,
    }
    let complete = about.missing.is_empty();
    let file = File { format: FORMAT, complete, about, table };
    // Strings, numbers and maps with string or whole-number keys: nothing to fail on.
    let mut text = serde_json::to_string_pretty(&file).expect("a table is plain data");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::fixture::runs;
    use super::*;
    use pert_metrics::Roles;

    fn about() -> BenchmarkAbout {
        BenchmarkAbout {
            name: "pairs".into(),
            description: "Pairs of genes.".into(),
            n_runs: 5,
            missing: vec![("norman/x".into(), "failed: no\ncontrol".into())],
            datasets: vec![("norman".into(), "Norman 2019, GSE133344".into())],
        }
    }

    #[test]
    fn the_page_names_what_is_missing_and_marks_the_best() {
        let table = BenchmarkTable::new(&runs(), &Roles::default());
        let text = comparison_markdown(&about(), &table);
        assert!(text.contains("**Incomplete: 1 of 5 runs are missing.**"), "{text}");
        assert!(text.contains("- `norman/x`: failed: no control\n"), "{text}");
        assert!(
            text.contains("2 folds × 2 seeds, 8 perturbations. Norman 2019, GSE133344.\n"),
            "{text}"
        );
        assert!(text.contains("| default | 8 | **0.565 ±0.071** |"), "{text}");
        assert!(text.contains("**0.250 ±0.000†**"), "{text}");
        assert!(text.contains("| [floor] | 8 | – |"), "{text}");
        assert!(
            text.contains("| default | R² | 0.565 | ridge | 0.465 | 8 of 8 | 0.008 | better |"),
            "{text}"
        );
        let complete = BenchmarkAbout { missing: vec![], ..about() };
        assert!(!comparison_markdown(&complete, &table).contains("Incomplete"));
    }

    #[test]
    fn the_json_holds_every_seed() {
        let table = BenchmarkTable::new(&runs(), &Roles::default());
        let json: serde_json::Value =
            serde_json::from_str(&comparison_json(&about(), &table)).unwrap();
        assert_eq!((json["complete"].clone(), json["n_runs"].clone()), (false.into(), 5.into()));
        let model = &json["groups"][0]["methods"][0];
        assert_eq!(model["name"], "default");
        assert!(model["metrics"]["r2"]["by_seed"]["1"].as_f64().unwrap() > 0.6);
        assert_eq!(json["groups"][0]["comparisons"][0]["model"], "default");
    }
}
