//! Molecules as rows: Morgan bits, or what a trained network makes of them.

use pert_core::{DrugDose, Perturbation};
use pert_encoders::{MORGAN_BITS, MorganFingerprint, SaltRule, SmilesTable, SmilesVae};

use super::config::EncodeConfig;
use super::request::EncodeRequest;
use crate::Error;

/// Counter-ions are no part of what a drug does: the rule of `pert fit` too.
const SALTS: SaltRule = SaltRule::LargestPart;

/// A molecule of a perturbation.
pub(super) struct Dosed {
    pub smiles: String,
    pub dose_nm: Option<f64>,
}

/// Turns SMILES into rows.
pub(super) struct Structures {
    table: Option<SmilesTable>,
    network: Option<SmilesVae>,
}

impl Structures {
    pub fn new(table: Option<SmilesTable>, network: Option<SmilesVae>) -> Self {
        Self { table, network }
    }

    /// Width of a row without dose.
    pub fn dim(&self) -> usize {
        self.network.as_ref().map_or(MORGAN_BITS, |network| network.config().d_latent)
    }

    /// What each number is, without dose.
    pub fn columns(&self) -> Vec<String> {
        let name = if self.network.is_some() { "latent" } else { "morgan" };
        (0..self.dim()).map(|i| format!("{name}_{i}")).collect()
    }

    /// The molecules of a request. The structure stands beside the label, in the table of drugs, or is the label itself.
    pub fn read(
        &self,
        request: &EncodeRequest,
        config: &EncodeConfig,
    ) -> Result<Vec<Dosed>, Error> {
        if self.table.is_none() && request.smiles.is_none() {
            let smiles = request.label.trim().to_owned();
            return Ok(vec![Dosed { smiles, dose_nm: None }]);
        }
        let perturbation = Perturbation::parse(&request.label, &config.format)?;
        let of_drug = |target: &String| {
            let dosed: DrugDose = target.parse()?;
            let dose_nm = dosed.dose_nm();
            if let Some(smiles) = &request.smiles {
                return Ok(Dosed { smiles: smiles.clone(), dose_nm });
            }
            let table = self.table.as_ref().expect("there is one where no structure is given");
            Ok(Dosed { smiles: table.known_smiles(dosed.drug())?.to_owned(), dose_nm })
        };
        let drugs: Vec<Dosed> =
            perturbation.targets().iter().map(of_drug).collect::<Result<_, Error>>()?;
        if request.smiles.is_some() && drugs.len() > 1 {
            return Err(Error::Request(format!(
                "{} are {} drugs beside one SMILES; give a table of drugs with --smiles",
                request.label,
                drugs.len()
            )));
        }
        Ok(drugs)
    }

    /// Whether a molecule has a row.
    pub fn check(&self, smiles: &str) -> Result<(), Error> {
        match &self.network {
            Some(network) => network.canonical(smiles, SALTS).map(drop),
            None => MorganFingerprint::parse(smiles, SALTS).map(drop),
        }
        .map_err(Error::from)
    }

    /// Adds the row of a molecule, `[dim]`.
    pub fn add_to(&self, smiles: &str, sum: &mut [f32]) -> Result<(), Error> {
        match &self.network {
            Some(network) => {
                let canonical = network.canonical(smiles, SALTS)?;
                let row = network.encode(&[canonical]).map_err(pert_encoders::Error::from)?;
                sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
            }
            None => {
                let fingerprint = MorganFingerprint::parse(smiles, SALTS)?;
                fingerprint.on_bits().for_each(|bit| sum[bit] += 1.0);
            }
        }
        Ok(())
    }
}
