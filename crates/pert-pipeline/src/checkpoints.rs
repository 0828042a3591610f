//! An unfinished fit on disk: `MODEL_DIR.unfinished`, from which the fit goes on bit for bit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Crc;
use pert_data::write_atomically;
use pert_nn::TrainingState;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::config::FitConfig;
use crate::model::Model;
use crate::output_folder::{FolderKind, OutputFolder, create_parents};

/// Version of the folder of an unfinished fit.
const FORMAT: u32 = 1;

const RUN: &str = "run.json";
const LOCK: &str = "lock";
const MODEL: &str = "model";
/// An older model on its way out, while the new one takes its place.
const OLD_MODEL: &str = "model.old";
const EXTENSION: &str = "checkpoint";

/// A job that takes over from one being stopped waits for it this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a fit is; one can go on from another only if they are the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunIdentity {
    format: u32,
    version: String,
    /// The run file.
    pub run: String,
    /// Cells and genes learned from.
    pub n_cells: usize,
    pub n_genes: usize,
    /// Checksum of the counts, labels, covariates, features and split.
    pub data_crc32: u32,
    pub device: String,
    pub n_threads: usize,
}

impl RunIdentity {
    pub fn new(run: String, shape: (usize, usize), data_crc32: u32, device: String) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run,
            n_cells: shape.0,
            n_genes: shape.1,
            data_crc32,
            device,
            n_threads: rayon::current_num_threads(),
        }
    }

    /// What makes the two different, if results would differ by more than rounding.
    fn difference(&self, begun: &Self) -> Option<String> {
        let differ = |what: &str, then: &str, now: &str| Some(format!("{what}: {then}, now {now}"));
        if begun.version != self.version {
            return differ("version", &begun.version, &self.version);
        }
        if let Some(difference) = run_difference(&begun.run, &self.run) {
            return Some(difference);
        }
        if begun.device != self.device {
            return differ("device", &begun.device, &self.device);
        }
        let shape = |r: &Self| format!("{} cells × {} genes", r.n_cells, r.n_genes);
        if shape(begun) != shape(self) {
            return differ("training data", &shape(begun), &shape(self));
        }
        (begun.data_crc32 != self.data_crc32)
            .then(|| "the training data have other content".to_owned())
    }
}

/// The settings that differ between two run files, by key; nothing when they mean the same.
pub(crate) fn run_difference(then: &str, now: &str) -> Option<String> {
    let settings = |run: &str| {
        let mut settings = BTreeMap::new();
        flatten("", &run.parse::<toml::Table>().unwrap_or_default(), &mut settings);
        settings
    };
    let (then, now) = (settings(then), settings(now));
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let value = |settings: &BTreeMap<String, String>, key: &String| {
        settings.get(key).cloned().unwrap_or_else(|| "not given".to_owned())
    };
    let differ: Vec<String> = keys
        .into_iter()
        .filter(|key| then.get(*key) != now.get(*key))
        .map(|key| format!("{key} was {}, now {}", value(&then, key), value(&now, key)))
        .collect();
    (!differ.is_empty()).then(|| format!("its settings differ: {}", differ.join("; ")))
}

fn flatten(prefix: &str, table: &toml::Table, settings: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => flatten(&format!("{name}."), inner, settings),
            value => {
                settings.insert(name, value.to_string());
            }
        }
    }
}

/// Where a fit keeps what it has learned so far; [`Checkpoints::none`] keeps nothing.
///
/// The folder `MODEL_DIR.unfinished` belongs to one run at a time. It disappears when the model is written, and when
/// a fit fails in a way that going on would repeat.
///
/// ```
#[doc = include_str!("doc/fitted.txt")]
/// use std::time::Duration;
/// use pert_pipeline::{Checkpoints, Silent};
/// # let scratch = tempfile::tempdir().expect("a scratch folder");
/// let folder = scratch.path().join("model");
/// // Every 30 s, going on with what an earlier run left.
/// let mut checkpoints = Checkpoints::open(&folder, Duration::from_secs(30), true)?;
/// let model = quick.fit_resumable(&screen, &device, &mut Silent, &mut checkpoints)?;
/// assert!(Checkpoints::exist(&folder));
/// checkpoints.finish(&model)?;
/// assert!(folder.join("model.json").exists() && !Checkpoints::exist(&folder));
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Checkpoints {
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    target: PathBuf,
    folder: PathBuf,
    /// Parents that did not exist before, deepest first.
    created: Vec<PathBuf>,
    every: Duration,
    last: Instant,
    /// Something worth going on from lies in the folder.
    worth_keeping: bool,
    /// Held as long as this run lives; the system releases it even after a kill.
    lock: Option<File>,
}

impl Checkpoints {
    /// Keeps nothing: an interrupted fit begins again.
    pub fn none() -> Self {
        Self::default()
    }

