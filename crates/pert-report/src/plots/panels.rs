//! Dots and lines over two axes, panel beside panel, with one legend.

use super::canvas::{Anchor, Axis, Canvas, Frame, Stroke, Style, fitting, text_width};
use super::{BLUE, GREEN, GREY, ORANGE, PURPLE, Picture, VERMILLION, sample};
use crate::Error;

/// In the order in which the names of series first appear; more series than colours begin again.
const COLORS: [&str; 6] = [BLUE, VERMILLION, GREEN, PURPLE, ORANGE, GREY];
const WIDTH: f64 = 800.0;
const MARGIN: f64 = 16.0;
/// Title of the page and legend.
const HEAD: f64 = 68.0;
/// Title of a panel.
const PANEL_HEAD: f64 = 26.0;
/// Of the frame alone.
const PANEL_HEIGHT: f64 = 190.0;
/// Numbers and name of the lower axis.
const PANEL_FOOT: f64 = 52.0;
/// Numbers and name of the left axis.
const PANEL_LEFT: f64 = 62.0;
const BETWEEN: f64 = 12.0;
const TITLE: u32 = 18;
const TEXT: u32 = 12;
const DOT: f64 = 1.9;
/// Fewer dots than this are drawn larger.
const FEW_DOTS: usize = 40;
const LARGE_DOT: f64 = 4.0;
/// Of more dots a random part is drawn, always the same.
const MOST_DOTS: usize = 1_500;
/// Empty space beside the outermost values, as a share of an axis.
const BORDER: f64 = 0.05;
/// Numbers along an axis, about.
const TICKS: usize = 5;

/// How the points of a series are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// A dot each; of more than 1,500 a random part.
    #[default]
    Dots,
    /// A line from each to the next.
    Line,
}

/// How values are spaced along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AxisScale {
    /// Evenly.
    #[default]
    Linear,
    /// By their logarithms; points that have none are left out.
    Logarithmic,
}

/// Points with a name; series of one name have one colour, whatever the panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Series<'a> {
    /// What the legend calls them.
    pub name: &'a str,
    /// x and y; points that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// How they are drawn.
    pub mark: Mark,
}

/// One pair of axes.
#[derive(Debug, Clone, PartialEq)]
pub struct XyPanel<'a> {
    /// Heading.
    pub title: &'a str,
    /// Name of the lower axis and its spacing.
    pub x: (&'a str, AxisScale),
    /// Name of the left axis and its spacing.
    pub y: (&'a str, AxisScale),
    /// What is drawn, the last on top.
    pub series: Vec<Series<'a>>,
}

/// Panels in rows of `n_columns`, each with axes of its own.
///
/// # Errors
/// [`Error::EmptyPicture`] without a column or a panel, or for a panel without a point that has a place on its axes.
///
/// ```
/// use pert_report::{AxisScale, Mark, Series, XyPanel, xy_panels};
/// let panel = XyPanel {
///     title: "Cost against genes",
///     x: ("genes", AxisScale::Logarithmic),
///     y: ("seconds", AxisScale::Logarithmic),
///     series: vec![Series { name: "an epoch", points: vec![(1e3, 0.2), (1e4, 2.1)], mark: Mark::Line }],
/// };
/// let picture = xy_panels("Cost of the decoder", 1, &[panel])?;
/// assert!(picture.svg.contains("an epoch") && picture.svg.contains("seconds"));
/// assert!(xy_panels("Nothing", 1, &[]).is_err());
/// # Ok::<(), pert_report::Error>(())
/// ```
pub fn xy_panels(title: &str, n_columns: usize, panels: &[XyPanel<'_>]) -> Result<Picture, Error> {
    let empty = |reason: String| Error::EmptyPicture { picture: "the panels", reason };
    if n_columns == 0 || panels.is_empty() {
        return Err(empty(format!("{} panels in {n_columns} columns", panels.len())));
    }
    if let Some(panel) = panels.iter().find(|panel| panel.placed().next().is_none()) {
        return Err(empty(format!("panel {:?} has no points", panel.title)));
    }
    let names = names(panels);
    let color = |name: &str| {
        let place = names.iter().position(|other| *other == name).unwrap_or_default();
        COLORS[place % COLORS.len()]
    };
    let row_height = PANEL_HEAD + PANEL_HEIGHT + PANEL_FOOT;
    let n_rows = panels.len().div_ceil(n_columns);
    let mut canvas = Canvas::new(WIDTH, HEAD + n_rows as f64 * row_height);
    canvas.text(MARGIN, 28.0, title, Style::new(TITLE, Anchor::Start).bold());
    legend(&mut canvas, &names, &color);
    let column_width = (WIDTH - MARGIN) / n_columns as f64;
    for (i, panel) in panels.iter().enumerate() {
        let frame = Frame {
            left: column_width * (i % n_columns) as f64 + PANEL_LEFT,
            top: HEAD + row_height * (i / n_columns) as f64 + PANEL_HEAD,
            width: column_width - PANEL_LEFT - BETWEEN,
            height: PANEL_HEIGHT,
        };
        panel.draw(&mut canvas, frame, &color);
    }
    canvas.finish()
}

/// Names of all series, each once, in order of appearance.
fn names<'a>(panels: &[XyPanel<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for series in panels.iter().flat_map(|panel| &panel.series) {
        if !names.contains(&series.name) {
            names.push(series.name);
        }
    }
    names
}

