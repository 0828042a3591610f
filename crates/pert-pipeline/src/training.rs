//! One stage of a fit: optimiser steps with progress, interruption and checkpoints.

use burn::tensor::Device;
use pert_core::{CsrCounts, seeded_rng};
use pert_decoder::{TrainConfig, Trainer, Vae, VaeConfig, VaeInputs};
use pert_diffusion::PriorTrainer;
use pert_nn::TrainingState;

use crate::Error;
use crate::checkpoints::Checkpoints;
use crate::progress::Progress;

/// A network in training.
pub(crate) trait Training {
    /// One optimiser step; returns the loss.
    fn step(&mut self) -> Result<f64, Error>;
    /// Optimiser steps done.
    fn steps_done(&self) -> usize;
    /// Whether the training itself found that further steps are of no use.
    fn stopped_early(&self) -> bool;
    fn state(&self) -> TrainingState;
    fn restore(&mut self, state: &TrainingState) -> Result<(), Error>;
}

macro_rules! training {
    ($($trainer:ty, $stopped_early:expr;)+) => {$(
        impl Training for $trainer {
            fn step(&mut self) -> Result<f64, Error> {
                Ok(self.step()?)
            }

            fn steps_done(&self) -> usize {
                self.steps_done()
            }

            fn stopped_early(&self) -> bool {
                $stopped_early(self)
            }

            fn state(&self) -> TrainingState {
                self.state()
            }

            fn restore(&mut self, state: &TrainingState) -> Result<(), Error> {
                Ok(self.restore(state)?)
            }
        }
    )+};
}

training! {
    Trainer<'_>, |_: &Self| false;
    PriorTrainer<'_>, Self::stopped_early;
}

/// Trains up to `total` steps, from the last checkpoint of the stage where there is one.
pub(crate) fn train(
    stage: &'static str,
    total: usize,
    training: &mut dyn Training,
    checkpoints: &mut Checkpoints,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let is_done =
        |training: &dyn Training| training.steps_done() == total || training.stopped_early();
    if let Some(state) = checkpoints.load(stage, total)? {
        training.restore(&state)?;
        progress.note(&if is_done(training) {
            format!("the {stage} is trained already")
        } else {
            format!("the {stage} goes on after step {} of {total}", state.n_steps)
        });
    }
    if is_done(training) {
        return Ok(());
    }
    progress.begin(&format!("training the {stage}"), total);
    while !is_done(training) {
        let loss = training.step()?;
        let step = training.steps_done();
        if progress.step(step, Some(loss)).is_break() {
            checkpoints.save(stage, &training.state())?;
            return Err(match checkpoints.folder() {
                Some(folder) => Error::Unfinished { stage, step, total, folder: folder.to_owned() },
                None => Error::Interrupted,
            });
        }
        // Also at the end: what is trained need not be trained again.
        if checkpoints.is_due() || is_done(training) {
            checkpoints.save(stage, &training.state())?;
        }
    }
    progress.end();
    Ok(())
}

/// Trains a VAE on the chosen rows of `counts`.
#[allow(clippy::too_many_arguments, reason = "data, settings, randomness, device, run")]
pub(crate) fn train_vae(
    stage: &'static str,
    (counts, cells): (&CsrCounts, &[usize]),
    inputs: &VaeInputs<'_>,
    (model, training): (&VaeConfig, &TrainConfig),
    seed: u64,
    device: &Device,
    checkpoints: &mut Checkpoints,
    progress: &mut dyn Progress,
) -> Result<Vae, Error> {
    let mut rng = seeded_rng(seed, stage);
    let mut trainer = Trainer::new(counts, cells, inputs, model, training, &mut rng, device)?;
    train(stage, training.steps, &mut trainer, checkpoints, progress)?;
    Ok(trainer.finish()?)
}
