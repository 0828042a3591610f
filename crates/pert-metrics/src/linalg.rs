//! Dense linear algebra. The only file that names the linear algebra crate.
//!
//! The crate's own threading splits work by the number of threads, which may change the order of sums. Here
//! every call is sequential, and products are split into blocks of fixed size instead: same input, same bytes.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::{evd, matmul::matmul, svd};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::{Error, Rows};

/// Rows of a product computed by one task.
const BLOCK_ROWS: usize = 128;

/// The decomposition A = Σⱼ λⱼ vⱼ vⱼᵀ of a symmetric matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricEigen {
    /// Eigenvalues, ascending, `[n]`.
    pub values: Vec<f64>,
    /// Orthonormal eigenvectors, `[n, n]` row-major: row j belongs to `values[j]`.
    pub vectors: Vec<f64>,
}

/// Eigenvalues and eigenvectors of a symmetric matrix, `[n, n]`; only its lower triangle is read.
///
/// # Errors
/// [`Error::RaggedRows`] when `matrix` is not n × n, [`Error::NotFinite`], [`Error::NoConvergence`].
///
/// ```
/// let eigen = pert_metrics::symmetric_eigen(&[2.0, 1.0, 1.0, 2.0], 2)?;
/// assert!((eigen.values[0] - 1.0).abs() < 1e-15 && (eigen.values[1] - 3.0).abs() < 1e-15);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn symmetric_eigen(matrix: &[f64], n: usize) -> Result<SymmetricEigen, Error> {
    if matrix.len() != n * n {
        return Err(Error::RaggedRows { n_values: matrix.len(), n_columns: n });
    }
    if n == 0 {
        return Ok(SymmetricEigen { values: Vec::new(), vectors: Vec::new() });
    }
    Rows::new(matrix, n)?.check_finite()?;
    let (mut values, mut vectors) = (Diag::<f64>::zeros(n), Mat::<f64>::zeros(n, n));
    let scratch = evd::self_adjoint_evd_scratch::<f64>(
        n,
        evd::ComputeEigenvectors::Yes,
        Par::Seq,
        Default::default(),
    );
    evd::self_adjoint_evd(
        MatRef::from_row_major_slice(matrix, n, n),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::NoConvergence { n })?;
    Ok(SymmetricEigen {
        values: values.column_vector().iter().copied().collect(),
        vectors: vectors.col_iter().flat_map(|column| column.iter().copied()).collect(),
    })
}

/// Singular values of an n × n matrix, descending. Their error is that of rounding in the matrix itself, whereas
/// the square root of an eigenvalue of MᵀM loses half the digits near 0.
pub(crate) fn singular_values(matrix: &[f64], n: usize) -> Result<Vec<f64>, Error> {
    let mut values = Diag::<f64>::zeros(n);
    let no = svd::ComputeSvdVectors::No;
    let scratch = svd::svd_scratch::<f64>(n, n, no, no, Par::Seq, Default::default());
    svd::svd(
        MatRef::from_row_major_slice(matrix, n, n),
        values.as_mut(),
        None,
        None,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::NoConvergence { n })?;
    Ok(values.column_vector().iter().copied().collect())
}

/// The product a · b, row-major `[a.n_rows(), b.n_columns()]`.
///
/// # Panics
/// When `a.n_columns()` is not `b.n_rows()`.
///
/// ```
/// use pert_metrics::{Rows, matrix_product};
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 10.0]);
/// assert_eq!(matrix_product(Rows::new(&a, 2)?, Rows::new(&b, 1)?), [21.0, 43.0]);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn matrix_product(a: Rows, b: Rows) -> Vec<f64> {
    product(view(a), view(b))
}

/// The product a · bᵀ, row-major `[a.n_rows(), b.n_rows()]`.
///
/// # Panics
/// When the numbers of columns differ.
///
/// ```
/// use pert_metrics::{Rows, product_with_transpose};
/// // One entry per pair of rows: their inner product.
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 10.0]);
/// assert_eq!(product_with_transpose(Rows::new(&a, 2)?, Rows::new(&b, 2)?), [21.0, 43.0]);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn product_with_transpose(a: Rows, b: Rows) -> Vec<f64> {
    product(view(a), view(b).transpose())
}

/// The product aᵀ · b, row-major `[a.n_columns(), b.n_columns()]`.
///
/// # Panics
/// When the numbers of rows differ.
///
/// ```
/// use pert_metrics::{Rows, product_of_transpose};
/// // One entry per pair of columns: their inner product.
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 10.0]);
/// assert_eq!(product_of_transpose(Rows::new(&a, 2)?, Rows::new(&b, 1)?), [31.0, 42.0]);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
pub fn product_of_transpose(a: Rows, b: Rows) -> Vec<f64> {
    product(view(a).transpose(), view(b))
}

fn view(rows: Rows<'_>) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(rows.values(), rows.n_rows(), rows.n_columns())
}

