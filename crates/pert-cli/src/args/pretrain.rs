//! What `pert pretrain` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `pert pretrain`.
#[derive(Debug, Args)]
pub struct PretrainArgs {
    /// What is trained.
    #[command(subcommand)]
    pub network: Network,
}

/// Networks that can be trained.
#[derive(Debug, Subcommand)]
pub enum Network {
    /// A variational autoencoder of molecules as SMILES, for `pert encode --encoder smiles --weights`.
    Smiles(PretrainSmilesArgs),
}

/// `pert pretrain smiles`.
#[derive(Debug, Args)]
#[command(after_help = "EXAMPLES:\n  \
    pert pretrain smiles --corpus molecules.tsv.gz -o network\n  \
    pert pretrain smiles --corpus molecules.txt --steps 10000 --seed 1 -o network\n  \
    pert encode --encoder smiles --weights network -p CCO -o ethanol.tsv\n\n\
    One molecule in twenty is held out; how many of them come back, and how much of what is decoded or drawn is a\n\
    molecule, is printed in the end and written to DIR/smiles_vae.json.")]
pub struct PretrainSmilesArgs {
    /// Molecules: a table with a column smiles, or one SMILES a line; plain or .gz
    #[arg(long, value_name = "FILE")]
    pub corpus: PathBuf,
    /// Optimiser steps of 128 molecules
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,
    /// Seed
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Where to compute
    #[arg(long, value_name = "cpu|wgpu|cuda|auto", default_value = "auto",
        value_parser = ["cpu", "wgpu", "cuda", "auto"], hide_possible_values = true)]
    pub device: String,
    /// The folder to write
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
}
