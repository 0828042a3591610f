//! Shifts in the space of latent programs, and the normal draws they are made of.

use rand_distr::{Distribution, StandardNormal};

/// Latent programs: screens of this size are commonly described by about ten.
pub(super) const N_PROGRAMS: usize = 10;

/// Root mean square of what a perturbation's description decides of its shift of one program, in units of log expression
/// per unit loading. All kinds of screens share it, and differ in how often a perturbation reaches it.
pub(super) const EFFECT_SCALE: f64 = 0.75;

/// Root mean square of a perturbation's own shift that nothing explains, same units.
pub(super) const UNEXPLAINED_SCALE: f64 = 0.25;

/// Root mean square of the response common to all perturbations of a screen (stress), same units. Real screens have one:
/// the mean over perturbations already predicts part of any of them.
pub(super) const COMMON_SCALE: f64 = 0.25;

/// A shift of every program.
pub(super) type Programs = [f64; N_PROGRAMS];

pub(super) fn normal(rng: &mut impl rand::Rng) -> f64 {
    StandardNormal.sample(rng)
}

pub(super) fn normals<const N: usize>(rng: &mut impl rand::Rng, sd: f64) -> [f64; N] {
    std::array::from_fn(|_| sd * normal(rng))
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(super) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

pub(super) fn add(total: &mut Programs, other: &Programs, weight: f64) {
    total.iter_mut().zip(other).for_each(|(t, o)| *t += weight * o);
}
