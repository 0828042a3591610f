//! Special functions of one number.

use statrs::function::gamma::ln_gamma;

/// ½ log 2π.
pub(super) const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;

/// From here on the first term left out of Stirling's series, 691/360360 x⁻¹¹, is below 2e-16.
const SERIES_START: f64 = 16.0;

/// S(x) = log Γ(x) − (x − ½) log x + x − ½ log 2π for x > 0 (Abramowitz & Stegun 6.1.41).
pub(super) fn stirling_error(x: f64) -> f64 {
    if x < SERIES_START {
        return ln_gamma(x) - (x - 0.5) * x.ln() + x - HALF_LN_2PI;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = [-1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    series.iter().fold(1.0 / 1188.0, |sum, term| sum * square + term) * inverse
}

/// log(1 + x) − x, with `one_plus` = 1 + x known more exactly than the sum tells far from 0.
///
/// Near 0 as 2 artanh(r) − x with r = x/(2 + x), where 2r − x is −x r: no digits are lost to the difference.
pub(super) fn log1p_minus_x(x: f64, one_plus: f64) -> f64 {
    if x.abs() > 0.5 {
        return one_plus.ln() - x;
    }
    let r = x / (2.0 + x);
    let square = r * r;
    // |r| ≤ ⅓: fifteen terms leave out less than 1e-16 of the result.
    let series = (1..=15).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    r * (2.0 * square * series - x)
}

/// log(1 + x), with `one_plus` as above.
pub(super) fn log_ratio(x: f64, one_plus: f64) -> f64 {
    if x.abs() > 0.5 { one_plus.ln() } else { x.ln_1p() }
}

/// log σ(x) = −log(1 + e^−x).
pub(super) fn log_sigmoid(x: f64) -> f64 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

/// σ(x) = 1/(1 + e^−x).
pub(super) fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}
