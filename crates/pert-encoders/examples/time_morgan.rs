//! Parsing and Morgan fingerprints of a file of SMILES, one a line, for `benches/peers/compare_rdkit.py`: for every line of
//! standard input one timed pass over the file, its seconds and the number of molecules read printed. `list` prints instead,
//! for every SMILES, the bits that are set, or a refusal behind an exclamation mark.

use std::hint::black_box;
use std::io::BufRead;
use std::time::Instant;

use pert_encoders::{MorganCounts, MorganFingerprint, SaltRule, tanimoto_matrix};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: time_morgan FILE.smi")?;
    let text = std::fs::read_to_string(path)?;
    let smiles: Vec<&str> = text.lines().collect();
    for what in std::io::stdin().lock().lines() {
        let what = what?;
        let start = Instant::now();
        let n = match what.as_str() {
            "bits" => smiles
                .iter()
                .filter(|s| black_box(MorganFingerprint::parse(s, SaltRule::AllParts)).is_ok())
                .count(),
            "counts" => smiles
                .iter()
                .filter(|s| black_box(MorganCounts::parse(s, SaltRule::AllParts)).is_ok())
                .count(),
            "list" => {
                for one in &smiles {
                    match MorganFingerprint::parse(one, SaltRule::AllParts) {
                        Ok(found) => println!("{:?}", found.on_bits().collect::<Vec<_>>()),
                        Err(refusal) => println!("! {}", refusal.to_string().replace('\n', " ")),
                    }
                }
                continue;
            }
            "tanimoto" => {
                let parse = |s: &&str| MorganFingerprint::parse(s, SaltRule::AllParts).ok();
                let drugs: Vec<MorganFingerprint> = smiles.iter().filter_map(parse).collect();
                let start = Instant::now();
                black_box(tanimoto_matrix(&drugs, &drugs));
                println!("{} {}", start.elapsed().as_secs_f64(), drugs.len());
                continue;
            }
            other => return Err(format!("unknown task {other:?}").into()),
        };
        println!("{} {n}", start.elapsed().as_secs_f64());
    }
    Ok(())
}
