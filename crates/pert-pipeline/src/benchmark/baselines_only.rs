//! A run without a model: the baselines and references alone.

use pert_core::Split;
use pert_data::Dataset;

use crate::Error;
use crate::config::FitConfig;
use crate::evaluate::{
    EvaluateConfig, Evaluation, EvaluationVae, Picture, Predicted, evaluate_with, roles,
};
use crate::model::{gene_columns, path_of};
use crate::progress::Progress;
use crate::training_set::TrainingSet;

/// What a fit would learn from: its split and the genes it keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselineTraining {
    /// What is held out.
    pub split: Split,
    /// Genes kept, in column order.
    pub genes: Vec<String>,
}

impl BaselineTraining {
    /// Splits and chooses genes as [`FitConfig::fit`] does, without fitting.
    ///
    /// # Errors
    /// Those of [`FitConfig::fit_resumable`] before any training.
    pub fn prepare(
        dataset: &Dataset,
        config: &FitConfig,
        progress: &mut dyn Progress,
    ) -> Result<Self, Error> {
        config.check()?;
        let training = TrainingSet::prepare(dataset, config, progress)?;
        Ok(Self { genes: training.screen.genes().to_vec(), split: training.split })
    }
}

/// Scores the baselines and references on what a split holds out, as [`evaluate_with`] does beside a model.
///
/// # Errors
/// As [`evaluate_with`].
pub fn score_baselines_only(
    training: &BaselineTraining,
    real: &Dataset,
    vae: &EvaluationVae,
    config: &EvaluateConfig,
    progress: &mut dyn Progress,
) -> Result<Evaluation, Error> {
    let population = real.population();
    let columns = gene_columns(&training.genes, population.genes(), &path_of(real))?;
    let kept = population.select_genes(&columns);
    let held_out: Vec<usize> = training
        .split
        .test_cells(&kept, real.format())
        .into_iter()
        .filter(|&cell| kept.counts().library_size(cell) > 0.0)
        .collect();
    // The held-out cells take the place of a prediction, whose rows are then dropped.
    let held_out = kept.select_cells(&held_out);
    let judged = Predicted::Cells(&held_out);
    let mut evaluation = evaluate_with(judged, real, &training.split, vae, config, progress)?;
    evaluation.rows.retain(|row| row.method != roles().model);
    evaluation.comparisons.clear();
    let n_components = evaluation.picture.n_components;
    evaluation.picture = Picture { n_components, ..Picture::default() };
    (evaluation.changes.best, evaluation.changes.worst) = (None, None);
    Ok(evaluation)
}
