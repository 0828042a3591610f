//! Rows kept apart: what a prior says of them, the best weights, an early end, and going on.

use std::f64::consts::PI;
use std::ops::ControlFlow;

use pert_diffusion::{
    ChaCha8Rng, Criterion, Device, Error, MlpDenoiserConfig, Prior, PriorConfig, PriorTrainer,
    SamplerConfig, Schedule, TrainingData, TrainingState, ValidationConfig, seeded_rng,
};
use pert_nn::named_parameters;
use rand_distr::{Distribution, StandardNormal};

const D: usize = 2;
const DEVIATIONS: [f64; D] = [3.0, 0.5];
const CONDITIONS: [f32; 4] = [1.0, 0.0, 0.0, 1.0];

struct Rows {
    x: Vec<f32>,
    condition_of: Vec<usize>,
}

/// Two Gaussians, 6 apart in the first dimension.
fn rows(n: usize, name: &str) -> Rows {
    let rng: &mut ChaCha8Rng = &mut seeded_rng(0, name);
    let condition_of: Vec<usize> = (0..n).map(|row| row % 2).collect();
    let x = condition_of.iter().flat_map(|&condition| {
        let z = [(); D].map(|()| -> f64 { StandardNormal.sample(&mut *rng) });
        [6.0 * condition as f64 + DEVIATIONS[0] * z[0], DEVIATIONS[1] * z[1]].map(|v| v as f32)
    });
    Rows { x: x.collect(), condition_of }
}

impl Rows {
    fn data(&self) -> TrainingData<'_> {
        TrainingData {
            x: &self.x,
            d: D,
            conditions: &CONDITIONS,
            d_cond: 2,
            condition_of: &self.condition_of,
            ..Default::default()
        }
    }
}

fn small() -> PriorConfig {
    let denoiser = MlpDenoiserConfig { width: 32, n_blocks: 2 }.into();
    PriorConfig { denoiser, steps: 60, batch_size: 64, ..Default::default() }
}

fn validated(criterion: Criterion) -> PriorConfig {
    let validation = ValidationConfig { criterion, share: 0.2, every: 20, patience: 0 };
    PriorConfig { validation: Some(validation), ..small() }
}

const CRITERIA: [Criterion; 3] = [Criterion::Loss, Criterion::Bound, Criterion::EnergyDistance];

fn fit(rows: &Rows, config: &PriorConfig) -> Result<Prior, Error> {
    let go_on = &mut |_| ControlFlow::Continue(());
    Prior::fit(&rows.data(), config, &mut seeded_rng(1, "fit"), &Device::default(), go_on)
}

/// The expected bound of N(mean, variance) in standardised units with the exact denoiser: E(x_0 − x̂_0)² = v σ²/(ᾱ v + σ²).
fn exact_bound(schedule: &Schedule, mean: f64, variance: f64) -> f64 {
    let error = |t: usize| {
        let (a, s) = (schedule.alpha_bar(t), schedule.noise_variance(t));
        variance * s / (a * variance + s)
    };
    let last = schedule.n_steps() - 1;
    let (a, s) = (schedule.alpha_bar(last), schedule.noise_variance(last));
    let end = 0.5 * (a * (variance + mean * mean - 1.0) - s.ln());
    let first = schedule.posterior_variance(1);
    let decoder = 0.5 * ((2.0 * PI * first).ln() + error(0) / first);
    let term =
        |t| 0.5 * schedule.posterior_mean_x0(t).powi(2) * error(t) / schedule.posterior_variance(t);
    end + decoder + (1..=last).map(term).sum::<f64>()
}

