//! How a file is to be read.

use pert_core::LabelFormat;

use crate::Filter;

/// How to read a file. Everything left out is guessed or absent; covariates are read only when named.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadOptions {
    /// The column of obs with perturbation labels; guessed from usual names and from holding a control label.
    pub perturbation_key: Option<String>,
    /// The label of unperturbed cells; guessed from usual spellings (control, ctrl, non-targeting, NT, DMSO, …).
    pub control: Option<String>,
    /// What joins the genes of a combination in a label. Default `+`.
    pub separator: char,
    /// The layer with raw counts, `raw` for `raw/X`. Default: `X`.
    pub layer: Option<String>,
    /// The column of obs with cell types.
    pub cell_type_key: Option<String>,
    /// The column of obs with batches (libraries, lanes, replicates).
    pub batch_key: Option<String>,
    /// The column of obs with doses, in nM: numbers, or labels that are numbers.
    pub dose_key: Option<String>,
    /// Conditions that a cell must meet, all of them.
    pub filters: Vec<Filter>,
    /// Whether a file without control cells is an error. Default true; false for a file of predictions.
    pub require_control: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            perturbation_key: None,
            control: None,
            separator: LabelFormat::default().separator,
            layer: None,
            cell_type_key: None,
            batch_key: None,
            dose_key: None,
            filters: Vec::new(),
            require_control: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_refuse_unknown_keys_and_fill_defaults() {
        let options: ReadOptions =
            serde_json::from_str(r#"{"control": "NT", "filters": ["n>=3"]}"#).unwrap();
        assert_eq!(options.separator, '+');
        assert_eq!(options.filters[0].to_string(), "n>=3");
        assert!(serde_json::from_str::<ReadOptions>(r#"{"controll": "NT"}"#).is_err());
    }
}
