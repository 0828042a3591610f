//! Training of a [`Prior`].

use std::ops::ControlFlow;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use pert_core::RngState;
use pert_nn::{AdamW, Ema, Epochs, OneCycle, TrainingState, named_parameters, standard_normal};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::config::PriorConfig;
use crate::denoiser::{Condition, ConditionParts, Denoiser, PriorDenoiser, Tokens};
use crate::error::Error;
use crate::loss::{LossWeighting, row_losses, weighted_mean};
use crate::parameterization::NoiseLevel;
use crate::prior::{PRIOR_FORMAT, Prior, PriorState};
use crate::process::{NoisedBatch, l_simple, q_sample};
use crate::sampler::X0Clip;
use crate::schedule::Schedule;
use crate::standardise::Standardiser;
use crate::training_data::TrainingData;

/// What a training step reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainStep {
    /// Steps done, counted from 1.
    pub step: usize,
    /// Steps planned.
    pub total: usize,
    /// L_simple of this step's batch, per dimension.
    pub loss: f64,
}

/// A prior in training: one optimiser step at a time.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_diffusion::{PriorConfig, PriorTrainer, TrainingData};
///
/// let (x, conditions) = ([0.0, 0.1, 5.0, 5.2], [1.0, -1.0]);
/// let condition_of = &[0, 0, 1, 1];
/// let data =
///     TrainingData { x: &x, d: 1, conditions: &conditions, d_cond: 1, condition_of, ..Default::default() };
/// let config = PriorConfig { steps: 3, ..Default::default() };
/// let mut rng = seeded_rng(0, "prior");
/// let mut trainer = PriorTrainer::new(&data, &config, &mut rng, &Device::default())?;
/// while trainer.steps_done() < config.steps {
///     let loss = trainer.step()?;
///     assert!(loss.is_finite());
/// }
/// let prior = trainer.finish();
/// assert_eq!((prior.state().d, prior.state().d_cond), (1, 1));
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
pub struct PriorTrainer<'a> {
    data: TrainingData<'a>,
    config: PriorConfig,
    standardiser: Standardiser,
    clip: Vec<f32>,
    schedule: Schedule,
    rates: OneCycle,
    batches: Batches,
    model: PriorDenoiser,
    optimizer: AdamW,
    ema: Ema<PriorDenoiser>,
    rng: &'a mut ChaCha8Rng,
    device: Device,
    step: usize,
}

/// The group of the averaged weights in a [`TrainingState`].
const AVERAGE: &str = "average";

impl<'a> PriorTrainer<'a> {
    /// Checks everything, standardises the rows and draws the first weights.
    ///
    /// # Errors
    /// As [`Prior::fit`], before the first step.
    pub fn new(
        data: &TrainingData<'a>,
        config: &PriorConfig,
        rng: &'a mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        config.check()?;
        data.check()?;
        let standardiser = Standardiser::fit(data.x, data.d)?;
        let z = standardiser.apply(data.x);
        let clip = bounds(&z, data.d, config.clip_factor);
        let schedule = Schedule::new(&config.schedule)?;
        let device = device.clone().without_autodiff().autodiff();
        let shape = data.shape(schedule.n_steps());
        let model = config.denoiser.init(&shape, rng, &device)?;
        let ema = Ema::new(&model, config.ema_decay)?;
        Ok(Self {
            data: *data,
            config: *config,
            standardiser,
            clip,
            schedule,
            rates: config.rates(),
            batches: Batches::new(z, data, config, &device)?,
            model,
            optimizer: config.optimizer().init(),
            ema,
            rng,
            device,
            step: 0,
        })
    }

    /// One optimiser step on the next rows of the epoch; returns the (weighted) L_simple of the batch, per dimension.
    ///
    /// # Errors
    /// [`Error::LossNotFinite`].
    pub fn step(&mut self) -> Result<f64, Error> {
        let t = self.batches.steps(self.schedule.n_steps(), self.rng);
        let mut batch = self.batches.next(self.data.condition_of, &t, self.rng, &self.device);
        // Half of the batches see a first guess of x_0 (Chen et al. 2023, algorithm 1).
        if self.config.denoiser.self_conditioning() && unit_uniform(self.rng) < 0.5 {
            let estimate = self.estimate(&batch);
            batch.cond = batch.cond.with_estimate(Some(estimate));
        }
        let loss = self.loss(batch)?;
        let value = f64::from(loss.clone().into_scalar::<f32>());
        if !value.is_finite() {
            return Err(Error::LossNotFinite { step: self.step + 1, loss: value });
        }
        let grads = GradientsParams::from_grads(loss.backward(), &self.model);
        let rate = self.rates.rate(self.step);
        self.model = self.optimizer.step(rate, self.model.clone(), grads);
        self.ema.update(&self.model);
        self.step += 1;
        Ok(value)
    }

