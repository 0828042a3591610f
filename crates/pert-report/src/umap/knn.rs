//! Exact nearest neighbours by comparing all pairs, block by block. The only file that names the linear
//! algebra crate.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Query points per task.
const QUERIES: usize = 64;
/// Points a task compares with at a time: the products of a block stay in the cache.
const POINTS: usize = 512;
/// Products looked at together for one that is small enough.
const GROUP: usize = 32;
/// Candidates kept beyond k: |x|² + |y|² − 2x·y is rounded, and the last places are decided by (x − y)².
const MARGIN: usize = 4;

/// A neighbour of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Neighbor {
    pub(super) point: u32,
    /// Euclidean.
    pub(super) distance: f32,
}

/// Points laid out for search.
#[derive(Debug, Clone)]
pub(super) struct Index {
    n_columns: usize,
    mean: Vec<f32>,
    /// Rows less their mean (distances stay, rounding shrinks), `[n, n_columns]`.
    centred: Vec<f32>,
    /// Half of each squared norm, `[n]`.
    half_norms: Vec<f32>,
}

impl Index {
    pub(super) fn new(x: &[f32], n_columns: usize) -> Self {
        let n_points = x.len() / n_columns;
        let mut mean = vec![0.0f64; n_columns];
        for row in x.chunks_exact(n_columns) {
            mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += f64::from(x));
        }
        let mean: Vec<f32> = mean.iter().map(|&sum| (sum / n_points as f64) as f32).collect();
        let centred = centre(x, &mean);
        let half_norms = centred
            .chunks_exact(n_columns)
            .map(|row| 0.5 * row.iter().map(|x| x * x).sum::<f32>())
            .collect();
        Self { n_columns, mean, centred, half_norms }
    }

    pub(super) fn n_points(&self) -> usize {
        self.half_norms.len()
    }

    pub(super) fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The points less their mean, `[n, n_columns]`.
    pub(super) fn centred(&self) -> &[f32] {
        &self.centred
    }

    /// For each point its `k` nearest others, nearest first, ties by index: `[n, k]`.
    pub(super) fn neighbors_within(&self, k: usize) -> Vec<Neighbor> {
        self.search(&self.centred, k, true)
    }

    /// For each row of `x` its `k` nearest points, nearest first, ties by index: `[n_new, k]`.
    pub(super) fn neighbors_of(&self, x: &[f32], k: usize) -> Vec<Neighbor> {
        self.search(&centre(x, &self.mean), k, false)
    }

    fn search(&self, queries: &[f32], k: usize, skip_self: bool) -> Vec<Neighbor> {
        let blocks: Vec<Vec<Neighbor>> = queries
            .par_chunks(QUERIES * self.n_columns)
            .enumerate()
            .map(|(block, rows)| {
                let first = skip_self.then_some(block * QUERIES);
                self.search_block(rows, first, k)
            })
            .collect();
        blocks.concat()
    }

    /// `first`: the index of the first query where the queries are the points themselves.
    fn search_block(&self, rows: &[f32], first: Option<usize>, k: usize) -> Vec<Neighbor> {
        let d = self.n_columns;
        let n_queries = rows.len() / d;
        let n_candidates = (k + MARGIN + usize::from(first.is_some())).min(self.n_points());
        let mut nearest = vec![Nearest::new(n_candidates); n_queries];
        let mut products = vec![0.0f32; POINTS * n_queries];
        let blocks = self.centred.chunks(POINTS * d).zip(self.half_norms.chunks(POINTS));
        for (block, (points, half_norms)) in blocks.enumerate() {
            let n_points = half_norms.len();
            let products = &mut products[..n_points * n_queries];
            // One thread per product: the shape of a task decides the order of its sums, not the machine.
            matmul(
                MatMut::from_column_major_slice_mut(products, n_points, n_queries),
                Accum::Replace,
                MatRef::from_row_major_slice(points, n_points, d),
                MatRef::from_column_major_slice(rows, d, n_queries),
                1.0,
                Par::Seq,
            );
            for (products, nearest) in products.chunks_exact(n_points).zip(&mut nearest) {
                nearest.offer(half_norms, products, block * POINTS);
            }
        }
        let mut found = Vec::with_capacity(n_queries * k);
        for (query, (row, nearest)) in rows.chunks_exact(d).zip(nearest).enumerate() {
            let own = first.map(|first| (first + query) as u32);
            let mut neighbors: Vec<Neighbor> = nearest
                .points
                .into_iter()
                .filter(|&point| Some(point) != own)
                .map(|point| Neighbor { point, distance: self.distance(row, point) })
                .collect();
            neighbors.sort_by(|a, b| {
                a.distance.total_cmp(&b.distance).then_with(|| a.point.cmp(&b.point))
            });
            found.extend_from_slice(&neighbors[..k]);
        }
        found
    }

    fn distance(&self, row: &[f32], point: u32) -> f32 {
        let other = &self.centred[point as usize * self.n_columns..][..self.n_columns];
        row.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
    }
}

