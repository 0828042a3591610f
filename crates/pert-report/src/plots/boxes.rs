//! The distribution of a metric over perturbations, one box per method.

use kuva::plot::legend::LegendPosition;
use kuva::prelude::{
    BoxPlot, Layout, LegendEntry, LegendShape, Plot, ReferenceLine, ScatterPlot, Theme,
};

use super::{
    GREEN, GREY, LABEL_SIZE, ORANGE, PURPLE, Picture, SKY, TICK_SIZE, TITLE_SIZE, literal,
    shortened,
};
use pert_metrics::{Better, Metric, MetricRow, Roles, median, methods, values};

use crate::Error;

/// Up to this many values per method each is drawn as a dot.
const MOST_DOTS: usize = 150;
const LONGEST_METHOD: usize = 28;
const LONGEST_LINE: usize = 16;
/// Colour and dashes of the lines, in their order.
const LINE_STYLES: [(&str, &str); 3] = [(GREEN, "2 3"), (PURPLE, "7 4"), (GREY, "9 3 2 3")];
const BOX_WIDTH: f64 = 0.66;
const GOLDEN_RATIO: f64 = 1.618_033_988_749_895;
/// Empty space beside the outermost values, as a share of their range.
const BORDER: f64 = 0.04;
const WIDTH: f64 = 860.0;
const HEIGHT_PER_BOX: f64 = 40.0;
/// Title and axis.
const HEIGHT_AROUND: f64 = 130.0;

/// A metric of several methods over perturbations.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricBoxes {
    /// Name of the axis.
    pub heading: String,
    /// Which direction is good.
    pub better: Better,
    /// Methods from top to bottom, each with one value per perturbation.
    pub methods: Vec<(String, Vec<f64>)>,
    /// The method drawn in the stronger colour.
    pub model: String,
    /// Values drawn as lines, with their names: what equal distributions would give (the floor), what a real
    /// half gives against the other half (the ceiling).
    pub lines: Vec<(String, f64)>,
}

impl MetricBoxes {
    /// The boxes of one metric: all predictions. Lines stand at the median of the column `<metric>_floor` over
    /// the model's rows, and at the median of each reference.
    pub fn from_rows(rows: &[MetricRow], roles: &Roles, metric: &Metric) -> Self {
        let mut boxes: Vec<(String, Vec<f64>)> = Vec::new();
        let mut lines: Vec<(String, f64)> = Vec::new();
        if let Some(floor) = Metric::named(&format!("{}_floor", metric.name)) {
            lines.push(("floor".to_owned(), median(&values(rows, &roles.model, floor))));
        }
        for method in methods(rows) {
            let values = values(rows, method, metric);
            if roles.is_reference(method) {
                lines.push((method.to_owned(), median(&values)));
            } else if !values.is_empty() {
                boxes.push((method.to_owned(), values));
            }
        }
        lines.retain(|(_, value)| !value.is_nan());
        Self {
            heading: metric.heading.to_owned(),
            better: metric.better,
            methods: boxes,
            model: roles.model.clone(),
            lines,
        }
    }
}

