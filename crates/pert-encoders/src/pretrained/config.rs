//! The text of a `config.json`.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::PretrainedError;

/// The field that says which network it is.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    model_type: Option<String>,
}

/// Reads a configuration, which must be of a `model_type`; asked first, for other networks have other fields.
pub(crate) fn parse_config<T: DeserializeOwned>(
    text: &str,
    path: &Path,
    model_type: &str,
) -> Result<T, PretrainedError> {
    let bad = |e: serde_json::Error| PretrainedError::BadConfig {
        path: path.to_owned(),
        reason: e.to_string(),
    };
    let kind: Kind = serde_json::from_str(text).map_err(bad)?;
    if kind.model_type.as_deref() != Some(model_type) {
        let found = kind.model_type.map_or("nothing".to_owned(), |kind| format!("{kind:?}"));
        return Err(PretrainedError::config(path, "model_type", format!("{model_type:?}"), found));
    }
    serde_json::from_str(text).map_err(bad)
}
