//! Closed-form predictors of perturbation responses, used as baselines and as the mean of the model.
//!
//! Everything works on log-normalised profiles x = log1p(10⁴ · y / Σy), fitted on training cells only. A stratum is a
//! combination of covariates, such as a cell type in a batch ([`StratumId`]). μ_c is the mean of the control cells of
//! the strata that are asked for ([`Target`]), μ_p that of perturbation p, and δ_p the shift of p: the mean of μ_p − μ_c
//! over the strata p was measured in. Without covariates there is one stratum, and δ_p = μ_p − μ_c.
//!
//! | name | mean of p | cells of p | type |
//! |---|---|---|---|
//! | `no_change` | μ_c | control cells | [`NoChange`] |
//! | `training_mean` | μ_c + mean shift of all perturbed cells | shifted control cells | [`TrainingMean`] |
//! | `matching_mean` | μ_c + average over the genes of p of δ_gene; a gene not seen alone: the mean shift | equal parts from each gene | [`MatchingMean`] |
//! | `additive` | μ_c + Σ_gene δ_gene if all genes were seen alone, else the training mean | shifted control cells | [`Additive`] |
//! | `weighted_shift` | μ_c + shift of p in other strata, near ones first | shifted control cells | [`WeightedShift`] |
//! | `random_cells` | mean of the perturbed cells | random perturbed cells | [`RandomCells`] |
//! | `training_cells` | μ_p, for a p seen in the same strata only | training cells of p | [`TrainingCells`] |
//! | `ridge` | μ_c + ridge prediction from the embedding | shifted control cells | [`Ridge`] |
//! | `bilinear_ridge` | μ_c + b + G W p from the embedding | shifted control cells | [`BilinearRidge`] |
//! | `nearest` | μ_c + weighted shift of the 5 nearest perturbations | their cells | [`Nearest`] |
//! | `kernel_ridge` | μ_c + ridge prediction from features ([`KernelRidge`]) | shifted control cells | [`KernelRidgeBaseline`] |
//!
//! [`all_baselines`] builds them in this order. `weighted_shift` and `training_cells` cover some targets only; the
//! others are pure formulas, which do not answer otherwise for a perturbation seen in training, in these strata or
//! elsewhere. Where a baseline does not cover a target its mean is NaN and it has no cells.
//!
//! Cells that are moved to a predicted mean miss it by a sampling error, as cells drawn from a distribution do
//! ([`CellPlan::Shifted`]).
//!
//! No mean has a term for library size: profiles are normalised by it, cell by cell. Cells keep the library sizes of
//! the training cells they come from, which are drawn from the same strata where there are any.
//!
//! ```
//! use pert_baselines::{Additive, Baseline, TrainingSummary};
//! use pert_core::{Covariate, CovariateRole, CsrCounts, LabelFormat, Perturbation, Population};
//!
//! // Cells of two types, two genes: control in both types, A in the first only.
//! let perturbation = |label| Perturbation::parse(label, &LabelFormat::default());
//! let (control, a) = (perturbation("control")?, perturbation("A")?);
//! let of_cell = [control.clone(), a.clone(), control, a.clone()];
//! let counts = CsrCounts::from_dense(2, &[5.0, 5.0, 9.0, 1.0, 3.0, 7.0, 6.0, 4.0])?;
//! let types = ["B", "B", "T", "T"].map(String::from);
//! let types = Covariate::categorical("cell_type", CovariateRole::CellType, &types);
//! let cells = (0..4).map(|i| format!("cell {i}")).collect();
//! let genes = vec!["g".into(), "h".into()];
//! let screen = Population::new(counts, genes, cells, &of_cell, vec![types])?;
//!
//! // The last cell, A in T, is held out.
//! let summary = TrainingSummary::fit(&screen, &[0, 1, 2])?;
//! let mean = Additive::new(&summary).mean(&summary.target(&a, &[3]));
//! // What A does to B cells, on the control of T cells.
//! let x = screen.counts().log_normalised(&[0, 1, 2]);
//! assert!((0..2).all(|g| (mean[g] - (x[4 + g] + x[2 + g] - x[g])).abs() < 1e-12));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod all;
mod baseline;
mod bilinear_ridge;
mod cell_plan;
mod centred;
mod combination;
mod copies;
mod distance_weights;
mod draw;
mod embedding;
mod error;
mod features;
mod group;
mod kernel_ridge;
mod kernel_ridge_baseline;
mod matched;
mod nearest;
mod ridge;
mod sampling_error;
mod stratum;
mod summary;
mod target;
mod training_mean;
mod weighted_shift;

pub use all::all_baselines;
pub use baseline::Baseline;
pub use bilinear_ridge::{BilinearRidge, BilinearRidgeConfig, PerturbationFactors};
pub use cell_plan::CellPlan;
pub use combination::{Additive, MatchingMean};
pub use copies::{NoChange, RandomCells, TrainingCells};
pub use embedding::Embedding;
pub use error::Error;
pub use features::FeatureVectors;
pub use kernel_ridge::{Centre, KernelRidge, KernelRidgeConfig, Selection};
pub use kernel_ridge_baseline::KernelRidgeBaseline;
pub use nearest::Nearest;
pub use ridge::Ridge;
pub use stratum::StratumId;
pub use summary::TrainingSummary;
pub use target::Target;
pub use training_mean::TrainingMean;
pub use weighted_shift::WeightedShift;
