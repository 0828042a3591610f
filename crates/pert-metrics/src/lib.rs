//! Numbers about populations of cells: R², Fréchet distance with its floor, energy distance, principal
//! components and the signed-rank test.
//!
//! Everything is f64 and deterministic: sums run in a fixed order whatever the number of threads, and what
//! is random takes its generator as an argument. Cells are rows, `[n_cells, n_columns]`.
//!
//! | question | function |
//! |---|---|
//! | is the mean profile right? | [`r2`], [`r2_pearson`] |
//! | is the shift from control right? | [`pearson_delta`] |
//! | how far is the mean profile off? | [`l2_top`], [`mae`] |
//! | is it nearer to the right perturbation than to the others? | [`discrimination`], [`centroid_accuracy`] |
//! | which genes change, and are they found? | [`DifferentialExpression`], [`de_overlap`] |
//! | is the population right, as a Gaussian? | [`frechet_distance`] against [`frechet_floor`] |
//! | is the population right, without assumptions? | [`energy_distance`], [`mmd`] |
//! | is the order of single numbers right? | [`spearman`] |
//! | is each gene's distribution right? | [`mean_wasserstein`] |
//! | does it vary enough, is it as sparse, as deep? | [`variance_ratio`], [`zero_fraction_difference`], [`kolmogorov_smirnov`] |
//! | is one method better than another over perturbations? | [`wilcoxon_signed_rank`], [`compare`] |
//! | how sure is a number? | [`Bootstrap`] |
//!
//! ```
//! use pert_metrics::{Gaussian, Rows, frechet_distance};
//!
//! let x = [0.0, 1.0, 2.0, 3.0, 1.0, 0.0];
//! let cells = Gaussian::fit(Rows::new(&x, 2)?)?;
//! assert!(frechet_distance(&cells, &cells) < 1e-12);
//! # Ok::<(), pert_metrics::Error>(())
//! ```

mod benjamini_hochberg;
mod bootstrap;
mod calibration;
mod comparison;
mod covariance;
mod differential_expression;
mod discrimination;
mod energy;
mod error;
mod exponential;
mod frechet;
mod frechet_floor;
mod gaussian;
#[cfg(test)]
mod gaussian_samples;
mod linalg;
mod metric_interval;
mod mmd;
mod pairwise;
mod pca;
mod profiles;
mod r_squared;
mod rank_correlation;
mod rank_sum;
mod rows;
mod score_table;
mod signed_rank;
mod sorted_profiles;
mod wasserstein;

pub use benjamini_hochberg::benjamini_hochberg;
pub use bootstrap::{
    Bootstrap, Interval, quantile, resampled_indices, resampled_mean, resampled_weights,
};
pub use calibration::{
    VarianceRatio, kolmogorov_smirnov, pooled_variance_ratio, variance_ratio,
    zero_fraction_difference,
};
pub use comparison::{Comparison, Verdict, best_baseline, compare, paired_values};
pub use covariance::column_means;
pub use differential_expression::{
    DE_FALSE_DISCOVERY_RATE, DifferentialExpression, FOLD_CHANGE_PSEUDO_COUNT, de_overlap,
    de_overlap_of_ranked,
};
pub use discrimination::{centroid_accuracy, discrimination};
pub use energy::energy_distance;
pub use error::Error;
pub use frechet::frechet_distance;
pub use frechet_floor::{frechet_floor, frechet_floor_closed_form, frechet_floor_with};
pub use gaussian::Gaussian;
pub use linalg::{
    SymmetricEigen, matrix_product, product_of_transpose, product_with_transpose, symmetric_eigen,
};
pub use metric_interval::MetricInterval;
pub use mmd::{MMD_BANDWIDTHS, median_distance, mmd, mmd_with};
pub use pca::Pca;
pub use profiles::{L2_GENES, l2_top, mae, pearson_delta_over};
pub use r_squared::{pearson, pearson_delta, r2, r2_pearson};
pub use rank_correlation::{average_ranks, spearman};
pub use rank_sum::{RankSum, wilcoxon_rank_sum};
pub use rows::Rows;
pub use score_table::{Better, METRICS, Metric, MetricRow, Roles, median, methods, values};
pub use signed_rank::{SignedRank, wilcoxon_signed_rank};
pub use sorted_profiles::SortedProfiles;
pub use wasserstein::{mean_wasserstein, wasserstein};
