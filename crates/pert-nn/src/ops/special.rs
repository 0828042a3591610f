//! Special functions of tensors.

use burn::tensor::Tensor;

use super::host::on_processor;

/// ½ log 2π.
pub(super) const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;

/// Arguments from here on need no shift: the first omitted term of the series, 1/(1680 z⁷), is below 4e-8.
const SERIES_START: f64 = 4.0;

/// log Γ(x) for x > 0, differentiable.
///
/// log Γ(x) = (z − ½) log z − z + ½ log 2π + S(z) − log[x(x+1)(x+2)(x+3)], z = x + 4, with Stirling's series
/// S(z) ≈ 1/(12z) − 1/(360z³) + 1/(1260z⁵) (Abramowitz & Stegun 6.1.41 and 6.1.15).
///
/// In `f32` the error is below 1.5e-6 · max(1, |log Γ(x)|) on [1e-3, 1e6], and below 5e-6 of it where the backend's own
/// logarithm is exact to three units in the last place only (Vulkan); above 1e9 the product overflows.
///
/// # Shapes
/// - x: `[..]`; output: `[..]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// let x = Tensor::<1>::from_data([5.0], &Device::default());
/// // Γ(5) = 4!.
/// assert!((pert_nn::ops::lgamma(x).into_scalar::<f32>() - 24f32.ln()).abs() < 1e-5);
/// ```
pub fn lgamma<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    // x(x+3) and (x+1)(x+2) differ by exactly 2.
    let q = x.clone().add_scalar(3.0).mul(x.clone());
    let product = q.clone().add_scalar(2.0).mul(q);
    let z = x.add_scalar(SERIES_START);
    let log_z = z.clone().log();
    let series = stirling_series(z.clone());
    z.clone()
        .sub_scalar(0.5)
        .mul(log_z)
        .sub(z)
        .add(series)
        .sub(product.log())
        .add_scalar(HALF_LN_2PI)
}

/// Stirling's error S(x) = log Γ(x) − (x − ½) log x + x − ½ log 2π for x > 0, differentiable.
///
/// Differences of log Γ at large arguments lose every digit in `f32`; written in S, their large parts cancel
/// on paper (Loader, "Fast and accurate computation of binomial probabilities", 2000).
///
/// # Shapes
/// - x: `[..]`; output: `[..]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// let x = Tensor::<1>::from_data([1.0], &Device::default());
/// // Γ(1) = 1, so S(1) = 1 − ½ log 2π.
/// let expected = 1.0 - 0.5 * (2.0 * std::f32::consts::PI).ln();
/// assert!((pert_nn::ops::stirling_error(x).into_scalar::<f32>() - expected).abs() < 1e-6);
/// ```
pub fn stirling_error<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let is_small = x.clone().lower_elem(SERIES_START);
    let large = stirling_series(x.clone().clamp_min(SERIES_START));
    let small = x.clamp_max(SERIES_START);
    let leading = small.clone().sub_scalar(0.5).mul(small.clone().log()).sub(small.clone());
    large.mask_where(is_small, lgamma(small).sub(leading).sub_scalar(HALF_LN_2PI))
}

/// The first three terms of Stirling's series, for z ≥ [`SERIES_START`].
fn stirling_series<const D: usize>(z: Tensor<D>) -> Tensor<D> {
    let inverse = z.recip();
    let square = inverse.clone().mul(inverse.clone());
    square
        .clone()
        .mul_scalar(1.0 / 1260.0)
        .sub_scalar(1.0 / 360.0)
        .mul(square)
        .add_scalar(1.0 / 12.0)
        .mul(inverse)
}

/// log(1 + x) − x, whose leading terms −x²/2 + x³/3 are lost in the difference where x is small.
///
/// Near 0 by 2 artanh(r) − x with r = x/(2 + x), 2r − x being −x r; beyond ½ by `one_plus` = 1 + x, which the caller
/// knows more exactly than the sum tells. Not differentiated through.
pub(super) fn log1p_minus_x<const D: usize>(x: Tensor<D>, one_plus: Tensor<D>) -> Tensor<D> {
    let is_far = x.clone().abs().greater_elem(NEAR);
    let near = x.clone().mask_fill(is_far.clone(), 0.0);
    log1p_minus_near(near).mask_where(is_far, one_plus.log().sub(x))
}

