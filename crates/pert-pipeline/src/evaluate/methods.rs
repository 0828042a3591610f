//! What is judged, and what stands beside it: simple baselines fitted on training cells.

use pert_baselines::{Baseline, FeatureVectors, TrainingSummary, all_baselines};
use pert_core::{Perturbation, Population};
use pert_encoders::{GeneSetEncoder, UnknownGene};

use super::cells::Cells;
use super::evaluation_vae::rng;
use super::{EvaluateConfig, Predicted};
use crate::Error;
use crate::model::features;

/// The name of what is judged in every table.
pub(super) const MODEL: &str = "model";

/// The prediction of one method for one perturbation.
pub(super) struct Prediction {
    pub method: String,
    /// Mean log-normalised profile, `[n_genes]`; a closed form's own, a model's without most of the noise of counts.
    pub mean: Vec<f64>,
    pub cells: Cells,
}

impl Prediction {
    /// A prediction whose mean is that of its cells.
    pub fn of_cells(method: &str, cells: Cells) -> Self {
        Self { method: method.to_owned(), mean: cells.mean(), cells }
    }
}

/// The baselines of an evaluation, fitted on the training cells of the split.
pub(super) struct Baselines<'a> {
    screen: &'a Population,
    summary: &'a TrainingSummary<'a>,
    baselines: Vec<Box<dyn Baseline + Send + Sync + 'a>>,
}

impl<'a> Baselines<'a> {
    /// `test` are the perturbations to be predicted.
    pub fn fit(
        screen: &'a Population,
        summary: &'a TrainingSummary<'a>,
        predicted: &Predicted<'_>,
        config: &EvaluateConfig,
        test: &[&Perturbation],
    ) -> Result<Self, Error> {
        let seen: Vec<&Perturbation> =
            summary.perturbations().filter(|p| !p.is_control()).collect();
        let own = own_encoder(&seen, config);
        let features_of = |p: &Perturbation| match predicted {
            Predicted::Model(model) if config.features.is_none() => model.features(p),
            _ => features(&own, p),
        };
        let known: Vec<(Perturbation, FeatureVectors)> = seen
            .iter()
            .chain(test)
            .map(|p| Ok(((*p).clone(), features_of(p)?)))
            .collect::<Result<_, Error>>()?;
        Ok(Self { screen, summary, baselines: all_baselines(summary, Some(&known))? })
    }

    /// Predictions of every baseline that can say something about a perturbation, for judged cells of these rows.
    pub fn predict(
        &self,
        p: &Perturbation,
        test_rows: &[usize],
        n: usize,
        seed: u64,
    ) -> Vec<Prediction> {
        let counts = self.screen.counts();
        let target = self.summary.target(p, test_rows);
        self.baselines
            .iter()
            .filter(|baseline| baseline.covers(&target))
            .map(|baseline| {
                let mut rng = rng(seed, baseline.name(), &p.key());
                let plan = baseline.cells(&target, n, &mut rng);
                let library = plan.rows().iter().map(|&i| counts.library_size(i)).collect();
                Prediction {
                    method: baseline.name().to_owned(),
                    // No mean of profiles is negative; a formula that says so is meant as 0.
                    mean: baseline.mean(&target).into_iter().map(|m| m.max(0.0)).collect(),
                    cells: Cells::new(counts.n_genes(), plan.profiles(counts), library),
                }
            })
            .collect()
    }
}

/// Where features are given or no model brings its encoder: the genes seen in training, and features where they were given. A gene without
/// features is the mean gene, so that one of them does not silence the baselines on all others.
fn own_encoder(seen: &[&Perturbation], config: &EvaluateConfig) -> GeneSetEncoder {
    let genes = seen.iter().flat_map(|p| p.targets().iter().cloned()).collect();
    GeneSetEncoder::new(genes, config.features.clone(), UnknownGene::Mean)
}

/// The prediction that is judged; none where cells of this perturbation, or any, were not predicted.
pub(super) fn judged(
    predicted: &Predicted<'_>,
    screen: &Population,
    test_rows: &[usize],
    p: &Perturbation,
    n: usize,
    seed: u64,
) -> Result<Option<Prediction>, Error> {
    let cells = match predicted {
        Predicted::Nothing(_) => return Ok(None),
        Predicted::Cells(population) => {
            let rows = population.cells_of(p);
            if rows.is_empty() {
                return Ok(None);
            }
            Cells::from_counts(population.counts(), &rows)
        }
        Predicted::Model(model) => {
            // The covariates of the held-out cells, in turn: a perturbation is judged where it was measured.
            let codes = model.contexts.codes_of(screen, test_rows)?;
            let contexts: Vec<usize> = (0..n).map(|i| codes[i % codes.len()]).collect();
            let closed = model.closed_form(p)?;
            let (counts, mean) = model.generate_with_mean(p, &closed, &contexts, seed)?;
            let rows: Vec<usize> = (0..n).collect();
            let cells = Cells::from_counts(&counts, &rows);
            return Ok(Some(Prediction { method: MODEL.to_owned(), mean, cells }));
        }
    };
    Ok(Some(Prediction::of_cells(MODEL, cells)))
}
