//! Flow matching: the straight path is one more schedule, and all that runs on a schedule runs on it.

use std::ops::ControlFlow;

use pert_diffusion::{
    Coupling, Ddim, Device, DpmSolver, Error, Parameterization, Prior, PriorConfig, ReverseProcess,
    Sampler, SamplerConfig, SamplerKind, Schedule, ScheduleConfig, ScheduleKind, Spacing,
    TerminalSnr, Timesteps, TrainingData, seeded_rng,
};
use rand_distr::{Distribution, StandardNormal};

const MEAN: f64 = 0.8;
const DEVIATION: f64 = 0.5;

fn straight(n_steps: usize) -> Schedule {
    let kind = ScheduleKind::Straight;
    Schedule::new(&ScheduleConfig { kind, n_steps, ..Default::default() }).expect("valid")
}

/// E[ε − x_0 | x_τ] for rows from N(MEAN, DEVIATION²).
fn velocity(x: f64, time: f64) -> f64 {
    let variance = ((1.0 - time) * DEVIATION).powi(2) + time * time;
    let slope = (time - (1.0 - time) * DEVIATION * DEVIATION) / variance;
    slope * (x - (1.0 - time) * MEAN) - MEAN
}

fn ends(schedule: &Schedule, sampler: &dyn Sampler, initial: Vec<f64>) -> Vec<f64> {
    let process = ReverseProcess::new(schedule, Parameterization::Flow);
    let n_steps = schedule.n_steps() as f64;
    let model = |x: Vec<f64>, t: usize| -> Vec<f64> {
        x.into_iter().map(|x| velocity(x, (t + 1) as f64 / n_steps)).collect()
    };
    process.sample(sampler, model, initial, || unreachable!("deterministic")).expect("fits")
}

#[test]
fn ddim_takes_euler_steps() {
    let schedule = straight(1000);
    let timesteps = Timesteps { steps: 10, start: 1.0, spacing: Spacing::Trailing };
    let initial = vec![-1.5, 0.4, 2.0];
    let ours = ends(&schedule, &Ddim { timesteps, eta: 0.0 }, initial.clone());
    for (ours, mut x) in ours.into_iter().zip(initial) {
        for step in 0..10 {
            x -= 0.1 * velocity(x, 1.0 - 0.1 * f64::from(step));
        }
        assert!((ours - x).abs() < 1e-12, "{ours} is not {x}");
    }
}

#[test]
fn samplers_converge_at_their_order() {
    // So many steps that their rounding to whole numbers is far below the errors measured.
    let schedule = straight(200_000);
    let start = 0.97;
    let first = (start * 199_999.0f64).round() as usize;
    let time = (first + 1) as f64 / 200_000.0;
    let marginal = ((1.0 - time) * DEVIATION).hypot(time);
    let quantiles = [-1.5, -0.3, 0.4, 2.0];
    let initial: Vec<f64> = quantiles.map(|z| (1.0 - time) * MEAN + marginal * z).to_vec();
    let error = |sampler: &dyn Sampler| {
        // The flow keeps quantiles.
        let ends = ends(&schedule, sampler, initial.clone());
        let squares = ends.iter().zip(quantiles).map(|(x, z)| (x - MEAN - DEVIATION * z).powi(2));
        (squares.sum::<f64>() / 4.0).sqrt()
    };
    let at = |steps| Timesteps { steps, start, spacing: Spacing::LogSnr };
    for order in [1.0, 2.0] {
        let errors = [40, 80, 160, 320].map(|steps| match order {
            1.0 => error(&Ddim { timesteps: at(steps), eta: 0.0 }),
            _ => error(&DpmSolver { timesteps: at(steps) }),
        });
        println!("order {order}: {errors:?}");
        for pair in errors.windows(2).skip(1) {
            let found = (pair[0] / pair[1]).log2();
            assert!((found - order).abs() < 0.25, "order {found}, expected {order}: {errors:?}");
        }
    }
}

const CONDITIONS: [f32; 4] = [1.0, 0.0, 0.0, 1.0];
const MEANS: [[f32; 2]; 2] = [[10.0, -0.5], [13.0, 0.5]];
const DEVIATIONS: [f32; 2] = [0.6, 0.2];

