//! The tables in Markdown, and the report of an evaluation made of them.

use pert_metrics::{Comparison, Metric, MetricInterval, MetricRow, Roles, Verdict};

use super::grid::{Grid, LONGEST_LABEL, number, per_method, per_perturbation, with_numbers};

/// Medians per method, the best of each column in bold, and the model's perturbations: every metric that has numbers.
///
/// ```
/// use pert_metrics::{MetricRow, Roles};
/// let row = |method: &str, r2| MetricRow { r2, ..MetricRow::new("KLF1", method, 120) };
/// let rows = [row("model", 0.75), row("additive", 0.5)];
/// let table = pert_report::markdown_table(&rows, &Roles::default(), 20);
/// assert!(table.lines().filter(|line| !line.is_empty()).all(|line| line.starts_with("| ")));
/// assert_eq!(table.lines().nth(1), Some("| --- | ---: | ---: |"));
/// ```
pub fn markdown_table(rows: &[MetricRow], roles: &Roles, max_rows: usize) -> String {
    let metrics = with_numbers(rows);
    let n_model = rows.iter().filter(|row| row.method == roles.model).count();
    let mut text = markdown(per_method(rows, roles, &metrics, LONGEST_LABEL));
    if n_model > 0 {
        text.push('\n');
        text.push_str(&markdown(per_perturbation(rows, roles, &metrics, max_rows, LONGEST_LABEL)));
        if n_model > max_rows {
            text.push_str(&format!("\n… {} more in `metrics.csv`\n", n_model - max_rows));
        }
    }
    text
}

/// `report.md`: the tables, the paired comparisons and what must be known to read them.
///
/// ```
/// use pert_metrics::{MetricRow, Roles, compare};
/// let row = |method: &str, r2| MetricRow { r2, ..MetricRow::new("KLF1", method, 120) };
/// let rows = [row("model", 0.75), row("additive", 0.5)];
/// let roles = Roles::default();
/// let notes = ["no control cells are held out".to_owned()];
/// let text = pert_report::markdown_report(&rows, &roles, &compare(&rows, &roles), &[], &notes);
/// assert!(text.starts_with("# Evaluation") && text.contains("no control cells"));
/// ```
pub fn markdown_report(
    rows: &[MetricRow],
    roles: &Roles,
    comparisons: &[Comparison],
    intervals: &[MetricInterval],
    notes: &[String],
) -> String {
    let mut text = String::from("# Evaluation\n\n");
    text.push_str(
        "Medians over the held-out perturbations, best prediction in bold; methods in brackets are no predictions. \
         Read every FID beside its floor: two samples of one population are at the floor, not at 0.\n\n",
    );
    text.push_str(&markdown_table(rows, roles, usize::MAX));
    if !comparisons.is_empty() {
        text.push_str("\n## Against the best baseline\n\n");
        text.push_str(&markdown(paired(comparisons, intervals, roles)));
    }
    let remarks: Vec<String> = notes.iter().cloned().chain(row_notes(rows, roles)).collect();
    if !remarks.is_empty() {
        text.push_str("\n## Notes\n\n");
        remarks.iter().for_each(|note| text.push_str(&format!("- {note}\n")));
    }
    text
}

/// One line per metric: both medians, their paired test, and the model's interval over real cells.
fn paired(comparisons: &[Comparison], intervals: &[MetricInterval], roles: &Roles) -> Grid {
    let header = [
        "metric",
        "model",
        "95% over cells",
        "best baseline",
        "its median",
        "difference",
        "95% over perturbations",
        "effect size",
        "wins",
        "n",
        "p",
        "verdict",
    ];
    let row = |c: &Comparison| {
        let over_cells = intervals.iter().find(|i| {
            i.perturbation.is_none() && i.method == roles.model && i.metric.name == c.metric
        });
        let span = |low_high: Option<(f64, f64)>| {
            low_high
                .map_or(String::new(), |(low, high)| format!("{} to {}", number(low), number(high)))
        };
        let optional = |value: Option<f64>| number(value.unwrap_or(f64::NAN));
        let verdict = match c.verdict {
            Verdict::ModelBetter => "model better",
            Verdict::BaselineBetter => "baseline better",
            Verdict::TooFew => "too few to test",
            _ => "no difference",
        };
        [
            Metric::named(c.metric).map_or(c.metric, |metric| metric.heading).to_owned(),
            number(c.model_median),
            span(over_cells.map(|i| (i.interval.low, i.interval.high))),
            c.best_baseline.clone(),
            number(c.baseline_median),
            optional(c.median_difference),
            span(c.interval.as_ref().map(|i| (i.low, i.high))),
            optional(c.effect_size),
            c.n_model_better.to_string(),
            c.n_pairs.to_string(),
            match c.wilcoxon_p {
                Some(p) if p < 0.001 => "< 0.001".to_owned(),
                p => optional(p),
            },
            verdict.to_owned(),
        ]
        .map(|cell| (cell, false))
        .to_vec()
    };
    Grid { header: header.map(str::to_owned).to_vec(), rows: comparisons.iter().map(row).collect() }
}

/// What single rows of the model say.
fn row_notes(rows: &[MetricRow], roles: &Roles) -> Vec<String> {
    rows.iter()
        .filter(|row| row.method == roles.model)
        .filter_map(|row| Some(format!("{}: {}", row.perturbation, row.note.as_ref()?)))
        .collect()
}

pub(crate) fn markdown(grid: Grid) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let escaped = |text: &str| text.replace('|', "\\|");
    let mut text = line(grid.header.iter().map(|text| escaped(text)).collect());
    let rule = (0..grid.header.len()).map(|column| if column == 0 { "---" } else { "---:" });
    text.push_str(&line(rule.map(str::to_owned).collect()));
    for row in grid.rows {
        let cells = row.into_iter().map(|(text, best)| {
            if best { format!("**{}**", escaped(&text)) } else { escaped(&text) }
        });
        text.push_str(&line(cells.collect()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn markdown_has_as_many_cells_in_every_line() {
        let mut rows = fixture::rows();
        rows[0].perturbation = "A|B".into();
        let text = markdown_table(&rows, &Roles::default(), 10);
        assert!(text.contains("A\\|B") && text.contains("**0.940**"), "{text}");
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let counts: Vec<usize> = text.lines().filter(|l| !l.is_empty()).map(cells).collect();
        assert!(counts.windows(2).all(|w| w[0] == w[1]), "{text}");
    }

    #[test]
    fn no_rows_make_an_empty_table_and_no_panic() {
        assert!(markdown_table(&[], &Roles::default(), 3).starts_with("| method"));
        let report = markdown_report(&[], &Roles::default(), &[], &[], &[]);
        assert!(!report.contains("## "), "{report}");
    }

    #[test]
    fn the_report_tells_why_a_row_has_no_numbers() {
        let mut rows = fixture::rows();
        let mut broken = MetricRow::new("SPI1", "model", 1);
        broken.note = Some("one real cell".into());
        rows.push(broken);
        let roles = Roles::default();
        let comparisons = pert_metrics::compare(&rows, &roles);
        let report = markdown_report(&rows, &roles, &comparisons, &[], &["a note".into()]);
        for text in ["- SPI1: one real cell", "- a note", "## Against the best baseline", "ridge"] {
            assert!(report.contains(text), "{text}: {report}");
        }
    }
}
