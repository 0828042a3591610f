//! Medians over perturbations of all folds, their spread over seeds, and the paired tests.

use std::collections::{BTreeMap, BTreeSet};

use pert_metrics::{Comparison, METRICS, Metric, MetricRow, Roles, median};
use serde::Serialize;

use super::FLOOR;
use super::columns::{Column, columns, distinct, with_floor_row};

/// One run of a benchmark: a model with its baselines, or the baselines alone, on one fold with one seed.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredRun {
    /// The data set.
    pub dataset: String,
    /// The split rule, shared by its folds.
    pub split: String,
    /// The fold.
    pub fold: String,
    /// The seed.
    pub seed: u64,
    /// The model's name; `None`: baselines alone.
    pub model: Option<String>,
    /// One per perturbation and method.
    pub scores: Vec<Scores>,
}

/// The numbers of one method on one perturbation; what could not be computed is absent.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The perturbation.
    pub perturbation: String,
    /// The method.
    pub method: String,
    /// Held-out real cells.
    pub n: usize,
    /// By name of the metric.
    pub values: BTreeMap<String, f64>,
}

/// Everything a benchmark found, by data set and split rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchmarkTable {
    /// In the order of the runs.
    pub groups: Vec<BenchmarkGroup>,
}

/// A data set under a split rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchmarkGroup {
    /// The data set.
    pub dataset: String,
    /// The split rule.
    pub split: String,
    /// Its folds.
    pub folds: Vec<String>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Distinct perturbations held out, over all folds and seeds.
    pub n_perturbations: usize,
    /// Models, baselines, references.
    pub methods: Vec<BenchmarkMethod>,
    /// Each model against its best baseline, per metric, paired over all perturbations.
    pub comparisons: Vec<ModelComparison>,
    /// Median per fold and seed, for the long table.
    #[serde(skip)]
    pub(super) by_run: Vec<RunMedian>,
}

/// A median of one run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunMedian {
    pub fold: String,
    pub seed: u64,
    pub method: usize,
    pub metric: &'static str,
    pub n: usize,
    pub median: f64,
}

/// What a method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodRole {
    /// Under test.
    Model,
    /// What it has to beat.
    Baseline,
    /// No prediction.
    Reference,
}

/// A method over all folds and seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchmarkMethod {
    /// Its name: the model's, or that of the baseline; with the model's behind it where a baseline differs beside another model.
    pub name: String,
    /// What it is.
    pub role: MethodRole,
    /// Perturbations it was judged on.
    pub n: usize,
    /// By metric.
    pub metrics: BTreeMap<String, OverSeeds>,
}

/// One metric of one method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverSeeds {
    /// Perturbations with a number.
    pub n: usize,
    /// Median over the perturbations of all folds, mean over seeds.
    pub value: f64,
    /// Standard deviation of that median over seeds; none with one seed.
    pub sd: Option<f64>,
    /// The median with each seed.
    pub by_seed: BTreeMap<u64, f64>,
}

/// A model against the best baseline of its own runs. Values are means over seeds first, so that a perturbation counts once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelComparison {
    /// The model.
    pub model: String,
    /// The test.
    #[serde(flatten)]
    pub comparison: Comparison,
}

impl BenchmarkTable {
    /// Puts runs together.
    ///
    /// ```
    /// use pert_metrics::Roles;
    /// use pert_report::{BenchmarkTable, ScoredRun, Scores};
    /// let scores = |method: &str, r2: f64| Scores {
    ///     perturbation: "KLF1".into(), method: method.into(), n: 50, values: [("r2".to_owned(), r2)].into(),
    /// };
    /// let run = |seed, r2| ScoredRun {
    ///     dataset: "norman".into(), split: "sorted-5".into(), fold: "sorted-5:0".into(), seed,
    ///     model: Some("default".into()), scores: vec![scores("model", r2), scores("additive", 0.5)],
    /// };
    /// let table = BenchmarkTable::new(&[run(0, 0.75), run(1, 0.85)], &Roles::default());
    /// let model = &table.groups[0].methods[0];
    /// assert_eq!((model.name.as_str(), model.metrics["r2"].value), ("default", 0.8));
    /// assert_eq!(table.groups[0].comparisons[0].comparison.best_baseline, "additive");
    /// ```
    pub fn new(runs: &[ScoredRun], roles: &Roles) -> Self {
        let with_floor: Vec<ScoredRun> = runs.iter().map(with_floor_row).collect();
        let mut names: Vec<(&str, &str)> = Vec::new();
        for run in &with_floor {
            if !names.contains(&(&run.dataset, &run.split)) {
                names.push((&run.dataset, &run.split));
            }
        }
        let groups = names.into_iter().map(|(dataset, split)| {
            let runs: Vec<&ScoredRun> = with_floor
                .iter()
                .filter(|run| run.dataset == dataset && run.split == split)
                .collect();
            BenchmarkGroup::new(&runs, roles)
        });
        Self { groups: groups.collect() }
    }
}

