//! A folder that appears whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Error;

/// A folder being filled beside its final place; [`OutputFolder::commit`] moves it there.
///
/// Dropped without a commit (an error, Ctrl-C), nothing is left and an older folder stays as it was.
///
/// ```
/// use pert_pipeline::{FolderKind, OutputFolder};
/// # let scratch = tempfile::tempdir().expect("a scratch folder");
/// let place = scratch.path().join("report");
/// let folder = OutputFolder::create(&place, FolderKind::Report)?;
/// folder.write("metrics.csv", b"perturbation,method\n")?;
/// assert!(!place.exists()); // not a part of it is seen
/// folder.commit()?;
/// assert!(place.join("metrics.csv").exists());
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
#[derive(Debug)]
pub struct OutputFolder {
    target: PathBuf,
    partial: PathBuf,
    /// Parents that did not exist before, deepest first.
    created: Vec<PathBuf>,
    committed: bool,
}

/// What an output folder is; one of the same kind is replaced without asking, anything else never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderKind {
    /// Holds `model.json`.
    Model,
    /// Holds `metrics.csv`.
    Report,
    /// Holds `screen.h5ad`; filled step by step, so never replaced as a whole.
    Demo,
    /// Holds `evaluation_vae.json`.
    EvaluationVae,
    /// Holds `smiles_vae.json`.
    SmilesNetwork,
}

