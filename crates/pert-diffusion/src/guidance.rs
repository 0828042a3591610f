//! Classifier-free guidance.

use burn::tensor::Tensor;

use crate::denoiser::{Condition, Denoiser};
use crate::error::Error;

/// The guided prediction out_∅ + w (out_p − out_∅) (Ho & Salimans 2022, equation 6, with w = 1 + their weight), checked
/// when built.
///
/// Valid for ε, x_0 and v alike, since each is linear in the others at a given x_t. w = 1 is the conditional branch,
/// w = 0 the null branch, each with one forward pass of n rows; any other w takes one of 2n rows. The null branch is that of
/// [`Condition::without_perturbation`]: covariates given apart from the condition stay. w > 1 moves and narrows the
/// population; two options hold that back:
///
/// - *rescale* φ in [0, 1]: the output becomes φ · (its deviation over the dimensions of a row set to that of out_p) +
///   (1 − φ) · itself (Lin et al. 2024, section 3.4, equations 15 and 16). Meant for rows of many dimensions.
/// - *interval*: w holds only at steps t with t/(T − 1) within `[from, to]`; elsewhere it is 1 (Kynkäänniemi et al. 2024,
///   who give the interval in noise levels).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{Condition, Denoiser, Guidance};
///
/// /// Predicts 1 under any condition and 0 under none.
/// struct Known;
/// impl Denoiser for Known {
///     fn predict(&self, x_t: Tensor<2>, _: &[usize], cond: Condition) -> Tensor<2> {
///         let parts = cond.into_parts();
///         match (parts.pooled, parts.dropped) {
///             (None, _) => x_t.zeros_like(),
///             (Some(_), None) => x_t.ones_like(),
///             (Some(_), Some(dropped)) => x_t.ones_like() - dropped,
///         }
///     }
/// }
/// let device = Device::default();
/// let guidance = Guidance::new(2.5)?.within(0.2, 0.8)?;
/// let predict = |t| {
///     let cond = Condition::Given(Tensor::ones([1, 3], &device)); // [1, d_cond]
///     let output = guidance.predict(&Known, Tensor::zeros([4, 2], &device), t, 1000, cond);
///     output.into_data().iter::<f64>().collect::<Vec<_>>() // [n, d]
/// };
/// assert_eq!(predict(500), [2.5; 8]);
/// assert_eq!(predict(100), [1.0; 8]);
/// assert!(Guidance::new(-1.0).is_err());
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guidance {
    scale: f64,
    rescale: f64,
    interval: [f64; 2],
}

impl Guidance {
    /// Guidance with weight w at every step, without rescaling.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a weight below 0 or not finite.
    pub fn new(scale: f64) -> Result<Self, Error> {
        if !(scale >= 0.0 && scale.is_finite()) {
            return Err(Error::setting("guidance", "at least 0 and finite", scale));
        }
        Ok(Self { scale, rescale: 0.0, interval: [0.0, 1.0] })
    }

    /// With rescale φ.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for φ outside [0, 1].
    pub fn rescaled(self, rescale: f64) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&rescale) {
            return Err(Error::setting("guidance_rescale", "in [0, 1]", rescale));
        }
        Ok(Self { rescale, ..self })
    }

    /// Only within an interval of the schedule, as fractions, 0 the least noisy.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for bounds outside [0, 1] or in the wrong order.
    pub fn within(self, from: f64, to: f64) -> Result<Self, Error> {
        if !(0.0 <= from && from <= to && to <= 1.0) {
            let found = format!("[{from}, {to}]");
            let expected = "two fractions of the schedule, 0 ≤ from ≤ to ≤ 1";
            return Err(Error::setting("guidance_interval", expected, found));
        }
        Ok(Self { interval: [from, to], ..self })
    }

    /// The weight at step `t` of `n_steps`.
    pub fn scale_at(&self, t: usize, n_steps: usize) -> f64 {
        let at = t as f64 / (n_steps - 1).max(1) as f64;
        if self.interval[0] <= at && at <= self.interval[1] { self.scale } else { 1.0 }
    }

    /// The guided output of a denoiser for rows that are all at step `t` of `n_steps`.
    ///
    /// # Shapes
    /// `x_t`, output: `[n, d]`; `cond`: as in [`Denoiser::predict`].
    pub fn predict<D: Denoiser + ?Sized>(
        &self,
        denoiser: &D,
        x_t: Tensor<2>,
        t: usize,
        n_steps: usize,
        cond: Condition,
    ) -> Tensor<2> {
        let scale = self.scale_at(t, n_steps);
        let n = x_t.dims()[0];
        let both = match cond {
            _ if scale == 1.0 => return denoiser.predict(x_t, &[t], cond),
            Condition::Null => return denoiser.predict(x_t, &[t], cond),
            _ if scale == 0.0 => return denoiser.predict(x_t, &[t], cond.without_perturbation()),
            cond => cond.paired_with_null(n, &x_t.device()),
        };
        let output = denoiser.predict(Tensor::cat(vec![x_t.clone(), x_t], 0), &[t], both); // [2n, d]
        let given = output.clone().narrow(0, 0, n);
        let null = output.narrow(0, n, n);
        let guided = null.clone() + (given.clone() - null).mul_scalar(scale);
        if self.rescale == 0.0 {
            return guided;
        }
        let to_given = deviation_ratio(given, guided.clone()); // [n, 1]
        let factor = to_given.mul_scalar(self.rescale).add_scalar(1.0 - self.rescale);
        guided * factor
    }
}

