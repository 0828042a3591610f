//! Summed count likelihoods of a batch whose counts are mostly zero.
//!
//! The dense forms pay for log Γ at every entry. Here the dense pass computes what an entry would contribute if it
//! were 0, and the non-zeros (a tenth in single-cell data) are then patched at their places. What depends on the
//! counts alone never enters the graph.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::special::{log_ratio, log1p, stirling_error};

/// Where dropout logits are cut: e^±40 and its square are far from the ends of `f32`.
const LOGIT_BOUND: f64 = 40.0;

/// The non-zero counts of a batch, at their places in the row-major `[n_cells, n_genes]` matrix.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::SparseCounts;
/// let device = Device::default();
/// // [[0, 3], [1, 0]]: places 1 and 2 of the four.
/// let counts = SparseCounts::new(2, vec![1, 2], vec![3.0, 1.0], &device);
/// let dense = Tensor::<2>::from_data([[10.0, 11.0], [12.0, 13.0]], &device);
/// assert_eq!(counts.at(dense).into_data().iter::<f64>().collect::<Vec<_>>(), [11.0, 12.0]);
/// let per_gene = Tensor::<1>::from_data([0.5, 0.25], &device);
/// assert_eq!(counts.at_genes(per_gene).into_data().iter::<f64>().collect::<Vec<_>>(), [0.25, 0.5]);
/// ```
#[derive(Debug, Clone)]
pub struct SparseCounts {
    place: Tensor<1, Int>,
    cell: Tensor<1, Int>,
    gene: Tensor<1, Int>,
    y: Tensor<1>,
}

impl SparseCounts {
    /// Takes the place `cell · n_genes + gene` and the value of every non-zero count.
    ///
    /// # Panics
    /// When the two differ in length: the caller walks one matrix.
    pub fn new(n_genes: usize, places: Vec<i32>, values: Vec<f32>, device: &Device) -> Self {
        assert_eq!(places.len(), values.len(), "every non-zero count has one place");
        let n = values.len();
        let genes = n_genes as i32;
        let index =
            |indices: Vec<i32>| Tensor::<1, Int>::from_data(TensorData::new(indices, [n]), device);
        Self {
            cell: index(places.iter().map(|place| place / genes).collect()),
            gene: index(places.iter().map(|place| place % genes).collect()),
            place: index(places),
            y: Tensor::from_data(TensorData::new(values, [n]), device),
        }
    }

    /// The entries of a dense matrix at the non-zero counts.
    ///
    /// # Shapes
    /// - dense: `[n_cells, n_genes]`; output: `[n_nonzero]`
    pub fn at(&self, dense: Tensor<2>) -> Tensor<1> {
        dense.flatten::<1>(0, 1).select(0, self.place.clone())
    }

    /// One value per cell, repeated for its non-zero counts.
    ///
    /// # Shapes
    /// - per_cell: `[n_cells]`; output: `[n_nonzero]`
    pub fn at_cells(&self, per_cell: Tensor<1>) -> Tensor<1> {
        per_cell.select(0, self.cell.clone())
    }

    /// One value per gene, repeated for its non-zero counts.
    ///
    /// # Shapes
    /// - per_gene: `[n_genes]`; output: `[n_nonzero]`
    pub fn at_genes(&self, per_gene: Tensor<1>) -> Tensor<1> {
        per_gene.select(0, self.gene.clone())
    }

    /// log NB(y; μ, θ) + log Γ(y+1) + y at the non-zero counts:
    /// y log μ − (y+θ) log((θ+μ)/(θ+y)) − ½ log(1+y/θ) + S(y+θ) − S(θ).
    ///
    /// log μ, not μ, because softmax knows it where the exponential underflows. The price is a rounding error of
    /// about 1e-6 · y nats per entry, which the dense form does not have.
    fn nb_nonzero(&self, log_mu: Tensor<1>, theta: Tensor<2>) -> Tensor<1> {
        // Per gene, the special function is computed before the values are spread over the non-zeros.
        let (theta, stirling_theta) = if theta.dims()[0] == 1 {
            let theta = theta.flatten::<1>(0, 1); // [n_genes]
            (self.at_genes(theta.clone()), self.at_genes(stirling_error(theta)))
        } else {
            let theta = self.at(theta);
            (theta.clone(), stirling_error(theta))
        }; // [n_nonzero]
        // Cheaper than to read μ from the dense matrix, whose gradient would be a dense scatter.
        let mu = log_mu.clone().exp();
        let y = self.y.clone();
        let n = y.clone().add(theta.clone());
        let log_r = log_ratio(theta.clone().add(mu.clone()), n.clone(), mu.sub(y.clone()));
        let spread = log1p(y.clone().div(theta)).mul_scalar(0.5);
        let corrections = stirling_error(n.clone()).sub(stirling_theta).sub(spread);
        y.mul(log_mu).sub(n.mul(log_r)).add(corrections)
    }
}

