//! Count likelihoods, their gradients and KL terms against 60-digit arithmetic (mpmath, itself checked against PyTorch and scipy).

use burn::tensor::{Device, Tensor};
use pert_nn::ops::{kl_normal, kl_normal_standard, nb_log_prob, poisson_log_prob, zinb_log_prob};

#[derive(serde::Deserialize)]
struct Case {
    value: Vec<f64>,
    gradients: Vec<Vec<f64>>,
}

#[derive(serde::Deserialize)]
struct Golden {
    y: Vec<f64>,
    mu: Vec<f64>,
    theta: Vec<f64>,
    zinb_y: Vec<f64>,
    zinb_mu: Vec<f64>,
    zinb_theta: Vec<f64>,
    pi_logits: Vec<f64>,
    poisson: Case,
    nb: Case,
    zinb: Case,
    mean: Vec<f64>,
    log_variance: Vec<f64>,
    kl_standard: Vec<f64>,
    kl: Vec<f64>,
}

fn golden() -> Golden {
    pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "count_likelihoods")
}

/// The columns of the Cartesian product, the last axis varying fastest.
fn grid(axes: &[&[f64]]) -> Vec<Vec<f32>> {
    let n: usize = axes.iter().map(|axis| axis.len()).product();
    let mut repeat = n;
    axes.iter()
        .map(|axis| {
            repeat /= axis.len();
            (0..n).map(|i| axis[i / repeat % axis.len()] as f32).collect()
        })
        .collect()
}

fn values(tensor: Tensor<1>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// |actual − expected| ≤ `tolerance` · max(`floor`, |expected|).
fn assert_near(
    what: &str,
    columns: &[Vec<f32>],
    actual: &[f64],
    expected: &[f64],
    tolerance: f64,
    floor: f64,
) {
    assert_eq!(actual.len(), expected.len());
    let mut worst = (0.0, 0);
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let error = (a - e).abs() / e.abs().max(floor);
        assert!(error.is_finite(), "{what}: {a} where {e} is expected");
        if error > worst.0 {
            worst = (error, i);
        }
    }
    let inputs: Vec<f32> = columns.iter().map(|column| column[worst.1]).collect();
    let (a, e) = (actual[worst.1], expected[worst.1]);
    assert!(worst.0 <= tolerance, "{what} at {inputs:?}: {a} is not {e} (error {:e})", worst.0);
}

fn check(
    what: &str,
    axes: &[&[f64]],
    expected: &Case,
    tolerance: f64,
    log_prob: impl Fn(&[Tensor<1>]) -> Tensor<1>,
) {
    let columns = grid(axes);
    let device = Device::default().autodiff();
    let tensors: Vec<Tensor<1>> = columns
        .iter()
        .map(|column| Tensor::from_floats(column.as_slice(), &device).require_grad())
        .collect();
    let value = log_prob(&tensors);
    let grads = value.clone().sum().backward();
    assert_near(what, &columns, &values(value), &expected.value, tolerance, SMALLEST);
    for (i, (tensor, gradient)) in tensors[1..].iter().zip(&expected.gradients).enumerate() {
        let actual = values(tensor.grad(&grads).unwrap());
        assert_near(
            &format!("{what}, gradient {i}"),
            &columns,
            &actual,
            gradient,
            tolerance,
            SMALLEST,
        );
    }
}

/// f32, y up to 2²⁴, μ down to 1e-12, θ from 1e-9 to 1e12, logits up to ±10⁴: relative, whatever the size.
const TOLERANCE: f64 = 1e-5;

/// Below the smallest normal f32 numbers are 0.
const SMALLEST: f64 = 2e-38 / TOLERANCE;

#[test]
fn poisson_agrees_with_torch() {
    let g = golden();
    check("Poisson", &[&g.y, &g.mu], &g.poisson, TOLERANCE, |t| {
        poisson_log_prob(t[0].clone(), t[1].clone())
    });
}

#[test]
fn nb_agrees_with_torch() {
    let g = golden();
    check("NB", &[&g.y, &g.mu, &g.theta], &g.nb, TOLERANCE, |t| {
        nb_log_prob(t[0].clone(), t[1].clone(), t[2].clone())
    });
}

#[test]
fn zinb_agrees_with_torch() {
    let g = golden();
    check("ZINB", &[&g.zinb_y, &g.zinb_mu, &g.zinb_theta, &g.pi_logits], &g.zinb, TOLERANCE, |t| {
        zinb_log_prob(t[0].clone(), t[1].clone(), t[2].clone(), t[3].clone())
    });
}

#[test]
fn kl_terms_agree_with_torch() {
    let g = golden();
    let device = Device::default();
    let tensors = |columns: &[Vec<f32>]| -> Vec<Tensor<1>> {
        columns.iter().map(|c| Tensor::from_floats(c.as_slice(), &device)).collect()
    };
    let columns = grid(&[&g.mean, &g.log_variance]);
    let t = tensors(&columns);
    let actual = values(kl_normal_standard(t[0].clone(), t[1].clone()));
    assert_near("KL to N(0, 1)", &columns, &actual, &g.kl_standard, 1e-6, 1.0);
    let columns = grid(&[&g.mean, &g.log_variance, &g.mean, &g.log_variance]);
    let t = tensors(&columns);
    let actual = values(kl_normal(t[0].clone(), t[1].clone(), t[2].clone(), t[3].clone()));
    assert_near("KL", &columns, &actual, &g.kl, 1e-6, 1.0);
}
