//! Predicted against real change of every gene.

use super::canvas::{Anchor, Axis, Canvas, Frame, Stroke, Style, fitting, text_width};
use super::{BLUE, GREY, Picture, VERMILLION, grouped, sample};
use crate::Error;

/// Genes drawn: those of largest change, and a random part of the rest.
const MOST_LARGE: usize = 500;
const MOST_OTHERS: usize = 1_500;
/// Panels beyond these are left out.
const MOST_PANELS: usize = 2;
const BORDER: f64 = 0.06;

const WIDTH: f64 = 800.0;
/// A single panel is centred and this wide.
const ONE_WIDTH: f64 = 480.0;
/// Top of the panels' own titles.
const HEAD: f64 = 62.0;
const PANEL_HEAD: f64 = 54.0;
const FOOT: f64 = 52.0;
const LEFT: f64 = 62.0;
const MARGIN: f64 = 14.0;
const TITLE: u32 = 18;
const PANEL_TITLE: u32 = 14;
const TEXT: u32 = 13;
const SMALL: u32 = 12;
const DOT: f64 = 2.4;
const NAMED_DOT: f64 = 3.8;
/// From a dot to its name, nearest first; beyond the first a line leads there.
const DISTANCES: [f64; 8] = [7.0, 15.0, 24.0, 35.0, 50.0, 70.0, 95.0, 125.0];
/// Directions of a name from its dot, as (x, y) with y growing downwards.
const DIRECTIONS: [(f64, f64); 16] = [
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.9, -0.4),
    (0.9, 0.4),
    (-0.9, -0.4),
    (-0.9, 0.4),
    (0.4, -0.9),
    (0.4, 0.9),
    (-0.4, -0.9),
    (-0.4, 0.9),
    (0.7, -0.7),
    (0.7, 0.7),
    (-0.7, -0.7),
    (-0.7, 0.7),
    (0.0, -1.0),
    (0.0, 1.0),
];
/// A name is put this many distances further away before a line crosses another name.
const COST_OF_CROSSING: f64 = 4.0;
const LONGEST_GENE: f64 = 110.0;
/// Points at which a line to a name is held against other names.
const LEADER_POINTS: usize = 12;

/// The change from control of one perturbation, per gene.
#[derive(Debug, Clone)]
pub struct DeltaScatter<'a> {
    /// What is shown here ("best of 30"); stands before the label.
    pub heading: &'a str,
    /// The perturbation.
    pub label: &'a str,
    /// Real cells behind the real means.
    pub n_cells: usize,
    /// Gene names, `[n_genes]`.
    pub genes: &'a [String],
    /// Real mean less control mean, log1p, `[n_genes]`.
    pub real: &'a [f64],
    /// Predicted mean less control mean, log1p, `[n_genes]`.
    pub predicted: &'a [f64],
    /// Their correlation; NaN is not shown.
    pub pearson_delta: f64,
    /// Genes named in the picture: those of largest real change. 8 is readable.
    pub n_named: usize,
}

