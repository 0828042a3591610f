//! What is known of genes beside the screen.

use std::path::PathBuf;

use clap::Args;
use pert_prior::pipeline::{FeatureSource, FitConfig};

/// Features of genes and their other names; shared by all that read them.
#[derive(Debug, Args, Default)]
pub struct FeatureArgs {
    /// A table of features of genes, or of anything (tsv/csv, plain or .gz, first column the name; npz, safetensors; GO lists, GMT),
    /// or one in the cell file: uns:KEY (dict of label → vector, DataFrame) or obsm:KEY; in another: FILE.h5ad:uns:KEY
    #[arg(long, value_name = "TABLE")]
    pub features: Option<FeatureSource>,
    /// Gene Ontology annotations in place of --features, propagated to all terms above
    #[arg(long, value_name = "FILE.gaf")]
    pub gaf: Option<PathBuf>,
    /// The ontology of --gaf
    #[arg(long, value_name = "FILE.obo")]
    pub obo: Option<PathBuf>,
    /// Other names of genes or proteins (columns alias, symbol)
    #[arg(long, value_name = "TABLE")]
    pub aliases: Option<PathBuf>,
}

impl FeatureArgs {
    /// What is given takes the place of what the configuration names.
    pub fn apply(&self, config: &mut FitConfig) {
        if self.features.is_some() || self.gaf.is_some() || self.obo.is_some() {
            config.features.clone_from(&self.features);
            config.gaf.clone_from(&self.gaf);
            config.obo.clone_from(&self.obo);
        }
        if self.aliases.is_some() {
            config.aliases.clone_from(&self.aliases);
        }
    }
}
