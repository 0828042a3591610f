//! Kernel ridge as a baseline in gene space.

use std::collections::HashMap;

use pert_core::{ChaCha8Rng, Perturbation};

use crate::Error;
use crate::baseline::{Baseline, CellPlan, draw};
use crate::kernel::FeatureVectors;
use crate::kernel_ridge::{KernelRidge, KernelRidgeConfig};
use crate::summary::TrainingSummary;

/// `kernel_ridge`: μ_c + f(p), f the [`KernelRidge`] from features to shifts μ_p − μ_c of the training perturbations;
/// cells are control cells with f(p) added.
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
/// assert!(baseline.covers(&pair) && !baseline.covers(&perturbation("C")?));
/// assert_eq!(baseline.mean(&perturbation("control")?), summary.control_mean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct KernelRidgeBaseline<'a> {
    summary: &'a TrainingSummary,
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
        summary: &'a TrainingSummary,
        features: impl IntoIterator<Item = (Perturbation, FeatureVectors)>,
    ) -> Result<Self, Error> {
        let features: HashMap<Perturbation, FeatureVectors> = features.into_iter().collect();
        let control = summary.control_mean();
        let mut training = Vec::new();
        let mut shifts = Vec::new();
        for p in summary.perturbations() {
            let of_p = features.get(p);
            training.push(
                of_p.ok_or_else(|| Error::MissingFeatures { label: p.label().to_owned() })?.clone(),
            );
            let mean = summary.mean_of(p).expect("a training perturbation has a mean");
            shifts.extend(mean.iter().zip(control).map(|(m, c)| m - c));
        }
        let config = KernelRidgeConfig::default();
        let ridge = KernelRidge::fit(&training, &shifts, control.len(), &config)?;
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
            return Some(vec![0.0; self.summary.control_mean().len()]);
        }
        self.features.get(p).map(|features| self.ridge.predict(features))
    }
}

impl Baseline for KernelRidgeBaseline<'_> {
    fn name(&self) -> &'static str {
        "kernel_ridge"
    }

    fn covers(&self, p: &Perturbation) -> bool {
        p.is_control() || self.features.contains_key(p)
    }

    fn mean(&self, p: &Perturbation) -> Vec<f64> {
        let control = self.summary.control_mean();
        match self.shift(p) {
            Some(shift) => control.iter().zip(shift).map(|(c, s)| c + s).collect(),
            None => vec![f64::NAN; control.len()],
        }
    }

    fn cells(&self, p: &Perturbation, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        match self.shift(p) {
            Some(shift) => {
                CellPlan::Shifted { rows: draw(self.summary.control_rows(), n, rng), shift }
            }
            None => CellPlan::Rows(Vec::new()),
        }
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
        let (_, summary, l) = summary();
        let known = known(&["A", "B", "A+B", "C"]);
        let baseline = KernelRidgeBaseline::fit(&summary, known.clone()).unwrap();
        let shift = baseline.ridge().predict(&known[2].1);
        assert_profile(
            &baseline.mean(&perturbation("B+A")),
            [l / 2.0 + shift[0], l / 2.0 + shift[1]],
        );
        assert_profile(&baseline.mean(&perturbation("control")), [l / 2.0, l / 2.0]);
        // C shares nothing with training: the centre of the ridge.
        assert!(baseline.covers(&perturbation("C")) && !baseline.covers(&perturbation("D")));
        assert!(baseline.mean(&perturbation("D"))[0].is_nan());
        let plan = baseline.cells(&perturbation("A+B"), 2, &mut seeded_rng(0, "test"));
        assert!(matches!(plan, CellPlan::Shifted { ref rows, .. } if rows.len() == 2));
    }

    #[test]
    fn every_training_perturbation_needs_features() {
        let (_, summary, _) = summary();
        let error = KernelRidgeBaseline::fit(&summary, known(&["A", "B"])).unwrap_err();
        assert_eq!(error, Error::MissingFeatures { label: "A+B".into() });
        let mut ragged = known(&["A", "B", "A+B"]);
        ragged.push((perturbation("C"), FeatureVectors::new(vec![])));
        let error = KernelRidgeBaseline::fit(&summary, ragged).unwrap_err();
        assert!(matches!(error, Error::FeatureShape { .. }));
    }
}
