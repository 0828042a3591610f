//! The SMILES network as an encoder of drugs.

use std::collections::BTreeMap;

use pert_core::DrugDose;

use super::model::SmilesVae;
use crate::molecule::drug_encoder::{DoseRule, InvalidDrug, unknown_drug};
use crate::molecule::structure::canonical_of;
use crate::molecule::{MoleculeError, SaltRule};
use crate::{Error, TargetEncoder};

/// Drugs as the latent means of a [`SmilesVae`], frozen; where doses count, log(1 + dose in nM) stands behind them.
///
/// The drugs are encoded once, when it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct SmilesVaeEncoder {
    d_latent: usize,
    dose: DoseRule,
    means: BTreeMap<String, Vec<f64>>,
    skipped: Vec<(String, String)>,
}

impl SmilesVae {
    /// The canonical SMILES of a molecule in any spelling, for [`encode`](Self::encode).
    ///
    /// # Errors
    /// [`Error::BadSmiles`] for what is no molecule; [`MoleculeError::UnknownToken`] and [`MoleculeError::TooManyTokens`] for
    /// one that the network cannot read.
    pub fn canonical(&self, smiles: &str, salts: SaltRule) -> Result<String, Error> {
        let canonical = canonical_of(smiles, salts)?;
        self.check(&canonical)?;
        Ok(canonical)
    }
}

impl SmilesVaeEncoder {
    /// Encodes drugs, given as names without dose and SMILES.
    ///
    /// # Errors
    /// [`MoleculeError::BadDrug`] for the first that is no molecule, or one with tokens unknown to the network or too many of
    /// them, unless such drugs are skipped.
    pub fn new<N: Into<String>, S: AsRef<str>>(
        vae: &SmilesVae,
        drugs: impl IntoIterator<Item = (N, S)>,
        salts: SaltRule,
        invalid: InvalidDrug,
    ) -> Result<Self, Error> {
        let (mut means, mut skipped) = (BTreeMap::new(), Vec::new());
        for (drug, smiles) in drugs {
            let drug = drug.into();
            let mean = vae
                .canonical(smiles.as_ref(), salts)
                .and_then(|canonical| Ok(vae.encode(&[canonical])?));
            match mean {
                Ok(mean) => drop(means.insert(drug, mean.into_iter().map(f64::from).collect())),
                Err(problem) if invalid == InvalidDrug::Skip => {
                    skipped.push((drug, problem.to_string()));
                }
                Err(problem) => {
                    let problem = problem.to_string();
                    return Err(MoleculeError::BadDrug { drug, problem }.into());
                }
            }
        }
        Ok(Self { d_latent: vae.config().d_latent, dose: DoseRule::None, means, skipped })
    }

    /// With the dose as a number behind the means; every target must then have one.
    pub fn with_dose(self) -> Self {
        Self { dose: DoseRule::Each, ..self }
    }

    /// Names and refusals of the drugs left out by [`InvalidDrug::Skip`].
    pub fn skipped(&self) -> &[(String, String)] {
        &self.skipped
    }

    fn read(&self, target: &str) -> Result<(&[f64], f64), Error> {
        let dosed: DrugDose = target.parse().map_err(MoleculeError::BadTarget)?;
        let mean = self.means.get(dosed.drug()).ok_or_else(|| {
            let known = self.means.keys().map(String::as_str);
            unknown_drug(dosed.drug(), &self.skipped, known)
        })?;
        Ok((mean, self.dose.log_dose(target, &dosed)?))
    }
}

impl TargetEncoder for SmilesVaeEncoder {
    fn dim(&self) -> usize {
        self.d_latent + self.dose.width()
    }

    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
        let mut rows = Vec::with_capacity(targets.len() * self.dim());
        for target in targets {
            let (mean, log_dose) = self.read(target)?;
            rows.extend_from_slice(mean);
            rows.extend(std::iter::repeat_n(log_dose, self.dose.width()));
        }
        Ok(rows)
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        self.read(target).map(drop)
    }
}
