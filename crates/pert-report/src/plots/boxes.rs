//! The main metrics over perturbations: a panel per metric, a row per method.

use pert_metrics::{Better, Metric, MetricRow, Roles, median, methods, values};

use super::canvas::{Anchor, Axis, Canvas, Frame, Stroke, Style, fitting, text_width};
use super::{BLUE, GREEN, GREY, ORANGE, PALE, PURPLE, Picture, SKY, VERMILLION};
use crate::Error;

/// What a panel shows, in the order of the panels.
struct Shown {
    metric: &'static str,
    title: &'static str,
    axis: &'static str,
    /// A value that marks something by itself, and what it marks.
    mark: Option<(f64, &'static str)>,
    /// Ratios are compared on a logarithmic axis.
    is_ratio: bool,
}

const SHOWN: [Shown; 4] = [
    Shown {
        metric: "r2",
        title: "R²: mean profile",
        axis: "R² over genes (1 = exact)",
        mark: None,
        is_ratio: false,
    },
    Shown {
        metric: "pearson_delta",
        title: "Pearson Δ: change",
        axis: "correlation of changes over genes (1 = exact)",
        mark: None,
        is_ratio: false,
    },
    Shown {
        metric: "fid_latent_ratio",
        title: "FID: population",
        axis: "FID as a multiple of its floor",
        mark: Some((1.0, "floor")),
        is_ratio: true,
    },
    Shown {
        metric: "e_distance",
        title: "E-distance: population",
        axis: "E-distance (log-normalised units)",
        mark: Some((0.0, "same population")),
        is_ratio: false,
    },
];

/// Up to this many values per method each is drawn as a dot; of more only those beyond the whiskers.
const MOST_DOTS: usize = 100;
/// Fewer values have no quartiles worth a box: their dots and the median are drawn.
const LEAST_BOXED: usize = 5;
/// Whiskers reach the outermost value within this many interquartile ranges of the box (Tukey).
const WHISKER: f64 = 1.5;
/// Beyond the model and what it is measured against, an axis grows at most by this many times their range.
const GROWTH: f64 = 6.0;
/// Empty space beside the outermost values, as a share of their range.
const BORDER: f64 = 0.05;
/// A ratio is shown on a logarithmic axis when its values differ by more than this factor.
const LOGARITHMIC_FROM: f64 = 5.0;
const GOLDEN_RATIO: f64 = 1.618_033_988_749_895;

const WIDTH: f64 = 800.0;
/// Behind the model's row.
const BAND: &str = "#FDF1E2";
const MARGIN: f64 = 14.0;
const ROW: f64 = 25.0;
const BOX_HEIGHT: f64 = 15.0;
/// Titles of the page: two lines.
const HEAD: f64 = 82.0;
/// Title of a panel and the names of its lines.
const PANEL_HEAD: f64 = 44.0;
/// Numbers and name of an axis.
const PANEL_FOOT: f64 = 58.0;
/// For the medians, right of a panel.
const MEDIANS: f64 = 54.0;
const BETWEEN: f64 = 22.0;
const LONGEST_NAME: f64 = 170.0;
const TITLE: u32 = 18;
const PANEL_TITLE: u32 = 14;
const TEXT: u32 = 13;
const SMALL: u32 = 12;

/// Colour and dashes of the references' lines, from the last reference upwards.
const LINE_STYLES: [(&str, &[f64]); 3] =
    [(GREEN, &[7.0, 4.0]), (PURPLE, &[2.0, 4.0]), (BLUE, &[9.0, 4.0, 2.0, 4.0])];
/// The line of [`Shown::mark`].
const MARK: Stroke = Stroke { color: VERMILLION, width: 1.6, dash: &[4.0, 4.0] };

/// A method in every panel.
struct Row<'a> {
    name: &'a str,
    fill: &'static str,
    /// For a reference: the line at its median.
    line: Option<Stroke>,
    /// Finite values, one list per panel.
    values: Vec<Vec<f64>>,
}

