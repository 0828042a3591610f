//! Mean and covariance of rows, without a centred copy of the data.

use rayon::prelude::*;

use crate::linalg::product_of_transpose;
use crate::{Error, Rows};

/// Rows centred at a time: bounds the memory beside the input.
const CHUNK_ROWS: usize = 4096;

/// Mean of each column, `[n_columns]`; NaN when there are no rows.
///
/// ```
/// let x = [1.0, 2.0, 3.0, 6.0];
/// assert_eq!(pert_metrics::column_means(pert_metrics::Rows::new(&x, 2)?), [2.0, 4.0]);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn column_means(x: Rows) -> Vec<f64> {
    let mut mean = vec![0.0; x.n_columns()];
    for row in x.values().chunks_exact(x.n_columns()) {
        mean.iter_mut().zip(row).for_each(|(m, v)| *m += v);
    }
    let n = x.n_rows() as f64;
    mean.iter_mut().for_each(|m| *m /= n);
    mean
}

/// Σᵢ (xᵢ − m)(xᵢ − m)ᵀ, exactly symmetric, `[n_columns, n_columns]`; centred before the product, so that columns
/// with a large mean keep their digits.
pub(crate) fn scatter_matrix(x: Rows, mean: &[f64]) -> Vec<f64> {
    let d = x.n_columns();
    let mut scatter = vec![0.0; d * d];
    for chunk in x.values().chunks(CHUNK_ROWS * d) {
        let centred = centred(chunk, mean);
        let rows = Rows::new(&centred, d).expect("a chunk holds whole rows");
        let part = product_of_transpose(rows, rows);
        scatter.iter_mut().zip(part).for_each(|(s, p)| *s += p);
    }
    for i in 0..d {
        for j in 0..i {
            scatter[j * d + i] = scatter[i * d + j];
        }
    }
    scatter
}

/// Covariance with ddof 1, `[n_columns, n_columns]`, and the mean.
///
/// # Errors
/// [`Error::TooFewRows`] below two rows, [`Error::NotFinite`].
pub(crate) fn mean_and_covariance(
    x: Rows,
    what: &'static str,
) -> Result<(Vec<f64>, Vec<f64>), Error> {
    if x.n_rows() < 2 {
        return Err(Error::TooFewRows { what, needed: 2, found: x.n_rows() });
    }
    x.check_finite()?;
    let mean = column_means(x);
    let mut covariance = scatter_matrix(x, &mean);
    let divisor = (x.n_rows() - 1) as f64;
    covariance.iter_mut().for_each(|c| *c /= divisor);
    Ok((mean, covariance))
}

/// Row-major values minus a mean row.
pub(crate) fn centred(values: &[f64], mean: &[f64]) -> Vec<f64> {
    let mut out = values.to_vec();
    out.par_chunks_mut(mean.len())
        .for_each(|row| row.iter_mut().zip(mean).for_each(|(v, m)| *v -= m));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_computed_covariance_over_several_chunks() {
        // Columns (i mod 2, 1 − i mod 2) around a large offset: variance n/4 / (n − 1), correlation −1.
        let n = 2 * CHUNK_ROWS + 2;
        let x: Vec<f64> =
            (0..n).flat_map(|i| [1e6 + (i % 2) as f64, 1e6 + 1.0 - (i % 2) as f64]).collect();
        let (mean, covariance) = mean_and_covariance(Rows::new(&x, 2).unwrap(), "test").unwrap();
        let variance = n as f64 / 4.0 / (n - 1) as f64;
        approx::assert_relative_eq!(mean[0], 1e6 + 0.5, max_relative = 1e-15);
        approx::assert_relative_eq!(covariance[0], variance, max_relative = 1e-12);
        approx::assert_relative_eq!(covariance[1], -variance, max_relative = 1e-12);
        assert_eq!(covariance[1], covariance[2]);
    }

    #[test]
    fn one_row_has_no_covariance() {
        let error = mean_and_covariance(Rows::new(&[1.0], 1).unwrap(), "a covariance").unwrap_err();
        assert_eq!(error, Error::TooFewRows { what: "a covariance", needed: 2, found: 1 });
    }
}