/// Predicted against real change of every gene, one panel per perturbation (at most two, such as the best and the
/// worst), with the diagonal, and the genes of largest real change named where there is room.
///
/// # Errors
/// [`Error::LengthMismatch`]; [`Error::EmptyPicture`] without a panel, or when one has no gene with two finite changes.
///
/// ```
/// use pert_report::{DeltaScatter, Error, delta_scatter};
/// let genes = ["HBG1", "HBZ", "KLF1"].map(String::from); // [n_genes]
/// let real = [0.8, -0.1, 1.5];
/// let panel = DeltaScatter {
///     heading: "best of 30",
///     label: "KLF1",
///     n_cells: 120,
///     genes: &genes,
///     real: &real,
///     predicted: &real, // an exact prediction: every gene on the diagonal
///     pearson_delta: 1.0,
///     n_named: 2,
/// };
/// assert!(delta_scatter(&[panel.clone()])?.svg.contains("KLF1"));
/// let short = delta_scatter(&[DeltaScatter { predicted: &real[..2], ..panel }]);
/// assert!(matches!(short, Err(Error::LengthMismatch { .. })));
/// # Ok::<(), pert_report::Error>(())
/// ```
pub fn delta_scatter(panels: &[DeltaScatter<'_>]) -> Result<Picture, Error> {
    let panels = &panels[..panels.len().min(MOST_PANELS)];
    if panels.is_empty() {
        return Err(Error::EmptyPicture {
            picture: "the scatter of changes",
            reason: "no perturbation is given".to_owned(),
        });
    }
    let width = if panels.len() == 1 { ONE_WIDTH } else { WIDTH / panels.len() as f64 };
    let page = width * panels.len() as f64;
    // As high as wide: the diagonal is one.
    let side = width - LEFT - MARGIN;
    let mut canvas = Canvas::new(page, HEAD + PANEL_HEAD + side + FOOT);
    let head = Style::new(TITLE, Anchor::Start).bold();
    canvas.text(MARGIN, 27.0, "Is the change of each gene right?", head);
    let y = 48.0;
    canvas.circles(&[(MARGIN + 5.0, y - 4.5)], 3.0, BLUE, 1.0);
    canvas.text(MARGIN + 14.0, y, "a gene", Style::new(TEXT, Anchor::Start));
    canvas.circles(&[(MARGIN + 80.0, y - 4.5)], NAMED_DOT, VERMILLION, 1.0);
    let named = "largest real change";
    canvas.text(MARGIN + 89.0, y, named, Style::new(TEXT, Anchor::Start));
    let left = MARGIN + 89.0 + text_width(named, TEXT) + 14.0;
    canvas.line((left, y - 4.5), (left + 26.0, y - 4.5), DIAGONAL);
    canvas.text(left + 32.0, y, "exact prediction", Style::new(TEXT, Anchor::Start));
    for (index, delta) in panels.iter().enumerate() {
        let frame = Frame {
            left: index as f64 * width + LEFT,
            top: HEAD + PANEL_HEAD,
            width: side,
            height: side,
        };
        panel(&mut canvas, frame, delta)?;
    }
    canvas.finish()
}

const DIAGONAL: Stroke = Stroke { color: GREY, width: 1.6, dash: &[6.0, 5.0] };

fn panel(canvas: &mut Canvas, frame: Frame, delta: &DeltaScatter<'_>) -> Result<(), Error> {
    let expected = delta.genes.len();
    for (what, found) in
        [("real changes", delta.real.len()), ("predicted changes", delta.predicted.len())]
    {
        if found != expected {
            return Err(Error::LengthMismatch { what, expected, found });
        }
    }
    let mut genes: Vec<usize> = (0..expected)
        .filter(|&g| delta.real[g].is_finite() && delta.predicted[g].is_finite())
        .collect();
    if genes.is_empty() {
        return Err(Error::EmptyPicture {
            picture: "the scatter of changes",
            reason: format!("{} has no gene with a finite change", delta.label),
        });
    }
    let size = |g: usize| delta.real[g].abs().max(delta.predicted[g].abs());
    genes.sort_by(|&a, &b| size(b).total_cmp(&size(a)).then(a.cmp(&b)));
    let n_genes = genes.len();
    let largest = size(genes[0]);
    let limit = if largest > 0.0 { largest * (1.0 + BORDER) } else { 1.0 };
    let others = genes.split_off(n_genes.min(MOST_LARGE));
    genes.extend(sample(others.len(), MOST_OTHERS).into_iter().map(|i| others[i]));
    let mut named = genes.clone();
    named.sort_by(|&a, &b| delta.real[b].abs().total_cmp(&delta.real[a].abs()).then(a.cmp(&b)));
    named.truncate(delta.n_named);

    let shown = if genes.len() < n_genes {
        format!("{} of {} genes", grouped(genes.len()), grouped(n_genes))
    } else {
        format!("{} genes", grouped(n_genes))
    };
    titles(canvas, frame, delta, &shown);
    canvas.rectangle(frame, "white", None);
    let axis = Axis { low: -limit, high: limit, logarithmic: false };
    axis.draw_below(canvas, frame, 5, SMALL);
    axis.draw_left(canvas, frame, 5, SMALL);
    let at = |x: f64, y: f64| {
        (frame.left + frame.width * axis.share(x), frame.bottom() - frame.height * axis.share(y))
    };
    let zero = Stroke::full("#BBBBBB", 1.0);
    canvas.line(at(-limit, 0.0), at(limit, 0.0), zero);
    canvas.line(at(0.0, -limit), at(0.0, limit), zero);
    canvas.line(at(-limit, -limit), at(limit, limit), DIAGONAL);
    let point = |&g: &usize| at(delta.real[g], delta.predicted[g]);
    let rest: Vec<(f64, f64)> = genes.iter().filter(|g| !named.contains(g)).map(point).collect();
    canvas.circles(&rest, DOT, BLUE, 0.45);
    let marked: Vec<(f64, f64)> = named.iter().map(point).collect();
    let names: Vec<String> =
        named.iter().map(|&g| fitting(&delta.genes[g], SMALL, LONGEST_GENE)).collect();
    let places = place_names(frame, &names, &marked, &rest);
    for (place, &dot) in places.iter().zip(&marked) {
        if let Some(place) = place
            && place.far
        {
            canvas.line(dot, place.end(dot), Stroke::full(VERMILLION, 0.9));
        }
    }
    canvas.circles(&marked, NAMED_DOT, VERMILLION, 0.95);
    for (place, name) in places.iter().zip(&names) {
        if let Some(Place { frame, .. }) = place {
            let y = frame.bottom() - 0.28 * frame.height;
            let x = frame.left + frame.width / 2.0;
            canvas.text(x, y, name, Style::new(SMALL, Anchor::Middle));
        }
    }
    Ok(())
}

/// Titles above a panel, names of its axes.
fn titles(canvas: &mut Canvas, frame: Frame, delta: &DeltaScatter<'_>, shown: &str) {
    let heading = format!("{}: ", delta.heading);
    let room = frame.right() - frame.left + LEFT - MARGIN;
    let left = frame.left - LEFT + MARGIN;
    let style = Style::new(PANEL_TITLE, Anchor::Start).bold();
    let title = format!("{heading}{}", delta.label);
    // Bold letters are wider.
    canvas.text(left, frame.top - 27.0, &fitting(&title, PANEL_TITLE, 0.93 * room), style);
    let correlation = if delta.pearson_delta.is_nan() {
        String::new()
    } else {
        format!("Pearson Δ = {:.2}, ", delta.pearson_delta).replace('-', "−")
    };
    let text = format!("{correlation}{shown}, {} cells", grouped(delta.n_cells));
    canvas.text(left, frame.top - 9.0, &text, Style::new(TEXT, Anchor::Start));
    let middle = (frame.left + frame.width / 2.0, frame.top + frame.height / 2.0);
    let style = Style::new(TEXT, Anchor::Middle);
    canvas.text(middle.0, frame.bottom() + 38.0, "real change against control (log1p)", style);
    canvas.text_upwards(frame.left - 44.0, middle.1, "predicted change (log1p)", style);
}

/// Where a name stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    frame: Frame,
    /// Whether a line leads there.
    far: bool,
}

