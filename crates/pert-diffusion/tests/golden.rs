//! Schedules, posterior, sampler steps and the bound computed by other implementations (see each case's `generate.py`).

use burn::tensor::{Device, Tensor, TensorData};
use pert_diffusion::{
    Ddim, Ddpm, DpmSolver, FixedVariance, Parameterization, Prediction, ReverseProcess, Sampler,
    Schedule, ScheduleConfig, ScheduleKind, Spacing, Timesteps, X0Clip, q_posterior,
};
use pert_testkit::{assert_close, golden};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    t: usize,
    beta: f64,
    alpha_bar: f64,
    noise_variance: f64,
    snr: f64,
    posterior_mean: Option<f64>,
    posterior_variance: Option<f64>,
    posterior_log_variance: Option<f64>,
}

#[derive(Deserialize)]
struct ScheduleCase {
    config: ScheduleConfig,
    x0: f64,
    x_t: f64,
    rows: Vec<Row>,
}

#[test]
fn schedules_and_posterior_equal_those_of_60_digits() {
    let device = Device::default();
    // The sums and products of f64 tables of 4,000 steps; zero terminal SNR subtracts √ᾱ that agree in 2 digits less.
    let relative = 2e-11;
    for case in golden::<Vec<ScheduleCase>>(env!("CARGO_MANIFEST_DIR"), "schedule") {
        let schedule = Schedule::new(&case.config).expect("valid");
        for row in case.rows {
            let t = row.t;
            let what = format!("{:?} t = {t}", case.config);
            let actual = [
                schedule.beta(t),
                schedule.alpha_bar(t),
                schedule.noise_variance(t),
                schedule.snr(t),
            ];
            let expected = [row.beta, row.alpha_bar, row.noise_variance, row.snr];
            assert_close(&what, &actual, &expected, relative);
            let (Some(mean), Some(variance)) = (row.posterior_mean, row.posterior_variance) else {
                assert_eq!(t, 0);
                assert_eq!(schedule.posterior_variance(0), 0.0);
                continue;
            };
            let ours =
                schedule.posterior_mean_x0(t) * case.x0 + schedule.posterior_mean_xt(t) * case.x_t;
            assert_close(&what, &[schedule.posterior_variance(t)], &[variance], relative);
            assert!((ours - mean).abs() < relative, "{what}: {ours} is not {mean}");
            let log_variance = schedule.posterior_log_variance_clipped(t);
            let expected = row.posterior_log_variance.expect("given with the variance");
            assert!((log_variance - expected).abs() < relative, "{what}");

            let full = |value: f64| Tensor::<2>::full([1, 1], value, &device);
            let (tensor_mean, tensor_variance) =
                q_posterior(full(case.x0), full(case.x_t), t, &schedule);
            // The mean is an f32 tensor of order 1.
            assert!((tensor_mean.into_scalar::<f64>() - mean).abs() < 1e-6, "{what}");
            assert_close(&what, &[tensor_variance], &[variance], relative);
        }
    }
}

#[derive(Deserialize)]
struct DdimSettings {
    steps: usize,
    eta: f64,
    start: f64,
}

#[derive(Deserialize)]
struct DdimRun {
    kind: Parameterization,
    config: DdimSettings,
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
    let device = Device::default();
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
    let run = |what: &str, sampler: &dyn Sampler, kind, clipped: bool, expected: &[f64]| {
        let mut process = ReverseProcess::new(&schedule, kind);
        process.clip = clipped.then_some(&clip);
        let mut noise = case.noise.iter().map(tensor);
        let fresh = || noise.next().expect("enough noise");
        let x0 = process.sample(sampler, model, tensor(&case.initial), fresh).expect("valid");
        assert_near(&format!("{what} {kind:?}"), x0, expected);
    };
    for ddim in &case.ddim {
        let DdimSettings { steps, eta, start } = ddim.config;
        let sampler = Ddim { timesteps: Timesteps { steps, start, ..Default::default() }, eta };
        run("DDIM", &sampler, ddim.kind, ddim.clip, &ddim.x0);
    }
    for ddpm in &case.ddpm {
        let sampler = Ddpm { timesteps: Timesteps::all(&schedule), ..Default::default() };
        run("DDPM", &sampler, ddpm.kind, ddpm.clip, &ddpm.x0);
    }
}

