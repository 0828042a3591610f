//! Training of a cell encoder.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use pert_core::{ChaCha8Rng, RngState};
use pert_nn::{AdamW, Epochs, NamedTensor, OneCycle, TrainingState};

use super::cell_encoder::{CELL_ENCODER_FORMAT, CellEncoder, CellEncoderState};
use super::config::{ContrastiveConfig, PerturbationSide};
use super::data::ContrastiveData;
use super::error::ContrastiveError;
use super::loss::contrastive_loss;
use super::network::{Network, profiles};
use crate::Error;
use crate::pooling::TokenBatch;

/// What [`CellEncoder::fit`] reports after every optimiser step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContrastiveStep {
    /// Steps done, counted from 1.
    pub step: usize,
    /// Steps planned.
    pub total: usize,
    /// Loss of this step's batch, nats per cell.
    pub loss: f64,
    /// Temperature before the step.
    pub temperature: f64,
}

/// The group of the losses in a [`TrainingState`].
const HISTORY: &str = "history";

/// A cell encoder in training: one optimiser step at a time.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::{CsrCounts, seeded_rng};
/// use pert_encoders::{ContrastiveConfig, ContrastiveData, ContrastiveTrainer};
///
/// let counts = CsrCounts::from_dense(2, &[9.0, 1.0, 8.0, 1.0, 1.0, 7.0, 2.0, 9.0])?;
/// let data = ContrastiveData {
///     counts: &counts,
///     cells: &[0, 1, 2, 3],
///     perturbation_of: &[0, 0, 1, 1],
///     n_perturbations: 2,
///     tokens: None,
/// };
/// let config = ContrastiveConfig { steps: 20, ..Default::default() };
/// let mut rng = seeded_rng(0, "cell encoder");
/// let mut trainer = ContrastiveTrainer::new(&data, &config, &mut rng, &Device::default())?;
/// while trainer.steps_done() < config.steps {
///     trainer.step()?;
/// }
/// assert!(trainer.history()[19] < trainer.history()[0]);
/// let encoder = trainer.finish();
/// assert_eq!(encoder.encode(&counts, &[0, 3])?.len(), 2 * config.d);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ContrastiveTrainer<'a> {
    data: ContrastiveData<'a>,
    config: ContrastiveConfig,
    tokens: Option<TokenBatch>,
    rates: OneCycle,
    epochs: Epochs,
    network: Network,
    optimizer: AdamW,
    rng: &'a mut ChaCha8Rng,
    device: Device,
    history: Vec<f64>,
}

impl<'a> ContrastiveTrainer<'a> {
    /// Checks everything and draws the first weights.
    ///
    /// # Errors
    /// [`ContrastiveError`]: settings out of range; arrays that contradict each other; a cell without counts; cells of fewer
    /// than two perturbations.
    pub fn new(
        data: &ContrastiveData<'a>,
        config: &ContrastiveConfig,
        rng: &'a mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        config.checked()?;
        data.check(config)?;
        let device = device.clone().without_autodiff().autodiff();
        let n_genes = data.counts.n_genes();
        let network = Network::init(config, n_genes, data.n_perturbations, rng, &device)?
            .centred_on(data.counts, data.cells, &device);
        let tokens = data.tokens.map(|tokens| tokens.to_device(&device));
        if let Some(tokens) = &tokens {
            network.sets(tokens).map_err(ContrastiveError::from)?;
        }
        Ok(Self {
            data: *data,
            config: config.clone(),
            tokens,
            rates: config.rates(),
            epochs: Epochs::new(data.cells.len(), config.batch_size),
            network,
            optimizer: config.optimizer().init(),
            rng,
            device,
            history: Vec::new(),
        })
    }

