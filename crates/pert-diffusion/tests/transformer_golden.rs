//! The transformer denoiser against PyTorch (see `golden/transformer_denoiser/generate.py`).

use burn::tensor::{Device, Tensor, TensorData};
use pert_core::seeded_rng;
use pert_diffusion::{
    Condition, ConditionParts, Denoiser, DenoiserShape, Tokens, TransformerDenoiserConfig,
};
use pert_nn::{NamedTensor, load_parameters};
use pert_testkit::golden;
use serde::Deserialize;

#[derive(Deserialize)]
struct Parameter {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct Case {
    x_t: Vec<f32>,
    t: Vec<usize>,
    pooled: Vec<f32>,
    sets: Vec<Vec<f32>>,
    dropped: Vec<f32>,
    covariates: Vec<f32>,
    covariates_dropped: Vec<f32>,
    estimate: Vec<f32>,
    output: Vec<f64>,
    parameters: Vec<Parameter>,
}

#[test]
fn the_whole_network_equals_pytorch() {
    let case: Case = golden(env!("CARGO_MANIFEST_DIR"), "transformer_denoiser");
    let device = Device::default();
    let shape = DenoiserShape { d_cov: 2, d_token: 4, ..DenoiserShape::new(3, 5, 1000) };
    let config =
        TransformerDenoiserConfig { width: 8, depth: 2, n_heads: 2, self_conditioning: true };
    let denoiser = config.init(&shape, &mut seeded_rng(0, "golden"), &device).expect("valid");
    let parameters: Vec<NamedTensor> = case
        .parameters
        .into_iter()
        .map(|p| NamedTensor { name: p.name, shape: p.shape, values: p.values })
        .collect();
    let denoiser = load_parameters(denoiser, &parameters).expect("same architecture");
    let n = case.t.len();
    let matrix =
        |v: &[f32]| Tensor::<2>::from_data(TensorData::new(v.to_vec(), [n, v.len() / n]), &device);
    let sets: Vec<&[f32]> = case.sets.iter().map(Vec::as_slice).collect();
    let cond = Condition::Parts(ConditionParts {
        pooled: Some(matrix(&case.pooled)),
        tokens: Some(Tokens::of_sets(&sets, shape.d_token, &device).expect("valid")),
        dropped: Some(matrix(&case.dropped)),
        covariates: Some(matrix(&case.covariates)),
        covariates_dropped: Some(matrix(&case.covariates_dropped)),
        estimate: Some(matrix(&case.estimate)),
    });
    let output = denoiser.predict(matrix(&case.x_t), &case.t, cond);
    let scale = case.output.iter().fold(1.0f64, |m, v| m.max(v.abs()));
    let output: Vec<f64> = output.into_data().iter::<f64>().collect();
    assert_eq!(output.len(), case.output.len());
    for (a, e) in output.iter().zip(&case.output) {
        // f32 against f64.
        assert!((a - e).abs() < 1e-5 * scale, "{a} is not {e}");
    }
}
