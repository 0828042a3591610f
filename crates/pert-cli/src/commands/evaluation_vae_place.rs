//! `--evaluation-vae`: where the space of the Fréchet distance comes from.

use std::path::{Path, PathBuf};

use anyhow::bail;
use pert_prior::pipeline::{EvaluationVae, FolderKind};

/// Where the evaluation VAE comes from and stays.
pub enum VaePlace {
    /// Trained for this report and kept in it.
    Report,
    /// Trained, and kept in a folder of its own.
    ToKeep(PathBuf),
    /// Read from the folder in which an earlier run kept it.
    Kept(PathBuf),
}

impl VaePlace {
    /// From `--evaluation-vae`, if it was given, beside the report folder.
    pub fn of(given: Option<&Path>, report: &Path) -> anyhow::Result<Self> {
        let Some(folder) = given else { return Ok(Self::Report) };
        let place = if EvaluationVae::exists(folder) {
            Self::Kept(folder.to_owned())
        } else {
            FolderKind::EvaluationVae.check(folder)?;
            Self::ToKeep(folder.to_owned())
        };
        if place.inside(report)?.is_some_and(|path| path.as_os_str().is_empty()) {
            bail!("--evaluation-vae and -o name the same folder; give the evaluation VAE its own");
        }
        Ok(place)
    }

    /// Its place in the report, which is replaced as a whole and would lose it otherwise.
    pub fn inside(&self, report: &Path) -> anyhow::Result<Option<PathBuf>> {
        Ok(match self {
            Self::Report => Some(PathBuf::from("evaluation_vae")),
            Self::ToKeep(folder) | Self::Kept(folder) => std::path::absolute(folder)?
                .strip_prefix(std::path::absolute(report)?)
                .ok()
                .map(Path::to_owned),
        })
    }
}
