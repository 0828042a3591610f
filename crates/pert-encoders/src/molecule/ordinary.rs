//! Molecules that RDKit plainly accepts, told apart without its whole sanitization, which takes longer than all else.

use chematic_core::{Atom, AtomIdx, BondOrder, Element, Molecule as Graph};
use chematic_perception::ring_bond_flags_shared;

/// Twice the order of a bond in an aromatic ring, so that orders stay whole numbers.
const TWICE_AROMATIC: u32 = 3;

/// What an atom is to the double bonds of the rings.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// None of its aromatic bonds is double in any Kekulé form, or it has none.
    Single,
    /// Exactly one of them is.
    Double,
}

/// Whether every atom is of a common kind within its valence, no two are bound twice, and the aromatic rings have a Kekulé
/// form. RDKit accepts such a molecule; whether it accepts another is for its sanitization to say.
pub(super) fn is_ordinary(graph: &Graph) -> bool {
    let is_in_ring = ring_bond_flags_shared(graph);
    let roles: Option<Vec<Role>> =
        graph.atoms().map(|(i, atom)| role(graph, &is_in_ring, i, atom)).collect();
    roles.is_some_and(|roles| has_kekule_form(graph, &is_in_ring, &roles))
}

/// `None` for an atom that is not ordinary.
fn role(graph: &Graph, is_in_ring: &[bool], index: AtomIdx, atom: &Atom) -> Option<Role> {
    let hydrogens = u32::from(atom.hydrogen_count.unwrap_or(0));
    let (mut n, mut n_aromatic) = (hydrogens, 0);
    let (mut twice, mut has_double) = (2 * hydrogens, false);
    let neighbours: Vec<AtomIdx> = graph.neighbors(index).map(|(other, _)| other).collect();
    let is_twice_bound = (1..neighbours.len()).any(|i| neighbours[..i].contains(&neighbours[i]));
    if atom.wildcard || is_twice_bound || neighbours.contains(&index) {
        return None;
    }
    for (_, bond) in graph.neighbors(index) {
        n += 1;
        twice += match graph.bond(bond).order {
            BondOrder::Single | BondOrder::Up | BondOrder::Down => 2,
            BondOrder::Double => {
                has_double = true;
                4
            }
            BondOrder::Triple if !atom.aromatic => 6,
            BondOrder::Aromatic if atom.aromatic && is_in_ring[bond.0 as usize] => {
                n_aromatic += 1;
                TWICE_AROMATIC
            }
            // Between rings a bond left out is single.
            BondOrder::Aromatic if atom.aromatic => 2,
            _ => return None,
        };
    }
    let element = atom.element;
    if atom.aromatic {
        if n_aromatic < 2 {
            return None;
        }
        // Two aromatic bonds in a ring and what stands outside, or three where rings meet.
        return match (element, n) {
            (Element::C, 2 | 3) if atom.charge == 0 && has_double => Some(Role::Single),
            (Element::C, 2 | 3) if atom.charge == 0 => Some(Role::Double),
            (Element::N, 2) if atom.charge == 0 && !has_double => Some(Role::Double),
            (Element::N, 3) | (Element::O | Element::S, 2) if atom.charge == 0 && !has_double => {
                Some(Role::Single)
            }
            _ => None,
        };
    }
    let most = match (element, atom.charge) {
        (Element::C, 0) | (Element::N, 1) => 4,
        (Element::N, 0) => 3,
        (Element::O, 0) => 2,
        (Element::S, 0) => 6,
        (Element::O, -1) => 1,
        (Element::F | Element::CL | Element::BR | Element::I, 0) => 1,
        _ => return None,
    };
    (twice <= 2 * most).then_some(Role::Single)
}

/// Whether the atoms that need a double bond can be paired along aromatic bonds: a perfect matching, by augmenting paths
/// that do not look for odd cycles. Where those alone would find one, the answer is no, and RDKit's sanitization is asked.
fn has_kekule_form(graph: &Graph, is_in_ring: &[bool], roles: &[Role]) -> bool {
    let open = |atom: usize| {
        graph
            .neighbors(AtomIdx(atom as u32))
            .filter(|(_, bond)| {
                is_in_ring[bond.0 as usize] && graph.bond(*bond).order == BondOrder::Aromatic
            })
            .map(|(other, _)| other.0 as usize)
            .filter(|&other| roles[other] == Role::Double)
            .collect::<Vec<_>>()
    };
    let open: Vec<Vec<usize>> = (0..roles.len()).map(open).collect();
    let mut partner: Vec<Option<usize>> = vec![None; roles.len()];
    let mut is_met = vec![false; roles.len()];
    for (atom, &role) in roles.iter().enumerate() {
        if role == Role::Double && partner[atom].is_none() {
            is_met.fill(false);
            if !augment(&open, atom, &mut partner, &mut is_met) {
                return false;
            }
        }
    }
    true
}

/// Finds a partner for an atom among those `open` to it, giving others new ones where need be. As deep as the aromatic system is large, which the
/// longest SMILES bounds.
fn augment(
    open: &[Vec<usize>],
    atom: usize,
    partner: &mut [Option<usize>],
    is_met: &mut [bool],
) -> bool {
    is_met[atom] = true;
    for &other in &open[atom] {
        if is_met[other] {
            continue;
        }
        is_met[other] = true;
        let is_free = match partner[other] {
            None => true,
            Some(rival) => !is_met[rival] && augment(open, rival, partner, is_met),
        };
        if is_free {
            partner[atom] = Some(other);
            partner[other] = Some(atom);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::reading::graph_of;
    use super::*;

    fn ordinary(smiles: &str) -> bool {
        is_ordinary(&graph_of(smiles).unwrap())
    }

    #[test]
    fn drugs_are_ordinary() {
        for smiles in [
            "CC(=O)Oc1ccccc1C(=O)O",
            "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
            "Cc1ccc(cc1Nc2nccc(n2)c3cccnc3)NC(=O)c4ccc(cc4)CN5CCN(CC5)C",
            "CS(=O)(=O)c1ccc2[nH]c3ccccc3c2c1",
            "C[N+](C)(C)CC(=O)[O-]",
            "c1ccc2c(c1)ccc1ccccc12",
            "N#Cc1ccoc1",
            "c1ccccc1c1ccccc1",
        ] {
            assert!(ordinary(smiles), "{smiles}");
        }
    }

    #[test]
    fn what_may_be_refused_is_not_ordinary() {
        for smiles in [
            "c1cccc1",
            "CC(C)(C)(C)C",
            "c1nc(C)n1C",
            "Cn1cs1",
            "c1ccn(=O)cc1",
            "C[Zn]C",
            "*C",
            "CC#c1ccccc1",
            "[H]C",
            "CoC",
        ] {
            assert!(!ordinary(smiles), "{smiles}");
        }
    }
}
