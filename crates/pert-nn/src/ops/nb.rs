//! The negative binomial in mean and inverse dispersion.

use burn::tensor::{Bool, Tensor};

use super::special::{
    HALF_LN_2PI, digamma_difference, log_ratio_known, log1p, log1p_minus_x, stirling_error,
    with_derivatives,
};

/// log NB(y; μ, θ) of every entry, in nats; θ is the **inverse** dispersion: variance μ + μ²/θ.
///
/// log NB = log Γ(y+θ) − log Γ(θ) − log Γ(y+1) + θ log(θ/(θ+μ)) + y log(μ/(θ+μ)), for y > 0 in saddle-point
/// form (Loader 2000), where no two large terms are left to cancel:
///
/// log NB = −θ log((θ+μ)/(θ+y)) − y log(y(θ+μ)/(μ(θ+y))) − ½ log 2πy(1+y/θ) + S(y+θ) − S(θ) − S(y),
/// and −θ log(1+μ/θ) for y = 0; S is [`stirling_error`](super::stirling_error).
///
/// The gradients are written out rather than left to automatic differentiation; value and gradients are within 1e-5 of their size
/// (but where a gradient changes its sign) for y ≤ 2²⁴, μ in [1e-12, 1e9] and θ in [1e-9, 1e12], and finite there.
///
/// # Shapes
/// - y, mu: `[n_cells, n_genes]` (any equal shapes); y ≥ 0 raw counts, mu > 0
/// - theta: the same, or broadcast (`[1, n_genes]`); > 0
/// - output: `[n_cells, n_genes]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::nb_log_prob;
/// let tensor = |x| Tensor::<1>::from_data([x, x], &Device::default());
/// let y = Tensor::<1>::from_data([0.0, 2.0], &Device::default());
/// // θ = 1 is the geometric distribution: with μ = 3, P(y) = ¼ · (¾)^y.
/// let p: Vec<f64> = nb_log_prob(y, tensor(3.0), tensor(1.0)).exp().into_data().iter().collect();
/// assert!((p[0] - 0.25).abs() < 1e-6 && (p[1] - 0.25 * 0.75 * 0.75).abs() < 1e-6);
/// ```
pub fn nb_log_prob<const D: usize>(y: Tensor<D>, mu: Tensor<D>, theta: Tensor<D>) -> Tensor<D> {
    let is_tracked = mu.is_autodiff() || theta.is_autodiff();
    let (plain_mu, plain_theta) = (mu.clone().detach(), theta.clone().detach());
    let value = nb_value(y.clone(), plain_mu.clone(), plain_theta.clone());
    if !is_tracked {
        return value;
    }
    let [by_mu, by_theta] = nb_derivatives(y, plain_mu, plain_theta);
    with_derivatives(value, [(mu, by_mu), (theta, by_theta)])
}

/// log NB(y; μ, θ), not to be differentiated through.
pub(super) fn nb_value<const D: usize>(y: Tensor<D>, mu: Tensor<D>, theta: Tensor<D>) -> Tensor<D> {
    let is_zero = y.clone().equal_elem(0.0);
    let zero = nb_log_zero(mu.clone(), theta.clone());
    nb_log_positive(y, is_zero.clone(), mu, theta).mask_where(is_zero, zero)
}

/// ∂ log NB/∂μ = θ(y−μ)/(μ(θ+μ)) and
/// ∂ log NB/∂θ = log(1+x) − x + [ψ(θ+y) − log(θ+y)] − [ψ(θ) − log θ], x = (y−μ)/(θ+μ); at y = 1 the two parts are
/// opposite for μ → 0, and r/θ + log(1−r) + r with r = μ/(θ+μ) is what is left.
pub(super) fn nb_derivatives<const D: usize>(
    y: Tensor<D>,
    mu: Tensor<D>,
    theta: Tensor<D>,
) -> [Tensor<D>; 2] {
    let difference = y.clone().sub(mu.clone());
    let total = theta.clone().add(mu.clone());
    let x = difference.div(total.clone());
    let by_mu = x.clone().mul(theta.clone()).div(mu.clone());
    let one_plus = y.clone().add(theta.clone()).div(total.clone());
    let is_one = y.clone().equal_elem(1.0);
    let by_theta = log1p_minus_x(x, one_plus).add(digamma_difference(y, theta.clone()));
    let kept = theta.clone().div(total.clone());
    let r = mu.div(total);
    let at_one = log1p_minus_x(r.clone().neg(), kept).add(r.div(theta));
    [by_mu, by_theta.mask_where(is_one, at_one)]
}

