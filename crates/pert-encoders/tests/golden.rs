//! The encoder against numpy.

use pert_core::{LabelFormat, Perturbation};
use pert_encoders::{FeatureTable, GeneSetEncoder, UnknownGene};
use pert_testkit::{assert_close, golden};

#[derive(serde::Deserialize)]
struct AnnotationSvd {
    table: String,
    genes: Vec<String>,
    seen: Vec<String>,
    k: usize,
    /// Lower triangle, row by row, of the kernel of all genes.
    kernel: Vec<f64>,
    /// The same after reduction.
    reduced_kernel: Vec<f64>,
    pair: Pair,
}

#[derive(serde::Deserialize)]
struct Pair {
    genes: [String; 2],
    squared_length: f64,
}

#[test]
fn annotations_and_their_reduction_match_numpy() {
    let case: AnnotationSvd = golden(env!("CARGO_MANIFEST_DIR"), "annotation_svd");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("annotations.tsv");
    std::fs::write(&path, &case.table).unwrap();
    let encoder = GeneSetEncoder::new(
        case.seen.clone(),
        Some(FeatureTable::read(&path).unwrap()),
        UnknownGene::Error,
    )
    .with_reduced(case.k)
    .unwrap();
    assert_eq!(encoder.condition_dim(), case.seen.len() + case.k);

    let parse = |label: &str| Perturbation::parse(label, &LabelFormat::default()).unwrap();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let reduced = |label: &str| -> Vec<f64> {
        let condition = encoder.condition(&parse(label)).unwrap();
        condition[case.seen.len()..].iter().map(|&v| f64::from(v)).collect()
    };
    let full: Vec<Vec<f64>> =
        case.genes.iter().map(|g| encoder.encode(&parse(g)).unwrap().features).collect();
    let short: Vec<Vec<f64>> = case.genes.iter().map(|g| reduced(g)).collect();
    let mut place = 0;
    for i in 0..case.genes.len() {
        for j in 0..=i {
            // f64 throughout; the file is rounded to 13 places.
            assert!((dot(&full[i], &full[j]) - case.kernel[place]).abs() < 1e-12, "{i}, {j}");
            // The condition is f32: 6e-8 relative of squared lengths up to about 30.
            let (found, expected) = (dot(&short[i], &short[j]), case.reduced_kernel[place]);
            assert!((found - expected).abs() < 1e-5, "{i}, {j}: {found} is not {expected}");
            place += 1;
        }
    }
    let pair = reduced(&case.pair.genes.join("+"));
    assert_close("pair", &[dot(&pair, &pair)], &[case.pair.squared_length], 1e-6);
}
