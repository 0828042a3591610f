//! What the decoder costs against genes and against cells: a table, the slopes, and a picture.
//!
//! ```sh
//! cargo run --release -p pert-prior --example decoder_cost -- FOLDER [ROUNDS [DIVISOR]]
//! ```
//!
//! prints seconds of a training epoch and milliseconds per generated cell on simulated counts, medians over rounds (three), and
//! writes `FOLDER/decoder-cost.png` and `.svg`. All sizes take their turn in every round, so that a noisy machine
//! disturbs all alike. The slope is that of a straight line through the logarithms: 1 is linear. A divisor makes all sizes
//! smaller, for a quick look. `RAYON_NUM_THREADS` sets the number of threads.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use pert_prior::core::{CsrCounts, seeded_rng};
use pert_prior::data::simulate;
use pert_prior::decoder::{Conditions, Device, TrainConfig, Trainer, VaeConfig, VaeInputs};
use pert_prior::metrics::median;
use pert_prior::prelude::*;
use pert_prior::report::{AxisScale, Mark, Series, XyPanel, xy_panels};

const GENES: [usize; 5] = [1_000, 2_000, 5_000, 10_000, 20_000];
const CELLS: [usize; 5] = [2_000, 4_000, 8_000, 16_000, 32_000];
const N_LATENT: usize = 10;
const N_GENERATED: usize = 512;

/// Counts of one size, and what was measured on them.
struct Case {
    counts: CsrCounts,
    /// Seconds of an epoch, one per round.
    epoch: Vec<f64>,
    /// Seconds per generated cell, one per round.
    cell: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("name a folder for the picture")?;
    let rounds: usize = arguments.next().map_or(Ok(3), |n| n.parse())?;
    let divisor: usize = arguments.next().map_or(Ok(1), |n| n.parse())?;
    let device = DeviceChoice::Cpu.open()?;
    let size = |n: usize| (n / divisor.max(1)).max(300);
    let mut by_genes = cases(GENES.map(|n_genes| (size(CELLS[0]), size(n_genes))))?;
    let mut by_cells = cases(CELLS.map(|n_cells| (size(n_cells), size(GENES[0]))))?;
    for round in 0..rounds.max(1) {
        for case in by_genes.iter_mut().chain(&mut by_cells) {
            case.measure(round as u64, &device)?;
        }
    }
    println!("| genes | cells | non-zero counts | s per epoch | ms per generated cell |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    for Case { counts, epoch, cell } in by_genes.iter().chain(&by_cells) {
        let (n_genes, n_cells, n) = (counts.n_genes(), counts.n_cells(), counts.n_nonzero());
        let (epoch, cell) = (median(epoch), 1e3 * median(cell));
        println!("| {n_genes} | {n_cells} | {n} | {epoch:.3} | {cell:.3} |");
    }
    let genes = |case: &Case| case.counts.n_genes() as f64;
    let cells = |case: &Case| case.counts.n_cells() as f64;
    let epoch_by_genes = points(&by_genes, genes, |case| median(&case.epoch));
    let cell_by_genes = points(&by_genes, genes, |case| 1e3 * median(&case.cell));
    let epoch_by_cells = points(&by_cells, cells, |case| median(&case.epoch));
    println!(
        "\nslopes on logarithmic axes: epoch by genes {:.2}, generated cell by genes {:.2}, epoch by cells {:.2}",
        slope(&epoch_by_genes),
        slope(&cell_by_genes),
        slope(&epoch_by_cells)
    );
    let panels = [
        panel("An epoch", "genes", "seconds", epoch_by_genes),
        panel("A generated cell", "genes", "milliseconds", cell_by_genes),
        panel("An epoch", "cells", "seconds", epoch_by_cells),
    ];
    let picture = xy_panels("Cost of the decoder", 3, &panels)?;
    Ok(picture.write(Path::new(&folder), "decoder-cost")?)
}

/// Simulated counts of some numbers of cells and genes.
fn cases(sizes: [(usize, usize); 5]) -> Result<Vec<Case>, Box<dyn Error>> {
    sizes
        .into_iter()
        .map(|(n_cells, n_genes)| {
            let config = SimulatorConfig::new(0).with_n_cells(n_cells).with_n_genes(n_genes);
            let simulation = simulate(&config.with_n_perturbations(8))?;
            let counts = simulation.population.counts().clone();
            Ok(Case { counts, epoch: Vec::new(), cell: Vec::new() })
        })
        .collect()
}

impl Case {
    /// Times one epoch after a first step, which fills caches, and the generation of some cells.
    fn measure(&mut self, seed: u64, device: &Device) -> Result<(), Box<dyn Error>> {
        let cells: Vec<usize> = (0..self.counts.n_cells()).collect();
        let library_group = vec![0; cells.len()];
        let inputs =
            VaeInputs { cell: None, covariate: None, library_group: &library_group, n_groups: 1 };
        let config = VaeConfig::new(self.counts.n_genes(), N_LATENT);
        let (train, rng) = (TrainConfig::default(), &mut seeded_rng(seed, "cost"));
        let mut trainer =
            Trainer::new(&self.counts, &cells, &inputs, &config, &train, rng, device)?;
        trainer.step()?;
        let start = Instant::now();
        for _ in 0..cells.len() / train.batch {
            trainer.step()?;
        }
        self.epoch.push(start.elapsed().as_secs_f64());
        let vae = trainer.model();
        let log_library = vec![vae.library_prior().global().mean; N_GENERATED];
        let rng = &mut seeded_rng(seed, "generate");
        let start = Instant::now();
        vae.generate(Conditions::default(), &log_library, None, rng)?;
        self.cell.push(start.elapsed().as_secs_f64() / N_GENERATED as f64);
        Ok(())
    }
}

fn points(cases: &[Case], x: impl Fn(&Case) -> f64, y: impl Fn(&Case) -> f64) -> Vec<(f64, f64)> {
    cases.iter().map(|case| (x(case), y(case))).collect()
}

/// Least squares through the logarithms.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let logs = || points.iter().map(|(x, y)| (x.ln(), y.ln()));
    let (mx, my) = logs().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / n, b + y / n));
    let (xy, xx) = logs()
        .fold((0.0, 0.0), |(xy, xx), (x, y)| (xy + (x - mx) * (y - my), xx + (x - mx) * (x - mx)));
    xy / xx
}

/// The measured points on the line of slope 1 through their geometric middle.
fn panel<'a>(title: &'a str, x: &'a str, y: &'a str, points: Vec<(f64, f64)>) -> XyPanel<'a> {
    let ratio = points.iter().map(|(x, y)| (y / x).ln()).sum::<f64>() / points.len() as f64;
    let line = points.iter().map(|&(x, _)| (x, x * ratio.exp())).collect();
    XyPanel {
        title,
        x: (x, AxisScale::Logarithmic),
        y: (y, AxisScale::Logarithmic),
        series: vec![
            Series { name: "measured", points, mark: Mark::Dots },
            Series { name: "linear", points: line, mark: Mark::Line },
        ],
    }
}
