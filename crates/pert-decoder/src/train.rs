//! Training.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use pert_core::{ChaCha8Rng, CsrCounts, RngState};
use pert_nn::{AdamW, AdamWConfig, Epochs, LinearInit, TrainingState, clip_and_norm, linear};
use rand::Rng;

use crate::batch::{Batch, CountTables};
use crate::config::VaeConfig;
use crate::elbo::Noise;
use crate::error::Error;
use crate::inputs::{VaeInputs, check_cells, check_groups};
use crate::library::{LibraryPrior, LogNormal};
use crate::moments::CountMoments;
use crate::network::{Network, matrix};
use crate::train_config::TrainConfig;
use crate::vae::{Vae, scalar};

/// What [`Vae::fit`] reports after every optimiser step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainStep {
    /// Steps done, counted from 1.
    pub step: usize,
    /// Steps planned.
    pub total: usize,
    /// Negative bound of the step's cells with the step's KL weight, and the classifier's weighted loss if there is one,
    /// nats per cell.
    pub loss: f64,
}

/// A model in training: one optimiser step at a time.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::{CsrCounts, seeded_rng};
/// use pert_decoder::{TrainConfig, Trainer, VaeConfig, VaeInputs};
///
/// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 1.0, 1.0])?;
/// let cells = [0, 1, 2];
/// let inputs = VaeInputs { cell: None, covariate: None, library_group: &[0, 0, 0], n_groups: 1 };
/// let (config, train) = (VaeConfig::new(3, 2), TrainConfig { steps: 3, ..Default::default() });
/// let mut rng = seeded_rng(0, "decoder");
/// let mut trainer =
///     Trainer::new(&counts, &cells, &inputs, &config, &train, &mut rng, &Device::default())?;
/// while trainer.steps_done() < train.steps {
///     assert!(trainer.step()?.is_finite()); // nats per cell
/// }
/// assert_eq!(trainer.finish()?.config(), &config);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'a> {
    counts: &'a CsrCounts,
    cells: &'a [usize],
    inputs: VaeInputs<'a>,
    config: VaeConfig,
    train: TrainConfig,
    tables: CountTables,
    library_prior: LibraryPrior,
    network: Network,
    /// The weights of the last step whose loss was finite.
    last_good: Option<Network>,
    optimizer: AdamW,
    rng: &'a mut ChaCha8Rng,
    device: Device,
    epochs: Epochs,
    step: usize,
}

impl<'a> Trainer<'a> {
    /// Checks everything, fits the library prior and draws the first weights.
    ///
    /// # Errors
    /// As [`Vae::fit`], before the first step.
    pub fn new(
        counts: &'a CsrCounts,
        cells: &'a [usize],
        inputs: &VaeInputs<'a>,
        config: &VaeConfig,
        train: &TrainConfig,
        rng: &'a mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        config.check()?;
        train.check()?;
        if cells.is_empty() {
            return Err(Error::NoCells { purpose: "training" });
        }
        check_cells(config.n_genes, counts, cells)?;
        inputs.conditions().check_training(config, cells.len())?;
        check_groups(inputs.library_group, cells.len(), inputs.n_groups)?;
        let log_library: Vec<f64> =
            cells.iter().map(|&cell| counts.library_size(cell).ln()).collect();
        let library_prior = LibraryPrior::fit(&log_library, inputs.library_group, inputs.n_groups)?;
        let device = device.clone().autodiff();
        let mut network = Network::init(config, rng, &device);
        network.generator = network.generator.start_at(&CountMoments::of(counts, cells), &device);
        if train.classifier_weight > 0.0 {
            let (d, n) = (config.n_latent, inputs.n_groups);
            network.classifier = Some(linear(d, n, LinearInit::KaimingUniform, rng, &device));
        }
        // Without weight decay it is Adam.
        let mut optimizer = AdamWConfig { weight_decay: 0.0, ..AdamWConfig::default() }.init();
        if let Some(log_theta) = network.generator.log_theta() {
            optimizer = optimizer.with_rate_factor(log_theta.id, train.theta_rate);
        }
        Ok(Self {
            counts,
            cells,
            inputs: *inputs,
            config: config.clone(),
            train: train.clone(),
            tables: CountTables::new(),
            library_prior,
            network,
            last_good: None,
            optimizer,
            rng,
            device,
            epochs: Epochs::new(cells.len(), train.batch),
            step: 0,
        })
    }

