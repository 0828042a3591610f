//! RoBERTa over SMILES (ChemBERTa), frozen.

mod config;
mod model;
mod tokenizer;
mod tokenizer_files;

pub use config::RobertaConfig;
pub use model::Roberta;
