//! What stands beside the model: simple baselines fitted on training cells, and real cells as reference.

use pert_baselines::{
    Additive, Baseline, FeatureVectors, KernelRidgeBaseline, MatchingMean, NoChange, TrainingCells,
    TrainingMean, TrainingSummary,
};
use pert_core::{Perturbation, Population};

use super::Predicted;
use super::cells::Cells;
use super::evaluation_vae::rng;
use crate::Error;

/// The prediction of one method for one perturbation.
pub(super) struct Prediction {
    pub method: String,
    /// Mean log-normalised profile, `[n_genes]`; a closed form's own, not that of its cells.
    pub mean: Vec<f64>,
    pub cells: Cells,
}

/// The baselines of an evaluation, fitted on the training cells of the split.
pub(super) struct Baselines<'a> {
    screen: &'a Population,
    baselines: Vec<Box<dyn Baseline + Sync + 'a>>,
}

impl<'a> Baselines<'a> {
    pub fn fit(
        screen: &'a Population,
        summary: &'a TrainingSummary,
        predicted: &Predicted<'_>,
        test: &[&Perturbation],
    ) -> Result<Self, Error> {
        let mut baselines: Vec<Box<dyn Baseline + Sync + 'a>> = vec![
            Box::new(NoChange::new(summary)),
            Box::new(TrainingMean::new(summary)),
            Box::new(MatchingMean::new(summary)),
            Box::new(Additive::new(summary)),
            Box::new(TrainingCells::new(summary)),
        ];
        let seen: Vec<&Perturbation> =
            summary.perturbations().filter(|p| !p.is_control()).collect();
        if seen.len() >= 2 {
            let features = |ps: &[&Perturbation]| -> Result<Vec<FeatureVectors>, Error> {
                ps.iter().map(|p| features_of(predicted, &seen, p)).collect()
            };
            let known: Vec<(Perturbation, FeatureVectors)> = seen
                .iter()
                .chain(test)
                .map(|p| (*p).clone())
                .zip(features(&seen)?.into_iter().chain(features(test)?))
                .collect();
            baselines.push(Box::new(KernelRidgeBaseline::fit(summary, known)?));
        }
        Ok(Self { screen, baselines })
    }

    /// Predictions of every baseline that can say something about a perturbation.
    pub fn predict(&self, p: &Perturbation, n: usize, seed: u64) -> Vec<Prediction> {
        let counts = self.screen.counts();
        self.baselines
            .iter()
            .filter(|b| b.covers(p))
            .map(|baseline| {
                let mut rng = rng(seed, baseline.name(), &p.key());
                let plan = baseline.cells(p, n, &mut rng);
                let library = plan.rows().iter().map(|&i| counts.library_size(i)).collect();
                Prediction {
                    method: baseline.name().to_owned(),
                    mean: baseline.mean(p),
                    cells: Cells::new(counts.n_genes(), plan.profiles(counts), library),
                }
            })
            .collect()
    }
}

/// Kernel blocks: the model's own where there is one, else only which genes are shared with training.
fn features_of(
    predicted: &Predicted<'_>,
    seen: &[&Perturbation],
    p: &Perturbation,
) -> Result<FeatureVectors, Error> {
    if let Predicted::Model(model) = predicted {
        return model.features(p);
    }
    let mut genes: Vec<&String> = seen.iter().flat_map(|s| s.targets()).collect();
    genes.sort_unstable();
    genes.dedup();
    let shared = genes.iter().map(|g| f64::from(p.targets().contains(g))).collect();
    Ok(FeatureVectors::new(vec![shared]))
}

/// The prediction that is judged.
pub(super) fn judged(
    predicted: &Predicted<'_>,
    screen: &Population,
    test_rows: &[usize],
    p: &Perturbation,
    n: usize,
    seed: u64,
) -> Result<Option<Prediction>, Error> {
    let cells = match predicted {
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
            let counts = model.generate(p, &model.closed_form(p)?, &contexts, seed)?;
            let rows: Vec<usize> = (0..n).collect();
            Cells::from_counts(&counts, &rows)
        }
    };
    Ok(Some(Prediction { method: "model".to_owned(), mean: cells.mean(), cells }))
}
