//! Morgan fingerprints, and how alike molecules are by them.

use chematic_core::Molecule as Graph;
use chematic_fp::{RdkitMorganConfig, rdkit_morgan_bitvec, rdkit_morgan_fingerprint};
use chematic_smiles::{rdkit_canonical_smiles, rdkit_sanitized_model};
use serde::{Deserialize, Serialize};

use super::ordinary::is_ordinary;
use super::reading::{Refusal, chemistry_refusal, graph_of, without_name};
use super::structure::largest_part;
use crate::Error;

/// Bits of a Morgan fingerprint.
pub const MORGAN_BITS: usize = 2048;

/// 64-bit words of a fingerprint.
const WORDS: usize = MORGAN_BITS / 64;

/// Which parts of a salt or mixture count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaltRule {
    /// The part with most atoms but hydrogen; among equals the first canonical SMILES. It is the part by which
    /// [`Molecule::scaffold_group`](crate::Molecule::scaffold_group) goes, and what acts is hardly ever the counter-ion.
    #[default]
    LargestPart,
    /// All parts, as RDKit's fingerprint of the whole SMILES.
    AllParts,
}

/// The Morgan fingerprint of a molecule (Rogers & Hahn, *J. Chem. Inf. Model.* 50, 742, 2010): which of the environments of
/// radius 0, 1 and 2 around its atoms it has, folded to [`MORGAN_BITS`] bits, without chirality.
///
/// The bits are RDKit's (`GetMorganGenerator(radius=2, fpSize=2048)`), those of the molecule as written where
/// [`SaltRule::AllParts`] is chosen.
///
/// ```
/// use pert_encoders::{MorganFingerprint, SaltRule};
///
/// let parse = |smiles| MorganFingerprint::parse(smiles, SaltRule::LargestPart);
/// let (aspirin, salicylate) = (parse("CC(=O)Oc1ccccc1C(=O)O")?, parse("[Na+].[O-]C(=O)c1ccccc1O")?);
/// assert_eq!(aspirin.on_bits().count(), 24);
/// assert!(aspirin.tanimoto(&salicylate) > aspirin.tanimoto(&parse("CCCCCC")?));
/// assert_eq!(salicylate, parse("OC1=CC=CC=C1C(=O)[O-]")?);
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MorganFingerprint {
    words: [u64; WORDS],
}

impl MorganFingerprint {
    /// Reads a SMILES, up to the first white space.
    ///
    /// It is several times faster than [`Molecule::parse`](crate::Molecule::parse), which also writes the one spelling, and
    /// refuses the same texts.
    ///
    /// # Errors
    /// [`Error::BadSmiles`].
    pub fn parse(smiles: &str, salts: SaltRule) -> Result<Self, Error> {
        with_graph(smiles, salts, |graph| {
            let bits = rdkit_morgan_bitvec(graph, &RdkitMorganConfig::default())
                .map_err(|e| Refusal::whole(e.to_string()))?;
            let mut words = [0; WORDS];
            for (word, bytes) in words.iter_mut().zip(bits.to_le_bytes().as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            Ok(Self { words })
        })
    }

    /// The bits that are set, ascending.
    pub fn on_bits(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(place, &word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| place * 64 + bit)
        })
    }

    /// |A ∩ B| / |A ∪ B| of the bits set (Tanimoto, also called Jaccard), in [0, 1]; 0 when neither has any.
    pub fn tanimoto(&self, other: &Self) -> f64 {
        let shared = self.shared(other);
        ratio(shared, self.n_on() + other.n_on() - shared)
    }

    fn n_on(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    fn shared(&self, other: &Self) -> u32 {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones()).sum()
    }
}

fn ratio(shared: u32, either: u32) -> f64 {
    if either == 0 { 0.0 } else { f64::from(shared) / f64::from(either) }
}

/// [`MorganFingerprint::tanimoto`] of each of `rows` to each of `columns`, `[rows.len(), columns.len()]` row-major.
///
/// ```
/// use pert_encoders::{MorganFingerprint, SaltRule, tanimoto_matrix};
/// let drugs = ["CCO", "CCN", "c1ccccc1"]
///     .map(|smiles| MorganFingerprint::parse(smiles, SaltRule::AllParts))
///     .into_iter()
///     .collect::<Result<Vec<_>, _>>()?;
/// let kernel = tanimoto_matrix(&drugs, &drugs); // [3, 3]
/// assert_eq!([kernel[0], kernel[1]], [1.0, kernel[3]]);
/// # Ok::<(), pert_encoders::Error>(())
/// ```
pub fn tanimoto_matrix(rows: &[MorganFingerprint], columns: &[MorganFingerprint]) -> Vec<f64> {
    let on: Vec<u32> = columns.iter().map(MorganFingerprint::n_on).collect();
    let mut matrix = Vec::with_capacity(rows.len() * columns.len());
    for row in rows {
        let n_on = row.n_on();
        matrix.extend(columns.iter().zip(&on).map(|(column, other)| {
            let shared = row.shared(column);
            ratio(shared, n_on + other - shared)
        }));
    }
    matrix
}

