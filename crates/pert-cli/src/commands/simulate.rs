//! `pert simulate`.

use std::path::{Path, PathBuf};

use pert_prior::Progress;
use pert_prior::data::{Provenance, Simulation, SimulatorConfig, simulate, write_h5ad};

use crate::args::SimulateArgs;
use crate::output_file::check_output_file;
use crate::progress::Reporter;

pub fn run(args: &SimulateArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    check_output_file(&args.output, "h5ad")?;
    let mut config = SimulatorConfig::new(args.seed);
    if let Some(n) = args.cells {
        config = config.with_n_cells(n as usize);
    }
    if let Some(n) = args.genes {
        config = config.with_n_genes(n as usize);
    }
    if let Some(n) = args.perturbations {
        config = config.with_n_perturbations(n as usize);
    }
    let simulation = simulate(&config)?;
    for path in write(&simulation, &args.output, args.seed)? {
        reporter.note(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// Writes the screen, its gene features and its truth; returns the three paths.
fn write(simulation: &Simulation, screen: &Path, seed: u64) -> anyhow::Result<[PathBuf; 3]> {
    let provenance = Provenance {
        model: "pert simulator (gene pairs)".to_owned(),
        seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        generated: false,
    };
    let (features, truth) = companions(screen);
    write_h5ad(screen, &simulation.population, &provenance)?;
    simulation.write_features_tsv(&features)?;
    simulation.write_truth_tsv(&truth)?;
    Ok([screen.to_owned(), features, truth])
}

/// `FILE.features.tsv` and `FILE.truth.tsv` beside `FILE.h5ad`.
fn companions(screen: &Path) -> (PathBuf, PathBuf) {
    let stem = screen.with_extension("");
    let with = |ending: &str| {
        let mut name = stem.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    };
    (with(".features.tsv"), with(".truth.tsv"))
}
