//! Gene pairs with gene features, from files as a user has them: writes a simulated screen and its feature table,
//! reads them back, holds pairs out, and prints the slides' table with its floor.

use pert_prior::data::{Provenance, simulate, write_h5ad};
use pert_prior::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (screen_path, features_path) =
        (folder.path().join("screen.h5ad"), folder.path().join("features.tsv"));
    let simulation = simulate(&SimulatorConfig::new(1))?;
    simulation.write_shown(&features_path)?;
    let provenance = Provenance {
        model: "simulator".into(),
        seed: 1,
        version: env!("CARGO_PKG_VERSION").into(),
        generated: false,
    };
    write_h5ad(&screen_path, &simulation.population, &provenance)?;

    let options = ReadOptions {
        cell_type_key: Some("cell_type".into()),
        batch_key: Some("batch".into()),
        ..ReadOptions::default()
    };
    let screen = Dataset::read_h5ad_with(&screen_path, &options)?;
    let config = FitConfig {
        features: Some(features_path.into()),
        hold_out: Some("seen-2:0.5".into()),
        seed: 1,
        ..FitConfig::default()
    };
    let device = DeviceChoice::Auto.open()?;
    let model = config.fit(&screen, &device)?;
    let evaluation = evaluate(&model, &screen, &EvaluateConfig::default(), &device)?;
    println!("perturbation\tn\tr2\tfid\tfid floor");
    for row in evaluation.rows.iter().filter(|r| r.method == "model") {
        let (fid, floor) = (row.fid_latent, row.fid_latent_floor);
        println!("{}\t{}\t{:.3}\t{fid:.3}\t{floor:.3}", row.perturbation, row.n, row.r2);
    }
    Ok(())
}
