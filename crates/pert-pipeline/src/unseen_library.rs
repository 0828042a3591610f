//! p(l|p) of a perturbation without training cells.

use pert_baselines::{FeatureVectors, KernelRidge, KernelRidgeConfig, Selection};
use pert_decoder::{LibraryPrior, LogNormal};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Kernel ridge from perturbation features to the library size: how far mean and log standard deviation of log l lie
/// from those of control, each by a ridge of its own. What genes do alone thus adds up in their combinations.
///
/// What is learned from is p(l|p) of the seen perturbations, already shrunk towards the global one by the number of
/// cells. λ is chosen by leaving each perturbation out; a ridge that is not clearly better than the global value, by
/// one standard error over the perturbations left out (Breiman et al. 1984, the 1-SE rule), is not used.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LibraryRidges {
    mean: Option<KernelRidge>,
    log_sd: Option<KernelRidge>,
}

/// What was selected for each of the two; `None`: the global value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LibrarySelections {
    pub mean: Option<Selection>,
    pub log_sd: Option<Selection>,
}

impl LibrarySelections {
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

impl LibraryRidges {
    /// `features`: of the seen perturbations but control, which is the first group of the prior.
    pub fn fit(features: &[FeatureVectors], prior: &LibraryPrior) -> Result<Self, Error> {
        let fit = |of: fn(LogNormal) -> f64| better_than_global(features, prior, of);
        Ok(Self { mean: fit(mean)?, log_sd: fit(log_sd)? })
    }

    /// Fits again what was selected before, when a model is read back.
    pub fn restore(
        features: &[FeatureVectors],
        prior: &LibraryPrior,
        selections: &LibrarySelections,
    ) -> Result<Self, Error> {
        let ridge = |of: fn(LogNormal) -> f64, selection: &Option<Selection>| {
            let fit = |s| KernelRidge::fit_selected(features, &shifts(prior, of), 1, s);
            selection.as_ref().map(fit).transpose()
        };
        Ok(Self {
            mean: ridge(mean, &selections.mean)?,
            log_sd: ridge(log_sd, &selections.log_sd)?,
        })
    }

    pub fn selections(&self) -> LibrarySelections {
        let of = |ridge: &Option<KernelRidge>| ridge.as_ref().map(|r| r.selection().clone());
        LibrarySelections { mean: of(&self.mean), log_sd: of(&self.log_sd) }
    }

    /// p(l|p) of an unseen perturbation; the global one where no ridge is used.
    pub fn predict(&self, features: &FeatureVectors, prior: &LibraryPrior) -> LogNormal {
        let value = |ridge: &Option<KernelRidge>, of: fn(LogNormal) -> f64| match ridge {
            Some(ridge) => of(prior.group(CONTROL)) + ridge.predict(features)[0],
            None => of(prior.global()),
        };
        let (mean, log_sd) = (value(&self.mean, mean), value(&self.log_sd, log_sd));
        LogNormal { mean, variance: (2.0 * log_sd).exp() }
    }
}

/// Seen perturbations are sorted by targets: the empty set comes first.
const CONTROL: usize = 0;

fn mean(library: LogNormal) -> f64 {
    library.mean
}

fn log_sd(library: LogNormal) -> f64 {
    0.5 * library.variance.ln()
}

/// A moment of every group but control, less that of control.
fn shifts(prior: &LibraryPrior, of: fn(LogNormal) -> f64) -> Vec<f64> {
    let control = of(prior.group(CONTROL));
    (CONTROL + 1..prior.n_groups()).map(|group| of(prior.group(group)) - control).collect()
}

/// The ridge that leave-one-out selects, if it is better than the global value by more than one standard error.
fn better_than_global(
    features: &[FeatureVectors],
    prior: &LibraryPrior,
    of: fn(LogNormal) -> f64,
) -> Result<Option<KernelRidge>, Error> {
    if features.len() < 2 {
        return Ok(None);
    }
    let shifts = shifts(prior, of);
    let global = of(prior.global()) - of(prior.group(CONTROL));
    let ridge = KernelRidge::fit(features, &shifts, 1, &KernelRidgeConfig::default())?;
    let gains: Vec<f64> = shifts
        .iter()
        .zip(ridge.leave_one_out_predictions())
        .map(|(shift, predicted)| (shift - global).powi(2) - (shift - predicted).powi(2))
        .collect();
    let n = gains.len() as f64;
    let gain = gains.iter().sum::<f64>() / n;
    let squares: f64 = gains.iter().map(|g| (g - gain).powi(2)).sum();
    let standard_error = (squares / (n * (n - 1.0))).sqrt();
    Ok((gain > standard_error).then_some(ridge))
}

#[cfg(test)]
mod tests {
    use pert_core::{ChaCha8Rng, seeded_rng};
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    const N: usize = 40;
    const CELLS: usize = 200;
    const CONTROL_MEAN: f64 = 8.0;