#[test]
fn the_bound_is_that_of_the_exact_denoiser_and_the_distance_is_zero() {
    let config = PriorConfig { steps: 1500, ema_decay: 0.99, ..Default::default() };
    let prior = fit(&rows(6000, "training"), &config).expect("trains");
    let (other, device) = (rows(3000, "other"), Device::default());
    let rng = || seeded_rng(3, "judge");
    let bound = |rows: &Rows, seed| {
        let rng = &mut seeded_rng(seed, "judge");
        prior.bound(&rows.data(), rng, &device).expect("judges").total()
    };
    let total = (0..4).map(|seed| bound(&other, seed)).sum::<f64>() / 4.0;
    // Both dimensions, standardised over both conditions, and their units back.
    let scale = [DEVIATIONS[0].hypot(3.0), DEVIATIONS[1]];
    let exact = (0..D)
        .map(|j| {
            let mean = [3.0, 0.0][j] / scale[j];
            exact_bound(prior.schedule(), mean, (DEVIATIONS[j] / scale[j]).powi(2)) + scale[j].ln()
        })
        .sum::<f64>()
        / D as f64;
    let sampler = SamplerConfig::default();
    let distance = prior.energy_distance(&other.data(), &sampler, &mut rng(), &device);
    let distance = distance.expect("judges");
    println!("bound {total:.4}, of the exact denoiser {exact:.4}, energy distance {distance:.5}");
    // The standard error of the four is near 0.04.
    assert!((total - exact).abs() < 0.15, "{total} against {exact}");
    // In standardised units, where rows have deviations of order 1.
    assert!(distance < 0.02, "{distance}");

    // Rows of the other condition are told apart by each of the three.
    let swapped = Rows {
        x: other.x.clone(),
        condition_of: other.condition_of.iter().map(|c| 1 - c).collect(),
    };
    let loss = |rows: &Rows| prior.loss(&rows.data(), &mut rng(), &device).expect("judges");
    assert!(loss(&swapped) > loss(&other) + 0.02);
    assert!(bound(&swapped, 0) > bound(&other, 0) + 0.1);
    let far = prior.energy_distance(&swapped.data(), &sampler, &mut rng(), &device);
    let far = far.expect("judges");
    assert!(far > 1.0, "{far}");
}

#[test]
fn the_best_weights_are_kept_and_judged_where_due() {
    let (rows, device) = (rows(300, "training"), Device::default());
    for criterion in CRITERIA {
        let config = PriorConfig { steps: 50, ..validated(criterion) };
        let mut rng = seeded_rng(1, "fit");
        let mut trainer =
            PriorTrainer::new(&rows.data(), &config, &mut rng, &device).expect("valid");
        // The averaged weights at each judgement.
        let mut averages = Vec::new();
        while trainer.steps_done() < config.steps {
            trainer.step().expect("finite");
            if trainer.judgements().len() > averages.len() {
                averages.push(trainer.state().group("average"));
            }
        }
        let judgements = trainer.judgements().to_vec();
        let steps: Vec<usize> = judgements.iter().map(|j| j.step).collect();
        assert_eq!(steps, [20, 40, 50], "{criterion:?}");
        assert!(judgements.iter().all(|j| j.value.is_finite()));
        let best = (0..3).min_by(|&a, &b| judgements[a].value.total_cmp(&judgements[b].value));
        let kept = named_parameters(trainer.finish().denoiser());
        assert_eq!(kept, averages[best.expect("three")], "{criterion:?}");
    }
}

#[test]
fn a_validated_training_goes_on_bit_for_bit() {
    let (rows, device) = (rows(300, "training"), Device::default());
    for criterion in CRITERIA {
        let config = validated(criterion);
        let (mut a, mut b) = (seeded_rng(0, "a"), seeded_rng(1, "b"));
        let mut whole = PriorTrainer::new(&rows.data(), &config, &mut a, &device).expect("valid");
        for _ in 0..30 {
            whole.step().expect("finite");
        }
        let bytes = whole.state().to_bytes().expect("writes");
        let mut other = PriorTrainer::new(&rows.data(), &config, &mut b, &device).expect("valid");
        other.restore(&TrainingState::from_bytes(&bytes).expect("reads")).expect("fits");
        for _ in 30..60 {
            assert_eq!(whole.step().expect("finite"), other.step().expect("finite"));
        }
        assert_eq!(whole.judgements(), other.judgements());
        assert_eq!(
            whole.state().to_bytes().expect("writes"),
            other.state().to_bytes().expect("writes")
        );
        let bytes = |trainer: PriorTrainer<'_>| trainer.finish().to_bytes().expect("bytes");
        assert_eq!(bytes(whole), bytes(other));
    }
    // A state of a training without validation does not say what was best.
    let (mut a, mut b) = (seeded_rng(0, "a"), seeded_rng(1, "b"));
    let plain = PriorTrainer::new(&rows.data(), &small(), &mut a, &device).expect("valid");
    let mut judged = PriorTrainer::new(&rows.data(), &validated(Criterion::Loss), &mut b, &device)
        .expect("valid");
    let refused = judged.restore(&plain.state());
    assert!(matches!(refused, Err(Error::Network(_))), "{refused:?}");
}