fn centre(x: &[f32], mean: &[f32]) -> Vec<f32> {
    x.chunks_exact(mean.len()).flat_map(|row| row.iter().zip(mean).map(|(x, m)| x - m)).collect()
}

/// The points of smallest ½|y|² − x·y seen so far, in order; half the squared distance less ½|x|², which is
/// the same for all y.
#[derive(Debug, Clone)]
struct Nearest {
    capacity: usize,
    keys: Vec<f32>,
    points: Vec<u32>,
    /// The key to fall below: the last one once full.
    bound: f32,
}

impl Nearest {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            keys: Vec::with_capacity(capacity + 1),
            points: Vec::with_capacity(capacity + 1),
            bound: f32::INFINITY,
        }
    }

    fn offer(&mut self, half_norms: &[f32], products: &[f32], first: usize) {
        let groups = half_norms.chunks(GROUP).zip(products.chunks(GROUP));
        for (group, (half_norms, products)) in groups.enumerate() {
            // Counting instead of stopping at the first keeps the loop free of branches.
            let n_below: u32 = half_norms
                .iter()
                .zip(products)
                .map(|(half_norm, product)| u32::from(half_norm - product < self.bound))
                .sum();
            if n_below > 0 {
                for (i, (half_norm, product)) in half_norms.iter().zip(products).enumerate() {
                    self.insert(half_norm - product, (first + group * GROUP + i) as u32);
                }
            }
        }
    }

    fn insert(&mut self, key: f32, point: u32) {
        if key >= self.bound {
            return;
        }
        let at = self.keys.partition_point(|&other| other <= key);
        self.keys.insert(at, key);
        self.points.insert(at, point);
        if self.keys.len() > self.capacity {
            self.keys.pop();
            self.points.pop();
        }
        if self.keys.len() == self.capacity {
            self.bound = self.keys[self.capacity - 1];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    fn random(n: usize) -> Vec<f32> {
        let mut rng = pert_core::seeded_rng(5, "knn");
        (0..n).map(|_| rng.next_u32() as f32 / u32::MAX as f32 + 100.0).collect()
    }

    #[test]
    fn neighbours_are_those_of_the_direct_search() {
        // 100 + u: norms are large beside distances, which is where norms minus products lose digits.
        for (n, n_columns) in [(7, 1), (133, 3), (200, 17)] {
            let x = random(n * n_columns);
            let k = 6;
            let found = Index::new(&x, n_columns).neighbors_within(k);
            for i in 0..n {
                let mut direct: Vec<(f64, usize)> = (0..n)
                    .filter(|&j| j != i)
                    .map(|j| {
                        let squared = |c| {
                            let (a, b) = (x[i * n_columns + c], x[j * n_columns + c]);
                            (f64::from(a) - f64::from(b)).powi(2)
                        };
                        ((0..n_columns).map(squared).sum::<f64>().sqrt(), j)
                    })
                    .collect();
                direct.sort_by(|a, b| a.0.total_cmp(&b.0));
                for (found, direct) in found[i * k..].iter().zip(&direct[..k]) {
                    // Centring rounds coordinates near 100 to 4e-6.
                    approx::assert_abs_diff_eq!(
                        f64::from(found.distance),
                        direct.0,
                        epsilon = 2e-5
                    );
                }
            }
        }
    }

    #[test]
    fn a_query_equal_to_a_point_finds_it_first() {
        let x = random(90);
        let index = Index::new(&x, 3);
        let found = index.neighbors_of(&x, 2);
        for (i, pair) in found.chunks(2).enumerate() {
            assert_eq!(pair[0], Neighbor { point: i as u32, distance: 0.0 });
        }
    }
}