/// Box plots of the main metrics: R², Pearson Δ, FID over its floor, E-distance.
///
/// One row per method, the model first, references (no predictions) last, with a line through the panel at their
/// median. Boxes are quartiles with whiskers to 1.5 interquartile ranges, a dot is a perturbation, the median stands
/// beside its row. Values far from the model and its references do not stretch an axis: arrow heads at the edge
/// stand for them. Rows and panels without values are left out.
///
/// # Errors
/// [`Error::EmptyPicture`] when no method has a finite value of any of these metrics.
///
/// ```
/// use pert_metrics::{MetricRow, Roles};
/// use pert_report::{Error, metric_boxes};
/// let row = |gene: &str, method: &str, r2| MetricRow { r2, ..MetricRow::new(gene, method, 100) };
/// let rows = [row("KLF1", "model", 0.9), row("MYC", "model", 0.7), row("MYC", "additive", 0.6)];
/// let picture = metric_boxes(&rows, &Roles::default())?;
/// assert!(picture.svg.starts_with("<svg") && picture.png.starts_with(b"\x89PNG"));
/// // NaN is no number, and without numbers there is nothing to draw.
/// let nothing = metric_boxes(&[row("KLF1", "model", f64::NAN)], &Roles::default());
/// assert!(matches!(nothing, Err(Error::EmptyPicture { .. })));
/// # Ok::<(), pert_report::Error>(())
/// ```
pub fn metric_boxes(rows: &[MetricRow], roles: &Roles) -> Result<Picture, Error> {
    let finite = |method: &str, metric: &Metric| -> Vec<f64> {
        values(rows, method, metric).into_iter().filter(|v| v.is_finite()).collect()
    };
    let mut panels: Vec<(&Shown, &Metric)> = Vec::new();
    for shown in &SHOWN {
        let metric = Metric::named(shown.metric).expect("a panel names a metric of the table");
        if methods(rows).iter().any(|method| !finite(method, metric).is_empty()) {
            panels.push((shown, metric));
        }
    }
    if panels.is_empty() {
        return Err(Error::EmptyPicture {
            picture: "the box plots of metrics",
            reason: "no method has a number".to_owned(),
        });
    }
    let mut methods = methods(rows);
    // Stable: baselines keep their order.
    methods.sort_by_key(|m| (*m != roles.model, roles.is_reference(m)));
    let n_methods = methods.len();
    let rows: Vec<Row> = methods
        .into_iter()
        .enumerate()
        .map(|(place, name)| {
            let reference = roles.is_reference(name);
            let fill = match () {
                () if reference => PALE,
                () if name == roles.model => ORANGE,
                () => SKY,
            };
            // Counted from the last, which is the ceiling in every report.
            let (color, dash) = LINE_STYLES[(n_methods - 1 - place) % LINE_STYLES.len()];
            Row {
                name,
                fill,
                line: reference.then_some(Stroke { color, width: 1.6, dash }),
                values: panels.iter().map(|(_, metric)| finite(name, metric)).collect(),
            }
        })
        .filter(|row| row.values.iter().any(|values| !values.is_empty()))
        .collect();
    draw(&panels, &rows, &roles.model)
}

