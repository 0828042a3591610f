//! The gene anchor: generated means are pulled towards the closed-form prediction, gene by gene.
//!
//! After decoding, a per-gene log scale s is found in a few rounds of
//! s += r · log((target + 0.02) / (generated + 0.02)), |s| ≤ 2, where target and generated are mean
//! log-normalised expression, and r falls from 0.8 so that the noise of the pilot cells averages out
//! (docs/equations.md, "Gene anchor").

use pert_core::{Perturbation, seeded_rng};

use crate::Error;
use crate::config::GeneAnchor;
use crate::model::{ClosedForm, Model};
use crate::predict::draw_contexts;

const ROUNDS: usize = 10;
const RATE: f64 = 0.8;
/// Rounds at the full rate; round k after them has RATE · FULL_RATE_ROUNDS / k (Robbins & Monro 1951).
const FULL_RATE_ROUNDS: usize = 3;
/// Mean log-normalised expression below which a gene is noise.
const FLOOR: f64 = 0.02;
const LARGEST: f64 = 2.0;
/// Cells of the pilot populations.
const PILOT_CELLS: usize = 1500;

/// The log scale of each gene for one perturbation, or `None` where the anchor is off.
pub(crate) fn gene_log_scale(
    model: &Model,
    p: &Perturbation,
    closed: &ClosedForm,
    seed: u64,
) -> Result<Option<Vec<f64>>, Error> {
    let wanted = match model.config.gene_anchor {
        GeneAnchor::Off => false,
        GeneAnchor::On => true,
        GeneAnchor::Auto => closed.seen.is_some() || model.means.gene_ridge_beats_the_mean(),
    };
    if !wanted {
        return Ok(None);
    }
    let mut rng = seeded_rng(seed, &format!("anchor/{}", p.key()));
    let contexts = draw_contexts(&model.context_weights(closed.seen), PILOT_CELLS, &mut rng);
    let mut target = closed.gene_shift.clone();
    for &context in &contexts {
        let base = model.means.gene.base_of(context);
        target.iter_mut().zip(base).for_each(|(t, b)| *t += b / contexts.len() as f64);
    }
    // The scale leaves g as it is, so one draw of the costly part serves all rounds.
    let g = model.draw_cells(p, closed, &contexts, &mut rng)?;
    let mut scale = vec![0.0; target.len()];
    for round in 1..=ROUNDS {
        let rate = RATE * (FULL_RATE_ROUNDS as f64 / round as f64).min(1.0);
        let (_, generated) =
            model.decode_with_mean(&g, closed, &contexts, Some(&scale), &mut rng)?;
        let generated = generated.mean();
        for (s, (t, g)) in scale.iter_mut().zip(target.iter().zip(&generated)) {
            let step = rate * ((t.max(0.0) + FLOOR) / (g + FLOOR)).ln();
            *s = (*s + step).clamp(-LARGEST, LARGEST);
        }
    }
    Ok(Some(scale))
}
