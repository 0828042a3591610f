//! Which substitutions are in a screen.

use std::num::NonZeroU32;

use pert_core::{ChaCha8Rng, Residue, Substitution, shuffled_indices};

use super::amino_acids::{AMINO_ACIDS, N_AMINO_ACIDS};
use super::protein::{LENGTH, Site};

/// Share of synonymous variants, and of stops: as many of either as tell what "nothing" and "everything" looks like.
const SYNONYMOUS_SHARE: f64 = 0.05;
const STOP_SHARE: f64 = 0.05;

/// Substitutions per position, where there are positions enough: some neighbours to learn from, and many positions.
const PER_POSITION: usize = 3;

/// Positions that are changed: all but the first, without which there is no protein.
const N_POSITIONS: usize = LENGTH - 1;

/// So many variants at most: all amino acids at all positions.
pub(crate) const LARGEST_SCREEN: usize = N_POSITIONS * (N_AMINO_ACIDS - 1);

/// Draws different substitutions, by position; `n` up to [`LARGEST_SCREEN`].
pub(super) fn draw_substitutions(
    n: usize,
    sites: &[Site],
    rng: &mut ChaCha8Rng,
) -> Vec<Substitution> {
    let share = |share: f64| (n as f64 * share).round() as usize;
    let (n_synonymous, n_stops) = (share(SYNONYMOUS_SHARE), share(STOP_SHARE));
    let n_missense = n - n_synonymous - n_stops;
    let per_position = PER_POSITION.max(n_missense.div_ceil(N_POSITIONS));

    let mut drawn = Vec::with_capacity(n);
    let positions = shuffled_indices(N_POSITIONS, rng);
    for &position in &positions[..n_missense.div_ceil(per_position)] {
        let site = &sites[position + 1];
        let others: Vec<Residue> = AMINO_ACIDS
            .iter()
            .map(|a| a.residue)
            .filter(|&residue| residue != site.amino_acid.residue)
            .collect();
        let chosen = shuffled_indices(others.len(), rng);
        let left = n_missense - drawn.len();
        for &index in &chosen[..per_position.min(left)] {
            drawn.push(substitution(sites, position, others[index]));
        }
    }
    for &position in &shuffled_indices(N_POSITIONS, rng)[..n_synonymous] {
        drawn.push(substitution(sites, position, sites[position + 1].amino_acid.residue));
    }
    for &position in &shuffled_indices(N_POSITIONS, rng)[..n_stops] {
        drawn.push(substitution(sites, position, Residue::Stop));
    }
    drawn.sort_unstable();
    drawn
}

/// `to` at the `position`-th place behind the first.
fn substitution(sites: &[Site], position: usize, to: Residue) -> Substitution {
    let place = NonZeroU32::MIN.saturating_add(position as u32 + 1);
    Substitution::new(sites[position + 1].amino_acid.residue, place, to)
}

#[cfg(test)]
mod tests {
    use super::super::protein::draw_sites;
    use super::*;
    use pert_core::seeded_rng;
    use std::collections::BTreeMap;

    fn drawn(n: usize) -> Vec<Substitution> {
        draw_substitutions(n, &draw_sites(1), &mut seeded_rng(1, "test"))
    }

    #[test]
    fn the_library_has_what_was_asked_for() {
        for n in [1, 2, 9, 10, 160, 1_000, LARGEST_SCREEN] {
            let mut substitutions = drawn(n);
            assert_eq!(substitutions.len(), n);
            substitutions.dedup();
            assert_eq!(substitutions.len(), n);
        }
        let substitutions = drawn(160);
        let count = |of: fn(&Substitution) -> bool| substitutions.iter().filter(|s| of(s)).count();
        assert_eq!(count(Substitution::is_synonymous), 8);
        assert_eq!(count(|s| s.to() == Residue::Stop), 8);
        let mut at: BTreeMap<NonZeroU32, usize> = BTreeMap::new();
        let missense =
            substitutions.iter().filter(|s| !s.is_synonymous() && s.to() != Residue::Stop);
        missense.for_each(|s| *at.entry(s.position()).or_default() += 1);
        assert_eq!(at.len(), 48);
        assert!(at.values().all(|&n| n == PER_POSITION));
    }

    #[test]
    fn substitutions_fit_the_protein() {
        let sites = draw_sites(1);
        for s in drawn(500) {
            let position = s.position().get();
            assert!(position > 1);
            assert_eq!(sites[position as usize - 1].amino_acid.residue, s.from());
        }
    }
}
