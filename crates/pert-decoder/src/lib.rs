//! Conditional variational autoencoder of raw counts: log p(y|g) ≥ E[log p(y|z,l,g)] − KL(q(z|y,g) ‖ p(z)) −
//! KL(q(l|y,g) ‖ p(l|p)), an scVI (Lopez et al. 2018) with the cell embedding g as a condition.
//!
//! One [`Vae`] serves twice: without a condition it is the cell encoder, whose posterior mean is g; with g it is
//! the decoder, which turns g and its own z ~ N(0, I), or p(z|g) ([`LatentPrior`]), into integer counts
//! ([`Vae::generate`]).
//!
//! | latent variable | description | code name |
//! |---|---|---|
//! | z | what g does not tell, `[n_cells, n_latent]` | `z` |
//! | l | library size | `log_library` |
//! | ρ | normalised expression, sums to 1 over genes | `rho` |
//! | μ = l·ρ | mean of the count before dropout | `mu` |
//! | θ | inverse dispersion per gene (or [`Dispersion`]): variance μ + μ²/θ | `theta` |
//! | π | dropout probability | `pi_logits` |
//!
//! Whatever is finite goes in and comes out finite: counts up to 2²⁴, conditions and gene scales of magnitude up to 10⁶.
//!
//! For those who come from scvi-tools:
//!
//! | scvi-tools | here |
//! |---|---|
//! | `SCVI(…).train()` | [`Vae::fit`], [`Trainer`] (resumable) |
//! | `train(early_stopping=True)`, `model.history` | [`Vae::fit_validated`] |
//! | `get_latent_representation` | [`Vae::encode`], [`Vae::latent`] |
//! | `get_normalized_expression` | [`Vae::normalised_expression`], [`Vae::denoised_expression`] |
//! | `posterior_predictive_sample` | [`Vae::posterior_predictive`] |
//! | `get_elbo`, `get_reconstruction_error` | [`Vae::elbo`], [`Vae::elbo_per_cell`] |
//! | `get_marginal_ll` | [`Vae::marginal_log_likelihood`] |
//! | `differential_expression(mode="change")` | [`Vae::differential_expression`] |
//! | an unknown batch at inference | an error that lists the known ones, or [`BatchLabels::average`] over them |
//! | `scvi.distributions` | [`Poisson`], [`Nb`], [`Zinb`] |
//! | a model trained there | [`ScviLayout::from_safetensors`] |
//!
//! ```
//! use pert_decoder::{Conditions, CsrCounts, Device, Vae, VaeConfig, seeded_rng};
//!
//! let vae = Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "decoder"), &Device::default())?;
//! let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0, 0.0, 2.0, 0.0])?;
//! let g = vae.encode(&counts, &[0, 1], Conditions::default())?;
//! assert_eq!(g.len(), 2 * 2);
//! let log_library = [5f64.ln(), 100f64.ln()];
//! let rng = &mut seeded_rng(0, "generate");
//! assert_eq!(vae.generate(Conditions::default(), &log_library, None, rng)?.n_cells(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod batch_labels;
mod bound;
mod choice;
mod config;
mod differential;
mod distribution;
mod draws;
mod elbo;
mod encoder;
mod error;
mod expression;
mod generate;
mod generator;
mod inputs;
mod latent_prior;
mod library;
mod likelihood;
mod mean_profile;
mod moments;
mod network;
mod sample;
mod scvi;
mod state;
mod train;
mod train_config;
mod vae;
mod validated;

pub use burn::tensor::Device;
pub use pert_core::{ChaCha8Rng, CsrCounts, seeded_rng};
pub use pert_nn::TrainingState;

pub use batch_labels::BatchLabels;
pub use choice::{HeldOutLikelihood, LikelihoodChoice};
pub use config::{Dispersion, LatentPrior, Library, Likelihood, VaeConfig};
pub use differential::{CellGroup, DifferentialConfig, GeneChange};
pub use distribution::{CountDistribution, Nb, Poisson, Zinb};
pub use draws::Draws;
pub use elbo::ElboTerms;
pub use error::Error;
pub use expression::{Latent, LibraryScale};
pub use inputs::{Conditions, VaeInputs};
pub use library::{LibraryPrior, LogNormal};
pub use mean_profile::MeanProfile;
pub use scvi::ScviLayout;
pub use state::{STATE_FORMAT, VaeState};
pub use train::{TrainStep, Trainer};
pub use train_config::{OutputPrior, Schedule, TrainConfig};
pub use vae::Vae;
pub use validated::{EpochRecord, StopReason, ValidatedFit, ValidationConfig};
