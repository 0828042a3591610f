//! A truncated singular value decomposition of the seen genes' features.

use crate::Error;
use crate::table::FeatureTable;

/// The most dimensions features are reduced to: networks condition on a few tens of numbers.
pub const LARGEST_REDUCED_DIM: usize = 32;

/// Directions iterated beside those wanted; they make subspace iteration converge on the wanted ones (Halko et al.
/// 2011, §4.3).
const OVERSAMPLING: usize = 8;

/// Iterations at most, and the relative change of the wanted variance that ends them earlier.
const MAX_ITERATIONS: usize = 100;
const TOLERANCE: f64 = 1e-13;

/// The highest degree of the Chebyshev polynomial that takes the place of a power of the matrix: between two Rayleigh–Ritz
/// steps, which cost as much as some ten products with a sparse matrix.
const MAX_FILTER_DEGREE: usize = 12;

/// How much more a polynomial may let through of the largest eigenvalue than of those at the bound. Rounding leaves 1e-16 of
/// the former in every column: beyond 1e16 the last directions would drown in it, here they keep six digits.
const LARGEST_GAIN: f64 = 1e10;

/// Sweeps of the cyclic Jacobi method; it converges quadratically, a 40 × 40 matrix within ten.
const JACOBI_SWEEPS: usize = 60;

/// Singular values below this share of the largest are rounding noise, and their directions are left out: eigenvalues
/// of F Fᵀ are exact to about 1e-15 of the largest, so their square roots to about 3e-8.
const RANK_TOLERANCE: f64 = 1e-6;

/// A linear map from gene features to a few dimensions.
///
/// With F the features of the genes seen, `[n_seen, dim]`, F = U S Vᵀ: a gene's reduced features are
/// c · f V = c · (f Fᵀ) U S⁻¹, where c makes the mean squared length over the seen genes equal the number of
/// dimensions. Only C = c U S⁻¹, `[n_seen, k]`, is kept; V follows from the table. The features are not centred here:
/// tables of numbers are already, and for annotations zero means none.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reduction {
    /// The seen genes that have features.
    pub genes: Vec<String>,
    /// C, row-major, `[genes.len(), dim]`.
    pub coefficients: Vec<f64>,
    /// Number of reduced dimensions.
    pub dim: usize,
}

impl Reduction {
    /// Decomposes the features of `genes` (all in the table) into at most `k` dimensions; fewer when their rank is.
    pub fn fit(features: &FeatureTable, genes: Vec<String>, k: usize) -> Self {
        let table = features.subset(&genes);
        let n = genes.len();
        let width = (k + OVERSAMPLING).min(n);
        let (values, vectors) = leading_eigenpairs(&Gram(&table), n, width, k);
        let largest = values.first().copied().unwrap_or(0.0);
        let rank = values
            .iter()
            .take(k)
            .filter(|&&v| v > 0.0 && v.sqrt() > RANK_TOLERANCE * largest.sqrt())
            .count();
        // ‖R‖² = Σ λ over n genes; scaled to `rank` per gene.
        let total: f64 = values[..rank].iter().sum();
        let scale = if rank == 0 { 0.0 } else { (rank as f64 * n as f64 / total).sqrt() };
        let mut coefficients = vec![0.0; n * rank];
        for component in 0..rank {
            let column = &vectors[component * n..(component + 1) * n];
            // The sign of a singular vector is free: its largest entry is made positive.
            let extreme = column.iter().fold(0.0f64, |m, &v| if v.abs() > m.abs() { v } else { m });
            let factor = scale * extreme.signum() / values[component].sqrt();
            for (row, &value) in column.iter().enumerate() {
                coefficients[row * rank + component] = factor * value;
            }
        }
        Self { genes, coefficients, dim: rank }
    }

    /// V scaled, row-major `[table dim, dim]`: what a gene's features are multiplied by.
    pub fn projection(&self, features: &FeatureTable) -> Vec<f64> {
        let mut projection = vec![0.0; features.dim() * self.dim];
        for (i, gene) in self.genes.iter().enumerate() {
            let coefficients = &self.coefficients[i * self.dim..(i + 1) * self.dim];
            if let Some(values) = features.get(gene) {
                values.add_outer_to(coefficients, &mut projection);
            }
        }
        projection
    }
}

