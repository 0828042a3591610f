//! One prediction against the held-out cells: a row of the table.

use pert_core::{Perturbation, shuffled_indices};
use pert_metrics::{
    L2_GENES, MetricRow, de_overlap_of_ranked, energy_distance, frechet_distance,
    kolmogorov_smirnov, l2_top, mae, mean_wasserstein, mmd_with, pearson_delta, pearson_delta_over,
    r2, r2_pearson, variance_ratio, zero_fraction_difference,
};

use super::cells::Cells;
use super::evaluation_vae::rng;
use super::methods::Prediction;
use super::real::{Real, Space};
use super::spaces::{Points, Spaces};
use crate::Error;

/// Generated cells that distances between populations use at least (evaluation protocol: max(n, 100)).
pub(super) const DISTANCE_CELLS: usize = 100;

/// Scores one prediction. Means are of all its cells, distances of as many as there are real ones.
pub(super) fn row(
    label: &str,
    real: &Real<'_>,
    prediction: &Prediction,
    spaces: &Spaces<'_>,
) -> Result<MetricRow, Error> {
    let mut row = MetricRow::new(label, prediction.method.as_str(), real.cells.len());
    row.note.clone_from(&real.note);
    let mean = &prediction.mean;
    score_mean(&mut row, real, &real.mean, mean);
    row.de_overlap = de_overlap_of_ranked(&real.expression, &by_change(mean, real.against.control));
    if let Some((true_mean, true_control)) = real.against.truth {
        row.pearson_delta_true = pearson_delta(true_mean, mean, true_control);
    }
    let as_many = prediction.cells.first(real.cells.len());
    if as_many.len() < 2 {
        return Ok(row);
    }
    let enough = prediction.cells.first(real.cells.len().max(DISTANCE_CELLS));
    let (few, many) = (spaces.components(&as_many)?, spaces.components(&enough)?);
    row.fid_latent = to_gaussian(&real.latent, &spaces.latent(&as_many)?)?;
    row.fid_latent_floor = real.latent.floor.halves;
    row.fid_latent_floor_gaussian = real.latent.floor.gaussian;
    row.fid_latent_ratio = row.fid_latent / row.fid_latent_floor;
    row.fid_pca = to_gaussian(&real.components, &few)?;
    row.fid_pca_floor = real.components.floor.halves;
    row.fid_pca_ratio = row.fid_pca / row.fid_pca_floor;
    row.e_distance = energy_distance(real.components.points.rows(), many.rows());
    row.mmd = mmd_with(real.components.points.rows(), many.rows(), &real.gammas);
    score_cells(&mut row, &real.cells, &as_many)?;
    Ok(row)
}

/// What a mean profile alone is scored by; `real_mean` is that of the real cells, or of a resample of them.
pub(super) fn score_mean(row: &mut MetricRow, real: &Real<'_>, real_mean: &[f64], mean: &[f64]) {
    let control = real.against.control;
    row.r2 = r2(real_mean, mean);
    row.r2_pearson = r2_pearson(real_mean, mean);
    row.pearson_delta = pearson_delta(real_mean, mean, control);
    row.pearson_delta_de20 = pearson_delta_over(real_mean, mean, control, &real.top_de);
    row.pearson_delta_centroid = pearson_delta(real_mean, mean, real.against.centroid);
    row.l2 = l2_top(real_mean, mean, control, L2_GENES);
    row.mae = mae(real_mean, mean);
}

/// Columns by predicted change, the largest first.
fn by_change(mean: &[f64], control: &[f64]) -> Vec<usize> {
    let change = |gene: &usize| (mean[*gene] - control[*gene]).abs();
    let mut genes: Vec<usize> = (0..mean.len()).filter(|gene| change(gene) > 0.0).collect();
    genes.sort_by(|a, b| change(b).total_cmp(&change(a)));
    genes
}

/// What is scored gene by gene and cell by cell, without a space.
fn score_cells(row: &mut MetricRow, real: &Cells, predicted: &Cells) -> Result<(), Error> {
    let (real_rows, rows) = (real.rows()?, predicted.rows()?);
    row.wasserstein = mean_wasserstein(real_rows, rows);
    row.variance_ratio = variance_ratio(real_rows, rows).median;
    row.zero_fraction_difference = zero_fraction_difference(real_rows, rows);
    row.library_ks = kolmogorov_smirnov(real.library(), predicted.library());
    Ok(())
}

fn to_gaussian(real: &Space, points: &Points) -> Result<f64, Error> {
    // Shrunk where the real ones are, so that equal populations stay equal.
    let shrunk = real.points.are_few() || points.are_few();
    Ok(frechet_distance(&real.gaussian, &points.gaussian(shrunk)?))
}

/// A real half judged against the other half: what sampling noise alone allows at n/2 cells.
///
/// Returns the row with the mean profiles of the judged half and of the real one, none below two cells a half.
pub(super) fn ceiling(
    p: &Perturbation,
    real: &Real<'_>,
    spaces: &Spaces<'_>,
    seed: u64,
) -> Result<Option<Ceiling>, Error> {
    let order = shuffled_indices(real.cells.len(), &mut rng(seed, "ceiling", &p.key()));
    let (a, b) = order.split_at(real.cells.len() / 2);
    if a.len() < 2 {
        return Ok(None);
    }
    let half = real.part(a, spaces)?;
    let other = Prediction::of_cells("ceiling", real.cells.select(b));
    let mut row = row(p.label(), &half, &other, spaces)?;
    row.n = real.cells.len();
    row.note.clone_from(&real.note);
    // At n cells, which is what the other rows are held against, equal populations are at the floor.
    (row.fid_latent, row.fid_latent_ratio) = (real.latent.floor.halves, 1.0);
    (row.fid_pca, row.fid_pca_ratio) = (real.components.floor.halves, 1.0);
    Ok(Some(Ceiling { row, predicted: other.mean, real: half.mean }))
}

/// The row of the ceiling, with the halves' mean profiles, `[n_genes]` each.
pub(super) struct Ceiling {
    pub row: MetricRow,
    pub predicted: Vec<f64>,
    pub real: Vec<f64>,
}
