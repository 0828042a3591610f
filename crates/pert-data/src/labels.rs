//! Perturbation labels of a file and their frequencies.

use std::collections::HashMap;

use pert_core::{GuideSuffix, LabelFormat, Perturbation};

use crate::Error;
use crate::h5ad::{Column, Frame};
use crate::nearest::listed;

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
        Ok(Self::of(obs.column(key)?))
    }

    /// A column as labels.
    pub(crate) fn of(column: Column) -> Self {
        let (levels, mut codes) = column.into_labels();
        let mut n_cells = vec![0; levels.len()];
        for code in &mut codes {
            *code = code.filter(|&code| !levels[code as usize].trim().is_empty());
            if let Some(code) = *code {
                n_cells[code as usize] += 1;
            }
        }
        Self { levels, codes, n_cells }
    }

    /// The labels that occur.
    pub(crate) fn used(&self) -> Vec<String> {
        let used = self.levels.iter().zip(&self.n_cells).filter(|(_, n)| **n > 0);
        used.map(|(level, _)| level.clone()).collect()
    }

    /// One perturbation per level that occurs, under the name of [`name`].
    pub(crate) fn parse(
        &self,
        format: &LabelFormat,
    ) -> Result<Vec<Option<Perturbation>>, pert_core::Error> {
        let levels = self.levels.iter().zip(&self.n_cells);
        let mut parsed: Vec<Option<Perturbation>> = levels
            .map(|(level, &n)| (n > 0).then(|| Perturbation::parse(level, format)).transpose())
            .collect::<Result<_, _>>()?;
        let mut spellings: HashMap<Perturbation, Vec<&str>> = HashMap::new();
        for (perturbation, level) in parsed.iter().zip(&self.levels) {
            if let Some(perturbation) = perturbation {
                spellings.entry(perturbation.clone()).or_default().push(level);
            }
        }
        for perturbation in parsed.iter_mut().flatten() {
            let name = name(perturbation, &spellings[perturbation], format);
            *perturbation = Perturbation::parse(&name, format)?;
        }
        Ok(parsed)
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

/// How a perturbation is called: by its label, or by the canonical one where the file has several, and where the label is that
/// of one guide of a gene.
pub(crate) fn name(perturbation: &Perturbation, labels: &[&str], format: &LabelFormat) -> String {
    match labels {
        [label] if format.guide_suffix == GuideSuffix::Keep => label.trim().to_owned(),
        _ => perturbation.canonical(format),
    }
}
