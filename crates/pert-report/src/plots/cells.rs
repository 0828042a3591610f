//! Real beside generated cells in two dimensions.

use std::sync::Arc;

use kuva::prelude::{Figure, Layout, LegendEntry, LegendShape, Plot, ScatterPlot, TickFormat};

use super::canvas::fitting;
use super::{BLUE, LABEL_SIZE, PALE, Picture, TITLE_SIZE, VERMILLION, grouped, literal, sample};
use crate::Error;

/// Circles per population in the two large panels.
const MOST_CELLS: usize = 1_600;
/// Circles per population in the panel of one perturbation.
const MOST_HIGHLIGHTED: usize = 120;
/// Real cells of all perturbations behind them: with six panels 5,540 circles in all, < 500 kB of SVG.
const MOST_BEHIND: usize = 150;
const MOST_HIGHLIGHTS: usize = 6;
/// The plotting crate measures the box of a shared legend at this size.
const LEGEND_SIZE: u32 = 12;
const WIDTH: f64 = 800.0;
const LARGE_HEIGHT: f64 = 350.0;
const SMALL_HEIGHT: f64 = 220.0;
/// Left and below the panels with axis names; everywhere else [`MARGIN`].
const NAME_MARGIN: f64 = 28.0;
const MARGIN: f64 = 8.0;
/// Above a panel, for its title.
const TITLE_MARGIN: f64 = 34.0;
const SPACING: f64 = 14.0;
/// Columns of the grid: halves, thirds and quarters of it are whole.
const GRID: usize = 12;
/// Empty border around the points, as a share of their range.
const BORDER: f64 = 0.05;

/// What the two coordinates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Axes {
    /// `UMAP 1`, `UMAP 2`.
    Umap,
    /// `PC 1`, `PC 2`.
    PrincipalComponents,
}

impl Axes {
    fn name(self) -> &'static str {
        match self {
            Self::Umap => "UMAP",
            Self::PrincipalComponents => "PC",
        }
    }
}

/// A perturbation with a panel of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Highlight {
    /// Its label.
    pub label: String,
    /// Its rows among the real cells.
    pub real: Vec<usize>,
    /// Its rows among the generated cells.
    pub generated: Vec<usize>,
}

/// Real and generated cells with coordinates in one common picture, row-major; [`scatter_real_generated`] draws it.
#[derive(Debug, Clone)]
pub struct CellScatter<'a> {
    /// Heading of the picture.
    pub title: &'a str,
    /// What the coordinates are.
    pub axes: Axes,
    /// Real cells, `[n_real, 2]`.
    pub real: &'a [f32],
    /// Generated cells, `[n_generated, 2]`.
    pub generated: &'a [f32],
    /// Perturbations shown alone; those after the sixth are left out.
    pub highlights: &'a [Highlight],
}