impl FeatureTable {
    /// All rows in at most `k` dimensions: those that a truncated singular value decomposition of the features of `seen`
    /// finds, as [`GeneSetEncoder::with_reduced`](crate::GeneSetEncoder::with_reduced) shows features to networks. A table of
    /// at most `k` columns stays as it is; genes of `seen` without features are left out.
    ///
    /// # Errors
    /// [`Error::ReducedDim`] unless 1 ≤ k ≤ [`LARGEST_REDUCED_DIM`].
    ///
    /// ```
    /// use pert_encoders::FeatureTable;
    /// let genes = ["A", "B", "C"].map(str::to_owned).to_vec();
    /// let columns = ["length", "charge", "weight"].map(str::to_owned).to_vec();
    /// let values = vec![1.0, 0.0, 5.0, 2.0, 1.0, 0.0, 4.0, 9.0, 1.0];
    /// let features = FeatureTable::from_dense(genes.clone(), columns, values)?;
    /// let reduced = features.reduced(&genes[..2], 2)?;
    /// assert_eq!((reduced.genes(), reduced.dim()), (&genes[..], 2));
    /// # Ok::<(), pert_encoders::Error>(())
    /// ```
    pub fn reduced(&self, seen: &[String], k: usize) -> Result<Self, Error> {
        check_reduced_dim(k)?;
        if self.dim() <= k {
            return Ok(self.clone());
        }
        let mut seen: Vec<String> = seen.iter().filter(|g| self.contains(g)).cloned().collect();
        seen.sort_unstable();
        seen.dedup();
        let reduction = Reduction::fit(self, seen, k);
        let (projection, dim) = (reduction.projection(self), reduction.dim);
        let mut values = vec![0.0; self.genes().len() * dim];
        for (row, out) in values.chunks_exact_mut(dim.max(1)).enumerate() {
            self.row(row).project(&projection, out);
        }
        let columns = (1..=dim).map(|i| i.to_string()).collect();
        Ok(self.with_values(columns, values))
    }
}

/// Refuses a number of dimensions outside its range.
pub(super) fn check_reduced_dim(k: usize) -> Result<(), Error> {
    if (1..=LARGEST_REDUCED_DIM).contains(&k) {
        return Ok(());
    }
    Err(Error::ReducedDim { found: k, largest: LARGEST_REDUCED_DIM })
}

/// X ↦ F Fᵀ X for the rows of a table, without forming F Fᵀ.
struct Gram<'a>(&'a FeatureTable);

impl Gram<'_> {
    /// `x` and the result hold `width` columns each, `[width][n]`. Within, the numbers of a row stand together, so that an
    /// entry of the table is looked up once for all columns.
    fn apply(&self, x: &[f64], width: usize) -> Vec<f64> {
        let n = self.0.genes().len();
        let x = transposed(x, width, n);
        let mut inner = vec![0.0; self.0.dim() * width];
        let mut out = vec![0.0; n * width];
        for (row, x) in x.chunks_exact(width.max(1)).enumerate() {
            self.0.row(row).add_outer_to(x, &mut inner);
        }
        for (row, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
            self.0.row(row).project(&inner, out);
        }
        transposed(&out, n, width)
    }

    /// A polynomial of the matrix that is small on [0, `bound`] and grows as fast as can be beyond, where `largest` is mapped to
    /// about 1: the scaled Chebyshev filter of Zhou et al. 2006, algorithm 3.1, of the degree that [`LARGEST_GAIN`] allows.
    fn filter(&self, x: Vec<f64>, width: usize, bound: f64, largest: f64) -> Vec<f64> {
        let half = bound / 2.0; // half the interval, and its middle
        let mut sigma = half / (largest - half);
        let tau = 2.0 / sigma;
        let mut before = x;
        let mut now = self.apply(&before, width);
        now.iter_mut().zip(&before).for_each(|(y, x)| *y = (*y - half * x) * sigma / half);
        for _ in 1..filter_degree(bound, largest) {
            let next_sigma = 1.0 / (tau - sigma);
            let mut next = self.apply(&now, width);
            let (scale, back) = (2.0 * next_sigma / half, sigma * next_sigma);
            for ((next, now), before) in next.iter_mut().zip(&now).zip(&before) {
                *next = (*next - half * now) * scale - back * before;
            }
            (before, now, sigma) = (now, next, next_sigma);
        }
        now
    }
}

