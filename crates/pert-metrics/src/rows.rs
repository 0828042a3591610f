//! A borrowed matrix of cells.

use crate::Error;

/// A borrowed row-major matrix, `[n_rows, n_columns]`; rows are cells, columns genes or latent dimensions.
///
/// ```
/// use pert_metrics::Rows;
/// let values = [0.0, 1.5, 2.0, 1.0, 0.0, 0.5];
/// let cells = Rows::new(&values, 3)?;
/// assert_eq!((cells.n_rows(), cells.n_columns()), (2, 3));
/// assert_eq!(cells.row(1), [1.0, 0.0, 0.5]);
/// // Six values are no whole rows of four.
/// assert!(Rows::new(&values, 4).is_err());
/// # Ok::<(), pert_metrics::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows<'a> {
    values: &'a [f64],
    n_columns: usize,
}

impl<'a> Rows<'a> {
    /// Reads `values` as rows of `n_columns`; no values are zero rows.
    ///
    /// # Errors
    /// [`Error::RaggedRows`] when the values do not fill whole rows, or `n_columns` is 0.
    pub fn new(values: &'a [f64], n_columns: usize) -> Result<Self, Error> {
        if n_columns == 0 || !values.len().is_multiple_of(n_columns) {
            return Err(Error::RaggedRows { n_values: values.len(), n_columns });
        }
        Ok(Self { values, n_columns })
    }

    /// Number of rows (cells).
    pub fn n_rows(&self) -> usize {
        self.values.len() / self.n_columns
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// One row, `[n_columns]`.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, i: usize) -> &'a [f64] {
        &self.values[i * self.n_columns..(i + 1) * self.n_columns]
    }

    /// All values, row after row.
    pub fn values(&self) -> &'a [f64] {
        self.values
    }

    /// One column, copied.
    pub(crate) fn column(&self, j: usize) -> Vec<f64> {
        self.values.iter().skip(j).step_by(self.n_columns).copied().collect()
    }

    /// The chosen rows, copied in the order given.
    pub(crate) fn gather(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter().flat_map(|&i| self.row(i)).copied().collect()
    }

    /// Refuses NaN and infinity.
    pub(crate) fn check_finite(&self) -> Result<(), Error> {
        match self.values.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(at) => Err(Error::NotFinite {
                row: at / self.n_columns,
                column: at % self.n_columns,
                value: self.values[at],
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_in_order_and_ragged_ones_refused() {
        let rows = Rows::new(&[1.0, 2.0, 3.0, 4.0], 2).unwrap();
        assert_eq!((rows.n_rows(), rows.n_columns(), rows.row(1)), (2, 2, &[3.0, 4.0][..]));
        assert_eq!(rows.gather(&[1, 0]), [3.0, 4.0, 1.0, 2.0]);
        assert_eq!(Rows::new(&[], 3).unwrap().n_rows(), 0);
        let ragged = Err(Error::RaggedRows { n_values: 3, n_columns: 2 });
        assert_eq!(Rows::new(&[1.0, 2.0, 3.0], 2), ragged);
        assert!(Rows::new(&[], 0).is_err());
    }

    #[test]
    fn the_place_of_a_value_that_is_no_number_is_named() {
        let values = [1.0, 2.0, f64::NAN, 4.0];
        let error = Rows::new(&values, 2).unwrap().check_finite().unwrap_err();
        assert!(matches!(error, Error::NotFinite { row: 1, column: 0, .. }), "{error}");
    }
}
