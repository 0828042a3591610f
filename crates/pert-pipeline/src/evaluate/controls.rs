//! The control cells a perturbation is compared with: those of the same covariates.

use std::collections::{BTreeMap, BTreeSet};

use pert_core::{CovariateRole, Population, shuffled_indices};
use pert_metrics::SortedProfiles;

use super::cells::Cells;
use super::evaluation_vae::rng;
use crate::Error;

/// Control cells that differential expression is tested against at most.
const TESTED_AGAINST: usize = 2_000;

/// Control cells by covariates.
pub(super) struct Controls<'a> {
    screen: &'a Population,
    reference: Vec<usize>,
    overall: Vec<f64>,
    means: BTreeMap<String, Vec<f64>>,
    seed: u64,
}

impl<'a> Controls<'a> {
    /// Groups the reference cells, which are all control.
    pub fn new(screen: &'a Population, reference: Vec<usize>, seed: u64) -> Self {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for &cell in &reference {
            groups.entry(covariate_key(screen, cell)).or_default().push(cell);
        }
        let mean = |cells: &[usize]| screen.counts().mean_log_normalised(cells);
        Self {
            screen,
            overall: mean(&reference),
            means: groups.into_iter().map(|(key, cells)| (key, mean(&cells))).collect(),
            reference,
            seed,
        }
    }

    /// Mean profile of matched controls: the covariates of these cells, in their proportions, `[n_genes]`.
    pub fn mean_for(&self, cells: &[usize]) -> Vec<f64> {
        let mut mean = vec![0.0; self.overall.len()];
        for &cell in cells {
            let key = covariate_key(self.screen, cell);
            let control = self.means.get(&key).unwrap_or(&self.overall);
            mean.iter_mut().zip(control).for_each(|(m, c)| *m += c / cells.len() as f64);
        }
        mean
    }

    /// Matched control cells: those with the covariates of any of these cells, at most [`TESTED_AGAINST`] at random;
    /// all reference cells where none matches.
    pub fn cells_for(&self, cells: &[usize]) -> Result<SortedProfiles, Error> {
        let keys: BTreeSet<String> =
            cells.iter().map(|&cell| covariate_key(self.screen, cell)).collect();
        let matches = |cell: &usize| keys.contains(&covariate_key(self.screen, *cell));
        let mut matched: Vec<usize> = self.reference.iter().copied().filter(matches).collect();
        if matched.is_empty() {
            matched.clone_from(&self.reference);
        }
        if matched.len() > TESTED_AGAINST {
            let key = keys.into_iter().collect::<Vec<_>>().join("\n");
            let order = shuffled_indices(matched.len(), &mut rng(self.seed, "controls", &key));
            matched = order[..TESTED_AGAINST].iter().map(|&i| matched[i]).collect();
            matched.sort_unstable();
        }
        let cells = Cells::from_counts(self.screen.counts(), &matched);
        Ok(SortedProfiles::new(cells.rows()?)?)
    }
}

/// The covariates of a cell but for its dose, which control cells do not have.
fn covariate_key(screen: &Population, cell: usize) -> String {
    screen
        .covariates()
        .iter()
        .filter(|c| c.role != CovariateRole::Dose)
        .map(|c| c.label(cell))
        .collect::<Vec<_>>()
        .join("\u{1f}")
}
