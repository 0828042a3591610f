//! What the encoders know of perturbations never seen: protein variants by held-out residue position, drugs by held-out compound
//! and scaffold, each beside simple methods on the same features, as one table in Markdown.
//!
//! ```text
//! cargo run --release --example predictive_value -- DATA [SMILES_NETWORK]
//! ```
//!
//! DATA holds the score tables with their reference and the signatures ([where they come from](docs/benchmarks/encoders.md)); the
//! folder SMILES_NETWORK is that of `pert pretrain smiles`, or of a chemical RoBERTa. Held out is every fifth position, drug or scaffold in sorted order, in turn.
//! Kernels, penalties and numbers of neighbours are chosen by three inner folds of the training part, groups kept together, and columns
//! are scaled by the training part alone.

mod columns;
mod kernel_ridge;
mod neighbours;
mod predictions;
mod signatures;
mod table;
mod variants;

use std::path::Path;

use predictions::{Predictions, Score};
use signatures::Signatures;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const N_FOLDS: usize = 5;
const BASELINES: [&str; 4] = ["ridge", "kernel ridge", "nearest", "mean"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = arguments.first().ok_or("usage: predictive_value DATA [SMILES_NETWORK]")?;
    let (folder, network) = (Path::new(folder), arguments.get(1).map(Path::new));
    println!(
        "| data | held out | score | ours | {} | SMILES network | ours against the best of them |",
        BASELINES.join(" | ")
    );
    println!("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");

    let data = Signatures::read(&folder.join("lincs_l1000_drugbank_consensus_z.tsv.gz"))?;
    for (held_out, problem) in [("compound", data.by_drug()), ("scaffold", data.by_scaffold())] {
        let found = data.predictions(&problem, N_FOLDS, network)?;
        let name = format!("LINCS, {} drugs", problem.groups.len());
        print_row(&name, held_out, &found.by_correlation(&problem.targets, problem.d));
        print_row(&name, held_out, &found.by_variance(&problem.targets, problem.d));
    }

    for (name, file, protein, column, assay) in [
        ("KRAS abundance", KRAS, "RASK_HUMAN", "fitness", Some("abundance")),
        ("KRAS binding to RAF1", KRAS, "RASK_HUMAN", "fitness", Some("binding_RAF")),
        ("TP53 under nutlin-3a", TP53, "P53_HUMAN", "log2_n3a_over_dmso_median", None),
    ] {
        let data = variants::read(folder, file, protein, column, |table, row| {
            assay.is_none_or(|assay| table.text(row, "assay") == Ok(assay))
        })?;
        let found = data.predictions(N_FOLDS)?;
        let groups = &data.problem.groups;
        let name = format!("{name}, {} variants", groups.len());
        print_row(&name, "position", &found.by_rank(&data.problem.targets, groups));
    }
    Ok(())
}

const KRAS: &str = "kras_ddpca_single_aa_fitness.tsv.gz";
const TP53: &str = "tp53_sge_variants_exons5-8.tsv.gz";

fn print_row(data: &str, held_out: &str, score: &Score) {
    let value = |method: &&str| match score.value(method) {
        Some(value) if !value.is_nan() => format!("{value:.3}"),
        _ => "–".to_owned(),
    };
    let values: Vec<String> =
        ["ours"].iter().chain(&BASELINES).chain(&["SMILES network"]).map(value).collect();
    let verdict =
        score.against_best(&BASELINES).map_or("–".to_owned(), |(best, share, effect, p)| {
            format!("{best}: better in {:.0}%, effect {effect:+.2}, p = {p:.1e}", 100.0 * share)
        });
    println!("| {data} | {held_out} | {} | {} | {verdict} |", score.name, values.join(" | "));
}
