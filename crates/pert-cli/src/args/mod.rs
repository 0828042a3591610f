//! The command line. Names are a contract: add, don't rename.

mod encode;
mod features;
mod pretrain;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pert_prior::pipeline::Shard;

pub use encode::EncodeArgs;
pub use features::FeatureArgs;
pub use pretrain::{Network, PretrainArgs, PretrainSmilesArgs};

const GENERAL: &str = "General options";
const ADVANCED: &str = "Advanced options (docs/equations.md)";

/// Predict how cells respond to perturbations nobody has measured.
#[derive(Debug, Parser)]
#[command(
    name = "pert",
    version,
    about,
    after_help = "EXAMPLES:\n  \
        pert demo                                             simulate, fit, predict, evaluate\n  \
        pert inspect screen.h5ad                              what does the file hold?\n  \
        pert fit screen.h5ad -o model --features go.tsv.gz --hold-out seen-2\n  \
        pert predict model -p CEBPE+RUNX1T1 --cells 500 -o predicted.h5ad\n  \
        pert evaluate model screen.h5ad -o report\n  \
        pert benchmark protocols/small.toml --data DIR -o benchmark\n  \
        pert encode --encoder smiles -p 'CC(=O)Oc1ccccc1C(=O)O' -o aspirin.tsv\n\n\
        EXIT CODES: 0 done, 1 bad input or failure, 2 wrong usage, 130 interrupted"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// No progress and no notes on stderr; errors and results are still printed.
    #[arg(long, short, global = true, help_heading = GENERAL)]
    pub quiet: bool,
    /// Threads to use; results are byte-identical for the same number. Default: all cores.
    #[arg(long, global = true, help_heading = GENERAL, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what a cell file holds and how to fit it.
    Inspect(InspectArgs),
    /// Write a simulated screen with known truth: FILE.h5ad, FILE.truth.tsv, and what a model is told.
    Simulate(SimulateArgs),
    /// Learn from a screen.
    Fit(Box<FitArgs>),
    /// Generate cells under perturbations, seen or not.
    Predict(PredictArgs),
    /// Compare generated with real cells, beside baselines, floor and ceiling.
    Evaluate(EvaluateArgs),
    /// Judge the simple baselines alone: what a model must beat on a screen.
    Baselines(BaselinesArgs),
    /// Run a protocol: data sets × splits × seeds × models, to one comparison table.
    Benchmark(BenchmarkArgs),
    /// Turn labels of genes, drugs or protein variants into rows of numbers; needs no screen and no model.
    Encode(Box<EncodeArgs>),
    /// Train a network that encodes perturbations.
    Pretrain(PretrainArgs),
    /// Simulate, fit, predict what was held out, evaluate: the whole road in minutes.
    Demo(DemoArgs),
}

/// `pert inspect`.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  \
    pert inspect screen.h5ad\n  \
    pert inspect screen.h5ad --perturbation-key guide --control NT     where a guess is wrong\n  \
    pert inspect drugs.h5ad --smiles drugs.smiles.tsv                  which drugs can be encoded?\n  \
    pert inspect screen.h5ad --json")]
pub struct InspectArgs {
    /// The cell file (.h5ad).
    pub file: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
    /// Tell which perturbations have all their genes among these.
    #[command(flatten)]
    pub features: FeatureArgs,
    /// Tell which drugs have a structure in this table that is a molecule.
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["reference", "features", "gaf"])]
    pub smiles: Option<PathBuf>,
    /// Tell which protein variants fit the sequences of this file.
    #[arg(long, value_name = "FASTA", conflicts_with_all = ["features", "gaf"])]
    pub reference: Option<PathBuf>,
    /// Which columns mean what, where a guess is wrong.
    #[command(flatten)]
    pub data: DataArgs,
}

