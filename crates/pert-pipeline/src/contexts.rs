//! The covariates of cells as the model sees them: known levels, one code per cell, one vector per code.

use std::collections::BTreeMap;

use pert_core::{Covariate, CovariateRole, CovariateValues, Population};
use serde::{Deserialize, Serialize};

use crate::Error;

/// One covariate as learned from the training cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Column {
    name: String,
    role: CovariateRole,
    kind: ColumnKind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ColumnKind {
    /// One-hot over these levels.
    Levels(Vec<String>),
    /// log1p of the value, standardised.
    Number { mean: f64, scale: f64 },
}

/// The covariates of one cell: per column a level's index, or a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Context(Vec<f64>);

/// Every combination of covariates that training cells have, with the code of each.
///
/// A screen without covariates has one context, the empty one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contexts {
    columns: Vec<Column>,
    seen: Vec<Context>,
}

impl Contexts {
    /// Learns levels and combinations; returns the code of each training cell too.
    pub fn fit(screen: &Population, train: &[usize]) -> (Self, Vec<usize>) {
        let columns: Vec<Column> =
            screen.covariates().iter().map(|c| Column::fit(c, train)).collect();
        let mut codes_of: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
        let mut seen: Vec<Context> = Vec::new();
        let codes = train
            .iter()
            .map(|&cell| {
                let values: Vec<f64> = screen
                    .covariates()
                    .iter()
                    .zip(&columns)
                    .map(|(c, column)| column.value(c, cell).expect("a training level is known"))
                    .collect();
                let bits = values.iter().map(|v| v.to_bits()).collect();
                *codes_of.entry(bits).or_insert_with(|| {
                    seen.push(Context(values));
                    seen.len() - 1
                })
            })
            .collect();
        (Self { columns, seen }, codes)
    }

    /// Number of combinations seen.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Width of an encoded context.
    pub fn dim(&self) -> usize {
        self.columns.iter().map(Column::dim).sum()
    }

    /// The context as numbers: one-hot levels, standardised log1p numbers, `[dim]`.
    pub fn encode(&self, code: usize) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.dim());
        for (column, &value) in self.columns.iter().zip(&self.seen[code].0) {
            column.encode(value, &mut out);
        }
        out
    }

    /// The code of each of some cells; a combination never seen is matched to the seen one that shares most columns.
    ///
    /// # Errors
    /// [`Error::UnknownLevel`] when a column lacks, or a level is none of, those seen in training.
    pub fn codes_of(&self, cells: &Population, rows: &[usize]) -> Result<Vec<usize>, Error> {
        let columns: Vec<&Covariate> = self
            .columns
            .iter()
            .map(|column| {
                cells.covariates().iter().find(|c| c.name == column.name).ok_or_else(|| {
                    Error::UnknownLevel {
                        column: column.name.clone(),
                        value: "(column absent)".into(),
                        known: column.known(),
                    }
                })
            })
            .collect::<Result<_, _>>()?;
        rows.iter()
            .map(|&row| {
                let values: Vec<f64> = columns
                    .iter()
                    .zip(&self.columns)
                    .map(|(covariate, column)| {
                        column.value(covariate, row).ok_or_else(|| Error::UnknownLevel {
                            column: column.name.clone(),
                            value: covariate.label(row),
                            known: column.known(),
                        })
                    })
                    .collect::<Result<_, _>>()?;
                Ok(self.nearest(&values))
            })
            .collect()
    }

    /// The codes whose columns have the values asked for (`KEY=VALUE`); all of them for no condition.
    ///
    /// # Errors
    /// [`Error::UnknownLevel`] with the known levels, [`Error::Request`] for a column the model has not.
    pub fn matching(&self, at: &[(String, String)]) -> Result<Vec<usize>, Error> {
        let mut codes: Vec<usize> = (0..self.seen.len()).collect();
        for (key, text) in at {
            let Some(position) = self.columns.iter().position(|c| &c.name == key) else {
                let known: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
                return Err(Error::Request(format!(
                    "the model has no covariate {key:?}; it has: {}",
                    if known.is_empty() { "none".into() } else { known.join(", ") }
                )));
            };
            let column = &self.columns[position];
            let value = column.parse(text).ok_or_else(|| Error::UnknownLevel {
                column: key.clone(),
                value: text.clone(),
                known: column.known(),
            })?;
            codes.retain(|&code| self.seen[code].0[position] == value);
        }
        if codes.is_empty() {
            return Err(Error::Request(format!(
                "no training cell has {} together",
                at.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" and ")
            )));
        }
        Ok(codes)
    }

    /// Covariate columns for cells of the given codes.
    pub fn covariates(&self, codes: &[usize]) -> Vec<Covariate> {
        self.columns
            .iter()
            .enumerate()
            .map(|(position, column)| {
                let values: Vec<f64> = codes.iter().map(|&c| self.seen[c].0[position]).collect();
                match &column.kind {
                    ColumnKind::Levels(levels) => {
                        let labels: Vec<String> =
                            values.iter().map(|&v| levels[v as usize].clone()).collect();
                        Covariate::categorical(&column.name, column.role, &labels)
                    }
                    ColumnKind::Number { .. } => {
                        Covariate::numeric(&column.name, column.role, values)
                    }
                }
            })
            .collect()
    }

    fn nearest(&self, values: &[f64]) -> usize {
        let shared =
            |context: &Context| context.0.iter().zip(values).filter(|(a, b)| a == b).count();
        (0..self.seen.len())
            .max_by_key(|&code| (shared(&self.seen[code]), std::cmp::Reverse(code)))
            .expect("training cells have a context")
    }
}

