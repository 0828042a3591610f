//! Laws of kernel ridge, and its closed form against refits.

use super::*;
use approx::assert_relative_eq;
use proptest::prelude::*;

/// Singles and pairs of six genes with two noisy blocks, and targets that depend on the genes.
fn screen(n: usize, d: usize, seed: u64) -> (Vec<FeatureVectors>, Vec<f64>) {
    use rand::Rng;
    let mut rng = pert_core::seeded_rng(seed, "kernel ridge test");
    let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
    let effects: Vec<f64> = (0..6 * d).map(|_| uniform()).collect();
    let annotations: Vec<f64> = (0..6 * 5).map(|_| uniform()).collect();
    let mut features = Vec::new();
    let mut targets = Vec::new();
    for p in 0..n {
        let genes = [p % 6, (p / 6 + p) % 6];
        let sum = |table: &[f64], width: usize, j: usize| -> f64 {
            let mut genes = genes.to_vec();
            genes.dedup();
            genes.iter().map(|g| table[g * width + j]).sum()
        };
        let identity = (0..6).map(|g| f64::from(genes.contains(&g))).collect();
        let annotation = (0..5).map(|j| sum(&annotations, 5, j)).collect();
        features.push(FeatureVectors::new(vec![identity, annotation]));
        targets.extend((0..d).map(|j| 0.3 + sum(&effects, d, j) + 0.1 * uniform()));
    }
    (features, targets)
}

/// Solves (K + λI) a = t by Gaussian elimination on the kernel given: shares nothing with the closed form.
fn solve(kernel: &[f64], n: usize, lambda: f64, target: &[f64]) -> Vec<f64> {
    let mut rows: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let mut row = kernel[i * n..(i + 1) * n].to_vec();
            row[i] += lambda;
            row.push(target[i]);
            row
        })
        .collect();
    for i in 0..n {
        let pivot = rows[i].clone();
        for (j, row) in rows.iter_mut().enumerate() {
            if j != i {
                let factor = row[i] / pivot[i];
                row.iter_mut().zip(&pivot).for_each(|(v, p)| *v -= factor * p);
            }
        }
    }
    (0..n).map(|i| rows[i][n] / rows[i][i]).collect()
}

fn refit_without(
    i: usize,
    kernel: &[f64],
    targets: &[f64],
    d: usize,
    lambda: f64,
    centre: Centre,
) -> Vec<f64> {
    let n = targets.len() / d;
    let kept: Vec<usize> = (0..n).filter(|&j| j != i).collect();
    let sub: Vec<f64> =
        kept.iter().flat_map(|&a| kept.iter().map(move |&b| kernel[a * n + b])).collect();
    (0..d)
        .map(|j| {
            let values: Vec<f64> = kept.iter().map(|&a| targets[a * d + j]).collect();
            let c = match centre {
                Centre::Zero => 0.0,
                Centre::TrainingMean => values.iter().sum::<f64>() / kept.len() as f64,
            };
            let centred: Vec<f64> = values.iter().map(|v| v - c).collect();
            let dual = solve(&sub, kept.len(), lambda, &centred);
            c + kept.iter().zip(dual).map(|(&a, x)| kernel[i * n + a] * x).sum::<f64>()
        })
        .collect()
}

#[test]
fn leaving_one_out_in_closed_form_is_refitting_without_it() {
    let (n, d) = (14, 3);
    let (features, targets) = screen(n, d, 1);
    let kernel = BlockKernel::fit(&features, &[1.0, 1.0]).matrix(&features).unwrap();
    for centre in [Centre::TrainingMean, Centre::Zero] {
        for lambda in [0.003, 0.5, 100.0] {
            let ridge = KernelRidge::fit_with(&features, &targets, d, lambda, centre).unwrap();
            let predictions = ridge.leave_one_out_predictions();
            let mut squared = 0.0;
            for i in 0..n {
                let refit = refit_without(i, &kernel, &targets, d, lambda, centre);
                for j in 0..d {
                    assert_relative_eq!(predictions[i * d + j], refit[j], epsilon = 1e-9);
                    squared += (refit[j] - targets[i * d + j]).powi(2);
                }
            }
            let mse = ridge.selection().leave_one_out_mse;
            assert_relative_eq!(mse, squared / (n * d) as f64, max_relative = 1e-9);
        }
    }
}

#[test]
fn the_choice_is_the_best_of_all_candidates() {
    let (features, targets) = screen(20, 4, 2);
    let config = KernelRidgeConfig {
        block_weights: vec![vec![1.0, 1.0], vec![0.0, 1.0], vec![1.0, 0.0]],
        ..KernelRidgeConfig::default()
    };
    let chosen = KernelRidge::fit(&features, &targets, 4, &config).unwrap();
    for &lambda in &config.lambdas {
        for &centre in &config.centres {
            for weights in &config.block_weights {
                let one = KernelRidgeConfig {
                    lambdas: vec![lambda],
                    centres: vec![centre],
                    block_weights: vec![weights.clone()],
                };
                let other = KernelRidge::fit(&features, &targets, 4, &one).unwrap();
                assert!(
                    chosen.selection().leave_one_out_mse <= other.selection().leave_one_out_mse
                );
            }
        }
    }
    let again = KernelRidge::fit_selected(&features, &targets, 4, chosen.selection()).unwrap();
    assert_eq!(again, chosen);
}

