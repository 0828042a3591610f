//! A protocol, expanded into runs.

use flate2::Crc;
use pert_core::{HoldOut, HoldOutRule, Split, SplitConfig};
use pert_data::Dataset;

use super::protocol::{BASELINES, Protocol, REFERENCE};
use crate::Error;

/// One fit and evaluation, or the evaluation of the baselines alone.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun {
    /// Its name and its folder: `DATASET/SPLIT/seed-SEED/MODEL`.
    pub id: String,
    /// Index of its data set.
    pub dataset: usize,
    /// What is held out.
    pub split: PlannedSplit,
    /// Seed of the split and the fit.
    pub seed: u64,
    /// Index of its model; `None`: the baselines alone.
    pub model: Option<usize>,
}

/// What one run holds out.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedSplit {
    /// As the protocol has it: the runs of all folds of a rule share it.
    pub group: String,
    /// The fold, or what is held out: `sorted-5:2`.
    pub name: String,
    /// The rule; `None`: the labels of the reference table.
    pub rule: Option<HoldOut>,
}

impl Protocol {
    /// All runs, in the order of the file: data sets, splits, folds, seeds, models.
    pub fn plan(&self) -> Vec<PlannedRun> {
        let models: Vec<Option<usize>> = match self.models.len() {
            0 => vec![None],
            n => (0..n).map(Some).collect(),
        };
        let mut plan = Vec::new();
        for (dataset, named) in self.datasets.iter().enumerate() {
            for split in self.splits_of(named).iter().flat_map(|split| folds(split)) {
                for &seed in &self.seeds {
                    for &model in &models {
                        let model_name = model.map_or(BASELINES, |m| &self.models[m].name);
                        let folder = folder_name(&split.name);
                        let id = format!("{}/{folder}/seed-{seed}/{model_name}", named.name);
                        plan.push(PlannedRun { id, dataset, split: split.clone(), seed, model });
                    }
                }
            }
        }
        plan
    }
}

/// A rule with its folds; `sorted-5` alone means all five.
fn folds(split: &str) -> Vec<PlannedSplit> {
    let planned = |name: String, rule| PlannedSplit { group: split.to_owned(), name, rule };
    if split == REFERENCE {
        return vec![planned(split.to_owned(), None)];
    }
    let rule: HoldOut = split.parse().expect("a protocol that was read holds known rules");
    match rule.rule {
        HoldOutRule::Sorted { k, .. } if !split.contains(':') => (0..k)
            .map(|fold| {
                let rule = HoldOut { rule: HoldOutRule::Sorted { k, fold }, fraction: None };
                planned(rule.to_string(), Some(rule))
            })
            .collect(),
        _ => vec![planned(split.to_owned(), Some(rule))],
    }
}

/// The name of a split as a folder; a list of labels by its checksum.
fn folder_name(split: &str) -> String {
    match split.strip_prefix("labels:") {
        Some(labels) => {
            let mut crc = Crc::new();
            crc.update(labels.as_bytes());
            format!("labels-{:08x}", crc.sum())
        }
        None => split.replace(':', "-"),
    }
}

impl Protocol {
    /// The split that holds out the printed perturbations of a data set, and the printed labels that its file lacks.
    ///
    /// # Errors
    /// [`Error::Request`] when the file has none of them.
    pub fn reference_split(
        &self,
        run: &PlannedRun,
        dataset: &Dataset,
        control_split: f64,
    ) -> Result<(Split, Vec<String>), Error> {
        let rows = self.printed(run.dataset).map_or(&[][..], |table| &table.rows);
        let population = dataset.population();
        let (mut labels, mut absent) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| !row.perturbation.is_empty()) {
            match row.find(population.perturbations(), dataset.format()) {
                Some(p) => labels.push(p.label().to_owned()),
                None => absent.push(row.perturbation.clone()),
            }
        }
        labels.sort_unstable();
        labels.dedup();
        if labels.is_empty() {
            let some: Vec<&str> =
                population.perturbations().iter().take(5).map(|p| p.label()).collect();
            return Err(Error::Request(format!(
                "none of the {} printed perturbations ({}, …) is in the file, whose labels are {}, …",
                absent.len(),
                absent.first().map_or("", String::as_str),
                some.join(", ")
            )));
        }
        let hold_out = HoldOut { rule: HoldOutRule::Labels(labels), fraction: None };
        let split = SplitConfig { control_split, ..SplitConfig::new(hold_out, run.seed) };
        Ok((split.split(population)?, absent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn protocol(splits: &str, models: &str) -> Protocol {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        let text = format!(
            "[protocol]\nformat = 1\nname = \"p\"\nsplits = [{splits}]\nseeds = [0, 7]\n\
             [[dataset]]\nname = \"a\"\npath = \"a.h5ad\"\n\
             [[dataset]]\nname = \"b\"\npath = \"b.h5ad\"\nsplits = [\"cells\"]\n{models}"
        );
        std::fs::write(&path, text).unwrap();
        Protocol::read(&path).unwrap()
    }

    #[test]
    fn folds_seeds_and_models_multiply() {
        let models =
            "[[model]]\nname = \"m\"\n[[model]]\nname = \"n\"\n[model.set]\nn-top-genes = 9\n";
        let protocol = protocol("\"sorted-5\", \"sorted-3:2\", \"seen-2:0.5\"", models);
        let plan = protocol.plan();
        assert_eq!(plan.len(), (5 + 1 + 1) * 2 * 2 + 2 * 2);
        let ids: HashSet<&str> = plan.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(ids.len(), plan.len());
        for id in [
            "a/sorted-5-4/seed-7/n",
            "a/sorted-3-2/seed-0/m",
            "a/seen-2-0.5/seed-0/m",
            "b/cells/seed-7/m",
        ] {
            assert!(ids.contains(id), "{id}");
        }
        let fold = plan.iter().find(|run| run.id == "a/sorted-5-4/seed-7/n").unwrap();
        assert_eq!(
            (fold.split.group.as_str(), fold.split.name.as_str()),
            ("sorted-5", "sorted-5:4")
        );
        let config = protocol.fit_config(fold, None).unwrap();
        assert_eq!((config.hold_out.as_deref(), config.seed), (Some("sorted-5:4"), 7));
        assert_eq!(config.n_top_genes, 9);
    }

    #[test]
    fn labels_are_told_apart_by_their_checksum() {
        let plan = protocol("\"labels:A+B,C\", \"labels:A+B\"", "").plan();
        let folders: HashSet<&str> =
            plan.iter().filter_map(|run| run.id.split('/').nth(1)).collect();
        assert_eq!(folders.len(), 3, "{folders:?}");
        assert!(plan[0].id.starts_with("a/labels-") && plan[0].id.ends_with("/seed-0/baselines"));
    }

    #[test]
    fn settings_tell_runs_apart_and_nothing_else() {
        let protocol = protocol("\"sorted-5\"", "[[model]]\nname = \"m\"\n");
        let plan = protocol.plan();
        let settings: Vec<String> = plan.iter().map(|run| protocol.settings(run)).collect();
        assert_eq!(settings[0], protocol.settings(&plan[0]));
        assert_ne!(settings[0], settings[1]); // the seed
        assert_ne!(settings[0], settings[2]); // the fold
        assert!(!settings[0].contains("/"), "no path in {}", settings[0]);
    }
}
