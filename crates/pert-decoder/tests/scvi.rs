//! Models exported from scvi-tools give scvi-tools' own numbers.

use burn::tensor::Device;
use pert_decoder::{CsrCounts, Draws, Error, LibraryScale, ScviLayout, seeded_rng};

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    latent: Vec<f64>,
    variance: Vec<f64>,
    log_library: Vec<f64>,
    reconstruction: Vec<f64>,
    kl_z: Vec<f64>,
    kl_l: Vec<f64>,
    rho: Vec<f64>,
}

#[derive(serde::Deserialize)]
struct Golden {
    counts: Vec<f32>,
    n_genes: usize,
    batch: Vec<usize>,
    cases: Vec<Case>,
}

fn golden() -> Golden {
    pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "scvi")
}

fn bytes(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/scvi");
    std::fs::read(format!("{folder}/{name}.safetensors")).unwrap()
}

/// f32 networks against f64; numbers below 0.1 against 0.1.
const TOLERANCE: f64 = 1e-5;

fn assert_near(what: &str, actual: impl IntoIterator<Item = f64>, expected: &[f64]) {
    let actual: Vec<f64> = actual.into_iter().collect();
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (a, e) in actual.iter().zip(expected) {
        assert!((a - e).abs() <= TOLERANCE * e.abs().max(0.1), "{what}: {a} is not {e}");
    }
}

#[test]
fn latent_bound_and_expression_are_those_of_scvi_tools() {
    let golden = golden();
    let counts = CsrCounts::from_dense(golden.n_genes, &golden.counts).unwrap();
    let cells: Vec<usize> = (0..counts.n_cells()).collect();
    for case in &golden.cases {
        let model = ScviLayout::from_safetensors(&bytes(&case.name), &Device::default()).unwrap();
        assert_eq!((model.n_genes(), model.n_latent()), (golden.n_genes, 3));
        let batch: Vec<usize> =
            golden.batch.iter().map(|&b| b.min(model.n_batches() - 1)).collect();
        let wide = |x: Vec<f32>| x.into_iter().map(f64::from).collect::<Vec<f64>>();
        let latent = model.latent(&counts, &cells, &batch).unwrap();
        let name = &case.name;
        assert_near(&format!("{name}, latent"), wide(latent.mean), &case.latent);
        assert_near(&format!("{name}, variance"), wide(latent.variance), &case.variance);
        let log_library = wide(latent.log_library_mean);
        assert_near(&format!("{name}, log library"), log_library, &case.log_library);
        let rng = &mut seeded_rng(0, "unused");
        let terms = model.elbo_per_cell(&counts, &cells, &batch, Draws::Mean, rng).unwrap();
        let each = |f: fn(&pert_decoder::ElboTerms) -> f64| terms.iter().map(f).collect::<Vec<_>>();
        let reconstruction = each(|t| t.reconstruction);
        assert_near(&format!("{name}, reconstruction"), reconstruction, &case.reconstruction);
        assert_near(&format!("{name}, KL of z"), each(|t| t.kl_z), &case.kl_z);
        assert_near(&format!("{name}, KL of l"), each(|t| t.kl_l), &case.kl_l);
        let scale = LibraryScale::Fixed(1.0);
        let rho =
            model.normalised_expression(&counts, &cells, &batch, scale, Draws::Mean, rng).unwrap();
        assert_near(&format!("{name}, rho"), wide(rho), &case.rho);
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let golden = golden();
    let device = Device::default();
    let nb = bytes("nb");
    let model = ScviLayout::from_safetensors(&nb, &device).unwrap();
    let counts = CsrCounts::from_dense(golden.n_genes, &golden.counts).unwrap();
    let error = model.latent(&counts, &[0, 1], &[1, 2]).unwrap_err();
    assert_eq!(error, Error::BatchOutOfRange { batch: 2, index: 1, n_batches: 2 });
    let error = model.latent(&counts, &[0, 1], &[1]).unwrap_err();
    assert!(matches!(error, Error::WrongLength { found: 1, expected: 2, .. }));
    assert!(matches!(model.latent(&counts, &[], &[]), Err(Error::NoCells { .. })));
    let other = CsrCounts::from_dense(2, &[1.0, 2.0]).unwrap();
    let error = model.latent(&other, &[0], &[0]).unwrap_err();
    assert_eq!(error, Error::GeneMismatch { expected: golden.n_genes, found: 2 });

    for length in 0..nb.len() {
        assert!(ScviLayout::from_safetensors(&nb[..length], &device).is_err());
    }
    // Same length, so that the offsets of the file still hold.
    let swapped = |from: &str, to: &str| {
        let at = nb.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut bytes = nb.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        ScviLayout::from_safetensors(&bytes, &device).unwrap_err().to_string()
    };
    assert!(swapped("\"gene_likelihood\"", "\"gene_likelihoof\"").contains("gene_likelihood"));
    assert!(swapped("\"latent\"", "\"lament\"").contains("lament"));
    assert!(swapped("z_encoder.mean_encoder.bias", "z_encoder.mean_encoder.bios").contains("bias"));
    let network = pert_decoder::Vae::untrained(
        pert_decoder::VaeConfig::new(9, 2),
        &mut seeded_rng(0, "weights"),
        &device,
    );
    let error = ScviLayout::from_safetensors(&network.unwrap().to_safetensors().unwrap(), &device);
    assert!(matches!(error, Err(Error::ScviExport { .. })));
}