/// The degree m with T_m(2 `largest` / `bound` − 1) ≈ [`LARGEST_GAIN`], T_m(x) = cosh(m arcosh x) ≈ exp(m arcosh x) / 2.
fn filter_degree(bound: f64, largest: f64) -> usize {
    let rate = (2.0 * largest / bound - 1.0).acosh();
    // A rate of 0 gives infinity, which the cast and the limit make the highest degree.
    (((2.0 * LARGEST_GAIN).ln() / rate) as usize).clamp(1, MAX_FILTER_DEGREE)
}

/// `[n_rows][n_columns]` → `[n_columns][n_rows]`.
fn transposed(matrix: &[f64], n_rows: usize, n_columns: usize) -> Vec<f64> {
    let mut out = vec![0.0; matrix.len()];
    for (row, values) in matrix.chunks_exact(n_columns.max(1)).enumerate() {
        values.iter().enumerate().for_each(|(column, &v)| out[column * n_rows + row] = v);
    }
    out
}

/// The `width` largest eigenvalues, descending, and their eigenvectors, `[width][n]`, of a positive semi-definite
/// matrix, the first `wanted` converged: subspace iteration with Rayleigh–Ritz steps (Saad 2011, algorithm 5.3) and, between
/// them, a Chebyshev filter over the eigenvalues that are not looked for.
fn leading_eigenpairs(
    matrix: &Gram<'_>,
    n: usize,
    width: usize,
    wanted: usize,
) -> (Vec<f64>, Vec<f64>) {
    let mut basis = start(n, width);
    orthonormalise(&mut basis, n);
    let mut values = vec![0.0; width];
    let mut captured = 0.0;
    for _ in 0..MAX_ITERATIONS {
        let image = matrix.apply(&basis, width);
        let mut projected = vec![0.0; width * width];
        for i in 0..width {
            for j in 0..=i {
                let value = dot(&basis[i * n..(i + 1) * n], &image[j * n..(j + 1) * n]);
                projected[i * width + j] = value;
                projected[j * width + i] = value;
            }
        }
        let (new_values, rotation) = jacobi_eigen(projected, width);
        let ritz = rotated(&basis, &rotation, width);
        values = new_values;
        let sum: f64 = values.iter().take(wanted).sum();
        // Full width spans everything; otherwise stop when no more variance is found.
        if width == n || (sum - captured).abs() <= TOLERANCE * sum.abs() {
            basis = ritz;
            break;
        }
        captured = sum;
        let (largest, bound) = (values[0], values[width - 1]);
        // Where the rank is below the width, a product maps everything into the range, and there is nothing to filter.
        basis = if bound > f64::EPSILON * largest && bound < largest {
            matrix.filter(ritz, width, bound, largest)
        } else {
            rotated(&image, &rotation, width)
        };
        orthonormalise(&mut basis, n);
    }
    (values, basis)
}

/// The combinations of columns, `[width][n]`, that the columns of a matrix name.
fn rotated(columns: &[f64], rotation: &[f64], width: usize) -> Vec<f64> {
    let mut out = vec![0.0; columns.len()];
    let n = columns.len() / width.max(1);
    for (i, out) in out.chunks_exact_mut(n.max(1)).enumerate() {
        for (j, column) in columns.chunks_exact(n.max(1)).enumerate() {
            let weight = rotation[j * width + i];
            out.iter_mut().zip(column).for_each(|(o, c)| *o += weight * c);
        }
    }
    out
}

/// A fixed start that is orthogonal to no direction anyone would arrange: cosines of irrational multiples.
fn start(n: usize, width: usize) -> Vec<f64> {
    let golden = (1.0 + 5f64.sqrt()) / 2.0;
    (0..width * n)
        .map(|i| {
            ((i / n.max(1) + 1) as f64 * golden * (i % n.max(1) + 1) as f64 + (i as f64).sqrt())
                .cos()
        })
        .collect()
}

