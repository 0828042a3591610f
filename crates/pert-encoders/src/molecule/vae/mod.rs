//! A variational autoencoder of SMILES: tokens, network, training, and drugs encoded by it.

mod config;
mod corpus;
mod model;
mod network;
mod tokens;
mod train;

pub use config::{SmilesVaeConfig, SmilesVaeTrainConfig};
pub use corpus::SmilesCorpus;
pub use model::{Reconstruction, SmilesVae, SmilesVaeState, share_of_valid};
pub use tokens::smiles_tokens;
pub use train::{SmilesTrainStep, SmilesVaeTrainer};