impl BenchmarkGroup {
    fn new(runs: &[&ScoredRun], roles: &Roles) -> Self {
        let columns = columns(runs, roles);
        let folds = distinct(runs.iter().map(|run| run.fold.clone()));
        let seeds: Vec<u64> = distinct(runs.iter().map(|run| run.seed));
        let mut by_run = Vec::new();
        for (method, column) in columns.iter().enumerate() {
            for run in runs {
                by_run.extend(run_medians(column, method, run));
            }
        }
        let models = distinct(runs.iter().filter_map(|run| run.model.clone()));
        let comparisons = models.iter().flat_map(|model| comparisons(model, runs, roles)).collect();
        let perturbations: BTreeSet<&str> =
            runs.iter().flat_map(|run| &run.scores).map(|s| s.perturbation.as_str()).collect();
        Self {
            dataset: runs[0].dataset.clone(),
            split: runs[0].split.clone(),
            folds,
            seeds,
            n_perturbations: perturbations.len(),
            methods: columns.iter().map(BenchmarkMethod::of).collect(),
            comparisons,
            by_run,
        }
    }
}

impl BenchmarkMethod {
    fn of(column: &Column<'_>) -> Self {
        let perturbations: BTreeSet<&str> =
            column.scores.iter().map(|(_, s)| s.perturbation.as_str()).collect();
        let metrics = METRICS.iter().filter_map(|metric| {
            let mut values: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
            let mut judged: BTreeSet<&str> = BTreeSet::new();
            for (run, scores) in &column.scores {
                if let Some(value) = scores.values.get(metric.name) {
                    values.entry(run.seed).or_default().push(*value);
                    judged.insert(&scores.perturbation);
                }
            }
            let by_seed: BTreeMap<u64, f64> =
                values.into_iter().map(|(seed, values)| (seed, median(&values))).collect();
            let n = judged.len();
            (n > 0).then(|| (metric.name.to_owned(), OverSeeds::of(n, by_seed)))
        });
        Self {
            name: column.name.clone(),
            role: column.role,
            n: perturbations.len(),
            metrics: metrics.collect(),
        }
    }
}

impl OverSeeds {
    fn of(n: usize, by_seed: BTreeMap<u64, f64>) -> Self {
        let n_seeds = by_seed.len() as f64;
        let value = by_seed.values().sum::<f64>() / n_seeds;
        let squares: f64 = by_seed.values().map(|v| (v - value).powi(2)).sum();
        let sd = (by_seed.len() > 1).then(|| (squares / (n_seeds - 1.0)).sqrt());
        Self { n, value, sd, by_seed }
    }
}

fn run_medians(column: &Column<'_>, method: usize, run: &ScoredRun) -> Vec<RunMedian> {
    let of_run = || {
        let mine = column.scores.iter().filter(|(other, _)| std::ptr::eq(*other, run));
        mine.map(|(_, scores)| *scores)
    };
    METRICS
        .iter()
        .filter_map(|metric| {
            let values: Vec<f64> =
                of_run().filter_map(|scores| scores.values.get(metric.name).copied()).collect();
            (!values.is_empty()).then(|| RunMedian {
                fold: run.fold.clone(),
                seed: run.seed,
                method,
                metric: metric.name,
                n: values.len(),
                median: median(&values),
            })
        })
        .collect()
}

/// One model against its own baselines, every perturbation once.
fn comparisons(model: &str, runs: &[&ScoredRun], roles: &Roles) -> Vec<ModelComparison> {
    let runs: Vec<&ScoredRun> =
        runs.iter().copied().filter(|run| run.model.as_deref() == Some(model)).collect();
    METRICS
        .iter()
        .filter_map(|metric| {
            let rows = means_over_seeds(&runs, metric);
            // The rows carry this one metric in a column of theirs.
            let column = Metric { get: |row| row.r2, ..*metric };
            let comparison = Comparison::new(&rows, roles, &column)?;
            Some(ModelComparison { model: model.to_owned(), comparison })
        })
        .collect()
}

fn means_over_seeds(runs: &[&ScoredRun], metric: &Metric) -> Vec<MetricRow> {
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut values: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for scores in runs.iter().flat_map(|run| &run.scores).filter(|s| s.method != FLOOR) {
        let key = (scores.method.as_str(), scores.perturbation.as_str());
        let Some(value) = scores.values.get(metric.name) else { continue };
        let of_key = values.entry(key).or_insert_with(|| {
            order.push(key);
            Vec::new()
        });
        of_key.push(*value);
    }
    order
        .into_iter()
        .map(|(method, perturbation)| {
            let of_key = &values[&(method, perturbation)];
            let mean = of_key.iter().sum::<f64>() / of_key.len() as f64;
            MetricRow { r2: mean, ..MetricRow::new(perturbation, method, 0) }
        })
        .collect()
}

#[cfg(test)]
pub(super) mod fixture {
    use super::*;

