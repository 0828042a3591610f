//! A simulator of screens whose truth is known: gene pairs, drugs, variants of a protein.
//!
//! A cell i of batch b and cell type c under a perturbation p is drawn as
//!
//! ```text
//! z_i   = a_c + m_c ∘ e_p + ν_i,              ν_i ~ N(0, σ² I)             latent programs, [n_programs]
//! η_ig  = β_g + β_bg + β_cg + Σ_l w_gl · S·tanh(z_il / S) + κ_g·[g ∈ p]     log expression
//! ρ_i   = softmax_g(η_i)                                                   normalised expression, [n_genes]
//! l_i   ~ LogNormal                                                        library size
//! y_ig  ~ ZINB(mean l_i ρ_ig, inverse dispersion θ_g, dropout π(l_i ρ_ig)) raw counts
//! ```
//!
//! The kinds of screens differ in e_p alone (and κ, the activated gene's own rise, is that of genes only):
//!
//! - **Genes.** The effect e_a of one gene is a fixed random two-layer tanh network of the gene's true features plus a part
//!   no feature explains; two genes add up, strengthen each other in a new direction, or buffer each other, which is
//!   decided by a function of both genes' features. A model is shown an incomplete and noisy copy of the features.
//! - **Drugs.** e = e_∞ · d / (d + EC50) at dose d; e_∞ and EC50 are such networks of the scaffold, its two substituents and
//!   their products, each plus a part no structure explains. A model is shown the structures.
//! - **Variants.** A substitution takes away stability as a function of the change and of how deep the residue is buried; the
//!   folded share acts otherwise than the reference by such a network of place and change, most within domains, plus a part
//!   that nothing explains; the rest acts as the missing protein. A model is shown the sequence.
//!
//! Every constant is set by realism (sparsity, dispersion, library sizes and reproducibility of shifts as in published
//! screens, published substituent constants, stabilities and amino acid scales) and never by what a model makes of it.

mod config;
mod design;
mod drugs;
mod error;
mod expression;
mod genes;
mod kind;
mod mechanism;
mod network;
mod programs;
mod shown;
mod simulation;
mod tables;
mod truth;
mod variants;

pub use config::SimulatorConfig;
pub use drugs::simulated_structures;
pub use error::SimulatorError;
pub use genes::{FeatureTable, Interaction};
pub use kind::SimulatorKind;
pub use shown::{Compound, ReferenceProtein, Shown};
pub use simulation::{Simulation, simulate};
pub use truth::PerturbationTruth;
