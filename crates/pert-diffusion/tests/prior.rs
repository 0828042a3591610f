//! A prior trained on a small conditional mixture: what it learns, its determinism, its errors.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use burn::tensor::Device;
use pert_diffusion::{
    Error, LossWeighting, MlpDenoiserConfig, Prior, PriorConfig, SamplerConfig, SamplerKind,
    ScheduleConfig, Spacing, TrainStep, TrainingData,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const D: usize = 2;
const D_COND: usize = 3;
const N_PER_CONDITION: usize = 300;

/// Means and standard deviations of two dimensions under three conditions, far from the origin and of unequal scale.
const MEANS: [[f32; D]; 3] = [[10.0, -0.5], [14.0, 0.5], [12.0, 1.5]];
const DEVIATIONS: [f32; D] = [0.6, 0.2];

fn conditions() -> Vec<f32> {
    vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
}

struct Rows {
    x: Vec<f32>,
    condition_of: Vec<usize>,
}

fn rows() -> Rows {
    let mut rng = ChaCha8Rng::seed_from_u64(100);
    let mut rows = Rows { x: Vec::new(), condition_of: Vec::new() };
    for (condition, mean) in MEANS.iter().enumerate() {
        for _ in 0..N_PER_CONDITION {
            for (mean, deviation) in mean.iter().zip(DEVIATIONS) {
                let z: f32 = StandardNormal.sample(&mut rng);
                rows.x.push(mean + deviation * z);
            }
            rows.condition_of.push(condition);
        }
    }
    rows
}

fn config() -> PriorConfig {
    PriorConfig {
        denoiser: MlpDenoiserConfig { width: 32, n_blocks: 2 }.into(),
        steps: 800,
        batch_size: 128,
        learning_rate: 5e-3,
        ema_decay: 0.98,
        ..Default::default()
    }
}

fn fit(rows: &Rows, config: &PriorConfig, seed: u64) -> Result<Prior, Error> {
    let conditions = conditions();
    let data = TrainingData {
        x: &rows.x,
        d: D,
        conditions: &conditions,
        d_cond: D_COND,
        condition_of: &rows.condition_of,
        ..Default::default()
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Prior::fit(&data, config, &mut rng, &Device::default(), &mut |_| ControlFlow::Continue(()))
}

fn trained() -> &'static Prior {
    static PRIOR: OnceLock<Prior> = OnceLock::new();
    PRIOR.get_or_init(|| fit(&rows(), &config(), 1).expect("trains"))
}

fn sample(prior: &Prior, cond: Option<&[f32]>, n: usize, config: &SamplerConfig) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    prior.sample(cond, n, config, &mut rng, &Device::default()).expect("samples")
}

fn moments(rows: &[f32], column: usize) -> (f32, f32) {
    let values: Vec<f32> = rows.iter().skip(column).step_by(D).copied().collect();
    let n = values.len() as f32;
    let mean = values.iter().sum::<f32>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt())
}

#[test]
fn conditional_means_and_deviations_are_recovered() {
    let stochastic =
        SamplerConfig { kind: SamplerKind::Ddim, eta: 1.0, steps: 50, ..Default::default() };
    for sampler in [SamplerConfig::default(), stochastic] {
        for (condition, mean) in MEANS.iter().enumerate() {
            let mut cond = [0.0; D_COND];
            cond[condition] = 1.0;
            let generated = sample(trained(), Some(&cond), 1000, &sampler);
            for column in 0..D {
                let (m, s) = moments(&generated, column);
                let deviation = DEVIATIONS[column];
                // The conditions lie 2–5 deviations apart; a network of 20,000 weights trained for seconds.
                assert!((m - mean[column]).abs() < 0.35 * deviation, "{condition} {column}: {m}");
                assert!((0.7..1.4).contains(&(s / deviation)), "{condition} {column}: {s}");
            }
        }
    }
}

