//! What is known about a cell beside its perturbation: cell type, batch, dose.

/// What a covariate means to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CovariateRole {
    /// A biological context; effects may differ between its levels.
    CellType,
    /// A technical group: library, lane, replicate.
    Batch,
    /// The amount of a drug, in nM.
    Dose,
}

/// The values of a covariate, one per cell.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CovariateValues {
    /// Categories: `codes[i]` is the index into `levels` of cell `i`.
    Categorical {
        /// The names of the categories.
        levels: Vec<String>,
        /// One index into `levels` per cell.
        codes: Vec<u32>,
    },
    /// Numbers, in the unit of the covariate's role.
    Numeric(Vec<f64>),
}

/// A named column of covariate values.
///
/// ```
/// use pert_core::{Covariate, CovariateRole, CovariateValues};
/// let labels = ["RPE1", "K562", "K562"].map(String::from);
/// let cell_type = Covariate::categorical("cell_type", CovariateRole::CellType, &labels);
/// let levels = vec!["K562".into(), "RPE1".into()];
/// assert_eq!(cell_type.values, CovariateValues::Categorical { levels, codes: vec![1, 0, 0] });
/// assert_eq!(cell_type.label(0), "RPE1");
///
/// let dose = Covariate::numeric("dose", CovariateRole::Dose, vec![0.0, 100.0, 1000.0]);
/// assert_eq!(dose.select(&[2]).values, CovariateValues::Numeric(vec![1000.0]));
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Covariate {
    /// The column's name in the file.
    pub name: String,
    /// What it means.
    pub role: CovariateRole,
    /// One value per cell.
    pub values: CovariateValues,
}

impl Covariate {
    /// A categorical covariate from one label per cell; levels are sorted bytewise.
    pub fn categorical(name: &str, role: CovariateRole, labels: &[String]) -> Self {
        let mut levels: Vec<String> = labels.to_vec();
        levels.sort_unstable();
        levels.dedup();
        let codes = labels
            .iter()
            .map(|label| levels.binary_search(label).expect("every label is a level") as u32)
            .collect();
        Self { name: name.to_owned(), role, values: CovariateValues::Categorical { levels, codes } }
    }

    /// A numeric covariate.
    pub fn numeric(name: &str, role: CovariateRole, values: Vec<f64>) -> Self {
        Self { name: name.to_owned(), role, values: CovariateValues::Numeric(values) }
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        match &self.values {
            CovariateValues::Categorical { codes, .. } => codes.len(),
            CovariateValues::Numeric(values) => values.len(),
        }
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of one cell as text.
    pub fn label(&self, cell: usize) -> String {
        match &self.values {
            CovariateValues::Categorical { levels, codes } => levels[codes[cell] as usize].clone(),
            CovariateValues::Numeric(values) => values[cell].to_string(),
        }
    }

    /// The same column for some of the cells; levels are kept, used or not.
    pub fn select(&self, cells: &[usize]) -> Self {
        let values = match &self.values {
            CovariateValues::Categorical { levels, codes } => CovariateValues::Categorical {
                levels: levels.clone(),
                codes: cells.iter().map(|&i| codes[i]).collect(),
            },
            CovariateValues::Numeric(values) => {
                CovariateValues::Numeric(cells.iter().map(|&i| values[i]).collect())
            }
        };
        Self { name: self.name.clone(), role: self.role, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selecting_cells_keeps_levels() {
        let labels = ["b", "a", "b"].map(str::to_owned);
        let batch = Covariate::categorical("batch", CovariateRole::Batch, &labels);
        let picked = batch.select(&[2, 1]);
        assert_eq!((picked.label(0), picked.label(1)), ("b".into(), "a".into()));
        assert_eq!(batch.select(&[1]).label(0), "a");
    }
}
