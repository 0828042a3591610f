//! Tables stored as arrays: npz and safetensors.

mod embeddings;
mod error;
mod npy;
mod safetensors;
mod zip;
mod zip_writer;

use std::collections::HashMap;
use std::path::Path;

pub use embeddings::write_embeddings_npz;
pub use error::{ArrayFileError, ArrayProblem};

use super::FeatureTable;
use super::file::{LARGEST_TABLE, read_bounded};
use npy::NpyData;

/// Names of the arrays of an npz file, and of the tensor and the keys of a safetensors file.
const NAMES: &str = "names";
const VALUES: &str = "values";
/// What the first two arrays are called in an npz file of embeddings ([`write_embeddings_npz`]).
const LABELS: &str = "labels";
const EMBEDDINGS: &str = "embeddings";
const COLUMNS: &str = "columns";

/// A table as a file of arrays holds it.
struct NamedRows {
    names: Vec<String>,
    columns: Option<Vec<String>>,
    n_columns: usize,
    /// Row-major, `[n, n_columns]`.
    values: Vec<f64>,
}

impl FeatureTable {
    /// Reads a table of numbers stored as arrays. Columns are centred and scaled, as those of any table of numbers.
    ///
    /// | file | arrays |
    /// |---|---|
    /// | npz (`numpy.savez`, compressed or not) | `names` `[n]`, text; `values` `[n, d]`, numbers; optional `columns` `[d]`, text |
    /// | npz of [`write_embeddings_npz`](crate::write_embeddings_npz) | `labels` and `embeddings` in their place |
    /// | safetensors, one tensor | `values` `[n, d]`, F32 or F64; metadata `names`, optional `columns`: JSON lists of text |
    /// | safetensors, one tensor a name | each `[d]` or `[1, d]`, F32 or F64; no metadata `names`; rows in bytewise order |
    ///
    /// [`FeatureTable::read`] knows these files by their first bytes and reads them likewise. Tables within a `.h5ad` come in
    /// through [`FeatureTable::from_rows_of`].
    ///
    /// # Errors
    /// Those of reading a file, and [`Error::Arrays`](crate::Error::Arrays): an array that is missing, of another type or
    /// shape, a name that is empty or stands twice, a value that is not finite, each with its row.
    ///
    /// ```
    /// use pert_encoders::FeatureTable;
    /// use safetensors::tensor::{Dtype, TensorView};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("genes.safetensors");
    /// let bytes = |values: [f32; 2]| values.map(f32::to_le_bytes).concat();
    /// let (klf1, myc) = (bytes([1.0, 5.0]), bytes([3.0, 9.0]));
    /// let view = |bytes| TensorView::new(Dtype::F32, vec![2], bytes);
    /// let file = safetensors::serialize([("KLF1", view(&klf1)?), ("MYC", view(&myc)?)], None)?;
    /// std::fs::write(&path, file)?;
    /// let table = FeatureTable::read_arrays(&path)?;
    /// assert_eq!((table.genes(), table.dim()), (&["KLF1".into(), "MYC".into()][..], 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_arrays(path: impl AsRef<Path>) -> Result<Self, crate::Error> {
        let bytes = read_bounded(path.as_ref(), LARGEST_TABLE)?;
        Ok(parse_arrays(&bytes, path.as_ref(), LARGEST_TABLE)?)
    }
}

impl FeatureTable {
    /// A table of numbers from rows that were read elsewhere, `source` in messages. Columns are centred and scaled; without
    /// names they are called `1`, `2`, ….
    ///
    /// # Shapes
    /// - values: `[names.len(), n_columns]`, row-major
    ///
    /// # Errors
    /// [`Error::Arrays`](crate::Error::Arrays) as for a file of arrays.
    ///
    /// ```
    /// use pert_encoders::FeatureTable;
    /// let names = ["KLF1", "MYC"].map(str::to_owned).to_vec();
    /// let of = |values| FeatureTable::from_rows_of("a.h5ad:uns:k", names.clone(), None, 1, values);
    /// assert_eq!(of(vec![1.0, 3.0])?.columns(), ["1"]);
    /// let error = of(vec![1.0, f64::NAN]).unwrap_err().to_string();
    /// assert!(error.starts_with("a.h5ad:uns:k: row 2 (\"MYC\")"), "{error}");
    /// # Ok::<(), pert_encoders::Error>(())
    /// ```
    pub fn from_rows_of(
        source: impl AsRef<Path>,
        names: Vec<String>,
        columns: Option<Vec<String>>,
        n_columns: usize,
        values: Vec<f64>,
    ) -> Result<Self, crate::Error> {
        let path = source.as_ref().to_owned();
        let rows = NamedRows { names, columns, n_columns, values };
        Ok(rows.table().map_err(|problem| ArrayFileError { path, problem })?)
    }
}

/// Whether a file begins as npz or safetensors files do.
pub(super) fn is_arrays(bytes: &[u8]) -> bool {
    zip::is_zip(bytes) || safetensors::is_safetensors(bytes)
}

pub(super) fn parse_arrays(
    bytes: &[u8],
    path: &Path,
    limit: u64,
) -> Result<FeatureTable, ArrayFileError> {
    let rows =
        if zip::is_zip(bytes) { read_npz(bytes, limit) } else { safetensors::read(bytes, limit) };
    rows.and_then(NamedRows::table)
        .map_err(|problem| ArrayFileError { path: path.to_owned(), problem })
}