/// Two large panels with the same axes, real cells left, generated ones right; below them one panel per
/// highlighted perturbation with both.
///
/// Of many cells a random part is drawn; the titles give the numbers.
///
/// # Errors
/// [`Error::EmptyPicture`] without cells on either side; [`Error::Shape`]; [`Error::NotFinite`] with the row;
/// [`Error::LengthMismatch`] when a highlight names a row that is not there.
///
/// ```
/// use pert_report::{Axes, CellScatter, Error, scatter_real_generated};
/// let scatter = CellScatter {
///     title: "KLF1",
///     axes: Axes::Umap,
///     real: &[0.0, 0.0, 1.0, 1.0, 2.0, 0.5], // [3, 2]
///     generated: &[0.1, 0.2, 1.5, 0.9],      // [2, 2]
///     highlights: &[],
/// };
/// let picture = scatter_real_generated(&scatter)?;
/// assert!(picture.svg.contains("UMAP 1") && picture.png.starts_with(b"\x89PNG"));
/// let empty = scatter_real_generated(&CellScatter { generated: &[], ..scatter });
/// assert!(matches!(empty, Err(Error::EmptyPicture { .. })));
/// # Ok::<(), pert_report::Error>(())
/// ```
pub fn scatter_real_generated(scatter: &CellScatter<'_>) -> Result<Picture, Error> {
    let real = points(scatter.real)?;
    let generated = points(scatter.generated)?;
    if real.is_empty() || generated.is_empty() {
        return Err(Error::EmptyPicture {
            picture: "the scatter of cells",
            reason: format!("{} real and {} generated cells", real.len(), generated.len()),
        });
    }
    let highlights = &scatter.highlights[..scatter.highlights.len().min(MOST_HIGHLIGHTS)];
    for (rows, points) in
        highlights.iter().flat_map(|h| [(&h.real, &real), (&h.generated, &generated)])
    {
        if let Some(&row) = rows.iter().find(|&&row| row >= points.len()) {
            let what = "cells, as many as a highlight names,";
            return Err(Error::LengthMismatch { what, expected: row + 1, found: points.len() });
        }
    }
    let (x_range, y_range) = (range(&real, &generated, 0), range(&real, &generated, 1));
    let axis = scatter.axes.name();
    let panel = |title: String| {
        Layout::new(x_range, y_range)
            .with_title(title)
            .with_show_grid(false)
            .with_title_size(TITLE_SIZE - 2)
            .with_label_size(LABEL_SIZE - 1)
            .with_body_size(LEGEND_SIZE)
            .with_box_axes()
            .with_clamp_axis()
            // Neither scale has a unit: numbers would only be noise.
            .with_tick_length(0.0)
            .with_tick_format(TickFormat::Custom(Arc::new(|_| String::new())))
            .with_force_margins(MARGIN, MARGIN)
            .with_force_margins_y(TITLE_MARGIN, MARGIN)
    };
    let large = |name: &str, points: &[(f64, f64)]| {
        let shown = points.len().min(MOST_CELLS);
        let of =
            if shown < points.len() { format!("{} of ", grouped(shown)) } else { String::new() };
        panel(format!("{name} ({of}{} cells)", grouped(points.len())))
            .with_x_label(format!("{axis} 1"))
            .with_y_label(format!("{axis} 2"))
            .with_force_margins(NAME_MARGIN, MARGIN)
            .with_force_margins_y(TITLE_MARGIN, NAME_MARGIN)
    };
    let some_of = |points: &[(f64, f64)], most: usize| {
        sample(points.len(), most).into_iter().map(|i| points[i]).collect::<Vec<_>>()
    };
    let mut plots = vec![
        vec![circles(some_of(&real, MOST_CELLS), BLUE, 2.0)],
        vec![circles(some_of(&generated, MOST_CELLS), VERMILLION, 2.0)],
    ];
    let mut layouts = vec![large("Real", &real), large("Generated", &generated)];
    for highlight in highlights {
        let some = |rows: &[usize], points: &[(f64, f64)]| {
            sample(rows.len(), MOST_HIGHLIGHTED)
                .into_iter()
                .map(|i| points[rows[i]])
                .collect::<Vec<_>>()
        };
        plots.push(vec![
            circles(some_of(&real, MOST_BEHIND), PALE, 2.0),
            // The lower ones are larger: both are seen where they coincide.
            circles(some(&highlight.real, &real), BLUE, 3.4),
            circles(some(&highlight.generated, &generated), VERMILLION, 1.9),
        ]);
        let width = WIDTH / per_row(highlights.len()) as f64 - 2.0 * SPACING;
        layouts.push(panel(literal(&fitting(&highlight.label, TITLE_SIZE - 2, width))));
    }
    let (structure, n_rows) = grid(highlights.len());
    let height = LARGE_HEIGHT + (n_rows - 1) as f64 * (SMALL_HEIGHT + SPACING);
    let mut figure = Figure::new(n_rows, GRID)
        .with_structure(structure)
        .with_plots(plots)
        .with_layouts(layouts)
        .with_title(literal(scatter.title))
        .with_title_size(TITLE_SIZE + 2)
        .with_spacing(SPACING)
        .with_row_height(0, LARGE_HEIGHT)
        .with_figure_size(WIDTH, height);
    for row in 1..n_rows {
        figure = figure.with_row_height(row, SMALL_HEIGHT);
    }
    if !highlights.is_empty() {
        let entry = |label: &str, color: &str| LegendEntry {
            label: label.into(),
            color: color.into(),
            shape: LegendShape::Circle,
            dasharray: None,
        };
        figure = figure.with_shared_legend_bottom_center().with_shared_legend_entries(vec![
            entry("real", BLUE),
            entry("generated", VERMILLION),
            entry("all perturbations, real", PALE),
        ]);
    }
    Picture::figure(figure)
}

