//! Molecules as rows: Morgan bits, or what a trained network makes of them.

use pert_core::{DrugDose, Perturbation};
use pert_encoders::{MORGAN_BITS, MorganFingerprint, SaltRule, SmilesNetwork, SmilesTable};

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
    network: Option<Box<dyn SmilesNetwork>>,
}

impl Structures {
    pub fn new(table: Option<SmilesTable>, network: Option<Box<dyn SmilesNetwork>>) -> Self {
        Self { table, network }
    }

    /// Width of a row without dose.
    pub fn dim(&self) -> usize {
        self.network.as_ref().map_or(MORGAN_BITS, |network| network.dim())
    }

    /// Something the user should know about the rows.
    pub fn remark(&self) -> Option<String> {
        self.network.as_ref().and_then(|network| network.remark())
    }

    /// What each number is, without dose.
    pub fn columns(&self) -> Vec<String> {
        let name = self.network.as_ref().map_or("morgan", |network| network.what());
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

    /// Rows of molecules, `[smiles.len(), dim]`.
    pub fn rows(&self, smiles: &[&str]) -> Result<Vec<f32>, Error> {
        let Some(network) = &self.network else {
            let mut rows = vec![0.0; smiles.len() * MORGAN_BITS];
            for (smiles, row) in smiles.iter().zip(rows.chunks_exact_mut(MORGAN_BITS)) {
                let fingerprint = MorganFingerprint::parse(smiles, SALTS)?;
                fingerprint.on_bits().for_each(|bit| row[bit] = 1.0);
            }
            return Ok(rows);
        };
        let canonical = smiles.iter().map(|smiles| network.canonical(smiles, SALTS));
        let canonical: Vec<String> = canonical.collect::<Result<_, _>>()?;
        let canonical: Vec<&str> = canonical.iter().map(String::as_str).collect();
        Ok(network.encode_smiles(&canonical)?)
    }
}