    /// Keeps a checkpoint in `MODEL_DIR.unfinished` every so often, and after every stage.
    ///
    /// With `resume`, what an earlier run left there is gone on from; without an earlier run, the fit begins.
    ///
    /// # Errors
    /// [`Error::OutputTaken`] when a place is taken by something else; [`Error::UnfinishedExists`] when an earlier
    /// run left its checkpoints and `resume` is not given; [`Error::InUse`] when another run is writing there;
    /// [`Error::Io`].
    pub fn open(model_folder: &Path, every: Duration, resume: bool) -> Result<Self, Error> {
        FolderKind::Model.check(model_folder)?;
        let folder = unfinished_folder(model_folder);
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |e| Error::io(action, &path, e)
        };
        let created = create_parents(&folder)?;
        if !folder.exists() {
            let parent = folder.parent().unwrap_or(Path::new("."));
            fs::create_dir(&folder).map_err(io("write to", parent))?;
        }
        let mut place = Place {
            target: model_folder.to_owned(),
            created,
            every,
            last: Instant::now(),
            worth_keeping: true, // until it is known to be ours
            lock: None,
            folder,
        };
        place.check_entries()?;
        let lock = place.folder.join(LOCK);
        let lock = File::create(&lock).map_err(io("write", &lock))?;
        let patience = if resume { PATIENCE } else { Duration::ZERO };
        let asked = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => place.lock = Some(lock),
                Err(TryLockError::WouldBlock) if asked.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(100));
                    continue;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::InUse { path: place.folder.clone() });
                }
                // Some network file systems know no locks; then it is the user who keeps runs apart.
                Err(TryLockError::Error(_)) => {}
            }
            break;
        }
        place.clean()?;
        place.worth_keeping = place.folder.join(RUN).exists();
        if place.worth_keeping && !resume {
            return Err(Error::UnfinishedExists { path: place.folder.clone() });
        }
        Ok(Self { place: Some(place) })
    }

    /// Refuses to go on where a finished model of other settings stands: a batch script that names the wrong folder
    /// must not replace another's model. Returns whether the model there is the very one `config` makes.
    ///
    /// # Errors
    /// [`Error::OtherRun`] naming what differs; [`Error::ModelFolder`] for a model that cannot be read.
    pub fn is_finished(
        model_folder: &Path,
        config: &FitConfig,
        data: &Path,
    ) -> Result<bool, Error> {
        if !model_folder.join("model.json").exists() {
            return Ok(false);
        }
        let (run, provenance) = Model::origin(model_folder)?;
        let other = |difference| Error::FinishedModel { path: model_folder.to_owned(), difference };
        if let Some(difference) = run_difference(&run, &config.to_toml()) {
            return Err(other(difference));
        }
        let data = data.display().to_string();
        if provenance.data != data {
            return Err(other(format!("it was fitted on {}, now {data}", provenance.data)));
        }
        Ok(provenance.version == env!("CARGO_PKG_VERSION"))
    }

    /// Whether an earlier fit of this model folder was left unfinished.
    pub fn exist(model_folder: &Path) -> bool {
        unfinished_folder(model_folder).join(RUN).exists()
    }

    /// The folder, if there is one.
    pub fn folder(&self) -> Option<&Path> {
        self.place.as_ref().map(|p| p.folder.as_path())
    }

    /// Whether an earlier run is gone on from.
    pub fn is_resumed(&self) -> bool {
        self.place.as_ref().is_some_and(|p| p.worth_keeping)
    }

    /// Says what is fitted; returns a remark for the user.
    ///
    /// # Errors
    /// [`Error::OtherRun`] when the folder holds another fit.
    pub(crate) fn begin(&mut self, identity: &RunIdentity) -> Result<Option<String>, Error> {
        let Some(place) = &mut self.place else { return Ok(None) };
        place.last = Instant::now();
        let path = place.folder.join(RUN);
        if !place.worth_keeping {
            let json = serde_json::to_vec_pretty(identity).expect("plain data");
            write_atomically(&path, |out| out.write_all(&json))?;
            place.worth_keeping = true;
            return Ok(None);
        }
        let other = |difference| Error::OtherRun { path: place.folder.clone(), difference };
        let json = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        let begun: RunIdentity = serde_json::from_slice(&json)
            .map_err(|e| other(format!("{RUN} was written by another version ({e})")))?;
        match identity.difference(&begun) {
            Some(difference) => Err(other(difference)),
            None if begun.n_threads != identity.n_threads => Ok(Some(format!(
                "the fit began with {} threads and goes on with {}: the model will differ in its last digits",
                begun.n_threads, identity.n_threads
            ))),
            None => Ok(None),
        }
    }

    pub(crate) fn is_due(&self) -> bool {
        self.place.as_ref().is_some_and(|p| p.last.elapsed() >= p.every)
    }

    /// The state of a stage that an earlier run reached, of at most `total` steps.
    pub(crate) fn load(&self, stage: &str, total: usize) -> Result<Option<TrainingState>, Error> {
        let Some(place) = &self.place else { return Ok(None) };
        let path = place.file_of(stage);
        if !path.exists() {
            return Ok(None);
        }
        let damaged = |difference: String| Error::OtherRun { path: path.clone(), difference };
        let bytes = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        let (state, crc) = bytes
            .split_last_chunk::<4>()
            .ok_or_else(|| damaged("the checkpoint is damaged".into()))?;
        if crc32(state) != u32::from_le_bytes(*crc) {
            return Err(damaged("the checkpoint is damaged".into()));
        }
        let state = TrainingState::from_bytes(state).map_err(|e| damaged(e.to_string()))?;
        if state.n_steps > total {
            return Err(damaged(format!("{} steps done of {total}", state.n_steps)));
        }
        Ok(Some(state))
    }

    /// Writes the state of a stage; the one before it is replaced at once or not at all.
    pub(crate) fn save(&mut self, stage: &str, state: &TrainingState) -> Result<(), Error> {
        let Some(place) = &mut self.place else { return Ok(()) };
        let bytes = state.to_bytes().map_err(pert_decoder::Error::from)?;
        let crc = crc32(&bytes).to_le_bytes();
        write_atomically(&place.file_of(stage), |out| {
            out.write_all(&bytes)?;
            out.write_all(&crc)
        })?;
        place.last = Instant::now();
        Ok(())
    }

    /// What is there would only lead to the same failure.
    pub(crate) fn discard(&mut self) {
        if let Some(place) = &mut self.place {
            place.worth_keeping = false;
        }
    }

    /// Writes the finished model to its folder, whole or not at all, and removes the checkpoints.
    ///
    /// # Errors
    /// [`Error::Io`]; the checkpoints are then still there.
    pub fn finish(mut self, model: &Model) -> Result<(), Error> {
        let Some(place) = &mut self.place else { return Ok(()) };
        let work = place.folder.join(MODEL);
        let output = OutputFolder::create_at(&place.target, FolderKind::Model, work)?;
        model.save_into(&output)?;
        output.commit()?;
        place.worth_keeping = false;
        Ok(())
    }
}

