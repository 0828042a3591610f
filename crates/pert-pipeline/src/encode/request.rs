//! Perturbations to encode, read from a table.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::Error;

/// The most bytes of a table that are read: a million rows of a hundred bytes.
const LARGEST_TABLE: u64 = 100_000_000;

const LABEL: &str = "perturbation";
const SMILES: &str = "smiles";

/// A perturbation to encode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeRequest {
    /// Its label.
    pub label: String,
    /// Its structure, where the table says it.
    pub smiles: Option<String>,
    /// Its line in the table, counted from 1; none where it came from elsewhere.
    pub line: Option<usize>,
}

impl EncodeRequest {
    /// A label on its own.
    pub fn of(label: &str) -> Self {
        Self { label: label.to_owned(), smiles: None, line: None }
    }
}

/// Reads a table of perturbations: tab-separated, header `perturbation`, optional `smiles`; other columns are left alone.
///
/// ```
/// # let folder = tempfile::tempdir().expect("a scratch folder");
/// let path = folder.path().join("drugs.tsv");
/// std::fs::write(&path, "perturbation\tsmiles\nethanol_1uM\tCCO\n").expect("writes");
/// let requests = pert_pipeline::read_encode_requests(&path)?;
/// assert_eq!((requests[0].label.as_str(), requests[0].line), ("ethanol_1uM", Some(2)));
/// assert_eq!(requests[0].smiles.as_deref(), Some("CCO"));
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`], [`Error::RequestTable`] with the line.
pub fn read_encode_requests(path: &Path) -> Result<Vec<EncodeRequest>, Error> {
    let io = |e| Error::io("read", path, e);
    let bad =
        |line: usize, message: String| Error::RequestTable { path: path.to_owned(), line, message };
    let mut text = String::new();
    File::open(path).map_err(io)?.take(LARGEST_TABLE + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > LARGEST_TABLE {
        return Err(bad(1, format!("the table holds more than {LARGEST_TABLE} bytes; split it")));
    }
    let text = text.trim_start_matches('\u{feff}'); // what some editors put first
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header: Vec<&str> = match lines.next() {
        Some((_, line)) => line.split('\t').map(str::trim).collect(),
        None => return Err(bad(1, "the table is empty".into())),
    };
    let place = |name: &str| header.iter().position(|column| *column == name);
    let Some(label) = place(LABEL) else {
        let hint = match header.as_slice() {
            [only] if only.contains(',') => "; columns are separated by tabs, not commas",
            _ => "",
        };
        return Err(bad(1, format!("no column {LABEL:?} in the header {header:?}{hint}")));
    };
    let smiles = place(SMILES);
    let mut requests = Vec::new();
    for (index, line) in lines {
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        if fields.len() != header.len() {
            let message = format!("{} columns where the header has {}", fields.len(), header.len());
            return Err(bad(index + 1, message));
        }
        requests.push(EncodeRequest {
            label: fields[label].to_owned(),
            smiles: smiles.map(|column| fields[column].to_owned()),
            line: Some(index + 1),
        });
    }
    if requests.is_empty() {
        return Err(bad(1, "the table has a header but no row".into()));
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<EncodeRequest>, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_encode_requests(file.path())
    }

    #[test]
    fn other_columns_and_empty_lines_are_left_alone() {
        let requests = read("dose\tperturbation\n\n1\tA+B\n2\t\n").unwrap();
        let found: Vec<(&str, Option<usize>)> =
            requests.iter().map(|r| (r.label.as_str(), r.line)).collect();
        // An empty label is for the encoder to refuse, as any other that it cannot encode.
        assert_eq!(found, [("A+B", Some(3)), ("", Some(4))]);
        assert!(requests.iter().all(|r| r.smiles.is_none()));
    }

    #[test]
    fn bad_tables_name_the_line() {
        for (text, line, words) in [
            ("", 1, "empty"),
            ("gene\nA\n", 1, "no column \"perturbation\""),
            ("perturbation,smiles\nA,C\n", 1, "not commas"),
            ("perturbation\n", 1, "no row"),
            ("perturbation\tsmiles\nA\n", 2, "1 columns where the header has 2"),
        ] {
            match read(text) {
                Err(Error::RequestTable { line: found, message, .. }) => {
                    assert!(found == line && message.contains(words), "{text:?}: {message}");
                }
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }
}
