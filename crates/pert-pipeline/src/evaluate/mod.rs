//! Evaluation: generated against real cells, beside baselines, floor and ceiling.

mod bootstrap;
mod cells;
mod changes;
mod controls;
mod discrimination;
mod evaluation_vae;
mod judge;
mod methods;
mod picture;
mod real;
mod score;
mod spaces;
mod truth;

pub use changes::{Changes, MeanChange};
pub use evaluation_vae::EvaluationVae;
pub use picture::Picture;
pub use score::roles;
pub use truth::Truth;

use burn::tensor::Device;
use pert_core::{LabelFormat, Perturbation, Population, Split, SplitConfig};
use pert_data::Dataset;
use pert_encoders::FeatureTable;
use pert_metrics::{Comparison, MetricInterval, MetricRow};

use crate::Error;
use crate::model::{Model, gene_columns, path_of};
use crate::progress::{Progress, Silent};

/// How an evaluation is done.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluateConfig {
    /// Cells generated per perturbation (more where more real ones are held out); default 4000.
    /// Means are of all of them, most of the noise of drawing counts taken out (`pert_decoder::MeanProfile`).
    pub cells: usize,
    /// Seed of generated cells, drawn baselines and floors; default 0.
    pub seed: u64,
    /// True means of a simulated screen, which add `pearson_delta_true`; default none.
    pub truth: Option<Truth>,
    /// Components of the principal component space of the distances between populations; default 50.
    pub n_components: usize,
    /// Features of genes for the baselines that predict from an embedding of p; default none: then they have the embedding
    /// of the model, or where none is judged know which perturbed genes are shared with training.
    pub features: Option<FeatureTable>,
    /// Resamples of the real cells behind the intervals over cells; default 100, 0 for none.
    pub bootstraps: usize,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self {
            cells: 4000,
            seed: 0,
            truth: None,
            n_components: 50,
            features: None,
            bootstraps: 100,
        }
    }
}

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub enum Predicted<'a> {
    /// A model, which generates the cells.
    Model(&'a Model),
    /// Cells that any tool predicted.
    Cells(&'a Population),
    /// Nothing: the baselines alone, on these genes.
    Nothing(&'a [String]),
}

impl<'a> Predicted<'a> {
    /// The genes that are judged, in column order.
    pub fn genes(&self) -> &'a [String] {
        match self {
            Self::Model(model) => model.genes(),
            Self::Cells(cells) => cells.genes(),
            Self::Nothing(genes) => genes,
        }
    }
}

/// The outcome of an evaluation.
#[derive(Debug)]
pub struct Evaluation {
    /// One row per held-out perturbation and method.
    pub rows: Vec<MetricRow>,
    /// The model against the best baseline, per metric.
    pub comparisons: Vec<Comparison>,
    /// How far scores of mean profiles move with other real cells.
    pub intervals: Vec<MetricInterval>,
    /// What the reader must know: cells dropped, references used, perturbations left out.
    pub notes: Vec<String>,
    /// Points of real and generated held-out cells, for a picture.
    pub picture: Picture,
    /// The best and the worst predicted change, for a picture.
    pub changes: Changes,
}

/// Evaluates a model on the cells its own split holds out.
///
/// ```
#[doc = include_str!("../doc/fitted.txt")]
/// use pert_pipeline::{EvaluateConfig, evaluate};
/// let model = FitConfig { hold_out: Some("cells".into()), ..quick }.fit(&screen, &device)?;
/// let config = EvaluateConfig { cells: 20, ..EvaluateConfig::default() };
/// let evaluation = evaluate(&model, &screen, &config, &device)?;
/// // One row per held-out perturbation and method: the model, baselines, references.
/// let methods = pert_metrics::methods(&evaluation.rows);
/// assert!(["model", "no_change", "ceiling"].iter().all(|method| methods.contains(method)));
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
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
/// [`Error::GenesAbsent`] when the real file lacks genes, [`Error::Request`] when nothing is held out or nothing that
/// is held out is predicted.
pub fn evaluate_with(
    predicted: Predicted<'_>,
    real: &Dataset,
    split: &Split,
    vae: &EvaluationVae,
    config: &EvaluateConfig,
    progress: &mut dyn Progress,
) -> Result<Evaluation, Error> {
    let path = path_of(real);
    let genes = predicted.genes();
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
/// ```
#[doc = include_str!("../doc/fitted.txt")]
/// use pert_pipeline::split_of_predicted;
/// let real = screen.population();
/// let wanted = real.perturbations().iter().find(|p| !p.is_control()).expect("a screen");
/// let predicted = real.select_cells(&real.cells_of(wanted));
/// let split = split_of_predicted(&predicted, real, screen.format(), 0)?;
/// assert_eq!(split.test, [wanted.label()]);
/// # let _ = (quick, device);
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
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
        return Err(Error::Request(format!(
            "no predicted perturbation is in the real file (predicted: {}; real: {}; control {:?})",
            some_labels(predicted.perturbations()),
            some_labels(real.perturbations()),
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

/// Refuses predicted cells none of which is of a perturbation that the split holds out in the real file.
///
/// # Errors
/// [`Error::Request`] naming what is predicted and what the split asks for.
pub fn check_predicted(
    predicted: &Population,
    real: &Population,
    format: &LabelFormat,
    split: &Split,
) -> Result<(), Error> {
    let test = split.test_cells(real, format);
    let asked = real
        .perturbations()
        .iter()
        .filter(|p| test.iter().any(|&cell| real.perturbation_of(cell) == *p));
    if test.is_empty() || asked.clone().any(|p| predicted.perturbations().contains(p)) {
        return Ok(());
    }
    Err(Error::Request(format!(
        "no perturbation of the test set is among the predicted cells: they hold {}; the split asks for {}; \
         predict those, or give the split that these cells were predicted for",
        some_labels(predicted.perturbations()),
        some_labels(asked),
    )))
}

/// The first labels, and how many there are if not all are shown.
fn some_labels<'a>(perturbations: impl IntoIterator<Item = &'a Perturbation>) -> String {
    const SHOWN: usize = 5;
    let labels: Vec<&str> = perturbations.into_iter().map(Perturbation::label).collect();
    let shown = labels[..labels.len().min(SHOWN)].join(", ");
    if labels.len() > SHOWN { format!("{shown}, … ({} in all)", labels.len()) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_data::{SimulatorConfig, simulate};

    #[test]
    fn predicted_cells_outside_the_test_set_are_told_with_both_sides() {
        let config = SimulatorConfig::new(0).with_n_cells(400).with_n_genes(60);
        let simulation = simulate(&config.with_n_perturbations(12)).unwrap();
        let (real, format) = (&simulation.population, LabelFormat::default());
        let labels: Vec<String> = real
            .perturbations()
            .iter()
            .filter(|p| !p.is_control())
            .map(|p| p.label().to_owned())
            .collect();
        let rule = pert_core::HoldOutRule::Labels(labels[..2].to_vec());
        let split =
            SplitConfig::new(pert_core::HoldOut { rule, fraction: None }, 0).split(real).unwrap();
        let cells_of = |label: &str| -> Vec<usize> {
            (0..real.n_cells()).filter(|&i| real.perturbation_of(i).label() == label).collect()
        };
        let asked = real.select_cells(&cells_of(&labels[0]));
        assert!(check_predicted(&asked, real, &format, &split).is_ok());
        let other = real.select_cells(&cells_of(&labels[5]));
        let error = check_predicted(&other, real, &format, &split).unwrap_err().to_string();
        for text in [&labels[0], &labels[1], &labels[5]] {
            assert!(error.contains(text.as_str()), "{error}");
        }
        assert!(some_labels(real.perturbations()).ends_with("in all)"));
    }
}
