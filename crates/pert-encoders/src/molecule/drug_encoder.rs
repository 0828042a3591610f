//! Drugs at a dose: structures by name, and their fingerprints as numbers.

use std::collections::BTreeMap;

use pert_core::DrugDose;
use serde::{Deserialize, Serialize};

use super::error::MoleculeError;
use super::morgan::{MORGAN_BITS, MorganFingerprint, SaltRule};
use crate::nearest::nearest_names;
use crate::{Error, TargetEncoder};

/// Nearest names told for an unknown drug.
const N_NEAREST: usize = 3;

/// What to do with a drug whose structure is no molecule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvalidDrug {
    /// Refuse it, saying where its SMILES is wrong.
    #[default]
    Error,
    /// Leave it out; asked for all the same, it is refused with the reason.
    Skip,
}

/// Whether the dose of a target counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DoseRule {
    /// No target has one.
    None,
    /// Every target has one.
    Each,
}

impl DoseRule {
    /// How many numbers it adds to a row.
    pub fn width(self) -> usize {
        usize::from(self == Self::Each)
    }

    /// log(1 + dose in nM) of a target; 0 where doses do not count.
    pub fn log_dose(self, target: &str, dosed: &DrugDose) -> Result<f64, MoleculeError> {
        let target = || target.to_owned();
        match (dosed.dose_nm(), self) {
            (Some(dose), Self::Each) => Ok(dose.ln_1p()),
            (None, Self::None) => Ok(0.0),
            (None, Self::Each) => Err(MoleculeError::MissingDose { target: target() }),
            (Some(_), Self::None) => Err(MoleculeError::UnexpectedDose { target: target() }),
        }
    }
}

/// The error about a drug that is not among those known: why it was left out, or names that look like it.
pub(super) fn unknown_drug<'a>(
    drug: &str,
    skipped: &[(String, String)],
    known: impl Iterator<Item = &'a str>,
) -> Error {
    if let Some((drug, problem)) = skipped.iter().find(|(skipped, _)| skipped == drug) {
        let (drug, problem) = (drug.clone(), problem.clone());
        return MoleculeError::SkippedDrug { drug, problem }.into();
    }
    let nearest = nearest_names(drug, known, N_NEAREST).into_iter().map(str::to_owned).collect();
    MoleculeError::UnknownDrug { drug: drug.to_owned(), nearest }.into()
}

/// Morgan fingerprints of drugs by name, and as a [`TargetEncoder`] the bits with the dose.
///
/// A row is [`MORGAN_BITS`] zeros and ones and, where doses count, log(1 + dose in nM) behind them.
///
/// ```
/// use pert_encoders::{DrugEncoder, InvalidDrug, SaltRule, TargetEncoder};
///
/// let drugs = [("aspirin", "CC(=O)Oc1ccccc1C(=O)O"), ("misprint", "c1cccc1")];
/// let refused = DrugEncoder::new(drugs, SaltRule::LargestPart, InvalidDrug::Error).unwrap_err();
/// assert!(refused.to_string().contains("\"misprint\""));
///
/// let encoder = DrugEncoder::new(drugs, SaltRule::LargestPart, InvalidDrug::Skip)?.with_dose();
/// assert_eq!(encoder.skipped().len(), 1);
/// let row = encoder.encode_targets(&["aspirin_1uM"])?;
/// assert_eq!((row.len(), row[2048]), (2049, 1001f64.ln()));
/// assert!(encoder.encode_targets(&["asprin_1uM"]).is_err()); // nearest: aspirin
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DrugEncoder {
    salts: SaltRule,
    dose: DoseRule,
    drugs: BTreeMap<String, Structure>,
    skipped: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Structure {
    smiles: String,
    fingerprint: MorganFingerprint,
}

/// A [`DrugEncoder`] as it is written down: SMILES, from which the fingerprints follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrugEncoderState {
    salts: SaltRule,
    dose: DoseRule,
    drugs: BTreeMap<String, String>,
    /// Name and refusal of those left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<(String, String)>,
}

impl DrugEncoder {
    /// Reads the structures of drugs, given as names without dose and SMILES. Of a name that stands twice the last is kept.
    ///
    /// [`SmilesTable::smiles`](crate::SmilesTable::smiles) lists those of a table.
    ///
    /// # Errors
    /// [`MoleculeError::BadDrug`] for the first SMILES that is no molecule, unless such drugs are skipped.
    pub fn new<N: Into<String>, S: Into<String>>(
        drugs: impl IntoIterator<Item = (N, S)>,
        salts: SaltRule,
        invalid: InvalidDrug,
    ) -> Result<Self, Error> {
        let mut encoder =
            Self { salts, dose: DoseRule::None, drugs: BTreeMap::new(), skipped: Vec::new() };
        for (drug, smiles) in drugs {
            let (drug, smiles) = (drug.into(), smiles.into());
            match MorganFingerprint::parse(&smiles, salts) {
                Ok(fingerprint) => {
                    encoder.drugs.insert(drug, Structure { smiles, fingerprint });
                }
                Err(problem) if invalid == InvalidDrug::Skip => {
                    encoder.skipped.push((drug, problem.to_string()));
                }
                Err(problem) => {
                    let problem = problem.to_string();
                    return Err(MoleculeError::BadDrug { drug, problem }.into());
                }
            }
        }
        Ok(encoder)
    }

    /// With the dose as a number behind the bits; every target must then have one.
    pub fn with_dose(self) -> Self {
        Self { dose: DoseRule::Each, ..self }
    }

    /// Names and refusals of the drugs left out by [`InvalidDrug::Skip`].
    pub fn skipped(&self) -> &[(String, String)] {
        &self.skipped
    }

