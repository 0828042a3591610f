//! The table on screen and its Markdown twin.

use comfy_table::{Attribute, Cell, CellAlignment, LineStyle, Table, TableStyle};

use pert_metrics::{Better, METRICS, Metric, MetricRow, Roles, median, methods, values};

use super::by_size;

/// Marks the best value of a column.
const BEST: char = '*';
/// Stands for a number that could not be computed.
const MISSING: &str = "–";
/// Longer labels are cut in tables; the files hold them whole.
const LONGEST_LABEL: usize = 32;

/// Lines above, below and under the header only.
const LINES: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// How the table on screen looks.
///
/// ```
/// use pert_report::TerminalStyle;
/// // Into a file or a pipe: nothing bold, lines of any length.
/// let style = TerminalStyle::for_output(false, None);
/// assert!(!style.color && style.width.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalStyle {
    /// Columns of the terminal; metrics that do not fit are left out, last ones first. `None`: no limit.
    pub width: Option<usize>,
    /// Whether the best values are set in bold besides being marked.
    pub color: bool,
    /// Perturbations listed, those of most cells first. Default 20.
    pub max_rows: usize,
}

impl Default for TerminalStyle {
    fn default() -> Self {
        Self { width: None, color: false, max_rows: 20 }
    }
}

impl TerminalStyle {
    /// The style for an output: bold only on a terminal, and not where `NO_COLOR` is set (no-color.org: to
    /// anything but the empty string).
    pub fn for_output(is_terminal: bool, width: Option<usize>) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { width, color: is_terminal && !no_color, ..Self::default() }
    }
}

/// Medians per method, the best of each column marked, and the model's perturbations below.
///
/// References (the ceiling) are shown in brackets and never marked as best.
///
/// ```
/// use pert_metrics::{MetricRow, Roles};
/// use pert_report::{TerminalStyle, terminal_table};
/// let row = |method: &str, r2| MetricRow { r2, ..MetricRow::new("KLF1", method, 120) };
/// let rows = [row("model", 0.75), row("additive", 0.5), row("ceiling", 0.9)];
/// let table = terminal_table(&rows, &Roles::default(), &TerminalStyle::default());
/// let line = |start: &str| table.lines().find(|line| line.trim_start().starts_with(start));
/// assert!(line("model").is_some_and(|line| line.contains('*')));
/// assert!(line("additive").is_some_and(|line| !line.contains('*')));
/// assert!(line("[ceiling]").is_some_and(|line| !line.contains('*')));
/// ```
pub fn terminal_table(rows: &[MetricRow], roles: &Roles, style: &TerminalStyle) -> String {
    let n_model = rows.iter().filter(|row| row.method == roles.model).count();
    let per_method = fitted(
        style.width,
        |metrics| drawn(per_method(rows, roles, metrics), style.color),
        &with_numbers(rows),
    );
    let per_perturbation = fitted(
        style.width,
        |metrics| drawn(per_perturbation(rows, roles, metrics, style.max_rows), style.color),
        &with_numbers(rows),
    );
    let mut text =
        format!("Median over n perturbations ({BEST} best prediction, brackets: no prediction)\n");
    text.push_str(&per_method);
    if n_model > 0 {
        text.push_str(&format!(
            "\n{}, by perturbation with n real cells, most first\n",
            roles.model
        ));
        text.push_str(&per_perturbation);
        if n_model > style.max_rows {
            text.push_str(&format!("… {} more in metrics.csv\n", n_model - style.max_rows));
        }
    }
    text
}

/// The same two tables in Markdown.
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
    let mut text = markdown(per_method(rows, roles, &metrics));
    if n_model > 0 {
        text.push('\n');
        text.push_str(&markdown(per_perturbation(rows, roles, &metrics, max_rows)));
        if n_model > max_rows {
            text.push_str(&format!("\n… {} more in `metrics.csv`\n", n_model - max_rows));
        }
    }
    text
}

/// Cells of a table: text, and whether it is the best of its column. The first column is left-aligned.
struct Grid {
    header: Vec<String>,
    rows: Vec<Vec<(String, bool)>>,
}

fn with_numbers(rows: &[MetricRow]) -> Vec<&'static Metric> {
    METRICS.iter().filter(|m| rows.iter().any(|row| !(m.get)(row).is_nan())).collect()
}

