//! `pert demo`: the whole road on a simulated screen.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use pert_prior::Progress;
use pert_prior::data::{shell_line, write_atomically};
use pert_prior::pipeline::{Checkpoints, FolderKind, read_split};

use crate::args::{Cli, DemoArgs};
use crate::progress::Reporter;

/// Pairs whose genes were both seen alone; a bit over half of them makes 20 and more.
const HOLD_OUT: &str = "seen-2:0.6";
/// Cells written per held-out pair.
const CELLS: &str = "200";

pub fn run(args: &DemoArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    FolderKind::Demo.check(&args.output)?;
    std::fs::create_dir_all(&args.output)
        .map_err(|e| anyhow::anyhow!("cannot create {}: {e}", args.output.display()))?;
    let path = |name: &str| args.output.join(name).display().to_string();
    let seed = args.seed.to_string();
    let (screen, features, truth) =
        (path("screen.h5ad"), path("screen.features.tsv"), path("screen.truth.tsv"));
    let (model, held_out, predicted, report) =
        (path("model"), path("held_out.tsv"), path("predicted.h5ad"), path("report"));

    run_command(reporter, &["simulate", "-o", &screen, "--seed", &seed])?;
    let keys = ["--cell-type-key", "cell_type", "--batch-key", "batch"];
    let mut fit = vec!["fit", &screen, "-o", &model, "--features", &features];
    fit.extend(keys);
    fit.extend(["--hold-out", HOLD_OUT, "--seed", &seed]);
    // An interrupted demo, given again, goes on where it was.
    if Checkpoints::exist(Path::new(&model)) {
        fit.push("--resume");
    }
    run_command(reporter, &fit)?;
    write_held_out(&PathBuf::from(&model).join("split.json"), Path::new(&held_out))?;
    reporter.note(&format!("{held_out} lists the pairs under \"test\" in {model}/split.json"));
    run_command(
        reporter,
        &[
            "predict",
            &model,
            "--perturbations",
            &held_out,
            "--cells",
            CELLS,
            "--seed",
            &seed,
            "-o",
            &predicted,
        ],
    )?;
    run_command(
        reporter,
        &["evaluate", &model, &screen, "-o", &report, "--truth", &truth, "--seed", &seed],
    )?;
    writeln!(
        std::io::stdout(),
        "\nThe slides' table   {report}/slides.tsv\n\
         Every number        {report}/metrics.csv\n\
         The pictures        {report}/umap.png, metrics.png, delta.png\n\
         The predicted cells {predicted}\n\
         Your own file next  pert inspect FILE.h5ad"
    )?;
    Ok(())
}

/// Shows a command and runs it as if it had been typed.
fn run_command(reporter: &mut Reporter, words: &[&str]) -> anyhow::Result<()> {
    let words = std::iter::once("pert").chain(words.iter().copied());
    reporter.command(&shell_line(words.clone()));
    let cli = Cli::try_parse_from(words)?;
    super::run(&cli.command, reporter)
}

fn write_held_out(split: &Path, table: &Path) -> anyhow::Result<()> {
    let split = read_split(split)?;
    Ok(write_atomically(table, |out| {
        writeln!(out, "perturbation")?;
        split.test.iter().try_for_each(|label| writeln!(out, "{label}"))
    })?)
}