    /// One optimiser step on the next cells of the epoch; returns the loss, nats per cell.
    ///
    /// Beyond the planned number of steps the rate stays at its last value.
    ///
    /// # Errors
    /// [`Error::NonFiniteLoss`] and [`Error::NonFiniteGradient`]. The weights are then those of the last step whose loss
    /// was finite: [`model`](Self::model), [`state`](Self::state) and [`finish`](Self::finish) give them.
    pub fn step(&mut self) -> Result<f64, Error> {
        let rows = self.epochs.next(self.rng).to_vec();
        let cells: Vec<usize> = rows.iter().map(|&row| self.cells[row]).collect();
        let batch = Batch::new(self.counts, &cells, &self.tables, &self.device);
        let owned = self.inputs.conditions().rows(&self.config, &rows);
        let keep = (owned.cell.is_some() && self.config.cell_dropout > 0.0)
            .then(|| self.draw_kept(batch.n));
        let condition = self.network.condition(&owned, keep, batch.n, &self.device);
        let prior: Vec<LogNormal> = rows
            .iter()
            .map(|&row| self.library_prior.group(self.inputs.library_group[row]))
            .collect();
        let noise = Noise::draw(batch.n, &self.config, self.rng, &self.device);
        let terms = self.network.elbo(&batch, condition.as_ref(), &prior, noise, &self.device);
        let n = batch.n as f64;
        let mut loss =
            terms.kl_z.mul_scalar(self.train.kl_weight(self.step)).sub(terms.log_likelihood);
        if let Some(kl_l) = terms.kl_l {
            loss = loss.add(kl_l);
        }
        if let Some(classifier) = &self.network.classifier {
            let log_p = self.log_probability(classifier.forward(terms.z_mean), &rows);
            loss = loss.sub(log_p.mul_scalar(self.train.classifier_weight));
        }
        let loss = loss.mul_scalar(1.0 / n);
        let value = scalar(loss.clone().inner()) + batch.constant / n;
        let penalty = self.train.output_prior.penalty(self.config.n_hidden, self.cells.len());
        let loss = match penalty {
            Some(factor) => loss.add(self.network.generator.output_squares().mul_scalar(factor)),
            None => loss,
        };
        if !value.is_finite() {
            if let Some(good) = self.last_good.take() {
                self.network = good;
            }
            return Err(Error::NonFiniteLoss { step: self.step + 1, loss: value });
        }
        let grads = GradientsParams::from_grads(loss.backward(), &self.network);
        let (grads, norm) = clip_and_norm(grads, &self.network, self.train.clip);
        if !norm.is_finite() {
            return Err(Error::NonFiniteGradient { step: self.step + 1, norm });
        }
        let rate = self.learning_rate();
        self.last_good = Some(self.network.clone());
        self.network = self.optimizer.step(rate, self.network.clone(), grads);
        self.step += 1;
        Ok(value)
    }

    /// Σ log p(group) over cells, from logits `[n, n_groups]`.
    fn log_probability(&self, logits: Tensor<2>, rows: &[usize]) -> Tensor<1> {
        let n_groups = self.inputs.n_groups;
        let mut groups = vec![0.0; rows.len() * n_groups];
        for (one_hot, &row) in groups.chunks_exact_mut(n_groups).zip(rows) {
            one_hot[self.inputs.library_group[row]] = 1.0;
        }
        log_softmax(logits, 1).mul(matrix(groups, rows.len(), &self.device)).sum()
    }

    /// The rate of the next step.
    pub fn learning_rate(&self) -> f64 {
        self.train.schedule.rate(self.train.learning_rate, self.train.steps, self.step)
    }

    /// The model as it is after the steps done, its library size not calibrated: for looking at it on the way.
    ///
    /// ```
    /// use pert_decoder::{
    ///     Conditions, CsrCounts, Device, TrainConfig, Trainer, VaeConfig, VaeInputs, seeded_rng,
    /// };
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0, 0.0, 2.0, 0.0])?;
    /// let inputs = VaeInputs { cell: None, covariate: None, library_group: &[0, 0], n_groups: 1 };
    /// let (config, train) = (VaeConfig::new(3, 2), TrainConfig::default());
    /// let (rng, device) = (&mut seeded_rng(0, "decoder"), Device::default());
    /// let trainer = Trainer::new(&counts, &[0, 1], &inputs, &config, &train, rng, &device)?;
    /// let rng = &mut seeded_rng(1, "elbo");
    /// let terms = trainer.model().elbo(&counts, &[0, 1], Conditions::default(), None, rng)?;
    /// assert!(terms.total().is_finite());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn model(&self) -> Vae {
        Vae {
            config: self.config.clone(),
            network: self.network.valid().without_classifier(),
            library_prior: self.library_prior.clone(),
            log_library_offset: 0.0,
            device: self.device.clone().without_autodiff(),
        }
    }

    /// Optimiser steps done.
    pub fn steps_done(&self) -> usize {
        self.step
    }

    /// What a trainer of the same data and settings needs to go on from here.
    pub fn state(&self) -> TrainingState {
        let rng = RngState::of(self.rng);
        TrainingState::of(&self.network, &self.optimizer, &self.epochs, rng, self.step)
    }

    /// Goes on from a state written down: on a CPU, with the same number of threads, the steps that follow are those
    /// that would have followed then, to the last bit. The state also replaces the place of the generator.
    ///
    /// Data and settings must be those the state was written under. What is checked: the number of cells, the shapes
    /// of the weights, and that no more steps are done than planned; other values and rates are not noticed.
    ///
    /// # Errors
    /// [`Error::Network`] for a state that does not fit; the trainer must then not be used.
    pub fn restore(&mut self, state: &TrainingState) -> Result<(), Error> {
        state.check_steps(self.train.steps)?;
        self.network =
            state.restore(self.network.clone(), &mut self.optimizer, &mut self.epochs)?;
        self.last_good = None;
        *self.rng = state.rng.rng();
        self.step = state.n_steps;
        Ok(())
    }

    /// Ends the training and calibrates the library size.
    ///
    /// # Errors
    /// As [`Vae::calibrate_library`].
    pub fn finish(self) -> Result<Vae, Error> {
        let mut vae = self.model();
        vae.calibrate_library(self.counts, self.cells, &self.inputs, self.rng)?;
        Ok(vae)
    }

    /// 1 for a cell that keeps its g, 0 for one that gets the null.
    fn draw_kept(&mut self, n: usize) -> Vec<f32> {
        let threshold = (self.config.cell_dropout * u64::MAX as f64) as u64;
        (0..n).map(|_| f32::from(u8::from(self.rng.next_u64() >= threshold))).collect()
    }
}

