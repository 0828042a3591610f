//! Taking column means off, and the directions of greatest variance.

use pert_metrics::{
    Rows, column_means, product_of_transpose, product_with_transpose, symmetric_eigen,
};

use crate::Error;

/// An axis whose variance is below this share of the greatest one is rounding noise: squared, the singular value is
/// 1e-6 of the greatest.
const LEAST_VARIANCE: f64 = 1e-12;

/// The rows less their mean, `[n_rows, n_columns]`.
pub(crate) fn centred(rows: Rows) -> Vec<f64> {
    let mean = column_means(rows);
    let mut values = rows.values().to_vec();
    for row in values.chunks_exact_mut(rows.n_columns()) {
        row.iter_mut().zip(&mean).for_each(|(v, m)| *v -= m);
    }
    values
}

/// Orthonormal axes of greatest variance of centred rows, at most `k`, `[n_axes, n_columns]`; fewer, even none, where
/// the rows do not vary in so many directions.
///
/// From the eigenvectors u of XXᵀ as Xᵀu / √κ: perturbations are few and genes many, and this is exact where
/// [`pert_metrics::Pca`] would iterate.
pub(crate) fn principal_axes(centred: Rows, k: usize) -> Result<Vec<f64>, Error> {
    let n = centred.n_rows();
    let eigen = symmetric_eigen(&product_with_transpose(centred, centred), n)?;
    let greatest = eigen.values.last().copied().unwrap_or(0.0);
    let kept = (0..n).rev().take(k).filter(|&j| eigen.values[j] > greatest * LEAST_VARIANCE);
    let kept: Vec<usize> = kept.filter(|&j| eigen.values[j] > 0.0).collect();
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let mut left = vec![0.0; n * kept.len()]; // [n, n_axes]
    for (a, &j) in kept.iter().enumerate() {
        let scale = eigen.values[j].sqrt();
        for i in 0..n {
            left[i * kept.len() + a] = eigen.vectors[j * n + i] / scale;
        }
    }
    Ok(product_of_transpose(Rows::new(&left, kept.len())?, centred))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn axes_are_those_of_a_principal_component_analysis() {
        use rand::Rng;
        let mut rng = pert_core::seeded_rng(0, "axes");
        let x: Vec<f64> = (0..6 * 9).map(|_| (rng.next_u64() % 1000) as f64 / 1000.0).collect();
        let rows = Rows::new(&x, 9).unwrap();
        let pca = pert_metrics::Pca::fit(rows, 4).unwrap();
        let values = centred(rows);
        let axes = principal_axes(Rows::new(&values, 9).unwrap(), 4).unwrap();
        for (a, b) in axes.chunks_exact(9).zip(pca.components().chunks_exact(9)) {
            let product: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
            assert_relative_eq!(product.abs(), 1.0, max_relative = 1e-10);
        }
    }

    #[test]
    fn only_directions_that_vary_have_axes() {
        let line = [1.0, 2.0, 2.0, 4.0, 3.0, 6.0];
        let values = centred(Rows::new(&line, 2).unwrap());
        assert_eq!(principal_axes(Rows::new(&values, 2).unwrap(), 2).unwrap().len(), 2);
        assert!(principal_axes(Rows::new(&[0.0; 6], 2).unwrap(), 2).unwrap().is_empty());
    }
}
