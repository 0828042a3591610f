//! `metrics.csv`, `intervals.csv` and `slides.tsv`.

use std::borrow::Cow;

use pert_metrics::{METRICS, MetricInterval, MetricRow};

use super::by_size;

/// `metrics.csv`: header `perturbation,method,n,` the names of [`METRICS`], `note`; one line per row, in the
/// order given.
///
/// UTF-8, lines end in `\n`, fields quoted as in RFC 4180 where they need it. A number is written with the
/// fewest digits that read back to the same `f64`; NaN is an empty field.
///
/// ```
/// use pert_metrics::MetricRow;
/// let row = MetricRow { r2: 0.5, ..MetricRow::new("KLF1,MYC", "model", 120) };
/// let csv = pert_report::metrics_csv(&[row]);
/// let lines: Vec<&str> = csv.lines().collect();
/// assert!(lines[0].starts_with("perturbation,method,n,r2,") && lines[0].ends_with(",note"));
/// // Quoted for its comma; what was not computed is empty.
/// assert!(lines[1].starts_with("\"KLF1,MYC\",model,120,0.5,,"));
/// ```
pub fn metrics_csv(rows: &[MetricRow]) -> String {
    let mut text = String::from("perturbation,method,n");
    for metric in METRICS {
        text.push(',');
        text.push_str(metric.name);
    }
    text.push_str(",note\n");
    for row in rows {
        text.push_str(&quoted(&row.perturbation));
        text.push(',');
        text.push_str(&quoted(&row.method));
        text.push_str(&format!(",{}", row.n));
        for metric in METRICS {
            text.push(',');
            text.push_str(&exact_number((metric.get)(row)));
        }
        text.push(',');
        text.push_str(&quoted(row.note.as_deref().unwrap_or_default()));
        text.push('\n');
    }
    text
}

/// `intervals.csv`: header `perturbation,method,metric,low,high`; the 95% intervals over resampled real cells, the
/// perturbation empty where the median over all of them is meant.
///
/// ```
/// assert_eq!(pert_report::intervals_csv(&[]), "perturbation,method,metric,low,high\n");
/// ```
pub fn intervals_csv(intervals: &[MetricInterval]) -> String {
    let mut text = String::from("perturbation,method,metric,low,high\n");
    for one in intervals {
        text.push_str(&format!(
            "{},{},{},{},{}\n",
            quoted(one.perturbation.as_deref().unwrap_or_default()),
            quoted(&one.method),
            one.metric.name,
            exact_number(one.interval.low),
            exact_number(one.interval.high)
        ));
    }
    text
}

/// `slides.tsv`: `perturbation`, `n`, `r2`, `fid` (the latent one) of one method, most cells first, then by
/// label. Tabs and line breaks within a label become spaces.
///
/// ```
/// use pert_metrics::MetricRow;
/// let row = |label: &str, n| MetricRow { r2: 0.5, ..MetricRow::new(label, "model", n) };
/// let tsv = pert_report::slides_tsv(&[row("MYC", 80), row("KLF1", 120)], "model");
/// assert_eq!(tsv, "perturbation\tn\tr2\tfid\nKLF1\t120\t0.5\t\nMYC\t80\t0.5\t\n");
/// ```
pub fn slides_tsv(rows: &[MetricRow], method: &str) -> String {
    let mut text = String::from("perturbation\tn\tr2\tfid\n");
    for row in by_size(rows, method) {
        let label = row.perturbation.replace(['\t', '\n', '\r'], " ");
        let (r2, fid) = (exact_number(row.r2), exact_number(row.fid_latent));
        text.push_str(&format!("{label}\t{}\t{r2}\t{fid}\n", row.n));
    }
    text
}

pub(crate) fn exact_number(value: f64) -> String {
    // `Debug` is the shortest form that reads back, with an exponent where `Display` would write many zeros.
    if value.is_nan() { String::new() } else { format!("{value:?}") }
}

pub(crate) fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", field.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(field)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn the_header_starts_as_the_command_line_promises() {
        let header = metrics_csv(&[]);
        assert!(header.starts_with(
            "perturbation,method,n,r2,r2_pearson,fid_latent,fid_latent_floor,pearson_delta,e_distance,"
        ));
        assert!(header.ends_with(",note\n"));
    }

    #[test]
    fn numbers_read_back_to_the_same_bits_and_nan_is_empty() {
        let mut row = MetricRow::new("A", "model", 3);
        (row.r2, row.e_distance, row.fid_latent) = (0.1 + 0.2, -1e-300, f64::NAN);
        let csv = metrics_csv(&[row]);
        let fields: Vec<&str> = csv.lines().nth(1).unwrap().split(',').collect();
        assert_eq!(fields.len(), csv.lines().next().unwrap().split(',').count());
        assert_eq!(fields[3].parse::<f64>().unwrap(), 0.1 + 0.2);
        assert_eq!(fields[5], "");
        assert_eq!(fields[8].parse::<f64>().unwrap(), -1e-300);
    }

    #[test]
    fn awkward_labels_are_quoted() {
        let mut row = MetricRow::new("a,\"b\"", "model", 1);
        row.note = Some("two\nlines".into());
        let csv = metrics_csv(&[row]);
        assert!(csv.contains("\n\"a,\"\"b\"\"\",model,1,"), "{csv}");
        assert!(csv.ends_with(",\"two\nlines\"\n"), "{csv}");
    }

    #[test]
    fn slides_are_sorted_by_cells_then_label() {
        let tsv = slides_tsv(&fixture::rows(), "model");
        let labels: Vec<&str> = tsv.lines().map(|l| l.split('\t').next().unwrap()).collect();
        assert_eq!(labels, ["perturbation", "CEBPE+RUNX1T1", "AHR", "KLF1"]);
        assert!(tsv.contains("\nAHR\t50\t0.9299999999999999\t\n"), "{tsv}");
    }
}
