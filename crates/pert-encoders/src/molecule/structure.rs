//! Molecules read from SMILES: one spelling each, and the scaffold they share with others.

use chematic_core::Molecule as Graph;
use chematic_smiles::{
    RdkitSmilesParams, SmilesParseLimits, parse_with_limits, rdkit_canonical_smiles,
    rdkit_murcko_scaffold, rdkit_smiles,
};

use crate::Error;

/// The longest SMILES read, in bytes. Time grows with the cube of the length (seconds at this one, for rings fused all along);
/// SMILES of drugs have some 50 bytes, of the largest peptide drugs 1,000.
pub const LONGEST_SMILES: usize = 2_000;

/// Bytes of a refused SMILES that an error shows.
const SHOWN: usize = 80;

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
    /// [`Error::BadSmiles`] for what is empty, longer than [`LONGEST_SMILES`], no SMILES, or a molecule that cannot be.
    pub fn parse(smiles: &str) -> Result<Self, Error> {
        let read = smiles.split_whitespace().next().unwrap_or_default();
        Self::read(read).map_err(|reason| {
            let end = read.char_indices().map(|(i, _)| i).nth(SHOWN).unwrap_or(read.len());
            let more = if end < read.len() { "…" } else { "" };
            Error::BadSmiles { smiles: format!("{}{more}", &read[..end]), reason }
        })
    }

    fn read(smiles: &str) -> Result<Self, String> {
        if smiles.is_empty() {
            return Err("it is empty".into());
        }
        if smiles.len() > LONGEST_SMILES {
            return Err(format!("of {} bytes; {LONGEST_SMILES} is the most", smiles.len()));
        }
        check_joints(smiles)?;
        let graph = graph(smiles)?;
        // The parser accepts what RDKit refuses; its writer in RDKit's manner does not.
        let canonical = rdkit_canonical_smiles(&graph).map_err(|e| e.to_string())?;
        let scaffold = scaffold_of(&graph)?;
        let group = group_of(&canonical)?;
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

/// Refuses joints that the parser skips and RDKit refuses: empty branches and parts, a bond before a branch (`C=(O)`), a
/// chirality outside brackets.
fn check_joints(smiles: &str) -> Result<(), String> {
    #[derive(Clone, Copy, PartialEq)]
    enum Behind {
        Atom,
        Open,
        Bond,
        Dot,
    }
    let (mut behind, mut in_brackets) = (Behind::Dot, false);
    for (place, c) in smiles.char_indices() {
        let nothing = |what: &str| Err(format!("{what} at byte {} joins nothing", place + 1));
        if in_brackets {
            in_brackets = c != ']';
            continue;
        }
        behind = match c {
            '@' => return Err(format!("'@' at byte {} stands outside brackets", place + 1)),
            '(' if behind != Behind::Atom => return nothing("the branch"),
            ')' if behind != Behind::Atom => return nothing("the end of a branch"),
            '.' if behind != Behind::Atom && behind != Behind::Open => return nothing("the dot"),
            '(' => Behind::Open,
            '.' => Behind::Dot,
            '-' | '=' | '#' | '$' | ':' | '/' | '\\' | '~' | '<' | '>' => Behind::Bond,
            _ => {
                in_brackets = c == '[';
                Behind::Atom
            }
        };
    }
    if behind == Behind::Atom { Ok(()) } else { Err("its end joins nothing".into()) }
}

fn graph(smiles: &str) -> Result<Graph, String> {
    let limits = SmilesParseLimits { max_input_bytes: 2 * LONGEST_SMILES, ..Default::default() };
    parse_with_limits(smiles, &limits).map_err(|e| e.to_string())
}

fn scaffold_of(graph: &Graph) -> Result<String, String> {
    let scaffold = rdkit_murcko_scaffold(graph).map_err(|e| e.to_string())?;
    if scaffold.is_empty() { Ok(scaffold) } else { flat(&scaffold) }
}

/// The canonical SMILES without stereochemistry and isotopes.
fn flat(smiles: &str) -> Result<String, String> {
    let flat = RdkitSmilesParams { isomeric: false, ..RdkitSmilesParams::default() };
    rdkit_smiles(&graph(smiles)?, &flat).map_err(|e| e.to_string())
}

fn group_of(canonical: &str) -> Result<String, String> {
    // In canonical SMILES no ring closure reaches over a dot, so each part can be read alone.
    let mut largest: Option<(usize, &str, Graph)> = None;
    for part in canonical.split('.') {
        let graph = graph(part)?;
        let n_heavy =
            graph.atoms().filter(|(_, a)| a.wildcard || a.element.atomic_number() != 1).count();
        if largest.as_ref().is_none_or(|(n, first, _)| (n_heavy, *first) > (*n, part)) {
            largest = Some((n_heavy, part, graph));
        }
    }
    let (_, part, graph) = largest.ok_or("it has no atom")?;
    let scaffold = scaffold_of(&graph)?;
    if scaffold.is_empty() { flat(part) } else { Ok(scaffold) }
}
