//! Centring and scaling of every dimension by training rows.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// z = (x − mean)/scale per dimension, mean and scale in f64 from the training rows.
///
/// A dimension that is constant up to f32 rounding has no scale and is refused.
///
/// ```
/// use pert_diffusion::{Error, Standardiser};
/// // Two rows.
/// let x = [10.0, 5.0, 14.0, 4.0];
/// let standardiser = Standardiser::fit(&x, 2)?;
/// assert_eq!((standardiser.mean[0], standardiser.scale[0]), (12.0, 2.0));
/// let z = standardiser.apply(&x);
/// assert_eq!(z, [-1.0, 1.0, 1.0, -1.0]);
/// assert_eq!(standardiser.invert(&z), x);
/// let refused = Standardiser::fit(&[10.0, 5.0, 14.0, 5.0], 2);
/// assert_eq!(refused, Err(Error::ConstantColumn { column: 1, value: 5.0 }));
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardiser {
    /// Mean of every dimension.
    pub mean: Vec<f64>,
    /// Standard deviation (divisor n) of every dimension, above 0.
    pub scale: Vec<f64>,
}

impl Standardiser {
    /// Mean 0 and scale 1 in `d` dimensions.
    pub fn identity(d: usize) -> Self {
        Self { mean: vec![0.0; d], scale: vec![1.0; d] }
    }

    /// Takes mean and scale of `[n, d]` rows, row-major.
    ///
    /// # Errors
    /// A `d` of 0, a length that is no multiple of `d`, fewer than 2 rows, a value that is not finite (row and column
    /// are named), or a column whose standard deviation is at most |mean| · 2⁻²³ ([`Error::ConstantColumn`]).
    pub fn fit(x: &[f32], d: usize) -> Result<Self, Error> {
        if d == 0 {
            return Err(Error::setting("d", "at least 1", d));
        }
        let n = x.len() / d;
        Error::check_length("values in x (rows × d)", n * d, x.len())?;
        if n < 2 {
            return Err(Error::TooFewRows { needed: 2, found: n });
        }
        Error::check_finite("x", x, d)?;
        let average = |term: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            let mut sum = vec![0.0; d];
            for row in x.chunks_exact(d) {
                for (j, &value) in row.iter().enumerate() {
                    sum[j] += term(j, f64::from(value));
                }
            }
            sum.into_iter().map(|s| s / n as f64).collect()
        };
        let mean = average(&|_, value| value);
        let variance = average(&|j, value| (value - mean[j]).powi(2));
        let scale: Vec<f64> = variance.iter().map(|variance| variance.sqrt()).collect();
        for (column, (scale, mean)) in scale.iter().zip(&mean).enumerate() {
            if *scale <= mean.abs() * f64::from(f32::EPSILON) {
                return Err(Error::ConstantColumn { column, value: f64::from(x[column]) });
            }
        }
        Ok(Self { mean, scale })
    }

    /// Checks a standardiser that was read from a file.
    ///
    /// # Errors
    /// Lengths other than `d`, a mean that is not finite, a scale that is not above 0 and finite.
    pub fn check(&self, d: usize) -> Result<(), Error> {
        Error::check_length("means of the standardiser", d, self.mean.len())?;
        Error::check_length("scales of the standardiser", d, self.scale.len())?;
        if let Some(mean) = self.mean.iter().find(|m| !m.is_finite()) {
            return Err(Error::setting("mean of the standardiser", "finite", mean));
        }
        if let Some(scale) = self.scale.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            return Err(Error::setting("scale of the standardiser", "above 0 and finite", scale));
        }
        Ok(())
    }

    /// (x − mean)/scale of `[n, d]` rows, row-major; the output has their shape.
    pub fn apply(&self, x: &[f32]) -> Vec<f32> {
        self.map(x, |value, mean, scale| (value - mean) / scale)
    }

    /// z · scale + mean of `[n, d]` rows, row-major; the output has their shape.
    pub fn invert(&self, z: &[f32]) -> Vec<f32> {
        self.map(z, |value, mean, scale| value * scale + mean)
    }

    fn map(&self, rows: &[f32], f: impl Fn(f64, f64, f64) -> f64) -> Vec<f32> {
        let d = self.mean.len();
        rows.iter()
            .enumerate()
            .map(|(i, &v)| f(f64::from(v), self.mean[i % d], self.scale[i % d]) as f32)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_columns_have_mean_zero_and_variance_one_and_come_back() {
        let x: Vec<f32> =
            (0..60).map(|i| (i as f32 * 1.7).sin() * 3.0 + (i % 3) as f32 * 100.0).collect();
        let standardiser = Standardiser::fit(&x, 3).expect("valid");
        let z = standardiser.apply(&x);
        for j in 0..3 {
            let column: Vec<f64> = z.iter().skip(j).step_by(3).map(|&v| f64::from(v)).collect();
            let mean = column.iter().sum::<f64>() / 20.0;
            let variance = column.iter().map(|v| v * v).sum::<f64>() / 20.0;
            // f32 values near 200 carry 1e-5.
            assert!(mean.abs() < 1e-4 && (variance - 1.0).abs() < 1e-4, "{j}: {mean} {variance}");
        }
        for (a, b) in standardiser.invert(&z).iter().zip(&x) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn a_constant_dimension_is_named_with_its_value() {
        let x = [1.0, 0.1, 2.0, 0.1, 4.0, 0.1];
        let value = f64::from(0.1f32);
        assert_eq!(Standardiser::fit(&x, 2), Err(Error::ConstantColumn { column: 1, value }));
        // Zeros, too.
        let refused = Standardiser::fit(&[0.0; 4], 2);
        assert_eq!(refused, Err(Error::ConstantColumn { column: 0, value: 0.0 }));
    }

    #[test]
    fn bad_rows_are_named() {
        let fit = |x: &[f32], d| Standardiser::fit(x, d).expect_err("refused");
        assert_eq!(fit(&[1.0], 0), Error::setting("d", "at least 1", 0));
        assert_eq!(fit(&[1.0, 2.0], 2), Error::TooFewRows { needed: 2, found: 1 });
        assert!(matches!(fit(&[1.0; 5], 2), Error::LengthMismatch { expected: 4, found: 5, .. }));
        assert!(matches!(
            fit(&[0.0, 1.0, 2.0, f32::NAN], 2),
            Error::NonFiniteValue { what: "x", row: 1, column: 1, .. }
        ));
    }
}
