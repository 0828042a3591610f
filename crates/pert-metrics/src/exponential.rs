//! exp of many numbers at once: the one of the standard library is a call per number.

/// ln 2 in two parts: the first has its low bits clear, so that its product with an exponent is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// 1.5 · 2⁵²: added to a number below 2⁵¹, it leaves the nearest integer in the low bits.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// Below it the result is taken as 0; it is near the logarithm of the smallest normal number.
const LOWEST: f64 = -708.0;

/// 1/k! for k = 11, 10, …, 0. On |r| ≤ ½ ln 2 the first term left out is below 7 · 10⁻¹⁵.
const INVERSE_FACTORIALS: [f64; 12] = [
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// eˣ for x ≤ 0 with a relative error below 10⁻¹⁴; 0 below x = −708, NaN of NaN.
///
/// x = k ln 2 + r, so eˣ = 2ᵏ eʳ with a Taylor polynomial for eʳ. Free of branches and calls, so that a loop over it
/// becomes vector instructions.
#[inline(always)]
pub(crate) fn exp_nonpositive(x: f64) -> f64 {
    // Written as a comparison because `f64::max` would turn NaN into a number.
    let clamped = if x < LOWEST { LOWEST } else { x };
    let shifted = clamped * std::f64::consts::LOG2_E + ROUNDING;
    let exponent = shifted - ROUNDING;
    let r = clamped - exponent * LN_2_HIGH - exponent * LN_2_LOW;
    let mut power = 0.0;
    for coefficient in INVERSE_FACTORIALS {
        power = power * r + coefficient;
    }
    // The low bits of `shifted` hold k in two's complement; the bias of the exponent of an f64 is 1023.
    let scale = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    if x < LOWEST { 0.0 } else { power * scale }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ends_of_the_range() {
        assert_eq!(exp_nonpositive(0.0), 1.0);
        assert_eq!(exp_nonpositive(-0.0), 1.0);
        assert_eq!(exp_nonpositive(-709.0), 0.0);
        assert_eq!(exp_nonpositive(f64::NEG_INFINITY), 0.0);
        assert!(exp_nonpositive(f64::NAN).is_nan());
        assert!((exp_nonpositive(LOWEST) / LOWEST.exp() - 1.0).abs() < 1e-13);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn agrees_with_the_standard_library(x in -708.0..0.0f64, small in -2.0..0.0f64) {
            for x in [x, small, small * 1e-9] {
                prop_assert!((exp_nonpositive(x) / x.exp() - 1.0).abs() < 1e-14, "{x}");
            }
        }
    }
}
