//! Perturbation labels of a file: the column they stand in, the control among them, their frequencies.

use std::path::Path;

use pert_core::{LabelFormat, Perturbation};

use crate::h5ad::{Column, Container, Frame};
use crate::nearest::{listed, nearest_first};
use crate::schema::{guess_control, perturbation_rank};
use crate::{Error, ReadOptions};

/// Perturbation labels of all cells of a file.
pub(crate) struct Labels {
    pub(crate) levels: Vec<String>,
    /// Index into `levels`; nothing where the label is missing or empty.
    pub(crate) codes: Vec<Option<u32>>,
    /// Number of cells per level.
    pub(crate) n_cells: Vec<usize>,
}

impl Labels {
    /// Reads a column of obs as labels.
    pub(crate) fn read(obs: &Frame<'_>, key: &str) -> Result<Self, Error> {
        let (levels, mut codes) = obs.column(key)?.into_labels();
        let mut n_cells = vec![0; levels.len()];
        for code in &mut codes {
            *code = code.filter(|&code| !levels[code as usize].trim().is_empty());
            if let Some(code) = *code {
                n_cells[code as usize] += 1;
            }
        }
        Ok(Self { levels, codes, n_cells })
    }

    /// The labels that occur.
    pub(crate) fn used(&self) -> Vec<String> {
        let used = self.levels.iter().zip(&self.n_cells).filter(|(_, n)| **n > 0);
        used.map(|(level, _)| level.clone()).collect()
    }

    /// The control label: the one named, which must occur, or a guess.
    pub(crate) fn control(
        &self,
        path: &Path,
        key: &str,
        options: &ReadOptions,
    ) -> Result<String, Error> {
        let used = self.used();
        let no_control = |tried: String, labels: String| Error::NoControl {
            path: path.to_owned(),
            column: key.to_owned(),
            tried,
            labels,
        };
        match &options.control {
            Some(control) => {
                let control = control.trim();
                let format = LabelFormat {
                    control: control.to_owned(),
                    separator: options.separator,
                    ..LabelFormat::default()
                };
                let is_control = |label: &String| {
                    Perturbation::parse(label, &format).is_ok_and(|p| p.is_control())
                };
                if options.require_control && !used.iter().any(is_control) {
                    return Err(no_control(
                        format!("holds no label {control:?}"),
                        format!("(nearest first) {}", nearest_first(control, &used)),
                    ));
                }
                Ok(control.to_owned())
            }
            None => match guess_control(&used, options.separator) {
                Some(control) => Ok(control),
                None if options.require_control => Err(no_control(
                    "holds no usual control label (control, ctrl, non-targeting, NT, DMSO, …)"
                        .into(),
                    self.most_frequent(),
                )),
                None => Ok(LabelFormat::default().control),
            },
        }
    }

    /// One perturbation per level that occurs.
    pub(crate) fn parse(
        &self,
        format: &LabelFormat,
    ) -> Result<Vec<Option<Perturbation>>, pert_core::Error> {
        self.levels
            .iter()
            .zip(&self.n_cells)
            .map(|(level, &n)| (n > 0).then(|| Perturbation::parse(level, format)).transpose())
            .collect()
    }

    /// The labels with their numbers of cells, the most frequent first.
    pub(crate) fn most_frequent(&self) -> String {
        let mut ranked: Vec<(&String, usize)> =
            self.levels.iter().zip(self.n_cells.iter().copied()).filter(|(_, n)| *n > 0).collect();
        ranked.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
        let ranked: Vec<String> =
            ranked.into_iter().map(|(level, n)| format!("{level:?} ({n} cells)")).collect();
        listed(ranked.iter().map(String::as_str))
    }
}

/// The perturbation column: the one named, or the likeliest; `None` when no column is likely.
pub(crate) fn perturbation_key(
    container: &Container,
    obs: &Frame<'_>,
    options: &ReadOptions,
) -> Result<Option<String>, Error> {
    if let Some(key) = &options.perturbation_key {
        obs.column(key)?;
        return Ok(Some(key.clone()));
    }
    let (mut candidates, mut unreadable) = (Vec::new(), None);
    for (position, name) in obs.columns().iter().enumerate() {
        let rank = perturbation_rank(name);
        let column = match obs.column(name) {
            Ok(column) => column,
            Err(error) => {
                // The reason matters only if the column would have been the one, and no other is.
                if rank.is_some() {
                    unreadable.get_or_insert(error);
                }
                continue;
            }
        };
        if !matches!(column, Column::Labels { .. }) {
            continue;
        }
        let (levels, _) = column.into_labels();
        let has_control = match &options.control {
            Some(control) => levels.iter().any(|level| level.trim() == control.trim()),
            None => guess_control(&levels, options.separator).is_some(),
        };
        // A column of another name must hold a control label and something beside it.
        if rank.is_some() || (has_control && levels.len() > 1) {
            candidates.push((!has_control, rank.unwrap_or(usize::MAX), position, name));
        }
    }
    candidates.sort_unstable();
    if let (true, Some(error)) = (candidates.is_empty(), unreadable) {
        return Err(error);
    }
    if candidates.is_empty() && obs.columns().is_empty() {
        return Err(container.corrupt("obs", "it has no columns"));
    }
    Ok(candidates.first().map(|(_, _, _, name)| (*name).clone()))
}
