//! Schedules, posterior and sampler steps computed by numpy (see each case's `generate.py`).

use burn::tensor::{Device, Tensor, TensorData};
use pert_diffusion::{
    DdimConfig, Parameterization, Schedule, ScheduleConfig, ScheduleKind, X0Clip, ddim, ddpm,
    q_posterior,
};
use pert_testkit::{assert_close, golden};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    t: usize,
    beta: f64,
    alpha_bar: f64,
    snr: f64,
    posterior_mean: Option<f64>,
    posterior_variance: Option<f64>,
}

#[derive(Deserialize)]
struct ScheduleCase {
    kind: ScheduleKind,
    n_steps: usize,
    x0: f64,
    x_t: f64,
    rows: Vec<Row>,
}

#[test]
fn schedules_and_posterior_equal_numpy() {
    let device = Device::flex();
    for case in golden::<Vec<ScheduleCase>>(env!("CARGO_MANIFEST_DIR"), "schedule") {
        let config = ScheduleConfig { kind: case.kind, n_steps: case.n_steps };
        let schedule = Schedule::new(&config).expect("valid");
        for row in case.rows {
            let t = row.t;
            let what = format!("{:?} t = {t}", case.kind);
            let actual = [schedule.beta(t), schedule.alpha_bar(t), schedule.snr(t)];
            // 1 − ᾱ and 1 − f(t+1)/f(t) cancel up to 6 digits of f64 at the first steps.
            assert_close(&what, &actual, &[row.beta, row.alpha_bar, row.snr], 1e-9);
            let (Some(mean), Some(variance)) = (row.posterior_mean, row.posterior_variance) else {
                assert_eq!(t, 0);
                assert_eq!(schedule.posterior_variance(0), 0.0);
                continue;
            };
            let ours =
                schedule.posterior_mean_x0(t) * case.x0 + schedule.posterior_mean_xt(t) * case.x_t;
            assert_close(&what, &[schedule.posterior_variance(t)], &[variance], 1e-9);
            assert!((ours - mean).abs() < 1e-9, "{what}: {ours} is not {mean}");
            let log_variance = schedule.posterior_log_variance_clipped(t);
            assert!((log_variance - variance.ln()).abs() < 1e-9);

            let full = |value: f64| Tensor::<2>::full([1, 1], value, &device);
            let (tensor_mean, tensor_variance) =
                q_posterior(full(case.x0), full(case.x_t), t, &schedule);
            // The mean is an f32 tensor of order 1.
            assert!((tensor_mean.into_scalar::<f64>() - mean).abs() < 1e-6, "{what}");
            assert_close(&what, &[tensor_variance], &[variance], 1e-9);
        }
    }
}

#[derive(Deserialize)]
struct DdimRun {
    kind: Parameterization,
    config: DdimConfig,
    clip: bool,
    x0: Vec<f64>,
}

#[derive(Deserialize)]
struct DdpmRun {
    kind: Parameterization,
    clip: bool,
    x0: Vec<f64>,
}

#[derive(Deserialize)]
struct SamplerCase {
    n: usize,
    d: usize,
    n_steps: usize,
    bounds: Vec<f32>,
    initial: Vec<f32>,
    noise: Vec<Vec<f32>>,
    ddim: Vec<DdimRun>,
    ddpm: Vec<DdpmRun>,
}

fn assert_near(what: &str, actual: Tensor<2>, expected: &[f64]) {
    for (a, e) in actual.into_data().iter::<f64>().zip(expected) {
        // f32 over 40 steps; the ε-form divides by √ᾱ down to 0.05 on the way.
        assert!((a - e).abs() < 1e-4 * e.abs().max(1.0), "{what}: {a} is not {e}");
    }
}

#[test]
fn sampler_trajectories_equal_numpy() {
    let case: SamplerCase = golden(env!("CARGO_MANIFEST_DIR"), "ddim");
    let device = Device::flex();
    let shape = [case.n, case.d];
    let tensor = |v: &Vec<f32>| Tensor::<2>::from_data(TensorData::new(v.clone(), shape), &device);
    let config = ScheduleConfig { n_steps: case.n_steps, ..Default::default() };
    let schedule = Schedule::new(&config).expect("valid");
    let clip = X0Clip::new(&case.bounds, &device);
    let n_steps = case.n_steps as f64;
    let model = |x: Tensor<2>, t: usize| {
        let wave = x.clone().mul_scalar(2.0).sin().mul_scalar(0.3);
        x.mul_scalar(0.6) + wave.add_scalar(t as f64 / n_steps * 0.1)
    };
    for run in &case.ddim {
        let mut noise = case.noise.iter().map(tensor);
        let x0 = ddim(
            model,
            &schedule,
            run.kind,
            &run.config,
            run.clip.then_some(&clip),
            tensor(&case.initial),
            || noise.next().expect("enough noise"),
        )
        .expect("valid");
        assert_near(&format!("DDIM {:?} {:?}", run.kind, run.config), x0, &run.x0);
    }
    for run in &case.ddpm {
        let mut noise = case.noise.iter().map(tensor);
        let x0 = ddpm(
            model,
            &schedule,
            run.kind,
            run.clip.then_some(&clip),
            tensor(&case.initial),
            || noise.next().expect("enough noise"),
        );
        assert_near(&format!("DDPM {:?}", run.kind), x0, &run.x0);
    }
}