/// Modified Gram–Schmidt, twice, on rows of length `n`; a row that depends on those before it becomes zero.
fn orthonormalise(rows: &mut [f64], n: usize) {
    if n == 0 {
        return;
    }
    for i in 0..rows.len() / n {
        let (before, rest) = rows.split_at_mut(i * n);
        let row = &mut rest[..n];
        let original = dot(row, row).sqrt();
        for _ in 0..2 {
            for other in before.chunks(n) {
                let weight = dot(row, other);
                row.iter_mut().zip(other).for_each(|(r, o)| *r -= weight * o);
            }
        }
        let norm = dot(row, row).sqrt();
        let dependent = norm <= f64::EPSILON * original * n as f64;
        row.iter_mut().for_each(|r| *r = if dependent { 0.0 } else { *r / norm });
    }
}

/// Eigenvalues, descending, and eigenvectors (columns of a row-major matrix) of a symmetric matrix, by the cyclic
/// Jacobi method (Golub & Van Loan 2013, §8.5).
fn jacobi_eigen(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    for _ in 0..JACOBI_SWEEPS {
        let off: f64 = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i * n + j].powi(2))
            .sum();
        let diagonal: f64 = (0..n).map(|i| a[i * n + i].powi(2)).sum();
        if off <= f64::EPSILON * f64::EPSILON * diagonal {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p * n + q] == 0.0 {
                    continue;
                }
                let tau = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
                let t = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
                let c = 1.0 / (1.0 + t * t).sqrt();
                let s = t * c;
                for k in 0..n {
                    let (x, y) = (a[k * n + p], a[k * n + q]);
                    a[k * n + p] = c * x - s * y;
                    a[k * n + q] = s * x + c * y;
                }
                for k in 0..n {
                    let (x, y) = (a[p * n + k], a[q * n + k]);
                    a[p * n + k] = c * x - s * y;
                    a[q * n + k] = s * x + c * y;
                }
                for k in 0..n {
                    let (x, y) = (v[k * n + p], v[k * n + q]);
                    v[k * n + p] = c * x - s * y;
                    v[k * n + q] = s * x + c * y;
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j * n + j].total_cmp(&a[i * n + i]));
    let values = order.iter().map(|&i| a[i * n + i]).collect();
    let mut vectors = vec![0.0; n * n];
    for (new, &old) in order.iter().enumerate() {
        (0..n).for_each(|k| vectors[k * n + new] = v[k * n + old]);
    }
    (values, vectors)
}