#[derive(Deserialize)]
struct DiffusersRun {
    sampler: String,
    kind: Parameterization,
    spacing: Spacing,
    #[serde(default)]
    eta: f64,
    #[serde(default)]
    variance: String,
    timesteps: Vec<usize>,
    states: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct DiffusersCase {
    n_steps: usize,
    n: usize,
    d: usize,
    initial: Vec<f64>,
    noise: Vec<Vec<f64>>,
    cases: Vec<DiffusersRun>,
}

#[test]
fn samplers_equal_diffusers_step_for_step() {
    let case: DiffusersCase = golden(env!("CARGO_MANIFEST_DIR"), "diffusers");
    let (device, n_steps) = (Device::default(), case.n_steps);
    let config = ScheduleConfig { kind: ScheduleKind::Linear, n_steps, ..Default::default() };
    let schedule = Schedule::new(&config).expect("valid");
    let wave = |x: f64, t: usize| 0.6 * x + 0.3 * (2.0 * x).sin() + 0.1 * t as f64 / n_steps as f64;
    for run in &case.cases {
        let steps = run.timesteps.len();
        let timesteps = Timesteps { steps, start: 1.0, spacing: run.spacing };
        let large = run.variance == "fixed_large";
        let variance = if large { FixedVariance::Large } else { FixedVariance::Small };
        let sampler: Box<dyn Sampler> = match run.sampler.as_str() {
            "ddim" => Box::new(Ddim { timesteps, eta: run.eta }),
            "ddpm" => Box::new(Ddpm { timesteps, variance }),
            "dpm_solver" => Box::new(DpmSolver { timesteps }),
            other => panic!("{other} is no sampler"),
        };
        let what = format!("{} {:?} {:?} {steps} steps", run.sampler, run.kind, run.spacing);
        assert_eq!(timesteps.visited(&schedule), Ok(run.timesteps.clone()), "{what}");
        let process = ReverseProcess::new(&schedule, run.kind);

        let model = |x: Vec<f64>, t| -> Vec<f64> {
            let value = |x: f64| match run.kind {
                Parameterization::Epsilon => wave(x, t),
                _ => 0.8 * wave(x, t).tanh(),
            };
            x.into_iter().map(value).collect()
        };
        let mut noise = case.noise.iter().cloned();
        let fresh = || noise.next().expect("enough noise");
        let states = process.trajectory(&*sampler, model, case.initial.clone(), fresh);
        let states = states.expect("valid");
        assert_eq!(states.len(), run.states.len());
        for (step, (actual, expected)) in states.iter().zip(&run.states).enumerate() {
            for (a, e) in actual.iter().zip(expected) {
                // f64 on both sides; 1 − ᾱ cancels up to 4 digits in diffusers.
                assert!((a - e).abs() < 1e-10 * e.abs().max(1.0), "{what}, step {step}: {a}, {e}");
            }
        }

        // The same on f32 tensors.
        let shape = [case.n, case.d];
        let tensor = |values: &Vec<f64>| {
            let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            Tensor::<2>::from_data(TensorData::new(values, shape), &device)
        };
        let model = |x: Tensor<2>, t: usize| {
            let shift = 0.1 * t as f64 / n_steps as f64;
            let sine = x.clone().mul_scalar(2.0).sin().mul_scalar(0.3);
            let wave = x.mul_scalar(0.6) + sine.add_scalar(shift);
            match run.kind {
                Parameterization::Epsilon => wave,
                _ => wave.tanh().mul_scalar(0.8),
            }
        };
        let mut noise = case.noise.iter().map(tensor);
        let fresh = || noise.next().expect("enough noise");
        let x0 = process.sample(&*sampler, model, tensor(&case.initial), fresh).expect("valid");
        assert_near(&what, x0, &run.states[steps - 1]);
    }
}

#[derive(Deserialize)]
struct BoundRun {
    variance: String,
    offset: f64,
    terms: Vec<f64>,
    prior: f64,
}

#[derive(Deserialize)]
struct BoundCase {
    mean: f64,
    deviation: f64,
    n_steps: usize,
    cases: Vec<BoundRun>,
    negative_log_likelihood: f64,
}

/// Rows of x_0 and noise whose unweighted means are expectations over N(mean, deviation²) and N(0, 1), exact up to the
/// fifth degree in each: the three Gauss-Hermite nodes −√3, 0, √3 with weights 1/6, 4/6, 1/6.
fn quadrature(mean: f64, deviation: f64) -> (Vec<f64>, Vec<f64>) {
    let root = 3.0f64.sqrt();
    let nodes = [-root, 0.0, 0.0, 0.0, 0.0, root];
    nodes.iter().flat_map(|x| nodes.iter().map(move |noise| (mean + deviation * x, *noise))).unzip()
}

#[test]
fn the_bound_equals_numerical_integration() {
    let case: BoundCase = golden(env!("CARGO_MANIFEST_DIR"), "bound");
    let device = Device::default();
    let config = ScheduleConfig { n_steps: case.n_steps, ..Default::default() };
    let schedule = Schedule::new(&config).expect("valid");
    let process = ReverseProcess::new(&schedule, Parameterization::X0);
    let (x0, noise) = quadrature(case.mean, case.deviation);
    let gain = |t: usize| {
        let (a, variance) = (schedule.alpha_bar(t), case.deviation.powi(2));
        (a.sqrt(), a.sqrt() * variance / (a * variance + schedule.noise_variance(t)))
    };
    let share = |t: usize| 0.3 + 0.4 * t as f64 / case.n_steps as f64;
    for run in &case.cases {
        let fixed =
            if run.variance == "large" { FixedVariance::Large } else { FixedVariance::Small };
        let learned = run.variance == "learned";
        let model = |x: Vec<f64>, t: usize| {
            let (a, gain) = gain(t);
            let output = x.iter().map(|x| case.mean + gain * (x - a * case.mean) + run.offset);
            let range = learned.then(|| vec![share(t); x.len()]);
            Prediction { output: output.collect::<Vec<f64>>(), range }
        };
        let bound = process.bound(fixed, model, x0.clone(), || noise.clone()).expect("valid");
        let what = format!("{} offset {}", run.variance, run.offset);
        assert!((bound.prior - run.prior).abs() < 1e-9, "{what}: {} {}", bound.prior, run.prior);
        for (t, (a, e)) in bound.terms.iter().zip(&run.terms).enumerate() {
            assert!((a - e).abs() < 1e-11 * e.abs().max(1.0), "{what} t = {t}: {a} is not {e}");
        }
        // It is a bound, and the offset costs.
        assert!(bound.total() > case.negative_log_likelihood, "{what}");

        // The same on f32 tensors, as ε.
        let column = |values: &[f64]| {
            let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            Tensor::<2>::from_data(TensorData::new(values, [x0.len(), 1]), &device)
        };
        let model = |x: Tensor<2>, t: usize| {
            let (a, gain) = gain(t);
            let predicted =
                x.clone().mul_scalar(gain).add_scalar(case.mean * (1.0 - gain * a) + run.offset);
            let sigma = schedule.noise_variance(t).sqrt();
            let output = (x.clone() - predicted.mul_scalar(a)).div_scalar(sigma);
            let range = learned.then(|| x.full_like(share(t)));
            Prediction { output, range }
        };
        let process = ReverseProcess::new(&schedule, Parameterization::Epsilon);
        let tensors = process.bound(fixed, model, column(&x0), || column(&noise)).expect("valid");
        // The ε-form divides by √ᾱ = 0.002 at the last step.
        assert!((tensors.total() - bound.total()).abs() < 1e-3, "{what}: {}", tensors.total());
    }
}

/// With the right denoiser, and the variance β which is right where steps are small, the bound falls to −log p(x_0)
/// as steps are added.
#[test]
fn the_bound_tightens_with_the_steps() {
    let case: BoundCase = golden(env!("CARGO_MANIFEST_DIR"), "bound");
    let (x0, noise) = quadrature(case.mean, case.deviation);
    let mut gap_before = f64::INFINITY;
    for n_steps in [10, 100, 1000, 4000] {
        let config = ScheduleConfig { n_steps, ..Default::default() };
        let schedule = Schedule::new(&config).expect("valid");
        let process = ReverseProcess::new(&schedule, Parameterization::X0);
        let model = |x: Vec<f64>, t: usize| {
            let (a, variance) = (schedule.alpha_bar(t), case.deviation.powi(2));
            let gain = a.sqrt() * variance / (a * variance + schedule.noise_variance(t));
            let output = x.iter().map(|x| case.mean + gain * (x - a.sqrt() * case.mean));
            Prediction { output: output.collect::<Vec<f64>>(), range: Some(vec![1.0; x.len()]) }
        };
        let bound = process.bound(FixedVariance::Large, model, x0.clone(), || noise.clone());
        let gap = bound.expect("valid").total() - case.negative_log_likelihood;
        println!("T = {n_steps}: bound − entropy = {gap:.6} nats");
        assert!(gap > 0.0 && gap < gap_before, "{n_steps}: {gap} after {gap_before}");
        gap_before = gap;
    }
    assert!(gap_before < 2e-3, "{gap_before}");
}
