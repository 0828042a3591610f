//! `pert baselines`.

use anyhow::bail;
use pert_prior::data::Dataset;
use pert_prior::pipeline::{DeviceChoice, FitConfig, Predicted, read_split};

use super::fit::{apply_data_flags, read_options};
use super::judging::{Judging, nothing_held_out};
use crate::args::BaselinesArgs;
use crate::progress::Reporter;
use pert_prior::Progress;

pub fn run(args: &BaselinesArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    let device = args.judging.device.parse::<DeviceChoice>()?.open()?;
    let judging = Judging::open(&args.judging, &device)?;
    // The range of --control-split and the spelling of the rule are those of a fit.
    let mut keys = FitConfig {
        hold_out: args.hold_out.clone(),
        smiles: args.smiles.clone(),
        control_split: args.control_split,
        seed: args.judging.seed,
        ..FitConfig::default()
    };
    apply_data_flags(&mut keys, &args.judging.data)?;
    keys.check()?;
    let real = Dataset::read_h5ad_with(&args.real, &read_options(&keys)?)?;
    real.notes().iter().for_each(|note| reporter.note(note));
    let split = match (&args.split, keys.parsed_hold_out()?) {
        (Some(path), _) => read_split(path)?,
        (None, Some(hold_out)) => keys.make_split(hold_out, real.population())?,
        (None, None) => bail!("what is held out? give --hold-out RULE or --split FILE"),
    };
    if split.test_cells(real.population(), real.format()).is_empty() {
        bail!("{}", nothing_held_out(&split, &args.real));
    }
    judging.finish(Predicted::Nothing, (&real, &args.real), &split, 0, reporter)
}
