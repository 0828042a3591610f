//! Which compounds are in a screen, at which doses.

use pert_core::{ChaCha8Rng, shuffled_indices};

use super::fragments::{N_SUBSTITUENTS, SCAFFOLDS, smiles};

/// Doses in nM: the upper three of the four of sci-Plex (Srivatsan et al. 2020); at the least most compounds do nothing.
pub(super) const DOSES_NM: [f64; 3] = [100.0, 1_000.0, 10_000.0];

/// Compounds that a scaffold has at least, where all scaffolds cannot have more: a library follows up what it holds.
const COMPOUNDS_PER_SCAFFOLD: usize = 2;

/// A scaffold with its two substituents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Structure {
    pub scaffold: usize,
    pub substituents: [usize; 2],
}

impl Structure {
    /// Every structure that may be drawn.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SCAFFOLDS.len()).flat_map(|scaffold| {
            (0..N_SUBSTITUENTS * N_SUBSTITUENTS).map(move |pair| Self::of(scaffold, pair))
        })
    }

    fn of(scaffold: usize, pair: usize) -> Self {
        Self { scaffold, substituents: [pair / N_SUBSTITUENTS, pair % N_SUBSTITUENTS] }
    }

    /// A number of its own.
    pub fn code(self) -> u64 {
        let [a, b] = self.substituents;
        ((self.scaffold * N_SUBSTITUENTS + a) * N_SUBSTITUENTS + b) as u64
    }

    pub fn smiles(self) -> String {
        smiles(self.scaffold, self.substituents)
    }
}

/// Number of structures that may be drawn.
pub(super) fn n_structures() -> usize {
    SCAFFOLDS.len() * N_SUBSTITUENTS * N_SUBSTITUENTS
}

/// Draws different structures, spread evenly over as many scaffolds as they allow.
pub(super) fn draw_structures(n: usize, rng: &mut ChaCha8Rng) -> Vec<Structure> {
    let n_scaffolds = n.div_ceil(COMPOUNDS_PER_SCAFFOLD).min(SCAFFOLDS.len());
    let scaffolds = shuffled_indices(SCAFFOLDS.len(), rng);
    let pairs: Vec<Vec<usize>> =
        (0..n_scaffolds).map(|_| shuffled_indices(N_SUBSTITUENTS * N_SUBSTITUENTS, rng)).collect();
    (0..n)
        .map(|i| {
            let (nth, scaffold) = (i / n_scaffolds, i % n_scaffolds);
            Structure::of(scaffolds[scaffold], pairs[scaffold][nth])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::seeded_rng;
    use std::collections::HashSet;

    #[test]
    fn structures_differ_and_spread_over_scaffolds() {
        for (n, n_scaffolds) in [(1, 1), (6, 3), (80, 24), (n_structures(), 24)] {
            let drawn = draw_structures(n, &mut seeded_rng(2, "test"));
            let codes: HashSet<u64> = drawn.iter().map(|s| s.code()).collect();
            assert_eq!(codes.len(), n);
            let mut of = [0; SCAFFOLDS.len()];
            drawn.iter().for_each(|s| of[s.scaffold] += 1);
            let used: Vec<usize> = of.into_iter().filter(|&n| n > 0).collect();
            assert_eq!(used.len(), n_scaffolds);
            assert!(used.iter().max().unwrap() - used.iter().min().unwrap() <= 1);
        }
    }
}