fn draw(panels: &[(&Shown, &Metric)], rows: &[Row<'_>], model: &str) -> Result<Picture, Error> {
    let n = rows.iter().flat_map(|row| row.values.iter().map(Vec::len)).max().unwrap_or_default();
    let names = rows.iter().map(|row| text_width(row.name, TEXT)).fold(0.0, f64::max);
    let names = names.min(LONGEST_NAME) + 10.0;
    let n_columns = panels.len().min(2);
    let n_lines = panels.len().div_ceil(n_columns);
    let body = ROW * rows.len() as f64 + 6.0;
    let panel_height = PANEL_HEAD + body + PANEL_FOOT;
    let height = HEAD + panel_height * n_lines as f64;
    let taken =
        2.0 * MARGIN + names + MEDIANS * n_columns as f64 + BETWEEN * (n_columns - 1) as f64;
    let width = (WIDTH - taken) / n_columns as f64;
    let mut canvas = Canvas::new(WIDTH, height);
    let subject = if n == 1 { "perturbation" } else { "perturbations" };
    canvas.text(
        MARGIN,
        28.0,
        &format!("How near do predictions come to real cells? {n} held-out {subject}"),
        Style::new(TITLE, Anchor::Start).bold(),
    );
    canvas.text(
        MARGIN,
        49.0,
        "Dot: one perturbation. Box: the middle half of them, bar: median. Arrow head: beyond the axis.",
        Style::new(TEXT, Anchor::Start),
    );
    legend(&mut canvas, 70.0, rows, model);
    for (index, &(shown, metric)) in panels.iter().enumerate() {
        let (column, line) = (index % n_columns, index / n_columns);
        let frame = Frame {
            left: MARGIN + names + column as f64 * (width + MEDIANS + BETWEEN),
            top: HEAD + line as f64 * panel_height + PANEL_HEAD,
            width,
            height: body,
        };
        if column == 0 {
            for (place, row) in rows.iter().enumerate() {
                let style = Style::new(TEXT, Anchor::End);
                let style = if row.name == model { style.bold() } else { style };
                let name = fitting(row.name, TEXT, LONGEST_NAME);
                let y = middle(frame, place) + 0.36 * f64::from(TEXT);
                canvas.text(frame.left - 9.0, y, &name, style);
            }
        }
        panel(&mut canvas, frame, shown, metric, rows, index);
    }
    canvas.finish()
}

/// One line of colours with what they stand for.
fn legend(canvas: &mut Canvas, y: f64, rows: &[Row<'_>], model: &str) {
    let mut x = MARGIN;
    let mut entry = |fill: &str, text: &str| {
        let swatch = Frame { left: x, top: y - 11.0, width: 18.0, height: 12.0 };
        canvas.rectangle(swatch, fill, Some(Stroke::full(GREY, 1.0)));
        canvas.text(x + 24.0, y, text, Style::new(TEXT, Anchor::Start));
        x += 24.0 + text_width(text, TEXT) + 14.0;
    };
    for (fill, text) in [
        (ORANGE, fitting(model, TEXT, 220.0).as_str()),
        (SKY, "simple baseline"),
        (PALE, "reference: real cells, no prediction (dashed line: its median)"),
    ] {
        if rows.iter().any(|row| row.fill == fill) {
            entry(fill, text);
        }
    }
}

fn middle(frame: Frame, place: usize) -> f64 {
    frame.top + 3.0 + ROW * (place as f64 + 0.5)
}

fn panel(
    canvas: &mut Canvas,
    frame: Frame,
    shown: &Shown,
    metric: &Metric,
    rows: &[Row<'_>],
    index: usize,
) {
    let title = frame.top - 28.0;
    canvas.text(frame.left, title, shown.title, Style::new(PANEL_TITLE, Anchor::Start).bold());
    let better = match metric.better {
        Better::Higher => "better →",
        Better::Lower => "← better",
        Better::NearOne => "better → 1 ←",
        Better::NearZero => "better → 0 ←",
        Better::Neither => "",
    };
    let style = Style::new(TEXT, Anchor::End).color(BLUE).bold();
    canvas.text(frame.right(), title, better, style);
    let style = Style::new(SMALL, Anchor::End).color(GREY);
    canvas.text(frame.right() + MEDIANS - 4.0, title, "median", style);
    let axis = axis_of(shown, rows, index);
    if let Some(place) = rows.iter().position(|row| row.fill == ORANGE) {
        let top = middle(frame, place) - ROW / 2.0;
        canvas.rectangle(Frame { top, height: ROW, ..frame }, BAND, None);
    }
    axis.draw_below(canvas, frame, 4, SMALL);
    canvas.rectangle(frame, "none", Some(Stroke::full(GREY, 1.0)));
    let scale = if axis.logarithmic { " (log scale)" } else { "" };
    canvas.text(
        frame.left + frame.width / 2.0,
        frame.bottom() + 37.0,
        &format!("{}{scale}", shown.axis),
        Style::new(TEXT, Anchor::Middle),
    );
    let lines: Vec<(f64, &str, Stroke)> = shown
        .mark
        .map(|(value, name)| (value, name, MARK))
        .into_iter()
        .chain(rows.iter().filter_map(|row| {
            // Where a reference is a mark by definition, one line says it.
            let value = median(&row.values[index]);
            (shown.mark.is_none_or(|(mark, _)| mark != value))
                .then_some((value, row.name, row.line?))
        }))
        .filter(|(value, ..)| (0.0..=1.0).contains(&axis.share(*value)))
        .collect();
    name_lines(canvas, frame, &axis, &lines);
    for (place, row) in rows.iter().enumerate() {
        draw_row(canvas, frame, &axis, middle(frame, place), row.fill, &row.values[index]);
    }
}

/// The lines through a panel, their names above it in one row, pushed apart where they would overlap.
fn name_lines(canvas: &mut Canvas, frame: Frame, axis: &Axis, lines: &[(f64, &str, Stroke)]) {
    let mut names: Vec<(f64, f64, String, &'static str)> = Vec::new();
    for &(value, name, stroke) in lines {
        let x = frame.left + frame.width * axis.share(value);
        canvas.line((x, frame.top), (x, frame.bottom()), stroke);
        canvas.line((x, frame.top - 5.0), (x, frame.top), Stroke::full(stroke.color, 1.8));
        let name = fitting(name, SMALL, 0.6 * frame.width);
        let width = text_width(&name, SMALL);
        // Names may stand over the medians' column, not over the next panel.
        let left = (x - width / 2.0).clamp(frame.left, frame.right() + MEDIANS - width);
        names.push((left, width, name, stroke.color));
    }
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    // From the right end leftwards, then what is left of the frame is pushed to the right again.
    let mut limit = frame.right() + MEDIANS;
    for (left, width, ..) in names.iter_mut().rev() {
        *left = left.min(limit - *width);
        limit = *left - 8.0;
    }
    let mut limit = frame.left;
    for (left, width, name, color) in &mut names {
        let x = left.max(limit);
        canvas.text(x, frame.top - 9.0, name, Style::new(SMALL, Anchor::Start).color(color));
        limit = x + *width + 8.0;
    }
}

fn draw_row(
    canvas: &mut Canvas,
    frame: Frame,
    axis: &Axis,
    y: f64,
    fill: &'static str,
    values: &[f64],
) {
    let text_y = y + 0.36 * f64::from(SMALL);
    let Some(spread) = Spread::of(values) else {
        let style = Style::new(SMALL, Anchor::End).color(GREY);
        canvas.text(frame.right() + MEDIANS - 4.0, text_y, "–", style);
        return;
    };
    let share = |value: f64| axis.share(value).clamp(0.0, 1.0);
    let x = |value: f64| frame.left + frame.width * share(value);
    let ink = Stroke::full(GREY, 1.2);
    if values.len() >= LEAST_BOXED {
        let (left, right) = (x(spread.quartiles[0]), x(spread.quartiles[2]));
        canvas.line((x(spread.whiskers.0), y), (left, y), ink);
        canvas.line((right, y), (x(spread.whiskers.1), y), ink);
        let top = y - BOX_HEIGHT / 2.0;
        let box_frame = Frame { left, top, width: right - left, height: BOX_HEIGHT };
        canvas.rectangle(box_frame, fill, Some(ink));
    }
    // Spread over the box by the golden ratio: even, and the same every time.
    let jitter = |i: usize| (i as f64 * GOLDEN_RATIO).fract() - 0.5;
    let inside = |value: f64| (0.0..=1.0).contains(&axis.share(value));
    let is_dot = |value: f64| values.len() <= MOST_DOTS || spread.is_outside(value);
    let dots: Vec<(f64, f64)> = values
        .iter()
        .enumerate()
        .filter(|&(_, &value)| inside(value) && is_dot(value))
        .map(|(i, &value)| (x(value), y + 0.8 * BOX_HEIGHT * jitter(i)))
        .collect();
    let (radius, opacity, color) = match values.len() {
        0..LEAST_BOXED => (3.2, 0.9, if fill == PALE { GREY } else { fill }),
        LEAST_BOXED..=40 => (1.7, 0.5, "#000000"),
        _ => (1.4, 0.35, "#000000"),
    };
    canvas.circles(&dots, radius, color, opacity);
    for (end, direction) in [(0.0, -1.0), (1.0, 1.0)] {
        let beyond = |&&v: &&f64| (axis.share(v) - end) * direction > 0.0;
        if values.iter().filter(beyond).count() > 0 {
            let tip = (frame.left + frame.width * end + 1.0 * direction, y);
            canvas.arrow_head(tip, 9.0 * direction, "#000000");
        }
    }
    let middle = spread.quartiles[1];
    if inside(middle) {
        let half = BOX_HEIGHT / 2.0 + 1.0;
        canvas.line((x(middle), y - half), (x(middle), y + half), Stroke::full("#000000", 2.4));
    }
    let style = Style::new(SMALL, Anchor::End);
    canvas.text(frame.right() + MEDIANS - 4.0, text_y, &short(middle), style);
}

/// Quartiles, and the outermost values within [`WHISKER`] interquartile ranges of them.
struct Spread {
    quartiles: [f64; 3],
    whiskers: (f64, f64),
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let quartiles = [0.25, 0.5, 0.75].map(|share| {
            let at = share * last as f64;
            let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
            below + (above - below) * at.fract()
        });
        let reach = WHISKER * (quartiles[2] - quartiles[0]);
        let within = |v: &&f64| (quartiles[0] - reach..=quartiles[2] + reach).contains(*v);
        let low = sorted.iter().find(within).copied().unwrap_or(quartiles[0]);
        let high = sorted.iter().rev().find(within).copied().unwrap_or(quartiles[2]);
        let whiskers = (low.min(quartiles[0]), high.max(quartiles[2]));
        Some(Self { quartiles, whiskers })
    }

    fn is_outside(&self, value: f64) -> bool {
        value < self.whiskers.0 || value > self.whiskers.1
    }
}

/// An axis that shows the model, the references and the mark whole, and of the rest what is not too far from them.
fn axis_of(shown: &Shown, rows: &[Row<'_>], index: usize) -> Axis {
    let mark = shown.mark.map(|(value, _)| value);
    let all: Vec<f64> =
        rows.iter().flat_map(|row| &row.values[index]).copied().chain(mark).collect();
    let (lowest, highest) = hull(&all);
    let logarithmic = shown.is_ratio && lowest > 0.0 && highest / lowest > LOGARITHMIC_FROM;
    let to = |v: f64| if logarithmic { v.ln() } else { v };
    let has_values = |row: &&Row| !row.values[index].is_empty();
    let is_centre = |row: &&Row| row.fill == ORANGE || row.line.is_some();
    let any_centre = rows.iter().filter(has_values).any(|row| is_centre(&row));
    let core: Vec<f64> = rows
        .iter()
        .filter(|row| !any_centre || is_centre(row))
        .filter_map(|row| Spread::of(&row.values[index]))
        .flat_map(|spread| [spread.whiskers.0, spread.whiskers.1])
        .chain(mark)
        .collect();
    let (core_low, core_high) = hull(&core);
    let span = to(core_high) - to(core_low);
    let (mut low, mut high) = (to(lowest), to(highest));
    if span > 0.0 {
        low = low.max(to(core_low) - GROWTH * span);
        high = high.min(to(core_high) + GROWTH * span);
    }
    let border = if high > low { BORDER * (high - low) } else { 0.1 * low.abs().max(0.1) };
    let back = |v: f64| if logarithmic { v.exp() } else { v };
    Axis { low: back(low - border), high: back(high + border), logarithmic }
}

fn hull(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
}

/// Three digits or so.
fn short(value: f64) -> String {
    let text = match value.abs() {
        v if v < 0.9995 => format!("{value:.3}"),
        v if v < 9.995 => format!("{value:.2}"),
        v if v < 99.95 => format!("{value:.1}"),
        v if v < 1e5 => format!("{value:.0}"),
        _ => format!("{value:.0e}"),
    };
    // No negative zero.
    let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    text.replace('-', if is_zero { "" } else { "−" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::fixture;

    #[test]
    fn every_method_has_a_row_and_every_metric_with_numbers_a_panel() {
        let mut rows = fixture::rows();
        rows.iter_mut().for_each(|row| row.fid_latent_ratio = row.fid_latent / 1.5);
        let picture = metric_boxes(&rows, &Roles::default()).unwrap();
        for text in
            [">no change<", ">ridge<", ">ceiling<", ">floor<", "better →", "← better", "0.94"]
        {
            assert!(picture.svg.contains(text), "{text}");
        }
        assert!(picture.svg.contains("3 held-out perturbations"));
        assert!(!picture.svg.contains("Pearson"), "no row has a Pearson Δ");
        assert!(picture.png.starts_with(b"\x89PNG"));
        assert!(picture == metric_boxes(&rows, &Roles::default()).unwrap());
    }

    #[test]
    fn no_numbers_are_an_error() {
        let rows = [MetricRow::new("KLF1", "model", 3)];
        for rows in [&rows[..], &[]] {
            let result = metric_boxes(rows, &Roles::default());
            assert!(matches!(result, Err(Error::EmptyPicture { .. })));
        }
    }

    #[test]
    fn what_is_far_away_does_not_stretch_the_axis_and_infinity_is_left_out() {
        let values = |values: &[f64]| vec![values.to_vec()];
        let row = |name, fill, of: &[f64]| Row { name, fill, line: None, values: values(of) };
        let rows = [
            row("model", ORANGE, &[0.9, 0.91, 0.93, 0.95, 0.96]),
            row("ridge", SKY, &[0.8, 0.85, 0.9]),
            row("no change", SKY, &[-35.0, -30.0, 0.2]),
        ];
        let axis = axis_of(&SHOWN[0], &rows, 0);
        assert!(axis.low > 0.4 && axis.low < 0.6, "{axis:?}");
        assert!(axis.high > 0.96 && axis.high < 1.0, "{axis:?}");
        let mut far = fixture::rows();
        far[0].r2 = f64::NEG_INFINITY;
        assert!(metric_boxes(&far, &Roles::default()).is_ok());
    }

    #[test]
    fn equal_values_have_an_axis_around_them() {
        let rows = [Row { name: "model", fill: ORANGE, line: None, values: vec![vec![0.5; 4]] }];
        let axis = axis_of(&SHOWN[0], &rows, 0);
        assert!(axis.low < 0.5 && axis.high > 0.5);
    }

    #[test]
    fn quartiles_and_whiskers_are_those_of_tukey() {
        let spread = Spread::of(&[1.0, 2.0, 3.0, 4.0, 100.0]).unwrap();
        assert_eq!(spread.quartiles, [2.0, 3.0, 4.0]);
        assert_eq!(spread.whiskers, (1.0, 4.0));
        assert!(spread.is_outside(100.0) && !spread.is_outside(1.0));
        assert!(Spread::of(&[]).is_none());
    }

    #[test]
    fn medians_are_short() {
        let shown = [0.9344, -0.0001, 1.234, -51.53, 707.2, 4e7].map(short);
        assert_eq!(shown, ["0.934", "0.000", "1.23", "−51.5", "707", "4e7"]);
    }
}