impl Place {
    /// The point of the name next to its dot.
    fn end(&self, dot: (f64, f64)) -> (f64, f64) {
        let frame = self.frame;
        let (top, bottom) = (frame.top + 2.0, frame.bottom() - 2.0);
        (dot.0.clamp(frame.left, frame.right()), dot.1.clamp(top, bottom))
    }

    /// Points along the line to the dot; none where there is no line.
    fn leader(&self, dot: (f64, f64)) -> impl Iterator<Item = (f64, f64)> + use<> {
        let end = self.end(dot);
        let n = if self.far { LEADER_POINTS } else { 0 };
        (1..n).map(move |i| {
            let share = i as f64 / LEADER_POINTS as f64;
            (dot.0 + share * (end.0 - dot.0), dot.1 + share * (end.1 - dot.1))
        })
    }
}

/// A place for each name, in turn: near its dot, covering no other name, no named dot and few of the rest; none where
/// no such place is left. The search is greedy: the names of largest change come first.
fn place_names(
    page: Frame,
    names: &[String],
    marked: &[(f64, f64)],
    rest: &[(f64, f64)],
) -> Vec<Option<Place>> {
    let height = f64::from(SMALL) + 3.0;
    let mut taken: Vec<Frame> = Vec::new();
    let mut leaders: Vec<(f64, f64)> = Vec::new();
    let mut places = Vec::new();
    for (name, &dot) in names.iter().zip(marked) {
        let width = text_width(name, SMALL) + 2.0;
        let mut best: Option<(f64, Place)> = None;
        for (step, distance) in DISTANCES.into_iter().enumerate() {
            for direction in DIRECTIONS {
                let frame = beside(dot, direction, distance, (width, height));
                let place = Place { frame, far: step > 0 };
                let is_free = page.holds(&frame)
                    && taken.iter().all(|other| !other.meets(&frame))
                    && marked.iter().all(|&dot| !around(dot).meets(&frame));
                if !is_free {
                    continue;
                }
                let covered = rest.iter().filter(|&&dot| frame.holds_point(dot)).count();
                let crosses = leaders.iter().any(|&point| frame.holds_point(point))
                    || place.leader(dot).any(|point| taken.iter().any(|t| t.holds_point(point)));
                let crossing = if crosses { COST_OF_CROSSING } else { 0.0 };
                let cost = covered as f64 + step as f64 + crossing;
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, place));
                }
            }
        }
        let place = best.map(|(_, place)| place);
        taken.extend(place.map(|place| place.frame));
        leaders.extend(place.iter().flat_map(|place| place.leader(dot)));
        places.push(place);
    }
    places
}