/// Σ [log NB(y; μ, θ) + log Γ(y+1) + y] over all entries: the likelihood without what depends on y alone.
///
/// # Shapes
/// - mu: `[n_cells, n_genes]`; log_mu: `[n_nonzero]`, log μ at the non-zero counts
/// - theta: `[1, n_genes]`, or `[n_cells, n_genes]`
/// - output: `[1]`, nats
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::{SparseCounts, nb_log_likelihood};
/// let device = Device::default();
/// // One cell with counts (0, 2); θ = 1 and μ = 3: P(0) = ¼, P(2) = ¼ · (¾)².
/// let counts = SparseCounts::new(2, vec![1], vec![2.0], &device);
/// let mu = Tensor::<2>::from_data([[3.0, 3.0]], &device);
/// let log_mu = counts.at(mu.clone()).log();
/// let sum = nb_log_likelihood(&counts, mu, log_mu, Tensor::ones([1, 2], &device));
/// let expected = 0.25f32.ln() + (0.25f32 * 0.75 * 0.75).ln() + (2f32.ln() + 2.0);
/// assert!((sum.into_scalar::<f32>() - expected).abs() < 1e-5);
/// ```
pub fn nb_log_likelihood(
    counts: &SparseCounts,
    mu: Tensor<2>,
    log_mu: Tensor<1>,
    theta: Tensor<2>,
) -> Tensor<1> {
    let zero_cost = zero_cost(mu, theta.clone());
    let nonzero = counts.nb_nonzero(log_mu, theta).add(counts.at(zero_cost.clone()));
    nonzero.sum().sub(zero_cost.sum())
}

/// Σ [log ZINB(y; μ, θ, π) + (log Γ(y+1) + y)] over all entries: the likelihood without what depends on y alone.
///
/// With o = π/(1−π): log ZINB(0) = log[(o + NB(0)) / (o + 1)] and log(1−π) = −log(1+o), so that an entry costs two
/// exponentials and one logarithm. The logits are cut at ±40 (probabilities of 4e-18), where o² is still an `f32`;
/// beyond, their gradient is 0.
///
/// # Shapes
/// - mu, pi_logits: `[n_cells, n_genes]`; log_mu: `[n_nonzero]`, log μ at the non-zero counts
/// - theta: `[1, n_genes]`, or `[n_cells, n_genes]`
/// - output: `[1]`, nats
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::{SparseCounts, nb_log_likelihood, zinb_log_likelihood};
/// let device = Device::default();
/// let counts = SparseCounts::new(2, vec![1], vec![2.0], &device);
/// let mu = Tensor::<2>::from_data([[3.0, 3.0]], &device);
/// let (log_mu, theta) = (counts.at(mu.clone()).log(), Tensor::ones([1, 2], &device));
/// // Without dropout (π near 0) it is the negative binomial.
/// let pi_logits = Tensor::<2>::from_data([[-30.0, -30.0]], &device);
/// let zinb = zinb_log_likelihood(&counts, mu.clone(), log_mu.clone(), theta.clone(), pi_logits);
/// let nb = nb_log_likelihood(&counts, mu, log_mu, theta);
/// assert!((zinb.into_scalar::<f32>() - nb.into_scalar::<f32>()).abs() < 1e-5);
/// ```
pub fn zinb_log_likelihood(
    counts: &SparseCounts,
    mu: Tensor<2>,
    log_mu: Tensor<1>,
    theta: Tensor<2>,
    pi_logits: Tensor<2>,
) -> Tensor<1> {
    let odds = pi_logits.clamp(-LOGIT_BOUND, LOGIT_BOUND).exp(); // π/(1−π), [n_cells, n_genes]
    let nb_zero = zero_cost(mu, theta.clone()).neg().exp(); // NB(0), [n_cells, n_genes]
    let log_zero = odds.clone().add(nb_zero).div(odds.clone().add_scalar(1.0)).log();
    let nonzero = counts
        .nb_nonzero(log_mu, theta)
        .sub(log1p(counts.at(odds)))
        .sub(counts.at(log_zero.clone()));
    nonzero.sum().add(log_zero.sum())
}

