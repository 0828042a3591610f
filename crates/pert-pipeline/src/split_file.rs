//! `split.json`, read and checked.

use std::path::Path;

use pert_core::Split;

use crate::Error;

/// Reads a split.
///
/// ```
/// # let folder = tempfile::tempdir().expect("a scratch folder");
/// let path = folder.path().join("split.json");
/// let json = r#"{"format": 1, "rule": "by hand", "seed": 0, "train": ["control", "A"], "test": ["A+B"]}"#;
/// std::fs::write(&path, json).expect("writes");
/// assert_eq!(pert_pipeline::read_split(&path)?.test, ["A+B"]);
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`], or [`Error::ConfigFile`] with line and column or for another format.
pub fn read_split(path: &Path) -> Result<Split, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    let split: Split = serde_json::from_str(&text).map_err(|e| invalid(path, e.to_string()))?;
    split.check().map_err(|e| invalid(path, e.to_string()))?;
    Ok(split)
}

fn invalid(path: &Path, message: String) -> Error {
    Error::ConfigFile { path: path.to_owned(), what: "split", message }
}

/// The split as it is written.
pub(crate) fn split_to_json(split: &Split) -> String {
    let mut text = serde_json::to_string_pretty(split).expect("a split is plain data");
    text.push('\n');
    text
}
