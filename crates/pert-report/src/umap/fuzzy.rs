//! The fuzzy set of neighbours.

use rayon::prelude::*;

use super::knn::Neighbor;

const MAX_NEWTON_STEPS: usize = 64;
/// The search stops when the sum of memberships is this close to its target (umap-learn).
const TOLERANCE: f64 = 1e-5;
/// A bandwidth is at least this share of the mean distance (umap-learn).
const LEAST_BANDWIDTH: f64 = 1e-3;

/// An undirected edge, listed once from each end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) weight: f32,
}

/// Memberships exp(−max(0, d − ρ)/σ) of the neighbours of one point, with σ such that they sum to
/// log₂ `n_neighbors` (McInnes et al. 2018, Algorithm 3).
pub(super) fn memberships(neighbors: &[Neighbor], rho: f32, n_neighbors: usize) -> Vec<f32> {
    let excess: Vec<f64> =
        neighbors.iter().map(|n| f64::from((n.distance - rho).max(0.0))).collect();
    let target = (n_neighbors as f64).log2();
    // In 1/σ the sum is convex and falling, so Newton's steps from 0 approach the root from one side. If too
    // many neighbours have no excess there is no root, and 1/σ grows until the least bandwidth takes over.
    let mut inverse_sigma = 0.0;
    for _ in 0..MAX_NEWTON_STEPS {
        let (mut sum, mut slope) = (0.0, 0.0);
        for &d in &excess {
            let w = (-d * inverse_sigma).exp();
            sum += w;
            slope -= d * w;
        }
        if (sum - target).abs() < TOLERANCE || slope == 0.0 {
            break;
        }
        inverse_sigma -= (sum - target) / slope;
    }
    let mean =
        neighbors.iter().map(|n| f64::from(n.distance)).sum::<f64>() / neighbors.len() as f64;
    let sigma = (1.0 / inverse_sigma).max(LEAST_BANDWIDTH * mean);
    // Where all distances are 0 the bandwidth is too, and every membership 1.
    excess.iter().map(|&d| if d == 0.0 { 1.0 } else { (-d / sigma).exp() as f32 }).collect()
}

/// The fuzzy union w + w′ − w·w′ of the memberships seen from both ends; edges sorted by `from`, `to`.
pub(super) fn union(neighbors: &[Neighbor], n_neighbors: usize) -> Vec<Edge> {
    let per_point = n_neighbors - 1;
    let weights: Vec<f32> = neighbors
        .par_chunks_exact(per_point)
        .flat_map_iter(|neighbors| {
            // ρ: the nearest neighbour that is not the same point.
            let rho = neighbors.iter().map(|n| n.distance).find(|&d| d > 0.0).unwrap_or(0.0);
            memberships(neighbors, rho, n_neighbors)
        })
        .collect();
    let mut edges: Vec<Edge> = Vec::with_capacity(2 * neighbors.len());
    for (i, (neighbor, &weight)) in neighbors.iter().zip(&weights).enumerate() {
        let from = (i / per_point) as u32;
        edges.push(Edge { from, to: neighbor.point, weight });
        edges.push(Edge { from: neighbor.point, to: from, weight });
    }
    // At most two edges share their ends, and the union does not depend on their order.
    edges.par_sort_unstable_by_key(|edge| (edge.from, edge.to));
    edges.dedup_by(|second, first| {
        let same = (second.from, second.to) == (first.from, first.to);
        if same {
            // Of equal weights the two orders round alike; of unequal ones addition commutes.
            first.weight = first.weight + second.weight - first.weight * second.weight;
        }
        same
    });
    edges
}

#[cfg(test)]
mod tests {
    use super::super::knn::Index;
    use super::*;

    #[derive(serde::Deserialize)]
    struct Expected {
        n_columns: usize,
        n_neighbors: usize,
        x: Vec<f32>,
        edges: Vec<(u32, u32, f64)>,
    }

    #[test]
    fn the_graph_is_that_of_umap_learn() {
        let expected: Expected = pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "umap_graph");
        let index = Index::new(&expected.x, expected.n_columns);
        let neighbors = index.neighbors_within(expected.n_neighbors - 1);
        let edges = union(&neighbors, expected.n_neighbors);
        assert_eq!(edges.len(), expected.edges.len());
        for (edge, (from, to, weight)) in edges.iter().zip(expected.edges) {
            assert_eq!((edge.from, edge.to), (from, to));
            // Both searches stop at 1e-5 of the sum of memberships.
            approx::assert_abs_diff_eq!(f64::from(edge.weight), weight, epsilon = 1e-4);
        }
    }

    #[test]
    fn memberships_sum_to_their_target_and_fall_with_distance() {
        let neighbors: Vec<Neighbor> =
            (0..14).map(|i| Neighbor { point: i, distance: 1.0 + i as f32 }).collect();
        let w = memberships(&neighbors, 1.0, 15);
        approx::assert_abs_diff_eq!(w.iter().sum::<f32>(), 15f32.log2(), epsilon = 1e-4);
        assert!(w.windows(2).all(|w| w[0] > w[1]) && w[0] == 1.0);
    }
}