/// The kind of a simulated screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Single genes and pairs, with gene features (FILE.features.tsv).
    #[value(alias = "genes")]
    GenePairs,
    /// Compounds at three doses each, with structures (FILE.smiles.tsv).
    Drugs,
    /// Single substitutions in one protein, with its sequence (FILE.fasta).
    Variants,
}

/// `pert simulate`.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  \
    pert simulate -o screen.h5ad --seed 1\n  \
    pert simulate -o small.h5ad --cells 1500 --genes 300 --perturbations 30\n  \
    pert simulate --kind drugs -o drugs.h5ad        80 compounds × 3 doses; drugs.smiles.tsv\n  \
    pert simulate --kind variants -o variants.h5ad  160 substitutions; variants.fasta")]
pub struct SimulateArgs {
    /// The cell file to write.
    #[arg(short, long, value_name = "FILE.h5ad")]
    pub output: PathBuf,
    /// The kind of screen.
    #[arg(long, value_enum, default_value = "gene-pairs")]
    pub kind: Kind,
    /// Number of cells, control included [default: 6000, 12000, 10000 by kind]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub cells: Option<u32>,
    /// Number of genes [default: 500]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub genes: Option<u32>,
    /// Number of perturbations, control not counted; each dose counts [default: 80, 240, 160 by kind]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub perturbations: Option<u32>,
    /// Seed.
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub seed: u64,
}

/// Which columns mean what; shared by `inspect`, `fit` and `evaluate`.
#[derive(Debug, Args, Default)]
pub struct DataArgs {
    /// The obs column of the perturbation [default: guessed]
    #[arg(long, value_name = "COL")]
    pub perturbation_key: Option<String>,
    /// The label of unperturbed cells [default: guessed]
    #[arg(long, value_name = "LABEL")]
    pub control: Option<String>,
    /// What joins the parts of a label, as + in A+B [default: guessed]
    #[arg(long, value_name = "CHAR")]
    pub separator: Option<char>,
    /// What labels name: genes (or any names), protein variants, drugs with doses [default: guessed]
    #[arg(long, value_name = "genes|variants|drugs",
        value_parser = ["genes", "variants", "drugs"], hide_possible_values = true)]
    pub label_kind: Option<String>,
    /// Numbers of guides at the end of genes (KLF1_sg2) [default: guessed]
    #[arg(long, value_name = "keep|strip",
        value_parser = ["keep", "strip"], hide_possible_values = true)]
    pub guide_suffix: Option<String>,
    /// The layer that holds raw counts (`raw` for raw/X) [default: X]
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,
    /// The obs column of the cell type; none: there is none [default: guessed]
    #[arg(long, value_name = "COL")]
    pub cell_type_key: Option<String>,
    /// The obs column of the batch; none: there is none [default: guessed]
    #[arg(long, value_name = "COL")]
    pub batch_key: Option<String>,
    /// The obs column of the dose, in nM; none: there is none [default: guessed]
    #[arg(long, value_name = "COL")]
    pub dose_key: Option<String>,
    /// Keep only cells that meet this; may be given several times
    #[arg(long, value_name = "'COL>=VALUE'")]
    pub filter: Vec<String>,
}

/// `pert fit`.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  \
    pert fit screen.h5ad -o model --features go.tsv.gz --unknown-gene mean --hold-out seen-2:0.3\n  \
    pert fit screen.h5ad -o model --filter 'guide_umi_fraction>=0.8' --hold-out cells\n  \
    pert fit screen.h5ad -o model --gaf goa_human.gaf.gz --obo go-basic.obo --aliases aliases.tsv\n  \
    pert fit screen.h5ad -o model --encoder table --features uns:esm2\n  \
    pert fit screen.h5ad -o model --config run.toml --seed 3\n  \
    pert fit screen.h5ad -o model --resume                after Ctrl-C, or on a cluster always")]
