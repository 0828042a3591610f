//! What a run leaves behind: `run.json`.

use std::collections::BTreeMap;
use std::path::Path;

use pert_core::LabelFormat;
use pert_data::write_atomically;
use pert_metrics::{METRICS, MetricRow};
use serde::{Deserialize, Serialize};

use super::file_identity::FileIdentity;
use crate::Error;
use crate::checkpoints::run_difference;

/// Version of the file.
const FORMAT: u32 = 1;

/// How a run ended, what it was made of, and its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    format: u32,
    /// Its name.
    pub run: String,
    /// The version of this program.
    pub version: String,
    /// How it ended.
    pub outcome: RunOutcome,
    /// What it was run with.
    pub settings: String,
    /// The cell file; unknown where the run failed before it was read.
    pub cells: Option<FileIdentity>,
    /// The table of gene features, if there was one.
    pub features: Option<FileIdentity>,
    /// How the labels of the scores are written.
    pub labels: Option<LabelFormat>,
    /// What it took, resumed parts not counted.
    pub seconds: f64,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// One per held-out perturbation and method.
    pub scores: Vec<RunScore>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// With numbers.
    Finished,
    /// With an error.
    Failed(String),
}

/// The numbers of one method on one perturbation; what could not be computed is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunScore {
    /// The label of the perturbation.
    pub perturbation: String,
    /// `model`, a baseline or a reference.
    pub method: String,
    /// Held-out real cells.
    pub n: usize,
    /// By name of the metric.
    pub values: BTreeMap<String, f64>,
}

impl From<&MetricRow> for RunScore {
    fn from(row: &MetricRow) -> Self {
        let value = |metric: &pert_metrics::Metric| (metric.name.to_owned(), (metric.get)(row));
        Self {
            perturbation: row.perturbation.clone(),
            method: row.method.clone(),
            n: row.n,
            values: METRICS.iter().map(value).filter(|(_, value)| value.is_finite()).collect(),
        }
    }
}

impl RunRecord {
    /// A record of a run that failed before it had numbers.
    pub fn new(run: &str, settings: String, outcome: RunOutcome) -> Self {
        Self {
            format: FORMAT,
            run: run.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            outcome,
            settings,
            cells: None,
            features: None,
            labels: None,
            seconds: 0.0,
            notes: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// Whether it has numbers.
    pub fn is_finished(&self) -> bool {
        self.outcome == RunOutcome::Finished
    }

    /// Reads one; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ConfigFile`] for a file that is no record of this version.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("read", path, e)),
        };
        let invalid =
            |message| Error::ConfigFile { path: path.to_owned(), what: "record of a run", message };
        let record: Self = serde_json::from_slice(&bytes).map_err(|e| invalid(e.to_string()))?;
        if record.format != FORMAT {
            return Err(invalid(format!(
                "has format {}, this version reads {FORMAT}",
                record.format
            )));
        }
        Ok(Some(record))
    }

    /// Writes it; it is there whole or not at all.
    ///
    /// # Errors
    /// [`Error::Data`] when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut json = serde_json::to_vec(self).expect("a record is plain data");
        json.push(b'\n');
        Ok(write_atomically(path, |out| out.write_all(&json))?)
    }

    /// What makes the settings of a run that would be made now others than those of this one.
    pub fn settings_difference(&self, settings: &str) -> Option<String> {
        let version = env!("CARGO_PKG_VERSION");
        if self.version != version {
            return Some(format!("it was made by version {}, this is {version}", self.version));
        }
        run_difference(&self.settings, settings)
    }

    /// The same for the content of its files.
    pub fn files_difference(
        &self,
        cells: &FileIdentity,
        features: Option<&FileIdentity>,
    ) -> Option<String> {
        let is_same = |then: Option<&FileIdentity>, now: Option<&FileIdentity>| match (then, now) {
            (Some(then), Some(now)) => then.is_same_content(now),
            (then, now) => then.is_none() && now.is_none(),
        };
        if self.cells.is_some() && !is_same(self.cells.as_ref(), Some(cells)) {
            return Some(format!("{} has other content than it had", cells.file));
        }
        let then = self.features.as_ref();
        (!is_same(then, features)).then(|| "the gene features have other content".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_without_what_was_not_computed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        assert_eq!(RunRecord::read(&path).unwrap(), None);
        let row = MetricRow { r2: 0.1 + 0.2, ..MetricRow::new("A+B", "model", 3) };
        let mut record = RunRecord::new("a/b", "x = 1\n".into(), RunOutcome::Finished);
        record.scores.push(RunScore::from(&row));
        assert_eq!(record.scores[0].values.len(), 1);
        record.write(&path).unwrap();
        assert_eq!(RunRecord::read(&path).unwrap().unwrap(), record);
        std::fs::write(&path, "{}").unwrap();
        assert!(RunRecord::read(&path).unwrap_err().to_string().contains("run.json"));
    }

    #[test]
    fn differences_are_named() {
        let file = |crc32| FileIdentity { file: "a.h5ad".into(), bytes: 3, crc32 };
        let mut record = RunRecord::new("a", "[fit]\nseed = 1\n".into(), RunOutcome::Finished);
        record.cells = Some(file(7));
        assert_eq!(record.settings_difference("[fit]\nseed = 1\n"), None);
        let difference = record.settings_difference("[fit]\nseed = 2\n").unwrap();
        assert!(difference.contains("fit.seed was 1, now 2"), "{difference}");
        assert_eq!(record.files_difference(&file(7), None), None);
        assert!(record.files_difference(&file(8), None).unwrap().contains("a.h5ad"));
        assert!(record.files_difference(&file(7), Some(&file(1))).is_some());
    }
}
