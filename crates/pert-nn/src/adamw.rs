//! AdamW, its state readable and restorable.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::params::{NamedTensor, load_parameters, named_parameters, values_by_id};

/// Configuration of [`AdamW`] (Loshchilov & Hutter 2019, algorithm 2); with `weight_decay` = 0 it is Adam.
///
/// m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  w ← (1 − rate · weight_decay) w − rate · m̂ / (√v̂ + ε).
///
/// ```
/// use pert_nn::AdamWConfig;
/// let adam = AdamWConfig { weight_decay: 0.0, ..Default::default() };
/// adam.check()?;
/// assert!(AdamWConfig { beta2: 1.0, ..adam }.check().is_err());
/// # Ok::<(), pert_nn::Error>(())
/// ```
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
        AdamW {
            config: *self,
            rate_factors: HashMap::new(),
            first: TensorContainer::new(),
            second: TensorContainer::new(),
            n_steps: 0,
        }
    }
}

/// AdamW over all parameters of a module, the rate given at every step.
///
/// Burn's own keeps its moments under identities that differ from run to run; here they can be written down by the
/// parameters' names and training continued in another process.
///
/// ```
/// use burn::optim::GradientsParams;
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_nn::{AdamWConfig, LinearInit, linear, named_parameters};
///
/// let device = Device::default().autodiff();
/// let layer = linear(2, 1, LinearInit::KaimingUniform, &mut seeded_rng(0, "example"), &device);
/// let before = named_parameters(&layer);
/// let loss = layer.forward(Tensor::<2>::from_data([[1.0, -3.0]], &device)).sum();
/// let grads = GradientsParams::from_grads(loss.backward(), &layer);
/// let mut adam = AdamWConfig { weight_decay: 0.0, ..Default::default() }.init();
/// let layer = adam.step(0.01, layer, grads);
/// // Adam's first step is the rate, against the sign of the gradient, which is (1, −3).
/// let after = named_parameters(&layer);
/// assert!((after[0].values[0] - before[0].values[0] + 0.01).abs() < 1e-6);
/// assert!((after[0].values[1] - before[0].values[1] - 0.01).abs() < 1e-6);
/// ```
pub struct AdamW {
    config: AdamWConfig,
    rate_factors: HashMap<ParamId, f64>,
    first: TensorContainer<ParamId>,
    second: TensorContainer<ParamId>,
    n_steps: usize,
}

impl AdamW {
    /// Gives one parameter `factor` times the rate of every step (a dispersion, say, that has to move faster than the
    /// weights).
    #[must_use]
    pub fn with_rate_factor(mut self, parameter: ParamId, factor: f64) -> Self {
        self.rate_factors.insert(parameter, factor);
        self
    }

    /// Updates the parameters that have a gradient and returns the module.
    pub fn step<M: Module>(&mut self, rate: f64, module: M, grads: GradientsParams) -> M {
        self.n_steps += 1;
        module.map(&mut Step { rate, grads, adamw: self })
    }

    /// First and second moments of a module's parameters, under their names; zero before the first step.
    pub fn moments<M: Module>(&self, module: &M) -> [Vec<NamedTensor>; 2] {
        [&self.first, &self.second]
            .map(|moments| named_parameters(&module.valid().map(&mut Replace { values: moments })))
    }

    /// Goes on after `n_steps` steps with the moments written down then.
    ///
    /// # Errors
    /// As [`load_parameters`], for moments of another module.
    pub fn restore<M: Module>(
        &mut self,
        module: &M,
        moments: [&[NamedTensor]; 2],
        n_steps: usize,
    ) -> Result<(), Error> {
        let [first, second] = moments;
        self.first = values_by_id(&load_parameters(module.valid(), first)?);
        self.second = values_by_id(&load_parameters(module.valid(), second)?);
        self.n_steps = n_steps;
        Ok(())
    }

    fn updated<const D: usize>(
        &mut self,
        rate: f64,
        id: ParamId,
        weight: Tensor<D>,
        grad: Tensor<D>,
    ) -> Tensor<D> {
        let [beta1, beta2] = [self.config.beta1, self.config.beta2].map(|beta| beta as f32);
        let rate = rate * self.rate_factors.get(&id).copied().unwrap_or(1.0);
        let blended = |moments: &mut TensorContainer<ParamId>, beta: f32, new: Tensor<D>| {
            let new = new.mul_scalar(1.0 - beta);
            let moment = match moments.remove::<Tensor<D>>(&id) {
                Some(old) => old.mul_scalar(beta).add(new),
                None => new,
            };
            moments.register(id, moment.clone());
            moment
        };
        let first = blended(&mut self.first, beta1, grad.clone());
        let second = blended(&mut self.second, beta2, grad.square());
        let unbiased = |moment: Tensor<D>, beta: f32| {
            moment.div_scalar(1.0 - beta.powi(i32::try_from(self.n_steps).unwrap_or(i32::MAX)))
        };
        let deviation = unbiased(second, beta2).sqrt().add_scalar(self.config.epsilon as f32);
        let direction = unbiased(first, beta1).div(deviation);
        let decay = rate * self.config.weight_decay;
        let weight = if decay == 0.0 { weight } else { weight.mul_scalar(1.0 - decay) };
        weight - direction.mul_scalar(rate)
    }
}

struct Step<'a> {
    rate: f64,
    grads: GradientsParams,
    adamw: &'a mut AdamW,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        let Some(grad) = self.grads.remove::<D>(id) else { return param };
        param.map(|weight| {
            let tracked = weight.is_require_grad();
            let new = self.adamw.updated(self.rate, id, weight.inner(), grad);
            let new = Tensor::from_inner(new);
            if tracked { new.require_grad() } else { new }
        })
    }
}

/// Puts stored values, or zeros, in the place of parameters.
struct Replace<'a> {
    values: &'a TensorContainer<ParamId>,
}

impl ModuleMapper for Replace<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let value = self.values.get::<Tensor<D>>(&param.id);
        param.map(|weight| value.unwrap_or_else(|| weight.zeros_like()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::init::{LinearInit, linear};
    use burn::nn::Linear;
    use burn::tensor::Device;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    pub(crate) fn layer() -> Linear {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        linear(3, 2, LinearInit::KaimingUniform, &mut rng, &Device::default().autodiff())
    }

    pub(crate) fn grads(layer: &Linear) -> GradientsParams {
        let x = Tensor::<2>::from_data(
            [[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]],
            &Device::default().autodiff(),
        );
        GradientsParams::from_grads(layer.forward(x).square().sum().backward(), layer)
    }

    #[test]
    fn a_rate_factor_moves_only_its_parameter() {
        let values = |t: Tensor<1>| -> Vec<f32> { t.into_data().try_to_vec().expect("f32") };
        let start = layer();
        let bias = |l: &Linear| values(l.bias.as_ref().expect("bias").val());
        let weight = |l: &Linear| values(l.weight.val().flatten::<1>(0, 1));
        let config = AdamWConfig { weight_decay: 0.0, ..Default::default() };
        let plain = config.init().step(1e-2, start.clone(), grads(&start));
        let bias_id = start.bias.as_ref().expect("bias").id;
        let mut scaled = config.init().with_rate_factor(bias_id, 5.0);
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
