//! Sums over all pairs of rows, without a matrix of all pairs.
//!
//! Squared distances come from inner products, ‖x‖² + ‖y‖² − 2x·y, a tile at a time: a matrix product costs a
//! fraction of a loop over differences. Rows are centred first, and where the subtraction would still cancel, the
//! distance is computed from the difference.

use faer::traits::pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::covariance::centred;
use crate::linalg::product_with_transpose_into;
use crate::{Rows, column_means};

/// Rows of one task: fixed, so that the order of the sums does not depend on the number of threads.
const TILE_ROWS: usize = 128;

/// Rows on the other side of a tile; with [`TILE_ROWS`] it makes half a MiB, which the second level of cache holds.
const TILE_COLUMNS: usize = 512;

/// Independent running sums; a single one could not use vector instructions.
pub(crate) const LANES: usize = 8;

/// Squared distances below this share of ‖x‖² + ‖y‖² are computed from differences. Above it the inner product
/// leaves a relative error of a few ε / 10⁻³, near 10⁻¹².
const CANCELLATION: f64 = 1e-3;

/// A function of the squared distance, summed over many.
pub(crate) trait PairFunction: Copy + Sync {
    /// Σ f(s) over squared distances, added up in a fixed order. Inlined into code for the vector instructions found at
    /// run time, so what it calls must be `#[inline(always)]`.
    fn sum(self, squared: &[f64]) -> f64;
}

/// Two populations about their common mean.
pub(crate) struct Pairs<'a> {
    x: Side<'a>,
    y: Side<'a>,
}

struct Side<'a> {
    rows: Rows<'a>,
    /// The rows less the common mean, `[n_rows, n_columns]`.
    centred: Vec<f64>,
    /// Of the centred rows, `[n_rows]`.
    squared_norms: Vec<f64>,
}

impl<'a> Pairs<'a> {
    pub(crate) fn new(x: Rows<'a>, y: Rows<'a>) -> Self {
        let (n, m) = (x.n_rows() as f64, y.n_rows() as f64);
        let mean: Vec<f64> = column_means(x)
            .iter()
            .zip(column_means(y))
            .map(|(p, q)| (n * p + m * q) / (n + m))
            .collect();
        Self { x: Side::new(x, &mean), y: Side::new(y, &mean) }
    }

    /// Means of f(‖a − b‖²) over pairs of the two sides, and over pairs of different rows within each: (between, within
    /// x, within y).
    pub(crate) fn means(&self, f: impl PairFunction) -> (f64, f64, f64) {
        let (n, m) = (self.x.n_rows() as f64, self.y.n_rows() as f64);
        let within = |side: &Side, n: f64| sum(side, side, true, f) / (n * (n - 1.0) / 2.0);
        (sum(&self.x, &self.y, false, f) / (n * m), within(&self.x, n), within(&self.y, m))
    }
}

impl<'a> Side<'a> {
    fn new(rows: Rows<'a>, mean: &[f64]) -> Self {
        let centred = centred(rows.values(), mean);
        let squared_norms = centred
            .chunks_exact(rows.n_columns())
            .map(|row| row.iter().map(|v| v * v).sum())
            .collect();
        Self { rows, centred, squared_norms }
    }

    fn n_rows(&self) -> usize {
        self.squared_norms.len()
    }

    fn slice(&self, from: usize, n: usize) -> Slice<'_> {
        let d = self.rows.n_columns();
        let values = from * d..(from + n) * d;
        let rows = |values| Rows::new(values, d).expect("a slice holds whole rows");
        Slice {
            rows: rows(&self.rows.values()[values.clone()]),
            centred: rows(&self.centred[values]),
            squared_norms: &self.squared_norms[from..from + n],
        }
    }
}

/// Some rows of a side.
struct Slice<'a> {
    rows: Rows<'a>,
    centred: Rows<'a>,
    squared_norms: &'a [f64],
}

/// Σ f over all pairs, or with `once` over pairs i < j of one side, tile by tile.
fn sum(x: &Side, y: &Side, once: bool, f: impl PairFunction) -> f64 {
    let n_blocks = x.n_rows().div_ceil(TILE_ROWS);
    let sums: Vec<f64> = (0..n_blocks)
        .into_par_iter()
        .map_init(
            || vec![0.0; TILE_ROWS * TILE_COLUMNS],
            |buffer, block| {
                let from = block * TILE_ROWS;
                let n_rows = TILE_ROWS.min(x.n_rows() - from);
                let first_column = if once { from } else { 0 };
                let mut total = 0.0;
                for start in (first_column..y.n_rows()).step_by(TILE_COLUMNS) {
                    let n_columns = TILE_COLUMNS.min(y.n_rows() - start);
                    let inner = &mut buffer[..n_rows * n_columns];
                    let (rows, columns) = (x.slice(from, n_rows), y.slice(start, n_columns));
                    product_with_transpose_into(rows.centred, columns.centred, inner);
                    let diagonal = once.then(|| start - from);
                    total += Arch::new().dispatch(Tile { inner, rows, columns, diagonal, f });
                }
                total
            },
        )
        .collect();
    sums.iter().sum()
}