pub struct FitArgs {
    /// The cell file (.h5ad) with raw counts.
    pub file: PathBuf,
    /// The model folder to write.
    #[arg(short, long, value_name = "MODEL_DIR")]
    pub output: PathBuf,
    /// A run file; flags given beside it win.
    #[arg(long, value_name = "run.toml")]
    pub config: Option<PathBuf>,
    /// Which columns mean what.
    #[command(flatten)]
    pub data: DataArgs,
    /// How perturbations are encoded [default: auto]. auto: drugs with --smiles by structure, variants with --reference by
    /// sequence, all else as gene-set
    #[arg(long, value_name = "auto|gene-set|smiles|protein|table",
        value_parser = ["auto", "gene-set", "smiles", "protein", "table"], hide_possible_values = true)]
    pub encoder: Option<String>,
    /// What is known of genes.
    #[command(flatten)]
    pub features: FeatureArgs,
    /// A perturbed gene without features: an error, or the mean of all genes [default: error]
    #[arg(long, value_name = "error|mean",
        value_parser = ["error", "mean"], hide_possible_values = true)]
    pub unknown_gene: Option<String>,
    /// What is held out for evaluation [default: nothing]. cells: every fifth cell; sorted-5: every fifth label;
    /// seen-2, seen-1, seen-0: combinations of which that many genes are seen alone; unseen-single: single genes;
    /// position: residue positions with all their variants; scaffold: drugs of a scaffold; covariate-transfer:
    /// perturbations in one cell type; labels:A,B: these
    #[arg(long, value_name = "RULE[:FRACTION]", conflicts_with = "split")]
    pub hold_out: Option<String>,
    /// Drugs and their structures (columns drug, smiles): what --encoder smiles reads and --hold-out scaffold groups by
    #[arg(long, value_name = "TABLE")]
    pub smiles: Option<PathBuf>,
    /// Reference sequences of proteins (FASTA): what --encoder protein reads
    #[arg(long, value_name = "FASTA")]
    pub reference: Option<PathBuf>,
    /// A split to read instead
    #[arg(long, value_name = "split.json")]
    pub split: Option<PathBuf>,
    /// Share of the control cells kept apart as reference of the evaluation [default: 0.5]
    #[arg(long, value_name = "FRACTION")]
    pub control_split: Option<f64>,
    /// A perturbation with fewer than 5 training cells: an error, or left out [default: error]
    #[arg(long, value_name = "error|drop",
        value_parser = ["error", "drop"], hide_possible_values = true)]
    pub rare: Option<String>,
    /// Distribution of the counts [default: zinb]
    #[arg(long, value_name = "zinb|nb|poisson",
        value_parser = ["zinb", "nb", "poisson"], hide_possible_values = true)]
    pub likelihood: Option<String>,
    /// Diffuse the residual around a closed-form mean, or g itself [default: residual]
    #[arg(long, help_heading = ADVANCED, value_name = "residual|plain",
        value_parser = ["residual", "plain"], hide_possible_values = true)]
    pub prior_form: Option<String>,
    /// Pull generated gene means towards the closed-form ones [default: auto]
    #[arg(long, help_heading = ADVANCED, value_name = "auto|on|off",
        value_parser = ["auto", "on", "off"], hide_possible_values = true)]
    pub gene_anchor: Option<String>,
    /// Highly variable genes kept, beside the perturbed ones [default: 2000]
    #[arg(long, value_name = "N")]
    pub n_top_genes: Option<usize>,
    /// Seed [default: 0]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Go on with the unfinished fit in MODEL_DIR.unfinished; without one, begin
    #[arg(long)]
    pub resume: bool,
    /// Seconds between checkpoints; a kill loses no more than that
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds)]
    pub checkpoint_interval: f64,
    /// Where to compute
    #[arg(long, value_name = "cpu|wgpu|cuda|auto", default_value = "auto",
        value_parser = ["cpu", "wgpu", "cuda", "auto"], hide_possible_values = true)]
    pub device: String,
}

/// A length of time: finite, at least 0.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 && seconds.is_finite() => Ok(seconds),
        _ => Err("must be a number of seconds, 0 or more".to_owned()),
    }
}