fn read_npz(bytes: &[u8], limit: u64) -> Result<NamedRows, ArrayProblem> {
    let archive = zip::Archive::open(bytes)?;
    let array = |name: &str| -> Result<Option<npy::NpyArray>, ArrayProblem> {
        let Some(file) = archive.read(&format!("{name}.npy"), limit)? else { return Ok(None) };
        npy::parse(&file, name, limit).map(Some)
    };
    let found = || {
        let names = archive.names().map(|n| n.trim_end_matches(".npy"));
        names.collect::<Vec<_>>().join(", ")
    };
    let need = |name: &'static str| {
        array(name)?.ok_or_else(|| ArrayProblem::Missing { wanted: name, found: found() })
    };
    let is_embeddings = archive.names().any(|name| name == format!("{EMBEDDINGS}.npy"));
    let (names, values) = match is_embeddings {
        true => (need(LABELS)?, need(EMBEDDINGS)?),
        false => (need(NAMES)?, need(VALUES)?),
    };
    let &[_, n_columns] = values.shape.as_slice() else {
        let expected = "two axes, [n, d]".to_owned();
        return Err(ArrayProblem::Shape { array: VALUES.into(), expected, found: values.shape });
    };
    let columns = array(COLUMNS)?.map(|columns| columns.texts(COLUMNS)).transpose()?;
    let values = match values.data {
        NpyData::Numbers(numbers) => numbers,
        NpyData::Texts(_) => {
            let found = "text".to_owned();
            return Err(ArrayProblem::Type { array: VALUES.into(), expected: "numbers", found });
        }
    };
    Ok(NamedRows { names: names.texts(NAMES)?, columns, n_columns, values })
}

impl NamedRows {
    fn table(self) -> Result<FeatureTable, ArrayProblem> {
        let Self { names, columns, n_columns, values } = self;
        let n = names.len();
        if n == 0 || n_columns == 0 {
            return Err(ArrayProblem::Empty);
        }
        if n.checked_mul(n_columns) != Some(values.len()) {
            return Err(ArrayProblem::NameCount { names: n, rows: values.len() / n_columns });
        }
        let columns = columns.unwrap_or_else(|| (1..=n_columns).map(|i| i.to_string()).collect());
        if columns.len() != n_columns {
            return Err(ArrayProblem::ColumnCount { expected: n_columns, found: columns.len() });
        }
        let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
        let mut rows = HashMap::new();
        for (i, name) in names.iter().enumerate() {
            let row = i + 1;
            if name.is_empty() {
                return Err(ArrayProblem::EmptyName { row });
            }
            if let Some(first) = rows.insert(name.as_str(), row) {
                return Err(ArrayProblem::DuplicateName { name: name.clone(), first, row });
            }
            let values = &values[i * n_columns..row * n_columns];
            if let Some(column) = values.iter().position(|v| !v.is_finite()) {
                return Err(ArrayProblem::NotFinite {
                    name: name.clone(),
                    row,
                    column: columns[column].clone(),
                    value: values[column],
                });
            }
        }
        FeatureTable::from_dense(names, columns, values)
            .map_err(|error| ArrayProblem::Damaged { reason: error.to_string() })
    }
}

/// Refuses more numbers than fit into `limit` bytes as `f64`.
fn check_size(array: &str, shape: &[usize], limit: u64) -> Result<usize, ArrayProblem> {
    let n = shape.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis));
    n.filter(|&n| n as u64 <= limit / size_of::<f64>() as u64)
        .ok_or_else(|| ArrayProblem::TooLarge { array: array.to_owned(), limit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(
        names: &[&str],
        values: Vec<f64>,
        columns: Option<&[&str]>,
    ) -> Result<FeatureTable, ArrayProblem> {
        let owned = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect();
        NamedRows { names: owned(names), columns: columns.map(owned), n_columns: 2, values }.table()
    }

    #[test]
    fn rows_that_cannot_be_held_are_named() {
        let problem =
            |names: &[&str], values: &[f64]| rows(names, values.to_vec(), None).unwrap_err();
        assert!(rows(&["a", "b"], vec![1.0; 4], None).is_ok());
        assert_eq!(problem(&["a"], &[1.0; 4]), ArrayProblem::NameCount { names: 1, rows: 2 });
        assert_eq!(problem(&[], &[]), ArrayProblem::Empty);
        assert_eq!(problem(&["a", " "], &[1.0; 4]), ArrayProblem::EmptyName { row: 2 });
        let twice = ArrayProblem::DuplicateName { name: "a".into(), first: 1, row: 2 };
        assert_eq!(problem(&["a", "a "], &[1.0; 4]), twice);
        let message = problem(&["a", "b"], &[1.0, 2.0, 3.0, f64::NAN]).to_string();
        assert!(
            message.contains("row 2") && message.contains("\"b\"") && message.contains("NaN"),
            "{message}"
        );
        let columns = rows(&["a"], vec![1.0; 2], Some(&["x"])).unwrap_err();
        assert_eq!(columns, ArrayProblem::ColumnCount { expected: 2, found: 1 });
    }

    #[test]
    fn damaged_files_are_errors_and_never_panic() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/arrays");
        for name in ["plain.npz", "compressed.npz", "one.safetensors", "many.safetensors"] {
            let bytes = std::fs::read(folder.join(name)).unwrap();
            let parse = |bytes: &[u8]| parse_arrays(bytes, Path::new(name), 1 << 20);
            assert!(parse(&bytes).is_ok());
            for length in 0..bytes.len() {
                assert!(parse(&bytes[..length]).is_err(), "{name} cut to {length} bytes");
            }
            for place in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[place] ^= 0x41;
                let _ = parse(&damaged);
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            start in prop::sample::select(vec![&b"PK\x03\x04"[..], b"PK\x05\x06", b"\x10\0\0\0\0\0\0\0{"]),
            rest in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            let bytes = [start, &rest].concat();
            prop_assert!(is_arrays(&bytes));
            prop_assert!(parse_arrays(&bytes, Path::new("x"), 1 << 20).is_err());
        }
    }
}
