//! The true mean profile of a perturbation.

use pert_core::{Perturbation, TARGET_SUM, seeded_rng};

use super::Interaction;
use super::design::Context;
use super::expression::{Effect, Expression};

/// Cells that a true mean is taken over, at least. With shared random numbers the standard error of a shift is far
/// below that of the screen's own 66 cells.
const N_TRUTH_CELLS: usize = 2_000;

/// What is true of one perturbation, averaged over the batches and cell types of its cells in the screen.
///
/// E[log1p(10⁴ y/Σy)] has no closed form. It is the mean of at least 2,000 cells drawn apart from the screen's, in
/// which each context of the screen's cells occurs equally often, and with the same random numbers for every
/// perturbation: differences between two truths are much more precise than either. `rho` is averaged over the same
/// cells before counts are drawn, so it is free of counting noise.
#[derive(Debug, Clone, PartialEq)]
pub struct PerturbationTruth {
    /// The perturbation.
    pub perturbation: Perturbation,
    /// How the two genes of a pair act together; `None` for anything else.
    pub interaction: Option<Interaction>,
    /// Mean of x = log1p(10⁴ y/Σy), `[n_genes]`.
    pub log_normalised_mean: Vec<f64>,
    /// Mean normalised expression ρ, `[n_genes]`; sums to 1.
    pub rho: Vec<f64>,
}

/// Means over cells drawn in the given contexts: of x = log1p(10⁴ y/Σy), and of ρ.
pub(super) fn true_means(
    expression: &Expression,
    effect: &Effect,
    contexts: &[Context],
    seed: u64,
) -> (Vec<f64>, Vec<f64>) {
    let n_genes = expression.n_genes();
    let (mut mean_x, mut mean_rho) = (vec![0.0; n_genes], vec![0.0; n_genes]);
    let (mut counts, mut rho) = (vec![0.0; n_genes], vec![0.0; n_genes]);
    let base = seeded_rng(seed, "simulator/truth");
    let repeats = N_TRUTH_CELLS.div_ceil(contexts.len());
    let n_cells = repeats * contexts.len();
    // Sorted, so that cell i has the same context under most perturbations, beside the same random numbers.
    let mut contexts = contexts.to_vec();
    contexts.sort_unstable();
    for cell in 0..n_cells {
        let mut rng = base.clone();
        rng.set_stream(cell as u64);
        let context = contexts[cell / repeats];
        expression.draw_cell(context, effect, &mut rng, &mut counts, &mut rho);
        let library: f64 = counts.iter().map(|&y| f64::from(y)).sum();
        for (mean, &y) in mean_x.iter_mut().zip(&counts) {
            if y > 0.0 {
                *mean += (TARGET_SUM * f64::from(y) / library).ln_1p();
            }
        }
        mean_rho.iter_mut().zip(&rho).for_each(|(mean, r)| *mean += r);
    }
    for mean in mean_x.iter_mut().chain(&mut mean_rho) {
        *mean /= n_cells as f64;
    }
    (mean_x, mean_rho)
}
