//! Which cells of a file are read.

use pert_core::CsrCounts;

use crate::h5ad::Frame;
use crate::labels::Labels;
use crate::{Error, ReadOptions};

/// A reason for which cells are not read.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Dropped {
    /// Number of cells.
    pub n_cells: usize,
    /// Why, behind the number: "cells without any count".
    pub what: String,
    /// The filter that excludes them, if one does.
    pub filter: Option<String>,
}

/// The cells that are read, in file order, and the others by reason.
pub(crate) struct Kept {
    pub(crate) cells: Vec<usize>,
    pub(crate) dropped: Vec<Dropped>,
    n_cells: usize,
}

impl Kept {
    /// Applies the filters in turn, then leaves out cells without a label and, where counts are known, without a count.
    ///
    /// # Errors
    /// A filter of a column that does not exist or compares otherwise.
    pub(crate) fn of(
        obs: &Frame<'_>,
        labels: &Labels,
        counts: Option<&CsrCounts>,
        options: &ReadOptions,
    ) -> Result<Self, Error> {
        let n_cells = obs.index().len();
        let mut kept = Self { cells: (0..n_cells).collect(), dropped: Vec::new(), n_cells };
        for filter in &options.filters {
            let met = filter.keeps(&obs.column(filter.column())?)?;
            let text = filter.to_string();
            kept.drop_unless(&format!("cells that {text} excludes"), Some(text), |i| met[i]);
        }
        let labelled = |i: usize| labels.codes[i].is_some();
        kept.drop_unless("cells without a perturbation label", None, labelled);
        if let Some(counts) = counts {
            kept.drop_unless("cells without any count", None, |i| !counts.row(i).0.is_empty());
        }
        Ok(kept)
    }

    fn drop_unless(&mut self, what: &str, filter: Option<String>, keeps: impl Fn(usize) -> bool) {
        let before = self.cells.len();
        self.cells.retain(|&cell| keeps(cell));
        let n_cells = before - self.cells.len();
        if n_cells > 0 || filter.is_some() {
            self.dropped.push(Dropped { n_cells, what: what.to_owned(), filter });
        }
    }

    /// One sentence per reason.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut left = self.n_cells;
        let mut note = |dropped: &Dropped| {
            let before = left;
            left -= dropped.n_cells;
            match &dropped.filter {
                Some(filter) => format!("filter {filter} keeps {left} of {before} cells"),
                None => format!("{} {} dropped", dropped.n_cells, dropped.what),
            }
        };
        self.dropped.iter().map(&mut note).collect()
    }
}