    fn normal(rng: &mut ChaCha8Rng) -> f64 {
        StandardNormal.sample(rng)
    }

    /// Perturbations of three features, and cells whose log library size has the moments `of` the features.
    fn screen(
        of: impl Fn(&[f64], &mut ChaCha8Rng) -> LogNormal,
        seed: u64,
    ) -> (Vec<FeatureVectors>, LibraryPrior) {
        let rng = &mut seeded_rng(seed, "libraries");
        let control = LogNormal { mean: CONTROL_MEAN, variance: 0.09 };
        let mut cells: Vec<f64> = (0..CELLS).map(|_| control.sample(rng)).collect();
        let mut group_of = vec![0; CELLS];
        let mut features = Vec::new();
        for group in 1..=N {
            let x: Vec<f64> = (0..3).map(|_| normal(rng)).collect();
            let library = of(&x, rng);
            cells.extend((0..CELLS).map(|_| library.sample(rng)));
            group_of.extend([group; CELLS]);
            features.push(FeatureVectors::new(vec![x]));
        }
        (features, LibraryPrior::fit(&cells, &group_of, N + 1).unwrap())
    }

    fn assert_near_global(ridges: &LibraryRidges, features: &FeatureVectors, prior: &LibraryPrior) {
        let (found, global) = (ridges.predict(features, prior), prior.global());
        assert_eq!(found.mean, global.mean);
        // Through the logarithm and back.
        approx::assert_relative_eq!(found.variance, global.variance, max_relative = 1e-12);
    }

    fn told_by_features(x: &[f64]) -> LogNormal {
        let log_sd = 0.3f64.ln() + 0.4 * x[2];
        LogNormal { mean: CONTROL_MEAN + 0.5 * x[0] - 0.3 * x[1], variance: (2.0 * log_sd).exp() }
    }

    #[test]
    fn a_library_that_features_tell_is_recovered_for_an_unseen_perturbation() {
        let (features, prior) = screen(|x, _| told_by_features(x), 1);
        let ridges = LibraryRidges::fit(&features, &prior).unwrap();
        let rng = &mut seeded_rng(2, "unseen");
        let (mut of_ridge, mut of_global) = ([0.0; 2], [0.0; 2]);
        for _ in 0..50 {
            let x: Vec<f64> = (0..3).map(|_| normal(rng)).collect();
            let truth = told_by_features(&x);
            let predicted = ridges.predict(&FeatureVectors::new(vec![x]), &prior);
            for (errors, guess) in [(&mut of_ridge, predicted), (&mut of_global, prior.global())] {
                errors[0] += (guess.mean - truth.mean).powi(2) / 50.0;
                errors[1] += (0.5 * (guess.variance / truth.variance).ln()).powi(2) / 50.0;
            }
        }
        // Shrinkage by 20 of 220 cells leaves a small part of the effects unknown.
        for (ridge, global) in of_ridge.into_iter().zip(of_global) {
            assert!(ridge < 0.1 * global, "{of_ridge:?} {of_global:?}");
        }
    }

    #[test]
    fn a_library_that_features_do_not_tell_is_the_global_one() {
        let mut used = 0;
        for seed in 0..20 {
            let (features, prior) = screen(
                |_, rng| LogNormal { mean: CONTROL_MEAN + 0.5 * normal(rng), variance: 0.09 },
                seed,
            );
            let ridges = LibraryRidges::fit(&features, &prior).unwrap();
            used += usize::from(ridges.mean.is_some());
            if ridges.mean.is_none() && ridges.log_sd.is_none() {
                assert_near_global(&ridges, &features[0], &prior);
            }
        }
        // One standard error is passed by chance now and then: a sixth of the time at most.
        assert!(used <= 5, "{used} of 20");
    }

    #[test]
    fn what_was_selected_is_fitted_again_to_the_last_bit() {
        let (features, prior) = screen(|x, _| told_by_features(x), 3);
        let ridges = LibraryRidges::fit(&features, &prior).unwrap();
        let json = serde_json::to_string(&ridges.selections()).unwrap();
        let selections: LibrarySelections = serde_json::from_str(&json).unwrap();
        assert!(selections.mean.is_some());
        assert_eq!(LibraryRidges::restore(&features, &prior, &selections).unwrap(), ridges);
    }

    #[test]
    fn one_perturbation_is_too_few_to_leave_out() {
        let prior = LibraryPrior::fit(&[7.0, 7.5, 9.0, 9.5], &[0, 0, 1, 1], 2).unwrap();
        let features = [FeatureVectors::new(vec![vec![1.0]])];
        let ridges = LibraryRidges::fit(&features, &prior).unwrap();
        assert_near_global(&ridges, &features[0], &prior);
    }
}
