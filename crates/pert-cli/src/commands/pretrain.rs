//! `pert pretrain`.

use std::io::Write;

use pert_prior::Progress;
use pert_prior::pipeline::{DeviceChoice, FolderKind, PretrainSmiles, save_smiles_network};

use crate::args::PretrainSmilesArgs;
use crate::progress::Reporter;

pub fn smiles(args: &PretrainSmilesArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    FolderKind::SmilesNetwork.check(&args.output)?;
    let device = args.device.parse::<DeviceChoice>()?.open()?;
    let mut config = PretrainSmiles { seed: args.seed, ..PretrainSmiles::default() };
    config.training.steps = args.steps as usize;
    let (network, report) = config.train(&args.corpus, &device, reporter)?;
    save_smiles_network(&network, report, &args.output)?;
    reporter.note(&format!("wrote {}", args.output.display()));
    let mut out = std::io::stdout();
    let percent = |share: f64| 100.0 * share;
    if let (Some(tokens), Some(exact), Some(valid)) =
        (report.token_accuracy, report.exact, report.valid_decoded)
    {
        writeln!(
            out,
            "held out ({} molecules): {:.2}% of tokens right, {:.1}% come back letter by letter, {:.1}% decoded to a molecule",
            report.n_judged,
            percent(tokens),
            percent(exact),
            percent(valid),
        )?;
    }
    writeln!(out, "drawn from the prior: {:.1}% are molecules", percent(report.valid_drawn))?;
    Ok(())
}
