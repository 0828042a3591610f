//! Training of a [`Prior`].

use std::ops::ControlFlow;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use pert_core::RngState;
use pert_nn::{AdamW, Ema, OneCycle, TrainingState, clip_by_global_norm, named_parameters};
use rand_chacha::ChaCha8Rng;

use crate::batches::{Batches, unit_uniform};
use crate::config::PriorConfig;
use crate::denoiser::{Denoiser, PriorDenoiser};
use crate::error::Error;
use crate::loss::{LossWeighting, row_losses, weighted_mean};
use crate::parameterization::NoiseLevel;
use crate::prior::{PRIOR_FORMAT, Prior, PriorState};
use crate::process::{NoisedBatch, l_simple, q_sample};
use crate::sampler::X0Clip;
use crate::schedule::Schedule;
use crate::standardise::Standardiser;
use crate::training_data::TrainingData;
use crate::validation::{Judgement, Validation};

/// What a training step reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainStep {
    /// Steps done, counted from 1.
    pub step: usize,
    /// Steps planned.
    pub total: usize,
    /// L_simple of this step's batch, per dimension.
    pub loss: f64,
    /// The judgement after this step, where one was due.
    pub judgement: Option<Judgement>,
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
    validation: Option<Validation>,
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
        // Checked as a whole, so that rows are named by their numbers in it.
        Error::check_finite("x", data.x, data.d)?;
        let (rows, validation) = match config.validation {
            None => ((0..data.condition_of.len()).collect(), None),
            Some(validation) => {
                let (rows, apart) = validation.split(data.condition_of);
                (rows, Some(Validation::new(validation, data, &apart)?))
            }
        };
        let x = data.gather(&rows);
        let standardiser = Standardiser::fit(&x, data.d)?;
        let z = standardiser.apply(&x);
        let clip = bounds(&z, data.d, config.clip_factor);
        let schedule = Schedule::new(&config.schedule)?;
        let device = device.clone().without_autodiff().autodiff();
        let shape = data.shape(schedule.n_steps());
        let model = config.denoiser.init(&shape, rng, &device)?;
        let ema = Ema::new(&model, config.ema_decay)?;
        let condition_of = rows.iter().map(|&row| data.condition_of[row]).collect();
        Ok(Self {
            data: *data,
            config: *config,
            standardiser,
            clip,
            schedule,
            rates: config.rates(),
            batches: Batches::new(z, condition_of, data, config, &device)?,
            model,
            optimizer: config.optimizer().init(),
            ema,
            validation,
            rng,
            device,
            step: 0,
        })
    }

    /// One optimiser step on the next rows of the epoch, and a judgement where one is due; returns the (weighted) L_simple of
    /// the batch, per dimension.
    ///
    /// # Errors
    /// [`Error::LossNotFinite`].
    pub fn step(&mut self) -> Result<f64, Error> {
        let t = self.batches.steps(self.schedule.n_steps(), self.rng);
        let mut batch = self.batches.next(&t, self.rng, &self.device)?;
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
        let mut grads = GradientsParams::from_grads(loss.backward(), &self.model);
        if let Some(norm) = self.config.gradient_clip {
            grads = clip_by_global_norm(grads, &self.model, norm);
        }
        let rate = self.rates.rate(self.step);
        self.model = self.optimizer.step(rate, self.model.clone(), grads);
        self.ema.update(&self.model);
        self.step += 1;
        if self.validation.as_ref().is_some_and(|v| v.is_due(self.step, self.config.steps)) {
            self.judge()?;
        }
        Ok(value)
    }

    fn judge(&mut self) -> Result<(), Error> {
        let prior = self.prior(self.ema.module().clone());
        let device = self.device.clone().without_autodiff();
        if let Some(validation) = &mut self.validation {
            validation.judge(self.step, &prior, &self.data, &device)?;
        }
        Ok(())
    }

    /// The prior that a network would be.
    fn prior(&self, denoiser: PriorDenoiser) -> Prior {
        let state = PriorState {
            format: PRIOR_FORMAT,
            config: self.config,
            d: self.data.d,
            d_cond: self.data.d_cond,
            d_token: self.data.d_token(),
            d_cov: self.data.d_cov(),
            standardiser: self.standardiser.clone(),
            clip: self.clip.clone(),
        };
        Prior { state, schedule: self.schedule.clone(), denoiser }
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

    /// The judgements so far, the oldest first; none without [`PriorConfig::validation`].
    pub fn judgements(&self) -> &[Judgement] {
        self.validation.as_ref().map_or(&[], Validation::judgements)
    }

    /// Whether validation ended the training: no step is worth taking any more.
    pub fn stopped_early(&self) -> bool {
        self.validation.as_ref().is_some_and(Validation::has_ended)
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
        if let Some(validation) = &self.validation {
            validation.write(&mut state);
        }
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
        if let Some(validation) = &mut self.validation {
            validation.restore(state, self.ema.module())?;
        }
        *self.rng = state.rng.rng();
        self.step = state.n_steps;
        Ok(())
    }

    /// Ends the training: the prior of the averaged weights, those judged best where rows were kept apart.
    pub fn finish(self) -> Prior {
        let average = self.ema.module().clone();
        let network = match &self.validation {
            Some(validation) => validation.best(average),
            None => average,
        };
        let device = self.device.clone().without_autodiff();
        self.prior(network.to_device(&device))
    }
}

impl Prior {
    /// Trains a prior: L_simple by AdamW with a one-cycle rate, conditions dropped at random, weights averaged.
    ///
    /// `progress` is called after every step; `Break` ends training with an error, and what was learned is lost: to
    /// interrupt and continue a training, use [`PriorTrainer`]. Batches are drawn without
    /// replacement, in a new random order for every pass over the rows. With [`PriorConfig::validation`] rows are kept apart,
    /// training may end before `config.steps`, and the best weights are those returned.
    ///
    /// # Errors
    /// Settings out of range; array lengths that contradict each other; values that are not finite (row and column are
    /// named); fewer than 2 rows; too few rows to keep apart ([`Error::ValidationRows`]); [`Error::LossNotFinite`]; [`Error::Interrupted`].
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
            let judgement = trainer.judgements().last().filter(|last| last.step == step).copied();
            if progress(TrainStep { step, total, loss, judgement }).is_break() {
                return Err(Error::Interrupted { step, total });
            }
            if trainer.stopped_early() {
                break;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_taken_per_dimension() {
        assert_eq!(bounds(&[1.0, -4.0, -2.0, 3.0], 2, 1.5), [3.0, 6.0]);
    }
}
