//! Dense linear algebra. The only file that names the linear algebra crate.
//!
//! The crate's own threading splits work by the number of threads, which may change the order of sums. Here
//! calls are sequential or split into a fixed number of parts, and products into blocks of fixed size: same input,
//! same bytes.

use std::ops::Range;

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::{cholesky::llt::factor as llt, evd, matmul::matmul, svd};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::{Error, Rows};

/// Rows of a product computed by one task.
const BLOCK_ROWS: usize = 128;

/// The same where only a triangle is computed: every task packs the other factor anew, which larger blocks repay.
const TRIANGLE_BLOCK_ROWS: usize = 256;

/// Parts of an eigenvalue decomposition that may run at once. Fixed: the sums depend on it, but not on how many
/// threads there are to run the parts.
const EIGENVALUE_PARTS: usize = 4;

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

/// Eigenvalues of a symmetric matrix, `[n, n]`, ascending; only its lower triangle is read. Its entries must be finite.
///
/// Their error is ε times the largest, whatever their size.
pub(crate) fn symmetric_eigenvalues(matrix: &[f64], n: usize) -> Result<Vec<f64>, Error> {
    let mut values = Diag::<f64>::zeros(n);
    let (no, par) = (evd::ComputeEigenvectors::No, Par::rayon(EIGENVALUE_PARTS));
    let scratch = evd::self_adjoint_evd_scratch::<f64>(n, no, par, Default::default());
    evd::self_adjoint_evd(
        MatRef::from_row_major_slice(matrix, n, n),
        values.as_mut(),
        None,
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::NoConvergence { n })?;
    Ok(values.column_vector().iter().copied().collect())
}

/// The lower triangular L with LLᵀ = A, `[n, n]` row-major; only the lower triangle of A is read. None where A is not
/// positive definite.
pub(crate) fn cholesky(matrix: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut factor = matrix.to_vec();
    let scratch = llt::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default());
    llt::cholesky_in_place(
        MatMut::from_row_major_slice_mut(&mut factor, n, n),
        Default::default(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .ok()?;
    for (i, row) in factor.chunks_exact_mut(n).enumerate() {
        row[i + 1..].fill(0.0);
    }
    Some(factor)
}

/// The lower triangle of LᵀAL, `[n, n]` row-major, for a lower triangular L and a symmetric A (both triangles read).
/// What stands above the diagonal has no meaning.
pub(crate) fn lower_congruence(l: &[f64], a: &[f64], n: usize) -> Vec<f64> {
    let [l, a] = [l, a].map(|matrix| MatRef::from_row_major_slice(matrix, n, n));
    // Row i of Lᵀ starts with i zeros: the inner dimension starts at the block.
    let left = blocks(l.transpose(), a, TRIANGLE_BLOCK_ROWS, |rows| (rows.start, n)); // [n, n], LᵀA
    let left = MatRef::from_row_major_slice(&left, n, n);
    blocks(l.transpose(), left.transpose(), TRIANGLE_BLOCK_ROWS, |rows| (rows.start, rows.end))
}

/// The lower triangle of aᵀ · a, row-major `[a.n_columns(), a.n_columns()]`. What stands above the diagonal has no
/// meaning.
pub(crate) fn lower_gram(a: Rows) -> Vec<f64> {
    blocks(view(a).transpose(), view(a), TRIANGLE_BLOCK_ROWS, |rows| (0, rows.end))
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

/// The same product on one thread, into `out`, for callers that share out the work themselves.
pub(crate) fn product_with_transpose_into(a: Rows, b: Rows, out: &mut [f64]) {
    let out = MatMut::from_row_major_slice_mut(out, a.n_rows(), b.n_rows());
    matmul(out, Accum::Replace, view(a), view(b).transpose(), 1.0, Par::Seq);
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
    let n_columns = rhs.ncols();
    blocks(lhs, rhs, BLOCK_ROWS, |_| (0, n_columns))
}

/// lhs · rhs by blocks of rows. For the rows of a block, `bounds` tells the first inner index at which `lhs` is not zero,
/// and the number of columns wanted; the other entries are 0.
fn blocks(
    lhs: MatRef<'_, f64>,
    rhs: MatRef<'_, f64>,
    n_block_rows: usize,
    bounds: impl Fn(Range<usize>) -> (usize, usize) + Sync,
) -> Vec<f64> {
    let (n_inner, n_columns) = (lhs.ncols(), rhs.ncols());
    let mut out = vec![0.0; lhs.nrows() * n_columns];
    if out.is_empty() || n_inner == 0 {
        return out;
    }
    out.par_chunks_mut(n_block_rows * n_columns).enumerate().for_each(|(block, chunk)| {
        let n_rows = chunk.len() / n_columns;
        let first = block * n_block_rows;
        let (inner, wanted) = bounds(first..first + n_rows);
        matmul(
            MatMut::from_row_major_slice_mut(chunk, n_rows, n_columns).subcols_mut(0, wanted),
            Accum::Replace,
            lhs.submatrix(first, inner, n_rows, n_inner - inner),
            rhs.submatrix(inner, 0, n_inner - inner, wanted),
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
    fn triangles_are_those_of_the_whole_products() {
        let n = 2 * TRIANGLE_BLOCK_ROWS + 11;
        let x = random(n * n, 4);
        let x = Rows::new(&x, n).unwrap();
        let (gram, triangle) = (product_of_transpose(x, x), lower_gram(x));
        let mut a = gram.clone();
        (0..n).for_each(|i| a[i * n + i] += 1.0);
        let l = cholesky(&a, n).unwrap();
        let rows = |x| Rows::new(x, n).unwrap();
        let rebuilt = product_with_transpose(rows(&l), rows(&l));
        let congruence =
            product_of_transpose(rows(&l), rows(&matrix_product(rows(&gram), rows(&l))));
        let lower = lower_congruence(&l, &gram, n);
        for i in 0..n {
            assert!(l[i * n + i + 1..(i + 1) * n].iter().all(|&v| v == 0.0));
            for at in i * n..=i * n + i {
                assert_relative_eq!(triangle[at], gram[at], epsilon = 1e-11);
                assert_relative_eq!(rebuilt[at], a[at], epsilon = 1e-11);
                assert_relative_eq!(lower[at], congruence[at], epsilon = 1e-9);
            }
        }
        assert!(cholesky(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
    }

    #[test]
    fn eigenvalues_alone_are_the_same_on_any_number_of_threads() {
        let n = 600;
        let x = random(n * n, 5);
        let a = product_with_transpose(Rows::new(&x, n).unwrap(), Rows::new(&x, n).unwrap());
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| symmetric_eigenvalues(&a, n)).unwrap()
        };
        let values = on(1);
        assert_eq!(values, on(3));
        assert_eq!(values, on(7));
        for (value, expected) in values.iter().zip(symmetric_eigen(&a, n).unwrap().values) {
            assert_relative_eq!(*value, expected, epsilon = 1e-10);
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
