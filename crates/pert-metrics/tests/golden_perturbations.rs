//! Metrics over genes and over perturbations against scipy, scikit-learn and numpy.

use pert_metrics::{
    Bootstrap, DE_FALSE_DISCOVERY_RATE, DifferentialExpression, Rows, benjamini_hochberg,
    centroid_accuracy, de_overlap, discrimination, l2_top, mae, median, pearson_delta_over,
    quantile, resampled_mean, wilcoxon_rank_sum, wilcoxon_signed_rank,
};
use pert_testkit::{assert_close, golden};
use serde_json::Value;

/// The tail of the normal distribution is statrs', which is good to 2e-10.
const NORMAL_TAIL: f64 = 1e-9;

fn cases(name: &str) -> Vec<Value> {
    golden(env!("CARGO_MANIFEST_DIR"), name)
}

/// The numbers of a list, NaN for `null`.
fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(number).collect()
}

fn number(value: &Value) -> f64 {
    if value.is_null() { f64::NAN } else { value.as_f64().unwrap() }
}

fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|i| i.as_u64().unwrap() as usize).collect()
}

/// As `assert_close`, NaN in the same places.
fn assert_close_or_nan(what: &str, actual: &[f64], expected: &[f64], relative: f64) {
    let is_nan = |values: &[f64]| values.iter().map(|v| v.is_nan()).collect::<Vec<_>>();
    assert_eq!(is_nan(actual), is_nan(expected), "{what}: NaN in other places");
    let numbers =
        |values: &[f64]| values.iter().copied().filter(|v| !v.is_nan()).collect::<Vec<_>>();
    assert_close(what, &numbers(actual), &numbers(expected), relative);
}

#[test]
fn rank_sum_tests_are_scipys() {
    for case in cases("rank_sum") {
        let test = wilcoxon_rank_sum(&numbers(&case, "a"), &numbers(&case, "b"));
        assert_eq!(test.statistic, number(&case["statistic"]));
        assert_close("z", &[test.z_score], &[number(&case["z_score"])], 1e-12);
        assert_close("p", &[test.p_value], &[number(&case["p_value"])], NORMAL_TAIL);
    }
}

#[test]
fn adjusted_values_are_scipys() {
    for case in cases("benjamini_hochberg") {
        let adjusted = benjamini_hochberg(&numbers(&case, "p"));
        assert_close_or_nan("adjusted", &adjusted, &numbers(&case, "adjusted"), 1e-14);
    }
}

#[test]
fn differential_expression_and_its_overlap_are_those_of_scipy_and_numpy() {
    for case in cases("differential_expression") {
        let n_genes = case["n_genes"].as_u64().unwrap() as usize;
        let [control, real, predicted] =
            ["control", "real", "predicted"].map(|key| numbers(&case, key));
        let tested = |perturbed| {
            let (perturbed, control) =
                (Rows::new(perturbed, n_genes), Rows::new(&control, n_genes));
            let pseudo_count = number(&case["pseudo_count"]);
            DifferentialExpression::new(perturbed.unwrap(), control.unwrap(), pseudo_count).unwrap()
        };
        let (real, predicted) = (tested(&real), tested(&predicted));
        assert_close_or_nan("p", &real.p_values, &numbers(&case, "p"), NORMAL_TAIL);
        assert_close_or_nan("fdr", &real.fdr, &numbers(&case, "fdr"), NORMAL_TAIL);
        // Fold changes near 0 have no relative accuracy: compare ratios.
        let ratios = |folds: &[f64]| folds.iter().map(|fold| fold.exp2()).collect::<Vec<_>>();
        let expected = ratios(&numbers(&case, "log2_fold_changes"));
        assert_close("fold changes", &ratios(&real.log2_fold_changes), &expected, 1e-12);
        assert_eq!(real.called_genes(DE_FALSE_DISCOVERY_RATE), indices(&case["called"]));
        let predicted_called = predicted.called_genes(DE_FALSE_DISCOVERY_RATE);
        assert_eq!(predicted_called, indices(&case["predicted_called"]));
        let overlap = de_overlap(&real, &predicted);
        assert_close_or_nan("overlap", &[overlap], &[number(&case["overlap"])], 1e-14);
    }
}

