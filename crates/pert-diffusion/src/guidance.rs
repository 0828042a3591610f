//! Classifier-free guidance.

use burn::tensor::Tensor;

use crate::denoiser::{Condition, Denoiser};

/// The guided prediction out_∅ + w (out_p − out_∅) (Ho & Salimans 2022, equation 6, with w = 1 + their weight).
///
/// Valid for ε, x_0 and v alike, since each is linear in the others at a given x_t. w = 1 is the conditional branch,
/// w = 0 the null branch, each with one forward pass; w > 1 moves and narrows the population. The null branch is that of
/// [`Condition::without_perturbation`]: covariates given apart from the condition stay.
///
/// # Shapes
/// `x_t`, output: `[n, d]`; `t`, `cond`: as in [`Denoiser::predict`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{Condition, Denoiser, guided};
///
/// /// Predicts 1 under any condition and 0 under none.
/// struct Known;
/// impl Denoiser for Known {
///     fn predict(&self, x_t: Tensor<2>, _: &[usize], cond: Condition) -> Tensor<2> {
///         if matches!(cond, Condition::Null) { x_t.zeros_like() } else { x_t.ones_like() }
///     }
/// }
/// let device = Device::default();
/// let cond = Condition::Given(Tensor::ones([1, 3], &device)); // [1, d_cond]
/// let output = guided(&Known, Tensor::zeros([4, 2], &device), &[10], cond, 2.5); // [n, d]
/// assert!(output.into_data().iter::<f64>().all(|v| v == 2.5));
/// ```
pub fn guided<D: Denoiser + ?Sized>(
    denoiser: &D,
    x_t: Tensor<2>,
    t: &[usize],
    cond: Condition,
    weight: f64,
) -> Tensor<2> {
    if weight == 1.0 || matches!(cond, Condition::Null) {
        return denoiser.predict(x_t, t, cond);
    }
    let null = denoiser.predict(x_t.clone(), t, cond.clone().without_perturbation());
    if weight == 0.0 {
        return null;
    }
    let given = denoiser.predict(x_t, t, cond);
    null.clone() + (given - null).mul_scalar(weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use std::cell::Cell;

    /// Puts out 1 with the null condition and 3 otherwise, and counts its calls.
    struct Counting(Cell<usize>);

    impl Denoiser for Counting {
        fn predict(&self, x_t: Tensor<2>, _t: &[usize], cond: Condition) -> Tensor<2> {
            self.0.set(self.0.get() + 1);
            let value = if matches!(cond, Condition::Null) { 1.0 } else { 3.0 };
            x_t.zeros_like().add_scalar(value)
        }
    }

    #[test]
    fn the_weight_interpolates_and_extrapolates() {
        let device = Device::flex();
        for (weight, expected, calls) in
            [(1.0, 3.0, 1), (0.0, 1.0, 1), (2.0, 5.0, 2), (0.5, 2.0, 2)]
        {
            let denoiser = Counting(Cell::new(0));
            let cond = Condition::Given(Tensor::zeros([1, 2], &device));
            let out = guided(&denoiser, Tensor::zeros([1, 1], &device), &[0], cond, weight);
            assert_eq!(out.into_scalar::<f32>(), expected);
            assert_eq!(denoiser.0.get(), calls);
        }
    }
}
