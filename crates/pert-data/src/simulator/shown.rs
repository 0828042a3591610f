//! What a model is shown of the perturbations.

use super::FeatureTable;

/// What a model is shown of the perturbations of a simulated screen; never all that decides their effects.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Shown {
    /// Of genes: features, every gene measured with a row. Half of what decides, noisy, among irrelevant columns.
    Features(FeatureTable),
    /// Of drugs: structures, by number. How a structure acts, and what no structure decides, is hidden.
    Compounds(Vec<Compound>),
    /// Of variants: the reference. How deep a residue is buried, and what its domain does, is hidden.
    Protein(ReferenceProtein),
}

/// A compound of a simulated screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compound {
    /// Its name, as in `compound-12`.
    pub name: String,
    /// Its structure.
    pub smiles: String,
}

/// The protein of a simulated screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceProtein {
    /// The gene, as in the labels of the screen.
    pub gene: String,
    /// One-letter residues without the stop.
    pub sequence: String,
}

impl Shown {
    /// How the file of it is told apart beside `FILE.h5ad`.
    ///
    /// ```
    /// use pert_data::{SimulatorConfig, simulate};
    /// let simulation = simulate(&SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1))?;
    /// assert_eq!(simulation.shown.file_ending(), "features.tsv");
    /// # Ok::<(), pert_data::SimulatorError>(())
    /// ```
    pub fn file_ending(&self) -> &'static str {
        match self {
            Self::Features(_) => "features.tsv",
            Self::Compounds(_) => "smiles.tsv",
            Self::Protein(_) => "fasta",
        }
    }
}
