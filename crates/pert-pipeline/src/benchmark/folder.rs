//! The output folder of a benchmark: one folder per run, what runs share, the tables.

use std::fs;
use std::path::{Path, PathBuf};

use flate2::Crc;
use pert_core::Split;
use pert_data::{Dataset, write_atomically};

use super::file_identity::FileIdentity;
use crate::Error;
use crate::checkpoints::unfinished_folder;
use crate::evaluate::EvaluationVae;
use crate::split_file::split_to_json;

/// Holds a folder per run; by it the folder is known.
const RUNS: &str = "runs";
const EVALUATION_VAE: &str = "evaluation_vae";

/// Everything that may stand in the folder.
const ENTRIES: [&str; 6] =
    [RUNS, EVALUATION_VAE, "comparison.csv", "comparison.md", "comparison.json", "slides.md"];

/// Where a benchmark puts what it makes. Several processes may fill it at once: each writes only the folders of its own runs,
/// and what is shared appears whole.
#[derive(Debug, Clone)]
pub struct BenchmarkFolder {
    root: PathBuf,
}

impl BenchmarkFolder {
    /// Opens a folder, or makes it.
    ///
    /// # Errors
    /// [`Error::OutputTaken`] when it holds something else, [`Error::Io`].
    pub fn open(root: &Path) -> Result<Self, Error> {
        let folder = Self { root: root.to_owned() };
        folder.check()?;
        let runs = root.join(RUNS);
        fs::create_dir_all(&runs).map_err(|e| Error::io("create", &runs, e))?;
        Ok(folder)
    }

    /// Opens one that must be there.
    ///
    /// # Errors
    /// [`Error::OutputTaken`] when it is no folder of a benchmark.
    pub fn existing(root: &Path) -> Result<Self, Error> {
        let folder = Self { root: root.to_owned() };
        folder.check()?;
        if root.join(RUNS).is_dir() {
            Ok(folder)
        } else {
            Err(folder.taken("holds no runs".into()))
        }
    }

    fn check(&self) -> Result<(), Error> {
        if self.root.exists() && !self.root.is_dir() {
            return Err(self.taken("is a file".to_owned()));
        }
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(_) if !self.root.exists() => return Ok(()),
            Err(e) => return Err(Error::io("read", &self.root, e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| Error::io("read", &self.root, e))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        // A table that another process is just writing.
        names.retain(|name| !name.starts_with(".pert-"));
        names.sort_unstable();
        if !names.is_empty() && !names.iter().any(|name| name == RUNS) {
            return Err(self.taken("exists and is no folder of a benchmark".to_owned()));
        }
        match names.iter().find(|name| !ENTRIES.contains(&name.as_str())) {
            Some(foreign) => Err(self.taken(format!("also holds {foreign:?}"))),
            None => Ok(()),
        }
    }

    fn taken(&self, found: String) -> Error {
        Error::OutputTaken { path: self.root.clone(), what: "folder for the benchmark", found }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a run.
    pub fn run(&self, id: &str) -> PathBuf {
        self.root.join(RUNS).join(id)
    }

    /// Its record, by which a run counts as done.
    pub fn record(&self, id: &str) -> PathBuf {
        self.run(id).join("run.json")
    }

    /// Its model.
    pub fn model(&self, id: &str) -> PathBuf {
        self.run(id).join("model")
    }

    /// Its report.
    pub fn report(&self, id: &str) -> PathBuf {
        self.run(id).join("report")
    }

    /// Writes the split of a run whose rule is no rule of `pert fit`; returns its absolute path.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Data`].
    pub fn write_split(&self, id: &str, split: &Split) -> Result<PathBuf, Error> {
        let path = self.run(id).join("split.json");
        let json = split_to_json(split);
        write_atomically(&path, |out| out.write_all(json.as_bytes()))?;
        std::path::absolute(&path).map_err(|e| Error::io("find", &path, e))
    }

    /// Makes the folder of a run.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create_run(&self, id: &str) -> Result<(), Error> {
        let folder = self.run(id);
        fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))
    }

    /// Writes one of the tables.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub fn write_table(&self, name: &str, text: &str) -> Result<(), Error> {
        Ok(write_atomically(&self.root.join(name), |out| out.write_all(text.as_bytes()))?)
    }

    /// Removes what a run has left, so that it begins again.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn clear_run(&self, id: &str) -> Result<(), Error> {
        remove(&self.run(id))
    }

    /// Removes the model of a run and its checkpoints.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn clear_model(&self, id: &str) -> Result<(), Error> {
        let model = self.model(id);
        remove(&unfinished_folder(&model))?;
        remove(&model)
    }

    /// Where the evaluation VAE of these cells over these genes lies. Which genes are kept depends on the training cells, so a data
    /// set with more genes than are kept has one per split; and a file of other content, or read otherwise, another one.
    pub fn evaluation_vae(
        &self,
        name: &str,
        real: &Dataset,
        cells: &FileIdentity,
        genes: &[String],
        seed: u64,
    ) -> PathBuf {
        let mut crc = Crc::new();
        crc.update(&cells.crc32.to_le_bytes());
        for name in genes.iter().chain(real.population().cells()) {
            crc.update(format!("{name}\n").as_bytes());
        }
        let place = format!("seed-{seed}-{:08x}", crc.sum());
        self.root.join(EVALUATION_VAE).join(name).join(place)
    }

    /// Puts an evaluation VAE in its place unless another process was faster; the same training gives the same one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn keep_evaluation_vae(&self, vae: &EvaluationVae, place: &Path) -> Result<(), Error> {
        let parent = place.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
        // Process numbers of two machines may be the same, so the time stands beside it.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = now.map_or(0, |now| now.as_nanos());
        let work = parent.join(format!(".work-{}-{nanos}", std::process::id()));
        let made = work.join("vae");
        let moved = vae.save(&made).and_then(|()| {
            if EvaluationVae::exists(place) {
                return Ok(());
            }
            match fs::rename(&made, place) {
                Err(e) if !EvaluationVae::exists(place) => Err(Error::io("write", place, e)),
                _ => Ok(()),
            }
        });
        let _ = fs::remove_dir_all(&work); // litter at worst
        moved
    }
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", folder, e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_folder_is_never_filled() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("out");
        assert!(BenchmarkFolder::existing(&root).is_err());
        BenchmarkFolder::open(&root).unwrap();
        BenchmarkFolder::existing(&root).unwrap();
        fs::write(root.join("comparison.csv"), "").unwrap();
        fs::write(root.join(".pert-x.tmp"), "").unwrap();
        BenchmarkFolder::open(&root).unwrap();
        fs::write(root.join("thesis.doc"), "").unwrap();
        let error = BenchmarkFolder::open(&root).unwrap_err().to_string();
        assert!(error.contains("thesis.doc"), "{error}");
        assert!(BenchmarkFolder::open(&root.join("thesis.doc")).is_err());
        fs::remove_dir(root.join(RUNS)).unwrap();
        assert!(BenchmarkFolder::open(&root).is_err());
    }
}
