//! Fréchet distances against the number of cells, on the band that sampling noise alone gives.

use super::canvas::{Anchor, Axis, Canvas, Frame, Stroke, Style, text_width};
use super::{BLUE, GREY, PALE, Picture, VERMILLION};
use crate::Error;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 470.0;
const LEFT: f64 = 76.0;
const TOP: f64 = 84.0;
const MARGIN: f64 = 16.0;
const FOOT: f64 = 56.0;
const TITLE: u32 = 18;
const TEXT: u32 = 13;
const DOT: f64 = 4.5;
/// Axes reach this much beyond the outermost values, as a factor.
const BORDER: f64 = 1.25;

/// What distances of two samples of one population were, at one number of cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloorAt {
    /// Cells of each sample.
    pub n: usize,
    /// Lower end of the band.
    pub low: f64,
    /// Mean, the floor.
    pub mean: f64,
    /// Upper end of the band.
    pub high: f64,
}

/// Distances to be read against a floor.
#[derive(Debug, Clone)]
pub struct FloorScatter<'a> {
    /// Heading of the picture.
    pub title: &'a str,
    /// What the dots are.
    pub dots: &'a str,
    /// What the band is.
    pub band: &'a str,
    /// Number of cells and Fréchet distance of each dot.
    pub points: &'a [(usize, f64)],
    /// The floor at some numbers of cells, ascending; at least two.
    pub floor: &'a [FloorAt],
}

/// Dots at (n, distance) over the floor's band, both axes logarithmic, so that a floor falling as 1/n is a straight line.
///
/// # Errors
/// [`Error::EmptyPicture`] without a dot of positive n and distance, or with fewer than two places of the floor.
///
/// ```
/// use pert_report::{Error, FloorAt, FloorScatter, floor_scatter};
/// let at = |n: usize| FloorAt { n, low: 60.0 / n as f64, mean: 75.0 / n as f64, high: 90.0 / n as f64 };
/// let floor = [at(100), at(10_000)];
/// let picture = FloorScatter {
///     title: "FID is mostly noise here",
///     dots: "a perturbation",
///     band: "two samples of one population",
///     points: &[(400, 0.2), (5_000, 0.03)],
///     floor: &floor,
/// };
/// assert!(floor_scatter(&picture)?.svg.contains("mostly noise"));
/// let empty = floor_scatter(&FloorScatter { points: &[], ..picture });
/// assert!(matches!(empty, Err(Error::EmptyPicture { .. })));
/// # Ok::<(), pert_report::Error>(())
/// ```
pub fn floor_scatter(picture: &FloorScatter<'_>) -> Result<Picture, Error> {
    let points: Vec<(f64, f64)> = picture
        .points
        .iter()
        .filter(|(n, distance)| *n > 0 && distance.is_finite() && *distance > 0.0)
        .map(|&(n, distance)| (n as f64, distance))
        .collect();
    if points.is_empty() || picture.floor.len() < 2 {
        return Err(Error::EmptyPicture {
            picture: "the scatter of distances on their floor",
            reason: format!("{} dots, {} places of the floor", points.len(), picture.floor.len()),
        });
    }
    let band = || picture.floor.iter().flat_map(|at| [at.low, at.high]);
    let x = axis(points.iter().map(|p| p.0).chain(picture.floor.iter().map(|at| at.n as f64)));
    let y = axis(points.iter().map(|p| p.1).chain(band().filter(|v| *v > 0.0)));
    let frame =
        Frame { left: LEFT, top: TOP, width: WIDTH - LEFT - MARGIN, height: HEIGHT - TOP - FOOT };
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    canvas.text(MARGIN, 28.0, picture.title, Style::new(TITLE, Anchor::Start).bold());
    legend(&mut canvas, picture);
    y.draw_left(&mut canvas, frame, 6, TEXT);
    x.draw_below(&mut canvas, frame, 8, TEXT);
    let place = |n: f64, distance: f64| {
        (frame.left + frame.width * x.share(n), frame.bottom() - frame.height * y.share(distance))
    };
    for pair in picture.floor.windows(2) {
        draw_band(&mut canvas, pair, &place, y.low);
    }
    for pair in picture.floor.windows(2) {
        let [from, to] = [pair[0], pair[1]].map(|at| place(at.n as f64, at.mean));
        canvas.line(from, to, Stroke::full(GREY, 1.8));
    }
    let dots: Vec<(f64, f64)> = points.iter().map(|&(n, distance)| place(n, distance)).collect();
    canvas.circles(&dots, DOT, VERMILLION, 0.9);
    let below = Style::new(TEXT, Anchor::Middle);
    canvas.text(frame.left + frame.width / 2.0, HEIGHT - 12.0, "n, cells of each side", below);
    let beside = Style::new(TEXT, Anchor::Middle);
    canvas.text_upwards(20.0, frame.top + frame.height / 2.0, "Fréchet distance (FID)", beside);
    canvas.finish()
}

