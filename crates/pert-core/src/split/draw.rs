//! Random choices of a split: a Fisher–Yates shuffle of sorted candidates, exactly reproducible.

use crate::{seeded_rng, shuffled_indices};

/// The draw of a rule: its seed and the share it wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw {
    pub seed: u64,
    pub fraction: f64,
}

impl Draw {
    /// The share as a number, at least one.
    pub fn n_wanted(self, n_candidates: usize) -> usize {
        ((n_candidates as f64 * self.fraction).round() as usize).max(1)
    }

    /// The places of `n` candidates in random order.
    pub fn order(self, n: usize) -> Vec<usize> {
        shuffled_indices(n, &mut seeded_rng(self.seed, "split"))
    }

    /// A random share of sorted candidates, at least one, in sorted order.
    pub fn choose<T: Copy>(self, candidates: &[T]) -> Vec<T> {
        if candidates.is_empty() {
            return Vec::new();
        }
        let mut chosen = self.order(candidates.len())[..self.n_wanted(candidates.len())].to_vec();
        chosen.sort_unstable();
        chosen.into_iter().map(|i| candidates[i]).collect()
    }
}

/// A random share of the control cells, rounded down.
pub(super) fn choose_control(control: &[usize], share: f64, seed: u64) -> Vec<usize> {
    let n = (control.len() as f64 * share).floor() as usize;
    let order = shuffled_indices(control.len(), &mut seeded_rng(seed, "split/control"));
    order[..n].iter().map(|&i| control[i]).collect()
}
