//! Which perturbation made this cell? Trains the contrastive cell encoder on four of five cells of a screen and asks for the
//! others: `cell_retrieval SCREEN.h5ad [FILTER]`, a filter such as `guide_umi_fraction>=0.8`. Without arguments the screen is
//! simulated.

use std::collections::BTreeMap;

use pert_prior::core::{Perturbation, seeded_rng};
use pert_prior::data::{GeneSelection, ReadOptions, select_genes};
use pert_prior::encoders::{
    ContrastiveConfig, ContrastiveData, ContrastiveLoss, ContrastiveTrainer,
};
use pert_prior::prelude::*;

/// Within each perturbation, this cell of every five in the file's order is held out.
const HELD_OUT: usize = 4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let screen = match arguments.split_first() {
        Some((path, filters)) => {
            let filters = filters.iter().map(|f| f.parse()).collect::<Result<_, _>>()?;
            Dataset::read_h5ad_with(path, &ReadOptions { filters, ..ReadOptions::default() })?
        }
        None => Dataset::simulated(&SimulatorConfig::new(1).with_n_cells(2_000))?,
    }
    .into_population();

    let mut label_of: BTreeMap<&Perturbation, usize> = BTreeMap::new();
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for perturbation in screen.perturbations() {
        let label = label_of.len();
        label_of.entry(perturbation).or_insert(label);
    }
    for (perturbation, &label) in &label_of {
        for (place, cell) in screen.cells_of(perturbation).into_iter().enumerate() {
            if place % 5 == HELD_OUT { &mut test } else { &mut train }.push((cell, label));
        }
    }
    let unzip =
        |cells: &[(usize, usize)]| -> (Vec<usize>, Vec<usize>) { cells.iter().copied().unzip() };
    let ((train, of_train), (test, of_test)) = (unzip(&train), unzip(&test));
    let genes = select_genes(&screen, &train, &GeneSelection { n_top: 2_000 });
    let screen_counts = screen.counts().select_genes(&genes);
    let (n, n_genes) = (label_of.len(), genes.len());
    println!(
        "{} cells to train on, {} held out, {n} perturbations, {n_genes} genes",
        train.len(),
        test.len()
    );

    let data = ContrastiveData {
        counts: &screen_counts,
        cells: &train,
        perturbation_of: &of_train,
        n_perturbations: n,
        tokens: None,
    };
    let device = DeviceChoice::Auto.open()?;
    println!("method\ttop 1\ttop 5\tbalanced top 1\ttemperature");
    let losses = [ContrastiveLoss::CellToPerturbation, ContrastiveLoss::Symmetric];
    // Long training learns small screens by heart, so that the number of steps matters more than the loss.
    for (loss, steps) in losses.into_iter().flat_map(|loss| [60, 200, 600].map(|n| (loss, n))) {
        let config = ContrastiveConfig { loss, steps, ..Default::default() };
        let mut rng = seeded_rng(0, "cell retrieval");
        let mut trainer = ContrastiveTrainer::new(&data, &config, &mut rng, &device)?;
        while trainer.steps_done() < config.steps {
            trainer.step()?;
        }
        let encoder = trainer.finish();
        let g = encoder.encode(&screen_counts, &test)?;
        let prototypes = encoder.prototypes().ok_or("prototypes are learned")?;
        let found = encoder.retrieval(&g, &prototypes, &of_test)?;
        let (top1, top5, balanced) = (found.top1, found.top5, found.balanced_top1);
        println!(
            "{loss:?}, {steps} steps\t{top1:.3}\t{top5:.3}\t{balanced:.3}\t{:.3}",
            encoder.temperature()
        );
    }
    let (top1, top5, balanced) =
        nearest_mean(&screen_counts, [&train, &test], [&of_train, &of_test], n);
    println!("nearest mean\t{top1:.3}\t{top5:.3}\t{balanced:.3}\t-");
    let mut commonest = vec![0usize; n];
    of_test.iter().for_each(|&label| commonest[label] += 1);
    let share = commonest.iter().max().copied().unwrap_or(0) as f64 / of_test.len().max(1) as f64;
    println!("commonest\t{share:.3}\t-\t{:.3}\t-", 1.0 / n as f64);
    Ok(())
}

/// The same question to the means of the training cells, by the cosine of centred profiles: what needs no training.
fn nearest_mean(
    counts: &pert_prior::core::CsrCounts,
    [train, test]: [&[usize]; 2],
    [of_train, of_test]: [&[usize]; 2],
    n: usize,
) -> (f64, f64, f64) {
    let centre = counts.mean_log_normalised(train);
    let means: Vec<Vec<f64>> = (0..n)
        .map(|label| {
            let own = train.iter().zip(of_train).filter(|(_, l)| **l == label);
            let mut mean = counts.mean_log_normalised(&own.map(|c| *c.0).collect::<Vec<_>>());
            mean.iter_mut().zip(&centre).for_each(|(m, c)| *m -= c);
            let length = mean.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
            mean.iter_mut().for_each(|v| *v /= length);
            mean
        })
        .collect();
    let mut of_each = vec![[0.0f64; 2]; n];
    let mut in_top5 = 0.0;
    for (&cell, &own) in test.iter().zip(of_test) {
        let mut x = counts.log_normalised(&[cell]);
        x.iter_mut().zip(&centre).for_each(|(x, c)| *x -= c);
        let cosines: Vec<f64> =
            means.iter().map(|mean| mean.iter().zip(&x).map(|(a, b)| a * b).sum()).collect();
        let before = (0..n).filter(|&p| p != own && cosines[p] >= cosines[own]).count();
        of_each[own][0] += 1.0;
        of_each[own][1] += f64::from(u8::from(before == 0));
        in_top5 += f64::from(u8::from(before < 5));
    }
    let with_cells: Vec<&[f64; 2]> = of_each.iter().filter(|c| c[0] > 0.0).collect();
    let total = test.len().max(1) as f64;
    let balanced = with_cells.iter().map(|c| c[1] / c[0]).sum::<f64>() / with_cells.len() as f64;
    (with_cells.iter().map(|c| c[1]).sum::<f64>() / total, in_top5 / total, balanced)
}
