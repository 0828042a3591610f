//! Predicted against real shift of every gene.

use kuva::prelude::{Layout, LinePlot, Plot, ScatterPlot};

use super::{
    BLUE, GREY, LABEL_SIZE, Picture, TICK_SIZE, TITLE_SIZE, VERMILLION, grouped, literal, sample,
    shortened,
};
use crate::Error;

/// Genes drawn: those of largest shift, and a random part of the rest.
const MOST_LARGE: usize = 500;
const MOST_OTHERS: usize = 1_500;
const LONGEST_TITLE: usize = 40;
const SIZE: (f64, f64) = (620.0, 560.0);
const BORDER: f64 = 0.06;

/// The shift from control of one perturbation, per gene.
#[derive(Debug, Clone)]
pub struct DeltaScatter<'a> {
    /// The perturbation.
    pub label: &'a str,
    /// Gene names, `[n_genes]`.
    pub genes: &'a [String],
    /// Real mean less control mean, log1p, `[n_genes]`.
    pub real: &'a [f64],
    /// Predicted mean less control mean, log1p, `[n_genes]`.
    pub predicted: &'a [f64],
    /// Their correlation, for the title.
    pub pearson_delta: f64,
    /// Genes named in the picture: those of largest real shift. 8 is readable.
    pub n_named: usize,
}

/// Predicted against real shift, with the diagonal, and the genes of largest real shift named.
///
/// # Errors
/// [`Error::LengthMismatch`]; [`Error::EmptyPicture`] when no gene has two finite shifts.
pub fn delta_scatter(delta: &DeltaScatter<'_>) -> Result<Picture, Error> {
    let expected = delta.genes.len();
    for (what, found) in
        [("real shifts", delta.real.len()), ("predicted shifts", delta.predicted.len())]
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
            picture: "the scatter of shifts",
            reason: format!("{} has no gene with a finite shift", delta.label),
        });
    }
    let size = |g: usize| delta.real[g].abs().max(delta.predicted[g].abs());
    genes.sort_by(|&a, &b| size(b).total_cmp(&size(a)).then(a.cmp(&b)));
    let n_genes = genes.len();
    let limit = size(genes[0]).max(f64::MIN_POSITIVE) * (1.0 + BORDER);
    let others = genes.split_off(n_genes.min(MOST_LARGE));
    genes.extend(sample(others.len(), MOST_OTHERS).into_iter().map(|i| others[i]));
    let mut by_real = genes.clone();
    by_real.sort_by(|&a, &b| delta.real[b].abs().total_cmp(&delta.real[a].abs()).then(a.cmp(&b)));
    let named = &by_real[..by_real.len().min(delta.n_named)];
    let at = |&g: &usize| (delta.real[g], delta.predicted[g]);
    let rest: Vec<(f64, f64)> = genes.iter().filter(|g| !named.contains(g)).map(at).collect();
    let plots: Vec<Plot> = vec![
        LinePlot::new()
            .with_data([(-limit, -limit), (limit, limit)])
            .with_color(GREY)
            .with_stroke_width(1.2)
            .with_dashed()
            .into(),
        ScatterPlot::new()
            .with_data(rest)
            .with_color(BLUE)
            .with_size(2.6)
            .with_marker_opacity(0.5)
            .into(),
        ScatterPlot::new()
            .with_data(named.iter().map(at))
            .with_color(VERMILLION)
            .with_size(3.6)
            .with_labels(named.iter().map(|&g| shortened(&delta.genes[g], 16)))
            .with_repel_labels()
            .into(),
    ];
    let shown = if genes.len() < n_genes {
        format!("{} of {} genes shown", grouped(genes.len()), grouped(n_genes))
    } else {
        format!("{} genes", grouped(n_genes))
    };
    let correlation = if delta.pearson_delta.is_nan() {
        String::new()
    } else {
        format!("Pearson Δ = {:.3}, ", delta.pearson_delta)
    };
    let layout = Layout::new((-limit, limit), (-limit, limit))
        .with_title(format!(
            "{}: predicted against real shift",
            shortened(delta.label, LONGEST_TITLE)
        ))
        .with_subtitle(literal(&format!("{correlation}{shown}, diagonal = exact")))
        .with_x_label("real Δ (log1p)")
        .with_y_label("predicted Δ (log1p)")
        .with_x_axis_min(-limit)
        .with_x_axis_max(limit)
        .with_y_axis_min(-limit)
        .with_y_axis_max(limit)
        .with_width(SIZE.0)
        .with_height(SIZE.1)
        .with_title_size(TITLE_SIZE)
        .with_subtitle_size(TICK_SIZE)
        .with_label_size(LABEL_SIZE)
        .with_tick_size(TICK_SIZE)
        .with_body_size(TICK_SIZE);
    Picture::single(plots, layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("G{i}")).collect()
    }

    fn delta<'a>(genes: &'a [String], real: &'a [f64], predicted: &'a [f64]) -> DeltaScatter<'a> {
        DeltaScatter { label: "KLF1", genes, real, predicted, pearson_delta: 0.5, n_named: 3 }
    }

    #[test]
    fn the_largest_real_shifts_are_named_and_many_genes_stay_small() {
        let n = 20_000;
        let genes = names(n);
        let mut real: Vec<f64> = (0..n).map(|i| (i as f64).sin() * 0.1).collect();
        (real[7], real[9], real[11]) = (2.0, -1.5, 1.2);
        let predicted: Vec<f64> = real.iter().map(|d| 0.5 * d).collect();
        let picture = delta_scatter(&delta(&genes, &real, &predicted)).unwrap();
        for name in ["G7", "G9", "G11"] {
            assert!(picture.svg.contains(&format!(">{name}<")), "{name}");
        }
        assert!(picture.svg.contains("2,000 of 20,000 genes shown"));
        assert!(picture.svg.len() < 500_000 && picture.png.len() < 500_000);
    }

    #[test]
    fn no_shift_at_all_is_drawn_and_no_number_is_an_error() {
        let genes = names(4);
        assert!(delta_scatter(&delta(&genes, &[0.0; 4], &[0.0; 4])).is_ok());
        let nan = [f64::NAN; 4];
        assert!(matches!(
            delta_scatter(&delta(&genes, &nan, &[0.0; 4])),
            Err(Error::EmptyPicture { .. })
        ));
        let short = delta_scatter(&delta(&genes, &[0.0; 3], &[0.0; 4])).unwrap_err();
        assert!(matches!(short, Error::LengthMismatch { expected: 4, found: 3, .. }));
    }
}
