//! The file that says what a benchmark is.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use pert_core::{GuideSuffix, LabelKind};
use serde::Deserialize;

use super::check::{check, located};
use super::printed::PrintedTable;
use crate::Error;
use crate::config::{FitConfig, from_toml_text};
use crate::feature_source::FeatureSource;

/// The split whose held-out labels are those of the data set's reference table.
pub(super) const REFERENCE: &str = "reference";

/// In the place of a model's name where none is fitted.
pub(super) const BASELINES: &str = "baselines";

/// A benchmark protocol: data sets × splits × seeds × models.
///
/// ```
/// use pert_pipeline::Protocol;
/// # let folder = tempfile::tempdir().expect("a scratch folder");
/// let path = folder.path().join("pairs.toml");
/// std::fs::write(&path, r#"
/// [protocol]
/// format = 1
/// name = "pairs"
/// splits = ["sorted-5"]     # every fold of it
/// seeds = [0, 1]
///
/// [[dataset]]
/// name = "norman"
/// path = "norman.h5ad"
///
/// [[model]]
/// name = "default"
/// "#).expect("writes");
/// let protocol = Protocol::read(&path)?;
/// let plan = protocol.plan();
/// assert_eq!(plan.len(), 5 * 2);
/// assert_eq!(plan[0].id, "norman/sorted-5-0/seed-0/default");
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Protocol {
    /// The file it was read from.
    pub path: PathBuf,
    /// Its name, which names the default output folder.
    pub name: String,
    /// A sentence for readers of the tables.
    pub description: String,
    /// Splits of the data sets that name none of their own.
    pub splits: Vec<String>,
    /// Seeds; everything is done once with each.
    pub seeds: Vec<u64>,
    /// How runs are judged.
    pub evaluation: ProtocolEvaluation,
    /// The data sets.
    pub datasets: Vec<ProtocolDataset>,
    /// The models; without any, only the baselines are scored.
    pub models: Vec<ProtocolModel>,
    /// The reference table of each data set.
    pub(super) printed: Vec<Option<PrintedTable>>,
    /// The configuration of each data set under each model (or that of the baselines), without split and seed.
    pub(super) configs: Vec<Vec<FitConfig>>,
}

/// As the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProtocolFile {
    pub(super) protocol: Header,
    #[serde(default)]
    pub(super) evaluation: ProtocolEvaluation,
    #[serde(default)]
    pub(super) dataset: Vec<ProtocolDataset>,
    #[serde(default)]
    pub(super) model: Vec<ProtocolModel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) format: u32,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) splits: Vec<String>,
    #[serde(default = "one_seed")]
    pub(super) seeds: Vec<u64>,
}

fn one_seed() -> Vec<u64> {
    vec![0]
}

/// How runs are judged, as by `pert evaluate`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProtocolEvaluation {
    /// Cells generated per perturbation; default 4000.
    pub cells: usize,
    /// Seed of generated cells, drawn baselines, floors and the evaluation VAE; default 0.
    pub seed: u64,
}

impl Default for ProtocolEvaluation {
    fn default() -> Self {
        Self { cells: 4000, seed: 0 }
    }
}

/// A data set and how it is read. The keys that say which columns mean what are those of a run file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolDataset {
    /// Its name in tables and folders.
    pub name: String,
    /// The cell file, relative to `--data`, or without it to the protocol.
    pub path: PathBuf,
    /// Where the data can be had, for people.
    #[serde(default)]
    pub accession: String,
    /// Who published it, for people.
    #[serde(default)]
    pub citation: String,
    /// Columns that obs must have; a missing one is an error before anything is fitted.
    #[serde(default)]
    pub columns: Vec<String>,
    /// A table of gene features, its file relative as `path` is.
    pub features: Option<FeatureSource>,
    /// Rows that were printed elsewhere, relative to the protocol; see [`PrintedTable`].
    pub reference: Option<PathBuf>,
    /// Splits, if not those of the protocol.
    pub splits: Option<Vec<String>>,
    /// The obs column of the perturbation.
    pub perturbation_key: Option<String>,
    /// The label of unperturbed cells.
    pub control: Option<String>,
    /// What joins the parts of a label.
    pub separator: Option<char>,
    /// What labels name.
    pub label_kind: Option<LabelKind>,
    /// What becomes of guide numbers.
    pub guide_suffix: Option<GuideSuffix>,
    /// The layer with raw counts.
    pub layer: Option<String>,
    /// The obs column of the cell type; `none`: no such covariate.
    pub cell_type_key: Option<String>,
    /// The obs column of the batch, likewise.
    pub batch_key: Option<String>,
    /// The obs column of the dose, likewise.
    pub dose_key: Option<String>,
    /// Conditions a cell must meet.
    #[serde(default)]
    pub filter: Vec<String>,
    /// Other keys of a run file, for every model on this data set.
    #[serde(default)]
    pub set: toml::Table,
}

