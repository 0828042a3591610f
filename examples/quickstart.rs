//! The README's lines: fit a screen, predict a held-out pair, compare with baselines.

use pert_prior::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A simulated screen; with your own: Dataset::read_h5ad("screen.h5ad")?
    let screen = Dataset::simulated(&SimulatorConfig::new(0))?;
    let device = DeviceChoice::Auto.open()?;
    let config = FitConfig { hold_out: Some("seen-2".into()), ..FitConfig::default() };
    let model = config.fit(&screen, &device)?;

    let pair = model.perturbation(&model.split().test[0])?;
    let cells = model.predict(std::slice::from_ref(&pair), 500, 0)?;
    println!("{pair}: {} cells × {} genes", cells.n_cells(), cells.n_genes());

    let evaluation = evaluate(&model, &screen, &EvaluateConfig::default(), &device)?;
    for c in &evaluation.comparisons {
        let (model, baseline) = (c.model_median, c.baseline_median);
        println!("{}: model {model:.3}, {} {baseline:.3}", c.metric, c.best_baseline);
    }
    Ok(())
}
