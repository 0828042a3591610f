//! What a training needs, beside its data and settings, to go on in another process.

use std::collections::HashMap;

use pert_core::RngState;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::adamw::AdamW;
use crate::epochs::Epochs;
use crate::error::Error;
use crate::params::{NamedTensor, load_parameters, named_parameters, tensor_bytes, tensors_of};
use burn::module::Module;

/// Version of the bytes of [`TrainingState::to_bytes`].
const TRAINING_STATE_FORMAT: u32 = 1;

/// The key of the plain part in the file's metadata.
const PLAIN: &str = "training_state";
const ORDER: &str = "order";
const WEIGHTS: &str = "weights";
const FIRST_MOMENT: &str = "first_moment";
const SECOND_MOMENT: &str = "second_moment";

/// The state of a training after a number of steps; restored, the next steps are the same to the last bit (on a
/// device whose arithmetic is reproducible).
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::{RngState, seeded_rng};
/// use pert_nn::{AdamWConfig, Epochs, LinearInit, TrainingState, linear, named_parameters};
///
/// let mut rng = seeded_rng(0, "training");
/// let layer = |rng: &mut _| linear(3, 2, LinearInit::KaimingUniform, rng, &Device::default());
/// let module = layer(&mut rng);
/// let (mut adamw, mut epochs) = (AdamWConfig::default().init(), Epochs::new(10, 4));
/// let state = TrainingState::of(&module, &adamw, &epochs, RngState::of(&rng), 0);
///
/// let state = TrainingState::from_bytes(&state.to_bytes()?)?;
/// let restored = state.restore(layer(&mut rng), &mut adamw, &mut epochs)?;
/// assert_eq!(named_parameters(&restored), named_parameters(&module));
/// # Ok::<(), pert_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingState {
    /// Optimiser steps done.
    pub n_steps: usize,
    /// Place of the generator.
    pub rng: RngState,
    order: Vec<usize>,
    position: usize,
    tensors: Vec<NamedTensor>,
}

/// All but the tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    format: u32,
    n_steps: usize,
    rng: RngState,
    position: usize,
}

impl TrainingState {
    /// Writes down a module in training.
    pub fn of<M: Module>(
        module: &M,
        optimizer: &AdamW,
        epochs: &Epochs,
        rng: RngState,
        n_steps: usize,
    ) -> Self {
        let (order, position) = epochs.place();
        let mut state = Self { n_steps, rng, order: order.to_vec(), position, tensors: Vec::new() };
        let [first, second] = optimizer.moments(module);
        state.put(WEIGHTS, named_parameters(module));
        state.put(FIRST_MOMENT, first);
        state.put(SECOND_MOMENT, second);
        state
    }

    /// Puts weights, moments and the place in the epoch back; returns the module.
    ///
    /// # Errors
    /// [`Error::TrainingState`] and those of [`load_parameters`] for a state of another training.
    pub fn restore<M: Module>(
        &self,
        module: M,
        optimizer: &mut AdamW,
        epochs: &mut Epochs,
    ) -> Result<M, Error> {
        epochs.restore(self.order.clone(), self.position)?;
        let module = load_parameters(module, &self.group(WEIGHTS))?;
        let (first, second) = (self.group(FIRST_MOMENT), self.group(SECOND_MOMENT));
        optimizer.restore(&module, [&first, &second], self.n_steps)?;
        Ok(module)
    }

    /// Refuses a state of more steps than a training has.
    ///
    /// # Errors
    /// [`Error::TrainingState`].
    pub fn check_steps(&self, planned: usize) -> Result<(), Error> {
        if self.n_steps <= planned {
            return Ok(());
        }
        let reason =
            format!("{} steps are done already, this training has {planned}", self.n_steps);
        Err(Error::TrainingState { reason })
    }

    /// Adds tensors under a group's name.
    pub fn put(&mut self, group: &str, tensors: Vec<NamedTensor>) {
        self.tensors.extend(
            tensors.into_iter().map(|t| NamedTensor { name: format!("{group}/{}", t.name), ..t }),
        );
    }

    /// The tensors of a group, under their own names.
    pub fn group(&self, group: &str) -> Vec<NamedTensor> {
        self.tensors
            .iter()
            .filter_map(|t| {
                let name = t.name.strip_prefix(group)?.strip_prefix('/')?;
                Some(NamedTensor { name: name.to_owned(), ..t.clone() })
            })
            .collect()
    }

