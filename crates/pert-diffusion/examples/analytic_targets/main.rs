//! A prior learns distributions that are known exactly, and its samples are compared with fresh ones of the truth.
//!
//! ```sh
//! cargo run --release -p pert-diffusion --example analytic_targets -- [TARGET] [PRIOR] [SAMPLER]
//! ```
//!
//! TARGET is part of a name, as `mixture`; PRIOR and SAMPLER are settings other than the defaults as JSON, as `{"steps": 1000}`
//! and `{"start": 0.97}`. The distances printed are over the sampling floor (see `targets.rs`): 1 is a perfect sampler.

mod targets;

use std::error::Error;
use std::ops::ControlFlow;

use pert_diffusion::{Device, Prior, PriorConfig, SamplerConfig, SamplerKind, Spacing, seeded_rng};
use targets::Target;

/// Training rows of each condition: so many that what they are off the truth is a fortieth of the floor.
const N_TRAINING: usize = 20_000;

/// Rows a side for a distance.
const N_JUDGED: usize = 5000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let wanted = arguments.next().unwrap_or_default();
    let config: PriorConfig = serde_json::from_str(arguments.next().as_deref().unwrap_or("{}"))?;
    let sampler: SamplerConfig = serde_json::from_str(arguments.next().as_deref().unwrap_or("{}"))?;
    let samplers = samplers(sampler);
    println!(
        "| target | {} |\n|---|{}",
        samplers.map(|(name, _)| name).join(" | "),
        "---:|".repeat(6)
    );
    for target in Target::all().into_iter().filter(|target| target.name.contains(&wanted)) {
        let prior = fit(&target, &config)?;
        let cells = samplers.map(|(_, sampler)| cell(&target, &prior, &sampler));
        println!("| {} | {} |", target.name, cells.join(" | "));
        if target.name == "conditional mixtures, d = 10" {
            ablate(&target, &prior, sampler)?;
        }
    }
    Ok(())
}

fn fit(target: &Target, config: &PriorConfig) -> Result<Prior, pert_diffusion::Error> {
    let (rows, device) = (target.training(N_TRAINING), Device::default());
    let rng = &mut seeded_rng(0, "prior");
    Prior::fit(&rows.data(), config, rng, &device, &mut |_| ControlFlow::Continue(()))
}

fn samplers(solver: SamplerConfig) -> [(&'static str, SamplerConfig); 6] {
    let ddim = SamplerConfig { kind: SamplerKind::Ddim, spacing: Spacing::Linspace, ..solver };
    [
        ("DDIM 25", SamplerConfig { steps: 25, ..ddim }),
        ("DDIM 64", SamplerConfig { steps: 64, ..ddim }),
        ("DDIM 64, η = 1", SamplerConfig { steps: 64, eta: 1.0, start: Some(1.0), ..ddim }),
        ("DPM-Solver++ 10", SamplerConfig { steps: 10, ..solver }),
        ("DPM-Solver++ 15", SamplerConfig { steps: 15, ..solver }),
        ("DPM-Solver++ 20", SamplerConfig { steps: 20, ..solver }),
    ]
}

fn cell(target: &Target, prior: &Prior, sampler: &SamplerConfig) -> String {
    let ratio = target.over_floor(N_JUDGED, |condition, n| {
        let rng = &mut seeded_rng(condition as u64, "sample");
        let cond = Some(target.condition(condition));
        prior.sample(cond, n, sampler, rng, &Device::default()).expect("settings that fit")
    });
    format!("{ratio:.2}")
}

/// Guidance, clip and start, one at a time.
fn ablate(target: &Target, prior: &Prior, default: SamplerConfig) -> Result<(), Box<dyn Error>> {
    println!("\n| {} | over the floor |\n|---|---:|", target.name);
    for guidance in [0.0, 0.5, 1.0, 1.5, 2.0, 3.0] {
        let sampler = SamplerConfig { guidance, ..default };
        println!("| guidance {guidance} | {} |", cell(target, prior, &sampler));
    }
    for start in [0.9, 0.95, 0.97, 0.99, 1.0] {
        let sampler = SamplerConfig { start: Some(start), ..default };
        println!("| start {start} | {} |", cell(target, prior, &sampler));
    }
    let factor = prior.state().config.clip_factor;
    for (name, clip) in [("0.8", 0.8), ("1", 1.0), ("1.1", 1.1), ("2", 2.0), ("none", 1e6)] {
        let mut state = prior.state().clone();
        state.clip.iter_mut().for_each(|bound| *bound *= (clip / factor) as f32);
        let clipped = Prior::from_state(state, &prior.to_bytes()?, &Device::default())?;
        for start in [0.97, 1.0] {
            let sampler = SamplerConfig { start: Some(start), ..default };
            println!("| clip {name}, start {start} | {} |", cell(target, &clipped, &sampler));
        }
    }
    println!();
    Ok(())
}
