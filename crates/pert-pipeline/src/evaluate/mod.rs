//! Evaluation: generated against real cells, beside baselines, floor and ceiling.

mod cells;
mod evaluation_vae;
mod methods;
mod score;
mod truth;

pub use evaluation_vae::EvaluationVae;
pub use score::{Picture, roles};
pub use truth::Truth;

use burn::tensor::Device;
use pert_core::{LabelFormat, Population, Split, SplitConfig};
use pert_data::Dataset;
use pert_metrics::{Comparison, MetricRow};

use crate::Error;
use crate::model::{Model, gene_columns, path_of};
use crate::progress::{Progress, Silent};

/// How an evaluation is done.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluateConfig {
    /// Cells generated per perturbation (more where more real ones are held out); default 4000.
    /// Means are of all of them: with 1,000 the sampling noise of generated cells alone costs a percent of correlation.
    pub cells: usize,
    /// Seed of generated cells, drawn baselines and floors; default 0.
    pub seed: u64,
    /// True means of a simulated screen, which add `pearson_delta_true`; default none.
    pub truth: Option<Truth>,
    /// Components of the principal component space of the energy distance; default 50.
    pub n_components: usize,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self { cells: 4000, seed: 0, truth: None, n_components: 50 }
    }
}

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub enum Predicted<'a> {
    /// A model, which generates the cells.
    Model(&'a Model),
    /// Cells that any tool predicted.
    Cells(&'a Population),
}

/// The outcome of an evaluation.
#[derive(Debug)]
pub struct Evaluation {
    /// One row per held-out perturbation and method.
    pub rows: Vec<MetricRow>,
    /// The model against the best baseline, per metric.
    pub comparisons: Vec<Comparison>,
    /// What the reader must know: cells dropped, references used, perturbations left out.
    pub notes: Vec<String>,
    /// Points of real and generated held-out cells, for a picture.
    pub picture: Picture,
}

/// Evaluates a model on the cells its own split holds out.
///
/// # Errors
/// See [`evaluate_with`].
pub fn evaluate(
    model: &Model,
    real: &Dataset,
    config: &EvaluateConfig,
    device: &Device,
) -> Result<Evaluation, Error> {
    let vae = EvaluationVae::train(real, model.genes(), config.seed, device, &mut Silent)?;
    evaluate_with(Predicted::Model(model), real, model.split(), &vae, config, &mut Silent)
}

/// Evaluates a model, or predicted cells, under a split.
///
/// Cells the split trains on are never scored. The evaluation VAE and the principal components are fitted on all
/// real cells; they serve the evaluation only and no model has seen them.
///
/// # Errors
/// [`Error::GenesAbsent`] when the real file lacks genes, [`Error::Request`] when nothing is held out.
pub fn evaluate_with(
    predicted: Predicted<'_>,
    real: &Dataset,
    split: &Split,
    vae: &EvaluationVae,
    config: &EvaluateConfig,
    progress: &mut dyn Progress,
) -> Result<Evaluation, Error> {
    let path = path_of(real);
    let genes = match predicted {
        Predicted::Model(model) => model.genes(),
        Predicted::Cells(cells) => cells.genes(),
    };
    let columns = gene_columns(genes, real.population().genes(), &path)?;
    let kept = real.population().select_genes(&columns);
    let full: Vec<usize> =
        (0..kept.n_cells()).filter(|&i| kept.counts().library_size(i) > 0.0).collect();
    let mut notes = Vec::new();
    if full.len() < kept.n_cells() {
        notes.push(format!(
            "{} real cells have no count in the {} genes and are left out",
            kept.n_cells() - full.len(),
            genes.len()
        ));
    }
    let screen = kept.select_cells(&full);
    score::score(predicted, &screen, real.format(), split, vae, config, notes, progress)
}

/// The split under which predicted cells are judged when none is given: the perturbations they hold are the test,
/// everything else may serve baselines.
///
/// # Errors
/// [`Error::Core`] when no predicted perturbation is in the real file.
pub fn split_of_predicted(
    predicted: &Population,
    real: &Population,
    format: &LabelFormat,
    seed: u64,
) -> Result<Split, Error> {
    let labels: Vec<String> = real
        .perturbations()
        .iter()
        .filter(|p| !p.is_control() && predicted.perturbations().contains(p))
        .map(|p| p.label().to_owned())
        .collect();
    if labels.is_empty() {
        let shown = |p: &Population| {
            p.perturbations().iter().take(5).map(|p| p.label().to_owned()).collect::<Vec<_>>()
        };
        return Err(Error::Request(format!(
            "no predicted perturbation is in the real file (predicted: {}; real: {}; control {:?})",
            shown(predicted).join(", "),
            shown(real).join(", "),
            format.control
        )));
    }
    let perturbed = real.perturbations().iter().filter(|p| !p.is_control()).count();
    if labels.len() == perturbed {
        // Nothing is left for baselines but control cells.
        let test_cells = (0..real.n_cells())
            .filter(|&i| !real.perturbation_of(i).is_control())
            .map(|i| real.cells()[i].clone())
            .collect();
        return Ok(Split { test: labels, test_cells, ..Split::train_on_all(real) });
    }
    let hold_out =
        pert_core::HoldOut { rule: pert_core::HoldOutRule::Labels(labels), fraction: None };
    Ok(SplitConfig::new(hold_out, seed).split(real)?)
}
