//! Mean and covariance of rows, without a centred copy of the data.

use pert_core::CsrCounts;
use rayon::prelude::*;

use crate::linalg::lower_gram;
use crate::{Error, Rows};

/// Rows centred at a time: with [`CHUNKS_AT_ONCE`] it bounds the memory beside the input.
const CHUNK_ROWS: usize = 2048;

/// Chunks in work at a time.
const CHUNKS_AT_ONCE: usize = 4;

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
    // Chunks of narrow rows are many small products: they are shared out, and added up in order.
    for chunks in x.values().chunks(CHUNK_ROWS * d * CHUNKS_AT_ONCE) {
        let parts: Vec<Vec<f64>> = chunks
            .par_chunks(CHUNK_ROWS * d)
            .map(|chunk| {
                let centred = centred(chunk, mean);
                lower_gram(Rows::new(&centred, d).expect("a chunk holds whole rows"))
            })
            .collect();
        for part in parts {
            scatter.iter_mut().zip(part).for_each(|(s, p)| *s += p);
        }
    }
    mirror(&mut scatter, d);
    scatter
}

/// Copies the lower triangle onto the upper one.
pub(crate) fn mirror(matrix: &mut [f64], d: usize) {
    for i in 0..d {
        for j in 0..i {
            matrix[j * d + i] = matrix[i * d + j];
        }
    }
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

/// Dense values of log-normalised counts held at a time: 32 MiB.
const CSR_CHUNK_VALUES: usize = 1 << 22;

/// The same of the log-normalised profiles of all cells, in one pass.
///
/// Every chunk is centred on the mean of the first, and the rest of the mean taken off at the end; Σxxᵀ − n m mᵀ would
/// lose the digits that the means of highly expressed genes have in common.
pub(crate) fn mean_and_covariance_csr(
    counts: &CsrCounts,
    what: &'static str,
) -> Result<(Vec<f64>, Vec<f64>), Error> {
    let (n_cells, d) = (counts.n_cells(), counts.n_genes());
    if n_cells < 2 {
        return Err(Error::TooFewRows { what, needed: 2, found: n_cells });
    }
    let cells: Vec<usize> = (0..n_cells).collect();
    let mut origin: Option<Vec<f64>> = None;
    let mut shift = vec![0.0; d];
    let mut scatter = vec![0.0; d * d];
    for cells in cells.chunks((CSR_CHUNK_VALUES / d.max(1)).clamp(1, CHUNK_ROWS)) {
        let dense = counts.log_normalised(cells); // [n_chunk, n_genes]
        let rows = Rows::new(&dense, d)?;
        let origin = origin.get_or_insert_with(|| column_means(rows));
        let centred = centred(&dense, origin);
        let rows = Rows::new(&centred, d)?;
        for row in centred.chunks_exact(d) {
            shift.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        }
        scatter.iter_mut().zip(lower_gram(rows)).for_each(|(s, p)| *s += p);
    }
    let n = n_cells as f64;
    shift.iter_mut().for_each(|s| *s /= n);
    for i in 0..d {
        for j in 0..=i {
            scatter[i * d + j] = (scatter[i * d + j] - n * shift[i] * shift[j]) / (n - 1.0);
        }
    }
    mirror(&mut scatter, d);
    let mean = origin.into_iter().flatten().zip(shift).map(|(o, s)| o + s).collect();
    Ok((mean, scatter))
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
    fn sparse_counts_have_the_covariance_of_their_dense_form() {
        // More cells than one chunk, sorted into two types, with a gene that only the last chunk has.
        let (n, d) = (2 * CHUNK_ROWS + 300, 6);
        let count = |cell: usize, gene: usize| match gene {
            5 => u32::from(cell > n - 20),
            4 if cell < n / 2 => 0,
            _ => ((cell * 7919 + gene * 104_729) % 31 / (gene + 1)) as u32,
        };
        let dense: Vec<f32> = (0..n * d).map(|i| count(i / d, i % d) as f32).collect();
        let counts = CsrCounts::from_dense(d, &dense).unwrap();
        let profiles = counts.log_normalised(&(0..n).collect::<Vec<_>>());
        let expected = mean_and_covariance(Rows::new(&profiles, d).unwrap(), "test").unwrap();
        let actual = mean_and_covariance_csr(&counts, "test").unwrap();
        for (a, e) in actual.0.iter().zip(&expected.0) {
            approx::assert_relative_eq!(a, e, max_relative = 1e-12);
        }
        for (i, (a, e)) in actual.1.iter().zip(&expected.1).enumerate() {
            let scale = (expected.1[i / d * (d + 1)] * expected.1[i % d * (d + 1)]).sqrt();
            assert!((a - e).abs() < 1e-12 * scale, "{a} is not {e}");
        }
        let one = counts.select_cells(&[0]);
        assert!(matches!(mean_and_covariance_csr(&one, "test"), Err(Error::TooFewRows { .. })));
    }

    #[test]
    fn one_row_has_no_covariance() {
        let error = mean_and_covariance(Rows::new(&[1.0], 1).unwrap(), "a covariance").unwrap_err();
        assert_eq!(error, Error::TooFewRows { what: "a covariance", needed: 2, found: 1 });
    }
}
