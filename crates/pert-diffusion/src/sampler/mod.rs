//! Samplers: pure functions over any model, all noise passed in.

mod ddim;
mod ddpm;

pub use ddim::{DdimConfig, ddim};
pub use ddpm::ddpm;

use burn::tensor::{Device, Tensor, TensorData};

use crate::parameterization::{NoiseLevel, Parameterization};

/// Bounds of the predicted x_0, one per dimension: values are clipped to ±bound.
///
/// Near t = T the ε-form divides by a small √ᾱ, and without a clip its errors grow without limit.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{DdimConfig, Parameterization, Schedule, ScheduleConfig, X0Clip, ddim};
/// let (schedule, device) = (Schedule::new(&ScheduleConfig::default())?, Device::default());
/// // A model that is far off, kept within two standard deviations.
/// let model = |x_t: Tensor<2>, _t| x_t.full_like(100.0);
/// let clip = X0Clip::new(&[2.0], &device);
/// let (initial, noise) = (Tensor::zeros([1, 1], &device), || unreachable!("deterministic"));
/// let config = DdimConfig::default();
/// let x0 = ddim(model, &schedule, Parameterization::X0, &config, Some(&clip), initial, noise)?;
/// assert!((x0.into_scalar::<f32>() - 2.0).abs() < 1e-5);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct X0Clip {
    bound: Tensor<2>,
}

impl X0Clip {
    /// Clips dimension i to ±`bounds[i]`, in the units of x_0 (standardised, for a [`Prior`](crate::Prior)).
    ///
    /// # Shapes
    /// `bounds`: `[d]`.
    pub fn new(bounds: &[f32], device: &Device) -> Self {
        let data = TensorData::new(bounds.to_vec(), [1, bounds.len()]);
        Self { bound: Tensor::from_data(data, device) }
    }

    pub(crate) fn apply(&self, x0: Tensor<2>) -> Tensor<2> {
        let bound = self.bound.clone().expand(x0.dims());
        x0.min_pair(bound.clone()).max_pair(bound.neg())
    }
}

/// x_0 and the noise consistent with it, from a model's output; clipped first if there is a clip.
fn denoise(
    output: Tensor<2>,
    x_t: Tensor<2>,
    level: &NoiseLevel,
    parameterization: Parameterization,
    clip: Option<&X0Clip>,
) -> (Tensor<2>, Tensor<2>) {
    match clip {
        None => (
            parameterization.x0(output.clone(), x_t.clone(), level),
            parameterization.noise(output, x_t, level),
        ),
        Some(clip) => {
            let x0 = clip.apply(parameterization.x0(output, x_t.clone(), level));
            // After clipping, the noise is the one that leads from this x_0 to x_t.
            let noise = Parameterization::X0.noise(x0.clone(), x_t, level);
            (x0, noise)
        }
    }
}