fn per_method(rows: &[MetricRow], roles: &Roles, metrics: &[&Metric]) -> Grid {
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
        match metrics[column].better {
            Better::Higher => competing.reduce(f64::max),
            Better::Lower => competing.reduce(f64::min),
            Better::Neither => None,
        }
    };
    let best: Vec<Option<f64>> = (0..metrics.len()).map(best).collect();
    let rows = methods.iter().zip(&medians).map(|(method, medians)| {
        let reference = roles.is_reference(method);
        let n = rows.iter().filter(|row| row.method == **method).count();
        let name = if reference { format!("[{}]", cut(method)) } else { cut(method) };
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

fn per_perturbation(
    rows: &[MetricRow],
    roles: &Roles,
    metrics: &[&Metric],
    max_rows: usize,
) -> Grid {
    let rows = by_size(rows, &roles.model).into_iter().take(max_rows).map(|row| {
        let mut cells = vec![(cut(&row.perturbation), false), (row.n.to_string(), false)];
        cells.extend(metrics.iter().map(|metric| (number((metric.get)(row)), false)));
        cells
    });
    Grid { header: header("perturbation", "n", metrics), rows: rows.collect() }
}

fn header(first: &str, second: &str, metrics: &[&Metric]) -> Vec<String> {
    let names = metrics.iter().map(|metric| metric.heading);
    [first, second].into_iter().chain(names).map(str::to_owned).collect()
}

/// Draws with ever fewer metrics until the lines fit, and says which are missing.
fn fitted(
    width: Option<usize>,
    draw: impl Fn(&[&Metric]) -> String,
    metrics: &[&'static Metric],
) -> String {
    let width = width.unwrap_or(usize::MAX);
    for n_shown in (1..=metrics.len()).rev() {
        let mut text = draw(&metrics[..n_shown]);
        if n_shown == 1 || text.lines().all(|line| visible_width(line) <= width) {
            if n_shown < metrics.len() {
                let left_out: Vec<&str> = metrics[n_shown..].iter().map(|m| m.name).collect();
                text.push_str(&format!("left out for width: {}\n", left_out.join(", ")));
            }
            return text;
        }
    }
    draw(&[])
}

/// Characters of a line less its escape sequences.
fn visible_width(line: &str) -> usize {
    let mut in_escape = false;
    line.chars()
        .filter(|&c| {
            let visible = !in_escape && c != '\u{1b}';
            in_escape = if in_escape { c != 'm' } else { c == '\u{1b}' };
            visible
        })
        .count()
}

fn drawn(grid: Grid, color: bool) -> String {
    let mut table = Table::new();
    table.load_style(LINES);
    if color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let align =
        |column: usize| if column == 0 { CellAlignment::Left } else { CellAlignment::Right };
    // Numbers carry the mark or a blank in its place, and so does the heading above them.
    let blank = |column: usize| if column > 0 { " " } else { "" };
    table.set_header(grid.header.iter().enumerate().map(|(column, text)| {
        Cell::new(format!("{text}{}", blank(column))).set_alignment(align(column))
    }));
    for row in grid.rows {
        table.add_row(row.into_iter().enumerate().map(|(column, (text, best))| {
            if best {
                let cell = Cell::new(format!("{text}{BEST}")).set_alignment(align(column));
                if color { cell.add_attribute(Attribute::Bold) } else { cell }
            } else {
                Cell::new(format!("{text}{}", blank(column))).set_alignment(align(column))
            }
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn markdown(grid: Grid) -> String {
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

/// About four digits, the same number of decimals for numbers of like size.
fn number(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => MISSING.to_owned(),
        v if v < 9.9995 => format!("{value:.3}"),
        v if v < 99.995 => format!("{value:.2}"),
        v if v < 999.95 => format!("{value:.1}"),
        v if v < 1e7 => format!("{value:.0}"),
        _ => format!("{value:.2e}"),
    }
}

fn cut(label: &str) -> String {
    let label = label.replace(['\n', '\r', '\t'], " ");
    if label.chars().count() <= LONGEST_LABEL {
        return label;
    }
    label.chars().take(LONGEST_LABEL - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn plain(width: Option<usize>) -> TerminalStyle {
        TerminalStyle { width, max_rows: 2, ..TerminalStyle::default() }
    }

    #[test]
    fn the_best_prediction_is_marked_and_the_ceiling_is_not() {
        let text = terminal_table(&fixture::rows(), &Roles::default(), &plain(None));
        let line = |start: &str| text.lines().find(|l| l.trim().starts_with(start)).unwrap();
        assert!(line("model").contains("0.940*"), "{text}");
        assert!(line("ridge").contains("0.100*"), "{text}");
        assert!(line("[ceiling]").contains("0.980") && !line("[ceiling]").contains('*'), "{text}");
        assert!(text.contains("… 1 more in metrics.csv"), "{text}");
        assert!(!text.contains("Pearson Δ"), "a metric without numbers has no column:\n{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn narrow_terminals_get_fewer_columns_and_are_told() {
        let text = terminal_table(&fixture::rows(), &Roles::default(), &plain(Some(40)));
        let is_table =
            |l: &&str| !["Median", "model, by", "left out"].iter().any(|s| l.starts_with(s));
        assert!(text.lines().filter(is_table).all(|l| l.chars().count() <= 40), "{text}");
        assert!(text.contains("left out for width: e_distance"), "{text}");
    }

    #[test]
    fn bold_is_for_terminals_only() {
        let style = TerminalStyle { color: true, ..plain(None) };
        let text = terminal_table(&fixture::rows(), &Roles::default(), &style);
        assert!(text.contains("\u{1b}[1m"), "{text:?}");
        let bare = text.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        let bare: Vec<&str> = bare.lines().map(str::trim_end).collect();
        let without = terminal_table(&fixture::rows(), &Roles::default(), &plain(None));
        assert_eq!(bare, without.lines().collect::<Vec<_>>());
        assert!(!TerminalStyle::for_output(false, None).color);
    }

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
        let text = terminal_table(&[], &Roles::default(), &plain(Some(1)));
        assert!(text.contains("Median"));
        assert!(markdown_table(&[], &Roles::default(), 3).starts_with("| method"));
    }

    #[test]
    fn numbers_keep_about_four_digits() {
        let shown: Vec<String> =
            [0.12345, -3.2, 12.345, 123.45, 12345.6, 1e9, f64::NAN].map(number).into();
        assert_eq!(shown, ["0.123", "-3.200", "12.35", "123.5", "12346", "1.00e9", MISSING]);
    }

    #[test]
    fn long_labels_are_cut() {
        assert_eq!(cut(&"é".repeat(40)).chars().count(), LONGEST_LABEL);
        assert_eq!(cut("a\tb"), "a b");
    }
}
