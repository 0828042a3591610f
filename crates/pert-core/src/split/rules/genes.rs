//! Rules about which genes of a combination were seen alone.

use std::collections::HashSet;

use super::{Draw, HeldOut};
use crate::Perturbation;

/// A share of the single genes; every combination of one of them stays unused.
pub(super) fn unseen_single<'a>(draw: Draw, perturbed: &[&'a Perturbation]) -> HeldOut<'a> {
    let singles: Vec<_> = perturbed.iter().copied().filter(|p| p.targets().len() == 1).collect();
    let test = draw.choose(&singles);
    let genes: HashSet<&str> = test.iter().map(|p| p.targets()[0].as_str()).collect();
    let unused = perturbed
        .iter()
        .copied()
        .filter(|p| p.targets().len() > 1 && contains_any(p, &genes))
        .collect();
    HeldOut { unused, ..HeldOut::whole(test) }
}

/// A share of the pairs both of whose genes are seen alone.
pub(super) fn both_seen<'a>(draw: Draw, perturbed: &[&'a Perturbation]) -> Vec<&'a Perturbation> {
    let alone = seen_alone(perturbed, &HashSet::new());
    let pairs: Vec<_> = perturbed
        .iter()
        .copied()
        .filter(|p| p.targets().len() == 2 && n_seen(p, &alone) == 2)
        .collect();
    draw.choose(&pairs)
}

/// Holds out genes, a random pair's at a time, until a share of the pairs has exactly `k < 2` genes seen alone: those
/// are tested. Every other perturbation of the genes held out stays unused.
pub(super) fn fewer_seen<'a>(draw: Draw, perturbed: &[&'a Perturbation], k: usize) -> HeldOut<'a> {
    let pairs: Vec<&Perturbation> =
        perturbed.iter().copied().filter(|p| p.targets().len() == 2).collect();
    let tested = |held_out: &HashSet<&str>| -> Vec<&'a Perturbation> {
        let alone = seen_alone(perturbed, held_out);
        pairs
            .iter()
            .copied()
            .filter(|p| contains_any(p, held_out) && n_seen(p, &alone) == k)
            .collect()
    };
    let n_wanted = draw.n_wanted(pairs.len());
    let mut held_out: HashSet<&str> = HashSet::new();
    for pair in draw.order(pairs.len()).into_iter().map(|i| pairs[i]) {
        let (a, b) = (pair.targets()[0].as_str(), pair.targets()[1].as_str());
        for genes in [vec![a], vec![b], vec![a, b]] {
            let n_tested = tested(&held_out).len();
            if n_tested >= n_wanted {
                break;
            }
            let mut more = held_out.clone();
            more.extend(genes);
            if tested(&more).len() > n_tested {
                held_out = more;
            }
        }
    }
    let test = tested(&held_out);
    let unused = perturbed
        .iter()
        .copied()
        .filter(|p| contains_any(p, &held_out) && !test.contains(p))
        .collect();
    HeldOut { unused, ..HeldOut::whole(test) }
}

fn contains_any(p: &Perturbation, genes: &HashSet<&str>) -> bool {
    p.targets().iter().any(|g| genes.contains(g.as_str()))
}

fn seen_alone<'a>(perturbed: &[&'a Perturbation], held_out: &HashSet<&str>) -> HashSet<&'a str> {
    perturbed
        .iter()
        .filter(|p| p.targets().len() == 1)
        .map(|p| p.targets()[0].as_str())
        .filter(|gene| !held_out.contains(gene))
        .collect()
}

fn n_seen(p: &Perturbation, alone: &HashSet<&str>) -> usize {
    p.targets().iter().filter(|g| alone.contains(g.as_str())).count()
}