/// Deviation of every row of `a` over that of `b`, both over dimensions, `[n, 1]`; 1 where `b` has none.
fn deviation_ratio(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let square_sum = |x: Tensor<2>| (x.clone() - x.mean_dim(1)).square().sum_dim(1);
    let (a, b) = (square_sum(a), square_sum(b));
    let flat = b.clone().equal_elem(0.0);
    let ratio = (a / b.mask_fill(flat.clone(), 1.0)).sqrt();
    ratio.mask_fill(flat, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use std::cell::RefCell;

    /// Puts out (0, 2) with the null condition and (1, 5) otherwise, and keeps the number of rows of its calls.
    struct Counting(RefCell<Vec<usize>>);

    impl Denoiser for Counting {
        fn predict(&self, x_t: Tensor<2>, _t: &[usize], cond: Condition) -> Tensor<2> {
            let [n, _] = x_t.dims();
            self.0.borrow_mut().push(n);
            let device = x_t.device();
            let dropped = match cond {
                Condition::Null => Tensor::ones([n, 1], &device),
                Condition::Given(_) => Tensor::zeros([n, 1], &device),
                Condition::Dropped { dropped, .. } => dropped,
                Condition::Parts(parts) => parts.dropped.expect("both branches in one batch"),
            };
            let row = |values| Tensor::<2>::from_data([values], &device);
            row([1.0, 5.0]) + row([-1.0, -3.0]) * dropped
        }
    }

    fn predict(guidance: &Guidance, t: usize) -> (Vec<f64>, Vec<usize>) {
        let device = Device::default();
        let denoiser = Counting(RefCell::default());
        let cond = Condition::Given(Tensor::zeros([1, 2], &device));
        let out = guidance.predict(&denoiser, Tensor::zeros([1, 2], &device), t, 11, cond);
        (out.into_data().iter::<f64>().collect(), denoiser.0.take())
    }

    #[test]
    fn the_weight_interpolates_and_extrapolates_with_one_forward_pass() {
        for (weight, expected, calls) in
            [(1.0, [1.0, 5.0], 1), (0.0, [0.0, 2.0], 1), (2.0, [2.0, 8.0], 2), (0.5, [0.5, 3.5], 2)]
        {
            let guidance = Guidance::new(weight).expect("valid");
            assert_eq!(predict(&guidance, 5), (expected.to_vec(), vec![calls]));
        }
    }

    #[test]
    fn outside_the_interval_there_is_no_guidance() {
        let guidance = Guidance::new(2.0).expect("valid").within(0.3, 0.6).expect("valid");
        for t in 0..11 {
            let expected = if (3..=6).contains(&t) { [2.0, 8.0] } else { [1.0, 5.0] };
            assert_eq!(predict(&guidance, t).0, expected, "{t}");
        }
    }

    #[test]
    fn rescaling_gives_back_the_deviation_of_the_conditional_branch() {
        // Deviations over the two dimensions: 2 given, 3 guided.
        for (rescale, factor) in [(0.0, 1.0), (1.0, 2.0 / 3.0), (0.5, 5.0 / 6.0)] {
            let guidance = Guidance::new(2.0).expect("valid").rescaled(rescale).expect("valid");
            for (found, expected) in predict(&guidance, 0).0.iter().zip([2.0, 8.0]) {
                assert!((found - expected * factor).abs() < 1e-6, "{rescale}: {found}");
            }
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        for scale in [-1e-9, f64::NAN, f64::INFINITY] {
            let expected = Error::setting("guidance", "at least 0 and finite", scale);
            assert_eq!(Guidance::new(scale), Err(expected));
        }
        let valid = Guidance::new(1.0).expect("valid");
        assert_eq!(valid.rescaled(1.5), Err(Error::setting("guidance_rescale", "in [0, 1]", 1.5)));
        for (from, to) in [(-0.1, 1.0), (0.0, 1.1), (0.6, 0.5), (f64::NAN, 1.0)] {
            let message = valid.within(from, to).expect_err("refused").to_string();
            assert!(message.ends_with(&format!("[{from}, {to}]")), "{message}");
        }
    }
}
