//! Molecules read from SMILES: one spelling each, and the scaffold they share with others.

use chematic_core::Molecule as Graph;
use chematic_smiles::{
    RdkitSmilesParams, rdkit_canonical_smiles, rdkit_murcko_scaffold, rdkit_smiles,
};

use super::morgan::SaltRule;
use super::reading::{Refusal, chemistry_refusal, graph_of, unchecked_graph, without_name};
use crate::Error;

/// A molecule that RDKit would read too.
///
/// Read is the text up to the first white space, as in SMILES files; a name or a ChemAxon extension (`|…|`) behind it is
/// left alone. Valence and aromaticity are checked: `c1cccc1` and a carbon of five bonds are refused.
///
/// ```
/// use pert_encoders::Molecule;
///
/// let ibuprofen = Molecule::parse("CC(C)CC1=CC=C(C=C1)C(C)C(=O)O")?;
/// assert_eq!(ibuprofen.canonical_smiles(), "CC(C)Cc1ccc(C(C)C(=O)O)cc1");
/// assert_eq!(ibuprofen.murcko_scaffold(), "c1ccccc1");
/// assert_eq!(ibuprofen, Molecule::parse("OC(=O)C(C)c1ccc(CC(C)C)cc1 ibuprofen")?);
/// assert!(Molecule::parse("c1cccc1").is_err());
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Molecule {
    canonical: String,
    scaffold: String,
    group: String,
}

impl Molecule {
    /// Reads a SMILES.
    ///
    /// # Errors
    /// [`Error::BadSmiles`] for what is empty, longer than [`LONGEST_SMILES`](crate::LONGEST_SMILES), no SMILES, or a molecule
    /// that cannot be; with the place in the text where it is known.
    pub fn parse(smiles: &str) -> Result<Self, Error> {
        let smiles = without_name(smiles);
        Self::read(smiles).map_err(|refusal| refusal.of(smiles))
    }

    fn read(smiles: &str) -> Result<Self, Refusal> {
        let graph = graph_of(smiles)?;
        // The parser accepts what RDKit refuses; its writer in RDKit's manner does not.
        let canonical = rdkit_canonical_smiles(&graph)
            .map_err(|e| chemistry_refusal(&graph, smiles, e.to_string()))?;
        let scaffold = scaffold_of(&graph).map_err(Refusal::whole)?;
        let group = group_of(&canonical).map_err(Refusal::whole)?;
        Ok(Self { canonical, scaffold, group })
    }

    /// The one spelling of the molecule, stereochemistry and isotopes included: that of RDKit 2026.
    pub fn canonical_smiles(&self) -> &str {
        &self.canonical
    }

    /// The Bemis–Murcko scaffold (*J. Med. Chem.* 39, 2887, 1996) as canonical SMILES without stereochemistry; empty for a
    /// molecule without rings.
    ///
    /// As RDKit's `MurckoScaffoldSmiles`: rings, what links them, and atoms with a double bond to either. Atoms that lose a
    /// neighbour get hydrogen. Of a salt, every part with rings is there.
    ///
    /// ```
    /// use pert_encoders::Molecule;
    /// let scaffold = |smiles| Molecule::parse(smiles).map(|m| m.murcko_scaffold().to_owned());
    /// assert_eq!(scaffold("CC1CCN(CC1N(C)C2=NC=NC3=C2C=CN3)C(=O)CC#N")?, "c1nc(NC2CCCNC2)c2cc[nH]c2n1");
    /// assert_eq!(scaffold("O=C1CCCCC1C")?, "O=C1CCCCC1");
    /// assert_eq!(scaffold("CCO")?, "");
    /// # Ok::<(), pert_encoders::Error>(())
    /// ```
    pub fn murcko_scaffold(&self) -> &str {
        &self.scaffold
    }

    /// What decides which drugs are held out together under the rule `scaffold`.
    ///
    /// The scaffold of the largest part (most atoms but hydrogen; among equals the first canonical SMILES), so that a salt
    /// goes with its free base. Molecules without rings share no scaffold: there it is the largest part itself, without
    /// stereochemistry, so that each is a group of its own.
    ///
    /// ```
    /// use pert_encoders::Molecule;
    /// let group = |smiles| Molecule::parse(smiles).map(|m| m.scaffold_group().to_owned());
    /// assert_eq!(group("Cc1ccccc1CCCN.Cc1ccc(cc1)S(=O)(=O)O")?, "c1ccccc1");
    /// assert_eq!(group("CCCC(CCC)C(=O)[O-].[Na+]")?, "CCCC(CCC)C(=O)[O-]");
    /// assert_ne!(group("CCO")?, group("CCN")?);
    /// # Ok::<(), pert_encoders::Error>(())
    /// ```
    pub fn scaffold_group(&self) -> &str {
        &self.group
    }
}

fn scaffold_of(graph: &Graph) -> Result<String, String> {
    let scaffold = rdkit_murcko_scaffold(graph).map_err(|e| e.to_string())?;
    if scaffold.is_empty() { Ok(scaffold) } else { flat(&scaffold) }
}

/// The canonical SMILES without stereochemistry and isotopes.
fn flat(smiles: &str) -> Result<String, String> {
    let flat = RdkitSmilesParams { isomeric: false, ..RdkitSmilesParams::default() };
    let graph = unchecked_graph(smiles).map_err(|e| e.to_string())?;
    rdkit_smiles(&graph, &flat).map_err(|e| e.to_string())
}

/// The one spelling of what the salt rule leaves of a molecule, without the scaffold that [`Molecule::parse`] also finds.
pub(super) fn canonical_of(text: &str, salts: SaltRule) -> Result<String, Error> {
    let smiles = without_name(text);
    let read = || {
        let graph = graph_of(smiles)?;
        let canonical = rdkit_canonical_smiles(&graph)
            .map_err(|e| chemistry_refusal(&graph, smiles, e.to_string()))?;
        if salts == SaltRule::AllParts || !canonical.contains('.') {
            return Ok(canonical);
        }
        let (part, _) = largest_part(&canonical).map_err(Refusal::whole)?;
        Ok(part.to_owned())
    };
    read().map_err(|refusal: Refusal| refusal.of(smiles))
}

/// The part of a canonical SMILES with most atoms but hydrogen, among equals the first bytewise, and its graph.
pub(super) fn largest_part(canonical: &str) -> Result<(&str, Graph), String> {
    // In canonical SMILES no ring closure reaches over a dot, so each part can be read alone.
    let mut largest: Option<(usize, &str, Graph)> = None;
    for part in canonical.split('.') {
        let graph = unchecked_graph(part).map_err(|e| e.to_string())?;
        let n_heavy =
            graph.atoms().filter(|(_, a)| a.wildcard || a.element.atomic_number() != 1).count();
        if largest.as_ref().is_none_or(|(n, first, _)| (n_heavy, *first) > (*n, part)) {
            largest = Some((n_heavy, part, graph));
        }
    }
    largest.map(|(_, part, graph)| (part, graph)).ok_or_else(|| "it has no atom".to_owned())
}

fn group_of(canonical: &str) -> Result<String, String> {
    let (part, graph) = largest_part(canonical)?;
    let scaffold = scaffold_of(&graph)?;
    if scaffold.is_empty() { flat(part) } else { Ok(scaffold) }
}