#[test]
fn without_features_the_centre_is_predicted() {
    let (features, targets) = screen(10, 2, 3);
    let nothing = FeatureVectors::new(vec![vec![0.0; 6], vec![0.0; 5]]);
    let fit = |centre| KernelRidge::fit_with(&features, &targets, 2, 0.1, centre).unwrap();
    assert_eq!(fit(Centre::Zero).predict(&nothing), [0.0, 0.0]);
    let mean = pert_metrics::column_means(Rows::new(&targets, 2).unwrap());
    assert_eq!(fit(Centre::TrainingMean).predict(&nothing), mean);
    // Nobody has features: every candidate predicts a centre, and the better centre is chosen.
    let none = vec![FeatureVectors::new(vec![vec![0.0], vec![]]); 10];
    let config = KernelRidgeConfig::default();
    let ridge = KernelRidge::fit(&none, &targets, 2, &config).unwrap();
    assert_eq!(ridge.selection().centre, Centre::TrainingMean);
    assert_eq!(ridge.predict(&none[0]), mean);
}

#[test]
fn one_perturbation_can_be_fitted_but_not_chosen_by() {
    let one = [FeatureVectors::new(vec![vec![1.0]])];
    let config = KernelRidgeConfig::default();
    assert_eq!(
        KernelRidge::fit(&one, &[2.0], 1, &config),
        Err(Error::TooFewPerturbations { needed: 2, found: 1 })
    );
    let ridge = KernelRidge::fit_with(&one, &[2.0], 1, 1.0, Centre::Zero).unwrap();
    assert_eq!(ridge.predict(&one[0]), [1.0]); // 1 / (1 + λ) of the target
    assert_eq!(ridge.selection().leave_one_out_mse, 4.0);
    let mean = KernelRidge::fit_with(&one, &[2.0], 1, 1.0, Centre::TrainingMean).unwrap();
    assert!(mean.selection().leave_one_out_mse.is_nan());
}

#[test]
fn bad_input_is_named() {
    let (features, targets) = screen(5, 2, 4);
    let fit = |f: &[FeatureVectors], t: &[f64], lambda| {
        KernelRidge::fit_with(f, t, 2, lambda, Centre::Zero)
    };
    assert!(matches!(fit(&features, &targets[1..], 1.0), Err(Error::TargetShape { .. })));
    assert!(matches!(fit(&features, &targets, 0.0), Err(Error::Config { .. })));
    let mut ragged = features.clone();
    ragged[3] = FeatureVectors::new(vec![vec![1.0]]);
    assert!(matches!(fit(&ragged, &targets, 1.0), Err(Error::FeatureShape { index: 3, .. })));
    let mut nan = targets.clone();
    nan[5] = f64::NAN;
    assert!(matches!(
        fit(&features, &nan, 1.0),
        Err(Error::NotFinite { what: "the target", index: 2, place: 1, .. })
    ));
    let config =
        KernelRidgeConfig { block_weights: vec![vec![1.0]], ..KernelRidgeConfig::default() };
    let error = KernelRidge::fit(&features, &targets, 2, &config).unwrap_err();
    assert!(error.to_string().contains("2 blocks"), "{error}");
}

#[test]
fn the_grid_spans_its_range() {
    let lambdas = KernelRidgeConfig::default().lambdas;
    assert_eq!(lambdas.len(), 13);
    assert_relative_eq!(lambdas[0], 0.003, max_relative = 1e-12);
    assert_relative_eq!(lambdas[12], 100.0, max_relative = 1e-12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn units_of_features_and_targets_do_not_matter(
        factor in 0.01..100.0f64, seed in 0..100u64
    ) {
        let (features, targets) = screen(12, 2, seed);
        let scaled: Vec<FeatureVectors> = features
            .iter()
            .map(|f| {
                let blocks = f.blocks().iter();
                FeatureVectors::new(
                    blocks.map(|b| b.iter().map(|v| v * factor).collect()).collect(),
                )
            })
            .collect();
        let doubled: Vec<f64> = targets.iter().map(|t| 2.0 * t).collect();
        let fit = |f: &[FeatureVectors], t: &[f64]| {
            KernelRidge::fit_with(f, t, 2, 0.3, Centre::TrainingMean).unwrap()
        };
        let (a, b) = (fit(&features, &targets), fit(&scaled, &doubled));
        for (x, y) in a.predict(&features[3]).iter().zip(b.predict(&scaled[3])) {
            prop_assert!((2.0 * x - y).abs() < 1e-9);
        }
    }
}
