//! Which perturbations of a file an encoder can describe.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Inspection, command};
use crate::ReadOptions;

/// What an encoder can make of the perturbations of a file, and the flag that gives it to `pert fit`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Encodable {
    /// The encoder.
    pub encoder: String,
    /// The flag of what it reads: `--features`, `--gaf`, `--smiles`, `--reference`.
    pub flag: &'static str,
    /// The file behind that flag.
    pub source: PathBuf,
    /// Further flags that belong to it, with their files: `--obo`, `--aliases`.
    pub beside: Vec<(&'static str, PathBuf)>,
    /// What to hold out, so that the unseen is judged and not more cells of the seen; `None`: as without an encoder.
    pub hold_out: Option<&'static str>,
    /// Number of perturbations asked about, control not counted.
    pub n: usize,
    /// Perturbation → why it cannot be encoded.
    pub refused: BTreeMap<String, String>,
    /// The flag and value by which `pert fit` takes those too, if there is one.
    pub mend: Option<(&'static str, &'static str)>,
}

impl Inspection {
    /// Perturbations an encoder is asked about: all but control.
    pub fn to_encode(&self) -> impl Iterator<Item = &str> {
        let control = self.control_to_use();
        self.perturbations.keys().map(String::as_str).filter(move |label| Some(*label) != control)
    }

    /// Adds what an encoder can describe, and where that is all of them, or some and the others are no obstacle, the encoder to the
    /// suggested command. `options` are those of the inspection.
    pub fn with_encodable(mut self, encodable: Encodable, options: &ReadOptions) -> Self {
        self.encodable = Some(encodable);
        command::suggest(&mut self, options);
        self
    }
}

impl Encodable {
    /// What lets the rest be fitted too, where some perturbations can be encoded and others cannot.
    pub(super) fn mend_needed(&self) -> Option<(&'static str, &'static str)> {
        self.mend.filter(|_| !self.refused.is_empty() && self.refused.len() < self.n)
    }

    /// Whether a fit with it would not be refused.
    pub(super) fn is_of_use(&self) -> bool {
        self.refused.is_empty() || self.mend_needed().is_some()
    }
}