    /// The state as a safetensors file.
    ///
    /// # Errors
    /// [`Error::CorruptWeights`] when the writer refuses a tensor.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let order: Vec<u8> = self.order.iter().flat_map(|&i| (i as u64).to_le_bytes()).collect();
        let tensors: Vec<Vec<u8>> = self.tensors.iter().map(tensor_bytes).collect();
        let mut views = Vec::with_capacity(tensors.len() + 1);
        views.push((ORDER, TensorView::new(Dtype::U64, vec![self.order.len()], &order)?));
        for (tensor, bytes) in self.tensors.iter().zip(&tensors) {
            views.push((
                tensor.name.as_str(),
                TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?,
            ));
        }
        let plain = Plain {
            format: TRAINING_STATE_FORMAT,
            n_steps: self.n_steps,
            rng: self.rng,
            position: self.position,
        };
        let plain = serde_json::to_string(&plain).expect("plain numbers");
        Ok(safetensors::serialize(views, Some(HashMap::from([(PLAIN.to_owned(), plain)])))?)
    }

    /// Reads the bytes of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`Error::TrainingState`] for another format or a damaged file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |reason: String| Error::TrainingState { reason };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| bad(e.to_string()))?;
        let plain = header
            .metadata()
            .as_ref()
            .and_then(|m| m.get(PLAIN))
            .ok_or_else(|| bad("it does not say where the training stood".into()))?;
        let plain: Plain = serde_json::from_str(plain).map_err(|e| bad(e.to_string()))?;
        if plain.format != TRAINING_STATE_FORMAT {
            return Err(bad(format!(
                "it has format {}, this version reads {TRAINING_STATE_FORMAT}",
                plain.format
            )));
        }
        let file = SafeTensors::deserialize(bytes).map_err(|e| bad(e.to_string()))?;
        let order = file.tensor(ORDER).map_err(|e| bad(e.to_string()))?;
        if order.dtype() != Dtype::U64 {
            return Err(bad("the order of its rows is no list of integers".into()));
        }
        let order = order
            .data()
            .chunks_exact(8)
            .map(|b| u64::from_le_bytes(b.try_into().expect("eight bytes")) as usize)
            .collect();
        let tensors = tensors_of(&file, |name| name != ORDER)?;
        let Plain { n_steps, rng, position, .. } = plain;
        Ok(Self { n_steps, rng, order, position, tensors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adamw::AdamWConfig;
    use crate::init::{LinearInit, linear};
    use burn::nn::Linear;
    use burn::optim::GradientsParams;
    use burn::tensor::{Device, Tensor};
    use pert_core::{ChaCha8Rng, seeded_rng};
    use rand::Rng;

    struct Training {
        layer: Linear,
        adamw: AdamW,
        epochs: Epochs,
        rng: ChaCha8Rng,
        n_steps: usize,
    }

    impl Training {
        fn new(seed: u64) -> Self {
            let mut rng = seeded_rng(seed, "test");
            let device = Device::default().autodiff();
            let layer = linear(3, 2, LinearInit::KaimingUniform, &mut rng, &device);
            let bias = layer.bias.as_ref().expect("bias").id;
            let adamw = AdamWConfig::default().init().with_rate_factor(bias, 3.0);
            Self { layer, adamw, epochs: Epochs::new(7, 2), rng, n_steps: 0 }
        }

        fn step(&mut self) {
            let rows = self.epochs.next(&mut self.rng).to_vec();
            let noise = (self.rng.next_u32() % 100) as f32 / 100.0;
            let x: Vec<f32> = rows.iter().flat_map(|&r| [r as f32, noise, 1.0]).collect();
            let x = burn::tensor::TensorData::new(x, [rows.len(), 3]);
            let x = Tensor::<2>::from_data(x, &Device::default().autodiff());
            let loss = self.layer.forward(x).square().mean();
            let grads = GradientsParams::from_grads(loss.backward(), &self.layer);
            self.layer = self.adamw.step(1e-2, self.layer.clone(), grads);
            self.n_steps += 1;
        }

        fn state(&self) -> TrainingState {
            let rng = RngState::of(&self.rng);
            TrainingState::of(&self.layer, &self.adamw, &self.epochs, rng, self.n_steps)
        }
    }

    #[test]
    fn a_training_restored_from_bytes_goes_on_bit_for_bit() {
        for n_before in [0, 1, 5] {
            let mut whole = Training::new(0);
            (0..n_before).for_each(|_| whole.step());
            let bytes = whole.state().to_bytes().expect("writes");
            let state = TrainingState::from_bytes(&bytes).expect("reads");
            let mut other = Training::new(1);
            other.layer = state
                .restore(other.layer.clone(), &mut other.adamw, &mut other.epochs)
                .expect("fits");
            (other.rng, other.n_steps) = (state.rng.rng(), state.n_steps);
            for _ in 0..6 {
                whole.step();
                other.step();
                assert_eq!(whole.state(), other.state());
            }
        }
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic() {
        let mut training = Training::new(0);
        training.step();
        let bytes = training.state().to_bytes().expect("writes");
        for length in 0..bytes.len() {
            assert!(TrainingState::from_bytes(&bytes[..length]).is_err(), "cut to {length} bytes");
        }
        for position in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[position] ^= 0x5a;
            if let Ok(state) = TrainingState::from_bytes(&damaged) {
                let mut other = Training::new(1);
                let _ = state.restore(other.layer, &mut other.adamw, &mut other.epochs);
            }
        }
    }
}