/// Which grid cells each panel spans: two halves, then rows of at most three (four panels: one row).
fn grid(n_highlights: usize) -> (Vec<Vec<usize>>, usize) {
    let half: Vec<usize> = (0..GRID / 2).collect();
    let mut structure = vec![half.clone(), half.iter().map(|c| c + GRID / 2).collect()];
    let per_row = per_row(n_highlights);
    let span = GRID / per_row;
    for i in 0..n_highlights {
        let first = (1 + i / per_row) * GRID + (i % per_row) * span;
        structure.push((first..first + span).collect());
    }
    (structure, 1 + n_highlights.div_ceil(per_row))
}

/// Highlights beside each other.
fn per_row(n_highlights: usize) -> usize {
    match n_highlights {
        0..=2 => 2,
        4 => 4,
        _ => 3,
    }
}

fn circles(points: Vec<(f64, f64)>, color: &str, size: f64) -> Plot {
    ScatterPlot::new()
        .with_data(points)
        .with_color(color)
        .with_size(size)
        .with_marker_opacity(0.55)
        .into()
}

fn points(values: &[f32]) -> Result<Vec<(f64, f64)>, Error> {
    let (pairs, rest) = values.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::Shape { n_values: values.len(), n_columns: 2 });
    }
    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
        return Err(Error::NotFinite { row: at / 2, column: at % 2, value: values[at] });
    }
    Ok(pairs.iter().map(|&[x, y]| (f64::from(x), f64::from(y))).collect())
}

fn range(real: &[(f64, f64)], generated: &[(f64, f64)], axis: usize) -> (f64, f64) {
    let values = || real.iter().chain(generated).map(|p| if axis == 0 { p.0 } else { p.1 });
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let border = if high > low { BORDER * (high - low) } else { 1.0 };
    (low - border, high + border)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(n: usize) -> Vec<f32> {
        (0..2 * n).map(|i| (i as f32 * 0.7).sin() * 5.0 + (i % 2) as f32).collect()
    }

    fn scatter<'a>(points: &'a [f32], highlights: &'a [Highlight]) -> CellScatter<'a> {
        CellScatter { title: "t", axes: Axes::Umap, real: points, generated: points, highlights }
    }

    #[test]
    fn both_formats_show_both_populations_and_stay_small() {
        let points = cloud(6_000);
        let highlight = |i: usize| Highlight {
            label: format!("P{i}<&>"),
            real: (0..500).collect(),
            generated: (500..1000).collect(),
        };
        let highlights: Vec<Highlight> = (0..9).map(highlight).collect();
        let picture = scatter_real_generated(&scatter(&points, &highlights)).unwrap();
        assert!(picture.svg.contains("Real (1,600 of 6,000 cells)"));
        assert!(picture.svg.contains("UMAP 1") && picture.svg.contains("P5&lt;&amp;&gt;"));
        assert!(!picture.svg.contains("P6"));
        assert!(picture.svg.len() < 500_000, "{}", picture.svg.len());
        assert!(picture.png.len() < 500_000 && picture.png.starts_with(b"\x89PNG"));
        let again = scatter_real_generated(&scatter(&points, &highlights)).unwrap();
        assert!(picture == again, "the same figure is the same bytes");
    }

    #[test]
    fn panels_fill_the_grid_without_overlap() {
        for n in 0..=MOST_HIGHLIGHTS {
            let (structure, n_rows) = grid(n);
            let mut cells = structure.concat();
            assert_eq!(structure.len(), 2 + n);
            cells.sort_unstable();
            cells.dedup();
            assert_eq!(cells.len(), structure.concat().len());
            assert!(cells.iter().all(|&cell| cell < n_rows * GRID));
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        let points = cloud(5);
        assert!(matches!(
            scatter_real_generated(&scatter(&[], &[])),
            Err(Error::EmptyPicture { .. })
        ));
        let nan = [0.0, 1.0, f32::NAN, 0.0];
        let error = scatter_real_generated(&scatter(&nan, &[])).unwrap_err();
        assert!(matches!(error, Error::NotFinite { row: 1, column: 0, .. }));
        let outside = [Highlight { label: "x".into(), real: vec![5], generated: vec![] }];
        let error = scatter_real_generated(&scatter(&points, &outside)).unwrap_err();
        assert!(matches!(error, Error::LengthMismatch { expected: 6, found: 5, .. }));
        assert!(scatter_real_generated(&scatter(&[1.0, 1.0], &[])).is_ok(), "a single point");
    }
}