/// `pert predict`.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  \
    pert predict model -p CEBPE+RUNX1T1 -p KLF1 --cells 500 -o predicted.h5ad\n  \
    pert predict model --perturbations wanted.tsv --at cell_type=CD4T -o predicted.h5ad")]
pub struct PredictArgs {
    /// The model folder.
    pub model: PathBuf,
    /// A perturbation; genes of a combination joined by +; may be given several times.
    #[arg(
        short,
        long = "perturbation",
        value_name = "LABEL",
        required_unless_present = "perturbations"
    )]
    pub perturbation: Vec<String>,
    /// A table of perturbations: header `perturbation`, covariate columns, optional `n_cells`.
    #[arg(long, value_name = "FILE.tsv", conflicts_with = "perturbation")]
    pub perturbations: Option<PathBuf>,
    /// A covariate value for all generated cells; may be given several times [default: the mix seen in training]
    #[arg(long, value_name = "KEY=VALUE")]
    pub at: Vec<String>,
    /// Cells per perturbation.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub cells: u32,
    /// Seed.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Where to compute
    #[arg(long, value_name = "cpu|wgpu|cuda|auto", default_value = "auto",
        value_parser = ["cpu", "wgpu", "cuda", "auto"], hide_possible_values = true)]
    pub device: String,
    /// The cell file to write.
    #[arg(short, long, value_name = "OUT.h5ad")]
    pub output: PathBuf,
}

/// `pert evaluate`.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  \
    pert evaluate model screen.h5ad -o report\n  \
    pert evaluate predicted.h5ad screen.h5ad --split model/split.json -o report\n  \
    pert evaluate predicted.h5ad screen.h5ad --genes common -o report        the genes both files hold")]
pub struct EvaluateArgs {
    /// A model folder, or a .h5ad of predicted cells from any tool.
    pub predicted: PathBuf,
    /// The real cells (.h5ad).
    pub real: PathBuf,
    /// The split [default: the model's; for a .h5ad the perturbations it holds are the test]
    #[arg(long, value_name = "split.json")]
    pub split: Option<PathBuf>,
    /// Which genes predicted cells are judged on: all they hold, or those the real file holds too
    #[arg(long, value_name = "all|common", default_value = "all",
        value_parser = ["all", "common"], hide_possible_values = true)]
    pub genes: String,
    /// Cells a model generates per perturbation.
    #[arg(long, value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(2..))]
    pub cells: u32,
    /// What is judged, and how.
    #[command(flatten)]
    pub judging: JudgingArgs,
}

/// `pert baselines`.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  \
    pert baselines screen.h5ad --hold-out sorted-5 -o report\n  \
    pert baselines screen.h5ad --hold-out seen-2 --features go.tsv -o report")]
pub struct BaselinesArgs {
    /// The real cells (.h5ad).
    pub real: PathBuf,
    /// What is held out: a rule as in `pert fit`
    #[arg(long, value_name = "RULE[:FRACTION]", required_unless_present = "split")]
    pub hold_out: Option<String>,
    /// Drugs and their structures (columns drug, smiles): what --hold-out scaffold groups by
    #[arg(long, value_name = "TABLE")]
    pub smiles: Option<PathBuf>,
    /// A split to read instead.
    #[arg(long, value_name = "split.json", conflicts_with = "hold_out")]
    pub split: Option<PathBuf>,
    /// Share of the control cells kept apart as the reference.
    #[arg(long, value_name = "F", default_value_t = 0.5)]
    pub control_split: f64,
    /// A perturbation with fewer than 5 training cells: an error, or left out [default: error]
    #[arg(long, value_name = "error|drop",
        value_parser = ["error", "drop"], hide_possible_values = true)]
    pub rare: Option<String>,
    /// Highly variable genes kept, beside the perturbed ones [default: 2000]
    #[arg(long, value_name = "N")]
    pub n_top_genes: Option<usize>,
    /// What is judged, and how.
    #[command(flatten)]
    pub judging: JudgingArgs,
}

