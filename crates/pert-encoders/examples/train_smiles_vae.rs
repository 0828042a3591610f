//! Trains the SMILES network, says how well molecules held out come back, and writes it down.
//!
//!     cargo run --release -p pert-encoders --example train_smiles_vae -- smiles_corpus.tsv.gz [STEPS] [MINUTES] [FOLDER]
//!
//! It stops after the minutes given, should the steps take longer; the learning rate then has not come down yet. The folder
//! gets `state.json` and `model.safetensors`.

use std::time::Instant;

use burn::tensor::Device;
use pert_core::seeded_rng;
use pert_encoders::{
    SaltRule, SmilesCorpus, SmilesVaeConfig, SmilesVaeTrainConfig, SmilesVaeTrainer, share_of_valid,
};

/// Molecules held out that are decoded, and molecules drawn.
const N_JUDGED: usize = 512;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path =
        arguments.first().ok_or("usage: train_smiles_vae FILE [STEPS] [MINUTES] [FOLDER]")?;
    let (config, mut train) = (SmilesVaeConfig::default(), SmilesVaeTrainConfig::default());
    if let Some(steps) = arguments.get(1) {
        train.steps = steps.parse()?;
    }
    let minutes: f64 = arguments.get(2).map_or(Ok(f64::INFINITY), |m| m.parse())?;

    let start = Instant::now();
    let corpus = SmilesCorpus::new(SmilesCorpus::read(path)?, SaltRule::LargestPart);
    println!(
        "{} molecules ({} refused, {} repeated) in {:.0} s",
        corpus.molecules().len(),
        corpus.n_refused(),
        corpus.n_repeated(),
        start.elapsed().as_secs_f64()
    );
    let mut rng = seeded_rng(0, "smiles vae");
    let device = Device::default();
    let mut trainer =
        SmilesVaeTrainer::new(corpus.molecules(), &config, &train, &mut rng, &device)?;
    println!(
        "{} to learn from, {} held out, {} left out",
        trainer.n_molecules(),
        trainer.held_out().len(),
        trainer.n_left_out()
    );
    let start = Instant::now();
    while trainer.steps_done() < train.steps && start.elapsed().as_secs_f64() < minutes * 60.0 {
        let step = trainer.step()?;
        if step.step.is_multiple_of(50) {
            println!(
                "step {} of {}: reconstruction {:.2}, KL {:.1} nats per molecule, {:.0} s",
                step.step,
                step.total,
                step.reconstruction,
                step.kl,
                start.elapsed().as_secs_f64()
            );
        }
    }
    let steps = trainer.steps_done();
    println!("{steps} steps in {:.0} s", start.elapsed().as_secs_f64());
    let (vae, held_out) = trainer.finish();
    if let Some(folder) = arguments.get(3).map(std::path::Path::new) {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("state.json"), serde_json::to_vec(&vae.state())?)?;
        std::fs::write(folder.join("model.safetensors"), vae.to_safetensors()?)?;
    }
    let judged = &held_out[..N_JUDGED.min(held_out.len())];
    let found = vae.reconstruction(judged)?;
    println!(
        "held out ({}): {:.2}% of tokens, {:.1}% of molecules letter by letter",
        found.n,
        100.0 * found.token_accuracy,
        100.0 * found.exact
    );
    let decoded = vae.decode(&vae.encode(judged)?);
    println!("valid of those decoded: {:.1}%", 100.0 * share_of_valid(&decoded));
    let sampled = vae.sample(N_JUDGED, &mut seeded_rng(0, "sample"));
    println!("valid of those drawn: {:.1}%", 100.0 * share_of_valid(&sampled));
    Ok(())
}
