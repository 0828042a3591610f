//! A prior with the transformer: it learns, it stores, it knows its tokens.

use std::ops::ControlFlow;

use burn::tensor::Device;
use pert_core::{ChaCha8Rng, seeded_rng};
use pert_diffusion::{
    Covariates, Error, Prior, PriorConfig, PriorTrainer, SampleCondition, SamplerConfig, TokenSets,
    TrainingData, TransformerDenoiserConfig,
};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

const D: usize = 2;
const N_PER_CONDITION: usize = 4000;

/// Three conditions, each an even mixture of two Gaussians: A, B, and the pair of both.
const MODES: [[[f64; D]; 2]; 3] =
    [[[-1.5, -1.0], [-0.5, 1.0]], [[1.0, -1.2], [1.5, 0.4]], [[0.0, 2.0], [2.0, 2.2]]];
const DEVIATION: f64 = 0.3;
const POOLED: [f32; 6] = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
const SETS: [&[f32]; 3] = [&[1.0, 0.0], &[0.0, 1.0], &[1.0, 0.0, 0.0, 1.0]];

fn truth(condition: usize, n: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut rows = Vec::with_capacity(n * D);
    for _ in 0..n {
        let mode = MODES[condition][(rng.next_u32() & 1) as usize];
        rows.extend(mode.map(|m| {
            let z: f64 = StandardNormal.sample(&mut *rng);
            (m + DEVIATION * z) as f32
        }));
    }
    rows
}

fn mean_distance(a: &[f32], b: &[f32]) -> f64 {
    let sum: f64 = a
        .chunks_exact(D)
        .flat_map(|a| b.chunks_exact(D).map(move |b| (a, b)))
        .map(|(a, b)| f64::from(a[0] - b[0]).hypot(f64::from(a[1] - b[1])))
        .sum();
    sum / ((a.len() / D) * (b.len() / D)) as f64
}

/// Energy distance of two samples with the zero diagonals left in, so that it is above 0 between samples of one
/// distribution: that is the floor.
fn energy_distance(a: &[f32], b: &[f32]) -> f64 {
    2.0 * mean_distance(a, b) - mean_distance(a, a) - mean_distance(b, b)
}

struct Rows {
    x: Vec<f32>,
    condition_of: Vec<usize>,
}

fn rows() -> Rows {
    let rng = &mut seeded_rng(0, "rows");
    Rows {
        x: (0..3).flat_map(|c| truth(c, N_PER_CONDITION, rng)).collect(),
        condition_of: (0..3).flat_map(|c| [c; N_PER_CONDITION]).collect(),
    }
}

fn data(rows: &Rows) -> TrainingData<'_> {
    TrainingData {
        x: &rows.x,
        d: D,
        conditions: &POOLED,
        d_cond: 2,
        condition_of: &rows.condition_of,
        tokens: Some(TokenSets { sets: &SETS, d_token: 2 }),
        ..Default::default()
    }
}

fn config(self_conditioning: bool, steps: usize) -> PriorConfig {
    let denoiser = TransformerDenoiserConfig { width: 32, depth: 2, n_heads: 2, self_conditioning };
    PriorConfig {
        denoiser: denoiser.into(),
        steps,
        batch_size: 128,
        ema_decay: 0.99,
        ..Default::default()
    }
}

fn fit(data: &TrainingData<'_>, config: &PriorConfig) -> Result<Prior, Error> {
    let go_on = &mut |_| ControlFlow::Continue(());
    Prior::fit(data, config, &mut seeded_rng(1, "fit"), &Device::default(), go_on)
}

fn condition(i: usize) -> SampleCondition<'static> {
    const POOLED_ROWS: [&[f32]; 3] = [&[1.0, 0.0], &[0.0, 1.0], &[1.0, 1.0]];
    SampleCondition { pooled: Some(POOLED_ROWS[i]), tokens: Some(SETS[i]), ..Default::default() }
}

fn sample(prior: &Prior, cond: &SampleCondition<'_>, n: usize) -> Vec<f32> {
    let rng = &mut seeded_rng(2, "sample");
    prior
        .sample_under(cond, n, &SamplerConfig::default(), rng, &Device::default())
        .expect("samples")
}

/// The mean over conditions of the energy distance to the truth, over that between two samples of the truth.
fn over_floor(prior: &Prior) -> f64 {
    const N: usize = 500;
    const REPEATS: usize = 4;
    let (mut distance, mut floor) = (0.0, 0.0);
    for c in 0..3 {
        let generated = sample(prior, &condition(c), N * REPEATS);
        for (repeat, generated) in generated.chunks_exact(N * D).enumerate() {
            let rng = &mut seeded_rng(repeat as u64, "truth");
            let (a, b) = (truth(c, N, rng), truth(c, N, rng));
            distance += energy_distance(generated, &a);
            floor += energy_distance(&a, &b);
        }
    }
    eprintln!("energy distance {distance:.4}, floor {floor:.4}, ratio {:.3}", distance / floor);
    distance / floor
}

#[test]
fn conditional_mixtures_are_learned_to_the_sampling_floor() {
    let rows = rows();
    for self_conditioning in [false, true] {
        let prior = fit(&data(&rows), &config(self_conditioning, 1000)).expect("trains");
        let ratio = over_floor(&prior);
        assert!(ratio < 1.5, "self-conditioning {self_conditioning}: {ratio}");
    }
}

