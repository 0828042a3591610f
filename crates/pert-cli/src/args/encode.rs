//! What `pert encode` takes.

use std::path::PathBuf;

use clap::Args;

use super::features::FeatureArgs;

/// `pert encode`.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  \
    pert encode --encoder smiles -p 'CC(=O)Oc1ccccc1C(=O)O' -o aspirin.tsv\n  \
    pert encode --encoder smiles --perturbations drugs.tsv --on-invalid skip -o drugs.npz\n  \
    pert encode --encoder protein -p 'KRAS p.Gly12Asp' -p KRAS_G12C --reference kras.fasta -o kras.tsv\n  \
    pert encode --encoder protein --all-substitutions TP53 --reference tp53.fasta --weights esm2_t6_8M -o tp53.npz\n  \
    pert encode --encoder gene-set -p CEBPE+RUNX1T1 --features go.tsv.gz -o genes.tsv\n  \
    pert encode --encoder table -p KLF1+MYC --features screen.h5ad:uns:esm2 -o rows.tsv\n\n\
    ROWS:\n  \
    gene-set  features of each gene in at most --dim dimensions (truncated SVD over all genes of the table), summed\n  \
    table     the row of --features, as it is read; summed over the parts of a combination\n  \
    smiles    2048 Morgan bits of radius 2 (RDKit's; of a salt the largest part); with --weights the latent mean of a\n            \
              network that `pert pretrain smiles` wrote, or the mean of ChemBERTa's last states over the tokens of the\n            \
              molecule; then log(1 + dose in nM) where labels have doses\n  \
    protein   physico-chemical features of the change, its place and neighbours; with --weights what ESM-2 makes of it:\n            \
              difference to wild type at the changed residues and in the mean, log-likelihood ratio\n\n\
    Control (--control LABEL) is a row of zeros. Numbers are 32-bit; OUT.npz holds labels, embeddings and columns.\n\
    What is written, `pert fit --encoder table --features` reads.")]
pub struct EncodeArgs {
    /// What labels name, and how they become numbers
    #[arg(long, value_name = "gene-set|smiles|protein|table",
        value_parser = ["gene-set", "smiles", "protein", "table"], hide_possible_values = true)]
    pub encoder: String,
    /// A perturbation: genes joined by +, a SMILES, a drug of --smiles with its dose, a protein variant; may be given several
    /// times
    #[arg(short, long = "perturbation", value_name = "LABEL",
        required_unless_present_any = ["perturbations", "all_substitutions"])]
    pub perturbation: Vec<String>,
    /// A table of perturbations (tab-separated): header `perturbation`, for drugs optionally `smiles`
    #[arg(long, value_name = "FILE.tsv", conflicts_with = "perturbation")]
    pub perturbations: Option<PathBuf>,
    /// Every substitution of this protein of --reference, 19 for each residue
    #[arg(long, value_name = "PROTEIN", conflicts_with_all = ["perturbation", "perturbations"])]
    pub all_substitutions: Option<String>,
    /// What is known of genes.
    #[command(flatten)]
    pub features: FeatureArgs,
    /// Drugs and their structures (columns drug, smiles); labels are then names, with or without dose
    #[arg(long, value_name = "TABLE")]
    pub smiles: Option<PathBuf>,
    /// Reference sequences of proteins (FASTA)
    #[arg(long, value_name = "FASTA")]
    pub reference: Option<PathBuf>,
    /// A pretrained network: a folder of ESM-2 (config.json, model.safetensors), of ChemBERTa (the same and its tokenizer) or of
    /// `pert pretrain smiles`
    #[arg(long, value_name = "DIR")]
    pub weights: Option<PathBuf>,
    /// Where rows of ESM-2 are kept, so that a run cut off or given again goes on [default: OUT.cache]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Most dimensions of a gene set
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub dim: u8,
    /// A perturbation that cannot be encoded: an error, or left out and listed
    #[arg(long, value_name = "error|skip", default_value = "error",
        value_parser = ["error", "skip"], hide_possible_values = true)]
    pub on_invalid: String,
    /// The label of unperturbed cells
    #[arg(long, value_name = "LABEL", default_value = "control")]
    pub control: String,
    /// Where networks compute
    #[arg(long, value_name = "cpu|wgpu|cuda|auto", default_value = "auto",
        value_parser = ["cpu", "wgpu", "cuda", "auto"], hide_possible_values = true)]
    pub device: String,
    /// The file to write
    #[arg(short, long, value_name = "OUT.tsv|OUT.npz")]
    pub output: PathBuf,
}

impl EncodeArgs {
    /// Whether computed rows outlive a run that is cut off.
    pub fn keeps_rows(&self) -> bool {
        self.encoder == "protein" && self.weights.is_some()
    }
}