/// A frame of a size at a distance from a dot.
fn beside(dot: (f64, f64), direction: (f64, f64), distance: f64, size: (f64, f64)) -> Frame {
    let ((dx, dy), (width, height)) = (direction, size);
    let aside = if dx == 0.0 { 0.0 } else { dx.signum() * width / 2.0 };
    let above = if dx == 0.0 { dy.signum() * height / 2.0 } else { 0.0 };
    Frame {
        left: dot.0 + dx * distance + aside - width / 2.0,
        top: dot.1 + dy * distance + above - height / 2.0,
        width,
        height,
    }
}

fn around((x, y): (f64, f64)) -> Frame {
    let side = 2.0 * NAMED_DOT;
    Frame { left: x - NAMED_DOT, top: y - NAMED_DOT, width: side, height: side }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("G{i}")).collect()
    }

    fn delta<'a>(genes: &'a [String], real: &'a [f64], predicted: &'a [f64]) -> DeltaScatter<'a> {
        DeltaScatter {
            heading: "best of 3",
            label: "KLF1",
            n_cells: 120,
            genes,
            real,
            predicted,
            pearson_delta: 0.5,
            n_named: 3,
        }
    }

    #[test]
    fn the_largest_real_changes_are_named_and_many_genes_stay_small() {
        let n = 20_000;
        let genes = names(n);
        let mut real: Vec<f64> = (0..n).map(|i| (i as f64).sin() * 0.1).collect();
        (real[7], real[9], real[11]) = (2.0, -1.5, 1.2);
        let predicted: Vec<f64> = real.iter().map(|d| 0.5 * d).collect();
        let one = delta(&genes, &real, &predicted);
        let picture = delta_scatter(&[one.clone(), one]).unwrap();
        for name in ["G7", "G9", "G11"] {
            assert_eq!(picture.svg.matches(&format!(">{name}<")).count(), 2, "{name}");
        }
        assert!(picture.svg.contains("Pearson Δ = 0.50, 2,000 of 20,000 genes, 120 cells"));
        assert!(picture.svg.contains("best of 3: KLF1"));
        assert!(picture.svg.len() < 500_000 && picture.png.len() < 500_000);
    }

    #[test]
    fn names_cover_neither_each_other_nor_named_dots() {
        let page = Frame { left: 0.0, top: 0.0, width: 300.0, height: 300.0 };
        // Twenty dots in a heap.
        let dots: Vec<(f64, f64)> = (0..20)
            .map(|i| (150.0 + f64::from(i % 5) * 6.0, 150.0 + f64::from(i / 5) * 6.0))
            .collect();
        let places = place_names(page, &names(20), &dots, &dots);
        let frames: Vec<Frame> = places.iter().flatten().map(|place| place.frame).collect();
        assert!(frames.len() >= 12, "{}", frames.len());
        for (i, frame) in frames.iter().enumerate() {
            assert!(page.holds(frame));
            assert!(frames[i + 1..].iter().all(|other| !other.meets(frame)));
            assert!(dots.iter().all(|&dot| !around(dot).meets(frame)));
        }
    }

    #[test]
    fn no_change_at_all_is_drawn_and_no_number_is_an_error() {
        let genes = names(4);
        assert!(delta_scatter(&[delta(&genes, &[0.0; 4], &[0.0; 4])]).is_ok());
        let nan = [f64::NAN; 4];
        for panels in [&[delta(&genes, &nan, &[0.0; 4])][..], &[]] {
            assert!(matches!(delta_scatter(panels), Err(Error::EmptyPicture { .. })));
        }
        let short = delta_scatter(&[delta(&genes, &[0.0; 3], &[0.0; 4])]).unwrap_err();
        assert!(matches!(short, Error::LengthMismatch { expected: 4, found: 3, .. }));
    }
}