impl Place {
    fn file_of(&self, stage: &str) -> PathBuf {
        self.folder.join(format!("{}.{EXTENSION}", stage.replace(' ', "_")))
    }

    /// Refuses a folder of that name which is somebody else's.
    fn check_entries(&self) -> Result<(), Error> {
        let folder = &self.folder;
        let taken = |found: String| Error::OutputTaken {
            path: folder.clone(),
            what: "model folder",
            found,
        };
        if !folder.is_dir() {
            return Err(taken("is needed for checkpoints, and is a file".into()));
        }
        for entry in self.entries()? {
            if !is_ours(&entry) {
                return Err(taken(format!("is needed for checkpoints, and also holds {entry:?}")));
            }
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<String>, Error> {
        let io = |e| Error::io("read", &self.folder, e);
        fs::read_dir(&self.folder)
            .map_err(io)?
            .map(|entry| Ok(entry.map_err(io)?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    /// Mends what a kill at a bad moment left: an older model that was on its way out goes back, parts disappear.
    fn clean(&self) -> Result<(), Error> {
        let old = self.folder.join(OLD_MODEL);
        if old.exists() && !self.target.exists() {
            fs::rename(&old, &self.target).map_err(|e| Error::io("write", &self.target, e))?;
        }
        for name in self.entries()? {
            let path = self.folder.join(&name);
            if name == MODEL || name == OLD_MODEL {
                fs::remove_dir_all(&path).map_err(|e| Error::io("remove", &path, e))?;
            } else if is_temporary(&name) {
                fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
            }
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.worth_keeping {
            return;
        }
        // Nothing more can be done about files that cannot be removed; `run.json` goes first, so that what a kill
        // leaves in between is no unfinished fit.
        let _ = fs::remove_file(self.folder.join(RUN));
        for name in self.entries().unwrap_or_default() {
            if is_ours(&name) && name != LOCK {
                let path = self.folder.join(name);
                let _ =
                    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            }
        }
        // Some systems do not remove a file that is open.
        drop(self.lock.take());
        let _ = fs::remove_file(self.folder.join(LOCK));
        let _ = fs::remove_dir(&self.folder);
        for parent in &self.created {
            let _ = fs::remove_dir(parent); // stays where something was put meanwhile
        }
    }
}

fn is_temporary(name: &str) -> bool {
    name.starts_with(".pert-")
}

fn is_ours(name: &str) -> bool {
    [RUN, LOCK, MODEL, OLD_MODEL].contains(&name)
        || is_temporary(name)
        || Path::new(name).extension().is_some_and(|e| e == EXTENSION)
}

/// The folder of an unfinished fit of a model.
pub(crate) fn unfinished_folder(model_folder: &Path) -> PathBuf {
    let mut name = model_folder.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    model_folder.with_file_name(name)
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
