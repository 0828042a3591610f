//! Vocabulary of perturbation screens, shared by every other crate: what a perturbation is, what raw
//! counts are, which covariates a cell carries, how a screen is split, and what a population of cells is.
//!
//! This crate touches no file and knows no tensor library.
//!
//! ```
//! use pert_core::{LabelFormat, Perturbation};
//!
//! let format = LabelFormat::default();
//! let pair = Perturbation::parse("RUNX1T1+CEBPE", &format)?;
//! assert_eq!(pair, Perturbation::parse("CEBPE+RUNX1T1", &format)?);
//! assert!(Perturbation::parse("control", &format)?.is_control());
//! # Ok::<(), pert_core::Error>(())
//! ```

mod counts;
mod covariate;
mod drug;
mod error;
mod guide;
mod label_format;
mod perturbation;
mod population;
mod random;
mod residue;
mod split;
mod variant;

pub use counts::{CsrCounts, LARGEST_COUNT, TARGET_SUM};
pub use covariate::{Covariate, CovariateRole, CovariateValues};
pub use drug::DrugDose;
pub use error::Error;
pub use guide::without_guide_suffix;
pub use label_format::{GuideSuffix, LabelFormat, LabelKind};
pub use perturbation::Perturbation;
pub use population::Population;
pub use random::{ChaCha8Rng, RngState, seeded_rng, shuffled_indices};
pub use residue::Residue;
pub use split::{HoldOut, HoldOutRule, SPLIT_FORMAT, Split, SplitConfig};
pub use variant::{Substitution, Variant};
