//! A folder that appears whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Error;

/// A folder being filled beside its final place; [`OutputFolder::commit`] moves it there.
///
/// Dropped without a commit (an error, Ctrl-C), nothing is left and an older folder stays as it was.
#[derive(Debug)]
pub struct OutputFolder {
    target: PathBuf,
    partial: PathBuf,
    committed: bool,
}

/// What a folder must hold to be replaced without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderKind {
    /// Holds `model.json`.
    Model,
    /// Holds `metrics.csv`.
    Report,
    /// Holds `screen.h5ad`.
    Demo,
    /// Holds `evaluation_vae.json`.
    EvaluationVae,
}

impl FolderKind {
    fn marker(self) -> &'static str {
        match self {
            Self::Model => "model.json",
            Self::Report => "metrics.csv",
            Self::Demo => "screen.h5ad",
            Self::EvaluationVae => "evaluation_vae.json",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Model => "model folder",
            Self::Report => "report folder",
            Self::Demo => "demo folder",
            Self::EvaluationVae => "evaluation VAE folder",
        }
    }
}

impl OutputFolder {
    /// Creates the folder in which files are collected; parents are created too.
    ///
    /// # Errors
    /// [`Error::OutputTaken`] when the target exists and is neither empty nor an older folder of the same kind;
    /// [`Error::Io`] when it cannot be written, before any work is done.
    pub fn create(target: &Path, kind: FolderKind) -> Result<Self, Error> {
        let taken = || Error::OutputTaken { path: target.to_owned(), what: kind.name() };
        let Some(name) = target.file_name() else {
            return Err(taken());
        };
        if target.exists() {
            let mut entries = fs::read_dir(target).map_err(|_| taken())?;
            if entries.next().is_some() && !target.join(kind.marker()).exists() {
                return Err(taken());
            }
        }
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
        let mut partial_name = std::ffi::OsString::from(".");
        partial_name.push(name);
        partial_name.push(format!(".partial-{}", std::process::id()));
        let partial = parent.join(partial_name);
        // Left behind by a killed run that had the same process number.
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(|e| Error::io("remove", &partial, e))?;
        }
        fs::create_dir(&partial).map_err(|e| Error::io("write to", parent, e))?;
        Ok(Self { target: target.to_owned(), partial, committed: false })
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
            let aside = self.partial.with_extension("old");
            fs::rename(&self.target, &aside).map_err(io)?;
            old = Some(aside);
        }
        fs::rename(&self.partial, &self.target).map_err(io)?;
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
        }
    }
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
        assert_eq!(fs::read_dir(scratch.path().join("a")).unwrap().count(), 0);
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
}