struct Tile<'a, F> {
    /// Inner products, overwritten by squared distances, `[n_rows, n_columns]`.
    inner: &'a mut [f64],
    rows: Slice<'a>,
    columns: Slice<'a>,
    /// Where both are of one side, of which only pairs i < j count: how many rows after the first row of the tile its
    /// first column is.
    diagonal: Option<usize>,
    f: F,
}

impl<F: PairFunction> WithSimd for Tile<'_, F> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let mut total = 0.0;
        let n_columns = self.columns.squared_norms.len();
        for (i, inner) in self.inner.chunks_exact_mut(n_columns).enumerate() {
            let first = self.diagonal.map_or(0, |offset| (i + 1).saturating_sub(offset));
            let Some(squared) = inner.get_mut(first..) else { continue };
            let (norm, norms) = (self.rows.squared_norms[i], &self.columns.squared_norms[first..]);
            if squared_distances(squared, norm, norms) {
                let row = self.rows.rows.row(i);
                for (j, (value, other)) in squared.iter_mut().zip(norms).enumerate() {
                    if *value < CANCELLATION * (norm + other) {
                        *value = squared_distance(row, self.columns.rows.row(first + j));
                    }
                }
            }
            total += self.f.sum(squared);
        }
        total
    }
}

/// Turns inner products with one row into squared distances; whether any lost digits to cancellation.
#[inline(always)]
fn squared_distances(inner: &mut [f64], norm: f64, norms: &[f64]) -> bool {
    let mut cancelled = 0u64;
    for (value, other) in inner.iter_mut().zip(norms) {
        let scale = norm + other;
        let squared = scale - 2.0 * *value;
        cancelled |= u64::from(squared < CANCELLATION * scale);
        *value = squared;
    }
    cancelled != 0
}

/// ‖a − b‖² from the differences.
#[inline(always)]
pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (p, q) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += (p[lane] - q[lane]) * (p[lane] - q[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(p, q)| (p - q) * (p - q)).sum();
    rest + lanes.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use pert_core::seeded_rng;
    use proptest::prelude::*;
    use rand_distr::{Distribution, StandardNormal};

    #[derive(Clone, Copy)]
    struct Root;

    impl PairFunction for Root {
        fn sum(self, squared: &[f64]) -> f64 {
            squared.iter().map(|s| s.sqrt()).sum()
        }
    }

    fn normal(n: usize, d: usize, seed: u64) -> Vec<f64> {
        StandardNormal.sample_iter(&mut seeded_rng(seed, "pairwise")).take(n * d).collect()
    }

    /// The definition, pair by pair.
    fn reference(x: Rows, y: Rows) -> (f64, f64, f64) {
        let distance = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt()
        };
        let mean = |x: Rows, y: Rows, same: bool| {
            let (mut sum, mut n) = (0.0, 0);
            for i in 0..x.n_rows() {
                for j in (0..y.n_rows()).filter(|&j| !same || j != i) {
                    sum += distance(x.row(i), y.row(j));
                    n += 1;
                }
            }
            sum / f64::from(n)
        };
        (mean(x, y, false), mean(x, x, true), mean(y, y, true))
    }

    fn agrees(x: &[f64], y: &[f64], d: usize) {
        let (x, y) = (Rows::new(x, d).unwrap(), Rows::new(y, d).unwrap());
        let (fast, slow) = (Pairs::new(x, y).means(Root), reference(x, y));
        for (a, b) in [(fast.0, slow.0), (fast.1, slow.1), (fast.2, slow.2)] {
            assert_relative_eq!(a, b, max_relative = 1e-12);
        }
    }

    #[test]
    fn every_pair_is_counted_once_on_either_side_of_the_tiles() {
        for (n, m) in [(2, 3), (TILE_ROWS, TILE_ROWS + 1), (TILE_COLUMNS + 1, 2), (700, 640)] {
            agrees(&normal(n, 3, 1), &normal(m, 3, 2), 3);
        }
    }

    #[test]
    fn far_clusters_of_near_rows_keep_their_digits() {
        // Two clusters 10⁶ apart of width 1, and rows that stand twice.
        let mut x = normal(60, 5, 3);
        x.iter_mut().skip(150).for_each(|v| *v += 1e6);
        x.extend_from_within(..50);
        agrees(&x, &normal(40, 5, 4), 5);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn tiles_give_the_means_of_all_pairs(
            n in 2..200usize, m in 2..200usize, d in 1..40usize, offset in -1e4..1e4f64, seed in 0..999u64
        ) {
            let moved = |x: Vec<f64>| -> Vec<f64> { x.iter().map(|v| v + offset).collect() };
            agrees(&moved(normal(n, d, seed)), &moved(normal(m, d, seed + 1000)), d);
        }
    }
}
