//! Exponential moving average of a model's weights.

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;

use crate::error::Error;
use crate::params::{NamedTensor, load_parameters, values_by_id};

/// A smoothed copy of a model: after update number n (from 1), w̄ ← d w̄ + (1 − d) w with
/// d = min(decay, (1 + n)/(10 + n)).
///
/// The growing decay (as in TensorFlow's `ExponentialMovingAverage` with `num_updates`) forgets the random first
/// weights, which a constant decay would keep for 1/(1 − decay) steps.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_nn::{Ema, LinearInit, linear, load_parameters, named_parameters};
///
/// let device = Device::default();
/// let model = linear(1, 1, LinearInit::Zeros, &mut seeded_rng(0, "example"), &device);
/// let mut ema = Ema::new(&model, 0.995)?;
/// let mut weights = named_parameters(&model);
/// weights[0].values[0] = 1.1;
/// ema.update(&load_parameters(model, &weights)?);
/// // After the first update d = 2/11: the average has come 9/11 of the way.
/// assert!((named_parameters(ema.module())[0].values[0] - 0.9).abs() < 1e-6);
/// # Ok::<(), pert_nn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ema<M: Module> {
    average: M,
    decay: f64,
    n_updates: u64,
}

impl<M: Module> Ema<M> {
    /// Starts from the weights of `model`.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a decay outside [0, 1).
    pub fn new(model: &M, decay: f64) -> Result<Self, Error> {
        if !(0.0..1.0).contains(&decay) {
            return Err(Error::setting("EMA decay", "in [0, 1)", decay));
        }
        Ok(Self { average: model.valid(), decay, n_updates: 0 })
    }

    /// Takes in the weights of `model`, the model it was started from or that model after optimiser steps.
    pub fn update(&mut self, model: &M) {
        self.n_updates += 1;
        let n = self.n_updates as f64;
        let decay = self.decay.min((1.0 + n) / (10.0 + n));
        let mut blend = Blend { current: values_by_id(&model.valid()), decay };
        self.average = self.average.clone().map(&mut blend);
    }

    /// Goes on after `n_updates` updates with the average written down then.
    ///
    /// # Errors
    /// As [`load_parameters`], for the average of another model.
    pub fn restore(&mut self, average: &[NamedTensor], n_updates: u64) -> Result<(), Error> {
        self.average = load_parameters(self.average.clone(), average)?;
        self.n_updates = n_updates;
        Ok(())
    }

    /// The smoothed model, on the device without autodiff.
    pub fn module(&self) -> &M {
        &self.average
    }

    /// The smoothed model, by value.
    pub fn into_module(self) -> M {
        self.average
    }
}

struct Blend {
    current: TensorContainer<ParamId>,
    decay: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.current.remove::<Tensor<D>>(&param.id) {
            Some(value) => param
                .map(|average| average.mul_scalar(self.decay) + value.mul_scalar(1.0 - self.decay)),
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::{LinearInit, linear};
    use burn::nn::Linear;
    use burn::tensor::Device;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn weight(layer: &Linear) -> Vec<f32> {
        layer.weight.val().into_data().try_to_vec().expect("f32")
    }

    #[test]
    fn it_follows_the_recursion_and_lives_on_the_plain_device() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let model =
            linear(4, 3, LinearInit::KaimingUniform, &mut rng, &Device::default().autodiff());
        let mut ema = Ema::new(&model, 0.15).expect("valid decay");
        let mut expected = weight(&model);
        for n in 1..=4 {
            let mut moved = model.clone();
            moved.weight = moved
                .weight
                .map(|w| Tensor::from_inner(w.inner().add_scalar(f64::from(n))).require_grad());
            ema.update(&moved);
            let d = 0.15f64.min((1.0 + f64::from(n)) / (10.0 + f64::from(n))) as f32;
            for (e, w) in expected.iter_mut().zip(weight(&moved)) {
                *e = d * *e + (1.0 - d) * w;
            }
        }
        for (a, e) in weight(ema.module()).iter().zip(&expected) {
            // Values around 4 in f32.
            assert!((a - e).abs() < 1e-5, "{a} {e}");
        }
        assert!(!ema.module().weight.val().device().is_autodiff());
    }

    #[test]
    fn the_average_of_a_constant_is_the_constant() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let model = linear(4, 3, LinearInit::XavierUniform, &mut rng, &Device::default());
        let mut ema = Ema::new(&model, 0.99).expect("valid decay");
        for _ in 0..50 {
            ema.update(&model);
        }
        for (a, e) in weight(ema.module()).iter().zip(weight(&model)) {
            assert!((a - e).abs() < 1e-6, "{a} {e}");
        }
        assert!(Ema::new(&model, 1.0).is_err());
    }
}
