//! Golden data and laws shared by the tests of the workspace.
//!
//! A golden case is a folder `tests/golden/<case>/` of the crate under test with a `generate.py` (another
//! implementation, versions pinned) and the `expected.json` it wrote. Tests read the JSON; Python is not needed.

use std::path::{Path, PathBuf};

/// Reads `tests/golden/<case>/expected.json` of the crate whose `CARGO_MANIFEST_DIR` is given.
///
/// # Panics
/// When the file is missing or no JSON of the type asked for: a golden file is part of the sources.
pub fn golden<T: serde::de::DeserializeOwned>(manifest_dir: &str, case: &str) -> T {
    let path = Path::new(manifest_dir).join("tests/golden").join(case).join("expected.json");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("golden file {}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("golden file {}: {e}", path.display()))
}

/// The path of a real data file kept beside the repository (`../shared/data`), or `None` with a visible message.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {name} is not in ../shared/data");
    None
}

/// Asserts |a − b| ≤ `relative` · max(|a|, |b|), element by element, naming the first place that differs.
///
/// # Panics
/// When lengths differ or an element is farther off.
pub fn assert_close(what: &str, actual: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}: lengths differ");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let bound = relative * a.abs().max(e.abs());
        assert!((a - e).abs() <= bound, "{what}[{i}]: {a} is not {e} within {relative:e} relative");
    }
}
