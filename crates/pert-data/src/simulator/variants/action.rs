//! What a substitution does to the protein, and the protein to the cell.

use pert_core::{Residue, Substitution, seeded_rng};

use super::amino_acids::{AminoAcid, amino_acid};
use super::protein::{HYDROPATHY_SD, N_SITE, Site};
use crate::simulator::network::Network;
use crate::simulator::programs::{
    EFFECT_SCALE, N_PROGRAMS, Programs, UNEXPLAINED_SCALE, add, normals,
};

/// RT at 37 °C, kcal/mol.
const RT: f64 = 0.616;

/// Stability of the reference (ΔG of unfolding), kcal/mol: the lower end of natural proteins (3 to 10; Tokuriki and Tawfik
/// 2009), where those of deep mutational scans must lie for so many substitutions to matter.
const STABILITY: f64 = 3.0;

/// Loss of stability (ΔΔG, kcal/mol) by a substitution of a fully buried residue: per Å³ of volume gained or lost (24 to 33
/// cal/mol for a cavity; Eriksson et al. 1992), per unit of hydropathy lost, and per charge.
const PER_VOLUME: f64 = 0.03;
const PER_HYDROPATHY: f64 = 0.3;
const PER_CHARGE: f64 = 1.5;

/// Loss of stability by a proline where there was none (3 to 4 kcal/mol within a helix, less elsewhere).
const PER_PROLINE: f64 = 2.5;

/// Loss of stability per 100 of Grantham's distance, wherever the residue is.
const PER_DISTANCE: f64 = 0.3;

/// Volume and Grantham's distance of a common change, as units of what the network is given.
const VOLUME_UNIT: f64 = 45.0;
const DISTANCE_UNIT: f64 = 100.0;

/// Place, buriedness, and five numbers of the change.
const N_DESCRIPTORS: usize = N_SITE + 1 + 5;

/// From substitutions to effects.
#[derive(Debug, Clone)]
pub(super) struct ProteinAction {
    seed: u64,
    /// What a cell does without the protein.
    loss: Programs,
    /// From place and change to how a protein that holds together acts otherwise than the reference.
    change: Network<N_PROGRAMS>,
}

impl ProteinAction {
    pub fn draw(seed: u64) -> Self {
        let mut rng = seeded_rng(seed, "simulator/variants");
        Self {
            seed,
            loss: normals(&mut rng, EFFECT_SCALE),
            change: Network::draw(N_DESCRIPTORS, EFFECT_SCALE, &mut rng),
        }
    }

    /// The shift of programs by a substitution at a site: none if synonymous, that of the missing protein by a stop, and
    ///
    /// e = f·(importance · g(place, change) + u) + (1 − f)·loss
    ///
    /// otherwise, where f is the share of the protein that is folded and u is not explained.
    pub fn shift(&self, site: &Site, substitution: &Substitution) -> Programs {
        if substitution.is_synonymous() {
            return [0.0; N_PROGRAMS];
        }
        let Some(to) = amino_acid(substitution.to()) else {
            return self.loss;
        };
        let folded = folded(loss_of_stability(site, to));
        let acts = self.change.forward(&descriptors(site, to));
        // A stream per substitution: what is not explained belongs to it, not to the order of drawing.
        let mut rng = seeded_rng(self.seed, "simulator/variants/unexplained");
        let index = Residue::ALL.iter().position(|r| *r == substitution.to()).unwrap_or_default();
        let position = u64::from(substitution.position().get());
        rng.set_stream(position * Residue::ALL.len() as u64 + index as u64);
        let own: Programs = normals(&mut rng, UNEXPLAINED_SCALE);
        let mut shift = [0.0; N_PROGRAMS];
        add(&mut shift, &acts, folded * site.importance);
        add(&mut shift, &own, folded);
        add(&mut shift, &self.loss, 1.0 - folded);
        shift
    }
}

/// ΔΔG of putting `to` at a site, kcal/mol, positive where stability is lost.
fn loss_of_stability(site: &Site, to: &AminoAcid) -> f64 {
    let from = site.amino_acid;
    let is_proline = |a: &AminoAcid| f64::from(u8::from(a.residue == Residue::Pro));
    let within = PER_VOLUME * (to.volume - from.volume).abs()
        + PER_HYDROPATHY * (from.hydropathy - to.hydropathy).max(0.0)
        + PER_CHARGE * (to.charge - from.charge).abs();
    site.buried * within
        + PER_PROLINE * is_proline(to)
        + PER_DISTANCE * from.distance(to) / DISTANCE_UNIT
}

