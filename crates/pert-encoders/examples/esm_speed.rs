//! Times ESM-2 from a folder of weights: single forward passes, or every substitution of a protein.
//!
//! ```text
//! cargo run --release -p pert-encoders --example esm_speed -- forward FOLDER LENGTH N [ROUNDS]
//! cargo run --release -p pert-encoders --example esm_speed -- scan FOLDER FASTA NAME CACHE [N]
//! ```
//!
//! `forward` prints the seconds of each round over N random sequences, and a checksum of the last states; `scan` encodes the first N
//! (all) substitutions of a protein, keeping rows in the folder CACHE. `benches/peers/compare_esm.py` runs it beside PyTorch.

use std::io::Write;
use std::time::Instant;

use burn::tensor::Device;
use pert_core::Residue;
use pert_encoders::{
    Esm2, Esm2Encoder, Esm2EncoderConfig, Esm2Part, ProteinReferences, ProteinSequence,
};
use rayon::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The residues with one letter of their own.
const RESIDUES: &str = "ACDEFGHIKLMNPQRSTVWY";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["forward", folder, length, n, rest @ ..] => {
            let rounds = rest.first().map_or(Ok(3), |rounds| rounds.parse())?;
            forward(folder, length.parse()?, n.parse()?, rounds)
        }
        ["scan", folder, fasta, name, cache, rest @ ..] => {
            let n = rest.first().map_or(Ok(usize::MAX), |n| n.parse())?;
            scan(folder, fasta, name, cache, n)
        }
        _ => {
            Err("usage: forward FOLDER LENGTH N [ROUNDS] | scan FOLDER FASTA NAME CACHE [N]".into())
        }
    }
}

fn forward(
    folder: &str,
    length: usize,
    n: usize,
    rounds: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let model = Esm2::load(folder, &Device::default())?;
    let letters: Vec<char> = RESIDUES.chars().collect();
    let sequence = |i: usize| -> String {
        (0..length).map(|j| letters[(i * 7 + j * j + j / 3) % letters.len()]).collect()
    };
    let proteins: Vec<ProteinSequence> =
        (0..n).map(|i| ProteinSequence::parse("random", &sequence(i))).collect::<Result<_, _>>()?;
    for _ in 0..=rounds {
        let start = Instant::now();
        let states: Vec<Vec<f32>> =
            proteins.par_iter().map(|p| model.residue_states(p)).collect::<Result<_, _>>()?;
        let seconds = start.elapsed().as_secs_f64();
        let checksum: f64 = states.iter().flatten().map(|x| f64::from(*x)).sum();
        println!("{seconds:.6} {checksum:.3}");
    }
    Ok(())
}

fn scan(
    folder: &str,
    fasta: &str,
    name: &str,
    cache: &str,
    n: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let references = ProteinReferences::read_fasta(fasta)?;
    let letters = references.get(name)?.to_string();
    let mut labels = Vec::new();
    for (position, from) in letters.chars().enumerate() {
        for to in RESIDUES.chars().filter(|to| *to != from) {
            if Residue::from_code(&from.to_string()).is_some() {
                labels.push(format!("{name}:{from}{}{to}", position + 1));
            }
        }
    }
    labels.truncate(n);
    let model = Esm2::load(folder, &Device::default())?;
    let mut config = Esm2EncoderConfig::default();
    if !model.has_head() {
        config.parts.retain(|part| *part != Esm2Part::LogLikelihoodRatio);
    }
    let encoder = Esm2Encoder::new(model, references, config)?.with_cache(cache);
    let targets: Vec<&str> = labels.iter().map(String::as_str).collect();
    let start = Instant::now();
    let rows = encoder.encode(&targets, &mut |progress| {
        let (done, total) = (progress.done, progress.total);
        eprint!("\r{done} of {total} ({} from the cache)", progress.cached);
        let _ = std::io::stderr().flush();
    })?;
    eprintln!();
    println!("{} rows of {} numbers", labels.len(), rows.len() / labels.len().max(1));
    println!("{:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
