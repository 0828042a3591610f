//! With the exact denoiser of a Gaussian, every sampler must give back that Gaussian.

use burn::tensor::{Device, Tensor};
use pert_diffusion::{
    DdimConfig, NoiseLevel, Parameterization, Schedule, ScheduleConfig, ddim, ddpm,
};
use pert_nn::standard_normal;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const MEAN: f64 = 0.8;
const VARIANCE: f64 = 0.25;
const N: usize = 20_000;

/// E[x_0 | x_t] of x_0 ~ N(MEAN, VARIANCE), as an output of the kind asked for.
fn exact(schedule: &Schedule, p: Parameterization, x: Tensor<2>, t: usize) -> Tensor<2> {
    let a = schedule.alpha_bar(t);
    let marginal = a * VARIANCE + 1.0 - a;
    let gain = a.sqrt() * VARIANCE / marginal;
    let x0 = x.clone().add_scalar(-a.sqrt() * MEAN).mul_scalar(gain).add_scalar(MEAN);
    let noise = x.clone().add_scalar(-a.sqrt() * MEAN).mul_scalar((1.0 - a).sqrt() / marginal);
    let level = NoiseLevel::new(schedule, &[t], &x.device());
    p.target(x0, noise, &level)
}

fn moments(x: Tensor<2>) -> (f64, f64) {
    let values: Vec<f64> = x.into_data().iter::<f64>().collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n)
}

fn assert_gaussian(what: &str, x: Tensor<2>, expected: (f64, f64)) {
    let (mean, variance) = moments(x);
    // Standard errors at 20,000 rows: 0.0035 of the mean, 1% of the variance. Four of each, and 2% of the variance
    // for the finite number of steps.
    assert!((mean - expected.0).abs() < 0.015, "{what}: mean {mean}, expected {expected:?}");
    let ratio = variance / expected.1;
    assert!((ratio - 1.0).abs() < 0.06, "{what}: variance {variance}, expected {expected:?}");
}

/// Where the deterministic flow carries N(0, 1) from step t: it maps quantiles of x_t to quantiles of x_0, and x_t
/// itself is N(√ᾱ MEAN, ᾱ VARIANCE + 1 − ᾱ), so that an early start keeps a bias of order √ᾱ.
fn flow_from(schedule: &Schedule, t: usize) -> (f64, f64) {
    let a = schedule.alpha_bar(t);
    let marginal = a * VARIANCE + 1.0 - a;
    (MEAN - (VARIANCE / marginal).sqrt() * a.sqrt() * MEAN, VARIANCE / marginal)
}

#[test]
fn ddim_gives_back_the_gaussian() {
    let device = Device::flex();
    let schedule = Schedule::new(&ScheduleConfig::default()).expect("valid");
    for p in [Parameterization::Epsilon, Parameterization::X0, Parameterization::V] {
        for (steps, eta, start) in [(200, 0.0, 1.0), (200, 0.0, 0.97), (300, 1.0, 1.0)] {
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            let initial = standard_normal([N, 1], &mut rng, &device);
            let x0 = ddim(
                |x, t| exact(&schedule, p, x, t),
                &schedule,
                p,
                &DdimConfig { steps, eta, start },
                None,
                initial,
                || standard_normal([N, 1], &mut rng, &device),
            );
            let first = (start * 999.0f64).round() as usize;
            let expected = flow_from(&schedule, first);
            assert_gaussian(&format!("{p:?} {steps} {eta} {start}"), x0.expect("valid"), expected);
        }
    }
}

#[test]
fn ddpm_gives_back_the_gaussian() {
    let device = Device::flex();
    let config = ScheduleConfig { n_steps: 400, ..Default::default() };
    let schedule = Schedule::new(&config).expect("valid");
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let initial = standard_normal([N, 1], &mut rng, &device);
    let p = Parameterization::V;
    let model = |x, t| exact(&schedule, p, x, t);
    let noise = || standard_normal([N, 1], &mut rng, &device);
    let x0 = ddpm(model, &schedule, p, None, initial, noise);
    assert_gaussian("DDPM", x0, (MEAN, VARIANCE));
}
