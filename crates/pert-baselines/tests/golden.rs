//! Kernel ridge against scikit-learn.

use pert_baselines::{Centre, FeatureVectors, KernelRidge, KernelRidgeConfig};
use pert_testkit::{assert_close, golden};
use serde::Deserialize;

#[derive(Deserialize)]
struct Screen {
    n: usize,
    d: usize,
    identity: Vec<Vec<f64>>,
    annotation: Vec<Vec<f64>>,
    targets: Vec<f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    centre: Centre,
    lambda: f64,
    predictions: Vec<f64>,
    leave_one_out: Vec<f64>,
    leave_one_out_mse: f64,
}

#[test]
fn predictions_and_leave_one_out_are_scikit_learns() {
    let screen: Screen = golden(env!("CARGO_MANIFEST_DIR"), "kernel_ridge");
    let features: Vec<FeatureVectors> = screen
        .identity
        .into_iter()
        .zip(screen.annotation)
        .map(|(identity, annotation)| FeatureVectors::new(vec![identity, annotation]))
        .collect();
    let (train, new) = features.split_at(screen.n);
    for case in &screen.cases {
        let ridge =
            KernelRidge::fit_with(train, &screen.targets, screen.d, case.lambda, case.centre)
                .unwrap();
        let predictions: Vec<f64> = new.iter().flat_map(|f| ridge.predict(f)).collect();
        assert_close("predictions", &predictions, &case.predictions, 1e-9);
        // A perturbation without neighbours is predicted exactly 0: compare on the scale of the targets, about 1.
        for (i, (a, e)) in
            ridge.leave_one_out_predictions().iter().zip(&case.leave_one_out).enumerate()
        {
            assert!((a - e).abs() < 1e-10, "left out [{i}]: {a} is not {e}");
        }
        let mse = ridge.selection().leave_one_out_mse;
        assert_close("error", &[mse], &[case.leave_one_out_mse], 1e-10);
    }
    // Among the same candidates the same one is chosen.
    let best = screen
        .cases
        .iter()
        .min_by(|a, b| a.leave_one_out_mse.total_cmp(&b.leave_one_out_mse))
        .unwrap();
    let config = KernelRidgeConfig {
        lambdas: screen.cases.iter().map(|c| c.lambda).collect(),
        ..KernelRidgeConfig::default()
    };
    let ridge = KernelRidge::fit(train, &screen.targets, screen.d, &config).unwrap();
    assert_eq!((ridge.selection().lambda, ridge.selection().centre), (best.lambda, best.centre));
}
