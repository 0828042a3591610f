//! A page drawn shape by shape, and axes on it: for pictures whose panels hold medians, names and marks that the plotting
//! crate's own layout has no place for.

use kuva::render::render::{PathData, Primitive, Scene, TextAnchor};

use super::{GREY, Picture, literal};
use crate::Error;

const INK: &str = "#1A1A1A";
/// Width of a character of the sans-serif font over its size: narrow, wide, capital or digit, other.
const CHARACTER_WIDTHS: [f64; 4] = [0.36, 0.95, 0.68, 0.61];
/// From an axis to the middle of its numbers.
const TICK_GAP: f64 = 17.0;
const TICK_LENGTH: f64 = 4.0;

/// Which end or middle of a text stands at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) size: u32,
    pub(super) anchor: Anchor,
    pub(super) bold: bool,
    pub(super) color: &'static str,
}

impl Style {
    pub(super) fn new(size: u32, anchor: Anchor) -> Self {
        Self { size, anchor, bold: false, color: INK }
    }

    pub(super) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) fn color(self, color: &'static str) -> Self {
        Self { color, ..self }
    }
}

/// How a line looks; `dash`: lengths of dashes and gaps in turn, empty for a full line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    pub(super) color: &'static str,
    pub(super) width: f64,
    pub(super) dash: &'static [f64],
}

impl Stroke {
    pub(super) fn full(color: &'static str, width: f64) -> Self {
        Self { color, width, dash: &[] }
    }
}

/// A rectangle, y growing downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Frame {
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub(super) fn holds(&self, other: &Self) -> bool {
        self.left <= other.left
            && self.top <= other.top
            && other.right() <= self.right()
            && other.bottom() <= self.bottom()
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.left < other.right()
            && other.left < self.right()
            && self.top < other.bottom()
            && other.top < self.bottom()
    }

    pub(super) fn holds_point(&self, (x, y): (f64, f64)) -> bool {
        (self.left..=self.right()).contains(&x) && (self.top..=self.bottom()).contains(&y)
    }
}

pub(super) struct Canvas {
    scene: Scene,
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut scene = Scene::new(width, height);
        scene.font_family = Some("DejaVu Sans, Verdana, Arial, sans-serif".into());
        scene.text_color = Some(INK.into());
        Self { scene }
    }

    /// Text on one line, as it is; `y` is its base line.
    pub(super) fn text(&mut self, x: f64, y: f64, text: &str, style: Style) {
        self.write(x, y, text, style, None);
    }

    /// Text that reads upwards, its middle at the point.
    pub(super) fn text_upwards(&mut self, x: f64, y: f64, text: &str, style: Style) {
        self.write(x, y, text, style, Some(-90.0));
    }

    fn write(&mut self, x: f64, y: f64, text: &str, style: Style, rotate: Option<f64>) {
        self.scene.add(Primitive::Text {
            x,
            y,
            content: literal(text),
            size: style.size,
            anchor: match style.anchor {
                Anchor::Start => TextAnchor::Start,
                Anchor::Middle => TextAnchor::Middle,
                Anchor::End => TextAnchor::End,
            },
            rotate,
            bold: style.bold,
            color: Some(style.color.into()),
        });
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        // Dash by dash: the PNG's own dashes do not grow with its scale, and their round ends close the gaps.
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let at = |along: f64| {
            let share = if length > 0.0 { along / length } else { 0.0 };
            (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
        };
        let mut start = 0.0;
        for pair in stroke.dash.chunks_exact(2).cycle() {
            if start >= length {
                return;
            }
            self.segment(at(start), at((start + pair[0]).min(length)), stroke);
            start += pair[0] + pair[1];
        }
        self.segment(from, to, stroke);
    }

    fn segment(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        self.scene.add(Primitive::Line {
            x1: from.0,
            y1: from.1,
            x2: to.0,
            y2: to.1,
            stroke: stroke.color.into(),
            stroke_width: stroke.width,
            stroke_dasharray: None,
        });
    }

    pub(super) fn rectangle(&mut self, frame: Frame, fill: &str, stroke: Option<Stroke>) {
        self.scene.add(Primitive::Rect {
            x: frame.left,
            y: frame.top,
            width: frame.width,
            height: frame.height,
            fill: fill.into(),
            stroke: stroke.map(|s| s.color.into()),
            stroke_width: stroke.map(|s| s.width),
            opacity: None,
        });
    }

    pub(super) fn circles(
        &mut self,
        points: &[(f64, f64)],
        radius: f64,
        color: &str,
        opacity: f64,
    ) {
        if points.is_empty() {
            return;
        }
        self.scene.add(Primitive::CircleBatch {
            cx: points.iter().map(|p| p.0).collect(),
            cy: points.iter().map(|p| p.1).collect(),
            r: radius,
            fill: color.into(),
            fill_opacity: Some(opacity),
            stroke: None,
            stroke_width: None,
        });
    }

    /// A filled triangle with its tip at the point, `length` long along x (to the right where positive).
    pub(super) fn arrow_head(&mut self, tip: (f64, f64), length: f64, color: &str) {
        let (x, y) = tip;
        let half = 0.6 * length.abs();
        let (back, top, bottom) = (x - length, y - half, y + half);
        self.scene.add(Primitive::Path(Box::new(PathData {
            d: format!("M{x:.2} {y:.2} L{back:.2} {top:.2} L{back:.2} {bottom:.2} Z"),
            fill: Some(color.into()),
            stroke: color.into(),
            stroke_width: 0.5,
            opacity: None,
            stroke_dasharray: None,
        })));
    }

    pub(super) fn finish(self) -> Result<Picture, Error> {
        Picture::from_scene(&self.scene)
    }
}