impl FolderKind {
    fn marker(self) -> &'static str {
        match self {
            Self::Model => "model.json",
            Self::Report => "metrics.csv",
            Self::Demo => "screen.h5ad",
            Self::EvaluationVae => "evaluation_vae.json",
            Self::SmilesNetwork => "smiles_vae.json",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Model => "model folder",
            Self::Report => "report folder",
            Self::Demo => "demo folder",
            Self::EvaluationVae => "evaluation VAE folder",
            Self::SmilesNetwork => "folder of a SMILES network",
        }
    }

    /// Everything that may stand in such a folder; other things are somebody else's and would be lost with it.
    fn entries(self) -> &'static [&'static str] {
        match self {
            Self::Model => &[
                "model.json",
                "genes.tsv",
                "split.json",
                "run.toml",
                "features.tsv",
                "target_encoder.json",
                "means.safetensors",
                "cell_encoder.safetensors",
                "prior.safetensors",
                "decoder.safetensors",
            ],
            Self::Report => &[
                "report.md",
                "metrics.csv",
                "intervals.csv",
                "slides.tsv",
                "summary.json",
                "umap.png",
                "umap.svg",
                "metrics.png",
                "metrics.svg",
                "delta.png",
                "delta.svg",
                "evaluation_vae",
            ],
            Self::Demo => &[
                "screen.h5ad",
                "screen.features.tsv",
                "screen.smiles.tsv",
                "screen.fasta",
                "screen.truth.tsv",
                "model",
                "model.unfinished",
                "held_out.tsv",
                "predicted.h5ad",
                "report",
            ],
            Self::EvaluationVae => &["evaluation_vae.json", "evaluation_vae.safetensors"],
            Self::SmilesNetwork => &["smiles_vae.json", "smiles_vae.safetensors"],
        }
    }

    /// Refuses a place that holds something else: a file, a folder without the marker of this kind, or one with
    /// files of other origin beside it.
    ///
    /// # Errors
    /// [`Error::OutputTaken`] naming what stands there.
    pub fn check(self, target: &Path) -> Result<(), Error> {
        let taken = |found: String| {
            Err(Error::OutputTaken { path: target.to_owned(), what: self.name(), found })
        };
        if target.file_name().is_none() {
            return taken("is no name for a new folder".to_owned());
        }
        if !target.exists() {
            return Ok(());
        }
        if !target.is_dir() {
            return taken("is a file".to_owned());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(target).map_err(|e| Error::io("read", target, e))? {
            let entry = entry.map_err(|e| Error::io("read", target, e))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        if names.is_empty() {
            return Ok(());
        }
        if !names.iter().any(|name| name == self.marker()) {
            return taken(format!("exists and is no {}", self.name()));
        }
        match names.iter().find(|name| !self.entries().contains(&name.as_str())) {
            Some(foreign) => taken(format!("also holds {foreign:?}, which would be lost")),
            None => Ok(()),
        }
    }
}

impl OutputFolder {
    /// Creates the folder in which files are collected; parents are created too.
    ///
    /// # Errors
    /// As [`FolderKind::check`] when the target exists and is neither empty nor an older folder of the same kind;
    /// [`Error::Io`] when it cannot be written, before any work is done.
    pub fn create(target: &Path, kind: FolderKind) -> Result<Self, Error> {
        kind.check(target)?;
        let name = target.file_name().expect("a place that was checked has a name");
        let mut partial_name = std::ffi::OsString::from(".");
        partial_name.push(name);
        partial_name.push(format!(".partial-{}", std::process::id()));
        Self::create_at(target, kind, target.with_file_name(partial_name))
    }

    /// The same, with a place of one's own for the part that is filled; it must be on the same file system.
    pub(crate) fn create_at(
        target: &Path,
        kind: FolderKind,
        partial: PathBuf,
    ) -> Result<Self, Error> {
        kind.check(target)?;
        let created = create_parents(&partial)?;
        // Left behind by a killed run.
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(|e| Error::io("remove", &partial, e))?;
        }
        let parent = parent_of(&partial);
        fs::create_dir(&partial).map_err(|e| Error::io("write to", parent, e))?;
        Ok(Self { target: target.to_owned(), partial, created, committed: false })
    }

    /// Where files are put for now.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Writes one file and syncs it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.partial.join(name);
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|e| Error::io("write", &self.target.join(name), e))
    }

    /// Moves the folder to its place; an older one is replaced.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn commit(mut self) -> Result<(), Error> {
        let io = |e| Error::io("write", &self.target, e);
        let mut old = None;
        if self.target.exists() {
            let mut aside = self.partial.clone().into_os_string();
            aside.push(".old");
            let aside = PathBuf::from(aside);
            fs::rename(&self.target, &aside).map_err(io)?;
            old = Some(aside);
        }
        if let Err(error) = fs::rename(&self.partial, &self.target) {
            if let Some(aside) = &old {
                // The older folder goes back; if even that fails, the error to tell is the first one.
                let _ = fs::rename(aside, &self.target);
            }
            return Err(io(error));
        }
        self.committed = true;
        if let Some(aside) = old {
            fs::remove_dir_all(&aside).map_err(|e| Error::io("remove", &aside, e))?;
        }
        Ok(())
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing more can be done about a folder that cannot be removed.
            let _ = fs::remove_dir_all(&self.partial);
            for parent in &self.created {
                let _ = fs::remove_dir(parent); // stays where somebody put something meanwhile
            }
        }
    }
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Creates the folders above a path; returns those that did not exist, deepest first.
pub(crate) fn create_parents(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let parent = parent_of(path);
    let created = parent
        .ancestors()
        .take_while(|p| !p.as_os_str().is_empty() && !p.exists())
        .map(Path::to_owned)
        .collect();
    fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
    Ok(created)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let scratch = tempfile::tempdir().unwrap();
        let target = scratch.path().join("a/model");
        let folder = OutputFolder::create(&target, FolderKind::Model).unwrap();
        folder.write("model.json", b"{}").unwrap();
        drop(folder);
        assert!(!target.exists());
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
        for text in [b"1", b"2"] {
            let folder = OutputFolder::create(&target, FolderKind::Model).unwrap();
            folder.write("model.json", text).unwrap();
            folder.commit().unwrap();
            assert_eq!(fs::read(target.join("model.json")).unwrap(), text);
        }
        assert_eq!(fs::read_dir(scratch.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn a_foreign_folder_is_never_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("thesis.doc"), "years of work").unwrap();
        let error = OutputFolder::create(scratch.path(), FolderKind::Model).unwrap_err();
        assert!(matches!(error, Error::OutputTaken { .. }));
    }

    #[test]
    fn files_put_beside_ours_are_never_lost() {
        let scratch = tempfile::tempdir().unwrap();
        let target = scratch.path().join("model");
        let fill = || OutputFolder::create(&target, FolderKind::Model);
        let folder = fill().unwrap();
        folder.write("model.json", b"{}").unwrap();
        folder.commit().unwrap();
        fs::write(target.join("predicted.h5ad"), "cells").unwrap();
        let error = fill().unwrap_err().to_string();
        assert!(error.contains("predicted.h5ad"), "{error}");
        assert!(target.join("predicted.h5ad").exists());
    }

    #[test]
    fn a_file_is_no_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("notes.txt");
        fs::write(&file, "x").unwrap();
        for target in [file.clone(), file.join("model"), file.join("a/model")] {
            let error = OutputFolder::create(&target, FolderKind::Model).unwrap_err().to_string();
            assert!(error.contains("notes.txt"), "{error}");
        }
    }
}
