//! How a file is to be read.

use pert_core::{GuideSuffix, LabelFormat, LabelKind};

use crate::Filter;

/// How to read a file. What is left out is guessed as [`inspect`](crate::inspect) guesses it, and noted in
/// [`Dataset::notes`](crate::Dataset::notes); nothing is filtered unless asked.
///
/// ```
/// let options: pert_data::ReadOptions =
///     serde_json::from_str(r#"{"control": "NT", "filters": ["guide_umi_fraction>=0.8"]}"#)?;
/// assert_eq!(options.control.as_deref(), Some("NT"));
/// assert_eq!(options.separator, None); // left open: guessed
/// // A key that is not known is refused rather than passed over.
/// assert!(serde_json::from_str::<pert_data::ReadOptions>(r#"{"controll": "NT"}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadOptions {
    /// The column of obs with perturbation labels; guessed from its name and what its labels look like.
    pub perturbation_key: Option<String>,
    /// The label of unperturbed cells; guessed from usual spellings (control, ctrl, non-targeting, NT, DMSO, …).
    pub control: Option<String>,
    /// What joins the parts of a combination in a label; guessed from labels whose parts are known, else `+`.
    pub separator: Option<char>,
    /// What labels name; guessed, genes (any names) where nothing speaks for another kind.
    pub label_kind: Option<LabelKind>,
    /// Whether the numbers of guides are taken off genes; guessed, kept unless most labels have one and genes repeat.
    pub guide_suffix: Option<GuideSuffix>,
    /// The layer with raw counts, `raw` for `raw/X`. Default: `X`.
    pub layer: Option<String>,
    /// The column of obs with cell types; guessed from its name and values. `none`: no such covariate.
    pub cell_type_key: Option<String>,
    /// The column of obs with batches (libraries, lanes, replicates); guessed from its name and values. `none`: no such covariate.
    pub batch_key: Option<String>,
    /// The column of obs with doses, in nM: numbers, or labels that are numbers; guessed and `none` likewise.
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
            separator: None,
            label_kind: None,
            guide_suffix: None,
            layer: None,
            cell_type_key: None,
            batch_key: None,
            dose_key: None,
            filters: Vec::new(),
            require_control: true,
        }
    }
}

impl ReadOptions {
    /// The same, for labels written like those of another file.
    ///
    /// ```
    /// use pert_core::LabelFormat;
    /// use pert_data::ReadOptions;
    /// let format = LabelFormat { control: "NT".into(), separator: '_', ..LabelFormat::default() };
    /// let options = ReadOptions::default().with_format(&format);
    /// assert_eq!((options.control.as_deref(), options.separator), (Some("NT"), Some('_')));
    /// ```
    pub fn with_format(self, format: &LabelFormat) -> Self {
        Self {
            control: Some(format.control.clone()),
            separator: Some(format.separator),
            label_kind: Some(format.kind),
            guide_suffix: Some(format.guide_suffix),
            ..self
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
        assert_eq!((options.separator, options.require_control), (None, true));
        assert_eq!(options.filters[0].to_string(), "n>=3");
        assert!(serde_json::from_str::<ReadOptions>(r#"{"controll": "NT"}"#).is_err());
    }
}
