//! Passes over tensors that lie in the processor's memory, with vector instructions chosen at run time.
//!
//! Burn's processor backends call libm for every exponential. Here loops over arrays of fixed length are compiled for
//! AVX-512, AVX2 and the portable case, and `pulp` takes the best one the processor has.

use burn::tensor::{Device, Tensor, TensorData};

/// f32 values that one vector of the widest instructions holds; narrower ones take several.
pub(super) const LANES: usize = 16;

/// Whether a device is the processor, whose tensors can be read in place, and follows no gradients.
///
/// ```
/// use burn::tensor::Device;
/// assert!(pert_nn::ops::in_memory(&Device::flex()));
/// assert!(!pert_nn::ops::in_memory(&Device::flex().autodiff()));
/// ```
pub fn in_memory(device: &Device) -> bool {
    !device.is_autodiff() && on_processor(device)
}

/// Whether a device is the processor, with gradients or without.
pub(super) fn on_processor(device: &Device) -> bool {
    // Devices are equal that differ in following gradients only.
    let processors: &[Device] = &[
        #[cfg(feature = "flex")]
        Device::flex(),
        #[cfg(feature = "ndarray")]
        #[allow(deprecated, reason = "it is asked about, not asked for")]
        Device::ndarray(),
    ];
    processors.contains(device)
}

/// The values of a tensor, without a copy where nothing else holds them.
pub(super) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("tensors of this crate hold f32")
}

/// A tensor of values in row-major order.
pub(super) fn tensor<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// eˣ for x ≤ 0 to 2e-7 relative; e⁻⁸⁷ below −87.
///
/// x = n ln 2 + r with |r| ≤ ½ ln 2; eʳ by its series to r⁷, 2ⁿ added to the exponent's bits.
#[inline(always)]
pub(super) fn exp_not_positive(x: f32) -> f32 {
    /// Adding 1.5 · 2²³ rounds to a whole number and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts (Cody & Waite 1980): n times the first is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.max(-87.0);
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let mut series = 1.0f32 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series.mul_add(r, coefficient);
    }
    f32::from_bits(series.to_bits().wrapping_add(rounded.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_keeps_seven_digits() {
        for i in 0..87_000 {
            let x = -(i as f32) * 1e-3;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp_not_positive(x)) - exact).abs() / exact;
            assert!(error < 2e-7, "{x}: {error}");
        }
        assert!(exp_not_positive(-1e30) < 2e-38 && exp_not_positive(f32::NEG_INFINITY) < 2e-38);
    }
}
