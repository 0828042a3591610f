//! Proteins and their variants: references, features of a change, a language model.

mod change_encoder;
mod error;
mod esm2;
mod reference;
mod scales;
mod sequence;

pub use change_encoder::{ChangeEncoder, ChangeEncoderConfig};
pub use error::ProteinError;
pub use esm2::{
    Esm2, Esm2Config, Esm2Encoder, Esm2EncoderConfig, Esm2Part, Esm2Progress, Marginal,
};
pub use reference::{Mutant, ProteinReferences};
pub use sequence::{LONGEST_PROTEIN, ProteinSequence};
