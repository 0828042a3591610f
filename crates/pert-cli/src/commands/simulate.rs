//! `pert simulate`.

use std::path::{Path, PathBuf};

use pert_prior::Progress;
use pert_prior::data::{
    Provenance, Simulation, SimulatorConfig, SimulatorKind, simulate, write_h5ad,
};

use crate::args::{Kind, SimulateArgs};
use crate::output_file::check_output_file;
use crate::progress::Reporter;

pub fn run(args: &SimulateArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    check_output_file(&args.output, &["h5ad"])?;
    let kind = match args.kind {
        Kind::GenePairs => SimulatorKind::GenePairs,
        Kind::Drugs => SimulatorKind::Drugs,
        Kind::Variants => SimulatorKind::Variants,
    };
    let mut config = SimulatorConfig::of(kind, args.seed);
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

/// Writes the screen, what a model is shown of its perturbations, and its truth; returns the three paths.
fn write(simulation: &Simulation, screen: &Path, seed: u64) -> anyhow::Result<[PathBuf; 3]> {
    let kind = simulation.kind().to_string().replace('-', " ");
    let provenance = Provenance {
        model: format!("pert simulator ({kind})"),
        seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        generated: false,
    };
    let shown = beside(screen, simulation.shown.file_ending());
    let truth = beside(screen, "truth.tsv");
    write_h5ad(screen, &simulation.population, &provenance)?;
    simulation.write_shown(&shown)?;
    simulation.write_truth_tsv(&truth)?;
    Ok([screen.to_owned(), shown, truth])
}

/// `FILE.ENDING` beside `FILE.h5ad`.
fn beside(screen: &Path, ending: &str) -> PathBuf {
    let mut name = screen.with_extension("").into_os_string();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}
