//! Posterior predictive checks: do counts drawn again from a fitted model look like the cells it was fitted to?
//!
//! Fraction of zeros, relation of variance and mean, distribution of library sizes, and which likelihood held-out cells
//! ask for; on simulated gamma–Poisson cells, so that `nb` is right and `poisson` is not.
//!
//! `cargo run --release --example predictive_check`

use std::ops::ControlFlow;

use pert_decoder::{
    ChaCha8Rng, Conditions, CountDistribution, CsrCounts, Device, Likelihood, LogNormal, Nb,
    Schedule, TrainConfig, Vae, VaeConfig, VaeInputs, ValidationConfig, seeded_rng,
};

const N_CELLS: usize = 600;
const N_GENES: usize = 80;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let counts = cells(&mut seeded_rng(0, "cells"))?;
    let rows: Vec<usize> = (0..N_CELLS).collect();
    let library_group = vec![0; N_CELLS];
    let inputs =
        VaeInputs { cell: None, covariate: None, library_group: &library_group, n_groups: 1 };
    let schedule = Schedule::Constant;
    let train = TrainConfig { steps: 600, schedule, ..TrainConfig::default() };
    let validation = ValidationConfig { patience: Some(10), ..ValidationConfig::default() };
    println!(
        "{:<8} {:>9} {:>12} {:>14}   log library: mean, SD",
        "", "zeros", "held out", "variance"
    );
    row("cells", &counts, &counts, None);
    for likelihood in [Likelihood::Poisson, Likelihood::Nb, Likelihood::Zinb] {
        let config = VaeConfig { likelihood, ..VaeConfig::new(N_GENES, 4) };
        let fit = Vae::fit_validated(
            &counts,
            &rows,
            &inputs,
            &config,
            &train,
            &validation,
            &mut seeded_rng(0, "fit"),
            &Device::default(),
            &mut |_| ControlFlow::Continue(()),
        )?;
        let (free, rng) = (Conditions::default(), &mut seeded_rng(0, "check"));
        let held_out =
            fit.vae.marginal_log_likelihood(&counts, &fit.validation_cells, free, None, 50, rng)?;
        let mean = held_out.iter().sum::<f64>() / held_out.len() as f64;
        let again = fit.vae.posterior_predictive(&counts, &rows, free, 1, rng)?;
        row(&format!("{likelihood:?}").to_lowercase(), &again[0], &counts, Some(mean));
    }
    println!(
        "held out: log p(y) in nats per cell; variance: median over genes of its ratio to the cells'"
    );
    Ok(())
}

/// Gamma–Poisson cells of two states.
fn cells(rng: &mut ChaCha8Rng) -> Result<CsrCounts, Box<dyn std::error::Error>> {
    let library = LogNormal { mean: 150f64.ln(), variance: 0.1 };
    let mut dense = Vec::with_capacity(N_CELLS * N_GENES);
    for cell in 0..N_CELLS {
        let l = library.sample(rng).exp() / N_GENES as f64;
        for gene in 0..N_GENES {
            let mean = l * if gene % 4 == cell % 2 { 3.0 } else { 0.5 };
            dense.push(Nb::new(mean, 1.5)?.sample(rng) as f32);
        }
    }
    Ok(CsrCounts::from_dense(N_GENES, &dense)?)
}

fn row(name: &str, counts: &CsrCounts, real: &CsrCounts, held_out: Option<f64>) {
    let zeros = 1.0 - counts.n_nonzero() as f64 / (N_CELLS * N_GENES) as f64;
    let mut ratios: Vec<f64> =
        variances(counts).iter().zip(variances(real)).map(|(v, r)| v / r).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let logs: Vec<f64> = (0..N_CELLS).map(|i| counts.library_size(i).max(0.5).ln()).collect();
    let [mean, variance] = moments(&logs);
    let held_out = held_out.map_or(String::new(), |x| format!("{x:.1}"));
    println!(
        "{name:<8} {zeros:>9.3} {held_out:>12} {:>14.3}   {mean:.3}, {:.3}",
        ratios[ratios.len() / 2],
        variance.sqrt()
    );
}

fn variances(counts: &CsrCounts) -> Vec<f64> {
    let rows: Vec<usize> = (0..N_CELLS).collect();
    let dense = counts.dense(&rows);
    (0..N_GENES)
        .map(|gene| {
            let column: Vec<f64> =
                dense.iter().skip(gene).step_by(N_GENES).map(|&y| f64::from(y)).collect();
            moments(&column)[1]
        })
        .collect()
}

fn moments(x: &[f64]) -> [f64; 2] {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    [mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64]
}
