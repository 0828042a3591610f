//! A protein: its sequence, and what the sequence does not show.

use std::f64::consts::TAU;

use pert_core::seeded_rng;
use rand::RngExt;

use super::amino_acids::{AMINO_ACIDS, AminoAcid};
use crate::simulator::programs::normal;

/// Residues, as KRAS has (189) and about half of TP53 (393).
pub(super) const LENGTH: usize = 200;

/// Smooth functions along the sequence that say which part of the structure a residue belongs to.
pub(super) const N_SITE: usize = 4;

/// Waves each of them is made of, and the range of their lengths in residues: from a secondary structure element to the
/// whole protein.
const N_WAVES: usize = 6;
const WAVE_LENGTHS: (f64, f64) = (20.0, 200.0);

/// Domains where the protein touches what it acts on; their centres lie anywhere, their widths (standard deviations) in
/// this range of residues.
const N_DOMAINS: usize = 3;
const DOMAIN_WIDTHS: (f64, f64) = (6.0, 15.0);

/// Importance outside all domains, relative to the middle of one.
const LEAST_IMPORTANCE: f64 = 0.1;

/// Residues per turn of an α-helix, one side of which is buried.
const HELIX_TURN: f64 = 3.6;

/// How much the log odds of being buried vary: along the sequence, around a helix, with the hydropathy of the residue
/// (hydrophobic residues are buried more often, not always), and by chance.
const BURIED_BY_REGION: f64 = 0.8;
const BURIED_BY_TURN: f64 = 1.0;
const BURIED_BY_HYDROPATHY: f64 = 1.0;
const BURIED_BY_CHANCE: f64 = 0.8;

/// Standard deviation of hydropathy over the twenty amino acids.
pub(super) const HYDROPATHY_SD: f64 = 3.0;

/// One residue in its place.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub amino_acid: &'static AminoAcid,
    /// Share of its surface turned away from water, in [0, 1].
    pub buried: f64,
    /// How much the protein's action depends on this place, in [0, 1].
    pub importance: f64,
    /// Place in the structure, each of variance 1 along the sequence.
    pub place: [f64; N_SITE],
}

/// Draws a protein, methionine first.
pub(super) fn draw_sites(seed: u64) -> Vec<Site> {
    let rng = &mut seeded_rng(seed, "simulator/protein");
    let total: f64 = AMINO_ACIDS.iter().map(|a| a.percent).sum();
    let residues: Vec<&AminoAcid> = (0..LENGTH)
        .map(|position| {
            if position == 0 {
                return methionine();
            }
            let mut left = total * rng.random::<f64>();
            let drawn = AMINO_ACIDS.iter().find(|a| {
                left -= a.percent;
                left < 0.0
            });
            drawn.unwrap_or(&AMINO_ACIDS[AMINO_ACIDS.len() - 1])
        })
        .collect();
    let places: Vec<Vec<f64>> = (0..N_SITE).map(|_| smooth(rng)).collect();
    let region = smooth(rng);
    let phase = TAU * rng.random::<f64>();
    let between = |(least, most): (f64, f64), u: f64| least + (most - least) * u;
    let domains: Vec<(f64, f64)> = (0..N_DOMAINS)
        .map(|_| {
            let centre = LENGTH as f64 * rng.random::<f64>();
            (centre, between(DOMAIN_WIDTHS, rng.random()))
        })
        .collect();
    residues
        .into_iter()
        .enumerate()
        .map(|(i, amino_acid)| {
            let at = i as f64;
            let log_odds = BURIED_BY_REGION * region[i]
                + BURIED_BY_TURN * (TAU * at / HELIX_TURN + phase).cos()
                + BURIED_BY_HYDROPATHY * amino_acid.hydropathy / HYDROPATHY_SD
                + BURIED_BY_CHANCE * normal(rng);
            let near =
                |&(centre, width): &(f64, f64)| (-((at - centre) / width).powi(2) / 2.0).exp();
            let nearest = domains.iter().map(near).fold(0.0, f64::max);
            Site {
                amino_acid,
                buried: 1.0 / (1.0 + (-log_odds).exp()),
                importance: LEAST_IMPORTANCE + (1.0 - LEAST_IMPORTANCE) * nearest,
                place: std::array::from_fn(|s| places[s][i]),
            }
        })
        .collect()
}

fn methionine() -> &'static AminoAcid {
    AMINO_ACIDS
        .iter()
        .find(|a| a.residue == pert_core::Residue::Met)
        .expect("methionine is an amino acid")
}

/// A sum of waves of random length and phase; of variance 1 in expectation.
fn smooth(rng: &mut impl rand::Rng) -> Vec<f64> {
    let amplitude = (2.0 / N_WAVES as f64).sqrt();
    let waves: Vec<(f64, f64)> = (0..N_WAVES)
        .map(|_| {
            let (least, most) = WAVE_LENGTHS;
            let length = least * (most / least).powf(rng.random());
            (TAU / length, TAU * rng.random::<f64>())
        })
        .collect();
    (0..LENGTH)
        .map(|i| {
            let at = i as f64;
            amplitude * waves.iter().map(|(k, phase)| (k * at + phase).cos()).sum::<f64>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::Residue;

    #[test]
    fn proteins_are_made_of_what_proteins_are_made_of() {
        let mut leucines = 0;
        for seed in 0..20 {
            let sites = draw_sites(seed);
            assert_eq!((sites.len(), sites[0].amino_acid.residue), (LENGTH, Residue::Met));
            leucines += sites.iter().filter(|s| s.amino_acid.residue == Residue::Leu).count();
            assert!(sites.iter().all(|s| (0.0..=1.0).contains(&s.buried)));
            assert!(sites.iter().all(|s| (LEAST_IMPORTANCE..=1.0).contains(&s.importance)));
        }
        // 9.65% of 20 × 199 residues; standard deviation 19.
        assert!((leucines as f64 - 384.0).abs() < 80.0, "{leucines}");
    }

    #[test]
    fn neighbours_share_a_place_and_hydrophobic_residues_are_buried() {
        let (mut step, mut jump, mut n) = (0.0, 0.0, 0.0);
        let (mut hydrophobic, mut polar) = (Vec::new(), Vec::new());
        for seed in 0..20 {
            let sites = draw_sites(seed);
            for i in 0..LENGTH - 50 {
                step += (sites[i].place[0] - sites[i + 1].place[0]).powi(2);
                jump += (sites[i].place[0] - sites[i + 50].place[0]).powi(2);
                n += 1.0;
            }
            for site in &sites {
                let group =
                    if site.amino_acid.hydropathy > 1.0 { &mut hydrophobic } else { &mut polar };
                group.push(site.buried);
            }
        }
        assert!(step / n < 0.1 && jump / n > 1.0, "{} {}", step / n, jump / n);
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        assert!(mean(&hydrophobic) > mean(&polar) + 0.2);
        // Not told by the residue alone.
        assert!(polar.iter().any(|&b| b > 0.8) && hydrophobic.iter().any(|&b| b < 0.4));
    }
}