impl Column {
    fn fit(covariate: &Covariate, train: &[usize]) -> Self {
        let kind = match &covariate.values {
            CovariateValues::Categorical { .. } => {
                let mut levels: Vec<String> = train.iter().map(|&i| covariate.label(i)).collect();
                levels.sort_unstable();
                levels.dedup();
                ColumnKind::Levels(levels)
            }
            CovariateValues::Numeric(values) => {
                let logs: Vec<f64> = train.iter().map(|&i| values[i].ln_1p()).collect();
                let n = logs.len().max(1) as f64;
                let mean = logs.iter().sum::<f64>() / n;
                let variance = logs.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
                // A constant number carries nothing; any scale will do.
                let scale = if variance > 0.0 { variance.sqrt() } else { 1.0 };
                ColumnKind::Number { mean, scale }
            }
        };
        Self { name: covariate.name.clone(), role: covariate.role, kind }
    }

    fn dim(&self) -> usize {
        match &self.kind {
            ColumnKind::Levels(levels) => levels.len(),
            ColumnKind::Number { .. } => 1,
        }
    }

    fn encode(&self, value: f64, out: &mut Vec<f32>) {
        match &self.kind {
            ColumnKind::Levels(levels) => {
                out.extend((0..levels.len()).map(|i| f32::from(i == value as usize)));
            }
            ColumnKind::Number { mean, scale } => {
                out.push(((value.ln_1p() - mean) / scale) as f32);
            }
        }
    }

    fn value(&self, covariate: &Covariate, cell: usize) -> Option<f64> {
        match (&self.kind, &covariate.values) {
            (ColumnKind::Number { .. }, CovariateValues::Numeric(values)) => Some(values[cell]),
            _ => self.parse(&covariate.label(cell)),
        }
    }

    fn parse(&self, text: &str) -> Option<f64> {
        match &self.kind {
            ColumnKind::Levels(levels) => {
                levels.binary_search_by(|l| l.as_str().cmp(text)).ok().map(|i| i as f64)
            }
            ColumnKind::Number { .. } => text.parse().ok().filter(|v: &f64| *v > -1.0),
        }
    }

    fn known(&self) -> String {
        match &self.kind {
            ColumnKind::Levels(levels) => levels.join(", "),
            ColumnKind::Number { .. } => "numbers".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::{CsrCounts, LabelFormat, Perturbation};

    fn cells() -> Population {
        let names = |v: &[&str]| v.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let control = Perturbation::parse("control", &LabelFormat::default()).unwrap();
        Population::new(
            CsrCounts::from_dense(1, &[1.0; 4]).unwrap(),
            names(&["g"]),
            names(&["0", "1", "2", "3"]),
            &vec![control; 4],
            vec![
                Covariate::categorical(
                    "type",
                    CovariateRole::CellType,
                    &names(&["B", "T", "B", "T"]),
                ),
                Covariate::numeric("dose", CovariateRole::Dose, vec![0.0, 10.0, 10.0, 1000.0]),
            ],
        )
        .unwrap()
    }

    #[test]
    fn cells_get_the_code_of_their_combination() {
        let cells = cells();
        let (contexts, codes) = Contexts::fit(&cells, &[0, 1, 2]);
        assert_eq!(codes, [0, 1, 2]);
        assert_eq!(contexts.dim(), 3);
        assert_eq!(contexts.encode(1)[..2], [0.0, 1.0]);
        assert_eq!(contexts.codes_of(&cells, &[1, 0]).unwrap(), [1, 0]);
        // dose 1000 was never seen: the nearest combination shares the cell type
        assert_eq!(contexts.codes_of(&cells, &[3]).unwrap(), [1]);
        let back = contexts.covariates(&[1, 2]);
        assert_eq!((back[0].label(0), back[1].label(1)), ("T".into(), "10".into()));
    }

    #[test]
    fn conditions_choose_contexts_and_unknown_levels_are_named() {
        let (contexts, _) = Contexts::fit(&cells(), &[0, 1, 2]);
        let at = |k: &str, v: &str| [(k.to_owned(), v.to_owned())];
        assert_eq!(contexts.matching(&at("type", "B")).unwrap(), [0, 2]);
        let error = contexts.matching(&at("type", "NK")).unwrap_err().to_string();
        assert!(error.contains("B, T"), "{error}");
        assert!(contexts.matching(&at("donor", "1")).is_err());
    }
}
