//! Simulated cells.

use pert_core::{ChaCha8Rng, CsrCounts};
use rand_distr::{Distribution, Gamma, LogNormal, Poisson};

pub const N_GENES: usize = 40;
const THETA: f64 = 2.0;

/// Gamma–Poisson cells of two states whose genes differ threefold; returns the counts and each cell's state.
pub fn simulate(n_cells: usize, rng: &mut ChaCha8Rng) -> (CsrCounts, Vec<usize>) {
    let state: Vec<usize> = (0..n_cells).map(|cell| cell % 2).collect();
    let weight = |gene: usize, state: usize| {
        let base = 0.2 + 0.1 * (gene % 8) as f64;
        if gene.is_multiple_of(3) == (state == 1) { 3.0 * base } else { base }
    };
    let library = LogNormal::new(60f64.ln(), 0.4).unwrap();
    let mut dense = Vec::with_capacity(n_cells * N_GENES);
    for &state in &state {
        let total: f64 = (0..N_GENES).map(|gene| weight(gene, state)).sum();
        let library = library.sample(rng);
        for gene in 0..N_GENES {
            let mu = library * weight(gene, state) / total;
            let rate: f64 = Gamma::new(THETA, mu / THETA).unwrap().sample(rng);
            let y: f64 = if rate > 0.0 { Poisson::new(rate).unwrap().sample(rng) } else { 0.0 };
            dense.push(y as f32);
        }
    }
    (CsrCounts::from_dense(N_GENES, &dense).unwrap(), state)
}

pub fn all(counts: &CsrCounts) -> Vec<usize> {
    (0..counts.n_cells()).collect()
}
