//! Training with held-out cells: history, early stopping, the best model kept.

use std::ops::ControlFlow;

use burn::tensor::Device;
use pert_core::{ChaCha8Rng, CsrCounts, seeded_rng, shuffled_indices};

use crate::config::VaeConfig;
use crate::elbo::ElboTerms;
use crate::error::Error;
use crate::inputs::{Conditions, VaeInputs, check_groups};
use crate::train::Trainer;
use crate::train_config::TrainConfig;
use crate::vae::Vae;

/// Training cells on which the bound is measured after an epoch: as many as are held out, and no more than this.
const MONITORED_CELLS: usize = 2048;

/// How cells are held out of a training and when it ends early.
///
/// ```
/// use pert_decoder::ValidationConfig;
/// let config = ValidationConfig { patience: Some(5), ..Default::default() };
/// config.check()?;
/// assert!(ValidationConfig { fraction: 1.0, ..config }.check().is_err());
/// # Ok::<(), pert_decoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValidationConfig {
    /// Share of the cells held out, in (0, 1). Default 0.1 (scvi-tools).
    pub fraction: f64,
    /// Epochs without a better validation bound after which training ends, at least 1; `None`: it runs through. Default
    /// 45 (scvi-tools, where it has to be switched on).
    pub patience: Option<usize>,
    /// By how much, in nats per cell, a bound must be better to count, at least 0. Default 0 (scvi-tools).
    pub min_delta: f64,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self { fraction: 0.1, patience: Some(45), min_delta: 0.0 }
    }
}

impl ValidationConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        if !(self.fraction > 0.0 && self.fraction < 1.0) {
            return Err(Error::setting("fraction", "in (0, 1)", self.fraction));
        }
        if self.patience == Some(0) {
            return Err(Error::setting("patience", "at least 1 epoch", 0));
        }
        if !(self.min_delta >= 0.0 && self.min_delta.is_finite()) {
            return Err(Error::setting("min_delta", "at least 0 and finite", self.min_delta));
        }
        Ok(())
    }
}

/// The bound after one pass over the training cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochRecord {
    /// Passes done, counted from 1.
    pub epoch: usize,
    /// Optimiser steps done.
    pub step: usize,
    /// The rate of the next step.
    pub learning_rate: f64,
    /// On up to 2,048 training cells, the same in every epoch; mean nats per cell, both KL terms with weight 1.
    pub train: ElboTerms,
    /// On the cells held out.
    pub validation: ElboTerms,
}

/// Why a training ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StopReason {
    /// All steps are done.
    Finished,
    /// The validation bound had not improved for `patience` epochs.
    NoImprovement,
    /// Loss or gradients left the numbers in this step; the model is that of the best epoch before it.
    Diverged {
        /// The optimiser step, counted from 1.
        step: usize,
    },
}

/// A model, and how its training went.
#[derive(Debug, Clone)]
pub struct ValidatedFit {
    /// The model of the epoch with the best validation bound, its library size calibrated.
    pub vae: Vae,
    /// One record per epoch.
    pub history: Vec<EpochRecord>,
    /// The epoch the model is from, counted from 1.
    pub best_epoch: usize,
    /// Why it ended.
    pub stopped: StopReason,
    /// Rows of the counts that were learned from.
    pub train_cells: Vec<usize>,
    /// Rows of the counts that were held out.
    pub validation_cells: Vec<usize>,
}

/// Some of the training's cells with their inputs.
pub(crate) struct Part {
    pub(crate) cells: Vec<usize>,
    cell: Option<Vec<f32>>,
    covariate: Option<Vec<f32>>,
    pub(crate) library_group: Vec<usize>,
    n_groups: usize,
}

impl Part {
    /// The chosen rows of checked inputs.
    pub(crate) fn new(
        config: &VaeConfig,
        cells: &[usize],
        inputs: &VaeInputs<'_>,
        rows: &[usize],
    ) -> Self {
        let owned = inputs.conditions().rows(config, rows);
        Self {
            cells: rows.iter().map(|&row| cells[row]).collect(),
            cell: owned.cell,
            covariate: owned.covariate,
            library_group: rows.iter().map(|&row| inputs.library_group[row]).collect(),
            n_groups: inputs.n_groups,
        }
    }

    pub(crate) fn inputs(&self) -> VaeInputs<'_> {
        VaeInputs {
            cell: self.cell.as_deref(),
            covariate: self.covariate.as_deref(),
            library_group: &self.library_group,
            n_groups: self.n_groups,
        }
    }

    pub(crate) fn conditions(&self) -> Conditions<'_> {
        self.inputs().conditions()
    }

    /// The bound with the same noise every time, so that epochs are compared and not draws.
    fn bound(&self, vae: &Vae, counts: &CsrCounts) -> Result<ElboTerms, Error> {
        let n = self.cells.len();
        let rng = &mut seeded_rng(n as u64, "validation");
        vae.elbo(counts, &self.cells, self.conditions(), Some(&self.library_group), rng)
    }
}

