//! The transformer against PyTorch's `nn.TransformerEncoderLayer` (see `golden/transformer/generate.py`).

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use pert_nn::{AttentionMask, NamedTensor, TransformerConfig, load_parameters};
use pert_testkit::golden;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

const WIDTH: usize = 8;
const SHAPE: [usize; 3] = [3, 5, WIDTH];

#[derive(Deserialize)]
struct Parameter {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct Run {
    mask: String,
    padded: bool,
    output: Vec<f64>,
    /// One per parameter, in the order of `parameters`.
    gradients: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Case {
    x: Vec<f32>,
    cotangent: Vec<f32>,
    padding: Vec<f32>,
    n_prefix: usize,
    parameters: Vec<Parameter>,
    cases: Vec<Run>,
}

/// The gradients of a module's parameters, in field order.
struct Gradients<'a> {
    grads: &'a GradientsParams,
    values: Vec<Vec<f64>>,
}

impl ModuleVisitor for Gradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let grad = self.grads.get::<D>(param.id).expect("has a gradient");
        self.values.push(grad.into_data().iter::<f64>().collect());
    }
}

/// |a − e| ≤ 1e-5 of the largest expected value: f32 against f64.
fn assert_near(what: &str, actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1.0f64, |m, e| m.max(e.abs()));
    for (a, e) in actual.iter().zip(expected) {
        assert!((a - e).abs() < 1e-5 * scale, "{what}: {a} is not {e} (scale {scale})");
    }
}

#[test]
fn outputs_and_gradients_equal_pytorch_under_every_mask() {
    let case: Case = golden(env!("CARGO_MANIFEST_DIR"), "transformer");
    let device = Device::default().autodiff();
    let config = TransformerConfig { width: WIDTH, depth: 2, n_heads: 2 };
    let transformer = config.init(&mut ChaCha8Rng::seed_from_u64(0), &device).expect("valid");
    let parameters: Vec<NamedTensor> = case
        .parameters
        .into_iter()
        .map(|p| NamedTensor { name: p.name, shape: p.shape, values: p.values })
        .collect();
    let transformer = load_parameters(transformer, &parameters).expect("same architecture");
    let tensor = |v: &[f32]| Tensor::<3>::from_data(TensorData::new(v.to_vec(), SHAPE), &device);
    assert_eq!(case.cases.len(), 6);
    for run in case.cases {
        let n = SHAPE[1];
        let mut mask = match run.mask.as_str() {
            "bidirectional" => AttentionMask::bidirectional(n, &device),
            "causal" => AttentionMask::causal(n, &device),
            _ => AttentionMask::prefix_causal(n, case.n_prefix, &device),
        };
        if run.padded {
            let padding = TensorData::new(case.padding.clone(), [SHAPE[0], n]);
            mask = mask.with_padding(Tensor::from_data(padding, &device));
        }
        let what = format!("{} {}", run.mask, run.padded);
        let output = transformer.forward(tensor(&case.x), &mask);
        let values: Vec<f64> = output.clone().into_data().iter::<f64>().collect();
        assert_near(&what, &values, &run.output);
        let loss = (output * tensor(&case.cotangent)).sum();
        let grads = GradientsParams::from_grads(loss.backward(), &transformer);
        let mut visitor = Gradients { grads: &grads, values: Vec::new() };
        transformer.visit(&mut visitor);
        for ((parameter, actual), expected) in
            parameters.iter().zip(&visitor.values).zip(&run.gradients)
        {
            assert_near(&format!("{what}: gradient of {}", parameter.name), actual, expected);
        }
    }
}
