//! Training steps per second of the denoisers: rows of 10 dimensions, 256 of them per step.
//!
//! `cargo run --release -p pert-diffusion --example denoiser_speed [NAME [STEPS]]`, all of them and 20 steps by default.

use std::time::Instant;

use pert_diffusion::{
    DenoiserConfig, Device, Error, PriorConfig, PriorTrainer, TokenSets, TrainingData,
    TransformerDenoiserConfig, seeded_rng,
};

const D: usize = 10;
const N_ROWS: usize = 2000;
const N_CONDITIONS: usize = 50;
/// Steps before the clock starts.
const WARM_UP: usize = 2;

fn transformer(width: usize, depth: usize, n_heads: usize) -> DenoiserConfig {
    TransformerDenoiserConfig { width, depth, n_heads, self_conditioning: false }.into()
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let only = arguments.next();
    let steps = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(20);

    let wave = |n: usize| (0..n).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<f32>>();
    let (x, conditions, tokens) =
        (wave(N_ROWS * D), wave(N_CONDITIONS * 32), wave(N_CONDITIONS * 2 * 32));
    let condition_of: Vec<usize> = (0..N_ROWS).map(|row| row % N_CONDITIONS).collect();
    // Perturbations of one or two tokens.
    let sets: Vec<&[f32]> = tokens
        .chunks_exact(2 * 32)
        .enumerate()
        .map(|(i, pair)| &pair[..32 * (1 + i % 2)])
        .collect();
    let data = TrainingData {
        x: &x,
        d: D,
        conditions: &conditions,
        d_cond: 32,
        condition_of: &condition_of,
        ..Default::default()
    };
    let with_tokens = TrainingData { tokens: Some(TokenSets { sets: &sets, d_token: 32 }), ..data };
    let cases = [
        ("mlp", DenoiserConfig::default(), data),
        ("transformer-64x2", transformer(64, 2, 4), data),
        ("transformer-64x2-tokens", transformer(64, 2, 4), with_tokens),
        ("transformer-128x6", transformer(128, 6, 8), data),
        ("transformer-128x6-tokens", transformer(128, 6, 8), with_tokens),
    ];
    for (name, denoiser, data) in cases {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let config = PriorConfig { denoiser, steps: steps + WARM_UP, ..Default::default() };
        let mut rng = seeded_rng(0, "speed");
        let mut trainer = PriorTrainer::new(&data, &config, &mut rng, &Device::default())?;
        for _ in 0..WARM_UP {
            trainer.step()?;
        }
        let start = Instant::now();
        for _ in 0..steps {
            trainer.step()?;
        }
        println!("{name}: {:.1} steps/s", steps as f64 / start.elapsed().as_secs_f64());
    }
    Ok(())
}
