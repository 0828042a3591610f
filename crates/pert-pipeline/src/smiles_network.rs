//! A trained network of SMILES in a folder.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use pert_encoders::{Roberta, SmilesNetwork, SmilesVae, SmilesVaeState};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::output_folder::{FolderKind, OutputFolder};

const STATE_FILE: &str = "smiles_vae.json";
const WEIGHTS_FILE: &str = "smiles_vae.safetensors";
/// What a folder in the layout of `transformers` has, and none that is written here.
const CONFIG_FILE: &str = "config.json";
/// Larger files are none of these networks.
const LARGEST_FILE: u64 = 1 << 30;

/// How well a network does on molecules held out of its training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmilesNetworkReport {
    /// Optimiser steps.
    pub steps: usize,
    /// Seed of the training.
    pub seed: u64,
    /// Molecules learned from.
    pub n_molecules: usize,
    /// Molecules held out that were judged.
    pub n_judged: usize,
    /// Share of their tokens that are right behind the right ones; none where no molecule was held out.
    pub token_accuracy: Option<f64>,
    /// Share of them that come back letter by letter.
    pub exact: Option<f64>,
    /// Share of what they are decoded to that is a molecule.
    pub valid_decoded: Option<f64>,
    /// Share of what is drawn from N(0, I) that is a molecule.
    pub valid_drawn: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    network: SmilesVaeState,
    report: SmilesNetworkReport,
}

/// Writes a network and what was found of it into a folder of its own, whole or not at all; an older one is replaced.
///
/// # Errors
/// [`Error::OutputTaken`] when the folder holds something else, [`Error::Io`].
pub fn save_smiles_network(
    network: &SmilesVae,
    report: SmilesNetworkReport,
    folder: &Path,
) -> Result<(), Error> {
    let output = OutputFolder::create(folder, FolderKind::SmilesNetwork)?;
    let state = StateFile { network: network.state(), report };
    let json = serde_json::to_vec_pretty(&state).expect("a state is plain data");
    output.write(STATE_FILE, &json)?;
    let weights = network.to_safetensors().map_err(pert_encoders::Error::from)?;
    output.write(WEIGHTS_FILE, &weights)?;
    output.commit()
}

/// Reads the network of a folder: where there is a `config.json`, a [`Roberta`] in the layout of `transformers`, else what
/// [`save_smiles_network`] wrote.
///
/// # Errors
/// Those of [`Roberta::load`], which reads no other `model_type`, or of [`load_smiles_network`].
pub fn open_smiles_network(
    folder: &Path,
    device: &Device,
) -> Result<Box<dyn SmilesNetwork>, Error> {
    if folder.join(CONFIG_FILE).exists() {
        let network = Roberta::load(folder, device).map_err(pert_encoders::Error::from)?;
        return Ok(Box::new(network));
    }
    Ok(Box::new(load_smiles_network(folder, device)?))
}

/// Reads a network that [`save_smiles_network`] wrote.
///
/// # Errors
/// [`Error::ModelFolder`] when a file is missing, too large, of another format or damaged.
pub fn load_smiles_network(folder: &Path, device: &Device) -> Result<SmilesVae, Error> {
    let bad = |name: &str, problem: String| {
        let mend = "give a folder that `pert pretrain smiles -o DIR` wrote, or one of ChemBERTa with its config.json";
        Error::model(folder, format!("{name}: {problem}; {mend}"))
    };
    let read = |name: &str| {
        let path = folder.join(name);
        let size = fs::metadata(&path).map_err(|e| bad(name, e.to_string()))?.len();
        if size > LARGEST_FILE {
            return Err(bad(name, format!("{size} bytes are more than any such network has")));
        }
        fs::read(&path).map_err(|e| bad(name, e.to_string()))
    };
    let file: StateFile =
        serde_json::from_slice(&read(STATE_FILE)?).map_err(|e| bad(STATE_FILE, e.to_string()))?;
    SmilesVae::from_state(file.network, &read(WEIGHTS_FILE)?, device)
        .map_err(|e| bad(WEIGHTS_FILE, e.to_string()))
}