impl Vae {
    /// Trains a model on the chosen cells by maximising the evidence lower bound.
    ///
    /// The weight of KL(q(z) ‖ p(z)) rises linearly over the first `kl_warmup` of the steps; that of
    /// KL(q(l) ‖ p(l|p)) is 1 throughout, as in scVI. The model returned lives on the plain device, its library
    /// size is calibrated ([`Vae::calibrate_library`]).
    ///
    /// # Shapes
    /// - counts: raw counts `[_, n_genes]`; `cells`: rows to learn from; one row of `inputs` per entry of `cells`
    ///
    /// # Errors
    /// Settings out of range; counts of another number of genes; no cells, cells out of range or without counts;
    /// inputs of wrong width, missing or not finite; [`Error::NonFiniteLoss`]; [`Error::Interrupted`] when
    /// `progress` breaks.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// use burn::tensor::Device;
    /// use pert_core::{CsrCounts, seeded_rng};
    /// use pert_decoder::{TrainConfig, Vae, VaeConfig, VaeInputs};
    ///
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 1.0, 1.0])?;
    /// let inputs = VaeInputs { cell: None, covariate: None, library_group: &[0, 0, 0], n_groups: 1 };
    /// let (config, train) = (VaeConfig::new(3, 2), TrainConfig { steps: 3, ..Default::default() });
    /// let (rng, device) = (&mut seeded_rng(0, "decoder"), Device::default());
    /// let mut losses = Vec::new();
    /// let vae = Vae::fit(&counts, &[0, 1, 2], &inputs, &config, &train, rng, &device, &mut |step| {
    ///     losses.push(step.loss);
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!((losses.len(), vae.library_prior().n_groups()), (3, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[allow(clippy::too_many_arguments, reason = "data, settings, randomness, device, progress")]
    pub fn fit(
        counts: &CsrCounts,
        cells: &[usize],
        inputs: &VaeInputs<'_>,
        config: &VaeConfig,
        train: &TrainConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
        progress: &mut dyn FnMut(TrainStep) -> ControlFlow<()>,
    ) -> Result<Self, Error> {
        let mut trainer = Trainer::new(counts, cells, inputs, config, train, rng, device)?;
        for step in 1..=train.steps {
            let loss = trainer.step()?;
            if progress(TrainStep { step, total: train.steps, loss }).is_break() {
                return Err(Error::Interrupted { step });
            }
        }
        trainer.finish()
    }
}

#[cfg(test)]
mod tests {
    use burn::module::ModuleMapper;
    use burn::module::Param;
    use burn::tensor::Tensor;
    use pert_core::seeded_rng;

    use super::*;

    /// Makes every weight NaN.
    struct Spoil;

    impl ModuleMapper for Spoil {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|x| x.mul_scalar(f32::NAN).detach().require_grad())
        }
    }

    #[test]
    fn weights_that_became_nan_end_the_training_with_the_last_good_ones() {
        let dense: Vec<f32> = (0..40).map(|i| (1 + i % 4) as f32).collect();
        let counts = CsrCounts::from_dense(4, &dense).unwrap();
        let cells: Vec<usize> = (0..10).collect();
        let inputs =
            VaeInputs { cell: None, covariate: None, library_group: &[0; 10], n_groups: 1 };
        let (config, train) = (VaeConfig::new(4, 2), TrainConfig::default());
        let (rng, device) = (&mut seeded_rng(0, "fit"), Device::default());
        let mut trainer =
            Trainer::new(&counts, &cells, &inputs, &config, &train, rng, &device).unwrap();
        let weights = |trainer: &Trainer<'_>| trainer.model().to_safetensors().unwrap();
        trainer.step().unwrap();
        trainer.step().unwrap();
        let good = weights(&trainer);
        trainer.step().unwrap();
        assert_ne!(weights(&trainer), good);
        trainer.network = trainer.network.clone().map(&mut Spoil);
        // Of the weights of step 3 nobody knows whether they are good: its own loss was that of the weights before it.
        let error = trainer.step().unwrap_err();
        assert!(matches!(error, Error::NonFiniteLoss { step: 4, .. }), "{error}");
        assert_eq!(weights(&trainer), good);
        assert_eq!(trainer.steps_done(), 3);
        let vae = trainer.finish().unwrap();
        assert!(vae.log_library_offset().is_finite());
    }
}
