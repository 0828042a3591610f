//! What samplers and the bound compute on: tensors, or plain f64.

use burn::tensor::Tensor;

use crate::sampler::X0Clip;

/// Rows `[n, d]` that can be added and scaled: a [`Tensor`] for networks, or row-major `Vec<f64>` for closed-form
/// models and references. A sampler is the same code on both.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::Rows;
/// let (x, y) = (vec![1.0, 2.0], vec![10.0, 20.0]);
/// assert_eq!(Rows::combine(&[(2.0, &x), (0.5, &y)]), [7.0, 14.0]);
/// let x = Tensor::<2>::from_data([[1.0, 2.0]], &Device::default());
/// assert_eq!(Rows::combine(&[(2.0, &x)]).to_f64(), [2.0, 4.0]);
/// ```
pub trait Rows: Clone {
    /// Σ coefficient · rows. Terms with coefficient 0 are left out; there must be one that is not, or the result is
    /// zeros.
    ///
    /// # Panics
    /// Without any term, and for rows of different shapes.
    fn combine(terms: &[(f64, &Self)]) -> Self;

    /// Every dimension clipped to ±its bound.
    fn clip(self, bounds: &X0Clip) -> Self;

    /// The values, row-major.
    fn to_f64(&self) -> Vec<f64>;
}

impl Rows for Tensor<2> {
    fn combine(terms: &[(f64, &Self)]) -> Self {
        terms
            .iter()
            .filter(|(coefficient, _)| *coefficient != 0.0)
            .map(|(coefficient, rows)| match coefficient {
                1.0 => (*rows).clone(),
                _ => (*rows).clone().mul_scalar(*coefficient),
            })
            .reduce(|sum, term| sum + term)
            .unwrap_or_else(|| terms[0].1.zeros_like())
    }

    fn clip(self, bounds: &X0Clip) -> Self {
        bounds.tensor(self)
    }

    fn to_f64(&self) -> Vec<f64> {
        self.to_data().iter().collect()
    }
}

impl Rows for Vec<f64> {
    fn combine(terms: &[(f64, &Self)]) -> Self {
        let mut sum = vec![0.0; terms[0].1.len()];
        for (coefficient, rows) in terms.iter().filter(|(coefficient, _)| *coefficient != 0.0) {
            assert_eq!(rows.len(), sum.len(), "rows of different shapes");
            for (sum, value) in sum.iter_mut().zip(*rows) {
                *sum += coefficient * value;
            }
        }
        sum
    }

    fn clip(mut self, bounds: &X0Clip) -> Self {
        for (value, bound) in self.iter_mut().zip(bounds.bounds().iter().cycle()) {
            let bound = f64::from(*bound);
            *value = value.max(-bound).min(bound);
        }
        self
    }

    fn to_f64(&self) -> Vec<f64> {
        self.clone()
    }
}