/// About the width of a text; rather too wide than too narrow.
pub(super) fn text_width(text: &str, size: u32) -> f64 {
    let [narrow, wide, capital, other] = CHARACTER_WIDTHS;
    let ems: f64 =
        text.chars()
            .map(|c| match c {
                'i' | 'j' | 'l' | 'f' | 't' | 'r' | '.' | ',' | ':' | ';' | '|' | '\'' | ' '
                | '-' => narrow,
                'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' => wide,
                c if c.is_uppercase() || c.is_ascii_digit() || c == '_' => capital,
                c if c > '\u{2e80}' => 1.0,
                _ => other,
            })
            .sum();
    ems * f64::from(size)
}

/// The longest beginning of a text that is no wider than `width`, with … where it was cut.
pub(super) fn fitting(text: &str, size: u32, width: f64) -> String {
    let text = text.replace(['\n', '\r', '\t'], " ");
    if text_width(&text, size) <= width {
        return text;
    }
    let mut kept: Vec<char> = text.chars().collect();
    loop {
        kept.pop();
        let cut: String = kept.iter().chain(&['…']).collect();
        if kept.is_empty() || text_width(&cut, size) <= width {
            return cut;
        }
    }
}

/// Values along an edge of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) logarithmic: bool,
}

impl Axis {
    /// Share of the way from `low` to `high`.
    pub(super) fn share(&self, value: f64) -> f64 {
        let scale = |v: f64| if self.logarithmic { v.ln() } else { v };
        (scale(value) - scale(self.low)) / (scale(self.high) - scale(self.low))
    }

    /// About `n` round values from `low` to `high`, with their texts.
    pub(super) fn ticks(&self, n: usize) -> Vec<(f64, String)> {
        if self.logarithmic { self.logarithmic_ticks(n) } else { self.linear_ticks(n) }
    }

    fn linear_ticks(&self, n: usize) -> Vec<(f64, String)> {
        let rough = (self.high - self.low) / n as f64;
        let exponent = rough.log10().floor();
        let magnitude = 10f64.powf(exponent);
        let (factor, decimals) = match rough / magnitude {
            r if r <= 1.4 => (1.0, -exponent),
            r if r <= 3.0 => (2.0, -exponent),
            r if r <= 7.0 => (5.0, -exponent),
            _ => (10.0, -exponent - 1.0),
        };
        let step = factor * magnitude;
        let largest = self.low.abs().max(self.high.abs());
        let (first, last) = ((self.low / step).ceil() as i64, (self.high / step).floor() as i64);
        (first..=last)
            .map(|i| {
                let value = i as f64 * step;
                let text = if !(1e-3..1e5).contains(&largest) && i != 0 {
                    format!("{value:.1e}")
                } else {
                    format!("{value:.*}", decimals.max(0.0) as usize)
                };
                (value, text.replace('-', "−"))
            })
            .collect()
    }

