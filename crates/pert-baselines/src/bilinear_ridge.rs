//! The bilinear model of Ahlmann-Eltze, Huber & Anders.

use std::sync::Arc;

use pert_core::{ChaCha8Rng, Perturbation};
use pert_metrics::{
    Rows, column_means, matrix_product, product_of_transpose, product_with_transpose,
    symmetric_eigen,
};
use serde::{Deserialize, Serialize};

use crate::baseline::Baseline;
use crate::centred::{centred, principal_axes};
use crate::kernel_ridge::inverse;
use crate::{CellPlan, Embedding, Error, Target, TrainingSummary};

/// What stands for a perturbation in the bilinear model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PerturbationFactors {
    /// So many principal components of the embedding, fitted on the training perturbations.
    Components(usize),
    /// The embedding as it is.
    AsGiven,
}

/// Settings of [`BilinearRidge`]; the defaults are the paper's.
///
/// ```
/// use pert_baselines::BilinearRidgeConfig;
/// let config = BilinearRidgeConfig::default();
/// config.check()?;
/// assert!(BilinearRidgeConfig { lambda: -1.0, ..config }.check().is_err());
/// # Ok::<(), pert_baselines::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BilinearRidgeConfig {
    /// Principal components of the genes, at least 1; fewer are used where the shifts vary in fewer directions.
    /// Default 10.
    pub n_gene_components: usize,
    /// Default: 10 principal components of the embedding.
    pub perturbation_factors: PerturbationFactors,
    /// Ridge penalty λ > 0 on both sides. Default 0.1.
    pub lambda: f64,
}

impl Default for BilinearRidgeConfig {
    fn default() -> Self {
        Self {
            n_gene_components: 10,
            perturbation_factors: PerturbationFactors::Components(10),
            lambda: 0.1,
        }
    }
}

impl BilinearRidgeConfig {
    /// Refuses settings out of their ranges.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn check(&self) -> Result<(), Error> {
        let refuse =
            |field, range, value| Err(Error::Config { of: "bilinear ridge", field, range, value });
        if self.n_gene_components == 0 {
            return refuse("n_gene_components", "at least 1", "0".into());
        }
        if self.perturbation_factors == PerturbationFactors::Components(0) {
            return refuse("perturbation_factors", "at least 1 component", "0".into());
        }
        if !(self.lambda.is_finite() && self.lambda > 0.0) {
            return refuse("lambda", "a number > 0", self.lambda.to_string());
        }
        Ok(())
    }
}

/// `bilinear_ridge`: the matched control plus G W p + b, a bilinear model of genes and perturbations; cells are control
/// cells of the target's strata with that shift added.
///
/// | symbol | what it is here |
/// |---|---|
/// | Y, `[n_genes, n_perturbations]` | shifts δ_p of the training perturbations, control left out |
/// | b, `[n_genes]` | row means of Y |
/// | G, `[n_genes, 10]` | loadings of the first 10 principal components of Y's columns, orthonormal |
/// | P, `[n_perturbations, 10]` | scores of the first 10 principal components of the [`Embedding`] of the training perturbations; a new perturbation is projected onto the same axes |
/// | W, `[10, 10]` | (GᵀG + λI)⁻¹ Gᵀ (Y − b1ᵀ) P (PᵀP + λI)⁻¹, λ = 0.1, which minimises ‖Y − GWPᵀ − b1ᵀ‖² but for the penalties |
///
/// Source: Ahlmann-Eltze, Huber & Anders 2025, Nature Methods. There Y are pseudobulk means, which differ from shifts
/// by the mean of control, and P comes from the training data or from features that exist for unseen perturbations;
/// here it always comes from features. Features of a combination are the sum of its genes' ([`FeatureVectors`]), and
/// so, up to the centring, is its row of P. Fewer components are used where the training perturbations vary in
/// fewer directions; with none of either the shift is b.
///
/// It covers the perturbations that have a vector, and control, which has no shift.
///
/// [`FeatureVectors`]: crate::FeatureVectors
///
/// ```
/// use pert_baselines::{Baseline, BilinearRidge, BilinearRidgeConfig, Embedding, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let (a, b, pair) = (perturbation("A")?, perturbation("B")?, perturbation("A+B")?);
/// let vectors = [(a, vec![1.0]), (b, vec![3.0]), (pair.clone(), vec![2.0])];
/// let embedding = Embedding::from_vectors(vectors)?;
/// let model = BilinearRidge::fit(&summary, embedding, &BilinearRidgeConfig::default())?;
/// // Half-way between A and B lies their mean.
/// let mean = model.mean(&summary.target(&pair, &[6]));
/// assert!((0..2).all(|gene| (mean[gene] - summary.perturbed_mean()[gene]).abs() < 1e-12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BilinearRidge<'a> {
    summary: &'a TrainingSummary<'a>,
    embedding: Arc<Embedding>,
    factors: Factors,
    /// GW transposed, `[n_factors, n_genes]`; empty where nothing varies.
    effects: Vec<f64>,
    /// b.
    intercept: Vec<f64>,
}

