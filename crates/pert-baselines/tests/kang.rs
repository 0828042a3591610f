//! Interferon β on blood cells (Kang et al. 2018), held out in one cell type at a time: what other types tell.

use pert_baselines::{Baseline, TrainingSummary, all_baselines};
use pert_core::{Covariate, CovariateRole, Population};
use pert_data::Dataset;
use pert_metrics::{pearson_delta, r2};

/// Means over the cell types of a baseline's R² and Pearson Δ.
struct Score {
    name: &'static str,
    r2: f64,
    pearson_delta: f64,
}

fn cell_types(screen: &Population) -> &Covariate {
    let of_type = |c: &&Covariate| c.role == CovariateRole::CellType;
    screen.covariates().iter().find(of_type).expect("the file has cell types")
}

/// Every type's perturbed cells held out in turn; all controls are trained on, as in the figures compared with.
/// A mean is floored at 0, as cells are, since no log-normalised profile is below it.
fn scores(screen: &Population) -> Vec<Score> {
    let types = cell_types(screen);
    let type_of: Vec<String> = (0..screen.n_cells()).map(|i| types.label(i)).collect();
    let mut held_out = type_of.clone();
    held_out.sort_unstable();
    held_out.dedup();
    let names = ["no_change", "additive", "weighted_shift"];
    let mut scores = names.map(|name| Score { name, r2: 0.0, pearson_delta: 0.0 });
    for kind in &held_out {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..screen.n_cells())
            .partition(|&i| &type_of[i] == kind && !screen.perturbation_of(i).is_control());
        let summary = TrainingSummary::fit(screen, &train).unwrap();
        let baselines = all_baselines(&summary, None).unwrap();
        let target = summary.target(screen.perturbation_of(test[0]), &test);
        let real = screen.counts().mean_log_normalised(&test);
        let control = summary.matched_control_mean(&target);
        for score in &mut scores {
            let baseline: &dyn Baseline =
                baselines.iter().find(|b| b.name() == score.name).unwrap().as_ref();
            let mut mean = baseline.mean(&target);
            mean.iter_mut().for_each(|m| *m = m.max(0.0));
            score.r2 += r2(&real, &mean) / held_out.len() as f64;
            let delta = pearson_delta(&real, &mean, &control);
            score.pearson_delta += delta / held_out.len() as f64;
        }
        let find = |name| baselines.iter().find(|b| b.name() == name).unwrap();
        assert!(!find("training_cells").covers(&target), "{kind} was held out");
    }
    scores.into()
}

#[test]
fn near_cell_types_tell_more_than_far_ones() {
    let Some(path) = pert_testkit::shared_data("kang18_pbmc_ifnb_scgen.h5ad") else { return };
    let dataset = Dataset::read_h5ad(path).unwrap();
    let scores = scores(dataset.population());
    // As numpy finds them on this file, to three digits. A prototype of this project counted each cell type once in
    // the additive shift (R² .891, Pearson Δ .803), where here each cell counts once.
    let expected = [(0.728, f64::NAN), (0.888, 0.797), (0.922, 0.836)];
    const DIGITS: f64 = 0.0006;
    for (score, (r2, delta)) in scores.iter().zip(expected) {
        assert!((score.r2 - r2).abs() < DIGITS, "{}: R² {}", score.name, score.r2);
        let found = score.pearson_delta;
        let same = (found - delta).abs() < DIGITS || found.is_nan() && delta.is_nan();
        assert!(same, "{}: Pearson Δ {found}", score.name);
    }
}