/// A model: the defaults, a run file, and what is set over either.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolModel {
    /// Its name in tables and folders.
    pub name: String,
    /// A run file, relative to the protocol.
    pub config: Option<PathBuf>,
    /// Keys of a run file that win over it.
    #[serde(default)]
    pub set: toml::Table,
}

impl Protocol {
    /// Reads and checks a protocol; unknown keys are refused.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::ConfigFile`] with line, key and reason, also for the run files and reference tables it names.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        let invalid =
            |message| Error::ConfigFile { path: path.to_owned(), what: "protocol", message };
        let file: ProtocolFile = from_toml_text(&text).map_err(invalid)?;
        let check = || check(&file, &text);
        check().map_err(invalid)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let printed = file
            .dataset
            .iter()
            .map(|dataset| match &dataset.reference {
                Some(table) => PrintedTable::read_tsv(&folder.join(table)).map(Some),
                None => Ok(None),
            })
            .collect::<Result<_, _>>()?;
        let mut protocol = Self {
            path: path.to_owned(),
            name: file.protocol.name,
            description: file.protocol.description,
            splits: file.protocol.splits,
            seeds: file.protocol.seeds,
            evaluation: file.evaluation,
            datasets: file.dataset,
            models: file.model,
            printed,
            configs: Vec::new(),
        };
        protocol.configs = protocol.base_configs(folder).map_err(|error| match error {
            Error::Config { field, message } => {
                let key = protocol.key_meant(&message).unwrap_or(field.to_owned());
                invalid(located(&text, &key, &message))
            }
            other => other,
        })?;
        Ok(protocol)
    }

    /// The key of a `set` table that a message is about, as far as it names one.
    fn key_meant(&self, message: &str) -> Option<String> {
        fn keys(table: &toml::Table, found: &mut Vec<String>) {
            for (key, value) in table {
                match value {
                    toml::Value::Table(inner) => keys(inner, found),
                    _ => found.push(key.replace('_', "-")),
                }
            }
        }
        let mut found = Vec::new();
        let of_datasets = self.datasets.iter().map(|dataset| &dataset.set);
        of_datasets.chain(self.models.iter().map(|m| &m.set)).for_each(|set| keys(set, &mut found));
        found.into_iter().find(|key| message.contains(key.as_str()))
    }

    /// The splits of a data set, as written.
    pub fn splits_of<'a>(&'a self, dataset: &'a ProtocolDataset) -> &'a [String] {
        dataset.splits.as_deref().unwrap_or(&self.splits)
    }

    /// The rows printed about a data set.
    pub fn printed(&self, dataset: usize) -> Option<&PrintedTable> {
        self.printed[dataset].as_ref()
    }

    /// Where the cells of a data set lie, given the folder of the data or not.
    pub fn cells_path(&self, dataset: usize, data: Option<&Path>) -> PathBuf {
        self.in_data(&self.datasets[dataset].path, data)
    }

    /// The gene features of a data set, if it names any, their file given the folder of the data or not.
    pub fn features(&self, dataset: usize, data: Option<&Path>) -> Option<FeatureSource> {
        let features = self.datasets[dataset].features.clone()?;
        let Ok(found) =
            features.try_map_file(|path| Ok::<_, Infallible>(self.in_data(&path, data)));
        Some(found)
    }

    fn in_data(&self, path: &Path, data: Option<&Path>) -> PathBuf {
        data.or(self.path.parent()).unwrap_or(Path::new("")).join(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "[protocol]\nformat = 1\nname = \"small\"\nsplits = [\"sorted-3\"]\n\n\
        [[dataset]]\nname = \"a\"\npath = \"a.h5ad\"\n\n[[model]]\nname = \"default\"\n";

    fn read(text: &str) -> Result<Protocol, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        std::fs::write(&path, text).unwrap();
        Protocol::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_minimal_protocol_has_defaults() {
        let protocol = read(MINIMAL).unwrap();
        assert_eq!((protocol.seeds.as_slice(), protocol.evaluation.cells), (&[0][..], 4000));
        assert_eq!(protocol.plan().len(), 3);
        let without_model = read(&MINIMAL.replace("[[model]]\nname = \"default\"\n", "")).unwrap();
        assert!(without_model.plan().iter().all(|run| run.model.is_none()));
    }

    #[test]
    fn errors_name_the_file_the_line_and_the_key() {
        for (from, to, line, words) in [
            ("format = 1", "format = 2", 2, "format 2"),
            ("name = \"small\"", "name = \"a/b\"", 3, "a/b"),
            ("sorted-3", "sorted-1", 4, "k ≥ 2"),
            ("sorted-3", "seen-9", 4, "seen-9"),
            ("sorted-3", "reference", 4, "no reference table"),
            ("path = \"a.h5ad\"", "pth = \"a.h5ad\"", 8, "pth"),
            ("path = \"a.h5ad\"", "path = \"a.h5ad\"\nlabel-knd = \"genes\"", 9, "label-knd"),
            ("path = \"a.h5ad\"", "path = \"a.h5ad\"\nlabel-kind = \"gene\"", 9, "gene"),
            ("path = \"a.h5ad\"", "path = \"a.h5ad\"\nfilter = [\"n=3\"]", 9, "filter"),
            (
                "path = \"a.h5ad\"",
                "path = \"a.h5ad\"\n[dataset.set]\nmin-cells = 1",
                10,
                "min-cells",
            ),
            ("name = \"default\"", "name = \"baselines\"", 11, "another name"),
            ("name = \"default\"", "name = \"default\"\n[model.set]\nsede = 1", 13, "sede"),
            ("name = \"default\"", "name = \"default\"\n[model.set.prior]\nsteps = 0", 13, "steps"),
            ("name = \"default\"", "name = \"default\"\nset = { seed = 3 }", 12, "seed"),
            (
                "name = \"default\"",
                "name = \"default\"\n[[model]]\nname = \"default\"",
                11,
                "twice",
            ),
        ] {
            let error = read(&MINIMAL.replace(from, to)).unwrap_err();
            let place = format!("line {line}: ");
            assert!(error.contains("p.toml") && error.contains(words), "{to}: {error}");
            assert!(error.contains(&place), "{to}: expected {place:?}: {error}");
        }
        assert!(
            read("[protocol]\nformat = 1\nname = \"x\"\n").unwrap_err().contains("[[dataset]]")
        );
        let seeds = MINIMAL.replace("splits", "seeds = [1, 1]\nsplits");
        assert!(read(&seeds).unwrap_err().contains("line 4"));
        let no_splits = MINIMAL.replace("splits = [\"sorted-3\"]\n", "");
        assert!(read(&no_splits).unwrap_err().contains("no splits"));
    }

    #[test]
    fn keys_are_understood_with_either_mark() {
        let text =
            MINIMAL.replace("path =", "perturbation_key = \"p\"\nlabel-kind = \"drugs\"\npath =");
        let dataset = read(&text).unwrap().datasets.remove(0);
        assert_eq!(dataset.perturbation_key.as_deref(), Some("p"));
        assert_eq!(dataset.label_kind, Some(LabelKind::Drugs));
    }
}
