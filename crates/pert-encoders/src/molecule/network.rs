//! What a trained network makes of molecules.

use super::SaltRule;
use super::structure::canonical_of;
use crate::Error;

/// A frozen network that turns the SMILES of a molecule into numbers: a [`SmilesVae`](crate::SmilesVae) or a
/// [`Roberta`](crate::Roberta).
///
/// It is asked by canonical SMILES, so that a molecule has one row whatever its spelling.
pub trait SmilesNetwork: Send + Sync {
    /// Width of a row.
    fn dim(&self) -> usize;

    /// What the numbers are, in one word.
    fn what(&self) -> &'static str;

    /// Whether the network can read a molecule.
    ///
    /// # Errors
    /// Why not.
    fn check_smiles(&self, canonical: &str) -> Result<(), Error>;

    /// Rows of molecules, `[canonical.len(), dim]` row-major; a row does not depend on those beside it, to the last bit.
    ///
    /// # Errors
    /// The first molecule that it cannot read, and why.
    fn encode_smiles(&self, canonical: &[&str]) -> Result<Vec<f32>, Error>;

    /// The canonical SMILES of a molecule in any spelling, if the network can read it.
    ///
    /// # Errors
    /// [`Error::BadSmiles`] for what is no molecule, and those of [`check_smiles`](Self::check_smiles).
    fn canonical(&self, smiles: &str, salts: SaltRule) -> Result<String, Error> {
        let canonical = canonical_of(smiles, salts)?;
        self.check_smiles(&canonical)?;
        Ok(canonical)
    }

    /// Something the user should know about the rows.
    fn remark(&self) -> Option<String> {
        None
    }
}
