//! What the runs of a protocol are fitted with, and the text by which two runs are told apart.

use std::path::{Path, PathBuf};

use pert_data::Filter;

use super::plan::PlannedRun;
use super::protocol::{Protocol, ProtocolDataset, REFERENCE};
use crate::Error;
use crate::config::{FitConfig, located};

/// What the plan decides and nothing else may.
const DECIDED_BY_THE_PLAN: [&str; 3] = ["seed", "hold_out", "split"];

impl Protocol {
    /// The configuration of a run: the model's, the data set's, the split where it is a rule, the seed. Paths are absolute,
    /// so that an interrupted run goes on from any folder.
    ///
    /// # Errors
    /// [`Error::Io`] when the working directory is gone.
    pub fn fit_config(&self, run: &PlannedRun, data: Option<&Path>) -> Result<FitConfig, Error> {
        let mut config = self.base_config(run).clone();
        if let Some(features) = self.features(run.dataset, data) {
            let absolute =
                |path: PathBuf| std::path::absolute(&path).map_err(|e| Error::io("find", &path, e));
            config.features = Some(features.try_map_file(absolute)?);
        }
        config.seed = run.seed;
        config.hold_out = run.split.rule.as_ref().map(ToString::to_string);
        Ok(config)
    }

    /// Everything that decides what a run gives, but for the content of files and their places.
    pub fn settings(&self, run: &PlannedRun) -> String {
        let mut table = toml::Table::new();
        let mut set = |key: &str, value: toml::Value| drop(table.insert(key.to_owned(), value));
        set("split", run.split.name.clone().into());
        if run.split.rule.is_none() {
            let labels = self.printed[run.dataset].iter().flat_map(|table| &table.rows);
            let labels: Vec<toml::Value> =
                labels.map(|row| row.perturbation.clone().into()).collect();
            set(REFERENCE, labels.into());
        }
        let mut evaluation = toml::Table::new();
        evaluation.insert("cells".to_owned(), (self.evaluation.cells as i64).into());
        // Seeds above 2⁶³ are no TOML integers.
        evaluation.insert("seed".to_owned(), self.evaluation.seed.to_string().into());
        set("evaluation", evaluation.into());
        let mut config = self.base_config(run).clone();
        config.seed = run.seed;
        config.hold_out = run.split.rule.as_ref().map(ToString::to_string);
        config.features = self.datasets[run.dataset].features.clone().or(config.features);
        set("fit", config.to_toml().parse::<toml::Table>().unwrap_or_default().into());
        toml::to_string(&table).expect("a table is written as one")
    }

    fn base_config(&self, run: &PlannedRun) -> &FitConfig {
        &self.configs[run.dataset][run.model.unwrap_or(0)]
    }

    /// For every data set the configuration under each model; under the defaults where there is no model.
    pub(super) fn base_configs(&self, folder: &Path) -> Result<Vec<Vec<FitConfig>>, Error> {
        let mut files = Vec::new();
        for model in &self.models {
            files.push(match &model.config {
                Some(path) => FitConfig::read_toml(&folder.join(path))?,
                None => FitConfig::default(),
            });
        }
        let nothing = toml::Table::new();
        let of_models: Vec<(&FitConfig, &toml::Table)> =
            files.iter().zip(self.models.iter().map(|model| &model.set)).collect();
        let default = FitConfig::default();
        let settings = if of_models.is_empty() { vec![(&default, &nothing)] } else { of_models };
        let of_dataset = |dataset: &ProtocolDataset| {
            settings
                .iter()
                .map(|(file, set)| merged(file, &dataset.set, set).and_then(|c| over(c, dataset)))
                .collect()
        };
        self.datasets.iter().map(of_dataset).collect()
    }
}

/// A configuration with tables of keys laid over it, the last one on top.
fn merged(
    config: &FitConfig,
    of_dataset: &toml::Table,
    of_model: &toml::Table,
) -> Result<FitConfig, Error> {
    let bad = |message: String| Error::Config { field: "set", message };
    let mut table = toml::Table::try_from(config).expect("a configuration is plain data");
    for key in DECIDED_BY_THE_PLAN {
        table.remove(key);
        if [of_dataset, of_model].iter().any(|set| set.contains_key(key)) {
            let key = key.replace('_', "-");
            return Err(bad(format!("`{key}` is decided by the splits and seeds of the protocol")));
        }
    }
    lay_over(&mut table, of_dataset);
    lay_over(&mut table, of_model);
    // Without its text an error has no place, but it names the key.
    let config: FitConfig = table.try_into().map_err(|e| bad(located("", &e)))?;
    config.check().map_err(|e| bad(e.to_string()))?;
    Ok(config)
}

fn lay_over(table: &mut toml::Table, set: &toml::Table) {
    for (key, value) in set {
        match (table.get_mut(key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => lay_over(below, above),
            _ => drop(table.insert(key.clone(), value.clone())),
        }
    }
}

/// How the data set is read is its own affair.
fn over(mut config: FitConfig, dataset: &ProtocolDataset) -> Result<FitConfig, Error> {
    for filter in &dataset.filter {
        let parsed = filter.parse::<Filter>();
        parsed.map_err(|e| Error::Config { field: "filter", message: e.to_string() })?;
    }
    config.perturbation_key.clone_from(&dataset.perturbation_key);
    config.control.clone_from(&dataset.control);
    config.separator = dataset.separator;
    config.label_kind = dataset.label_kind;
    config.guide_suffix = dataset.guide_suffix;
    config.layer.clone_from(&dataset.layer);
    config.cell_type_key.clone_from(&dataset.cell_type_key);
    config.batch_key.clone_from(&dataset.batch_key);
    config.dose_key.clone_from(&dataset.dose_key);
    config.filter.clone_from(&dataset.filter);
    Ok(config)
}