fn product(lhs: MatRef<'_, f64>, rhs: MatRef<'_, f64>) -> Vec<f64> {
    assert_eq!(lhs.ncols(), rhs.nrows(), "inner dimensions of a matrix product must agree");
    if lhs.nrows() >= rhs.ncols() {
        return tall_product(lhs, rhs);
    }
    // A wide product has few rows to share out: split its columns, which are the rows of its transpose.
    let (n_rows, n_columns) = (lhs.nrows(), rhs.ncols());
    let transposed = tall_product(rhs.transpose(), lhs.transpose()); // [n_columns, n_rows]
    let mut out = Vec::with_capacity(transposed.len());
    for i in 0..n_rows {
        out.extend((0..n_columns).map(|j| transposed[j * n_rows + i]));
    }
    out
}

fn tall_product(lhs: MatRef<'_, f64>, rhs: MatRef<'_, f64>) -> Vec<f64> {
    let (n_inner, n_columns) = (lhs.ncols(), rhs.ncols());
    let mut out = vec![0.0; lhs.nrows() * n_columns];
    if out.is_empty() || n_inner == 0 {
        return out;
    }
    out.par_chunks_mut(BLOCK_ROWS * n_columns).enumerate().for_each(|(block, chunk)| {
        let n_rows = chunk.len() / n_columns;
        matmul(
            MatMut::from_row_major_slice_mut(chunk, n_rows, n_columns),
            Accum::Replace,
            lhs.submatrix(block * BLOCK_ROWS, 0, n_rows, n_inner),
            rhs,
            1.0,
            Par::Seq,
        );
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use rand::Rng;

    fn random(n: usize, seed: u64) -> Vec<f64> {
        let mut rng = pert_core::seeded_rng(seed, "linalg");
        (0..n).map(|_| (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 0.5).collect()
    }

    fn naive(a: &[f64], b: &[f64], m: usize, k: usize, n: usize) -> Vec<f64> {
        let mut out = vec![0.0; m * n];
        for i in 0..m {
            for j in 0..n {
                out[i * n + j] = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
            }
        }
        out
    }

    #[test]
    fn products_agree_with_three_loops_in_every_orientation() {
        for (m, k, n) in [(3, 4, 5), (300, 7, 20), (5, 9, 290), (1, 1, 1)] {
            let (a, b) = (random(m * k, 1), random(k * n, 2));
            let expected = naive(&a, &b, m, k, n);
            let transposed = |x: &[f64], rows: usize, columns: usize| -> Vec<f64> {
                (0..columns * rows).map(|i| x[(i % rows) * columns + i / rows]).collect()
            };
            let (at, bt) = (transposed(&a, m, k), transposed(&b, k, n));
            let rows = |x, columns| Rows::new(x, columns).unwrap();
            for actual in [
                matrix_product(rows(&a, k), rows(&b, n)),
                product_with_transpose(rows(&a, k), rows(&bt, k)),
                product_of_transpose(rows(&at, m), rows(&b, n)),
            ] {
                for (x, y) in actual.iter().zip(&expected) {
                    assert_relative_eq!(x, y, epsilon = 1e-13);
                }
            }
        }
    }

    #[test]
    fn an_empty_inner_dimension_gives_zeros() {
        let none = Rows::new(&[], 2).unwrap();
        assert_eq!(product_of_transpose(none, none), [0.0; 4]);
    }

    #[test]
    fn eigenvectors_rebuild_the_matrix() {
        let n = 40;
        let x = random(n * n, 3);
        let a = product_with_transpose(Rows::new(&x, n).unwrap(), Rows::new(&x, n).unwrap());
        let eigen = symmetric_eigen(&a, n).unwrap();
        assert!(eigen.values.is_sorted());
        for i in 0..n {
            for j in 0..n {
                let rebuilt: f64 = (0..n)
                    .map(|l| eigen.values[l] * eigen.vectors[l * n + i] * eigen.vectors[l * n + j])
                    .sum();
                assert_relative_eq!(rebuilt, a[i * n + j], epsilon = 1e-12);
            }
        }
        let singular = singular_values(&a, n).unwrap();
        for (s, e) in singular.iter().zip(eigen.values.iter().rev()) {
            assert_relative_eq!(s, e, epsilon = 1e-12);
        }
    }

    #[test]
    fn what_cannot_be_decomposed_is_an_error() {
        assert!(matches!(symmetric_eigen(&[1.0; 3], 2), Err(Error::RaggedRows { .. })));
        let nan = [1.0, 0.0, f64::NAN, 1.0];
        assert!(matches!(
            symmetric_eigen(&nan, 2),
            Err(Error::NotFinite { row: 1, column: 0, .. })
        ));
        assert_eq!(symmetric_eigen(&[0.0; 9], 3).unwrap().values, [0.0; 3]);
    }
}
