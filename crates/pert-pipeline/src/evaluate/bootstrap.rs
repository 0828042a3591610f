//! How far scores would move with other real cells: intervals over resampled cells.

use std::collections::BTreeMap;

use pert_core::Perturbation;
use pert_metrics::{
    Bootstrap, Metric, MetricInterval, MetricRow, Rows, median, resampled_mean, resampled_weights,
};

use super::evaluation_vae::rng;
use super::judge::score_mean;
use super::real::Real;
use crate::Error;

/// The metrics that depend on the real cells through their mean alone. Distances between populations are not
/// resampled with replacement: repeated cells are at distance 0 of each other, which moves the floor itself.
const RESAMPLED: [&str; 7] = [
    "r2",
    "r2_pearson",
    "pearson_delta",
    "pearson_delta_de20",
    "pearson_delta_centroid",
    "l2",
    "mae",
];

/// Scores of one method on one perturbation over resampled real cells.
pub(super) struct Resampled {
    perturbation: String,
    method: String,
    /// One row of scores per resample.
    rows: Vec<MetricRow>,
}

/// Scores the mean profiles of some methods against resampled real cells; the predictions stay as they are.
pub(super) fn resample<'a>(
    p: &Perturbation,
    real: &Real<'_>,
    methods: impl Iterator<Item = (&'a str, &'a [f64])>,
    n_resamples: usize,
    seed: u64,
) -> Result<Vec<Resampled>, Error> {
    let profiles: Rows = real.cells.rows()?;
    let mut rng = rng(seed, "bootstrap", &p.key());
    let means: Vec<Vec<f64>> = (0..n_resamples)
        .map(|_| resampled_mean(profiles, &resampled_weights(profiles.n_rows(), &mut rng)))
        .collect();
    let scored = |method: &str, mean: &[f64]| Resampled {
        perturbation: p.label().to_owned(),
        method: method.to_owned(),
        rows: means
            .iter()
            .map(|real_mean| {
                let mut row = MetricRow::new(p.label(), method, profiles.n_rows());
                score_mean(&mut row, real, real_mean, mean);
                row
            })
            .collect(),
    };
    Ok(methods.map(|(method, mean)| scored(method, mean)).collect())
}

/// Intervals of every method: of each perturbation, then of the median over perturbations.
pub(super) fn intervals(resampled: &[Resampled]) -> Vec<MetricInterval> {
    let metrics: Vec<&'static Metric> =
        RESAMPLED.iter().filter_map(|name| Metric::named(name)).collect();
    let mut intervals = Vec::new();
    let mut by_method: BTreeMap<&str, Vec<&Resampled>> = BTreeMap::new();
    for one in resampled {
        by_method.entry(&one.method).or_default().push(one);
        for &metric in &metrics {
            let scores: Vec<f64> = one.rows.iter().map(metric.get).collect();
            intervals.extend(Bootstrap::default().of_replicates(&scores).map(|interval| {
                MetricInterval {
                    perturbation: Some(one.perturbation.clone()),
                    method: one.method.clone(),
                    metric,
                    interval,
                }
            }));
        }
    }
    for (method, all) in by_method {
        let n_resamples = all.iter().map(|one| one.rows.len()).min().unwrap_or(0);
        for &metric in &metrics {
            let medians: Vec<f64> = (0..n_resamples)
                .map(|i| {
                    let scores = all.iter().map(|one| (metric.get)(&one.rows[i]));
                    median(&scores.filter(|score| !score.is_nan()).collect::<Vec<f64>>())
                })
                .collect();
            intervals.extend(Bootstrap::default().of_replicates(&medians).map(|interval| {
                MetricInterval { perturbation: None, method: method.to_owned(), metric, interval }
            }));
        }
    }
    intervals
}
