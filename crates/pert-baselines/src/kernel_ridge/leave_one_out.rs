//! Leave-one-out errors of kernel ridge regression in closed form.
//!
//! With G = K + λI, residuals of the regression on targets T without perturbation i are, at i,
//! zero centre: rᵢ = (G⁻¹T)ᵢ / (G⁻¹)ᵢᵢ (Golub, Heath & Wahba 1979);
//! training-mean centre: rᵢ = ((G⁻¹T)ᵢ − hᵢ c₋ᵢ) / (G⁻¹)ᵢᵢ with h = G⁻¹1 and c₋ᵢ the mean of the other targets.
//! The second follows from the first applied to T − 1c₋ᵢᵀ, which is linear in T and 1: the centre is recomputed
//! without perturbation i, as a refit would. The kernel's scale, one number per block, stays that of all perturbations.

use pert_metrics::{Rows, SymmetricEigen, matrix_product, product_of_transpose};

use super::Centre;
use crate::Error;

/// G⁻¹ = V diag(1 / (κ + λ)) Vᵀ from the decomposition of K, `[n, n]`.
///
/// Eigenvalues κ of a kernel are not negative; those that rounding made so count as 0.
pub(crate) fn inverse(eigen: &SymmetricEigen, lambda: f64) -> Result<Vec<f64>, Error> {
    let n = eigen.values.len();
    let mut scaled = eigen.vectors.clone();
    for (row, value) in scaled.chunks_exact_mut(n).zip(&eigen.values) {
        let factor = 1.0 / (value.max(0.0) + lambda);
        row.iter_mut().for_each(|v| *v *= factor);
    }
    Ok(product_of_transpose(Rows::new(&eigen.vectors, n)?, Rows::new(&scaled, n)?))
}

/// What the errors of all candidates need of the targets: their inner products only, whatever their dimension.
pub(crate) struct TargetProducts {
    /// M = TTᵀ, `[n, n]`.
    products: Vec<f64>,
    /// M1, `[n]`.
    sums: Vec<f64>,
    d: usize,
}

impl TargetProducts {
    pub fn new(targets: Rows) -> Self {
        let products = pert_metrics::product_with_transpose(targets, targets);
        let sums = products.chunks_exact(targets.n_rows()).map(|row| row.iter().sum()).collect();
        Self { products, sums, d: targets.n_columns() }
    }

    /// Mean of rᵢ² over perturbations and dimensions, for each of the centres.
    pub fn mean_squared_errors(
        &self,
        inverse: &[f64],
        centres: &[Centre],
    ) -> Result<Vec<f64>, Error> {
        let n = self.sums.len();
        let times_products = matrix_product(Rows::new(inverse, n)?, Rows::new(&self.products, n)?); // G⁻¹M
        let total: f64 = self.sums.iter().sum();
        let others = n as f64 - 1.0;
        let mut errors = vec![0.0; centres.len()];
        for i in 0..n {
            let (row, products_row) = (&inverse[i * n..][..n], &times_products[i * n..][..n]);
            let h: f64 = row.iter().sum();
            let plain: f64 = row.iter().zip(products_row).map(|(g, p)| g * p).sum();
            for (error, centre) in errors.iter_mut().zip(centres) {
                let squared = match centre {
                    Centre::Zero => plain,
                    Centre::TrainingMean => {
                        let with_mean =
                            (products_row.iter().sum::<f64>() - products_row[i]) / others;
                        let mean_squared = (total - 2.0 * self.sums[i] + self.products[i * n + i])
                            / (others * others);
                        plain - 2.0 * h * with_mean + h * h * mean_squared
                    }
                };
                *error += squared.max(0.0) / (row[i] * row[i]);
            }
        }
        errors.iter_mut().for_each(|e| *e /= (n * self.d) as f64);
        Ok(errors)
    }
}

/// What a fit without perturbation i predicts for it, for every i, `[n, d]`.
pub(crate) fn predictions(
    inverse: &[f64],
    targets: Rows,
    centre: Centre,
) -> Result<Vec<f64>, Error> {
    let (n, d) = (targets.n_rows(), targets.n_columns());
    let mut out = matrix_product(Rows::new(inverse, n)?, targets); // G⁻¹T, [n, d]
    let mut total = vec![0.0; d];
    for row in targets.values().chunks_exact(d) {
        total.iter_mut().zip(row).for_each(|(t, v)| *t += v);
    }
    let others = n as f64 - 1.0;
    for (i, row) in out.chunks_exact_mut(d).enumerate() {
        let inverse_row = &inverse[i * n..][..n];
        let h: f64 = inverse_row.iter().sum();
        for ((value, target), total) in row.iter_mut().zip(targets.row(i)).zip(&total) {
            let left_out_centre = match centre {
                Centre::Zero => 0.0,
                Centre::TrainingMean => (total - target) / others,
            };
            *value = target - (*value - h * left_out_centre) / inverse_row[i];
        }
    }
    Ok(out)
}