    pub(in super::super) fn scores(
        perturbation: &str,
        method: &str,
        values: &[(&str, f64)],
    ) -> Scores {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Scores { perturbation: perturbation.into(), method: method.into(), n: 50, values }
    }

    /// Two folds of four perturbations, two seeds, one model; the ridge has the better energy distance.
    pub(in super::super) fn runs() -> Vec<ScoredRun> {
        let mut runs = Vec::new();
        for fold in 0..2 {
            for seed in 0..2 {
                let mut all = Vec::new();
                for i in 0..4 {
                    let label = format!("P{}", fold * 4 + i);
                    let up = 0.01 * f64::from(i) + 0.1 * f64::from(seed);
                    for (method, r2, e_distance) in
                        [("model", 0.5, 0.5), ("ridge", 0.4, 0.25), ("ceiling", 0.8, 0.0)]
                    {
                        all.push(scores(
                            &label,
                            method,
                            &[
                                ("r2", r2 + up),
                                ("e_distance", e_distance),
                                ("fid_latent", 3.0),
                                ("fid_latent_floor", 1.5),
                            ],
                        ));
                    }
                }
                runs.push(ScoredRun {
                    dataset: "norman".into(),
                    split: "sorted-2".into(),
                    fold: format!("sorted-2:{fold}"),
                    seed: seed as u64,
                    model: Some("default".into()),
                    scores: all,
                });
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{runs, scores};
    use super::*;

    #[test]
    fn folds_are_pooled_and_seeds_give_the_spread() {
        let table = BenchmarkTable::new(&runs(), &Roles::default());
        let group = &table.groups[0];
        assert_eq!(
            (group.folds.len(), group.seeds.as_slice(), group.n_perturbations),
            (2, &[0, 1][..], 8)
        );
        let model = &group.methods[0];
        assert_eq!((model.name.as_str(), model.role, model.n), ("default", MethodRole::Model, 8));
        let r2 = &model.metrics["r2"];
        // Medians 0.515 and 0.615: mean 0.565, standard deviation 0.1 / √2.
        approx::assert_relative_eq!(r2.value, 0.565, max_relative = 1e-12);
        approx::assert_relative_eq!(r2.sd.unwrap(), 0.1 / 2f64.sqrt(), max_relative = 1e-12);
        assert_eq!(r2.n, 8);
    }

    #[test]
    fn a_perturbation_counts_once_in_the_paired_test() {
        let table = BenchmarkTable::new(&runs(), &Roles::default());
        let of = |metric: &str| {
            let all = &table.groups[0].comparisons;
            all.iter().find(|c| c.comparison.metric == metric).unwrap().comparison.clone()
        };
        let r2 = of("r2");
        assert_eq!((r2.n_pairs, r2.n_model_better, r2.best_baseline.as_str()), (8, 8, "ridge"));
        // Eight differences of one sign: 2 / 2⁸, not 2 / 2¹⁶.
        approx::assert_relative_eq!(r2.wilcoxon_p.unwrap(), 2.0 / 256.0, max_relative = 1e-9);
        assert_eq!(of("e_distance").n_model_better, 0);
    }

    #[test]
    fn floors_are_a_reference_row() {
        let table = BenchmarkTable::new(&runs(), &Roles::default());
        let floor = table.groups[0].methods.iter().find(|m| m.name == "floor").unwrap();
        assert_eq!(floor.role, MethodRole::Reference);
        assert_eq!(
            (floor.metrics["fid_latent"].value, floor.metrics["fid_latent_ratio"].value),
            (1.5, 1.0)
        );
        assert!(!floor.metrics.contains_key("r2"));
    }

    #[test]
    fn baselines_of_other_models_are_named_only_where_they_differ() {
        let run = |model: &str, ridge: f64| ScoredRun {
            dataset: "a".into(),
            split: "cells".into(),
            fold: "cells".into(),
            seed: 0,
            model: Some(model.into()),
            scores: vec![
                scores("P", "model", &[("r2", 0.5)]),
                scores("P", "no_change", &[("r2", 0.25)]),
                scores("P", "ridge", &[("r2", ridge)]),
            ],
        };
        let table = BenchmarkTable::new(&[run("m", 0.4), run("n", 0.3)], &Roles::default());
        let names: Vec<&str> = table.groups[0].methods.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["m", "n", "no_change", "ridge", "ridge (n)"]);
        assert!(table.groups[0].methods.iter().all(|m| m.metrics["r2"].sd.is_none()));
    }

    #[test]
    fn runs_without_a_model_have_baselines_and_no_tests() {
        let mut runs = runs();
        for run in &mut runs {
            run.model = None;
            run.scores.retain(|scores| scores.method != "model");
        }
        let table = BenchmarkTable::new(&runs, &Roles::default());
        let names: Vec<&str> = table.groups[0].methods.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["ridge", "ceiling", "floor"]);
        assert!(table.groups[0].comparisons.is_empty());
        assert!(BenchmarkTable::new(&[], &Roles::default()).groups.is_empty());
    }
}
