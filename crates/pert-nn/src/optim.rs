//! AdamW and clipping by the global gradient norm.

use burn::module::{Module, ModuleVisitor, Param, ParamGroup};
use burn::optim::{
    AdamW as BurnAdamW, AdamWConfig as BurnAdamWConfig, AdamWState, GradientsParams, LearningRate,
    ModuleOptimizer, Optimizer,
};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Configuration of [`AdamW`] (Loshchilov & Hutter 2019, algorithm 2); with `weight_decay` = 0 it is Adam.
///
/// m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  w ← (1 − rate · weight_decay) w − rate · m̂ / (√v̂ + ε).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamWConfig {
    /// Decay of the first moment, in [0, 1). Default 0.9 (the paper).
    pub beta1: f64,
    /// Decay of the second moment, in [0, 1). Default 0.999 (the paper).
    pub beta2: f64,
    /// Added to √v̂, above 0. Default 1e-8 (the paper).
    pub epsilon: f64,
    /// Decoupled weight decay, at least 0. Default 1e-4.
    pub weight_decay: f64,
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 1e-4 }
    }
}

impl AdamWConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        for (name, value) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::setting(name, "in [0, 1)", value));
            }
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(Error::setting("epsilon", "above 0 and finite", self.epsilon));
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return Err(Error::setting("weight_decay", "at least 0 and finite", self.weight_decay));
        }
        Ok(())
    }

    /// An optimiser without state yet.
    pub fn init(&self) -> AdamW {
        AdamW { rule: self.rule(), optimizer: self.rule().into() }
    }

    fn rule(&self) -> BurnAdamW {
        BurnAdamWConfig::new()
            .with_beta_1(self.beta1 as f32)
            .with_beta_2(self.beta2 as f32)
            .with_epsilon(self.epsilon as f32)
            .with_weight_decay(self.weight_decay as f32)
            .build()
    }
}

/// AdamW over all parameters of a module, the rate given at every step.
#[derive(Clone)]
pub struct AdamW {
    rule: BurnAdamW,
    optimizer: ModuleOptimizer,
}

impl AdamW {
    /// Gives the parameters of `group` `factor` times the rate of every step (a dispersion, say, that has to move
    /// faster than the weights). Call before the first step: it drops the moments of the group.
    #[must_use]
    pub fn with_rate_factor(self, group: ParamGroup, factor: f64) -> Self {
        let rule = ScaledRate { rule: self.rule.clone(), factor };
        Self { rule: self.rule, optimizer: self.optimizer.with_group(group, rule, None) }
    }

    /// Updates the parameters that have a gradient and returns the module.
    pub fn step<M: Module>(&mut self, rate: f64, module: M, grads: GradientsParams) -> M {
        self.optimizer.step(rate, module, grads)
    }
}

/// AdamW whose rate is multiplied by a constant.
#[derive(Clone)]
struct ScaledRate {
    rule: BurnAdamW,
    factor: f64,
}

impl Optimizer for ScaledRate {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        self.rule.step(lr * self.factor, tensor, grad, state)
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        BurnAdamW::to_device(state, device)
    }
}

/// Scales all gradients by min(1, max_norm / ‖g‖₂), ‖g‖₂ over all parameters together
/// (Pascanu et al. 2013, algorithm 1; Burn clips each tensor alone).
///
/// A norm that is not finite leaves the gradients as they are: the loss shows it.
pub fn clip_by_global_norm<M: Module>(
    grads: GradientsParams,
    module: &M,
    max_norm: f64,
) -> GradientsParams {
    let mut sum = SumOfSquares { grads: &grads, total: None };
    module.visit(&mut sum);
    let Some(total) = sum.total else {
        return grads;
    };
    let norm = f64::from(total.into_scalar::<f32>()).sqrt();
    if !norm.is_finite() || norm <= max_norm {
        return grads;
    }
    let mut scale = Scale { grads, factor: max_norm / norm };
    module.visit(&mut scale);
    scale.grads
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
    use crate::init::{LinearInit, linear};
    use burn::nn::Linear;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn layer() -> Linear {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        linear(3, 2, LinearInit::KaimingUniform, &mut rng, &Device::flex().autodiff())
    }

    fn grads(layer: &Linear) -> GradientsParams {
        let x =
            Tensor::<2>::from_data([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]], &Device::flex().autodiff());
        GradientsParams::from_grads(layer.forward(x).square().sum().backward(), layer)
    }

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

    #[test]
    fn a_rate_factor_moves_only_its_group() {
        let values = |t: Tensor<1>| -> Vec<f32> { t.into_data().try_to_vec().expect("f32") };
        let start = layer();
        let bias = |l: &Linear| values(l.bias.as_ref().expect("bias").val());
        let weight = |l: &Linear| values(l.weight.val().flatten::<1>(0, 1));
        let config = AdamWConfig { weight_decay: 0.0, ..Default::default() };
        let plain = config.init().step(1e-2, start.clone(), grads(&start));
        let group = ParamGroup::from_ids(vec![start.bias.as_ref().expect("bias").id]);
        let mut scaled = config.init().with_rate_factor(group, 5.0);
        let scaled = scaled.step(1e-2, start.clone(), grads(&start));
        assert_eq!(weight(&plain), weight(&scaled));
        for ((s, p), b) in bias(&scaled).iter().zip(bias(&plain)).zip(bias(&start)) {
            // The first Adam step is the rate times the gradient's sign; f32 differences of ~0.1.
            assert!(((s - b) / (p - b) - 5.0).abs() < 1e-4, "{s} {p} {b}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        assert!(AdamWConfig::default().check().is_ok());
        let bad = AdamWConfig { beta2: 1.0, ..Default::default() };
        assert_eq!(bad.check(), Err(Error::setting("beta2", "in [0, 1)", 1.0)));
        assert!(AdamWConfig { weight_decay: f64::NAN, ..Default::default() }.check().is_err());
    }
}