#[test]
fn discrimination_is_that_of_scipys_distances_and_ranks() {
    for case in cases("discrimination") {
        let n_genes = case["n_genes"].as_u64().unwrap() as usize;
        let (predicted, real) = (numbers(&case, "predicted"), numbers(&case, "real"));
        let predicted = Rows::new(&predicted, n_genes).unwrap();
        let real = Rows::new(&real, n_genes).unwrap();
        let excluded: Vec<Vec<usize>> =
            case["excluded"].as_array().unwrap().iter().map(indices).collect();
        let pds = discrimination(predicted, real, &excluded);
        assert_close_or_nan("discrimination", &pds, &numbers(&case, "discrimination"), 1e-14);
        let accuracy = centroid_accuracy(predicted, real, &excluded);
        assert_close_or_nan("centroids", &accuracy, &numbers(&case, "centroid_accuracy"), 1e-14);
    }
}

#[test]
fn effect_sizes_are_those_of_scipys_ranks() {
    for case in cases("rank_biserial") {
        let test = wilcoxon_signed_rank(&numbers(&case, "d")).unwrap();
        assert_close("effect", &[test.effect_size], &[number(&case["effect_size"])], 1e-13);
    }
}

#[test]
fn percentile_intervals_and_resampled_means_are_numpys() {
    for case in cases("bootstrap") {
        let values = numbers(&case, "values");
        let drawn: Vec<Vec<usize>> =
            case["drawn"].as_array().unwrap().iter().map(indices).collect();
        let medians: Vec<f64> = drawn
            .iter()
            .map(|drawn| median(&drawn.iter().map(|&i| values[i]).collect::<Vec<_>>()))
            .collect();
        let bootstrap = Bootstrap { level: number(&case["level"]), n_resamples: drawn.len() };
        let interval = bootstrap.of_replicates(&medians).unwrap();
        let ends = [number(&case["low"]), number(&case["high"])];
        assert_close("interval", &[interval.low, interval.high], &ends, 1e-11);

        for pair in case["quantiles"].as_array().unwrap() {
            let (q, expected) = (number(&pair[0]), number(&pair[1]));
            assert_close("quantile", &[quantile(&values, q)], &[expected], 1e-11);
        }

        let cells = numbers(&case, "cells");
        let cells = Rows::new(&cells, 3).unwrap();
        let means: Vec<f64> = drawn
            .iter()
            .flat_map(|drawn| {
                let mut weights = vec![0; cells.n_rows()];
                drawn.iter().for_each(|&i| weights[i] += 1);
                resampled_mean(cells, &weights)
            })
            .collect();
        // Means near 0 have no relative accuracy: compare on the scale of the cells.
        for (a, e) in means.iter().zip(numbers(&case, "means")) {
            assert!((a - e).abs() < 1e-13, "{a} is not {e}");
        }
    }
}

#[test]
fn distances_of_means_are_numpys_and_scikit_learns() {
    for case in cases("mean_distances") {
        let [real, predicted, control] =
            ["real", "predicted", "control"].map(|key| numbers(&case, key));
        let n_top = case["n_top"].as_u64().unwrap() as usize;
        let l2 = l2_top(&real, &predicted, &control, n_top);
        assert_close("l2", &[l2], &[number(&case["l2"])], 1e-12);
        assert_close("mae", &[mae(&real, &predicted)], &[number(&case["mae"])], 1e-12);
        let genes = indices(&case["genes"]);
        let delta = pearson_delta_over(&real, &predicted, &control, &genes);
        assert_close("pearson_delta", &[delta], &[number(&case["pearson_delta"])], 1e-10);
    }
}
