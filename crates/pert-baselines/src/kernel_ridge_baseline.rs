//! Kernel ridge as a baseline in gene space.

use std::collections::HashMap;

use pert_core::{ChaCha8Rng, Perturbation};

use crate::baseline::Baseline;
use crate::kernel_ridge::{KernelRidge, KernelRidgeConfig};
use crate::{CellPlan, Error, FeatureVectors, Target, TrainingSummary};

/// `kernel_ridge`: the matched control plus f(p), f the [`KernelRidge`] from features to the shifts δ_p of the
/// training perturbations; cells are control cells of the target's strata with f(p) added.
///
/// A perturbation seen in training is predicted like any other, so shrunk towards its neighbours. It covers the
/// perturbations whose features were given, and control, which has no shift.
///
/// ```
/// use pert_baselines::{Baseline, FeatureVectors, KernelRidgeBaseline, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// // One block: which of A and B is in the set.
/// let set = |genes: [f64; 2]| FeatureVectors::new(vec![genes.to_vec()]);
/// let (a, b, pair) = (perturbation("A")?, perturbation("B")?, perturbation("A+B")?);
/// let features = [(a, set([1., 0.])), (b, set([0., 1.])), (pair.clone(), set([1., 1.]))];
/// let baseline = KernelRidgeBaseline::fit(&summary, features)?;
/// assert!(baseline.covers(&summary.target(&pair, &[6])));
/// assert!(!baseline.covers(&summary.overall_target(&perturbation("C")?)));
/// let control = summary.overall_target(&perturbation("control")?);
/// assert_eq!(baseline.mean(&control), summary.control_mean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct KernelRidgeBaseline<'a> {
    summary: &'a TrainingSummary<'a>,
    ridge: KernelRidge,
    features: HashMap<Perturbation, FeatureVectors>,
}

impl<'a> KernelRidgeBaseline<'a> {
    /// Fits on the training perturbations, each counted once. `features` must hold all of them, and may hold any that
    /// are to be predicted.
    ///
    /// # Errors
    /// [`Error::MissingFeatures`], or as [`KernelRidge::fit`].
    pub fn fit(
        summary: &'a TrainingSummary<'a>,
        features: impl IntoIterator<Item = (Perturbation, FeatureVectors)>,
    ) -> Result<Self, Error> {
        let features: HashMap<Perturbation, FeatureVectors> = features.into_iter().collect();
        let mut training = Vec::new();
        for p in summary.perturbations() {
            let of_p = features.get(p);
            training.push(
                of_p.ok_or_else(|| Error::MissingFeatures { label: p.label().to_owned() })?.clone(),
            );
        }
        let (shifts, d) = (summary.training_shifts(), summary.control_mean().len());
        let config = KernelRidgeConfig::default();
        let ridge = KernelRidge::fit(&training, &shifts, d, &config)?;
        // Later predictions must not fail on a shape, so what is to be predicted is checked here.
        let expected = training[0].lengths();
        if let Some(other) = features.values().find(|f| f.lengths() != expected) {
            let (index, found) = (training.len(), other.lengths());
            return Err(Error::FeatureShape { index, expected, found });
        }
        Ok(Self { summary, ridge, features })
    }

    /// The regression behind it.
    pub fn ridge(&self) -> &KernelRidge {
        &self.ridge
    }

    fn shift(&self, p: &Perturbation) -> Option<Vec<f64>> {
        if p.is_control() {
            return self.summary.shift_of(p);
        }
        self.features.get(p).map(|features| self.ridge.predict(features))
    }
}

impl Baseline for KernelRidgeBaseline<'_> {
    fn name(&self) -> &'static str {
        "kernel_ridge"
    }

    fn covers(&self, target: &Target) -> bool {
        let p = target.perturbation();
        p.is_control() || self.features.contains_key(p)
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
    use pert_core::seeded_rng;

    fn known(labels: &[&str]) -> Vec<(Perturbation, FeatureVectors)> {
        let of = |p: &Perturbation| {
            let genes = ["A", "B"].map(|g| f64::from(p.targets().iter().any(|t| t == g)));
            FeatureVectors::new(vec![genes.to_vec()])
        };
        labels.iter().map(|l| perturbation(l)).map(|p| (p.clone(), of(&p))).collect()
    }

    #[test]
    fn the_shift_of_the_ridge_is_added_to_control() {
        let (screen, train, l) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let target = |label| summary.overall_target(&perturbation(label));
        let known = known(&["A", "B", "A+B", "C"]);
        let baseline = KernelRidgeBaseline::fit(&summary, known.clone()).unwrap();
        let shift = baseline.ridge().predict(&known[2].1);
        assert_profile(&baseline.mean(&target("B+A")), [l / 2.0 + shift[0], l / 2.0 + shift[1]]);
        assert_profile(&baseline.mean(&target("control")), [l / 2.0, l / 2.0]);
        // C shares nothing with training: the centre of the ridge.
        assert!(baseline.covers(&target("C")) && !baseline.covers(&target("D")));
        assert!(baseline.mean(&target("D"))[0].is_nan());
        let plan = baseline.cells(&target("A+B"), 2, &mut seeded_rng(0, "test"));
        assert!(matches!(plan, CellPlan::Shifted { ref rows, .. } if rows.len() == 2));
    }

    #[test]
    fn every_training_perturbation_needs_features() {
        let (screen, train, _) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let error = KernelRidgeBaseline::fit(&summary, known(&["A", "B"])).unwrap_err();
        assert_eq!(error, Error::MissingFeatures { label: "A+B".into() });
        let mut ragged = known(&["A", "B", "A+B"]);
        ragged.push((perturbation("C"), FeatureVectors::new(vec![])));
        let error = KernelRidgeBaseline::fit(&summary, ragged).unwrap_err();
        assert!(matches!(error, Error::FeatureShape { .. }));
    }
}
