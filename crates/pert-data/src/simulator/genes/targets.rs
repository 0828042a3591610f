//! Which genes are perturbed, alone and in pairs.

use pert_core::{ChaCha8Rng, Perturbation, shuffled_indices};

use super::Genes;
use crate::simulator::SimulatorError;

/// The share of perturbations that hit one gene; the rest hit two. 36 of 80, near the 105 of 236 of Norman et al. 2019.
const SINGLE_SHARE: f64 = 0.45;

/// Number of genes perturbed alone. Every gene of a pair is one of them, so there are always enough to pair.
pub(crate) fn n_singles(n_perturbations: usize) -> usize {
    let mut n = ((n_perturbations as f64 * SINGLE_SHARE).round() as usize).max(1);
    // In 128 bits: the numbers come from a command line and are checked only afterwards.
    while (n as u128) * (n as u128 - 1) / 2 < (n_perturbations - n) as u128 {
        n += 1;
    }
    n
}

/// The plan of who is hit.
#[derive(Debug)]
pub(super) struct Targets {
    /// Columns of the genes perturbed alone, ascending.
    pub perturbed: Vec<usize>,
    /// Pairs of them.
    pub pairs: Vec<(usize, usize)>,
}

impl Targets {
    /// Draws genes from the columns `activatable`, and pairs of those drawn.
    pub fn draw(n_perturbations: usize, activatable: &[usize], rng: &mut ChaCha8Rng) -> Self {
        let n_singles = n_singles(n_perturbations);
        let order = shuffled_indices(activatable.len(), rng);
        let mut perturbed: Vec<usize> =
            order[..n_singles].iter().map(|&i| activatable[i]).collect();
        perturbed.sort_unstable();
        let all: Vec<(usize, usize)> = (0..n_singles)
            .flat_map(|second| (0..second).map(move |first| (first, second)))
            .map(|(first, second)| (perturbed[first], perturbed[second]))
            .collect();
        let mut chosen = shuffled_indices(all.len(), rng)[..n_perturbations - n_singles].to_vec();
        chosen.sort_unstable();
        Self { perturbed, pairs: chosen.into_iter().map(|pair| all[pair]).collect() }
    }

    /// The singles, then the pairs.
    pub fn perturbations(&self, names: &[String]) -> Result<Vec<Perturbation>, SimulatorError> {
        let format = Genes::label_format();
        let singles = self.perturbed.iter().map(|&gene| names[gene].clone());
        let pairs = self.pairs.iter().map(|&(first, second)| {
            format!("{}{}{}", names[first], format.separator, names[second])
        });
        let labels = singles.chain(pairs);
        Ok(labels.map(|l| Perturbation::parse(&l, &format)).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::seeded_rng;

    fn perturbations(n: usize, activatable: &[usize]) -> (Targets, Vec<Perturbation>) {
        let names: Vec<String> = (0..500).map(|i| format!("G{i}")).collect();
        let targets = Targets::draw(n, activatable, &mut seeded_rng(5, "test"));
        let perturbations = targets.perturbations(&names).unwrap();
        (targets, perturbations)
    }

    #[test]
    fn every_gene_of_a_pair_is_perturbed_alone_too() {
        let (targets, perturbations) = perturbations(80, &(100..500).collect::<Vec<_>>());
        assert!(targets.perturbed.iter().all(|gene| *gene >= 100));
        let mut keys: Vec<String> = perturbations.iter().map(Perturbation::key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 80);
        assert_eq!(perturbations.iter().filter(|p| p.targets().len() == 1).count(), 36);
        for pair in perturbations.iter().filter(|p| p.targets().len() == 2) {
            assert!(pair.targets().iter().all(|gene| keys.contains(gene)), "{pair}");
        }
    }

    #[test]
    fn tiny_screens_work() {
        for n in [1, 2, 3, 4, 10] {
            assert_eq!(perturbations(n, &(0..37).collect::<Vec<_>>()).1.len(), n);
        }
    }
}
