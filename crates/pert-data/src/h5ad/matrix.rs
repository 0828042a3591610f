//! The count matrix: `X`, a layer or `raw/X`, in any of AnnData's three encodings.

use hdf5_pure::AttrValue;
use pert_core::{CsrCounts, LARGEST_COUNT};

use super::array::Array;
use super::container::{Container, Node};
use crate::Error;

/// How a matrix is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// Compressed sparse rows.
    Csr,
    /// Compressed sparse columns.
    Csc,
    Dense,
}

/// A matrix of the file, opened but not read.
pub(crate) struct Matrix<'a> {
    container: &'a Container,
    object: String,
    encoding: Encoding,
    n_rows: usize,
    n_columns: usize,
}

/// What a matrix turned out to hold.
pub(crate) enum Reading {
    /// Raw counts.
    Counts(CsrCounts),
    /// Something else: the first value met that is no count, and its place.
    NotCounts { row: usize, column: usize, value: f64 },
}

/// A value that is no count, with its place: the reason why reading stopped.
struct NotACount {
    row: usize,
    column: usize,
    value: f64,
}

/// What stops reading.
enum Stop {
    Error(Error),
    NotACount(NotACount),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Stored values looked at when only guessing whether a layer holds counts.
const SAMPLE: u64 = 1 << 17;

impl<'a> Matrix<'a> {
    /// Opens `X`, `layers/NAME` or `raw/X`; `None` when the file has no such matrix.
    pub(crate) fn open(container: &'a Container, object: &str) -> Result<Option<Self>, Error> {
        let (encoding, shape) = match container.node(object)? {
            Node::Missing => return Ok(None),
            Node::Dataset => {
                let array = Array::open(container, object)?;
                (Encoding::Dense, array.shape().to_vec())
            }
            Node::Group => {
                let attributes = container.attributes(object)?;
                // Files older than anndata 0.7 use the second name of each.
                let text = |name: &str| attributes.get(name).and_then(AttrValue::as_str);
                let encoding = text("encoding-type").or_else(|| text("h5sparse_format"));
                let shape = attributes.get("shape").or_else(|| attributes.get("h5sparse_shape"));
                let encoding = match encoding {
                    Some("csr_matrix" | "csr") => Encoding::Csr,
                    Some("csc_matrix" | "csc") => Encoding::Csc,
                    other => {
                        let found = other.unwrap_or("nothing");
                        return Err(container.unsupported(
                            object,
                            format!("its encoding is {found:?}; store it as csr_matrix"),
                        ));
                    }
                };
                let shape = shape.and_then(integers).ok_or_else(|| {
                    container.corrupt(object, "its shape is missing or holds no integers")
                })?;
                (encoding, shape)
            }
        };
        let [n_rows, n_columns] = shape[..] else {
            return Err(container.corrupt(object, format!("expected two axes, found {shape:?}")));
        };
        // A pointer per row and per column must fit, and a column index is 32-bit.
        let longest =
            (container.memory_limit() / size_of::<usize>() as u64).min(u64::from(u32::MAX));
        if n_rows >= longest || n_columns >= longest {
            return Err(container.corrupt(object, format!("its shape {shape:?} is impossible")));
        }
        Ok(Some(Self {
            container,
            object: object.to_owned(),
            encoding,
            n_rows: n_rows as usize,
            n_columns: n_columns as usize,
        }))
    }

    /// Where the matrix stands in the file.
    pub(crate) fn object(&self) -> &str {
        &self.object
    }