/// Horizontal boxes (quartiles, whiskers to 1.5 interquartile ranges), a dot per perturbation, and the
/// lines.
///
/// # Errors
/// [`Error::EmptyPicture`] when no method has a finite value.
pub fn metric_boxes(boxes: &MetricBoxes) -> Result<Picture, Error> {
    let methods: Vec<(&str, Vec<f64>)> = boxes
        .methods
        .iter()
        .map(|(name, values)| {
            (name.as_str(), values.iter().copied().filter(|v| v.is_finite()).collect::<Vec<f64>>())
        })
        .filter(|(_, values)| !values.is_empty())
        .collect();
    if methods.is_empty() {
        return Err(Error::EmptyPicture {
            picture: "the box plot",
            reason: format!("no method has a value of {}", boxes.heading),
        });
    }
    let n = methods.iter().map(|(_, values)| values.len()).max().unwrap_or_default();
    let mut plot = BoxPlot::new().with_horizontal(true).with_width(BOX_WIDTH);
    let mut colors = Vec::new();
    let mut dots = Vec::new();
    // The first group is drawn lowest.
    for (place, (name, values)) in methods.iter().rev().enumerate() {
        if values.len() <= MOST_DOTS {
            // Spread over the box by the golden ratio: even, and the same every time.
            let jitter = |i: usize| (i as f64 * GOLDEN_RATIO).fract() - 0.5;
            dots.extend(
                values
                    .iter()
                    .enumerate()
                    .map(|(i, &value)| (value, 1.0 + place as f64 + 0.7 * BOX_WIDTH * jitter(i))),
            );
        }
        plot = plot.with_group(shortened(name, LONGEST_METHOD), values.iter().copied());
        colors.push(if *name == boxes.model { ORANGE } else { SKY });
    }
    let boxes_only: Vec<Plot> = vec![plot.with_group_colors(colors).into()];
    let lines: Vec<(&str, f64, (&str, &str))> = boxes
        .lines
        .iter()
        .filter(|(_, value)| value.is_finite())
        .zip(LINE_STYLES.iter().cycle())
        .map(|((name, value), &style)| (name.as_str(), *value, style))
        .collect();
    let arrow = match boxes.better {
        Better::Higher => " (higher is better)",
        Better::Lower => " (lower is better)",
        Better::Neither => "",
    };
    let theme = Theme { box_median: "black".into(), ..Theme::light() };
    let mut layout = Layout::auto_from_plots(&boxes_only)
        .with_theme(theme)
        .with_title(format!("{} of {n} perturbations", literal(&boxes.heading)))
        .with_x_label(format!("{}{arrow}", literal(&boxes.heading)))
        .with_width(WIDTH)
        .with_height(HEIGHT_AROUND + HEIGHT_PER_BOX * methods.len() as f64)
        .with_title_size(TITLE_SIZE)
        .with_label_size(LABEL_SIZE)
        .with_tick_size(TICK_SIZE)
        .with_body_size(TICK_SIZE);
    let mut plots = boxes_only;
    let dots = ScatterPlot::new().with_data(dots).with_color("black").with_size(1.7);
    plots.push(dots.with_marker_opacity(0.4).into());
    let all = || methods.iter().flat_map(|m| &m.1).copied().chain(lines.iter().map(|line| line.1));
    let (low, high) =
        (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let border = if high > low { BORDER * (high - low) } else { BORDER };
    layout = layout.with_x_axis_min(low - border).with_x_axis_max(high + border);
    let mut entries = Vec::new();
    for &(name, value, (color, dash)) in &lines {
        layout = layout.with_reference_line(
            ReferenceLine::vertical(value)
                .with_color(color)
                .with_stroke_width(2.0)
                .with_dasharray(dash),
        );
        entries.push(LegendEntry {
            label: format!("{} (median)", shortened(name, LONGEST_LINE)),
            color: color.into(),
            shape: LegendShape::Line,
            dasharray: Some(dash.into()),
        });
    }
    if !entries.is_empty() {
        layout = layout
            .with_legend_entries(entries)
            .with_legend_box(false)
            .with_legend_position(LegendPosition::OutsideRightTop);
    }
    Picture::single(plots, layout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::fixture;

    #[test]
    fn predictions_get_boxes_and_references_a_line() {
        let mut rows = fixture::rows();
        rows.iter_mut().filter(|r| r.method == "model").for_each(|r| r.fid_latent_floor = 0.5);
        let metric = Metric::named("fid_latent").unwrap();
        let boxes = MetricBoxes::from_rows(&rows, &Roles::default(), metric);
        let names: Vec<&str> = boxes.methods.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["model", "no change", "ridge"]);
        assert_eq!(boxes.lines, [("floor".to_owned(), 0.5), ("ceiling".to_owned(), 2.5)]);
        let picture = metric_boxes(&boxes).unwrap();
        assert!(picture.svg.contains("no change") && picture.svg.contains("floor (median)"));
        assert!(picture.svg.contains("FID (lower is better)"));
    }

    #[test]
    fn no_values_are_an_error() {
        let metric = Metric::named("pearson_delta").unwrap();
        let boxes = MetricBoxes::from_rows(&fixture::rows(), &Roles::default(), metric);
        assert!(matches!(metric_boxes(&boxes), Err(Error::EmptyPicture { .. })));
    }
}
