//! A simulator of gene-pair screens whose truth is known.
//!
//! A cell i of batch b and cell type c under a perturbation p (a set of genes) is drawn as
//!
//! ```text
//! z_i   = a_c + m_c ∘ e_p + ν_i,              ν_i ~ N(0, σ² I)             latent programs, [n_programs]
//! η_ig  = β_g + β_bg + β_cg + Σ_l w_gl · S·tanh(z_il / S) + κ_g·[g ∈ p]     log expression
//! ρ_i   = softmax_g(η_i)                                                   normalised expression, [n_genes]
//! l_i   ~ LogNormal                                                        library size
//! y_ig  ~ ZINB(mean l_i ρ_ig, inverse dispersion θ_g, dropout π(l_i ρ_ig)) raw counts
//! ```
//!
//! The effect e_a of one gene is a fixed random two-layer tanh network of the gene's true features plus a part no
//! feature explains; two genes add up, strengthen each other in a new direction, or buffer each other, which is
//! decided by a function of both genes' features. A model is shown an incomplete and noisy copy of the features.
//!
//! Every constant is set by realism (sparsity, dispersion, library sizes and reproducibility of shifts as in
//! published CRISPR-activation screens) and never by what a model makes of it.

mod config;
mod design;
mod error;
mod expression;
mod features;
mod regulation;
mod simulation;
mod tables;
mod truth;

pub use config::{SimulatorConfig, SimulatorKind};
pub use error::SimulatorError;
pub use features::FeatureTable;
pub use regulation::Interaction;
pub use simulation::{Simulation, simulate};
pub use truth::PerturbationTruth;