    /// Number of rows (cells) and columns (genes).
    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.n_rows, self.n_columns)
    }

    /// Reads the matrix, block by block, stopping at the first value that is no count.
    pub(crate) fn read(&self) -> Result<Reading, Error> {
        let read = match self.encoding {
            Encoding::Csr => self.read_csr(),
            Encoding::Csc => self.read_csc(),
            Encoding::Dense => self.read_dense(),
        };
        match read {
            Ok(counts) => Ok(Reading::Counts(counts)),
            Err(Stop::Error(error)) => Err(error),
            Err(Stop::NotACount(NotACount { row, column, value })) => {
                Ok(Reading::NotCounts { row, column, value })
            }
        }
    }

    /// Whether the first stored values are counts, not all of them zero; a guess for messages.
    pub(crate) fn looks_like_counts(&self) -> Result<bool, Error> {
        let values = match self.encoding {
            Encoding::Dense => Array::open(self.container, &self.object)?,
            _ => self.part("data")?,
        };
        if !values.kind().is_number() {
            return Ok(false);
        }
        let n_rows = values.shape().first().copied().unwrap_or(0);
        let (mut start, mut seen, mut any) = (0, 0, false);
        while start < n_rows && seen < SAMPLE {
            let rows = values.rows_per_block().min(n_rows - start);
            let block = values.numbers(start, rows)?;
            if !block.iter().all(|&value| is_count(value)) {
                return Ok(false);
            }
            any |= block.iter().any(|&value| value > 0.0);
            seen += block.len() as u64;
            start += rows;
        }
        Ok(any)
    }

    fn part(&self, name: &str) -> Result<Array<'a>, Error> {
        Array::open(self.container, &format!("{}/{name}", self.object))
    }

    fn corrupt(&self, reason: String) -> Error {
        self.container.corrupt(&self.object, reason)
    }

    /// Row (csr) or column (csc) pointers, checked against each other and against the entries.
    fn pointers(&self, n_major: usize) -> Result<(Vec<usize>, Array<'a>, Array<'a>), Error> {
        let pointers = self.part("indptr")?;
        let (indices, data) = (self.part("indices")?, self.part("data")?);
        let n_entries = data.len()?;
        if indices.len()? != n_entries || pointers.len()? != n_major + 1 {
            return Err(self.corrupt(format!(
                "{n_entries} values, {} indices and {} pointers do not make a matrix of {} × {}",
                indices.len()?,
                pointers.len()?,
                self.n_rows,
                self.n_columns
            )));
        }
        let pointers = pointers.all_integers()?;
        let ascending = pointers.is_sorted()
            && pointers.first() == Some(&0)
            && pointers.last() == Some(&(n_entries as i64));
        if !ascending {
            return Err(self.corrupt(format!("its pointers do not ascend from 0 to {n_entries}")));
        }
        Ok((pointers.into_iter().map(|p| p as usize).collect(), indices, data))
    }

    /// Calls `entry(position, index, value)` for every stored entry that is not zero.
    fn for_each_entry(
        &self,
        indices: &Array<'_>,
        data: &Array<'_>,
        n_minor: usize,
        mut entry: impl FnMut(usize, u32, f64) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let n_entries = data.len()? as u64;
        let limit = self.container.memory_limit() / (size_of::<u32>() + size_of::<f32>()) as u64;
        let mut kept = 0u64;
        let mut start = 0;
        while start < n_entries {
            let rows = data.rows_per_block().min(n_entries - start);
            let (values, columns) = (data.numbers(start, rows)?, indices.integers(start, rows)?);
            for (offset, (value, index)) in values.into_iter().zip(columns).enumerate() {
                let position = start as usize + offset;
                if index < 0 || index as u64 >= n_minor as u64 {
                    return Err(self
                        .corrupt(format!("entry {position} has index {index} of {n_minor}"))
                        .into());
                }
                if value != 0.0 {
                    kept += 1;
                    entry(position, index as u32, value)?;
                }
            }
            if kept > limit {
                return Err(self
                    .corrupt(format!("{kept} entries are too many for this file"))
                    .into());
            }
            start += rows;
        }
        Ok(())
    }

    fn read_csr(&self) -> Result<CsrCounts, Stop> {
        let (pointers, indices, data) = self.pointers(self.n_rows)?;
        let mut builder = RowBuilder::default();
        let mut row = 0;
        self.for_each_entry(&indices, &data, self.n_columns, |position, column, value| {
            while position >= pointers[row + 1] {
                builder.end_row();
                row += 1;
            }
            builder.push(row, column, value)
        })?;
        for _ in row..self.n_rows {
            builder.end_row();
        }
        self.finish(builder)
    }

    fn read_csc(&self) -> Result<CsrCounts, Stop> {
        let (pointers, indices, data) = self.pointers(self.n_columns)?;
        let (mut rows, mut columns, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut column = 0;
        self.for_each_entry(&indices, &data, self.n_rows, |position, row, value| {
            while position >= pointers[column + 1] {
                column += 1;
            }
            rows.push(row);
            columns.push(column as u32);
            values.push(check_count(row as usize, column, value)?);
            Ok(())
        })?;
        // Counting sort by row; within a row columns stay ascending.
        let mut indptr = vec![0usize; self.n_rows + 1];
        for &row in &rows {
            indptr[row as usize + 1] += 1;
        }
        for row in 0..self.n_rows {
            indptr[row + 1] += indptr[row];
        }
        let mut next = indptr.clone();
        let mut builder =
            RowBuilder { indptr, indices: vec![0; rows.len()], values: vec![0.0; rows.len()] };
        for ((row, column), value) in rows.into_iter().zip(columns).zip(values) {
            let place = &mut next[row as usize];
            builder.indices[*place] = column;
            builder.values[*place] = value;
            *place += 1;
        }
        self.finish(builder)
    }

    fn read_dense(&self) -> Result<CsrCounts, Stop> {
        let array = Array::open(self.container, &self.object)?;
        let mut builder = RowBuilder::default();
        let n_rows = self.n_rows as u64;
        let mut start = 0;
        while start < n_rows {
            let rows = array.rows_per_block().min(n_rows - start);
            let block = array.numbers(start, rows)?;
            for offset in 0..rows as usize {
                let row = start as usize + offset;
                let cells = &block[offset * self.n_columns..(offset + 1) * self.n_columns];
                for (column, &value) in cells.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                    builder.push(row, column as u32, value)?;
                }
                builder.end_row();
            }
            let bytes = builder.indices.len() as u64 * (size_of::<u32>() + size_of::<f32>()) as u64;
            if bytes > self.container.memory_limit() {
                return Err(self.corrupt("it expands too far for this file".into()).into());
            }
            start += rows;
        }
        self.finish(builder)
    }

    fn finish(&self, builder: RowBuilder) -> Result<CsrCounts, Stop> {
        let RowBuilder { indptr, indices, values } = builder;
        CsrCounts::new(self.n_columns, indptr, indices, values).map_err(|source| {
            Stop::Error(Error::Screen { path: self.container.path().to_owned(), source })
        })
    }
}

/// Rows of counts as they come in.
struct RowBuilder {
    indptr: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl Default for RowBuilder {
    fn default() -> Self {
        Self { indptr: vec![0], indices: Vec::new(), values: Vec::new() }
    }
}

impl RowBuilder {
    fn push(&mut self, row: usize, column: u32, value: f64) -> Result<(), Stop> {
        self.values.push(check_count(row, column as usize, value)?);
        self.indices.push(column);
        Ok(())
    }

    fn end_row(&mut self) {
        self.indptr.push(self.indices.len());
    }
}

fn is_count(value: f64) -> bool {
    (0.0..=f64::from(LARGEST_COUNT)).contains(&value) && value.fract() == 0.0
}

fn check_count(row: usize, column: usize, value: f64) -> Result<f32, Stop> {
    if is_count(value) {
        return Ok(value as f32);
    }
    Err(Stop::NotACount(NotACount { row, column, value }))
}

/// The values of an integer attribute that are not negative.
fn integers(attribute: &AttrValue) -> Option<Vec<u64>> {
    if let Some(values) = attribute.to_i64s() {
        return values.into_iter().map(|value| u64::try_from(value).ok()).collect();
    }
    attribute.to_u64s()
}
