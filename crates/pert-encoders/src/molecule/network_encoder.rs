//! A SMILES network as an encoder of drugs.

use std::collections::BTreeMap;

use pert_core::DrugDose;

use super::drug_encoder::{DoseRule, InvalidDrug, unknown_drug};
use super::network::SmilesNetwork;
use super::{MoleculeError, SaltRule};
use crate::{Error, TargetEncoder};

/// Drugs as the rows of a [`SmilesNetwork`], frozen; where doses count, log(1 + dose in nM) stands behind them.
///
/// The drugs are encoded once, when it is made.
///
/// ```
/// use burn::tensor::Device;
/// use pert_encoders::{InvalidDrug, Roberta, SaltRule, SmilesNetworkEncoder, TargetEncoder};
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/roberta/pairs");
/// let network = Roberta::load(folder, &Device::default())?; // say, a folder of ChemBERTa
/// let drugs = [("aspirin", "CC(=O)Oc1ccccc1C(=O)O"), ("ethanol", "OCC")];
/// let encoder =
///     SmilesNetworkEncoder::new(&network, drugs, SaltRule::LargestPart, InvalidDrug::Error)?;
/// assert_eq!(encoder.encode_targets(&["ethanol", "aspirin"])?.len(), 2 * network.width());
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SmilesNetworkEncoder {
    width: usize,
    dose: DoseRule,
    rows: BTreeMap<String, Vec<f64>>,
    skipped: Vec<(String, String)>,
}

impl SmilesNetworkEncoder {
    /// Encodes drugs, given as names without dose and SMILES. Of a name that stands twice the last is kept.
    ///
    /// # Errors
    /// [`MoleculeError::BadDrug`] for the first that is no molecule, or one that the network cannot read, unless such drugs are
    /// skipped.
    pub fn new<N: Into<String>, S: AsRef<str>>(
        network: &dyn SmilesNetwork,
        drugs: impl IntoIterator<Item = (N, S)>,
        salts: SaltRule,
        invalid: InvalidDrug,
    ) -> Result<Self, Error> {
        let (mut names, mut molecules, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        for (drug, smiles) in drugs {
            let drug = drug.into();
            match network.canonical(smiles.as_ref(), salts) {
                Ok(canonical) => {
                    names.push(drug);
                    molecules.push(canonical);
                }
                Err(problem) if invalid == InvalidDrug::Skip => {
                    skipped.push((drug, problem.to_string()));
                }
                Err(problem) => {
                    let problem = problem.to_string();
                    return Err(MoleculeError::BadDrug { drug, problem }.into());
                }
            }
        }
        let molecules: Vec<&str> = molecules.iter().map(String::as_str).collect();
        let (width, values) = (network.dim(), network.encode_smiles(&molecules)?);
        let rows =
            values.chunks_exact(width).map(|row| row.iter().copied().map(f64::from).collect());
        Ok(Self {
            width,
            dose: DoseRule::None,
            rows: names.into_iter().zip(rows).collect(),
            skipped,
        })
    }

    /// With the dose as a number behind each row; every target must then have one.
    pub fn with_dose(self) -> Self {
        Self { dose: DoseRule::Each, ..self }
    }

    /// Names and refusals of the drugs left out by [`InvalidDrug::Skip`].
    pub fn skipped(&self) -> &[(String, String)] {
        &self.skipped
    }

    fn read(&self, target: &str) -> Result<(&[f64], f64), Error> {
        let dosed: DrugDose = target.parse().map_err(MoleculeError::BadTarget)?;
        let row = self.rows.get(dosed.drug()).ok_or_else(|| {
            let known = self.rows.keys().map(String::as_str);
            unknown_drug(dosed.drug(), &self.skipped, known)
        })?;
        Ok((row, self.dose.log_dose(target, &dosed)?))
    }
}

impl TargetEncoder for SmilesNetworkEncoder {
    fn dim(&self) -> usize {
        self.width + self.dose.width()
    }

    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
        let mut rows = Vec::with_capacity(targets.len() * self.dim());
        for target in targets {
            let (row, log_dose) = self.read(target)?;
            rows.extend_from_slice(row);
            rows.extend(std::iter::repeat_n(log_dose, self.dose.width()));
        }
        Ok(rows)
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        self.read(target).map(drop)
    }
}