/// Σ [log Poisson(y; μ) + log Γ(y+1) + y] over all entries: the likelihood without what depends on y alone.
///
/// # Shapes
/// - mu: `[n_cells, n_genes]`; log_mu: `[n_nonzero]`, log μ at the non-zero counts
/// - output: `[1]`, nats
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::{SparseCounts, poisson_log_likelihood};
/// let device = Device::default();
/// // One cell with counts (0, 3); without its constant log P is y log μ − μ + y.
/// let counts = SparseCounts::new(2, vec![1], vec![3.0], &device);
/// let mu = Tensor::<2>::from_data([[1.0, 2.0]], &device);
/// let sum = poisson_log_likelihood(&counts, mu.clone(), counts.at(mu).log());
/// let expected = -1.0 + (3.0 * 2f32.ln() - 2.0 + 3.0);
/// assert!((sum.into_scalar::<f32>() - expected).abs() < 1e-5);
/// ```
pub fn poisson_log_likelihood(
    counts: &SparseCounts,
    mu: Tensor<2>,
    log_mu: Tensor<1>,
) -> Tensor<1> {
    log_mu.add_scalar(1.0).mul(counts.y.clone()).sum().sub(mu.sum())
}

/// −log NB(0; μ, θ) = θ log(1 + μ/θ), `[n_cells, n_genes]`.
fn zero_cost(mu: Tensor<2>, theta: Tensor<2>) -> Tensor<2> {
    log1p(mu.mul(theta.clone().recip())).mul(theta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{nb_log_prob, poisson_log_prob, zinb_log_prob};
    use statrs::function::gamma::ln_gamma;

    /// The dense forms are checked against another implementation; the sparse ones against the dense.
    #[test]
    fn the_sparse_forms_equal_the_dense_ones_in_value_and_gradient() {
        let device = Device::default().autodiff();
        let (n, g) = (3, 4);
        let y = [0.0f32, 1.0, 0.0, 7.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 300.0, 1.0];
        let mu: Vec<f32> = (0..12).map(|i| 0.05 * 2f32.powi(i)).collect();
        let theta = [0.1f32, 1.0, 20.0, 3000.0];
        let pi: Vec<f32> = (0..12).map(|i| 5.0 * (i as f32 - 6.0)).collect();
        let places: Vec<i32> = (0..12).filter(|&i| y[i as usize] > 0.0).collect();
        let values: Vec<f32> = places.iter().map(|&i| y[i as usize]).collect();
        let constant: f64 =
            values.iter().map(|&y| f64::from(y)).map(|y| ln_gamma(y + 1.0) + y).sum();
        let sparse = SparseCounts::new(g, places, values, &device);
        for (form, per_cell) in [(0, false), (1, false), (2, false), (1, true), (2, true)] {
            let matrix = |v: &[f32]| {
                Tensor::<2>::from_data(TensorData::new(v.to_vec(), [n, g]), &device).require_grad()
            };
            let y = Tensor::<2>::from_data(TensorData::new(y.to_vec(), [n, g]), &device);
            let run = |is_sparse: bool| {
                let (mu, pi) = (matrix(&mu), matrix(&pi));
                let theta = Tensor::<1>::from_floats(theta, &device).require_grad();
                let log_mu = sparse.at(mu.clone()).log();
                let wide = theta.clone().unsqueeze::<2>();
                let spread = if per_cell { wide.clone().repeat_dim(0, n) } else { wide.clone() };
                let total = match (form, is_sparse) {
                    (0, true) => poisson_log_likelihood(&sparse, mu.clone(), log_mu),
                    (0, false) => poisson_log_prob(y.clone(), mu.clone()).sum(),
                    (1, true) => nb_log_likelihood(&sparse, mu.clone(), log_mu, spread),
                    (1, false) => nb_log_prob(y.clone(), mu.clone(), wide).sum(),
                    (_, true) => {
                        zinb_log_likelihood(&sparse, mu.clone(), log_mu, spread, pi.clone())
                    }
                    (_, false) => zinb_log_prob(y.clone(), mu.clone(), wide, pi.clone()).sum(),
                };
                let grads = total.backward();
                let mut all = vec![f64::from(total.into_scalar::<f32>())];
                let mut push = |t: Option<TensorData>| {
                    all.extend(t.iter().flat_map(|t| t.iter::<f64>().collect::<Vec<_>>()));
                };
                push(mu.grad(&grads).map(Tensor::into_data));
                push(theta.grad(&grads).map(Tensor::into_data));
                push(pi.grad(&grads).map(Tensor::into_data));
                all
            };
            let (mut actual, expected) = (run(true), run(false));
            actual[0] -= constant;
            assert_eq!(actual.len(), expected.len());
            for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
                // The value's error is that of f32 sums of the size of the constant dropped.
                let bound = if i == 0 { 1e-6 * constant } else { 1e-5 * e.abs().max(1.0) };
                assert!((a - e).abs() < bound, "form {form}, entry {i}: {a} is not {e}");
            }
        }
    }
}