/// Share of a protein that keeps its fold, relative to the reference: two states in equilibrium,
/// (1 + exp(−ΔG/RT)) / (1 + exp((ΔΔG − ΔG)/RT)).
fn folded(loss_of_stability: f64) -> f64 {
    let unfolded = |loss: f64| ((loss - STABILITY) / RT).exp();
    (1.0 + unfolded(0.0)) / (1.0 + unfolded(loss_of_stability))
}

fn descriptors(site: &Site, to: &AminoAcid) -> [f64; N_DESCRIPTORS] {
    let from = site.amino_acid;
    let mut all = [0.0; N_DESCRIPTORS];
    all[..N_SITE].copy_from_slice(&site.place);
    all[N_SITE..].copy_from_slice(&[
        2.0 * (2.0 * site.buried - 1.0),
        (to.hydropathy - from.hydropathy) / (std::f64::consts::SQRT_2 * HYDROPATHY_SD),
        (to.volume - from.volume) / VOLUME_UNIT,
        to.charge - from.charge,
        f64::from(u8::from(to.residue == Residue::Pro)),
        from.distance(to) / DISTANCE_UNIT,
    ]);
    all
}

#[cfg(test)]
mod tests {
    use super::super::amino_acids::AMINO_ACIDS;
    use super::super::protein::draw_sites;
    use super::*;
    use crate::simulator::programs::norm;
    use std::num::NonZeroU32;

    fn substitution(site: &Site, position: u32, to: Residue) -> Substitution {
        Substitution::new(site.amino_acid.residue, NonZeroU32::new(position).unwrap(), to)
    }

    #[test]
    fn synonymous_changes_do_nothing_and_stops_take_the_protein_away() {
        let (sites, action) = (draw_sites(1), ProteinAction::draw(1));
        for (site, position) in sites.iter().zip(1..) {
            let same = substitution(site, position, site.amino_acid.residue);
            assert_eq!(norm(&action.shift(site, &same)), 0.0);
            let stop = action.shift(site, &substitution(site, position, Residue::Stop));
            assert_eq!(stop, action.loss);
        }
    }

    #[test]
    fn stability_is_lost_as_in_deep_mutational_scans() {
        let (mut lost, mut losses, mut between, mut total) = (0.0, Vec::new(), 0.0, 0.0);
        for seed in 0..20 {
            let of_sites: Vec<Vec<f64>> = draw_sites(seed)
                .iter()
                .map(|site| {
                    let others =
                        AMINO_ACIDS.iter().filter(|a| a.residue != site.amino_acid.residue);
                    others.map(|to| loss_of_stability(site, to)).collect()
                })
                .collect();
            let folded_at: Vec<Vec<f64>> =
                of_sites.iter().map(|l| l.iter().map(|&l| folded(l)).collect()).collect();
            let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
            let grand = mean(&folded_at.concat());
            for at in &folded_at {
                between += at.len() as f64 * (mean(at) - grand).powi(2);
                total += at.iter().map(|f| (f - grand).powi(2)).sum::<f64>();
                lost += at.iter().filter(|&&f| f < 0.5).count() as f64;
            }
            losses.extend(of_sites.concat());
        }
        let n = losses.len() as f64;
        let mean = losses.iter().sum::<f64>() / n;
        let sd = (losses.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / n).sqrt();
        // Tokuriki et al. 2007: ΔΔG of about 1 ± 1.7 kcal/mol over all substitutions of 21 proteins.
        assert!((0.6..2.2).contains(&mean) && (0.8..2.2).contains(&sd), "{mean} ± {sd}");
        // KRAS (Weng et al. 2024): a fifth to a quarter of the substitutions lose half of abundance or binding, and 40% of
        // the variance of either lies between positions.
        let (lost, between) = (lost / n, between / total);
        assert!((0.12..0.4).contains(&lost), "{lost}");
        assert!((0.25..0.6).contains(&between), "{between}");
    }

    #[test]
    fn unfolding_is_gradual_around_the_stability() {
        assert_eq!(folded(0.0), 1.0);
        approx::assert_relative_eq!(folded(STABILITY), 0.5, max_relative = 0.01);
        assert!(folded(STABILITY + 5.0 * RT) < 0.01);
    }
}