    /// The network's guess of x_0 without an earlier one, clipped as in sampling; no gradient flows through it.
    fn estimate(&self, batch: &NoisedBatch<'_>) -> Tensor<2> {
        let level = NoiseLevel::new(&self.schedule, batch.t, &self.device);
        let x_t = q_sample(batch.x0.clone(), batch.noise.clone(), &level);
        let output = self.model.predict(x_t.clone(), batch.t, batch.cond.clone());
        let x0 = self.config.parameterization.x0(output, x_t, &level);
        X0Clip::new(&self.clip, &self.device).tensor(x0).detach()
    }

    fn loss(&self, batch: NoisedBatch<'_>) -> Result<Tensor<1>, Error> {
        let (kind, schedule) = (self.config.parameterization, &self.schedule);
        let weighting = self.config.loss_weighting;
        if weighting == LossWeighting::Uniform {
            return Ok(l_simple(&self.model, batch, kind, schedule));
        }
        let weights = weighting.weights(kind, batch.t, schedule)?;
        weighted_mean(row_losses(&self.model, batch, kind, schedule), &weights)
    }

    /// Optimiser steps done.
    pub fn steps_done(&self) -> usize {
        self.step
    }

    /// What a trainer of the same data and settings needs to go on from here.
    pub fn state(&self) -> TrainingState {
        let rng = RngState::of(self.rng);
        let epochs = &self.batches.epochs;
        let mut state = TrainingState::of(&self.model, &self.optimizer, epochs, rng, self.step);
        state.put(AVERAGE, named_parameters(self.ema.module()));
        state
    }

    /// Goes on from a state written down: on a CPU, with the same number of threads, the steps that follow are those
    /// that would have followed then, to the last bit. The state also replaces the place of the generator, so the one
    /// given to [`PriorTrainer::new`] may have any seed.
    ///
    /// Data and settings must be those the state was written under. What is checked: the number of rows, the shapes
    /// of the weights, and that no more steps are done than `config.steps`; other values and rates are not noticed.
    ///
    /// # Errors
    /// [`Error::Network`] for a state that does not fit; the trainer must then not be used.
    pub fn restore(&mut self, state: &TrainingState) -> Result<(), Error> {
        state.check_steps(self.config.steps)?;
        self.model =
            state.restore(self.model.clone(), &mut self.optimizer, &mut self.batches.epochs)?;
        self.ema.restore(&state.group(AVERAGE), state.n_steps as u64)?;
        *self.rng = state.rng.rng();
        self.step = state.n_steps;
        Ok(())
    }

    /// Ends the training: the prior of the averaged weights.
    pub fn finish(self) -> Prior {
        let state = PriorState {
            format: PRIOR_FORMAT,
            config: self.config,
            d: self.data.d,
            d_cond: self.data.d_cond,
            d_token: self.data.d_token(),
            d_cov: self.data.d_cov(),
            standardiser: self.standardiser,
            clip: self.clip,
        };
        let denoiser = self.ema.into_module().to_device(&self.device.without_autodiff());
        Prior { state, schedule: self.schedule, denoiser }
    }
}

impl Prior {
    /// Trains a prior: L_simple by AdamW with a one-cycle rate, conditions dropped at random, weights averaged.
    ///
    /// `progress` is called after every step; `Break` ends training with an error, and what was learned is lost: to
    /// interrupt and continue a training, use [`PriorTrainer`]. Batches are drawn without
    /// replacement, in a new random order for every pass over the rows.
    ///
    /// # Errors
    /// Settings out of range; array lengths that contradict each other; values that are not finite (row and column are
    /// named); fewer than 2 rows; [`Error::LossNotFinite`]; [`Error::Interrupted`].
    pub fn fit(
        data: &TrainingData<'_>,
        config: &PriorConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
        progress: &mut dyn FnMut(TrainStep) -> ControlFlow<()>,
    ) -> Result<Self, Error> {
        let mut trainer = PriorTrainer::new(data, config, rng, device)?;
        let total = config.steps;
        for step in 1..=total {
            let loss = trainer.step()?;
            if progress(TrainStep { step, total, loss }).is_break() {
                return Err(Error::Interrupted { step, total });
            }
        }
        Ok(trainer.finish())
    }
}

