//! `pert demo`: the whole road on a simulated screen.

use std::path::Path;

use pert_prior::Progress;
use pert_prior::data::{SimulatorConfig, simulate};
use pert_prior::pipeline::{FolderKind, OutputFolder};

use super::{evaluate, fit, predict, simulate as simulate_command};
use crate::args::{Cli, Command, DemoArgs};
use crate::progress::Reporter;

/// Pairs whose genes were both seen alone; a bit over half of them makes 20 and more.
const HOLD_OUT: &str = "seen-2:0.6";
/// Cells written per held-out pair.
const CELLS: &str = "200";

pub fn run(args: &DemoArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    let output = OutputFolder::create(&args.output, FolderKind::Demo)?;
    let path = |name: &str| output.path().join(name).display().to_string();
    let seed = args.seed.to_string();

    reporter.note("simulating a screen of single genes and pairs, with known truth");
    let simulation = simulate(&SimulatorConfig::new(args.seed))?;
    simulate_command::write(&simulation, &output.path().join("screen.h5ad"), args.seed)?;

    run_command(
        reporter,
        &[
            "fit",
            &path("screen.h5ad"),
            "-o",
            &path("model"),
            "--features",
            &path("screen.features.tsv"),
            "--cell-type-key",
            "cell_type",
            "--batch-key",
            "batch",
            "--hold-out",
            HOLD_OUT,
            "--seed",
            &seed,
        ],
    )?;
    write_held_out(&output.path().join("model/split.json"), &output.path().join("held_out.tsv"))?;
    run_command(
        reporter,
        &[
            "predict",
            &path("model"),
            "--perturbations",
            &path("held_out.tsv"),
            "--cells",
            CELLS,
            "--seed",
            &seed,
            "-o",
            &path("predicted.h5ad"),
        ],
    )?;
    run_command(
        reporter,
        &[
            "evaluate",
            &path("model"),
            &path("screen.h5ad"),
            "-o",
            &path("report"),
            "--truth",
            &path("screen.truth.tsv"),
            "--seed",
            &seed,
        ],
    )?;
    output.commit()?;
    println!("\n{}: screen, model, predicted cells and report", args.output.display());
    Ok(())
}

/// Runs a command as if it had been typed.
fn run_command(reporter: &mut Reporter, words: &[&str]) -> anyhow::Result<()> {
    use clap::Parser;
    let cli = Cli::try_parse_from(std::iter::once(&"pert").chain(words))?;
    match cli.command {
        Command::Fit(args) => fit::run(&args, reporter),
        Command::Predict(args) => predict::run(&args, reporter),
        Command::Evaluate(args) => evaluate::run(&args, reporter),
        _ => unreachable!("the demo fits, predicts and evaluates"),
    }
}

fn write_held_out(split: &Path, table: &Path) -> anyhow::Result<()> {
    let split = pert_prior::pipeline::read_split(split)?;
    let mut text = String::from("perturbation\n");
    for label in &split.test {
        text.push_str(label);
        text.push('\n');
    }
    std::fs::write(table, text)?;
    Ok(())
}
