//! The control cells a perturbation is compared with: those of the same covariates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// Group of every cell of the screen.
    group_of: Vec<usize>,
    groups: Vec<Group>,
    /// Cells already sorted, by the covariates they were asked for. Most perturbations ask for the same.
    sorted: Mutex<BTreeMap<String, Arc<SortedProfiles>>>,
    seed: u64,
}

/// The control cells of one combination of covariates.
struct Group {
    key: String,
    cells: Vec<usize>,
    /// Mean profile, `[n_genes]`; none without cells.
    mean: Option<Vec<f64>>,
}

impl<'a> Controls<'a> {
    /// Groups the reference cells, which are all control.
    pub fn new(screen: &'a Population, reference: Vec<usize>, seed: u64) -> Self {
        let mut place: BTreeMap<String, usize> = BTreeMap::new();
        let group_of: Vec<usize> = (0..screen.n_cells())
            .map(|cell| {
                let next = place.len();
                *place.entry(covariate_key(screen, cell)).or_insert(next)
            })
            .collect();
        let mut groups: Vec<Group> = vec![String::new(); place.len()]
            .into_iter()
            .map(|key| Group { key, cells: Vec::new(), mean: None })
            .collect();
        place.into_iter().for_each(|(key, group)| groups[group].key = key);
        reference.iter().for_each(|&cell| groups[group_of[cell]].cells.push(cell));
        let mean = |cells: &[usize]| screen.counts().mean_log_normalised(cells);
        for group in groups.iter_mut().filter(|group| !group.cells.is_empty()) {
            group.mean = Some(mean(&group.cells));
        }
        let (overall, sorted) = (mean(&reference), Mutex::default());
        Self { screen, reference, overall, group_of, groups, sorted, seed }
    }

    /// Mean profile of matched controls: the covariates of these cells, in their proportions, `[n_genes]`.
    pub fn mean_for(&self, cells: &[usize]) -> Vec<f64> {
        let mut mean = vec![0.0; self.overall.len()];
        for &cell in cells {
            let control = self.groups[self.group_of[cell]].mean.as_ref().unwrap_or(&self.overall);
            mean.iter_mut().zip(control).for_each(|(m, c)| *m += c / cells.len() as f64);
        }
        mean
    }

    /// Matched control cells: those with the covariates of any of these cells, at most [`TESTED_AGAINST`] at random;
    /// all reference cells where none matches.
    pub fn cells_for(&self, cells: &[usize]) -> Result<Arc<SortedProfiles>, Error> {
        let groups: BTreeSet<(&str, usize)> = cells
            .iter()
            .map(|&cell| (self.groups[self.group_of[cell]].key.as_str(), self.group_of[cell]))
            .collect();
        let key = groups.iter().map(|(key, _)| *key).collect::<Vec<_>>().join("\n");
        // Not held while sorting, which runs on the threads that ask.
        let known = |sorted: &BTreeMap<String, Arc<SortedProfiles>>| sorted.get(&key).cloned();
        if let Some(sorted) = known(&self.sorted.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(sorted);
        }
        let mut matched: Vec<usize> = groups
            .iter()
            .flat_map(|&(_, group)| self.groups[group].cells.iter().copied())
            .collect();
        matched.sort_unstable();
        if matched.is_empty() {
            matched.clone_from(&self.reference);
        }
        if matched.len() > TESTED_AGAINST {
            let order = shuffled_indices(matched.len(), &mut rng(self.seed, "controls", &key));
            matched = order[..TESTED_AGAINST].iter().map(|&i| matched[i]).collect();
            matched.sort_unstable();
        }
        let cells = Cells::from_counts(self.screen.counts(), &matched);
        let sorted = Arc::new(SortedProfiles::new(cells.rows()?)?);
        let mut kept = self.sorted.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, sorted.clone());
        Ok(sorted)
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