/// Shared by `evaluate` and `baselines`.
#[derive(Debug, Args)]
pub struct JudgingArgs {
    /// The report folder to write.
    #[arg(short, long, value_name = "REPORT_DIR")]
    pub output: PathBuf,
    /// The evaluation VAE to use, or where to keep the one trained [default: REPORT_DIR/evaluation_vae]
    #[arg(long, value_name = "DIR")]
    pub evaluation_vae: Option<PathBuf>,
    /// What the baselines that predict from an embedding know of genes, where it is not what the model knows.
    #[command(flatten)]
    pub features: FeatureArgs,
    /// True mean profiles of a simulated screen (FILE.truth.tsv): adds pearson_delta_true
    #[arg(long, value_name = "FILE.truth.tsv")]
    pub truth: Option<PathBuf>,
    /// Resamples of the real cells behind the intervals over cells; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub bootstraps: u32,
    /// Which columns mean what, where they differ from the model's.
    #[command(flatten)]
    pub data: DataArgs,
    /// Seed.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Where to compute
    #[arg(long, value_name = "cpu|wgpu|cuda|auto", default_value = "auto",
        value_parser = ["cpu", "wgpu", "cuda", "auto"], hide_possible_values = true)]
    pub device: String,
}

/// `pert benchmark`.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  \
    pert benchmark protocols/gi.toml --data DIR --dry-run         what would be run\n  \
    pert benchmark protocols/gi.toml --data DIR -o gi             run; given again, it goes on\n  \
    pert benchmark protocols/gi.toml --data DIR -o gi --shard 2/8 the second of eight jobs\n  \
    pert benchmark protocols/gi.toml -o gi --merge                the tables of what is finished\n\n\
    Finished runs are not done again. A run that fails is recorded and tried again the next time; the others go on, \
    and the exit code is 1. See docs/guide/6-benchmarks.md.")]
pub struct BenchmarkArgs {
    /// The protocol.
    #[arg(value_name = "PROTOCOL.toml")]
    pub protocol: PathBuf,
    /// The folder of the cell files [default: that of the protocol]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The folder to write [default: benchmark-NAME]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Only this data set; may be given several times
    #[arg(long, value_name = "DATASET")]
    pub only: Vec<String>,
    /// Run only the i-th of N parts; tables are made by --merge
    #[arg(long, value_name = "i/N", conflicts_with = "merge")]
    pub shard: Option<Shard>,
    /// Run nothing: make the tables of what is finished and name what is missing
    #[arg(long)]
    pub merge: bool,
    /// Print the runs and do nothing
    #[arg(long, conflicts_with = "merge")]
    pub dry_run: bool,
    /// Do runs again that were made with other settings
    #[arg(long, conflicts_with = "merge")]
    pub force: bool,
    /// Seconds between checkpoints; a kill loses no more than that
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds)]
    pub checkpoint_interval: f64,
    /// Where to compute
    #[arg(long, value_name = "cpu|wgpu|cuda|auto", default_value = "auto",
        value_parser = ["cpu", "wgpu", "cuda", "auto"], hide_possible_values = true)]
    pub device: String,
}

/// `pert demo`.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  \
    pert demo                 into the folder pert-demo, in two to three minutes\n  \
    pert demo --kind drugs    compounds of scaffolds never seen, at three doses\n  \
    pert demo --kind variants substitutions at positions never seen\n  \
    pert demo -o elsewhere --seed 3")]
pub struct DemoArgs {
    /// The folder to write.
    #[arg(short, long, value_name = "DIR", default_value = "pert-demo")]
    pub output: PathBuf,
    /// The kind of screen.
    #[arg(long, value_enum, default_value = "gene-pairs")]
    pub kind: Kind,
    /// Seed.
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub seed: u64,
}