/// `factor` times the largest absolute value of every dimension of `[n, d]` rows.
fn bounds(z: &[f32], d: usize, factor: f64) -> Vec<f32> {
    let mut largest = vec![0.0f32; d];
    for row in z.chunks_exact(d) {
        for (bound, value) in largest.iter_mut().zip(row) {
            *bound = bound.max(value.abs());
        }
    }
    largest.into_iter().map(|bound| (f64::from(bound) * factor) as f32).collect()
}

/// Random batches of noised rows with their conditions.
struct Batches {
    /// Standardised rows, `[n, d]`.
    z: Vec<f32>,
    d: usize,
    conditions: Tensor<2>,
    tokens: Option<Tokens>,
    covariates: Option<Tensor<2>>,
    condition_dropout: f64,
    covariate_dropout: f64,
    epochs: Epochs,
}

impl Batches {
    fn new(
        z: Vec<f32>,
        data: &TrainingData<'_>,
        config: &PriorConfig,
        device: &Device,
    ) -> Result<Self, Error> {
        let n_conditions = data.conditions.len() / data.d_cond;
        let table = |values: &[f32], width: usize| {
            Tensor::from_data(TensorData::new(values.to_vec(), [n_conditions, width]), device)
        };
        let tokens = data.tokens.map(|t| Tokens::of_sets(t.sets, t.d_token, device)).transpose()?;
        Ok(Self {
            z,
            d: data.d,
            conditions: table(data.conditions, data.d_cond),
            tokens,
            covariates: data.covariates.map(|c| table(c.values, c.d_cov)),
            condition_dropout: config.condition_dropout,
            covariate_dropout: config.covariate_dropout,
            epochs: Epochs::new(data.condition_of.len(), config.batch_size),
        })
    }

    /// A uniform diffusion step for every row of a batch.
    fn steps(&self, n_steps: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let size = self.epochs.batch_size();
        (0..size).map(|_| (rng.next_u64() % n_steps as u64) as usize).collect()
    }

    fn next<'t>(
        &mut self,
        condition_of: &[usize],
        t: &'t [usize],
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> NoisedBatch<'t> {
        let rows = self.epochs.next(rng);
        let (n, d) = (rows.len(), self.d);
        let x0: Vec<f32> =
            rows.iter().flat_map(|&r| &self.z[r * d..(r + 1) * d]).copied().collect();
        let index: Vec<i32> = rows.iter().map(|&r| condition_of[r] as i32).collect();
        let index = Tensor::<1, Int>::from_data(TensorData::new(index, [n]), device);
        let flags = |rate: f64, rng: &mut ChaCha8Rng| {
            let flags = (0..n).map(|_| if unit_uniform(rng) < rate { 1.0 } else { 0.0 });
            TensorData::new(flags.collect::<Vec<f32>>(), [n, 1])
        };
        let dropped = Tensor::from_data(flags(self.condition_dropout, rng), device);
        let noise = standard_normal([n, d], rng, device);
        let covariates = self.covariates.as_ref().map(|c| c.clone().select(0, index.clone()));
        let covariates_dropped = covariates
            .as_ref()
            .map(|_| Tensor::from_data(flags(self.covariate_dropout, rng), device));
        NoisedBatch {
            x0: Tensor::from_data(TensorData::new(x0, [n, d]), device),
            noise,
            t,
            cond: Condition::Parts(ConditionParts {
                pooled: Some(self.conditions.clone().select(0, index.clone())), // [n, d_cond]
                tokens: self.tokens.as_ref().map(|tokens| tokens.select(index)),
                dropped: Some(dropped),
                covariates,
                covariates_dropped,
                estimate: None,
            }),
        }
    }
}

/// 53 random bits: uniform on [0, 1) and exact in f64.
fn unit_uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_taken_per_dimension() {
        assert_eq!(bounds(&[1.0, -4.0, -2.0, 3.0], 2, 1.5), [3.0, 6.0]);
    }
}
