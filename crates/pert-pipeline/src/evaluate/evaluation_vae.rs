//! The VAE whose 10-d latent means the Fréchet distance is measured in: trained on all real cells, apart from every
//! model that is judged.

use std::path::Path;

use burn::tensor::Device;
use pert_core::seeded_rng;
use pert_data::Dataset;
use pert_decoder::{Conditions, TrainConfig, Vae, VaeConfig, VaeInputs, VaeState};
use serde::{Deserialize, Serialize};

use super::cells::Cells;
use crate::Error;
use crate::checkpoints::Checkpoints;
use crate::model::{gene_columns, path_of};
use crate::output_folder::{FolderKind, OutputFolder};
use crate::progress::Progress;
use crate::training::train_vae;

/// Width of the evaluation space (evaluation protocol: 10).
const N_LATENT: usize = 10;

/// Version of the folder format.
const FORMAT: u32 = 1;

const STATE_FILE: &str = "evaluation_vae.json";
const WEIGHTS_FILE: &str = "evaluation_vae.safetensors";

/// An encoder of counts for evaluation only. Quote a `fid_latent` as a ratio to its floor under the same one.
#[derive(Debug)]
pub struct EvaluationVae {
    genes: Vec<String>,
    vae: Vae,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    format: u32,
    genes: Vec<String>,
    vae: VaeState,
}

impl EvaluationVae {
    /// Trains one on all cells of a screen that have counts in the genes given.
    ///
    /// # Errors
    /// [`Error::GenesAbsent`], training that diverges, or [`Error::Interrupted`].
    pub fn train(
        real: &Dataset,
        genes: &[String],
        seed: u64,
        device: &Device,
        progress: &mut dyn Progress,
    ) -> Result<Self, Error> {
        let population = real.population();
        let path = path_of(real);
        let columns = gene_columns(genes, population.genes(), &path)?;
        let counts = population.counts().select_genes(&columns);
        let cells: Vec<usize> =
            (0..counts.n_cells()).filter(|&i| counts.library_size(i) > 0.0).collect();
        let groups = vec![0; cells.len()];
        let inputs = VaeInputs { cell: None, covariate: None, library_group: &groups, n_groups: 1 };
        let config = VaeConfig::new(genes.len(), N_LATENT);
        let vae = train_vae(
            "evaluation VAE",
            (&counts, &cells),
            &inputs,
            (&config, &TrainConfig::default()),
            seed,
            device,
            &mut Checkpoints::none(),
            progress,
        )?;
        Ok(Self { genes: genes.to_vec(), vae })
    }

    /// Reads one from its folder.
    ///
    /// # Errors
    /// [`Error::ModelFolder`] when a file is missing, of another format or corrupt.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, Error> {
        let read = |name: &str| {
            std::fs::read(folder.join(name)).map_err(|e| Error::io("read", &folder.join(name), e))
        };
        let file: StateFile = serde_json::from_slice(&read(STATE_FILE)?)
            .map_err(|e| Error::model(folder, format!("{STATE_FILE}: {e}")))?;
        if file.format != FORMAT {
            let message = format!("has format {}, this version reads {FORMAT}", file.format);
            return Err(Error::model(folder, message));
        }
        let vae = Vae::from_state(file.vae, &read(WEIGHTS_FILE)?, device)
            .map_err(|e| Error::model(folder, format!("{WEIGHTS_FILE}: {e}")))?;
        Ok(Self { genes: file.genes, vae })
    }

    /// Writes it into a folder of its own.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        let output = OutputFolder::create(folder, FolderKind::EvaluationVae)?;
        let state = StateFile { format: FORMAT, genes: self.genes.clone(), vae: self.vae.state() };
        let json = serde_json::to_vec_pretty(&state).expect("a state is plain data");
        output.write(STATE_FILE, &json)?;
        output.write(WEIGHTS_FILE, &self.vae.to_safetensors()?)?;
        output.commit()
    }

    /// Whether a folder holds one.
    pub fn exists(folder: &Path) -> bool {
        folder.join(STATE_FILE).exists()
    }

    /// Genes it was trained on, in column order.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// Refuses other genes than it was trained on.
    pub(super) fn check_genes(&self, genes: &[String]) -> Result<(), Error> {
        if self.genes == genes {
            return Ok(());
        }
        Err(Error::Request(format!(
            "the evaluation VAE was trained on {} genes, which are not the {} genes judged here (or stand in another \
             order); leave --evaluation-vae out, or name another folder",
            self.genes.len(),
            genes.len()
        )))
    }

    /// Width of the latent space.
    pub(super) fn n_latent(&self) -> usize {
        N_LATENT
    }

    /// Latent means, `[n, n_latent]`, row-major.
    pub(super) fn latent(&self, cells: &Cells) -> Result<Vec<f64>, Error> {
        let latent = self.vae.encode_profiles(&cells.counts(), Conditions::default())?;
        Ok(latent.into_iter().map(f64::from).collect())
    }
}

/// A generator for the draws of one purpose of an evaluation.
pub(super) fn rng(seed: u64, purpose: &str, perturbation: &str) -> pert_core::ChaCha8Rng {
    seeded_rng(seed, &format!("evaluate/{purpose}/{perturbation}"))
}
