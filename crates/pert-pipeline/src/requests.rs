//! What to predict, read from text.

use std::path::Path;

use pert_core::{LabelFormat, Perturbation};

use crate::{Error, Request};

/// Reads `KEY=VALUE`.
///
/// ```
/// let (key, value) = pert_pipeline::parse_at("cell_type=CD4 T")?;
/// assert_eq!((key.as_str(), value.as_str()), ("cell_type", "CD4 T"));
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
///
/// # Errors
/// [`Error::Request`] without an `=`.
pub fn parse_at(text: &str) -> Result<(String, String), Error> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(Error::Request(format!(
            "--at {text:?} is no KEY=VALUE; write for example --at cell_type=K562"
        ))),
    }
}

/// Reads a table of requests: tab-separated, header `perturbation`, covariate columns, optional `n_cells`.
///
/// Rows without `n_cells` get the default; conditions in `at` hold for every row, columns of the table win.
///
/// ```
/// use pert_core::LabelFormat;
/// # let folder = tempfile::tempdir().expect("a scratch folder");
/// let path = folder.path().join("wanted.tsv");
/// std::fs::write(&path, "perturbation\tcell_type\tn_cells\nKLF1\tCD4 T\t50\nMYC\tB\t\n")
///     .expect("writes");
/// let requests = pert_pipeline::read_requests(&path, &LabelFormat::default(), 500, &[])?;
/// assert_eq!((requests[0].n_cells, requests[1].n_cells), (50, 500));
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`], [`Error::RequestTable`] with the line.
pub fn read_requests(
    path: &Path,
    format: &LabelFormat,
    default_cells: usize,
    at: &[(String, String)],
) -> Result<Vec<Request>, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    let text = text.trim_start_matches('\u{feff}'); // what some editors put first
    let bad =
        |line: usize, message: String| Error::RequestTable { path: path.to_owned(), line, message };
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header: Vec<&str> = match lines.next() {
        Some((_, line)) => line.split('\t').map(str::trim).collect(),
        None => return Err(bad(1, "the table is empty".into())),
    };
    let Some(label_column) = header.iter().position(|h| *h == "perturbation") else {
        let hint = if header.len() == 1 && header[0].contains(',') {
            "; columns are separated by tabs, not commas"
        } else {
            ""
        };
        return Err(bad(1, format!("no column \"perturbation\" in the header {header:?}{hint}")));
    };
    let mut requests: Vec<(usize, Request)> = Vec::new();
    for (index, line) in lines {
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        if fields.len() != header.len() {
            let message = format!("{} columns where the header has {}", fields.len(), header.len());
            return Err(bad(index + 1, message));
        }
        let mut request = Request {
            perturbation: Perturbation::parse(fields[label_column], format)
                .map_err(|e| bad(index + 1, e.to_string()))?,
            n_cells: default_cells,
            at: at.to_vec(),
        };
        for (column, (name, value)) in header.iter().zip(&fields).enumerate() {
            if column == label_column || value.is_empty() {
                continue;
            }
            if *name == "n_cells" {
                request.n_cells = value.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
                    bad(index + 1, format!("n_cells is {value:?}, not a number above 0"))
                })?;
            } else {
                request.at.retain(|(key, _)| key != name);
                request.at.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let same = |(_, r): &&(usize, Request)| {
            r.perturbation == request.perturbation && r.at == request.at
        };
        if let Some((first, _)) = requests.iter().find(same) {
            let message = format!(
                "{} stands in line {first} already, under the same conditions; ask for more n_cells there",
                request.perturbation
            );
            return Err(bad(index + 1, message));
        }
        requests.push((index + 1, request));
    }
    if requests.is_empty() {
        return Err(bad(1, "the table has a header but no row".into()));
    }
    Ok(requests.into_iter().map(|(_, request)| request).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Request>, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let at = [("cell_type".to_owned(), "T".to_owned())];
        read_requests(file.path(), &LabelFormat::default(), 100, &at)
    }

    #[test]
    fn rows_override_defaults() {
        let requests = read("perturbation\tn_cells\tcell_type\nA+B\t7\tB\nC\t\t\n").unwrap();
        assert_eq!((requests[0].n_cells, requests[1].n_cells), (7, 100));
        assert_eq!(requests[0].at, [("cell_type".to_owned(), "B".to_owned())]);
        assert_eq!(requests[1].at, [("cell_type".to_owned(), "T".to_owned())]);
    }

    #[test]
    fn bad_tables_name_the_line() {
        for (text, line) in [
            ("", 1),
            ("gene\nA\n", 1),
            ("perturbation\n", 1),
            ("perturbation\tn_cells\nA\n", 2),
            ("perturbation\tn_cells\nA\t0\n", 2),
            ("perturbation\nA\nA++B\n", 3),
        ] {
            match read(text) {
                Err(Error::RequestTable { line: found, .. }) => assert_eq!(found, line, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }
}
