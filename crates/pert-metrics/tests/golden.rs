//! Metrics against scipy and scikit-learn.

use pert_core::CsrCounts;
use pert_metrics::{
    Gaussian, Pca, Rows, average_ranks, energy_distance, frechet_distance, kolmogorov_smirnov,
    mean_wasserstein, median_distance, mmd, mmd_with, pearson, pearson_delta,
    pooled_variance_ratio, r2, r2_pearson, spearman, variance_ratio, wasserstein,
    wilcoxon_signed_rank, zero_fraction_difference,
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
fn ranks_and_their_correlation_are_those_of_scipy() {
    for case in cases("spearman") {
        let [a, b] = ["a", "b"].map(|key| numbers(&case, key));
        assert_eq!(average_ranks(&a), numbers(&case, "ranks_of_a"));
        assert_close("spearman", &[spearman(&a, &b)], &[number(&case["spearman"])], 1e-12);
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

/// The hashes of integers that the script computes, multiples of 2⁻¹⁶ in [0, 1).
fn hashed(n: usize, offset: usize) -> Vec<f64> {
    (offset as u64..(offset + n) as u64)
        .map(|i| {
            let hash = i.wrapping_mul(2_654_435_761) % (1 << 32);
            let hash = (hash ^ (hash >> 15)).wrapping_mul(2_246_822_519) % (1 << 32);
            (hash >> 16) as f64 / 65_536.0
        })
        .collect()
}

#[test]
fn frechet_distances_of_many_dimensions_are_those_of_scipys_matrix_root() {
    for case in cases("frechet_wide") {
        let [n, m, d, offset] = ["n", "m", "d", "offset"].map(|key| count(&case, key));
        let (x, mut y) = (hashed(n * d, 0), hashed(m * d, offset));
        for (i, value) in y.iter_mut().enumerate() {
            *value *= 0.5 + 1.5 * (i % d) as f64 / (d - 1) as f64;
        }
        let fit = |values| Gaussian::fit(Rows::new(values, d).unwrap()).unwrap();
        let (x, y) = (fit(&x), fit(&y));
        let trace: f64 = (0..d).map(|i| x.covariance()[i * (d + 1)]).sum();
        assert_close("trace", &[trace], &[number(&case["trace"])], 1e-12);
        assert_close("distance", &[frechet_distance(&x, &y)], &[number(&case["distance"])], 1e-9);
    }
}

#[test]
fn covariances_of_sparse_counts_are_numpys() {
    for case in cases("covariance_csr") {
        let counts: Vec<f32> = numbers(&case, "counts").iter().map(|&v| v as f32).collect();
        let counts = CsrCounts::from_dense(count(&case, "d"), &counts).unwrap();
        let gaussian = Gaussian::fit_csr(&counts).unwrap();
        assert_eq!(gaussian.n(), counts.n_cells());
        assert_close("mean", gaussian.mean(), &numbers(&case, "mean"), 1e-12);
        assert_close("covariance", gaussian.covariance(), &numbers(&case, "covariance"), 1e-9);
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
fn mmds_are_those_of_the_full_kernel_matrices() {
    for case in cases("mmd") {
        let (d, x, y) = (count(&case, "d"), numbers(&case, "x"), numbers(&case, "y"));
        let (x, y) = (Rows::new(&x, d).unwrap(), Rows::new(&y, d).unwrap());
        assert_close("median", &[median_distance(x, y)], &[number(&case["median"])], 1e-12);
        assert_close("mmd", &[mmd(x, y)], &[number(&case["mmd"])], 1e-9);
        let one = mmd_with(x, y, &[number(&case["gamma"])]);
        assert_close("mmd_gamma", &[one], &[number(&case["mmd_gamma"])], 1e-9);
    }
}

#[test]
fn wasserstein_distances_are_scipys() {
    for case in cases("wasserstein") {
        let (d, x, y) = (count(&case, "d"), numbers(&case, "x"), numbers(&case, "y"));
        let column = |values: &[f64], j: usize| -> Vec<f64> {
            values.iter().skip(j).step_by(d).copied().collect()
        };
        let per_gene: Vec<f64> =
            (0..d).map(|j| wasserstein(&column(&x, j), &column(&y, j))).collect();
        assert_close("per_gene", &per_gene, &numbers(&case, "per_gene"), 1e-12);
        let mean = mean_wasserstein(Rows::new(&x, d).unwrap(), Rows::new(&y, d).unwrap());
        assert_close("mean", &[mean], &[number(&case["mean"])], 1e-12);
    }
}

#[test]
fn calibrations_are_those_of_numpy_and_scipy() {
    for case in cases("calibration") {
        let (d, real) = (count(&case, "d"), numbers(&case, "real"));
        let generated = numbers(&case, "generated");
        let (real, generated) = (Rows::new(&real, d).unwrap(), Rows::new(&generated, d).unwrap());
        let ratio = variance_ratio(real, generated);
        let varying: Vec<usize> = (0..d).filter(|&g| !ratio.per_gene[g].is_nan()).collect();
        let genes: Vec<usize> = numbers(&case, "genes").iter().map(|&g| g as usize).collect();
        assert_eq!(varying, genes);
        let ratios: Vec<f64> = genes.iter().map(|&g| ratio.per_gene[g]).collect();
        assert_close("ratios", &ratios, &numbers(&case, "ratios"), 1e-11);
        let library =
            |key| kolmogorov_smirnov(&numbers(&case, "real_library"), &numbers(&case, key));
        for (what, actual) in [
            ("median", ratio.median),
            ("pooled", pooled_variance_ratio(real, generated)),
            ("zero_fraction_difference", zero_fraction_difference(real, generated)),
            ("ks", library("generated_library")),
        ] {
            assert_close(what, &[actual], &[number(&case[what])], 1e-11);
        }
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