    /// The drugs whose structure is known, sorted bytewise.
    pub fn drugs(&self) -> impl Iterator<Item = &str> {
        self.drugs.keys().map(String::as_str)
    }

    /// The fingerprint of a drug, by its name without dose.
    ///
    /// # Errors
    /// [`MoleculeError::SkippedDrug`] where its structure was refused, [`MoleculeError::UnknownDrug`] with names that look
    /// like it.
    pub fn fingerprint(&self, drug: &str) -> Result<&MorganFingerprint, Error> {
        let known = self.drugs.get(drug);
        known
            .map(|known| &known.fingerprint)
            .ok_or_else(|| unknown_drug(drug, &self.skipped, self.drugs()))
    }

    /// What it takes to build it anew.
    pub fn state(&self) -> DrugEncoderState {
        let smiles =
            |(drug, structure): (&String, &Structure)| (drug.clone(), structure.smiles.clone());
        DrugEncoderState {
            salts: self.salts,
            dose: self.dose,
            drugs: self.drugs.iter().map(smiles).collect(),
            skipped: self.skipped.clone(),
        }
    }

    /// Builds it anew; the same bits follow.
    ///
    /// # Errors
    /// [`MoleculeError::BadDrug`] for a state that was changed.
    pub fn from_state(state: DrugEncoderState) -> Result<Self, Error> {
        let encoder = Self::new(state.drugs, state.salts, InvalidDrug::Error)?;
        Ok(Self { dose: state.dose, skipped: state.skipped, ..encoder })
    }

    /// The fingerprint and log(1 + dose in nM) of a target; the dose is 0 where doses do not count.
    pub(super) fn read(&self, target: &str) -> Result<(&MorganFingerprint, f64), Error> {
        let dosed: DrugDose = target.parse().map_err(MoleculeError::BadTarget)?;
        let fingerprint = self.fingerprint(dosed.drug())?;
        Ok((fingerprint, self.dose.log_dose(target, &dosed)?))
    }

    /// Whether doses count.
    pub fn has_dose(&self) -> bool {
        self.dose == DoseRule::Each
    }
}

impl TargetEncoder for DrugEncoder {
    fn dim(&self) -> usize {
        MORGAN_BITS + self.dose.width()
    }

    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
        let mut rows = vec![0.0; targets.len() * self.dim()];
        for (target, row) in targets.iter().zip(rows.chunks_exact_mut(self.dim())) {
            let (fingerprint, log_dose) = self.read(target)?;
            fingerprint.on_bits().for_each(|bit| row[bit] = 1.0);
            row[MORGAN_BITS..].fill(log_dose);
        }
        Ok(rows)
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        self.read(target).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRUGS: [(&str, &str); 3] =
        [("Aspirin", "CC(=O)Oc1ccccc1C(=O)O"), ("Phenol", "Oc1ccccc1"), ("Tyrphostin 9", "CCO")];

    fn encoder() -> DrugEncoder {
        DrugEncoder::new(DRUGS, SaltRule::LargestPart, InvalidDrug::Error).unwrap()
    }

    #[test]
    fn rows_are_bits_and_dose() {
        let encoder = encoder().with_dose();
        let rows = encoder.encode_targets(&["Phenol_10nM", "Tyrphostin 9@2uM"]).unwrap();
        let (first, second) = rows.split_at(2049);
        let on = |row: &[f64]| (0..2048).filter(|&bit| row[bit] == 1.0).collect::<Vec<_>>();
        assert_eq!(on(first), encoder.fingerprint("Phenol").unwrap().on_bits().collect::<Vec<_>>());
        assert_eq!((first[2048], second[2048]), (11f64.ln(), 2001f64.ln()));
        assert_eq!(encoder.encode_targets(&["Tyrphostin 9@2uM"]).unwrap(), second);
    }

    #[test]
    fn what_cannot_be_encoded_is_named() {
        let plain = encoder();
        let with_dose = encoder().with_dose();
        for (encoder, target, words) in [
            (&plain, "Asprin", "\"Asprin\" (nearest names: Aspirin"),
            (&plain, "Aspirin_10nM", "no drug in training had one"),
            (&with_dose, "Aspirin", "has no dose"),
            (&with_dose, "Aspirin)_10nM", "brackets do not match"),
        ] {
            let error = encoder.check_target(target).unwrap_err().to_string();
            assert!(error.contains(words), "{target}: {error}");
            assert_eq!(encoder.encode_targets(&[target]).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn an_invalid_structure_is_refused_or_left_out() {
        let drugs = DRUGS.into_iter().chain([("Bad", "c1cccc1")]);
        let error = DrugEncoder::new(drugs.clone(), SaltRule::AllParts, InvalidDrug::Error);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("\"Bad\"") && error.contains("at byte 1"), "{error}");
        let encoder = DrugEncoder::new(drugs, SaltRule::AllParts, InvalidDrug::Skip).unwrap();
        assert_eq!(encoder.skipped()[0].0, "Bad");
        assert_eq!(encoder.drugs().count(), 3);
        let error = encoder.check_target("Bad").unwrap_err().to_string();
        for words in ["\"Bad\"", "at byte 1", "c1cccc1", "correct its SMILES"] {
            assert!(error.contains(words), "{error}");
        }
        let text = serde_json::to_string(&encoder.state()).unwrap();
        let again = DrugEncoder::from_state(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(again.check_target("Bad").unwrap_err().to_string(), error);
    }

    #[test]
    fn the_state_gives_the_same_rows() {
        let encoder = encoder().with_dose();
        let text = serde_json::to_string(&encoder.state()).unwrap();
        let again = DrugEncoder::from_state(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(again, encoder);
    }
}
