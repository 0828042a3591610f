//! Metrics against scipy and scikit-learn.

use pert_metrics::{
    Gaussian, Pca, Rows, energy_distance, frechet_distance, pearson, pearson_delta, r2, r2_pearson,
    wilcoxon_signed_rank,
};
use pert_testkit::{assert_close, golden};
use serde_json::Value;

fn cases(name: &str) -> Vec<Value> {
    golden(env!("CARGO_MANIFEST_DIR"), name)
}

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(number).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn count(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap() as usize
}

#[test]
fn mean_profiles_score_as_in_scikit_learn_and_scipy() {
    for case in cases("means") {
        let [real, generated, control] =
            ["real", "generated", "control"].map(|key| numbers(&case, key));
        let correlation = pearson(&real, &generated);
        assert_close("r2", &[r2(&real, &generated)], &[number(&case["r2"])], 1e-11);
        assert_close("pearson", &[correlation], &[number(&case["pearson"])], 1e-11);
        assert_close("r2_pearson", &[r2_pearson(&real, &generated)], &[correlation.powi(2)], 1e-15);
        let delta = pearson_delta(&real, &generated, &control);
        assert_close("pearson_delta", &[delta], &[number(&case["pearson_delta"])], 1e-11);
    }
}

#[test]
fn frechet_distances_are_those_of_scipys_matrix_root() {
    for case in cases("frechet") {
        let (d, x, y) = (count(&case, "d"), numbers(&case, "x"), numbers(&case, "y"));
        let fit = |values| Gaussian::fit(Rows::new(values, d).unwrap()).unwrap();
        let distance = frechet_distance(&fit(&x), &fit(&y));
        assert_close("distance", &[distance], &[number(&case["distance"])], 1e-9);
    }
}

#[test]
fn shrunk_covariances_are_scikit_learns() {
    for case in cases("ledoit_wolf") {
        let x = numbers(&case, "x");
        let gaussian = Gaussian::fit_shrunk(Rows::new(&x, count(&case, "d")).unwrap()).unwrap();
        assert_close("shrinkage", &[gaussian.shrinkage()], &[number(&case["shrinkage"])], 1e-10);
        assert_close("covariance", gaussian.covariance(), &numbers(&case, "covariance"), 1e-9);
    }
}

#[test]
fn energy_distances_are_those_of_the_full_distance_matrices() {
    for case in cases("energy") {
        let (d, x, y) = (count(&case, "d"), numbers(&case, "x"), numbers(&case, "y"));
        let distance = energy_distance(Rows::new(&x, d).unwrap(), Rows::new(&y, d).unwrap());
        assert_close("distance", &[distance], &[number(&case["distance"])], 1e-9);
    }
}

#[test]
fn principal_components_are_scikit_learns_up_to_sign() {
    for case in cases("pca") {
        let x = numbers(&case, "x");
        let rows = Rows::new(&x, count(&case, "d")).unwrap();
        let pca = Pca::fit(rows, count(&case, "k")).unwrap();
        let absolute = |values: &[f64]| values.iter().map(|v| v.abs()).collect::<Vec<f64>>();
        assert_close(
            "explained variance",
            pca.explained_variance(),
            &numbers(&case, "explained_variance"),
            1e-9,
        );
        // Entries near 0 have no relative accuracy: compare on the scale of the whole.
        for (what, actual, scale) in [
            ("absolute_components", pca.components(), 1.0),
            ("absolute_scores", &pca.transform(rows), 50.0),
        ] {
            for (a, e) in absolute(actual).iter().zip(numbers(&case, what)) {
                assert!((a - e).abs() < 1e-8 * scale, "{what}: {a} is not {e}");
            }
        }
    }
}

#[test]
fn signed_rank_tests_are_scipys() {
    for case in cases("signed_rank") {
        let test = wilcoxon_signed_rank(&numbers(&case, "d")).unwrap();
        assert_eq!((test.statistic, test.n), (number(&case["statistic"]), count(&case, "n")));
        assert_close("p", &[test.p_value], &[number(&case["p_value"])], 1e-10);
    }
}