/// Forty rows for a network of 50,000 weights: it learns them by heart.
#[test]
fn a_training_that_overfits_ends_early_with_earlier_weights() {
    let rows = rows(40, "few");
    let validation = ValidationConfig { every: 50, patience: 3, share: 0.5, ..Default::default() };
    let config = PriorConfig {
        steps: 3000,
        denoiser: MlpDenoiserConfig { width: 64, n_blocks: 2 }.into(),
        validation: Some(validation),
        ..Default::default()
    };
    let mut judgements = Vec::new();
    let mut last = 0;
    let go_on = &mut |step: pert_diffusion::TrainStep| {
        last = step.step;
        judgements.extend(step.judgement);
        ControlFlow::Continue(())
    };
    let rng = &mut seeded_rng(1, "fit");
    let prior = Prior::fit(&rows.data(), &config, rng, &Device::default(), go_on).expect("trains");
    let best = judgements.iter().min_by(|a, b| a.value.total_cmp(&b.value)).expect("judged");
    assert!(last < 3000, "never ended");
    assert_eq!(last, best.step + 3 * 50);
    assert_eq!(judgements.last().map(|judgement| judgement.step), Some(last));
    // Its settings tell how it came about, and it is read again.
    let text = serde_json::to_string(prior.state()).expect("writable");
    assert_eq!(
        &serde_json::from_str::<pert_diffusion::PriorState>(&text).expect("readable"),
        prior.state()
    );
}

#[test]
fn rows_apart_are_not_learned_from() {
    // A row moved far out, among those kept apart, does not move the centre and scale.
    let rows = rows(50, "training");
    let config = PriorConfig { steps: 1, ..validated(Criterion::Loss) };
    let standardiser =
        |rows: &Rows| fit(rows, &config).expect("trains").state().standardiser.clone();
    let unmoved = standardiser(&rows);
    let without_effect = (0..50).filter(|row| {
        let mut moved = Rows { x: rows.x.clone(), condition_of: rows.condition_of.clone() };
        moved.x[row * D] += 50.0;
        standardiser(&moved) == unmoved
    });
    assert_eq!(without_effect.count(), 10);
}

#[test]
fn too_few_rows_and_other_widths_are_named() {
    let refused = |rows: &Rows, config: &PriorConfig| fit(rows, config).map(|_| ()).expect_err("");
    let few = rows(8, "few");
    // A fifth of four rows is none.
    assert_eq!(
        refused(&few, &validated(Criterion::Loss)),
        Error::ValidationRows { rows: 0, most: 0, needed: 1 }
    );
    let single = rows(18, "few");
    assert_eq!(
        refused(&single, &validated(Criterion::EnergyDistance)),
        Error::ValidationRows { rows: 2, most: 1, needed: 2 }
    );
    let validation = ValidationConfig { share: 0.9, ..Default::default() };
    let config = PriorConfig { validation: Some(validation), ..small() };
    assert!(matches!(
        refused(&single, &config),
        Error::InvalidSetting { name: "validation share", .. }
    ));
    let mut bad = rows(40, "few");
    bad.x[9] = f32::NAN;
    assert!(matches!(
        refused(&bad, &validated(Criterion::Loss)),
        Error::NonFiniteValue { what: "x", row: 4, column: 1, .. }
    ));

    let prior = fit(&rows(40, "few"), &PriorConfig { steps: 1, ..small() }).expect("trains");
    let (data, device) = (few.data(), Device::default());
    let judge = |data: TrainingData<'_>| {
        prior.loss(&data, &mut seeded_rng(0, "judge"), &device).expect_err("refused")
    };
    let narrow = TrainingData { d: 1, x: &few.x[..8], ..data };
    assert_eq!(
        judge(narrow),
        Error::LengthMismatch { what: "columns of x", expected: 2, found: 1 }
    );
    let none = TrainingData { x: &[], condition_of: &[], ..data };
    assert_eq!(judge(none), Error::TooFewRows { needed: 1, found: 0 });
    let one = TrainingData { x: &few.x[..2], condition_of: &[0], ..data };
    let sampler = SamplerConfig::default();
    assert_eq!(
        prior.energy_distance(&one, &sampler, &mut seeded_rng(0, "judge"), &device),
        Err(Error::TooFewRows { needed: 2, found: 1 })
    );
}
