//! What perturbations share, held out together: positions of a protein, groups of drugs.

use std::collections::BTreeSet;

use super::{Draw, HeldOut};
use crate::Perturbation;

/// Holds out a share of the units that some perturbation touches alone.
///
/// Tested are the perturbations all of whose units are held out. Those with some held out and some kept stay unused:
/// in training they would show a held-out unit, in test they would be half known. Those without units are kept.
pub(super) fn hold_out<'a, U: Ord + Copy>(
    draw: Draw,
    perturbed: &[&'a Perturbation],
    units_of: &[BTreeSet<U>],
) -> HeldOut<'a> {
    let alone: BTreeSet<U> =
        units_of.iter().filter(|units| units.len() == 1).flatten().copied().collect();
    let candidates: Vec<U> = alone.into_iter().collect();
    let held_out: BTreeSet<U> = draw.choose(&candidates).into_iter().collect();
    let mut decided = HeldOut::default();
    for (p, units) in perturbed.iter().zip(units_of) {
        if units.is_disjoint(&held_out) {
            continue;
        }
        if units.is_subset(&held_out) {
            decided.test.push(*p);
        } else {
            decided.unused.insert(*p);
        }
    }
    decided
}
