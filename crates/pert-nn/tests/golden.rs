//! Values computed by PyTorch (see each case's `generate.py`).

use std::collections::BTreeMap;

use burn::module::Param;
use burn::nn::Linear;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use pert_nn::{
    Activation, AdaLnBlock, AdaLnOutput, AdamWConfig, MlpConfig, NamedTensor, Norm, OneCycle,
    clip_by_global_norm, load_parameters, sinusoids,
};
use pert_testkit::{assert_close, golden};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

fn expected<T: serde::de::DeserializeOwned>(case: &str) -> T {
    golden(env!("CARGO_MANIFEST_DIR"), case)
}

fn matrix(rows: &[Vec<f64>], device: &Device) -> Tensor<2> {
    let values: Vec<f32> = rows.iter().flatten().map(|&v| v as f32).collect();
    Tensor::from_data(TensorData::new(values, [rows.len(), rows[0].len()]), device)
}

fn vector(values: &[f64], device: &Device) -> Tensor<1> {
    let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [n]), device)
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

#[derive(Deserialize)]
struct OneCycleCase {
    peak: f64,
    total_steps: usize,
    warmup_fraction: f64,
    div: f64,
    final_div: f64,
    rates: Vec<f64>,
}

#[test]
fn one_cycle_equals_pytorch() {
    for case in expected::<Vec<OneCycleCase>>("one_cycle") {
        let schedule = OneCycle {
            peak: case.peak,
            total_steps: case.total_steps,
            warmup_fraction: case.warmup_fraction,
            div: case.div,
            final_div: case.final_div,
        };
        schedule.check().expect("valid");
        let rates: Vec<f64> = (0..case.total_steps).map(|s| schedule.rate(s)).collect();
        // The smallest rate is a difference of numbers 10⁵ times larger: 1e-16 · 10⁵ and some room.
        assert_close("rate", &rates, &case.rates, 1e-10);
    }
}

#[derive(Deserialize)]
struct Weights {
    weight: Vec<Vec<f64>>,
    bias: Vec<f64>,
}

#[derive(Deserialize)]
struct Step {
    rate: f64,
    weight: Vec<Vec<f64>>,
    bias: Vec<f64>,
}

#[derive(Deserialize)]
struct AdamWCase {
    x: Vec<Vec<f64>>,
    y: Vec<Vec<f64>>,
    weight: Vec<Vec<f64>>,
    bias: Vec<f64>,
    settings: AdamWConfig,
    steps: Vec<Step>,
    max_norm: f64,
    clipped: Weights,
}

#[test]
fn adamw_and_clipping_equal_pytorch() {
    let case: AdamWCase = expected("adamw");
    let device = Device::default().autodiff();
    let mut layer = Linear {
        weight: Param::from_tensor(matrix(&case.weight, &device)),
        bias: Some(Param::from_tensor(vector(&case.bias, &device))),
    };
    let gradients = |layer: &Linear| {
        let error = layer.forward(matrix(&case.x, &device)) - matrix(&case.y, &device);
        GradientsParams::from_grads(error.square().sum().backward(), layer)
    };
    let mut optimizer = case.settings.init();
    for step in &case.steps {
        let grads = gradients(&layer);
        layer = optimizer.step(step.rate, layer, grads);
        let bias = layer.bias.as_ref().expect("has a bias").val();
        // f32 against f64: relative 1e-5.
        assert_close("weight", &host(layer.weight.val()), &step.weight.concat(), 1e-5);
        assert_close("bias", &host(bias), &step.bias, 1e-5);
    }
    let grads = clip_by_global_norm(gradients(&layer), &layer, case.max_norm);
    let weight = grads.get::<2>(layer.weight.id).expect("has a gradient");
    let bias = grads.get::<1>(layer.bias.as_ref().expect("has a bias").id).expect("has a gradient");
    // Sums of differences in f32: relative 1e-4.
    assert_close("clipped weight", &host(weight), &case.clipped.weight.concat(), 1e-4);
    assert_close("clipped bias", &host(bias), &case.clipped.bias, 1e-4);
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn named(parameters: Vec<Parameter>) -> Vec<NamedTensor> {
    parameters
        .into_iter()
        .map(|p| NamedTensor { name: p.name, shape: p.shape, values: p.values })
        .collect()
}

#[derive(Deserialize)]
struct MlpCase {
    x: Vec<f64>,
    parameters: Vec<Parameter>,
    outputs: BTreeMap<String, Vec<f64>>,
}

#[test]
fn mlp_equals_pytorch() {
    let case: MlpCase = expected("mlp");
    let device = Device::default();
    let parameters = named(case.parameters);
    let x = vector(&case.x, &device).reshape([5, 4]);
    for (name, activation) in
        [("relu", Activation::Relu), ("silu", Activation::Silu), ("gelu", Activation::Gelu)]
    {
        let config = MlpConfig {
            d_in: 4,
            d_hidden: 6,
            n_layers: 2,
            d_out: Some(3),
            norm: Norm::Layer,
            activation,
        };
        let mlp = config.init(&mut ChaCha8Rng::seed_from_u64(0), &device).expect("valid");
        let mlp = load_parameters(mlp, &parameters).expect("same architecture");
        // f32 against f64 through two normalisations, values of order 1.
        for (a, e) in host(mlp.forward(x.clone())).iter().zip(&case.outputs[name]) {
            assert!((a - e).abs() < 2e-5, "{name}: {a} is not {e}");
        }
    }
}

#[derive(Deserialize)]
struct AdaLnCase {
    x: Vec<f64>,
    cond: Vec<f64>,
    block: Vec<Parameter>,
    block_out: Vec<f64>,
    last: Vec<Parameter>,
    last_out: Vec<f64>,
    t: f64,
    sinusoids: Vec<f64>,
}

#[test]
fn adaln_and_sinusoids_equal_pytorch() {
    let case: AdaLnCase = expected("adaln");
    let device = Device::default();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let x = vector(&case.x, &device).reshape([4, 5]);
    let cond = vector(&case.cond, &device).reshape([4, 3]);
    let block = load_parameters(AdaLnBlock::new(5, 3, &mut rng, &device), &named(case.block));
    let block = block.expect("same architecture").forward(x.clone(), cond.clone());
    let last = AdaLnOutput::new(5, 3, 2, &mut rng, &device);
    let last = load_parameters(last, &named(case.last)).expect("same architecture");
    let last = last.forward(x, cond);
    for (a, e) in
        host(block).iter().zip(&case.block_out).chain(host(last).iter().zip(&case.last_out))
    {
        // f32 against f64, values up to some tens.
        assert!((a - e).abs() < 1e-5 * e.abs().max(1.0), "{a} is not {e}");
    }
    for (a, e) in sinusoids(case.t, 16).iter().zip(&case.sinusoids) {
        // Rounded once to f32.
        assert!((f64::from(*a) - e).abs() < 1e-7, "{a} is not {e}");
    }
}
