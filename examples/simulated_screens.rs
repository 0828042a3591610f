//! The model against truth: simulated screens of several seeds, seen perturbations (`cells`) and held-out pairs
//! (`seen-2:0.6`), each against the best baseline, its floor and the oracle (real training cells).
//!
//! `cargo run --release --example simulated_screens -- 5` takes about three minutes a seed on two cores.

use pert_prior::data::simulate;
use pert_prior::metrics::{METRICS, Metric, MetricRow, Verdict, median, values};
use pert_prior::pipeline::Truth;
use pert_prior::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n_seeds: u64 = std::env::args().nth(1).map_or(Ok(5), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    let device = DeviceChoice::Auto.open()?;
    println!("seed\tsplit\tn\tmetric\tmodel\tbest baseline\tits median\twins\tp\tverdict");
    for seed in 0..n_seeds {
        let simulation = simulate(&SimulatorConfig::new(seed))?;
        let features = folder.path().join("features.tsv");
        let truth = folder.path().join("truth.tsv");
        simulation.write_shown(&features)?;
        simulation.write_truth_tsv(&truth)?;
        let screen = Dataset::from_population(simulation.population, LabelFormat::default());
        for rule in ["cells", "seen-2:0.6"] {
            let config = FitConfig {
                features: Some(features.clone().into()),
                hold_out: Some(rule.to_owned()),
                seed,
                ..FitConfig::default()
            };
            let model = config.fit(&screen, &device)?;
            let truth = Truth::read_tsv(&truth, screen.format())?;
            let config = EvaluateConfig { seed, truth: Some(truth), ..EvaluateConfig::default() };
            let evaluation = evaluate(&model, &screen, &config, &device)?;
            for c in &evaluation.comparisons {
                let (n, wins) = (c.n_pairs, c.n_model_better);
                let p = c.wilcoxon_p.unwrap_or(f64::NAN);
                let verdict = match c.verdict {
                    Verdict::ModelBetter => "better",
                    Verdict::BaselineBetter => "WORSE",
                    _ => "no difference",
                };
                println!(
                    "{seed}\t{rule}\t{n}\t{}\t{:.3}\t{}\t{:.3}\t{wins}\t{p:.3}\t{verdict}",
                    c.metric, c.model_median, c.best_baseline, c.baseline_median
                );
            }
            for (method, name) in [
                ("model", "fid_latent_ratio"),
                ("model", "pearson_delta_true"),
                ("training_cells", "pearson_delta_true"),
            ] {
                let median = median_of(&evaluation.rows, method, name);
                println!("{seed}\t{rule}\t\t{method}: median {name} = {median:.3}");
            }
        }
    }
    Ok(())
}

fn median_of(rows: &[MetricRow], method: &str, name: &str) -> f64 {
    let metric = Metric::named(name).unwrap_or(&METRICS[0]);
    median(&values(rows, method, metric))
}