/// How often each bit of a [`MorganFingerprint`] is set: RDKit's `GetCountFingerprint`.
///
/// ```
/// use pert_encoders::{MorganCounts, MorganFingerprint, SaltRule};
/// let hexane = MorganCounts::parse("CCCCCC", SaltRule::AllParts)?;
/// // Two ends, two atoms beside them and two in the middle, each with the environments around.
/// assert_eq!(hexane.counts().iter().map(|&(_, count)| count).max(), Some(4));
/// let bits = MorganFingerprint::parse("CCCCCC", SaltRule::AllParts)?;
/// assert!(hexane.counts().iter().map(|&(bit, _)| bit).eq(bits.on_bits()));
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MorganCounts {
    counts: Vec<(usize, u32)>,
}

impl MorganCounts {
    /// Reads a SMILES, up to the first white space.
    ///
    /// # Errors
    /// [`Error::BadSmiles`].
    pub fn parse(smiles: &str, salts: SaltRule) -> Result<Self, Error> {
        with_graph(smiles, salts, |graph| {
            let found = rdkit_morgan_fingerprint(graph, &RdkitMorganConfig::default())
                .map_err(|e| Refusal::whole(e.to_string()))?;
            let mut counts: Vec<(usize, u32)> = found.folded_counts.into_iter().collect();
            counts.sort_unstable();
            Ok(Self { counts })
        })
    }

    /// The bits that are set, ascending, each with the number of environments that set it.
    pub fn counts(&self) -> &[(usize, u32)] {
        &self.counts
    }
}

/// The graph of a molecule that RDKit would accept, reduced by the salt rule, to `use_it`.
fn with_graph<T>(
    text: &str,
    salts: SaltRule,
    use_it: impl FnOnce(&Graph) -> Result<T, Refusal>,
) -> Result<T, Error> {
    let smiles = without_name(text);
    let run = || {
        let graph = graph_of(smiles)?;
        let refused = |e: String| chemistry_refusal(&graph, smiles, e);
        if salts == SaltRule::LargestPart && smiles.contains('.') {
            let canonical = rdkit_canonical_smiles(&graph).map_err(|e| refused(e.to_string()))?;
            let (_, largest) = largest_part(&canonical).map_err(Refusal::whole)?;
            return use_it(&largest);
        }
        // The parser accepts what RDKit refuses; RDKit's sanitization does not.
        if !is_ordinary(&graph) {
            rdkit_sanitized_model(&graph).map_err(|e| refused(e.to_string()))?;
        }
        use_it(&graph)
    };
    run().map_err(|refusal| refusal.of(smiles))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(smiles: &str) -> MorganFingerprint {
        MorganFingerprint::parse(smiles, SaltRule::LargestPart).unwrap()
    }

    #[test]
    fn of_a_salt_the_largest_part_counts_wherever_it_stands() {
        let free = parse("Cc1ccccc1CCCN");
        for salt in ["Cc1ccccc1CCCN.Cl", "Cl.Cc1ccccc1CCCN.O"] {
            assert_eq!(parse(salt), free, "{salt}");
            assert_ne!(MorganFingerprint::parse(salt, SaltRule::AllParts).unwrap(), free, "{salt}");
        }
        // A ring closure over a dot joins what stands on both sides of it.
        assert_eq!(parse("C1.N.CCCCO1"), parse("COCCCC"));
    }

    #[test]
    fn similarity_is_symmetric_and_one_with_itself() {
        let drugs = ["CCO", "CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1", "CN1CCCC1c1cccnc1"].map(parse);
        let matrix = tanimoto_matrix(&drugs, &drugs);
        for (i, drug) in drugs.iter().enumerate() {
            assert_eq!(matrix[i * 4 + i], 1.0);
            for (j, other) in drugs.iter().enumerate() {
                let value = drug.tanimoto(other);
                assert_eq!(matrix[i * 4 + j], value);
                assert_eq!(matrix[j * 4 + i], value);
                assert!((0.0..=1.0).contains(&value));
            }
        }
    }
}
