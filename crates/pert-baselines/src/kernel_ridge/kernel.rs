//! Kernels between perturbations: a sum of linear kernels over blocks of features.

use pert_metrics::{Rows, product_with_transpose};

use crate::features::block_scales;
use crate::{Error, FeatureVectors};

/// k(p, q) = Σ_b w_b ⟨f_b(p), f_b(q)⟩ / mean over training perturbations t of ‖f_b(t)‖².
///
/// Every block so has mean diagonal 1 before its weight, whatever its units. A block that is 0 for all training
/// perturbations is left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BlockKernel {
    scales: Vec<f64>,
}

impl BlockKernel {
    /// Scales of the blocks from the training perturbations; `weights` holds one weight ≥ 0 per block.
    pub fn fit(training: &[FeatureVectors], weights: &[f64]) -> Self {
        Self { scales: block_scales(training, weights) }
    }

    /// The kernel among perturbations, `[n, n]`, exactly symmetric.
    pub fn matrix(&self, features: &[FeatureVectors]) -> Result<Vec<f64>, Error> {
        let n = features.len();
        let mut matrix = vec![0.0; n * n];
        for (b, &scale) in self.scales.iter().enumerate() {
            let length = features[0].blocks()[b].len();
            if scale == 0.0 || length == 0 {
                continue;
            }
            let block: Vec<f64> = features.iter().flat_map(|f| &f.blocks()[b]).copied().collect();
            let rows = Rows::new(&block, length)?;
            let products = product_with_transpose(rows, rows);
            matrix.iter_mut().zip(products).for_each(|(k, p)| *k += scale * p);
        }
        for i in 0..n {
            for j in 0..i {
                matrix[j * n + i] = matrix[i * n + j];
            }
        }
        Ok(matrix)
    }

    /// The kernel between one perturbation and others, `[n]`.
    pub fn row(&self, one: &FeatureVectors, others: &[FeatureVectors]) -> Vec<f64> {
        let against = |other: &FeatureVectors| {
            let blocks = one.blocks().iter().zip(other.blocks()).zip(&self.scales);
            blocks.filter(|(_, scale)| **scale != 0.0).map(|((a, b), s)| s * dot(a, b)).sum()
        };
        others.iter().map(against).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn features() -> Vec<FeatureVectors> {
        let blocks =
            [([1.0, 0.0], [3.0], [0.0]), ([0.0, 1.0], [0.0], [0.0]), ([1.0, 1.0], [3.0], [0.0])];
        blocks.map(|(a, b, c)| FeatureVectors::new(vec![a.into(), b.into(), c.into()])).into()
    }

    #[test]
    fn blocks_have_mean_diagonal_one_and_empty_ones_vanish() {
        let features = features();
        let kernel = BlockKernel::fit(&features, &[1.0, 1.0, 1.0]);
        let matrix = kernel.matrix(&features).unwrap();
        let trace: f64 = (0..3).map(|i| matrix[4 * i]).sum();
        assert_relative_eq!(trace / 3.0, 2.0, max_relative = 1e-15); // two blocks of the three
        // By hand: diagonals (1, 1, 2)·3/4 and (9, 0, 9)·3/18.
        assert_relative_eq!(matrix[2], 0.75 + 1.5, max_relative = 1e-15);
        assert_eq!(matrix[1], 0.0);
    }

    #[test]
    fn a_row_agrees_with_the_matrix_and_weights_are_factors() {
        let features = features();
        let kernel = BlockKernel::fit(&features, &[0.5, 2.0, 1.0]);
        let matrix = kernel.matrix(&features).unwrap();
        for (i, f) in features.iter().enumerate() {
            for (a, b) in kernel.row(f, &features).iter().zip(&matrix[3 * i..]) {
                assert_relative_eq!(a, b, max_relative = 1e-14);
            }
        }
        assert_relative_eq!(matrix[2], 0.5 * 0.75 + 2.0 * 1.5, max_relative = 1e-15);
    }
}
