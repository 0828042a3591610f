//! Closed-form predictors of perturbation responses, used as baselines and as the mean of the model.
//!
//! Everything works on log-normalised profiles x = log1p(10⁴ · y / Σy), fitted on training cells only. μ_c is the
//! mean of the control cells, μ_p that of perturbation p, δ_p = μ_p − μ_c its shift.
//!
//! | name | mean of p | cells of p | type |
//! |---|---|---|---|
//! | `no_change` | μ_c | control cells | [`NoChange`] |
//! | `training_mean` | mean of all perturbed cells | random perturbed cells | [`TrainingMean`] |
//! | `matching_mean` | average over the genes of p of μ_gene; a gene not seen alone: the training mean | equal parts from each gene | [`MatchingMean`] |
//! | `additive` | μ_c + Σ_gene δ_gene if all genes were seen alone, else the training mean | shifted control cells | [`Additive`] |
//! | `kernel_ridge` | μ_c + ridge prediction from features ([`KernelRidge`]) | shifted control cells | [`KernelRidgeBaseline`] |
//! | `training_cells` | μ_p, for a seen p only | training cells of p | [`TrainingCells`] |
//!
//! All but the last two are pure formulas: a perturbation seen in training does not make them answer otherwise.
//!
//! ```
//! use pert_baselines::{Additive, Baseline, TrainingSummary};
//! use pert_core::{CsrCounts, LabelFormat, Perturbation, Population};
//!
//! // One cell each of control, A and B, two genes.
//! let perturbation = |label| Perturbation::parse(label, &LabelFormat::default());
//! let of_cell = [perturbation("control")?, perturbation("A")?, perturbation("B")?];
//! let counts = CsrCounts::from_dense(2, &[5.0, 5.0, 9.0, 1.0, 5.0, 5.0])?;
//! let cells = vec!["cell 1".into(), "cell 2".into(), "cell 3".into()];
//! let screen = Population::new(counts, vec!["g".into(), "h".into()], cells, &of_cell, vec![])?;
//!
//! let summary = TrainingSummary::fit(&screen, &[0, 1, 2])?;
//! let additive = Additive::new(&summary);
//! // B shifts nothing, so A+B is where A alone is.
//! assert_eq!(additive.mean(&perturbation("A+B")?), additive.mean(&of_cell[1]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod baseline;
mod combination;
mod error;
mod kernel;
mod kernel_ridge;
mod leave_one_out;
mod ridge_baseline;
mod sampling;
mod summary;

pub use baseline::{Baseline, CellPlan};
pub use combination::{Additive, MatchingMean};
pub use error::Error;
pub use kernel::FeatureVectors;
pub use kernel_ridge::{Centre, KernelRidge, KernelRidgeConfig, Selection};
pub use ridge_baseline::KernelRidgeBaseline;
pub use sampling::{NoChange, TrainingCells, TrainingMean};
pub use summary::TrainingSummary;
