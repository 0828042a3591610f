//! `pert demo`: the whole road on a simulated screen.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use pert_prior::Progress;
use pert_prior::data::{shell_line, write_atomically};
use pert_prior::pipeline::{Checkpoints, FolderKind, read_split};

use crate::args::{Cli, DemoArgs, Kind};
use crate::progress::Reporter;

/// Cells written per held-out perturbation.
const CELLS: &str = "200";

/// What a kind of screen is shown with, and what of it is held out.
struct Recipe {
    /// As the flag says it.
    kind: &'static str,
    /// The flag of `pert fit` for what `pert simulate` writes beside the screen, and the end of that file's name.
    shown: (&'static str, &'static str),
    /// Each rule holds out twenty perturbations and more, without which a paired test says little.
    hold_out: &'static str,
    /// What is held out, in words.
    held_out: &'static str,
}

impl Kind {
    fn recipe(self) -> Recipe {
        match self {
            Self::GenePairs => Recipe {
                kind: "gene-pairs",
                shown: ("--features", "features.tsv"),
                hold_out: "seen-2:0.6",
                held_out: "the pairs",
            },
            Self::Drugs => Recipe {
                kind: "drugs",
                shown: ("--smiles", "smiles.tsv"),
                hold_out: "scaffold:0.3",
                held_out: "the compounds at their doses",
            },
            Self::Variants => Recipe {
                kind: "variants",
                shown: ("--reference", "fasta"),
                hold_out: "position:0.3",
                held_out: "the substitutions",
            },
        }
    }
}

pub fn run(args: &DemoArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    FolderKind::Demo.check(&args.output)?;
    std::fs::create_dir_all(&args.output)
        .map_err(|e| anyhow::anyhow!("cannot create {}: {e}", args.output.display()))?;
    let path = |name: &str| args.output.join(name).display().to_string();
    let seed = args.seed.to_string();
    let recipe = args.kind.recipe();
    let (flag, ending) = recipe.shown;
    let (screen, shown, truth) =
        (path("screen.h5ad"), path(&format!("screen.{ending}")), path("screen.truth.tsv"));
    let (model, held_out, predicted, report) =
        (path("model"), path("held_out.tsv"), path("predicted.h5ad"), path("report"));

    let mut simulate = vec!["simulate", "-o", &screen, "--seed", &seed];
    if args.kind != Kind::GenePairs {
        simulate.extend(["--kind", recipe.kind]);
    }
    run_command(reporter, &simulate)?;
    let keys = ["--cell-type-key", "cell_type", "--batch-key", "batch"];
    let mut fit = vec!["fit", &screen, "-o", &model, flag, &shown];
    fit.extend(keys);
    fit.extend(["--hold-out", recipe.hold_out, "--seed", &seed]);
    // An interrupted demo, given again, goes on where it was.
    if Checkpoints::exist(Path::new(&model)) {
        fit.push("--resume");
    }
    run_command(reporter, &fit)?;
    write_held_out(&PathBuf::from(&model).join("split.json"), Path::new(&held_out))?;
    let what = recipe.held_out;
    reporter.note(&format!("{held_out} lists {what} under \"test\" in {model}/split.json"));
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