fn legend(canvas: &mut Canvas, names: &[&str], color: &dyn Fn(&str) -> &'static str) {
    let (mut left, y) = (MARGIN, 54.0);
    for name in names {
        canvas.circles(&[(left + 6.0, y - 4.5)], LARGE_DOT, color(name), 1.0);
        canvas.text(left + 16.0, y, name, Style::new(TEXT, Anchor::Start));
        left += 16.0 + text_width(name, TEXT) + 20.0;
    }
}

impl XyPanel<'_> {
    /// Whether a point has a place on both axes.
    fn has_place(&self, &(x, y): &(f64, f64)) -> bool {
        let fits = |value: f64, scale: AxisScale| {
            value.is_finite() && (scale == AxisScale::Linear || value > 0.0)
        };
        fits(x, self.x.1) && fits(y, self.y.1)
    }

    /// Every point that has a place.
    fn placed(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        self.series.iter().flat_map(|s| &s.points).copied().filter(|p| self.has_place(p))
    }

    fn draw(&self, canvas: &mut Canvas, frame: Frame, color: &dyn Fn(&str) -> &'static str) {
        let x = axis(self.placed().map(|p| p.0), self.x.1);
        let y = axis(self.placed().map(|p| p.1), self.y.1);
        let middle = Style::new(TEXT, Anchor::Middle);
        let title = fitting(self.title, TEXT + 1, frame.width + PANEL_LEFT);
        let heading = Style::new(TEXT + 1, Anchor::Start).bold();
        canvas.text(frame.left, frame.top - 9.0, &title, heading);
        y.draw_left(canvas, frame, TICKS, TEXT);
        x.draw_below(canvas, frame, TICKS, TEXT);
        canvas.text(frame.left + frame.width / 2.0, frame.bottom() + 38.0, self.x.0, middle);
        let left = frame.left - PANEL_LEFT + 18.0;
        canvas.text_upwards(left, frame.top + frame.height / 2.0, self.y.0, middle);
        let place = |(a, b): (f64, f64)| {
            (frame.left + frame.width * x.share(a), frame.bottom() - frame.height * y.share(b))
        };
        for series in &self.series {
            let shown = series.points.iter().filter(|p| self.has_place(p));
            let points: Vec<(f64, f64)> = shown.map(|&p| place(p)).collect();
            match series.mark {
                Mark::Line => points.windows(2).for_each(|pair| {
                    canvas.line(pair[0], pair[1], Stroke::full(color(series.name), 1.8));
                }),
                Mark::Dots => {
                    let drawn = sample(points.len(), MOST_DOTS);
                    let dots: Vec<(f64, f64)> = drawn.into_iter().map(|i| points[i]).collect();
                    let radius = if dots.len() < FEW_DOTS { LARGE_DOT } else { DOT };
                    canvas.circles(&dots, radius, color(series.name), 0.55);
                }
            }
        }
    }
}

/// The axis that holds some values with a border; one value alone has room on both sides.
fn axis(values: impl Iterator<Item = f64>, scale: AxisScale) -> Axis {
    let logarithmic = scale == AxisScale::Logarithmic;
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        let value = if logarithmic { value.ln() } else { value };
        (low.min(value), high.max(value))
    });
    let border = if high > low { BORDER * (high - low) } else { 0.5 * high.abs().max(1.0) };
    let [low, high] = [low - border, high + border];
    if logarithmic {
        Axis { low: low.exp(), high: high.exp(), logarithmic }
    } else {
        Axis { low, high, logarithmic }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(points: Vec<(f64, f64)>, mark: Mark) -> XyPanel<'static> {
        XyPanel {
            title: "p",
            x: ("x", AxisScale::Logarithmic),
            y: ("y", AxisScale::Linear),
            series: vec![Series { name: "s", points, mark }],
        }
    }

    #[test]
    fn points_without_a_place_are_left_out() {
        let points = vec![(0.0, 1.0), (-1.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)];
        let nowhere = xy_panels("t", 1, &[panel(points.clone(), Mark::Dots)]);
        assert!(matches!(nowhere, Err(Error::EmptyPicture { .. })));
        for mark in [Mark::Dots, Mark::Line] {
            let some = [points.clone(), vec![(3.0, -2.0), (5.0, 0.0)]].concat();
            let svg = xy_panels("t", 1, &[panel(some, mark)]).unwrap().svg;
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
        assert!(xy_panels("t", 1, &[panel(vec![(1.0, 0.0)], Mark::Dots)]).is_ok());
        assert!(xy_panels("t", 0, &[panel(vec![(1.0, 0.0)], Mark::Dots)]).is_err());
    }

    #[test]
    fn a_name_has_one_colour_in_all_panels() {
        let mut two = [panel(vec![(1.0, 1.0)], Mark::Dots), panel(vec![(1.0, 1.0)], Mark::Dots)];
        two[1]
            .series
            .insert(0, Series { name: "other", points: vec![(2.0, 2.0)], mark: Mark::Dots });
        assert_eq!(names(&two), ["s", "other"]);
        let svg = xy_panels("t", 2, &two).unwrap().svg;
        // A dot in each panel and one in the legend.
        let n_of = |colour: &str| svg.matches(&colour.to_lowercase()).count();
        assert_eq!((n_of(BLUE), n_of(VERMILLION)), (3, 2), "{svg}");
    }
}
