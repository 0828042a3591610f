//! Guesses about a file nobody described: which column holds perturbations, how its labels are written, which label is
//! control, and which columns are covariates. Reading and inspecting a file ask here, and so agree.

mod columns;
mod control;
mod covariates;
mod drugs;
mod format;
mod guides;
mod names;
mod separator;

use std::collections::HashSet;
use std::path::Path;

use pert_core::{LabelFormat, Perturbation};

pub use columns::ColumnCandidate;
pub(crate) use columns::ranked;
pub(crate) use covariates::{Chosen, flag, usable_role, words};
pub(crate) use format::FormatGuess;

use crate::h5ad::{Container, Frame};
use crate::labels::Labels;
use crate::nearest::{listed, nearest_first};
use crate::{Error, ReadOptions};

/// How a file is to be read, and why.
pub(crate) struct Schema {
    /// The perturbation column first, then those that would be next.
    pub(crate) candidates: Vec<ColumnCandidate>,
    /// The perturbation column.
    pub(crate) key: String,
    /// Its labels.
    pub(crate) labels: Labels,
    /// How they are written.
    pub(crate) format: FormatGuess,
    /// The covariates to read.
    pub(crate) covariates: Vec<Chosen>,
    /// What was guessed, one sentence each.
    pub(crate) guesses: Vec<String>,
    /// Columns that were not taken as covariates though their names fit, one sentence each.
    pub(crate) left_out: Vec<String>,
}

impl Schema {
    /// Everything the options leave open, guessed; `None` when no column is likely to hold perturbations.
    ///
    /// # Errors
    /// When an option names a column that does not exist, or a column cannot be read.
    pub(crate) fn of(
        container: &Container,
        obs: &Frame<'_>,
        genes: &[String],
        options: &ReadOptions,
    ) -> Result<Option<Self>, Error> {
        let genes: HashSet<&str> = genes.iter().map(String::as_str).collect();
        let candidates = ranked(container, obs, &genes, options)?;
        let Some(first) = candidates.first() else { return Ok(None) };
        let key = first.column.clone();
        let labels = Labels::read(obs, &key)?;
        let has_doses = covariates::has_doses(obs);
        let format = FormatGuess::of(&labels.used(), Some(&key), &genes, has_doses, options);

        let mut guesses = Vec::new();
        if options.perturbation_key.is_none() {
            guesses.push(format!("perturbation column: {key} ({})", first.reasons.join("; ")));
        }
        guesses.extend(format.notes());
        let perturbations: Vec<Option<Perturbation>> = match &format.control {
            // A label that cannot be read is reported where it is read for good.
            Some(_) => {
                let format = format.format();
                labels.levels.iter().map(|l| Perturbation::parse(l, &format).ok()).collect()
            }
            None => Vec::new(),
        };
        let mut left_out = Vec::new();
        let covariates =
            covariates::choose(obs, &key, &labels, &perturbations, options, &mut left_out)?;
        guesses.extend(covariates.iter().filter(|chosen| chosen.guessed).map(|chosen| {
            format!("{} column: {} (its name is usual)", words(chosen.role), chosen.column)
        }));
        Ok(Some(Self { candidates, key, labels, format, covariates, guesses, left_out }))
    }

    /// The same where perturbations are needed.
    ///
    /// # Errors
    /// As [`Schema::of`], and [`Error::NoPerturbationColumn`].
    pub(crate) fn needed(
        container: &Container,
        obs: &Frame<'_>,
        genes: &[String],
        options: &ReadOptions,
    ) -> Result<Self, Error> {
        Self::of(container, obs, genes, options)?.ok_or_else(|| Error::NoPerturbationColumn {
            path: container.path().to_owned(),
            available: listed(obs.columns().iter().map(String::as_str)),
        })
    }

    /// The format of the labels, whose control must occur unless the options say otherwise.
    ///
    /// # Errors
    /// [`Error::NoControl`], [`Error::Screen`] for a separator that cannot be one.
    pub(crate) fn label_format(
        &self,
        path: &Path,
        options: &ReadOptions,
    ) -> Result<LabelFormat, Error> {
        let format = self.format.format();
        format.check().map_err(|source| Error::Screen { path: path.to_owned(), source })?;
        let no_control = |tried: String, labels: String| Error::NoControl {
            path: path.to_owned(),
            column: self.key.clone(),
            tried,
            labels,
        };
        if !options.require_control {
            return Ok(format);
        }
        if self.format.control.is_none() {
            return Err(no_control(
                "holds no usual control label (control, ctrl, non-targeting, NT, DMSO, WT, …)"
                    .into(),
                self.labels.most_frequent(),
            ));
        }
        let used = self.labels.used();
        let is_control =
            |label: &String| Perturbation::parse(label, &format).is_ok_and(|p| p.is_control());
        if !used.iter().any(is_control) {
            return Err(no_control(
                format!("holds no label {:?}", format.control),
                format!("(nearest first) {}", nearest_first(&format.control, &used)),
            ));
        }
        Ok(format)
    }
}
