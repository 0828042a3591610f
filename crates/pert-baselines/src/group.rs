//! Training cells of one kind, and where they lie.

use std::collections::BTreeMap;

use pert_core::Population;

use crate::StratumId;
use crate::stratum::Strata;

/// Training cells of one perturbation, of control, or of all perturbations.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    rows: Vec<usize>,
    mean: Vec<f64>,
    by_stratum: Vec<(StratumId, Vec<usize>)>,
}

impl Group {
    pub fn new(screen: &Population, strata: &Strata, rows: Vec<usize>) -> Self {
        let mut by_stratum: BTreeMap<StratumId, Vec<usize>> = BTreeMap::new();
        for &row in &rows {
            let stratum = strata.of(screen, row).expect("every training cell has a stratum");
            by_stratum.entry(stratum).or_default().push(row);
        }
        let mean = screen.counts().mean_log_normalised(&rows);
        Self { rows, mean, by_stratum: by_stratum.into_iter().collect() }
    }

    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Mean log-normalised profile, `[n_genes]`: a stratum counts by its cells.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The strata it has cells in, with their rows, in order.
    pub fn by_stratum(&self) -> &[(StratumId, Vec<usize>)] {
        &self.by_stratum
    }

    /// Its rows in one stratum; none where the stratum has no training cell at all.
    pub fn rows_in(&self, stratum: Option<StratumId>) -> &[usize] {
        let place = |id| self.by_stratum.binary_search_by_key(&id, |(of_rows, _)| *of_rows).ok();
        stratum.and_then(place).map_or(&[], |at| self.by_stratum[at].1.as_slice())
    }

    /// Mean profile per stratum, `[n_strata]`; `None` where it has no cells.
    pub fn stratum_means(&self, screen: &Population, n_strata: usize) -> Vec<Option<Vec<f64>>> {
        let mut means = vec![None; n_strata];
        for (stratum, rows) in &self.by_stratum {
            means[stratum.index()] = Some(screen.counts().mean_log_normalised(rows));
        }
        means
    }
}