/// Up to here log(1 + x) is taken from its series.
const NEAR: f64 = 0.5;

/// log(1 + x) − x for |x| ≤ [`NEAR`].
fn log1p_minus_near<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let r = x.clone().div(x.clone().add_scalar(2.0));
    let square = r.clone().mul(r.clone());
    // |r| ≤ ⅓: the first term left out, r¹³/15, is below 1e-7 of the result.
    let mut series = square.clone().mul_scalar(1.0 / 13.0);
    for odd in [11.0, 9.0, 7.0, 5.0] {
        series = series.add_scalar(1.0 / odd).mul(square.clone());
    }
    series.add_scalar(1.0 / 3.0).mul(square).mul_scalar(2.0).sub(x).mul(r)
}

/// log(1 + x) for x > −1 with every digit near 0, differentiable. Graphics interfaces have no such function, and Burn's
/// kernels for them round 1 + x first, so that θ log(1 + μ/θ) would be 0 for θ = 10¹².
pub(super) fn log1p<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if on_processor(&x.device()) {
        return x.log1p();
    }
    let is_far = x.clone().abs().greater_elem(NEAR);
    let far = x.clone().add_scalar(1.0).log();
    // The branch not taken still meets the backward pass: keep it finite.
    let near = x.mask_fill(is_far.clone(), 0.0);
    log1p_minus_near(near.clone()).add(near).mask_where(is_far, far)
}

/// 1 − e^l for l ≤ 0, every digit of it for l near 0. Not differentiated through.
pub(super) fn one_minus_exp<const D: usize>(l: Tensor<D>) -> Tensor<D> {
    let is_far = l.clone().lower_elem(-NEAR);
    let near = l.clone().mask_fill(is_far.clone(), 0.0);
    // Σ lᵏ/k!, k = 1..8: the first term left out is below 1e-8 of the result.
    let mut series = near.clone().mul_scalar(1.0 / 8.0);
    for k in [7.0, 6.0, 5.0, 4.0, 3.0, 2.0] {
        series = series.add_scalar(1.0).mul(near.clone()).mul_scalar(1.0 / k);
    }
    let near = series.add_scalar(1.0).mul(near).neg();
    near.mask_where(is_far, l.exp().neg().add_scalar(1.0))
}

/// [ψ(θ+y) − log(θ+y)] − [ψ(θ) − log θ] for y ≥ 0, θ > 0 (ψ the digamma function): what θ's derivative has beside
/// logarithms. Not differentiated through.
///
/// From 4 on the difference of the asymptotic series is taken term by term (Abramowitz & Stegun 6.3.18), so that its
/// common factor 1/θ − 1/(θ+y) = y/(θ(θ+y)) stands in front; below, the recurrence shifts both by 4.
pub(super) fn digamma_difference<const D: usize>(y: Tensor<D>, theta: Tensor<D>) -> Tensor<D> {
    let is_small = theta.clone().lower_elem(SERIES_START);
    let n = theta.clone().add(y.clone());
    let shift = is_small.clone().float().mul_scalar(SERIES_START);
    let a = theta.clone().add(shift.clone()).recip();
    let b = n.clone().add(shift).recip();
    let (a2, b2) = (a.clone().mul(a.clone()), b.clone().mul(b.clone()));
    let quartic = a2.clone().mul(a2.clone().add(b2.clone())).add(b2.clone().mul(b2.clone()));
    let bracket = quartic
        .mul_scalar(1.0 / 252.0)
        .sub(a2.add(b2).mul_scalar(1.0 / 120.0))
        .add_scalar(1.0 / 12.0)
        .mul(a.clone().add(b.clone()))
        .add_scalar(0.5);
    let asymptotic = y.clone().mul(a).mul(b).mul(bracket);
    // Not every backend broadcasts a mask.
    let is_small = is_small.expand(asymptotic.dims());
    // Σ_k y/((θ+k)(n+k)) + log((n+4) θ / ((θ+4) n)), k = 0..3.
    let small = theta.clone().clamp_max(SERIES_START);
    let shifted = n.clone().add_scalar(SERIES_START);
    let ratio = shifted.mul(theta.clone()).div(theta.add_scalar(SERIES_START).mul(n.clone()));
    let difference = y.clone().mul_scalar(-SERIES_START);
    let denominator = small.clone().add_scalar(SERIES_START).mul(n.clone());
    let x = difference.div(denominator);
    let is_far = x.clone().abs().greater_elem(NEAR);
    let log = log1p(x.mask_fill(is_far.clone(), 0.0)).mask_where(is_far, ratio.log());
    let mut recurrence = log;
    for k in 0..4 {
        let k = f64::from(k);
        let product = small.clone().add_scalar(k).mul(n.clone().add_scalar(k));
        recurrence = recurrence.add(y.clone().div(product));
    }
    asymptotic.clone().mask_where(is_small, asymptotic.add(recurrence))
}

