//! GELU in one pass.

use burn::tensor::{Device, Tensor, activation};
use rayon::prelude::*;

use super::host::{LANES, exp_not_positive, host, in_memory, tensor};

/// Values a thread takes at a time: 64 kB, which stay in its cache.
const CHUNK: usize = 1024 * LANES;

/// x · Φ(x) with the exact Φ, element by element (Hendrycks & Gimpel 2016), differentiable.
///
/// On the processor, where no gradients are wanted, Φ(x) = ½ erfc(−x/√2) comes from equation 7.1.26 of Abramowitz & Stegun
/// 1964, within 1.5e-7; no cancellation for negative x. Elsewhere it is ½ (1 + erf(x/√2)): the derivative that most of
/// Burn's backends have for [`activation::gelu`] is that of the approximation by tanh, up to 5e-4 off.
///
/// ```
/// use burn::tensor::Tensor;
/// let x = Tensor::<1>::from_data([-1.0, 0.0, 2.0], &Default::default());
/// let y: Vec<f64> = pert_nn::ops::gelu(x).into_data().iter().collect();
/// // Φ(−1) = 0.158655, Φ(2) = 0.977250.
/// assert!((y[0] + 0.158655).abs() < 1e-6 && y[1].abs() < 1e-6 && (y[2] - 1.954500).abs() < 1e-6);
/// ```
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let device = x.device();
    if !in_memory(&device) {
        return if exact_derivative(&device) { activation::gelu(x) } else { composed(x) };
    }
    let shape = x.dims();
    let mut values = host(x);
    let arch = pulp::Arch::new();
    values.par_chunks_mut(CHUNK).for_each(|chunk| arch.dispatch(Pass(chunk)));
    tensor(values, shape, &device)
}

/// Whether the backend's own form, one operation, has the derivative of the exact function.
fn exact_derivative(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return *device == Device::flex();
    #[cfg(not(feature = "flex"))]
    return false;
}

fn composed<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let twice_phi = x.clone().mul_scalar(std::f32::consts::FRAC_1_SQRT_2).erf().add_scalar(1.0);
    x.mul(twice_phi).mul_scalar(0.5)
}

/// Compiled for each kind of processor.
struct Pass<'a>(&'a mut [f32]);

impl pulp::WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _simd: S) {
        gelu_in_place(self.0);
    }
}

#[inline(always)]
fn gelu_in_place(values: &mut [f32]) {
    for x in values {
        // Half of the polynomial's coefficients: ½ erfc.
        const P: f32 = 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2;
        let t = 1.0 / x.abs().mul_add(P, 1.0);
        let mut tail = 1.061_405_4f32;
        for coefficient in [-1.453_152, 1.421_413_7, -0.284_496_72, 0.254_829_6] {
            tail = tail.mul_add(t, coefficient);
        }
        let tail = 0.5 * tail * t * exp_not_positive(-0.5 * *x * *x); // Φ(−|x|)
        *x *= if *x < 0.0 { tail } else { 1.0 - tail };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_equals_the_composed_form() {
        let x: Vec<f32> = (-40_000..40_000).map(|i| i as f32 * 2e-4).collect();
        let x = tensor(x.clone(), [x.len()], &Device::default());
        let expected = host(activation::gelu(x.clone()));
        for (a, b) in host(gelu(x)).iter().zip(expected) {
            // 1.5e-7 of x, and the rounding of 1 + erf.
            assert!((a - b).abs() <= 2e-6, "{a} {b}");
        }
    }

    #[test]
    fn far_values_are_zero_or_themselves() {
        let x = tensor(vec![-1e20, -50.0, 50.0, 1e20], [4], &Device::default());
        let y = host(gelu(x));
        assert!(y[0].abs() < 1e-15 && y[1].abs() < 1e-30);
        assert_eq!(y[2..], [50.0, 1e20]);
    }

    /// Φ(x) + x φ(x), from tables of the normal distribution to six digits.
    #[test]
    fn the_derivative_is_that_of_the_exact_function() {
        let device = Device::default().autodiff();
        let x = tensor(vec![-1.0, 0.0, 1.0, 2.0], [4], &device).require_grad();
        let gradients = gelu(x.clone()).sum().backward();
        let slope: Vec<f64> = x.grad(&gradients).expect("is followed").into_data().iter().collect();
        for (a, e) in slope.iter().zip([-0.083316, 0.5, 1.083316, 1.085232]) {
            assert!((a - e).abs() < 2e-6, "{a} is not {e}");
        }
    }
}