/// log NB(0; μ, θ) = −θ log(1 + μ/θ).
pub(super) fn nb_log_zero<const D: usize>(mu: Tensor<D>, theta: Tensor<D>) -> Tensor<D> {
    log1p(mu.div(theta.clone())).mul(theta).neg()
}

/// log NB(y; μ, θ) where y > 0; finite and meaningless where `is_zero`.
fn nb_log_positive<const D: usize>(
    y: Tensor<D>,
    is_zero: Tensor<D, Bool>,
    mu: Tensor<D>,
    theta: Tensor<D>,
) -> Tensor<D> {
    let y = y.mask_fill(is_zero, 1.0);
    let n = y.clone().add(theta.clone());
    let difference = y.clone().sub(mu.clone());
    let total = theta.clone().add(mu.clone());
    let spread = log1p(y.clone().div(theta.clone())).add(y.clone().log()).mul_scalar(0.5);
    stirling_error(n.clone())
        .sub(stirling_error(theta.clone()))
        .sub(stirling_error(y.clone()))
        .sub(spread.add_scalar(HALF_LN_2PI))
        .sub(nb_deviance(y, n, mu, theta, difference, total))
}

/// θ log((θ+μ)/(θ+y)) + y log(y(θ+μ)/(μ(θ+y))) ≥ 0.
///
/// With t = (μ−y)/(θ+y) and u = θ(y−μ)/(μ(θ+y)) the terms linear in t and u add to u (y−μ), which is what is left of two
/// large numbers when counts are large; so near y = μ only the rest log(1+t) − t is taken of each logarithm.
fn nb_deviance<const D: usize>(
    y: Tensor<D>,
    n: Tensor<D>,
    mu: Tensor<D>,
    theta: Tensor<D>,
    difference: Tensor<D>,
    total: Tensor<D>,
) -> Tensor<D> {
    let t = difference.clone().neg().div(n.clone());
    let u = difference.clone().div(mu.clone()).mul(theta.clone().div(n.clone()));
    let t_ratio = total.div(n);
    let u_ratio = t_ratio.clone().mul(y.clone().div(mu));
    let is_far = t.clone().abs().greater_elem(0.5).bool_or(u.clone().abs().greater_elem(0.5));
    let (t_rest, u_rest) =
        (log1p_minus_x(t.clone(), t_ratio.clone()), log1p_minus_x(u.clone(), u_ratio.clone()));
    let far = log_ratio_known(t, t_ratio)
        .mul(theta.clone())
        .add(log_ratio_known(u.clone(), u_ratio).mul(y.clone()));
    t_rest.mul(theta).add(u_rest.mul(y)).add(u.mul(difference)).mask_where(is_far, far)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_masses_sum_to_one() {
        let device = Device::default();
        for (mu, theta) in [(0.01, 0.2), (1.0, 0.5), (5.0, 3.0), (20.0, 50.0), (3.0, 1e4)] {
            let y: Vec<f32> = (0..2000).map(|y| y as f32).collect();
            let y = Tensor::<1>::from_floats(y.as_slice(), &device);
            let log_prob = nb_log_prob(y.clone(), y.full_like(mu), y.full_like(theta));
            let total: f64 = log_prob.into_data().iter::<f64>().map(f64::exp).sum();
            assert!((total - 1.0).abs() < 1e-5, "mu {mu}, theta {theta}: {total}");
        }
    }
}