/// The value with derivatives of our own: `value` + Σ (parameter − its detached self) · derivative.
///
/// What automatic differentiation makes of a stable value need not be stable: the terms that cancelled on paper come
/// back. Derivatives of second order are lost.
pub(super) fn with_derivatives<const D: usize, const N: usize>(
    value: Tensor<D>,
    derivatives: [(Tensor<D>, Tensor<D>); N],
) -> Tensor<D> {
    derivatives.into_iter().fold(value, |value, (parameter, derivative)| {
        let nothing = parameter.clone().sub(parameter.detach());
        value.add(nothing.mul(derivative))
    })
}

/// log(numerator / denominator) where `difference` = numerator − denominator is known more exactly than the
/// rounded quotient tells: log1p near 1, the plain logarithm elsewhere. All arguments broadcast to one shape.
pub(super) fn log_ratio<const D: usize>(
    numerator: Tensor<D>,
    denominator: Tensor<D>,
    difference: Tensor<D>,
) -> Tensor<D> {
    log_ratio_known(difference.div(denominator.clone()), numerator.div(denominator))
}

/// log(1 + x), with `one_plus` = 1 + x known more exactly than the sum tells far from 0.
pub(super) fn log_ratio_known<const D: usize>(x: Tensor<D>, one_plus: Tensor<D>) -> Tensor<D> {
    let is_far = x.clone().abs().greater_elem(NEAR);
    // The branch not taken still meets the backward pass: keep it finite.
    let near = log1p(x.mask_fill(is_far.clone(), 0.0));
    near.mask_where(is_far, one_plus.log())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use statrs::function::gamma::{digamma, ln_gamma};

    fn grid() -> Vec<f32> {
        (0..=1800).map(|i| 10f64.powf(-3.0 + 9.0 * f64::from(i) / 1800.0) as f32).collect()
    }

    #[test]
    fn lgamma_and_its_derivative_agree_with_statrs() {
        let xs = grid();
        let x =
            Tensor::<1>::from_floats(xs.as_slice(), &Device::default().autodiff()).require_grad();
        let value = lgamma(x.clone());
        let grads = value.clone().sum().backward();
        let derivative = x.grad(&grads).unwrap().into_data().try_to_vec::<f32>().unwrap();
        let value = value.into_data().try_to_vec::<f32>().unwrap();
        let tolerance = if on_processor(&Device::default()) { 1.5e-6 } else { 5e-6 };
        for ((&x, &v), &d) in xs.iter().zip(&value).zip(&derivative) {
            let (expected, slope) = (ln_gamma(f64::from(x)), digamma(f64::from(x)));
            let error = (f64::from(v) - expected).abs() / expected.abs().max(1.0);
            assert!(error < tolerance, "lgamma({x}) = {v}, not {expected}");
            let error = (f64::from(d) - slope).abs() / slope.abs().max(1.0);
            assert!(error < tolerance, "digamma({x}) = {d}, not {slope}");
        }
    }

    #[test]
    fn stirling_error_agrees_with_its_definition() {
        let xs = grid();
        let x = Tensor::<1>::from_floats(xs.as_slice(), &Device::default());
        let value = stirling_error(x).into_data().try_to_vec::<f32>().unwrap();
        for (&x, &v) in xs.iter().zip(&value) {
            let x = f64::from(x);
            // Above 1e3 the definition itself cancels in f64; the series is exact there.
            let expected = if x > 1e3 {
                1.0 / (12.0 * x)
            } else {
                ln_gamma(x) - (x - 0.5) * x.ln() + x - HALF_LN_2PI
            };
            assert!((f64::from(v) - expected).abs() < 2e-6, "S({x}) = {v}, not {expected}");
        }
    }
}
