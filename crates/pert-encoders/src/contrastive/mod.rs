//! Cells and perturbations in one space, brought together by contrastive training.

mod cell_encoder;
mod config;
mod data;
mod error;
mod loss;
mod network;
mod retrieval;
mod train;

pub use cell_encoder::{CELL_ENCODER_FORMAT, CellEncoder, CellEncoderState};
pub use config::{ContrastiveConfig, ContrastiveLoss, PerturbationSide};
pub use data::ContrastiveData;
pub use error::ContrastiveError;
pub use retrieval::Retrieval;
pub use train::{ContrastiveStep, ContrastiveTrainer};
