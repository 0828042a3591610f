//! What stands in the tables, before they are drawn: medians per method, and the model's perturbations.

use pert_metrics::{METRICS, Metric, MetricRow, Roles, median, methods, values};

use super::by_size;

/// Stands for a number that could not be computed.
const MISSING: &str = "–";
/// Longer labels are cut in tables; the files hold them whole.
pub(crate) const LONGEST_LABEL: usize = 32;

/// Cells of a table: text, and whether it is the best of its column. The first column is left-aligned.
pub(crate) struct Grid {
    pub header: Vec<String>,
    pub rows: Vec<Vec<(String, bool)>>,
}

pub(super) fn with_numbers(rows: &[MetricRow]) -> Vec<&'static Metric> {
    METRICS.iter().filter(|m| rows.iter().any(|row| !(m.get)(row).is_nan())).collect()
}

pub(super) fn per_method(
    rows: &[MetricRow],
    roles: &Roles,
    metrics: &[&Metric],
    longest: usize,
) -> Grid {
    let methods = methods(rows);
    let medians: Vec<Vec<f64>> = methods
        .iter()
        .map(|method| metrics.iter().map(|m| median(&values(rows, method, m))).collect())
        .collect();
    let best = |column: usize| {
        let competing = methods
            .iter()
            .zip(&medians)
            .filter(|(method, _)| !roles.is_reference(method))
            .map(|(_, medians)| medians[column])
            .filter(|value| !value.is_nan());
        let better = metrics[column].better;
        competing
            .filter(|&value| !better.loss(value).is_nan())
            .min_by(|&a, &b| better.loss(a).total_cmp(&better.loss(b)))
    };
    let best: Vec<Option<f64>> = (0..metrics.len()).map(best).collect();
    let rows = methods.iter().zip(&medians).map(|(method, medians)| {
        let reference = roles.is_reference(method);
        let n = rows.iter().filter(|row| row.method == **method).count();
        let name = cut(method, if reference { longest.saturating_sub(2) } else { longest });
        let name = if reference { format!("[{name}]") } else { name };
        let mut cells = vec![(name, false), (n.to_string(), false)];
        cells.extend(
            medians
                .iter()
                .zip(&best)
                .map(|(&value, &best)| (number(value), !reference && best == Some(value))),
        );
        cells
    });
    Grid { header: header("method", "n", metrics), rows: rows.collect() }
}

pub(super) fn per_perturbation(
    rows: &[MetricRow],
    roles: &Roles,
    metrics: &[&Metric],
    max_rows: usize,
    longest: usize,
) -> Grid {
    let rows = by_size(rows, &roles.model).into_iter().take(max_rows).map(|row| {
        let mut cells = vec![(cut(&row.perturbation, longest), false), (row.n.to_string(), false)];
        cells.extend(metrics.iter().map(|metric| (number((metric.get)(row)), false)));
        cells
    });
    Grid { header: header("perturbation", "n", metrics), rows: rows.collect() }
}

fn header(first: &str, second: &str, metrics: &[&Metric]) -> Vec<String> {
    let names = metrics.iter().map(|metric| metric.heading);
    [first, second].into_iter().chain(names).map(str::to_owned).collect()
}

/// About four digits, the same number of decimals for numbers of like size.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => MISSING.to_owned(),
        v if v < 9.9995 => format!("{value:.3}"),
        v if v < 99.995 => format!("{value:.2}"),
        v if v < 999.95 => format!("{value:.1}"),
        v if v < 1e7 => format!("{value:.0}"),
        _ => format!("{value:.2e}"),
    }
}

/// At most `longest` characters on one line; what would steer a terminal becomes a blank.
pub(crate) fn cut(label: &str, longest: usize) -> String {
    let label = label.replace(char::is_control, " ");
    if label.chars().count() <= longest {
        return label;
    }
    label.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_about_four_digits() {
        let shown: Vec<String> =
            [0.12345, -3.2, 12.345, 123.45, 12345.6, 1e9, f64::NAN].map(number).into();
        assert_eq!(shown, ["0.123", "-3.200", "12.35", "123.5", "12346", "1.00e9", MISSING]);
    }

    #[test]
    fn long_labels_are_cut() {
        assert_eq!(cut(&"é".repeat(40), 32).chars().count(), 32);
        assert_eq!(cut("a\tb\u{1b}[2J", 32), "a b [2J");
    }
}
