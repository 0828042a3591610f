//! Raw counts of a population, cells × genes, compressed by rows.

use crate::Error;

/// The largest count held exactly: every integer up to 2²⁴ is an `f32`.
pub const LARGEST_COUNT: f32 = 16_777_216.0;

/// The library size that normalised profiles are scaled to: x = log1p(10⁴ · y / Σy).
pub const TARGET_SUM: f64 = 1e4;

/// A sparse matrix of raw counts, `[n_cells, n_genes]`, compressed sparse rows.
///
/// Columns are strictly increasing within a row and explicit zeros are dropped. Values are non-negative
/// integers up to [`LARGEST_COUNT`], held as `f32` because that is what models read.
///
/// ```
/// use pert_core::CsrCounts;
/// // Two cells, three genes.
/// let counts = CsrCounts::from_dense(3, &[0.0, 3.0, 1.0, 2.0, 0.0, 0.0])?;
/// assert_eq!((counts.n_cells(), counts.n_genes(), counts.n_nonzero()), (2, 3, 3));
/// assert_eq!(counts.library_size(0), 4.0);
/// assert_eq!(counts.dense(&[1]), [2.0, 0.0, 0.0]);
/// // Normalised values are no raw counts.
/// assert!(CsrCounts::from_dense(1, &[0.5]).is_err());
/// # Ok::<(), pert_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CsrCounts {
    n_genes: usize,
    indptr: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl CsrCounts {
    /// Checks and takes the three arrays of a CSR matrix; rows need not be sorted.
    ///
    /// # Errors
    /// [`Error::InconsistentMatrix`] when the arrays contradict each other or a column stands twice in a row;
    /// [`Error::NotACount`] at the first value that is negative, fractional, NaN or too large.
    ///
    /// ```
    /// use pert_core::CsrCounts;
    /// // The arrays `indptr`, `indices` and `data` of scipy's `csr_matrix`.
    /// let counts = CsrCounts::new(3, vec![0, 2, 3], vec![1, 2, 0], vec![3.0, 1.0, 2.0])?;
    /// assert_eq!(counts, CsrCounts::from_dense(3, &[0.0, 3.0, 1.0, 2.0, 0.0, 0.0])?);
    /// # Ok::<(), pert_core::Error>(())
    /// ```
    pub fn new(
        n_genes: usize,
        indptr: Vec<usize>,
        indices: Vec<u32>,
        values: Vec<f32>,
    ) -> Result<Self, Error> {
        let inconsistent = |message: String| Err(Error::InconsistentMatrix(message));
        if indptr.first() != Some(&0) || indptr.last() != Some(&indices.len()) {
            return inconsistent(format!(
                "row pointers must run from 0 to the number of entries ({})",
                indices.len()
            ));
        }
        if indices.len() != values.len() {
            return inconsistent(format!(
                "{} column indices for {} values",
                indices.len(),
                values.len()
            ));
        }
        if let Some(row) = indptr.windows(2).position(|w| w[0] > w[1]) {
            return inconsistent(format!("row pointers decrease at row {row}"));
        }
        let mut out = Self {
            n_genes,
            indptr: Vec::with_capacity(indptr.len()),
            indices: Vec::with_capacity(indices.len()),
            values: Vec::with_capacity(values.len()),
        };
        out.indptr.push(0);
        let mut entries: Vec<(u32, f32)> = Vec::new();
        for (row, window) in indptr.windows(2).enumerate() {
            entries.clear();
            entries.extend(
                indices[window[0]..window[1]]
                    .iter()
                    .copied()
                    .zip(values[window[0]..window[1]].iter().copied()),
            );
            if !entries.is_sorted_by_key(|entry| entry.0) {
                entries.sort_by_key(|entry| entry.0);
            }
            if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return inconsistent(format!("row {row} holds column {} twice", pair[0].0));
            }
            for &(column, value) in &entries {
                if column as usize >= n_genes {
                    return inconsistent(format!(
                        "row {row} names column {column}, but there are {n_genes} columns"
                    ));
                }
                if !(0.0..=LARGEST_COUNT).contains(&value) || value.fract() != 0.0 {
                    return Err(Error::NotACount {
                        row,
                        column: column as usize,
                        value: f64::from(value),
                    });
                }
                if value > 0.0 {
                    out.indices.push(column);
                    out.values.push(value);
                }
            }
            out.indptr.push(out.indices.len());
        }
        Ok(out)
    }

    /// Counts from a dense row-major matrix `[n_cells, n_genes]`.
    ///
    /// # Errors
    /// As [`CsrCounts::new`]; also when the length is no multiple of `n_genes`.
    pub fn from_dense(n_genes: usize, dense: &[f32]) -> Result<Self, Error> {
        if n_genes == 0 || !dense.len().is_multiple_of(n_genes) {
            return Err(Error::InconsistentMatrix(format!(
                "{} values do not fill rows of {n_genes} genes",
                dense.len()
            )));
        }
        let mut indptr = vec![0];
        let (mut indices, mut values) = (Vec::new(), Vec::new());
        for row in dense.chunks_exact(n_genes) {
            for (column, &value) in row.iter().enumerate() {
                if value != 0.0 {
                    indices.push(column as u32);
                    values.push(value);
                }
            }
            indptr.push(indices.len());
        }
        Self::new(n_genes, indptr, indices, values)
    }

    /// Number of rows (cells).
    pub fn n_cells(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Number of columns (genes).
    pub fn n_genes(&self) -> usize {
        self.n_genes
    }

    /// Number of non-zero entries.
    pub fn n_nonzero(&self) -> usize {
        self.values.len()
    }

    /// Row pointers, `[n_cells + 1]`.
    pub fn indptr(&self) -> &[usize] {
        &self.indptr
    }

    /// Column of each non-zero entry.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Value of each non-zero entry.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The columns and values of one row.
    pub fn row(&self, cell: usize) -> (&[u32], &[f32]) {
        let range = self.indptr[cell]..self.indptr[cell + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// Total count of one cell over the genes kept, Σ_g y_g.
    pub fn library_size(&self, cell: usize) -> f64 {
        self.row(cell).1.iter().map(|&v| f64::from(v)).sum()
    }

    /// The chosen rows, in the order given; a row may be chosen more than once.
    ///
    /// # Panics
    /// When a row is not below `n_cells`.
    pub fn select_cells(&self, cells: &[usize]) -> Self {
        let mut out = Self {
            n_genes: self.n_genes,
            indptr: vec![0],
            indices: Vec::new(),
            values: Vec::new(),
        };
        for &cell in cells {
            let (indices, values) = self.row(cell);
            out.indices.extend_from_slice(indices);
            out.values.extend_from_slice(values);
            out.indptr.push(out.indices.len());
        }
        out
    }

    /// The chosen columns, in the order given; each may be chosen once.
    ///
    /// # Panics
    /// When a column is not below `n_genes`.
    pub fn select_genes(&self, genes: &[usize]) -> Self {
        let mut new_column = vec![u32::MAX; self.n_genes];
        for (new, &old) in genes.iter().enumerate() {
            new_column[old] = new as u32;
        }
        let mut out =
            Self { n_genes: genes.len(), indptr: vec![0], indices: Vec::new(), values: Vec::new() };
        let mut entries: Vec<(u32, f32)> = Vec::new();
        for cell in 0..self.n_cells() {
            let (indices, values) = self.row(cell);
            entries.clear();
            entries.extend(indices.iter().zip(values).filter_map(|(&column, &value)| {
                let column = new_column[column as usize];
                (column != u32::MAX).then_some((column, value))
            }));
            entries.sort_by_key(|entry| entry.0);
            out.indices.extend(entries.iter().map(|entry| entry.0));
            out.values.extend(entries.iter().map(|entry| entry.1));
            out.indptr.push(out.indices.len());
        }
        out
    }

    /// The chosen rows as a dense row-major matrix of raw counts, `[cells.len(), n_genes]`.
    pub fn dense(&self, cells: &[usize]) -> Vec<f32> {
        let mut dense = vec![0.0; cells.len() * self.n_genes];
        for (&cell, out) in cells.iter().zip(dense.chunks_exact_mut(self.n_genes.max(1))) {
            let (indices, values) = self.row(cell);
            for (&column, &value) in indices.iter().zip(values) {
                out[column as usize] = value;
            }
        }
        dense
    }

    /// The chosen rows as log-normalised profiles x = log1p(10⁴ · y / Σy), row-major `[cells.len(), n_genes]`.
    ///
    /// A cell without counts gives a row of zeros; drop such cells before.
    ///
    /// ```
    /// use pert_core::CsrCounts;
    /// let counts = CsrCounts::from_dense(2, &[1.0, 3.0])?;
    /// // Of 10⁴, a quarter and three quarters.
    /// assert_eq!(counts.log_normalised(&[0]), [2500f64.ln_1p(), 7500f64.ln_1p()]);
    /// # Ok::<(), pert_core::Error>(())
    /// ```
    pub fn log_normalised(&self, cells: &[usize]) -> Vec<f64> {
        let mut dense = vec![0.0; cells.len() * self.n_genes];
        for (&cell, out) in cells.iter().zip(dense.chunks_exact_mut(self.n_genes.max(1))) {
            self.for_each_log_normalised(cell, |column, x| out[column] = x);
        }
        dense
    }

    /// Mean log-normalised profile of the chosen rows, `[n_genes]`; zeros where no row is chosen.
    pub fn mean_log_normalised(&self, cells: &[usize]) -> Vec<f64> {
        let mut mean = vec![0.0; self.n_genes];
        for &cell in cells {
            self.for_each_log_normalised(cell, |column, x| mean[column] += x);
        }
        let n = cells.len().max(1) as f64;
        mean.iter_mut().for_each(|m| *m /= n);
        mean
    }

    fn for_each_log_normalised(&self, cell: usize, mut f: impl FnMut(usize, f64)) {
        let (indices, values) = self.row(cell);
        let library = self.library_size(cell);
        for (&column, &value) in indices.iter().zip(values) {
            f(column as usize, (TARGET_SUM * f64::from(value) / library).ln_1p());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> CsrCounts {
        CsrCounts::from_dense(3, &[0.0, 2.0, 1.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap()
    }

    #[test]
    fn rows_and_columns_are_selected_in_the_order_given() {
        let counts = small();
        let picked = counts.select_cells(&[1, 0]).select_genes(&[2, 0]);
        assert_eq!(picked.dense(&[0, 1]), [0.0, 4.0, 1.0, 0.0]);
        assert_eq!(counts.library_size(0), 3.0);
    }

    #[test]
    fn normalisation_matches_its_formula_and_survives_empty_cells() {
        let counts = small();
        let x = counts.log_normalised(&[0, 2]);
        approx::assert_relative_eq!(x[1], (1e4f64 * 2.0 / 3.0).ln_1p(), max_relative = 1e-14);
        assert_eq!(&x[3..], [0.0; 3]);
        let mean = counts.mean_log_normalised(&[0, 1]);
        approx::assert_relative_eq!(mean[0], 1e4f64.ln_1p() / 2.0, max_relative = 1e-14);
    }

    #[test]
    fn what_is_no_count_is_named_with_its_place() {
        for bad in [-1.0, 0.5, f32::NAN, 2.0 * LARGEST_COUNT] {
            let error = CsrCounts::from_dense(2, &[0.0, 1.0, 0.0, bad]).unwrap_err();
            assert!(matches!(error, Error::NotACount { row: 1, column: 1, .. }), "{error}");
        }
    }

    #[test]
    fn broken_arrays_are_errors() {
        for (indptr, indices, values) in [
            (vec![0, 2], vec![0], vec![1.0]),
            (vec![0, 1], vec![5], vec![1.0]),
            (vec![0, 2], vec![1, 1], vec![1.0, 1.0]),
            (vec![0, 2, 1, 2], vec![0, 1], vec![1.0, 1.0]),
            (vec![], vec![], vec![]),
        ] {
            assert!(matches!(
                CsrCounts::new(3, indptr, indices, values),
                Err(Error::InconsistentMatrix(_))
            ));
        }
    }

    #[test]
    fn unsorted_rows_are_sorted_and_explicit_zeros_dropped() {
        let counts = CsrCounts::new(4, vec![0, 3], vec![3, 0, 1], vec![1.0, 2.0, 0.0]).unwrap();
        assert_eq!(counts.row(0), (&[0u32, 3][..], &[2.0f32, 1.0][..]));
    }
}