fn fit(config: &PriorConfig) -> Result<Prior, Error> {
    let rng = &mut seeded_rng(0, "rows");
    let condition_of: Vec<usize> = (0..600).map(|row| row % 2).collect();
    let mut x = Vec::new();
    for &condition in &condition_of {
        for (mean, deviation) in MEANS[condition].iter().zip(DEVIATIONS) {
            let z: f32 = StandardNormal.sample(&mut *rng);
            x.push(mean + deviation * z);
        }
    }
    let data = TrainingData {
        x: &x,
        d: 2,
        conditions: &CONDITIONS,
        d_cond: 2,
        condition_of: &condition_of,
        ..Default::default()
    };
    let go_on = &mut |_| ControlFlow::Continue(());
    Prior::fit(&data, config, &mut seeded_rng(1, "fit"), &Device::default(), go_on)
}

fn config(coupling: Coupling) -> PriorConfig {
    PriorConfig { coupling, steps: 500, batch_size: 128, ..PriorConfig::flow_matching() }
}

fn sample(prior: &Prior, condition: usize, config: &SamplerConfig) -> Result<Vec<f32>, Error> {
    let cond = Some(&CONDITIONS[2 * condition..2 * condition + 2]);
    prior.sample(cond, 1000, config, &mut seeded_rng(2, "sample"), &Device::default())
}

#[test]
fn a_flow_learns_conditional_gaussians_with_every_sampler() {
    let default = SamplerConfig::default();
    let ddim = SamplerConfig { kind: SamplerKind::Ddim, ..default };
    let deterministic = [
        default,
        SamplerConfig { steps: 10, ..ddim },
        SamplerConfig { start: Some(0.97), spacing: Spacing::Linspace, ..ddim },
    ];
    let stochastic = [
        SamplerConfig { kind: SamplerKind::Ddpm, steps: 100, ..default },
        SamplerConfig { eta: 1.0, steps: 100, ..ddim },
    ];
    for coupling in [Coupling::Independent, Coupling::OptimalTransport] {
        let prior = fit(&config(coupling)).expect("trains");
        for (i, sampler) in deterministic.iter().chain(&stochastic).enumerate() {
            if coupling == Coupling::OptimalTransport && i >= deterministic.len() {
                let refused = sample(&prior, 0, sampler);
                assert!(matches!(refused, Err(Error::InvalidSetting { name: "sampler", .. })));
                continue;
            }
            for (condition, means) in MEANS.iter().enumerate() {
                let rows = sample(&prior, condition, sampler).expect("samples");
                for column in 0..2 {
                    let values = rows.iter().skip(column).step_by(2);
                    let mean = values.clone().sum::<f32>() / 1000.0;
                    let deviation =
                        (values.map(|v| (v - mean).powi(2)).sum::<f32>() / 1000.0).sqrt();
                    let (off, ratio) = (
                        (mean - means[column]) / DEVIATIONS[column],
                        deviation / DEVIATIONS[column],
                    );
                    // A network trained for a second.
                    assert!(off.abs() < 0.35, "{coupling:?} {i} {condition} {column}: mean {mean}");
                    assert!((0.7..1.4).contains(&ratio), "{coupling:?} {i}: deviation {deviation}");
                }
            }
        }
        // Written down and read again.
        let text = serde_json::to_string(prior.state()).expect("writable");
        let state = serde_json::from_str(&text).expect("readable");
        let again = Prior::from_state(state, &prior.to_bytes().expect("bytes"), &Device::default());
        let again = again.expect("restores");
        assert_eq!(sample(&again, 1, &default), sample(&prior, 1, &default));
    }
}

#[test]
fn what_does_not_fit_the_path_is_named() {
    let flow = PriorConfig::flow_matching();
    for parameterization in [Parameterization::Epsilon, Parameterization::V] {
        let refused = PriorConfig { parameterization, ..flow }.check();
        assert!(
            matches!(refused, Err(Error::InvalidSetting { name: "parameterization", .. })),
            "{refused:?}"
        );
    }
    let coupled = PriorConfig { coupling: Coupling::OptimalTransport, ..Default::default() };
    assert!(matches!(coupled.check(), Err(Error::InvalidSetting { name: "coupling", .. })));
    // No signal is left at its end, whether or not that is asked for.
    let schedule = ScheduleConfig { terminal_snr: TerminalSnr::Zero, ..flow.schedule };
    assert_eq!(Schedule::new(&schedule).expect("valid"), straight(1000));
    // The v-form presumes that signal and noise add up to 1.
    let path = straight(1000);
    let process = ReverseProcess::new(&path, Parameterization::V);
    let ends = process.sample(&Ddim::default(), |x: Vec<f64>, _| x, vec![0.0], || unreachable!());
    assert!(matches!(ends, Err(Error::InvalidSetting { name: "parameterization", .. })));
}
