//! Clipping by the global gradient norm.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Scales all gradients by min(1, max_norm / ‖g‖₂), ‖g‖₂ over all parameters together
/// (Pascanu et al. 2013, algorithm 1; Burn clips each tensor alone).
///
/// A norm that is not finite leaves the gradients as they are: the loss shows it.
///
/// ```
/// use burn::optim::GradientsParams;
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_nn::{LinearInit, clip_by_global_norm, linear};
///
/// let device = Device::default().autodiff();
/// let layer = linear(2, 1, LinearInit::Zeros, &mut seeded_rng(0, "example"), &device);
/// let loss = layer.forward(Tensor::<2>::from_data([[2.0, 2.0]], &device)).sum();
/// // Gradients (2, 2) of the weight and 1 of the bias: a norm of 3.
/// let grads = GradientsParams::from_grads(loss.backward(), &layer);
/// let clipped = clip_by_global_norm(grads, &layer, 1.5);
/// let of_weight: Tensor<2> = clipped.get(layer.weight.id).expect("a gradient");
/// assert!(of_weight.into_data().iter::<f64>().all(|g| (g - 1.0).abs() < 1e-6));
/// ```
pub fn clip_by_global_norm<M: Module>(
    grads: GradientsParams,
    module: &M,
    max_norm: f64,
) -> GradientsParams {
    clip_and_norm(grads, module, max_norm).0
}

/// As [`clip_by_global_norm`], and ‖g‖₂ before clipping, which is not finite where a gradient is not; 0 without any.
///
/// ```
/// use burn::optim::GradientsParams;
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_nn::{LinearInit, clip_and_norm, linear};
///
/// let device = Device::default().autodiff();
/// let layer = linear(2, 1, LinearInit::Zeros, &mut seeded_rng(0, "example"), &device);
/// let loss = layer.forward(Tensor::<2>::from_data([[2.0, 2.0]], &device)).sum();
/// let grads = GradientsParams::from_grads(loss.backward(), &layer);
/// assert_eq!(clip_and_norm(grads, &layer, 1.5).1, 3.0);
/// ```
pub fn clip_and_norm<M: Module>(
    grads: GradientsParams,
    module: &M,
    max_norm: f64,
) -> (GradientsParams, f64) {
    let mut sum = SumOfSquares { grads: &grads, total: None };
    module.visit(&mut sum);
    let Some(total) = sum.total else {
        return (grads, 0.0);
    };
    let norm = f64::from(total.into_scalar::<f32>()).sqrt();
    if !norm.is_finite() || norm <= max_norm {
        return (grads, norm);
    }
    let mut scale = Scale { grads, factor: max_norm / norm };
    module.visit(&mut scale);
    (scale.grads, norm)
}

struct SumOfSquares<'a> {
    grads: &'a GradientsParams,
    total: Option<Tensor<1>>,
}

impl ModuleVisitor for SumOfSquares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.get::<D>(param.id) {
            let squares = grad.square().sum();
            // Added up on the device, so that an accelerator is waited for once, not once per parameter.
            self.total = Some(match self.total.take() {
                Some(total) => total + squares,
                None => squares,
            });
        }
    }
}

struct Scale {
    grads: GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.remove::<D>(param.id) {
            self.grads.register(param.id, grad.mul_scalar(self.factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adamw::tests::{grads, layer};
    use burn::nn::Linear;

    fn norm(grads: &GradientsParams, layer: &Linear) -> f32 {
        let mut sum = SumOfSquares { grads, total: None };
        layer.visit(&mut sum);
        sum.total.expect("has gradients").into_scalar::<f32>().sqrt()
    }

    #[test]
    fn clipping_bounds_the_global_norm_and_keeps_small_gradients() {
        let layer = layer();
        let before = norm(&grads(&layer), &layer);
        let clipped = clip_by_global_norm(grads(&layer), &layer, f64::from(before) / 3.0);
        // f32 arithmetic: relative 1e-5.
        assert!((norm(&clipped, &layer) / (before / 3.0) - 1.0).abs() < 1e-5);
        let kept = clip_by_global_norm(grads(&layer), &layer, f64::from(before) * 2.0);
        assert_eq!(norm(&kept, &layer), before);
    }
}