#[test]
fn a_stored_prior_samples_the_same_bits_and_sets_have_no_order() {
    let rows = rows();
    let prior = fit(&data(&rows), &config(true, 3)).expect("trains");
    let text = serde_json::to_string(prior.state()).expect("writable");
    let state = serde_json::from_str(&text).expect("readable");
    let again = Prior::from_state(state, &prior.to_bytes().expect("bytes"), &Device::default());
    let expected = sample(&prior, &condition(2), 70);
    assert_eq!(sample(&again.expect("restores"), &condition(2), 70), expected);
    let swapped = SampleCondition { tokens: Some(&[0.0, 1.0, 1.0, 0.0]), ..condition(2) };
    assert_eq!(sample(&prior, &swapped, 70), expected);
    // The first rows of a larger population are the smaller one.
    assert_eq!(sample(&prior, &condition(2), 5), expected[..5 * D]);
}

#[test]
fn a_training_goes_on_bit_for_bit() {
    let (rows, config, device) = (rows(), config(true, 6), Device::default());
    let (mut a, mut b) = (seeded_rng(0, "a"), seeded_rng(1, "b"));
    let mut whole = PriorTrainer::new(&data(&rows), &config, &mut a, &device).expect("valid");
    for _ in 0..3 {
        whole.step().expect("finite");
    }
    let mut other = PriorTrainer::new(&data(&rows), &config, &mut b, &device).expect("valid");
    other.restore(&whole.state()).expect("fits");
    for _ in 0..3 {
        assert_eq!(whole.step().expect("finite"), other.step().expect("finite"));
    }
    let bytes = |trainer: PriorTrainer<'_>| trainer.finish().to_bytes().expect("bytes");
    assert_eq!(bytes(whole), bytes(other));
}

#[test]
fn covariates_are_learned_apart_from_the_perturbation() {
    // One perturbation in two batches that differ by 4.
    let rng = &mut seeded_rng(0, "rows");
    let condition_of: Vec<usize> = (0..1000).map(|i| i % 2).collect();
    let x: Vec<f32> = condition_of
        .iter()
        .map(|&batch| {
            let z: f32 = StandardNormal.sample(&mut *rng);
            4.0 * batch as f32 + 0.5 * z
        })
        .collect();
    let data = TrainingData {
        x: &x,
        d: 1,
        conditions: &[1.0, 1.0],
        d_cond: 1,
        condition_of: &condition_of,
        covariates: Some(Covariates { values: &[1.0, 0.0, 0.0, 1.0], d_cov: 2 }),
        ..Default::default()
    };
    for denoiser in [config(false, 1).denoiser, Default::default()] {
        let config = PriorConfig { denoiser, ..config(false, 300) };
        let prior = fit(&data, &config).expect("trains");
        for (batch, values) in [[1.0, 0.0], [0.0, 1.0]].into_iter().enumerate() {
            // Without the perturbation the covariates still count.
            for pooled in [Some(&[1.0][..]), None] {
                let cond =
                    SampleCondition { pooled, covariates: Some(&values), ..Default::default() };
                let rows = sample(&prior, &cond, 300);
                let mean = rows.iter().sum::<f32>() / 300.0;
                assert!((mean - 4.0 * batch as f32).abs() < 0.5, "batch {batch}: {mean}");
            }
        }
    }
}

#[test]
fn bad_parts_are_named() {
    let rows = rows();
    let good = data(&rows);
    let refused = |sets: &[&[f32]]| {
        let data = TrainingData { tokens: Some(TokenSets { sets, d_token: 2 }), ..good };
        fit(&data, &config(false, 1)).map(|_| ()).expect_err("refused")
    };
    let (a, empty): (&[f32], &[f32]) = (&[1.0, 0.0], &[]);
    assert_eq!(refused(&[a, a, empty]), Error::NoTokens { row: 2 });
    assert!(matches!(refused(&[a, a]), Error::LengthMismatch { expected: 3, found: 2, .. }));
    assert!(matches!(refused(&[a, a, &[1.0]]), Error::RaggedRows { array: "tokens", .. }));
    assert!(matches!(
        refused(&[a, &[1.0, f32::NAN], a]),
        Error::NonFiniteValue { what: "tokens", row: 1, column: 1, .. }
    ));
    let covariates = Covariates { values: &[0.0; 5], d_cov: 2 };
    let error = fit(&TrainingData { covariates: Some(covariates), ..good }, &config(false, 1));
    assert!(matches!(error.map(|_| ()), Err(Error::LengthMismatch { expected: 6, found: 5, .. })));

    let prior = fit(&good, &config(false, 1)).expect("trains");
    let refused = |cond: SampleCondition<'_>| {
        let (rng, sampler) = (&mut seeded_rng(0, "sample"), SamplerConfig::default());
        prior.sample_under(&cond, 3, &sampler, rng, &Device::default()).expect_err("refused")
    };
    let pair = condition(2);
    assert!(matches!(
        refused(SampleCondition { tokens: None, ..pair }),
        Error::InvalidSetting { name: "tokens", .. }
    ));
    assert!(matches!(
        refused(SampleCondition { pooled: None, ..pair }),
        Error::InvalidSetting { name: "pooled condition", .. }
    ));
    assert_eq!(refused(SampleCondition { tokens: Some(&[]), ..pair }), Error::NoTokens { row: 0 });
    assert!(matches!(
        refused(SampleCondition { covariates: Some(&[1.0]), ..pair }),
        Error::LengthMismatch { expected: 0, found: 1, .. }
    ));
}
