//! `pert baselines`.

use anyhow::bail;
use pert_prior::Progress;
use pert_prior::data::Dataset;
use pert_prior::pipeline::{BaselineTraining, DeviceChoice, FitConfig, Predicted};

use super::fit::{apply_data_flags, read_options, set_named};
use super::judging::{Judging, nothing_held_out};
use crate::args::BaselinesArgs;
use crate::progress::Reporter;

pub fn run(args: &BaselinesArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    let device = args.judging.device.parse::<DeviceChoice>()?.open()?;
    let judging = Judging::open(&args.judging, &device)?;
    // Splits and chooses genes as a fit with these settings would, so that a model can be held against it.
    let mut config = FitConfig {
        hold_out: args.hold_out.clone(),
        split: args.split.clone(),
        smiles: args.smiles.clone(),
        control_split: args.control_split,
        seed: args.judging.seed,
        ..FitConfig::default()
    };
    config.n_top_genes = args.n_top_genes.unwrap_or(config.n_top_genes);
    set_named(&mut config.rare, "--rare", &args.rare)?;
    apply_data_flags(&mut config, &args.judging.data)?;
    let real = Dataset::read_h5ad_with(&args.real, &read_options(&config)?)?;
    real.notes().iter().for_each(|note| reporter.note(note));
    let training = BaselineTraining::prepare(&real, &config, reporter)?;
    if training.split.test_cells(real.population(), real.format()).is_empty() {
        bail!("{}", nothing_held_out(&training.split, &args.real));
    }
    let predicted = Predicted::Nothing(&training.genes);
    judging.finish(predicted, (&real, &args.real), &training.split, 0, reporter)
}
