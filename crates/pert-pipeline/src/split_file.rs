//! `split.json`, read and checked.

use std::path::Path;

use pert_core::Split;

use crate::Error;

/// Reads a split.
///
/// # Errors
/// [`Error::Io`], [`Error::ConfigFile`] with line and column, or [`Error::Core`] for another format.
pub fn read_split(path: &Path) -> Result<Split, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    let split: Split = serde_json::from_str(&text)
        .map_err(|e| Error::ConfigFile { path: path.to_owned(), message: e.to_string() })?;
    split.check()?;
    Ok(split)
}

/// The split as it is written.
pub(crate) fn split_to_json(split: &Split) -> String {
    let mut text = serde_json::to_string_pretty(split).expect("a split is plain data");
    text.push('\n');
    text
}
