//! Encoders: from what was perturbed to numbers, order-invariant, for targets seen or unseen; and from cells to numbers.
//!
//! A gene set is encoded twice. [`GeneSetEncoder::encode`] gives what kernels read: which seen genes are in the set,
//! and the sum of the genes' features (annotation of the Gene Ontology, or any table of numbers).
//! [`GeneSetEncoder::condition`] gives what networks read: the same with features reduced to a few dimensions.
//!
//! What is known of targets comes from a [`FeatureTable`] (numbers, annotations, gene sets; text, npz, safetensors), from the Gene
//! Ontology's own files ([`Annotations`] and [`Ontology`]), under any name an [`AliasTable`] resolves. Every encoder of targets is a
//! [`TargetEncoder`]; [`SetEncoder`] pools their rows, with ids learned for seen targets. [`CellEncoder`] brings cells and perturbations
//! into one space.
//!
//! Drugs are known by structure: [`SmilesTable`] reads them, [`Molecule`] gives one spelling and the scaffold by which they
//! are held out together. [`DrugEncoder`] turns a drug at a dose into its Morgan fingerprint, [`TanimotoMap`] into the
//! coordinates in which a linear method is kernel ridge on the similarity of drugs. A [`SmilesNetwork`] reads the structure itself: a
//! [`SmilesVae`] trained here, or [`Roberta`] (ChemBERTa), whose weights lie in a folder.
//!
//! Protein variants are applied to [`ProteinReferences`]. [`ChangeEncoder`] describes what changes and where;
//! [`Esm2Encoder`] asks a language model of proteins, whose weights lie in a folder.
//!
//! ```
//! use pert_core::{LabelFormat, Perturbation};
//! use pert_encoders::{FeatureTable, GeneSetEncoder, UnknownGene};
//!
//! let columns = vec!["size".to_owned(), "charge".to_owned()];
//! let genes = ["A", "B", "C"].map(str::to_owned).to_vec();
//! let features = FeatureTable::from_dense(genes, columns, vec![1.0, 0.0, 2.0, 1.0, 3.0, 5.0])?;
//! let seen = ["A", "B"].map(str::to_owned).to_vec();
//! let encoder = GeneSetEncoder::new(seen, Some(features), UnknownGene::Error).with_reduced(16)?;
//!
//! let format = LabelFormat::default();
//! let pair = Perturbation::parse("C+A", &format)?; // C was never perturbed, but has features
//! assert_eq!(encoder.encode(&pair)?.id, [1.0, 0.0]);
//! assert_eq!(encoder.condition(&pair)?, encoder.condition(&Perturbation::parse("A+C", &format)?)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod contrastive;
mod error;
mod gene_set;
mod molecule;
mod nearest;
mod pooling;
mod pretrained;
mod protein;
mod scaled;
mod table;
mod target_encoder;

pub use contrastive::{
    CELL_ENCODER_FORMAT, CellEncoder, CellEncoderState, ContrastiveConfig, ContrastiveData,
    ContrastiveError, ContrastiveLoss, ContrastiveStep, ContrastiveTrainer, PerturbationSide,
    Retrieval,
};
pub use error::{Error, TableProblem};
pub use gene_set::{
    GeneSetEncoder, GeneSetEncoderState, GeneSetEncoding, LARGEST_REDUCED_DIM, TargetFeatures,
    UnknownGene,
};
pub use molecule::{
    DrugEncoder, DrugEncoderState, InvalidDrug, LONGEST_SMILES, MORGAN_BITS, MOST_TRAINING_DRUGS,
    Molecule, MoleculeError, MorganCounts, MorganFingerprint, Reconstruction, Roberta,
    RobertaConfig, SaltRule, SmilesCorpus, SmilesNetwork, SmilesNetworkEncoder, SmilesTable,
    SmilesTrainStep, SmilesVae, SmilesVaeConfig, SmilesVaeState, SmilesVaeTrainConfig,
    SmilesVaeTrainer, TanimotoMap, TanimotoMapConfig, TanimotoMapState, share_of_valid,
    smiles_tokens, tanimoto_matrix,
};
pub use pooling::{Pooling, PoolingError, SetEncoder, SetEncoderConfig, TokenBatch};
pub use pretrained::PretrainedError;
pub use protein::{
    ChangeEncoder, ChangeEncoderConfig, Esm2, Esm2Config, Esm2Encoder, Esm2EncoderConfig, Esm2Part,
    Esm2Progress, LONGEST_PROTEIN, Marginal, Mutant, ProteinError, ProteinReferences,
    ProteinSequence,
};
pub use scaled::Scaled;
pub use table::{
    AliasError, AliasTable, Annotations, ArrayFileError, ArrayProblem, Evidence, FeatureRow,
    FeatureTable, Ontology, OntologyError, write_embeddings_npz,
};
pub use target_encoder::{Cached, EncodedSets, TargetEncoder};