    /// One optimiser step on the next cells of the epoch; returns the loss, nats per cell.
    ///
    /// # Errors
    /// [`ContrastiveError::LossNotFinite`]; the weights are then those before the step.
    pub fn step(&mut self) -> Result<f64, Error> {
        let rows = self.epochs.next(self.rng).to_vec();
        let cells: Vec<usize> = rows.iter().map(|&row| self.data.cells[row]).collect();
        let labels: Vec<usize> = rows.iter().map(|&row| self.data.perturbation_of[row]).collect();
        let x = profiles(self.data.counts, &cells, cells.len(), &self.device);
        let perturbations = match (&self.tokens, &self.config.perturbations) {
            (Some(tokens), PerturbationSide::Sets(sets)) => {
                let tokens = tokens.with_ids_dropped(sets.id_dropout, self.rng);
                self.network.sets(&tokens).map_err(ContrastiveError::from)?
            }
            _ => self.network.prototypes(),
        };
        let Some(perturbations) = perturbations else {
            unreachable!("the data were checked against the settings")
        };
        let logits = self.network.logits(self.network.cells(x), perturbations);
        let loss = contrastive_loss(self.config.loss, logits, &labels, &self.device);
        let value = f64::from(loss.clone().into_scalar::<f32>());
        if !value.is_finite() {
            let step = self.history.len() + 1;
            return Err(ContrastiveError::LossNotFinite { step, loss: value }.into());
        }
        let grads = GradientsParams::from_grads(loss.backward(), &self.network);
        let rate = self.rates.rate(self.history.len());
        self.network = self.optimizer.step(rate, self.network.clone(), grads);
        self.history.push(value);
        Ok(value)
    }

    /// Optimiser steps done.
    pub fn steps_done(&self) -> usize {
        self.history.len()
    }

    /// The loss of every step done, nats per cell.
    pub fn history(&self) -> &[f64] {
        &self.history
    }

    /// The temperature as it is now.
    pub fn temperature(&self) -> f64 {
        self.network.temperature()
    }

    /// What a trainer of the same data and settings needs to go on from here.
    pub fn state(&self) -> TrainingState {
        let (rng, step) = (RngState::of(self.rng), self.history.len());
        let mut state = TrainingState::of(&self.network, &self.optimizer, &self.epochs, rng, step);
        // Losses are f32 before they are f64.
        let values = self.history.iter().map(|&loss| loss as f32).collect();
        state.put(HISTORY, vec![NamedTensor { name: "loss".into(), shape: vec![step], values }]);
        state
    }

    /// Goes on from a state written down: on a CPU, with the same number of threads, the steps that follow are those that
    /// would have followed then, to the last bit.
    ///
    /// # Errors
    /// [`ContrastiveError::Network`] for a state that does not fit; the trainer must then not be used.
    pub fn restore(&mut self, state: &TrainingState) -> Result<(), Error> {
        let history: Vec<f64> = state
            .group(HISTORY)
            .iter()
            .flat_map(|tensor| &tensor.values)
            .map(|&loss| f64::from(loss))
            .collect();
        ContrastiveError::check_length("losses of steps done", state.n_steps, history.len())?;
        let mut restore = || -> Result<Network, pert_nn::Error> {
            state.check_steps(self.config.steps)?;
            state.restore(self.network.clone(), &mut self.optimizer, &mut self.epochs)
        };
        self.network = restore().map_err(ContrastiveError::from)?;
        *self.rng = state.rng.rng();
        self.history = history;
        Ok(())
    }

    /// Ends the training.
    pub fn finish(self) -> CellEncoder {
        let state = CellEncoderState {
            format: CELL_ENCODER_FORMAT,
            config: self.config,
            n_genes: self.data.counts.n_genes(),
            n_perturbations: self.data.n_perturbations,
        };
        let device = self.device.without_autodiff();
        let network = self.network.valid().to_device(&device);
        CellEncoder { state, network, device }
    }
}

impl CellEncoder {
    /// Trains a cell encoder; `progress` is called after every step, and `Break` ends the training with an error.
    ///
    /// # Errors
    /// As [`ContrastiveTrainer::new`] and [`ContrastiveTrainer::step`]; [`ContrastiveError::Interrupted`].
    pub fn fit(
        data: &ContrastiveData<'_>,
        config: &ContrastiveConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
        progress: &mut dyn FnMut(ContrastiveStep) -> ControlFlow<()>,
    ) -> Result<Self, Error> {
        let mut trainer = ContrastiveTrainer::new(data, config, rng, device)?;
        let total = config.steps;
        for step in 1..=total {
            let temperature = trainer.temperature();
            let loss = trainer.step()?;
            if progress(ContrastiveStep { step, total, loss, temperature }).is_break() {
                return Err(ContrastiveError::Interrupted { step, total }.into());
            }
        }
        Ok(trainer.finish())
    }
}