    fn logarithmic_ticks(&self, n: usize) -> Vec<(f64, String)> {
        let decades = (self.low.log10().floor() as i32)..=(self.high.log10().ceil() as i32);
        let within = |factors: &[f64], every: i32| -> Vec<(f64, String)> {
            decades
                .clone()
                .filter(|e| e.rem_euclid(every) == 0)
                .flat_map(|e| factors.iter().map(move |&f| (f, e)))
                .map(|(f, e)| {
                    let value = f * 10f64.powi(e);
                    let decimals = (i32::from(f.fract() != 0.0) - e).max(0) as usize;
                    let short = (1e-3..1e5).contains(&value);
                    (
                        value,
                        if short { format!("{value:.decimals$}") } else { format!("{value:.0e}") },
                    )
                })
                .filter(|(value, _)| (self.low..=self.high).contains(value))
                .collect()
        };
        let fine = [&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0][..], &[1.0, 2.0, 5.0]].map(|f| within(f, 1));
        let decades = (1..).map(|every| within(&[1.0], every));
        fine.into_iter().chain(decades).find(|ticks| ticks.len() <= n + 2).unwrap_or_default()
    }

    /// Numbers and short marks below a frame, pale lines within.
    pub(super) fn draw_below(&self, canvas: &mut Canvas, frame: Frame, n: usize, size: u32) {
        for (x, text) in self.ticks_below(frame, n, size) {
            let bottom = frame.bottom();
            canvas.line((x, frame.top), (x, bottom), Stroke::full(GRID, 1.0));
            canvas.line((x, bottom), (x, bottom + TICK_LENGTH), Stroke::full(GREY, 1.0));
            if !text.is_empty() {
                canvas.text(x, bottom + TICK_GAP, &text, Style::new(size, Anchor::Middle));
            }
        }
    }

    /// Places of the ticks along the lower edge, with their texts; none where it would touch the one before.
    fn ticks_below(&self, frame: Frame, n: usize, size: u32) -> Vec<(f64, String)> {
        let mut taken = f64::NEG_INFINITY;
        let place = |(value, text): (f64, String)| {
            let (x, half) =
                (frame.left + frame.width * self.share(value), text_width(&text, size) / 2.0);
            if x - half < taken {
                return (x, String::new());
            }
            taken = x + half + LEAST_GAP;
            (x, text)
        };
        self.ticks(n).into_iter().map(place).collect()
    }

    /// Numbers and short marks left of a frame, pale lines within.
    pub(super) fn draw_left(&self, canvas: &mut Canvas, frame: Frame, n: usize, size: u32) {
        for (value, text) in self.ticks(n) {
            let y = frame.bottom() - frame.height * self.share(value);
            canvas.line((frame.left, y), (frame.right(), y), Stroke::full(GRID, 1.0));
            canvas.line((frame.left - TICK_LENGTH, y), (frame.left, y), Stroke::full(GREY, 1.0));
            let x = frame.left - TICK_LENGTH - 3.0;
            canvas.text(x, y + 0.36 * f64::from(size), &text, Style::new(size, Anchor::End));
        }
    }
}

const GRID: &str = "#ECECEC";

/// Between the numbers of two ticks, in pixels.
const LEAST_GAP: f64 = 4.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(low: f64, high: f64, logarithmic: bool) -> Vec<String> {
        let axis = Axis { low, high, logarithmic };
        axis.ticks(4).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_and_have_the_digits_they_need() {
        assert_eq!(shown(0.0, 1.0, false), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(shown(0.901, 0.999, false), ["0.92", "0.94", "0.96", "0.98"]);
        assert_eq!(shown(-35.0, 1.0, false), ["−30", "−20", "−10", "0"]);
        assert_eq!(shown(0.0, 3.9, false), ["0", "1", "2", "3"]);
        assert_eq!(shown(0.0, 4e6, false), ["0", "1.0e6", "2.0e6", "3.0e6", "4.0e6"]);
        assert_eq!(shown(0.8, 12.0, true), ["1", "2", "5", "10"]);
        assert_eq!(shown(0.9, 3.2, true), ["1", "1.5", "2", "3"]);
        assert_eq!(shown(0.13, 0.8, true), ["0.15", "0.2", "0.3", "0.5", "0.7"]);
        assert_eq!(shown(0.5, 2e4, true), ["1", "10", "100", "1000", "10000"]);
    }

    #[test]
    fn numbers_below_a_frame_do_not_touch() {
        let frame = Frame { left: 10.0, top: 0.0, width: 200.0, height: 100.0 };
        let axis = Axis { low: 90.0, high: 8000.0, logarithmic: true };
        let ticks = axis.ticks_below(frame, 4, 13);
        let shown: Vec<_> = ticks.iter().filter(|(_, text)| !text.is_empty()).collect();
        assert!(shown.len() >= 3 && shown.len() < ticks.len(), "{ticks:?}");
        for pair in shown.windows(2) {
            let half = |i: usize| text_width(&pair[i].1, 13) / 2.0;
            assert!(pair[0].0 + half(0) < pair[1].0 - half(1), "{pair:?}");
        }
    }

    #[test]
    fn values_stand_at_their_share_of_the_axis() {
        let linear = Axis { low: 1.0, high: 3.0, logarithmic: false };
        approx::assert_abs_diff_eq!(linear.share(2.0), 0.5, epsilon = 1e-12);
        let logarithmic = Axis { low: 1.0, high: 100.0, logarithmic: true };
        approx::assert_abs_diff_eq!(logarithmic.share(10.0), 0.5, epsilon = 1e-12);
    }

    #[test]
    fn texts_are_cut_to_a_width() {
        assert_eq!(fitting("KLF1", 13, 100.0), "KLF1");
        let cut = fitting("very-long-drug-name (10 µM)", 13, 100.0);
        assert!(cut.starts_with("very-long") && cut.ends_with('…'), "{cut}");
        assert!(text_width(&cut, 13) <= 100.0);
        assert_eq!(fitting("abc", 13, 0.0), "…");
    }
}