impl<'a> BilinearRidge<'a> {
    /// Fits on the training perturbations, each counted once.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::TooFewPerturbations`] below two, [`Error::MissingFeatures`] where a training
    /// perturbation has no vector.
    pub fn fit(
        summary: &'a TrainingSummary<'a>,
        embedding: impl Into<Arc<Embedding>>,
        config: &BilinearRidgeConfig,
    ) -> Result<Self, Error> {
        config.check()?;
        let embedding = embedding.into();
        let found = summary.perturbations().len();
        if found < 2 {
            return Err(Error::TooFewPerturbations { needed: 2, found });
        }
        let n_genes = summary.control_mean().len();
        let shifts = summary.training_shifts();
        let shifts = Rows::new(&shifts, n_genes)?;
        let intercept = column_means(shifts);
        let responses = centred(shifts);
        let responses = Rows::new(&responses, n_genes)?; // (Y − b1ᵀ)ᵀ, [n, n_genes]
        let loadings = principal_axes(responses, config.n_gene_components)?; // Gᵀ
        let given = embedding.training(summary)?;
        let factors = Factors::fit(Rows::new(&given, embedding.d())?, config.perturbation_factors)?;
        let scores: Vec<f64> =
            given.chunks_exact(embedding.d()).flat_map(|v| factors.of(v)).collect(); // P
        let effects = if loadings.is_empty() || scores.is_empty() {
            Vec::new()
        } else {
            let scores = Rows::new(&scores, scores.len() / found)?;
            effects(Rows::new(&loadings, n_genes)?, responses, scores, config.lambda)?
        };
        Ok(Self { summary, embedding, factors, effects, intercept })
    }

    fn shift(&self, p: &Perturbation) -> Option<Vec<f64>> {
        if p.is_control() {
            return self.summary.shift_of(p);
        }
        let factors = self.factors.of(self.embedding.vector(p)?);
        let mut shift = self.intercept.clone();
        for (factor, effect) in factors.iter().zip(self.effects.chunks_exact(shift.len())) {
            shift.iter_mut().zip(effect).for_each(|(s, e)| *s += factor * e);
        }
        Some(shift)
    }
}

/// (GW)ᵀ = Wᵀ Gᵀ from the closed form of W.
fn effects(loadings: Rows, responses: Rows, scores: Rows, lambda: f64) -> Result<Vec<f64>, Error> {
    let (n_genes_side, n_factors) = (loadings.n_rows(), scores.n_columns());
    let gene_side = product_with_transpose(loadings, loadings); // GᵀG
    let gene_side = inverse(&symmetric_eigen(&gene_side, n_genes_side)?, lambda)?;
    let factor_side = product_of_transpose(scores, scores); // PᵀP
    let factor_side = inverse(&symmetric_eigen(&factor_side, n_factors)?, lambda)?;
    let reduced = product_with_transpose(loadings, responses); // Gᵀ(Y − b1ᵀ), [10, n]
    let reduced = Rows::new(&reduced, responses.n_rows())?;
    let middle = matrix_product(reduced, scores); // Gᵀ(Y − b1ᵀ)P, [10, 10]
    let right = matrix_product(Rows::new(&middle, n_factors)?, Rows::new(&factor_side, n_factors)?);
    let weights =
        matrix_product(Rows::new(&gene_side, n_genes_side)?, Rows::new(&right, n_factors)?);
    Ok(product_of_transpose(Rows::new(&weights, n_factors)?, loadings))
}

/// From the vector of a perturbation to its row of P.
#[derive(Debug, Clone)]
enum Factors {
    AsGiven,
    Components { mean: Vec<f64>, axes: Vec<f64> },
}

impl Factors {
    fn fit(vectors: Rows, kind: PerturbationFactors) -> Result<Self, Error> {
        Ok(match kind {
            PerturbationFactors::AsGiven => Self::AsGiven,
            PerturbationFactors::Components(k) => {
                let centred = centred(vectors);
                let axes = principal_axes(Rows::new(&centred, vectors.n_columns())?, k)?;
                Self::Components { mean: column_means(vectors), axes }
            }
        })
    }

    fn of(&self, vector: &[f64]) -> Vec<f64> {
        match self {
            Self::AsGiven => vector.to_vec(),
            Self::Components { mean, axes } => {
                let away: Vec<f64> = vector.iter().zip(mean).map(|(v, m)| v - m).collect();
                let along = |axis: &[f64]| axis.iter().zip(&away).map(|(a, v)| a * v).sum();
                axes.chunks_exact(away.len()).map(along).collect()
            }
        }
    }
}

impl Baseline for BilinearRidge<'_> {
    fn name(&self) -> &'static str {
        "bilinear_ridge"
    }

    fn covers(&self, target: &Target) -> bool {
        let p = target.perturbation();
        p.is_control() || self.embedding.vector(p).is_some()
    }

    fn mean(&self, target: &Target) -> Vec<f64> {
        self.summary.shifted_mean(target, self.shift(target.perturbation()))
    }

    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        self.summary.shifted_cells(target, self.shift(target.perturbation()), n, rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{assert_profile, perturbation, summary};

    #[test]
    fn bad_settings_are_refused() {
        let default = BilinearRidgeConfig::default;
        for bad in [
            BilinearRidgeConfig { n_gene_components: 0, ..default() },
            BilinearRidgeConfig {
                perturbation_factors: PerturbationFactors::Components(0),
                ..default()
            },
            BilinearRidgeConfig { lambda: f64::NAN, ..default() },
        ] {
            assert!(matches!(bad.check(), Err(Error::Config { of: "bilinear ridge", .. })));
        }
    }

    #[test]
    fn without_differences_among_features_the_mean_shift_is_predicted() {
        let (screen, train, l) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let vectors = ["A", "A+B", "B", "C"].map(|label| (perturbation(label), vec![1.0, 2.0]));
        let embedding = Embedding::from_vectors(vectors).unwrap();
        let model = BilinearRidge::fit(&summary, embedding, &Default::default()).unwrap();
        let target = |label| summary.overall_target(&perturbation(label));
        assert_profile(&model.mean(&target("C")), [l * 2.0 / 3.0, l / 3.0]);
        assert!(!model.covers(&target("D")) && model.mean(&target("D"))[0].is_nan());
        assert_profile(&model.mean(&target("control")), [l / 2.0, l / 2.0]);
    }
}
