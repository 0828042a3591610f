//! Means of every baseline, on a screen with cell types and batches, against numpy and scikit-learn.

use std::collections::HashMap;

use pert_baselines::{
    Baseline, BilinearRidge, BilinearRidgeConfig, Embedding, FeatureVectors, PerturbationFactors,
    Ridge, TrainingSummary, all_baselines,
};
use pert_core::{Covariate, CovariateRole, CsrCounts, LabelFormat, Perturbation, Population};
use pert_testkit::{assert_close, golden};
use serde::Deserialize;

/// Both sides compute in f64; sums run in different orders.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Golden {
    n_genes: usize,
    labels: Vec<String>,
    cell_types: Vec<String>,
    batches: Vec<String>,
    counts: Vec<f32>,
    train: Vec<usize>,
    features: HashMap<String, Vec<Vec<f64>>>,
    ridge_lambda: f64,
    ridge_leave_one_out_mse: f64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    label: String,
    rows: Vec<usize>,
    means: HashMap<String, Vec<f64>>,
}

fn perturbation(label: &str) -> Perturbation {
    Perturbation::parse(label, &LabelFormat::default()).unwrap()
}

impl Golden {
    fn screen(&self) -> Population {
        let of_cell: Vec<Perturbation> = self.labels.iter().map(|l| perturbation(l)).collect();
        Population::new(
            CsrCounts::from_dense(self.n_genes, &self.counts).unwrap(),
            (0..self.n_genes).map(|g| format!("gene {g}")).collect(),
            (0..of_cell.len()).map(|i| format!("cell {i}")).collect(),
            &of_cell,
            vec![
                Covariate::categorical("type", CovariateRole::CellType, &self.cell_types),
                Covariate::categorical("batch", CovariateRole::Batch, &self.batches),
            ],
        )
        .unwrap()
    }

    fn features(&self) -> Vec<(Perturbation, FeatureVectors)> {
        let features = self.features.iter();
        features.map(|(l, blocks)| (perturbation(l), FeatureVectors::new(blocks.clone()))).collect()
    }
}

#[test]
fn means_are_those_of_numpy_and_scikit_learn() {
    let golden: Golden = golden(env!("CARGO_MANIFEST_DIR"), "baselines");
    let screen = golden.screen();
    let summary = TrainingSummary::fit(&screen, &golden.train).unwrap();
    let baselines = all_baselines(&summary, Some(&golden.features())).unwrap();
    let mut compared = 0;
    for case in &golden.cases {
        let target = summary.target(&perturbation(&case.label), &case.rows);
        // Kernel ridge has golden values of its own.
        for baseline in baselines.iter().filter(|b| b.name() != "kernel_ridge") {
            let what = format!("{} of {}", baseline.name(), case.label);
            let expected = case.means.get(baseline.name());
            assert_eq!(baseline.covers(&target), expected.is_some(), "{what}");
            if let Some(expected) = expected {
                assert_close(&what, &baseline.mean(&target), expected, TOLERANCE);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 63);
}

#[test]
fn the_penalty_of_ridge_is_the_one_that_refitting_chooses() {
    let golden: Golden = golden(env!("CARGO_MANIFEST_DIR"), "baselines");
    let screen = golden.screen();
    let summary = TrainingSummary::fit(&screen, &golden.train).unwrap();
    let embedding = Embedding::from_features(&summary, golden.features()).unwrap();
    let ridge = Ridge::fit(&summary, embedding).unwrap();
    let (actual, expected) = (
        [ridge.lambda(), ridge.leave_one_out_mse()],
        [golden.ridge_lambda, golden.ridge_leave_one_out_mse],
    );
    assert_close("penalty and error", &actual, &expected, TOLERANCE);
}

#[test]
fn an_embedding_as_given_is_taken_as_it_is() {
    let golden: Golden = golden(env!("CARGO_MANIFEST_DIR"), "baselines");
    let screen = golden.screen();
    let summary = TrainingSummary::fit(&screen, &golden.train).unwrap();
    let embedding = Embedding::from_features(&summary, golden.features()).unwrap();
    let config = BilinearRidgeConfig {
        perturbation_factors: PerturbationFactors::AsGiven,
        ..BilinearRidgeConfig::default()
    };
    let model = BilinearRidge::fit(&summary, embedding, &config).unwrap();
    for case in &golden.cases {
        let target = summary.target(&perturbation(&case.label), &case.rows);
        let expected = &case.means["bilinear_ridge as given"];
        assert_close(&case.label, &model.mean(&target), expected, TOLERANCE);
    }
}
