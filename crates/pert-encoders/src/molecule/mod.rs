//! Molecules: structures, scaffolds, fingerprints, tables of drugs and encoders of them.

mod drug_encoder;
mod error;
mod morgan;
mod network;
mod network_encoder;
mod ordinary;
mod reading;
mod roberta;
mod smiles_table;
mod structure;
mod tanimoto_map;
mod vae;

pub use drug_encoder::{DrugEncoder, DrugEncoderState, InvalidDrug};
pub use error::MoleculeError;
pub use morgan::{MORGAN_BITS, MorganCounts, MorganFingerprint, SaltRule, tanimoto_matrix};
pub use network::SmilesNetwork;
pub use network_encoder::SmilesNetworkEncoder;
pub use reading::LONGEST_SMILES;
pub use roberta::{Roberta, RobertaConfig};
pub use smiles_table::SmilesTable;
pub use structure::Molecule;
pub use tanimoto_map::{MOST_TRAINING_DRUGS, TanimotoMap, TanimotoMapConfig, TanimotoMapState};
pub use vae::{
    Reconstruction, SmilesCorpus, SmilesTrainStep, SmilesVae, SmilesVaeConfig, SmilesVaeState,
    SmilesVaeTrainConfig, SmilesVaeTrainer, share_of_valid, smiles_tokens,
};
