//! Every baseline, in the order of the tables.

use std::sync::Arc;

use pert_core::Perturbation;

use crate::baseline::Baseline;
use crate::{
    Additive, BilinearRidge, BilinearRidgeConfig, Embedding, Error, FeatureVectors,
    KernelRidgeBaseline, MatchingMean, Nearest, NoChange, RandomCells, Ridge, TrainingCells,
    TrainingMean, TrainingSummary, WeightedShift,
};

/// Perturbations a regression needs at least.
const LEAST_FOR_RIDGE: usize = 2;

/// Every baseline that these training cells and features allow, in the order `no_change`, `training_mean`,
/// `matching_mean`, `additive`, `weighted_shift`, `random_cells`, `training_cells`, `ridge`, `bilinear_ridge`,
/// `nearest`, `kernel_ridge`.
///
/// `features` must hold every training perturbation and those that are to be predicted. The last four are left out
/// without features, or when no feature holds a number; all of these but `nearest` also below two training
/// perturbations. Whether one says anything about a target is [`Baseline::covers`].
///
/// # Errors
/// [`Error::MissingFeatures`], [`Error::FeatureShape`], [`Error::NotFinite`]: features that are given must be right.
///
/// ```
/// use pert_baselines::{Baseline, FeatureVectors, TrainingSummary, all_baselines};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let set = |genes: [f64; 2]| FeatureVectors::new(vec![genes.to_vec()]);
/// let (a, b, pair) = (perturbation("A")?, perturbation("B")?, perturbation("A+B")?);
/// let features = [(a, set([1., 0.])), (b, set([0., 1.])), (pair.clone(), set([1., 1.]))];
/// let target = summary.target(&pair, &[6]);
/// for baseline in all_baselines(&summary, Some(&features))? {
///     let finite = baseline.mean(&target).iter().all(|m| m.is_finite());
///     assert_eq!(finite, baseline.covers(&target), "{}", baseline.name());
/// }
/// assert_eq!(all_baselines(&summary, None)?.len(), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn all_baselines<'a>(
    summary: &'a TrainingSummary<'a>,
    features: Option<&[(Perturbation, FeatureVectors)]>,
) -> Result<Vec<Box<dyn Baseline + Send + Sync + 'a>>, Error> {
    let mut baselines: Vec<Box<dyn Baseline + Send + Sync + 'a>> = vec![
        Box::new(NoChange::new(summary)),
        Box::new(TrainingMean::new(summary)),
        Box::new(MatchingMean::new(summary)),
        Box::new(Additive::new(summary)),
        Box::new(WeightedShift::new(summary)),
        Box::new(RandomCells::new(summary)),
        Box::new(TrainingCells::new(summary)),
    ];
    let some = |features: &&[(Perturbation, FeatureVectors)]| {
        features.iter().any(|(_, f)| f.blocks().iter().any(|block| !block.is_empty()))
    };
    let Some(features) = features.filter(some) else { return Ok(baselines) };
    let embedding = Arc::new(Embedding::from_features(summary, features.iter().cloned())?);
    let regressions = summary.perturbations().len() >= LEAST_FOR_RIDGE;
    if regressions {
        let config = BilinearRidgeConfig::default();
        baselines.push(Box::new(Ridge::fit(summary, embedding.clone())?));
        baselines.push(Box::new(BilinearRidge::fit(summary, embedding.clone(), &config)?));
    }
    baselines.push(Box::new(Nearest::fit(summary, embedding)?));
    if regressions {
        baselines.push(Box::new(KernelRidgeBaseline::fit(summary, features.iter().cloned())?));
    }
    Ok(baselines)
}
