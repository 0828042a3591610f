//! The table on screen.

use comfy_table::{Attribute, Cell, CellAlignment, LineStyle, Table, TableStyle};

use pert_metrics::{Metric, MetricRow, Roles};

use super::grid::{Grid, LONGEST_LABEL, per_method, per_perturbation, with_numbers};

/// Marks the best value of a column.
const BEST: char = '*';
/// Before a metric is left out for width, labels are cut to this.
const SHORTER_LABEL: usize = 20;
/// Where not even one metric fits beside such labels.
const SHORTEST_LABELS: [usize; 2] = [12, 6];
/// What stands in the table on screen; the files hold every metric.
pub const MAIN_METRICS: [&str; 11] = [
    "r2",
    "r2_pearson",
    "fid_latent",
    "fid_latent_floor",
    "pearson_delta",
    "e_distance",
    "fid_latent_ratio",
    "discrimination",
    "de_overlap",
    "variance_ratio",
    "pearson_delta_true",
];
/// The metrics to keep longest in a narrow terminal; any other goes before these.
const KEPT_LONGEST: [&str; 6] =
    ["r2", "pearson_delta", "fid_latent_ratio", "e_distance", "fid_latent", "r2_pearson"];

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
    /// Columns of the terminal; labels are cut and the lesser metrics left out until the lines fit. `None`: no limit.
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

/// Medians per method, the best of each column marked, and the model's perturbations below: the main metrics.
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
    let mut on_screen = with_numbers(rows);
    on_screen.retain(|metric| MAIN_METRICS.contains(&metric.name));
    let per_method = fitted(
        style.width,
        |metrics, longest| drawn(per_method(rows, roles, metrics, longest), style.color),
        &on_screen,
    );
    let per_perturbation = fitted(
        style.width,
        |metrics, longest| {
            drawn(per_perturbation(rows, roles, metrics, style.max_rows, longest), style.color)
        },
        &on_screen,
    );
    let heading =
        format!("Median over n perturbations ({BEST} best prediction, brackets: no prediction)");
    let mut text = wrapped(&heading, style.width);
    text.push_str(&per_method);
    if n_model > 0 {
        let heading = format!("{}, by perturbation with n real cells, most first", roles.model);
        text.push('\n');
        text.push_str(&wrapped(&heading, style.width));
        text.push_str(&per_perturbation);
        if n_model > style.max_rows {
            text.push_str(&format!("… {} more in metrics.csv\n", n_model - style.max_rows));
        }
    }
    text
}

/// Draws with shorter labels and ever fewer metrics until the lines fit, and says which metrics are missing.
pub(crate) fn fitted(
    width: Option<usize>,
    draw: impl Fn(&[&Metric], usize) -> String,
    metrics: &[&'static Metric],
) -> String {
    let Some(width) = width else { return draw(metrics, LONGEST_LABEL) };
    let fits = |text: &str| text.lines().all(|line| visible_width(line) <= width);
    let rank = |metric: &Metric| KEPT_LONGEST.iter().position(|name| *name == metric.name);
    let mut shown: Vec<&'static Metric> = metrics.to_vec();
    let mut text = loop {
        let mut lengths = vec![LONGEST_LABEL, SHORTER_LABEL];
        if shown.len() <= 1 {
            lengths.extend(SHORTEST_LABELS);
        }
        let drawn: Vec<String> = lengths.iter().map(|&longest| draw(&shown, longest)).collect();
        if let Some(text) = drawn.iter().find(|text| fits(text)) {
            break text.clone();
        }
        let least = (0..shown.len()).max_by_key(|&i| rank(shown[i]).unwrap_or(usize::MAX));
        match least {
            Some(least) if shown.len() > 1 => drop(shown.remove(least)),
            _ => break drawn.last().cloned().unwrap_or_default(),
        }
    };
    let left_out: Vec<&str> = metrics
        .iter()
        .filter(|metric| shown.iter().all(|other| other.name != metric.name))
        .map(|metric| metric.name)
        .collect();
    if !left_out.is_empty() {
        let note = format!("left out for width: {}", left_out.join(", "));
        text.push_str(&wrapped(&note, Some(width)));
    }
    text
}

/// Lines of whole words, none wider than `width` where the words allow it; each ends in a line break.
pub(crate) fn wrapped(text: &str, width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let mut out = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push('\n');
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out.push('\n');
    out
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

pub(crate) fn drawn(grid: Grid, color: bool) -> String {
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
        let mut rows = fixture::rows();
        rows.iter_mut().for_each(|row| {
            row.perturbation.push_str(" very-long-drug-name (10 µM)");
            (row.pearson_delta, row.fid_latent_floor, row.fid_latent_ratio) = (0.5, 1.0, 2.0);
        });
        for width in [30, 40, 60, 80, 200] {
            let text = terminal_table(&rows, &Roles::default(), &plain(Some(width)));
            assert!(text.lines().all(|l| l.chars().count() <= width), "{width}:\n{text}");
        }
        let text = terminal_table(&rows, &Roles::default(), &plain(Some(52)));
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(
            words.join(" ").contains("left out for width: fid_latent, fid_latent_floor"),
            "{text}"
        );
        assert!(text.contains("Pearson Δ"), "the floor goes before it:\n{text}");
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
    fn no_rows_make_an_empty_table_and_no_panic() {
        let text = terminal_table(&[], &Roles::default(), &plain(Some(1)));
        assert!(text.contains("Median"));
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three", Some(7)), "one two\nthree\n");
    }
}
