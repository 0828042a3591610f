//! What a compound does at a dose, as a function of its structure.

use pert_core::seeded_rng;

use super::fragments::{
    N_OF_SCAFFOLD, N_OF_SUBSTITUENT, scaffold_descriptors, substituent_descriptors,
};
use super::library::Structure;
use crate::simulator::network::Network;
use crate::simulator::programs::{
    COMMON_SCALE, EFFECT_SCALE, N_PROGRAMS, Programs, UNEXPLAINED_SCALE, add, normal, normals,
};

/// Scaffold, both substituents, and the products of what the two substituents have: their interaction.
const N_DESCRIPTORS: usize = N_OF_SCAFFOLD + 3 * N_OF_SUBSTITUENT;

/// Mean of log₁₀ EC50 in nM: 1 µM, in the upper half of the doses of sci-Plex, where most compounds that act begin to.
const LOG_EC50_MEAN: f64 = 3.0;

/// Standard deviations of log₁₀ EC50: what structure decides, and what it does not. Together 0.8: two thirds of the
/// compounds lie between 160 nM and 6 µM.
const LOG_EC50_STRUCTURE_SD: f64 = 0.7;
const LOG_EC50_UNEXPLAINED_SD: f64 = 0.4;

/// Standard deviation of a compound's log strength at saturating dose (uptake, efficacy), which no structure tells here. With
/// potencies as above, the squared shifts of the compounds are about as uneven as those of sci-Plex, whose energy distances
/// to vehicle have a 95th percentile of 4.3 times the median (188 compounds, scPerturb).
const STRENGTH_LOG_SD: f64 = 0.45;

/// From structures to effects.
#[derive(Debug, Clone)]
pub(super) struct Pharmacology {
    seed: u64,
    scaffolds: Vec<[f64; N_OF_SCAFFOLD]>,
    substituents: Vec<[f64; N_OF_SUBSTITUENT]>,
    /// Response of a cell to any active compound.
    common: Programs,
    /// From descriptors to the shift of programs at saturating dose.
    action: Network<N_PROGRAMS>,
    /// From descriptors to log₁₀ EC50, centred.
    potency: Network<1>,
}

/// What a compound does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Action {
    /// Shift of programs at saturating dose.
    pub saturating: Programs,
    /// The dose of half the effect, in nM.
    pub ec50_nm: f64,
}

impl Pharmacology {
    pub fn draw(seed: u64) -> Self {
        let mut rng = seeded_rng(seed, "simulator/drugs");
        Self {
            seed,
            scaffolds: scaffold_descriptors(),
            substituents: substituent_descriptors(),
            common: normals(&mut rng, COMMON_SCALE),
            action: Network::draw(N_DESCRIPTORS, EFFECT_SCALE, &mut rng),
            potency: Network::draw(N_DESCRIPTORS, LOG_EC50_STRUCTURE_SD, &mut rng),
        }
    }

    /// What a structure does, whether or not the screen holds it.
    pub fn action(&self, structure: Structure) -> Action {
        let descriptors = self.descriptors(structure);
        // A stream per structure: what is not explained belongs to the compound, not to the order of drawing.
        let mut rng = seeded_rng(self.seed, "simulator/drugs/unexplained");
        rng.set_stream(structure.code());
        let own: Programs = normals(&mut rng, UNEXPLAINED_SCALE);
        let strength = (STRENGTH_LOG_SD * normal(&mut rng)).exp();
        let mut saturating = [0.0; N_PROGRAMS];
        for part in [&self.common, &self.action.forward(&descriptors), &own] {
            add(&mut saturating, part, strength);
        }
        let log_ec50 = LOG_EC50_MEAN
            + self.potency.forward(&descriptors)[0]
            + LOG_EC50_UNEXPLAINED_SD * normal(&mut rng);
        Action { saturating, ec50_nm: 10_f64.powf(log_ec50) }
    }

    fn descriptors(&self, structure: Structure) -> [f64; N_DESCRIPTORS] {
        let scaffold = &self.scaffolds[structure.scaffold];
        let [a, b] = structure.substituents.map(|s| &self.substituents[s]);
        let mut all = [0.0; N_DESCRIPTORS];
        let products = a.iter().zip(b).map(|(a, b)| a * b);
        let parts = scaffold.iter().chain(a).chain(b).copied().chain(products);
        all.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        all
    }
}

impl Action {
    /// The shift at a dose: Hill's equation for one binding site, e(d) = e_∞ · d / (d + EC50).
    pub fn at(&self, dose_nm: f64) -> Programs {
        let occupied = dose_nm / (dose_nm + self.ec50_nm);
        self.saturating.map(|e| e * occupied)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fragments::{N_SUBSTITUENTS, SCAFFOLDS};
    use super::*;
    use crate::simulator::programs::{dot, norm};

    fn structure(scaffold: usize, a: usize, b: usize) -> Structure {
        Structure { scaffold, substituents: [a, b] }
    }

    #[test]
    fn half_the_effect_at_the_ec50_and_none_without_drug() {
        let action = Pharmacology::draw(1).action(structure(3, 4, 5));
        let (none, half, most) = (action.at(0.0), action.at(action.ec50_nm), action.at(1e15));
        assert_eq!(norm(&none), 0.0);
        approx::assert_relative_eq!(norm(&half), norm(&action.saturating) / 2.0, epsilon = 1e-12);
        approx::assert_relative_eq!(norm(&most), norm(&action.saturating), max_relative = 1e-9);
    }

    #[test]
    fn related_structures_act_alike_and_potencies_spread() {
        let (mut related, mut unrelated, mut log_ec50) = (Vec::new(), Vec::new(), Vec::new());
        for seed in 0..10 {
            let pharmacology = Pharmacology::draw(seed);
            let cosine = |x: Structure, y: Structure| {
                let (x, y) = (pharmacology.action(x).saturating, pharmacology.action(y).saturating);
                dot(&x, &y) / (norm(&x) * norm(&y))
            };
            for scaffold in 0..SCAFFOLDS.len() {
                for a in 0..N_SUBSTITUENTS {
                    let one = structure(scaffold, a, (3 * a) % N_SUBSTITUENTS);
                    log_ec50.push(pharmacology.action(one).ec50_nm.log10());
                    // Chlorine for bromine; and something else altogether.
                    related.push(cosine(structure(scaffold, 1, a), structure(scaffold, 2, a)));
                    let other = structure((scaffold + 7) % 24, (a + 5) % N_SUBSTITUENTS, 15);
                    unrelated.push(cosine(one, other));
                }
            }
        }
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (related, unrelated) = (mean(&related), mean(&unrelated));
        assert!(related > 0.6 && related < 0.97, "related {related}");
        assert!(unrelated < related - 0.3, "related {related}, unrelated {unrelated}");
        let centre = mean(&log_ec50);
        let sd = (log_ec50.iter().map(|l| (l - centre).powi(2)).sum::<f64>()
            / log_ec50.len() as f64)
            .sqrt();
        assert!((2.6..3.4).contains(&centre) && (0.6..1.1).contains(&sd), "{centre} ± {sd}");
    }
}
