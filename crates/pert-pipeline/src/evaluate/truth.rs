//! The true means of a simulated screen.

use std::collections::HashMap;
use std::path::Path;

use pert_core::{LabelFormat, Perturbation};

use crate::Error;

/// True mean log-normalised profiles, by perturbation (`FILE.truth.tsv` of `pert simulate`).
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    genes: Vec<String>,
    profiles: HashMap<Perturbation, Vec<f64>>,
}

/// The rows of a truth table that are read here.
const QUANTITY: &str = "log_normalised_mean";

impl Truth {
    /// Reads a truth table: header `perturbation, quantity, GENE…`, tab-separated.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::RequestTable`] with the line.
    pub fn read_tsv(path: &Path, format: &LabelFormat) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        let bad = |line: usize, message: String| Error::RequestTable {
            path: path.to_owned(),
            line,
            message,
        };
        let mut lines = text.lines().enumerate();
        let header: Vec<&str> =
            lines.next().map(|(_, l)| l.split('\t').collect()).unwrap_or_default();
        let ["perturbation", "quantity", genes @ ..] = header.as_slice() else {
            return Err(bad(1, "the header must be perturbation, quantity, then genes".into()));
        };
        let mut profiles = HashMap::new();
        for (index, line) in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            let [label, quantity, values @ ..] = fields.as_slice() else {
                return Err(bad(index + 1, "fewer than two columns".into()));
            };
            if *quantity != QUANTITY {
                continue;
            }
            let values: Vec<f64> = values
                .iter()
                .map(|v| v.parse().map_err(|_| bad(index + 1, format!("{v:?} is no number"))))
                .collect::<Result<_, _>>()?;
            if values.len() != genes.len() {
                let message = format!("{} values for {} genes", values.len(), genes.len());
                return Err(bad(index + 1, message));
            }
            profiles.insert(Perturbation::parse(label, format)?, values);
        }
        Ok(Self { genes: genes.iter().map(|&g| g.to_owned()).collect(), profiles })
    }

    /// The true mean profile of a perturbation over some genes, where the table has it.
    pub(super) fn profile(&self, p: &Perturbation, genes: &[String]) -> Option<Vec<f64>> {
        let profile = self.profiles.get(p)?;
        let column: HashMap<&str, usize> =
            self.genes.iter().enumerate().map(|(i, g)| (g.as_str(), i)).collect();
        genes.iter().map(|g| column.get(g.as_str()).map(|&i| profile[i])).collect()
    }
}