#[test]
fn the_null_condition_is_the_mixture() {
    let generated = sample(trained(), None, 1000, &SamplerConfig::default());
    let real = rows().x;
    for column in 0..D {
        let ((m, s), (real_m, real_s)) = (moments(&generated, column), moments(&real, column));
        // The null branch sees a tenth of the rows.
        assert!((m - real_m).abs() < 0.3 * real_s, "{column}: mean {m}, real {real_m}");
        assert!((0.75..1.3).contains(&(s / real_s)), "{column}: deviation {s}, real {real_s}");
    }
    let unguided = SamplerConfig { guidance: 0.0, ..Default::default() };
    assert_eq!(generated, sample(trained(), Some(&[0.0, 1.0, 0.0]), 1000, &unguided));
}

#[test]
fn samples_stay_within_the_clip() {
    let prior = Prior::untrained(
        &config(),
        D,
        D_COND,
        &mut ChaCha8Rng::seed_from_u64(0),
        &Device::default(),
    )
    .expect("valid");
    for start in [None, Some(0.97)] {
        let sampler = SamplerConfig { start, ..Default::default() };
        let generated = sample(&prior, Some(&[1.0, 0.0, 0.0]), 200, &sampler);
        assert!(generated.iter().all(|v| v.abs() <= prior.state().clip[0] * 1.0001));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let short = PriorConfig { steps: 20, ..config() };
    let (a, b) = (fit(&rows(), &short, 3).expect("a"), fit(&rows(), &short, 3).expect("b"));
    assert_eq!(a.to_bytes().expect("bytes"), b.to_bytes().expect("bytes"));
    assert_eq!(a.state(), b.state());
    let sampler = SamplerConfig { kind: SamplerKind::Ddim, eta: 0.3, ..Default::default() };
    let cond = Some(&[0.0, 1.0, 0.0][..]);
    assert_eq!(sample(&a, cond, 50, &sampler), sample(&b, cond, 50, &sampler));
    let other = fit(&rows(), &short, 4).expect("other");
    assert_ne!(a.to_bytes().expect("bytes"), other.to_bytes().expect("bytes"));
}

#[test]
fn a_row_does_not_depend_on_the_rows_beside_it() {
    let wide = PriorConfig { denoiser: MlpDenoiserConfig::default().into(), ..config() };
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let wide = Prior::untrained(&wide, D, D_COND, &mut rng, &Device::default()).expect("valid");
    for prior in [trained(), &wide] {
        for eta in [0.0, 0.5] {
            let sampler = SamplerConfig { kind: SamplerKind::Ddim, eta, ..Default::default() };
            let cond = Some(&[1.0, 1.0, 0.0][..]);
            let many = sample(prior, cond, 700, &sampler);
            for n in [0, 1, 20, 65, 513] {
                assert_eq!(sample(prior, cond, n, &sampler), many[..n * D], "{n} rows");
            }
        }
    }
}

#[test]
fn a_stored_prior_samples_the_same_bits() {
    let prior = trained();
    let text = serde_json::to_string(prior.state()).expect("writable");
    let state = serde_json::from_str(&text).expect("readable");
    let bytes = prior.to_bytes().expect("bytes");
    let again = Prior::from_state(state, &bytes, &Device::default()).expect("restores");
    let cond = Some(&[0.0, 0.0, 1.0][..]);
    let sampler = SamplerConfig::default();
    assert_eq!(sample(prior, cond, 100, &sampler), sample(&again, cond, 100, &sampler));

    let mut old = prior.state().clone();
    old.format = 99;
    let error = Prior::from_state(old, &bytes, &Device::default()).map(|_| ());
    assert_eq!(error, Err(Error::StateFormat { found: 99, expected: 1 }));
    let cut = &bytes[..bytes.len() - 3];
    let error = Prior::from_state(prior.state().clone(), cut, &Device::default()).map(|_| ());
    assert!(matches!(error, Err(Error::Network(pert_nn::Error::CorruptWeights { .. }))));
    let mut other = prior.state().clone();
    other.d_cond = 5;
    let error = Prior::from_state(other, &bytes, &Device::default()).map(|_| ());
    assert!(matches!(error, Err(Error::Network(pert_nn::Error::ShapeMismatch { .. }))));
    let mut short = prior.state().clone();
    short.clip.pop();
    let error = Prior::from_state(short, &bytes, &Device::default()).map(|_| ());
    assert!(matches!(error, Err(Error::LengthMismatch { expected: 2, found: 1, .. })));
}

#[test]
fn a_constant_dimension_is_refused_by_name() {
    let mut rows = rows();
    rows.x.iter_mut().skip(1).step_by(D).for_each(|v| *v = 0.1);
    let refused = fit(&rows, &config(), 1).map(|_| ());
    assert_eq!(refused, Err(Error::ConstantColumn { column: 1, value: f64::from(0.1f32) }));
}

#[test]
fn every_sampler_and_guidance_gives_the_conditional_means() {
    let default = SamplerConfig::default();
    let samplers = [
        SamplerConfig { kind: SamplerKind::Ddpm, steps: 100, ..default },
        SamplerConfig { steps: 15, ..default },
        SamplerConfig { spacing: Spacing::LogSnr, ..default },
        SamplerConfig { kind: SamplerKind::Ddim, steps: 50, start: Some(0.97), ..default },
        // Without effect: an interval that no visited step lies in.
        SamplerConfig { guidance: 5.0, guidance_interval: [0.98, 1.0], ..default },
        // Weak, and held back.
        SamplerConfig { guidance: 1.05, guidance_rescale: 0.5, ..default },
    ];
    for sampler in samplers {
        let generated = sample(trained(), Some(&[0.0, 1.0, 0.0]), 1000, &sampler);
        for column in 0..D {
            let (m, s) = moments(&generated, column);
            let (mean, deviation) = (MEANS[1][column], DEVIATIONS[column]);
            assert!((m - mean).abs() < 0.4 * deviation, "{sampler:?} {column}: {m}");
            assert!((0.6..1.5).contains(&(s / deviation)), "{sampler:?} {column}: {s}");
        }
    }
}

#[test]
fn min_snr_weighting_trains_and_reports_the_weighted_loss() {
    let loss_weighting = LossWeighting::MinSnr { gamma: 5.0 };
    let weighted = PriorConfig { steps: 20, loss_weighting, ..config() };
    let uniform = PriorConfig { steps: 20, ..config() };
    let bytes = |config| fit(&rows(), &config, 3).expect("trains").to_bytes().expect("bytes");
    assert_ne!(bytes(weighted), bytes(uniform));
    let loss_weighting = LossWeighting::MinSnr { gamma: -1.0 };
    let refused = fit(&rows(), &PriorConfig { loss_weighting, ..config() }, 3).map(|_| ());
    assert!(matches!(
        refused,
        Err(Error::InvalidSetting { name: "gamma of the loss weighting", .. })
    ));
}

#[test]
fn gradients_are_clipped_where_asked_for() {
    let weights = |gradient_clip| {
        let clipped = PriorConfig { steps: 5, gradient_clip, ..config() };
        fit(&rows(), &clipped, 3).expect("trains").to_bytes().expect("bytes")
    };
    // A bound above every norm changes nothing, one below does.
    assert_eq!(weights(Some(1e6)), weights(None));
    assert_ne!(weights(Some(1e-3)), weights(None));
}

#[test]
fn progress_sees_every_step_and_can_stop() {
    let rows = rows();
    let conditions = conditions();
    let data = TrainingData {
        x: &rows.x,
        d: D,
        conditions: &conditions,
        d_cond: D_COND,
        condition_of: &rows.condition_of,
        ..Default::default()
    };
    let mut steps = Vec::new();
    let mut stop_at_five = |s: TrainStep| {
        steps.push((s.step, s.total));
        assert!(s.loss.is_finite());
        if s.step == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let short = PriorConfig { steps: 9, ..config() };
    let result = Prior::fit(&data, &short, &mut rng, &Device::default(), &mut stop_at_five);
    assert_eq!(result.map(|_| ()), Err(Error::Interrupted { step: 5, total: 9 }));
    assert_eq!(steps, (1..=5).map(|s| (s, 9)).collect::<Vec<_>>());
}

#[test]
fn bad_training_data_is_named() {
    let config = PriorConfig { steps: 2, ..config() };
    let rows = rows();
    let conditions = conditions();
    let good = TrainingData {
        x: &rows.x,
        d: D,
        conditions: &conditions,
        d_cond: D_COND,
        condition_of: &rows.condition_of,
        ..Default::default()
    };
    let refused = |data: TrainingData<'_>| {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let go = &mut |_| ControlFlow::Continue(());
        Prior::fit(&data, &config, &mut rng, &Device::default(), go)
            .map(|_| ())
            .expect_err("refused")
    };
    assert!(matches!(
        refused(TrainingData { d: 0, ..good }),
        Error::InvalidSetting { name: "d", .. }
    ));
    assert!(matches!(
        refused(TrainingData { d: 3, ..good }),
        Error::LengthMismatch { expected: 600, found: 900, .. }
    ));
    assert!(matches!(
        refused(TrainingData { conditions: &conditions[..7], ..good }),
        Error::RaggedRows { array: "conditions", n_values: 7, width: 3 }
    ));
    assert_eq!(
        refused(TrainingData { conditions: &conditions[..6], ..good }),
        Error::ConditionIndex { row: 600, index: 2, n_conditions: 2 }
    );
    let mut x = rows.x.clone();
    x[13] = f32::NAN;
    assert!(matches!(
        refused(TrainingData { x: &x, ..good }),
        Error::NonFiniteValue { what: "x", row: 6, column: 1, .. }
    ));
    assert_eq!(
        refused(TrainingData { x: &x[..2], condition_of: &[0], ..good }),
        Error::TooFewRows { needed: 2, found: 1 }
    );
    let mut infinite = conditions.clone();
    infinite[4] = f32::INFINITY;
    assert!(matches!(
        refused(TrainingData { conditions: &infinite, ..good }),
        Error::NonFiniteValue { what: "conditions", row: 1, column: 1, .. }
    ));
}

#[test]
fn a_loss_that_explodes_is_an_error_with_its_step() {
    let hot = PriorConfig { learning_rate: 1e30, steps: 50, ..config() };
    let error = fit(&rows(), &hot, 1).map(|_| ()).expect_err("explodes");
    assert!(matches!(error, Error::LossNotFinite { step: 2.., .. }), "{error}");
}

#[test]
fn bad_requests_are_named() {
    let prior = trained();
    let refused = |cond: &[f32], config: &SamplerConfig| {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        prior.sample(Some(cond), 3, config, &mut rng, &Device::default()).expect_err("refused")
    };
    let default = SamplerConfig::default();
    assert!(matches!(
        refused(&[0.0; 4], &default),
        Error::LengthMismatch { expected: 3, found: 4, .. }
    ));
    assert!(matches!(
        refused(&[0.0, f32::NAN, 0.0], &default),
        Error::NonFiniteValue { what: "condition", column: 1, .. }
    ));
    assert!(matches!(
        refused(&[0.0; 3], &SamplerConfig { steps: 1001, ..default }),
        Error::TooManySteps { available: 1000, .. }
    ));
    assert!(matches!(
        refused(&[0.0; 3], &SamplerConfig { guidance: -1.0, ..default }),
        Error::InvalidSetting { name: "guidance", .. }
    ));
    let short =
        PriorConfig { schedule: ScheduleConfig { n_steps: 0, ..Default::default() }, ..config() };
    assert!(matches!(
        fit(&rows(), &short, 0).map(|_| ()),
        Err(Error::InvalidSetting { name: "n_steps", .. })
    ));
}