/// In eight sums side by side, which a processor adds at once.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        (0..8).for_each(|i| sums[i] += a[i] * b[i]);
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_strong_directions_do_not_cost_the_weak_ones() {
        let (n, dim, width, wanted) = (150, 90, 40, 32);
        let names = |prefix: &str, n| (0..n).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>();
        let noise = start(n, dim);
        // One factor that all columns share, a thousand times as strong as what they differ in.
        let values = (0..n * dim).map(|i| (i / dim) as f64 + noise[i]).collect();
        let table = FeatureTable::from_dense(names("G", n), names("c", dim), values).unwrap();
        let (values, vectors) = leading_eigenpairs(&Gram(&table), n, width, wanted);

        let identity: Vec<f64> = (0..n * n).map(|i| f64::from(i % (n + 1) == 0)).collect();
        let exact = pert_metrics::symmetric_eigen(&Gram(&table).apply(&identity, n), n).unwrap();
        let exact: Vec<f64> = exact.values.iter().rev().copied().collect();
        assert!(exact[0] > 1e3 * exact[width - 1] && exact[width - 1] > 0.0);
        // Iteration ends by the variance captured, 1e-13 of which is some 1e-8 of the last.
        for (value, exact) in values.iter().zip(&exact).take(wanted) {
            assert!((value - exact).abs() < 1e-6 * exact, "{value} is not {exact}");
        }
        for vector in vectors.chunks_exact(n) {
            assert!((dot(vector, vector) - 1.0).abs() < 1e-12, "a direction was lost");
        }
    }

    #[test]
    fn jacobi_rebuilds_the_matrix() {
        let n = 7;
        let mut a = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                a[i * n + j] = ((i + 1) * (j + 1)) as f64 % 5.0 + if i == j { 3.0 } else { 0.0 };
            }
        }
        let (values, v) = jacobi_eigen(a.clone(), n);
        assert!(values.windows(2).all(|w| w[0] >= w[1]));
        for i in 0..n {
            for j in 0..n {
                let rebuilt: f64 = (0..n).map(|k| v[i * n + k] * values[k] * v[j * n + k]).sum();
                approx::assert_abs_diff_eq!(rebuilt, a[i * n + j], epsilon = 1e-12);
            }
        }
    }

    /// The eigenvalues of many rows by the filter against those of the whole matrix by Jacobi's method.
    #[test]
    fn the_filter_finds_the_leading_eigenvalues_even_where_they_are_equal() {
        let n = 60;
        let genes: Vec<String> = (0..n).map(|i| format!("G{i:02}")).collect();
        // Terms of sizes 1 to 12, every size twice: eigenvalues come in pairs.
        let mut values = vec![0.0; n * 24];
        for term in 0..24 {
            (0..=term / 2).for_each(|i| values[((term * 7 + i * 5) % n) * 24 + term] = 1.0);
        }
        let columns: Vec<String> = (0..24).map(|i| i.to_string()).collect();
        let table = FeatureTable::from_dense(genes, columns, values).unwrap();
        let mut gram = vec![0.0; n * n];
        for i in 0..n {
            let mut row = vec![0.0; 24];
            table.row(i).add_to(&mut row, 1.0);
            (0..n).for_each(|j| gram[i * n + j] = table.row(j).dot(&row));
        }
        let (expected, _) = jacobi_eigen(gram, n);
        let (found, vectors) = leading_eigenpairs(&Gram(&table), n, 13, 5);
        let image = Gram(&table).apply(&vectors, 13);
        for i in 0..5 {
            approx::assert_relative_eq!(found[i], expected[i], max_relative = 1e-11);
            for row in 0..n {
                let (image, vector) = (image[i * n + row], vectors[i * n + row]);
                // The error of a vector is the root of that of its value.
                approx::assert_abs_diff_eq!(image, found[i] * vector, epsilon = 1e-4);
            }
        }
    }

    #[test]
    fn features_of_low_rank_lose_nothing() {
        // Rank 2: the third column is the sum of the others.
        let genes: Vec<String> = (0..6).map(|i| format!("G{i}")).collect();
        let columns = ["x", "y", "z"].map(str::to_owned).to_vec();
        let values: Vec<f64> = (0..6)
            .flat_map(|i| {
                let (x, y) = (f64::from(i), f64::from(i * i % 5));
                [x, y, x + y]
            })
            .collect();
        let table = FeatureTable::from_dense(genes.clone(), columns, values).unwrap();
        let reduction = Reduction::fit(&table, genes.clone(), 3);
        assert_eq!(reduction.dim, 2);
        let projection = reduction.projection(&table);
        let reduced: Vec<Vec<f64>> = (0..6)
            .map(|row| {
                let mut out = vec![0.0; 2];
                for (column, chunk) in projection.chunks(2).enumerate() {
                    let mut unit = vec![0.0; 3];
                    unit[column] = 1.0;
                    let value = table.row(row).dot(&unit);
                    out.iter_mut().zip(chunk).for_each(|(o, p)| *o += value * p);
                }
                out
            })
            .collect();
        let mean_square = reduced.iter().map(|r| dot(r, r)).sum::<f64>() / 6.0;
        approx::assert_relative_eq!(mean_square, 2.0, max_relative = 1e-10);
        // Inner products are kept up to the one scale.
        let product = |i: usize, j: usize| {
            let mut dense = vec![0.0; 3];
            table.row(j).add_to(&mut dense, 1.0);
            table.row(i).dot(&dense)
        };
        let scale = dot(&reduced[0], &reduced[0]) / product(0, 0);
        for i in 0..6 {
            for j in 0..6 {
                approx::assert_abs_diff_eq!(
                    dot(&reduced[i], &reduced[j]),
                    scale * product(i, j),
                    epsilon = 1e-9
                );
            }
        }
    }
}