/// Splits cells at random into those to learn from and those held out, at least one of each.
pub(crate) fn split(
    config: &VaeConfig,
    cells: &[usize],
    inputs: &VaeInputs<'_>,
    fraction: f64,
    rng: &mut ChaCha8Rng,
) -> Result<[Part; 2], Error> {
    let n = cells.len();
    if n < 2 {
        return Err(Error::NoCells { purpose: "training and validation, two at least" });
    }
    inputs.conditions().check_training(config, n)?;
    check_groups(inputs.library_group, n, inputs.n_groups)?;
    let order = shuffled_indices(n, rng);
    let n_held_out = ((fraction * n as f64).round() as usize).clamp(1, n - 1);
    let (held_out, kept) = order.split_at(n_held_out);
    Ok([kept, held_out].map(|rows| Part::new(config, cells, inputs, rows)))
}

impl Vae {
    /// As [`Vae::fit`], with a share of the cells held out: the bound on them is recorded after every epoch, training
    /// ends when it has stopped improving, and the model returned is that of the best epoch.
    ///
    /// A one-cycle rate, the default, plans for all its steps: with early stopping, [`Schedule::Constant`] is the usual
    /// choice. Epochs within the KL warm-up count like any other, for the bound is measured with weight 1.
    ///
    /// # Errors
    /// As [`Vae::fit`], where a loss or gradient that is not finite is only an error before the first epoch has ended;
    /// [`Error::NoCells`] for fewer than two cells; [`Error::Interrupted`] when `progress` breaks.
    ///
    /// [`Schedule::Constant`]: crate::Schedule::Constant
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// use pert_decoder::{
    ///     CsrCounts, Device, Schedule, StopReason, TrainConfig, Vae, VaeConfig, VaeInputs,
    ///     ValidationConfig, seeded_rng,
    /// };
    /// let dense: Vec<f32> = (0..60).map(|i| (1 + i % 4) as f32).collect();
    /// let counts = CsrCounts::from_dense(3, &dense)?;
    /// let cells: Vec<usize> = (0..20).collect();
    /// let inputs = VaeInputs { cell: None, covariate: None, library_group: &[0; 20], n_groups: 1 };
    /// let schedule = Schedule::Constant;
    /// let train = TrainConfig { steps: 6, batch: 6, schedule, ..Default::default() };
    /// let fit = Vae::fit_validated(
    ///     &counts, &cells, &inputs, &VaeConfig::new(3, 2), &train, &ValidationConfig::default(),
    ///     &mut seeded_rng(0, "decoder"), &Device::default(), &mut |_| ControlFlow::Continue(()))?;
    /// // 18 cells in batches of 6: two epochs.
    /// assert_eq!((fit.history.len(), fit.stopped), (2, StopReason::Finished));
    /// assert_eq!(fit.validation_cells.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[allow(clippy::too_many_arguments, reason = "data, settings, randomness, device, progress")]
    pub fn fit_validated(
        counts: &CsrCounts,
        cells: &[usize],
        inputs: &VaeInputs<'_>,
        config: &VaeConfig,
        train: &TrainConfig,
        validation: &ValidationConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
        progress: &mut dyn FnMut(&EpochRecord) -> ControlFlow<()>,
    ) -> Result<ValidatedFit, Error> {
        validation.check()?;
        config.check()?;
        let [kept, held_out] = split(config, cells, inputs, validation.fraction, rng)?;
        crate::inputs::check_cells(config.n_genes, counts, &held_out.cells)?;
        let n_monitored = held_out.cells.len().min(kept.cells.len()).min(MONITORED_CELLS);
        let first: Vec<usize> = (0..n_monitored).collect();
        let monitored = Part::new(config, &kept.cells, &kept.inputs(), &first);
        let kept_inputs = kept.inputs();
        let mut trainer =
            Trainer::new(counts, &kept.cells, &kept_inputs, config, train, rng, device)?;
        let per_epoch = (kept.cells.len() / train.batch).max(1);
        let mut history: Vec<EpochRecord> = Vec::new();
        let mut best: Option<(usize, f64, Vae)> = None;
        let mut stopped = StopReason::Finished;
        while trainer.steps_done() < train.steps {
            let step = trainer.steps_done() + 1;
            if let Err(error) = trainer.step() {
                if best.is_none() {
                    return Err(error);
                }
                stopped = StopReason::Diverged { step };
                break;
            }
            if step % per_epoch != 0 && step != train.steps {
                continue;
            }
            let vae = trainer.model();
            let epoch = history.len() + 1;
            let record = EpochRecord {
                epoch,
                step,
                learning_rate: trainer.learning_rate(),
                train: monitored.bound(&vae, counts)?,
                validation: held_out.bound(&vae, counts)?,
            };
            history.push(record);
            let bound = record.validation.total();
            let is_better = best.as_ref().is_none_or(|(_, b, _)| bound > b + validation.min_delta);
            if is_better && bound.is_finite() {
                best = Some((epoch, bound, vae));
            }
            if progress(&record).is_break() {
                return Err(Error::Interrupted { step });
            }
            let waited = epoch - best.as_ref().map_or(0, |(epoch, ..)| *epoch);
            if validation.patience.is_some_and(|patience| waited >= patience) {
                stopped = StopReason::NoImprovement;
                break;
            }
        }
        drop(trainer);
        let Some((best_epoch, _, mut vae)) = best else {
            let loss = history.last().map_or(f64::NAN, |record| -record.validation.total());
            return Err(Error::NonFiniteLoss { step: train.steps, loss });
        };
        vae.calibrate_library(counts, &kept.cells, &kept_inputs, rng)?;
        Ok(ValidatedFit {
            vae,
            history,
            best_epoch,
            stopped,
            train_cells: kept.cells.clone(),
            validation_cells: held_out.cells,
        })
    }
}