/// The band between two places of the floor, as upright strips.
fn draw_band(
    canvas: &mut Canvas,
    pair: &[FloorAt],
    place: &dyn Fn(f64, f64) -> (f64, f64),
    lowest: f64,
) {
    let at = |at: &FloorAt, value: f64| place(at.n as f64, value.max(lowest));
    let (left, right) = (&pair[0], &pair[1]);
    let (top, next_top) = (at(left, left.high), at(right, right.high));
    let (bottom, next_bottom) = (at(left, left.low), at(right, right.low));
    let n_strips = (next_top.0 - top.0).ceil().max(1.0);
    let width = (next_top.0 - top.0) / n_strips;
    for strip in 0..n_strips as usize {
        let share = (strip as f64 + 0.5) / n_strips;
        let between = |a: f64, b: f64| a + (b - a) * share;
        let (high, low) = (between(top.1, next_top.1), between(bottom.1, next_bottom.1));
        let left = top.0 + strip as f64 * width;
        let frame = Frame { left, top: high, width: width + 0.5, height: low - high };
        canvas.rectangle(frame, PALE, None);
    }
}

fn legend(canvas: &mut Canvas, picture: &FloorScatter<'_>) {
    let y = 54.0;
    canvas.circles(&[(MARGIN + 6.0, y - 4.5)], DOT, VERMILLION, 0.9);
    canvas.text(MARGIN + 18.0, y, picture.dots, Style::new(TEXT, Anchor::Start));
    let left = MARGIN + 18.0 + text_width(picture.dots, TEXT) + 22.0;
    let swatch = Frame { left, top: y - 11.0, width: 26.0, height: 13.0 };
    canvas.rectangle(swatch, PALE, None);
    canvas.line((left, y - 4.5), (left + 26.0, y - 4.5), Stroke::full(GREY, 1.8));
    canvas.text(left + 33.0, y, picture.band, Style::new(TEXT, Anchor::Start).color(BLUE));
}

fn axis(values: impl Iterator<Item = f64> + Clone) -> Axis {
    let low = values.clone().fold(f64::INFINITY, f64::min) / BORDER;
    let high = values.fold(0.0, f64::max) * BORDER;
    Axis { low, high, logarithmic: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_a_place_on_a_logarithmic_axis_are_left_out() {
        let floor = [
            FloorAt { n: 100, low: 0.0, mean: 0.75, high: 1.0 },
            FloorAt { n: 1_000, low: 0.05, mean: 0.075, high: 0.1 },
        ];
        let picture = FloorScatter {
            title: "t",
            dots: "d",
            band: "b",
            points: &[(0, 1.0), (10, 0.0), (10, f64::NAN), (300, 0.3)],
            floor: &floor,
        };
        let svg = floor_scatter(&picture).unwrap().svg;
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let none = floor_scatter(&FloorScatter { points: &picture.points[..3], ..picture });
        assert!(matches!(none, Err(Error::EmptyPicture { .. })));
    }
}
