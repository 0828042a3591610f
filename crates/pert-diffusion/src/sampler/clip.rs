//! Bounds of the predicted x_0.

use burn::tensor::{Device, Tensor, TensorData};

/// Bounds of the predicted x_0, one per dimension: values are clipped to ±bound.
///
/// Near t = T the ε-form divides by a small √ᾱ, and without a clip its errors grow without limit.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{
///     Ddim, Parameterization, ReverseProcess, Schedule, ScheduleConfig, X0Clip,
/// };
/// let (schedule, device) = (Schedule::new(&ScheduleConfig::default())?, Device::default());
/// // A model that is far off, kept within two standard deviations.
/// let model = |x_t: Tensor<2>, _t| x_t.full_like(100.0);
/// let clip = X0Clip::new(&[2.0], &device);
/// let process =
///     ReverseProcess { clip: Some(&clip), ..ReverseProcess::new(&schedule, Parameterization::X0) };
/// let (initial, noise) = (Tensor::<2>::zeros([1, 1], &device), || unreachable!("deterministic"));
/// let x0 = process.sample(&Ddim::default(), model, initial, noise)?;
/// assert!((x0.into_scalar::<f32>() - 2.0).abs() < 1e-5);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct X0Clip {
    bounds: Vec<f32>,
    row: Tensor<2>,
}

impl X0Clip {
    /// Clips dimension i to ±`bounds[i]`, in the units of x_0 (standardised, for a [`Prior`](crate::Prior)).
    ///
    /// # Shapes
    /// `bounds`: `[d]`.
    pub fn new(bounds: &[f32], device: &Device) -> Self {
        let data = TensorData::new(bounds.to_vec(), [1, bounds.len()]);
        Self { bounds: bounds.to_vec(), row: Tensor::from_data(data, device) }
    }

    pub(crate) fn bounds(&self) -> &[f32] {
        &self.bounds
    }

    pub(crate) fn tensor(&self, x0: Tensor<2>) -> Tensor<2> {
        let bound = self.row.clone().expand(x0.dims());
        x0.min_pair(bound.clone()).max_pair(bound.neg())
    }
}
