//! Training of the SMILES network.

use std::ops::ControlFlow;

use burn::optim::GradientsParams;
use burn::tensor::Device;
use pert_core::{ChaCha8Rng, RngState};
use pert_nn::ops::kl_normal_standard;
use pert_nn::{
    AdamW, AdamWConfig, Epochs, OneCycle, TrainingState, clip_and_norm, standard_normal, uniform,
};

use super::config::{SmilesVaeConfig, SmilesVaeTrainConfig};
use super::model::{SmilesVae, plain, reconstruction_loss};
use super::network::{Network, before, one_hot, without_end};
use super::tokens::Vocabulary;
use crate::molecule::MoleculeError;

/// What a step of a [`SmilesVaeTrainer`] costs, means over its molecules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmilesTrainStep {
    /// Steps done, counted from 1.
    pub step: usize,
    /// Steps planned.
    pub total: usize,
    /// −log p(x|z), nats per molecule.
    pub reconstruction: f64,
    /// KL(q(z|x) ‖ N(0, I)), nats per molecule, unweighted.
    pub kl: f64,
}

/// A [`SmilesVae`] in training: one optimiser step at a time.
///
/// The loss is −log p(x|z) + w · KL(q(z|x) ‖ N(0, I)) with z ~ q(z|x); w rises to
/// [`kl_weight`](SmilesVaeTrainConfig::kl_weight). Molecules of like length make a batch, so that little is computed for the
/// places behind their ends; the batches stay the same, their order is drawn anew for every pass.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_encoders::{SmilesVaeConfig, SmilesVaeTrainConfig, SmilesVaeTrainer};
///
/// let molecules = ["CCO", "CCN", "CCC", "CCCC"].map(str::to_owned);
/// let config = SmilesVaeConfig { d_latent: 2, d_hidden: 8, longest: 10, ..Default::default() };
/// let train = SmilesVaeTrainConfig {
///     steps: 2,
///     held_out: 0.25,
///     least_molecules: 1,
///     ..Default::default()
/// };
/// let mut rng = seeded_rng(0, "smiles vae");
/// let mut trainer =
///     SmilesVaeTrainer::new(&molecules, &config, &train, &mut rng, &Device::default())?;
/// while trainer.steps_done() < train.steps {
///     assert!(trainer.step()?.reconstruction > 0.0);
/// }
/// let (vae, held_out) = trainer.finish();
/// assert_eq!(vae.encode(&held_out)?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SmilesVaeTrainer<'a> {
    config: SmilesVaeConfig,
    train: SmilesVaeTrainConfig,
    vocabulary: Vocabulary,
    /// Numbers of tokens, by rising length.
    molecules: Vec<Vec<usize>>,
    held_out: Vec<String>,
    n_left_out: usize,
    network: Network,
    optimizer: AdamW,
    rng: &'a mut ChaCha8Rng,
    device: Device,
    /// Over batches.
    epochs: Epochs,
    step: usize,
}

impl<'a> SmilesVaeTrainer<'a> {
    /// Checks everything, holds molecules out and draws the first weights.
    ///
    /// `molecules` are canonical SMILES, each once ([`SmilesCorpus`](super::SmilesCorpus)). Left out are those of more tokens
    /// than [`longest`](SmilesVaeConfig::longest) or with a token that fewer than
    /// [`least_molecules`](SmilesVaeTrainConfig::least_molecules) have; [`Self::n_left_out`] counts them.
    ///
    /// # Errors
    /// Settings out of range; [`MoleculeError::Nothing`] when no molecule is left to learn from.
    pub fn new(
        molecules: &[String],
        config: &SmilesVaeConfig,
        train: &SmilesVaeTrainConfig,
        rng: &'a mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, MoleculeError> {
        config.check()?;
        train.check()?;
        let vocabulary = Vocabulary::of(molecules, train.least_molecules);
        let read = |smiles| vocabulary.numbers(smiles, config.longest).ok();
        let kept: Vec<(&String, Vec<usize>)> =
            molecules.iter().filter_map(|s| Some((s, read(s)?))).collect();
        let n_left_out = molecules.len() - kept.len();
        let n_held_out = (kept.len() as f64 * train.held_out) as usize;
        if kept.len() == n_held_out {
            return Err(MoleculeError::Nothing { what: "molecules" });
        }
        // One pass over all in one batch is a permutation.
        let order = Epochs::new(kept.len(), kept.len()).next(rng).to_vec();
        let (out, learned) = order.split_at(n_held_out);
        let held_out = out.iter().map(|&i| kept[i].0.clone()).collect();
        let mut molecules: Vec<Vec<usize>> = learned.iter().map(|&i| kept[i].1.clone()).collect();
        molecules.sort_by_key(Vec::len);
        let device = device.clone().autodiff();
        let network = Network::init(config, vocabulary.len(), rng, &device);
        let epochs = Epochs::new(molecules.len().div_ceil(train.batch), 1);
        Ok(Self {
            config: *config,
            train: *train,
            vocabulary,
            molecules,
            held_out,
            n_left_out,
            network,
            // Without weight decay it is Adam.
            optimizer: AdamWConfig { weight_decay: 0.0, ..AdamWConfig::default() }.init(),
            rng,
            device,
            epochs,
            step: 0,
        })
    }

    /// One optimiser step on the next batch.
    ///
    /// # Errors
    /// [`MoleculeError::NonFiniteLoss`]; the weights are then those before the step.
    pub fn step(&mut self) -> Result<SmilesTrainStep, MoleculeError> {
        let batch = self.epochs.next(self.rng)[0];
        let molecules: Vec<&[usize]> = self
            .molecules
            .iter()
            .skip(batch * self.train.batch)
            .take(self.train.batch)
            .map(Vec::as_slice)
            .collect();
        let n = molecules.len();
        let t = molecules.iter().map(|molecule| molecule.len() + 1).max().unwrap_or(1);
        let n_places = self.config.n_places();
        let wanted = one_hot(&molecules, t, self.vocabulary.len(), &self.device);
        let tokens = without_end(wanted.clone());
        let posterior = self.network.encode(tokens.clone(), n_places);
        let noise = standard_normal([n, self.config.d_latent], self.rng, &self.device);
        let deviation = posterior.log_variance.clone().mul_scalar(0.5).exp();
        let z = posterior.mean.clone().add(deviation.mul(noise));
        let kept = uniform([n, t, 1], 0.0, 1.0, self.rng, &self.device)
            .greater_equal_elem(self.train.token_dropout)
            .float();
        let logits = self.network.decode(z, before(tokens).mul(kept), n_places);
        let reconstruction = reconstruction_loss(logits, wanted).div_scalar(n as f64);
        let kl = kl_normal_standard(posterior.mean, posterior.log_variance).sum();
        let kl = kl.div_scalar(n as f64);
        let weight = self.train.kl_weight_at(self.step);
        let loss = reconstruction.clone().add(kl.clone().mul_scalar(weight));
        let value = f64::from(loss.clone().inner().into_scalar::<f32>());
        if !value.is_finite() {
            return Err(MoleculeError::NonFiniteLoss { step: self.step + 1, loss: value });
        }
        let grads = GradientsParams::from_grads(loss.backward(), &self.network);
        let (grads, norm) = clip_and_norm(grads, &self.network, self.train.clip);
        if !norm.is_finite() {
            return Err(MoleculeError::NonFiniteLoss { step: self.step + 1, loss: norm });
        }
        let rate = OneCycle::new(self.train.learning_rate, self.train.steps).rate(self.step);
        self.network = self.optimizer.step(rate, self.network.clone(), grads);
        self.step += 1;
        Ok(SmilesTrainStep {
            step: self.step,
            total: self.train.steps,
            reconstruction: f64::from(reconstruction.inner().into_scalar::<f32>()),
            kl: f64::from(kl.inner().into_scalar::<f32>()),
        })
    }

    /// Optimiser steps done.
    pub fn steps_done(&self) -> usize {
        self.step
    }

    /// How many molecules are learned from.
    pub fn n_molecules(&self) -> usize {
        self.molecules.len()
    }

    /// How many molecules were too long or had a rare token.
    pub fn n_left_out(&self) -> usize {
        self.n_left_out
    }

    /// The molecules held out.
    pub fn held_out(&self) -> &[String] {
        &self.held_out
    }

    /// The network after the steps done.
    pub fn model(&self) -> SmilesVae {
        SmilesVae {
            config: self.config,
            vocabulary: self.vocabulary.clone(),
            network: plain(&self.network),
            device: self.device.clone().without_autodiff(),
        }
    }

    /// What a trainer of the same molecules and settings needs to go on from here.
    pub fn state(&self) -> TrainingState {
        let rng = RngState::of(self.rng);
        TrainingState::of(&self.network, &self.optimizer, &self.epochs, rng, self.step)
    }

    /// Goes on from a state written down: on a CPU the steps that follow are those that would have followed then, to the last
    /// bit.
    ///
    /// # Errors
    /// [`MoleculeError::Network`] for a state that does not fit; the trainer must then not be used.
    pub fn restore(&mut self, state: &TrainingState) -> Result<(), MoleculeError> {
        state.check_steps(self.train.steps)?;
        self.network =
            state.restore(self.network.clone(), &mut self.optimizer, &mut self.epochs)?;
        *self.rng = state.rng.rng();
        self.step = state.n_steps;
        Ok(())
    }

    /// Ends the training: the network, and the molecules that were held out.
    pub fn finish(self) -> (SmilesVae, Vec<String>) {
        (self.model(), self.held_out)
    }
}

impl SmilesVae {
    /// Trains a network; gives it with the molecules that were held out.
    ///
    /// # Errors
    /// As [`SmilesVaeTrainer::new`] and [`SmilesVaeTrainer::step`]; [`MoleculeError::Interrupted`] when `progress` breaks.
    pub fn fit(
        molecules: &[String],
        config: &SmilesVaeConfig,
        train: &SmilesVaeTrainConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
        progress: &mut dyn FnMut(SmilesTrainStep) -> ControlFlow<()>,
    ) -> Result<(Self, Vec<String>), MoleculeError> {
        let mut trainer = SmilesVaeTrainer::new(molecules, config, train, rng, device)?;
        while trainer.steps_done() < train.steps {
            let step = trainer.step()?;
            if progress(step).is_break() {
                return Err(MoleculeError::Interrupted { step: step.step });
            }
        }
        Ok(trainer.finish())
    }
}

#[cfg(test)]
mod tests {
    use pert_core::seeded_rng;

    use super::*;

    const SMALL: SmilesVaeConfig =
        SmilesVaeConfig { d_latent: 16, d_hidden: 32, n_layers: 2, longest: 12 };

    fn molecules() -> Vec<String> {
        let ends = ["O", "N", "Cl", "Br", "S", "F", "C#N", "[nH+]"];
        let chains = ["C", "CC", "CCC", "C=C", "CCCC", "C(C)C", "CCCCC", "C=CC"];
        ends.iter()
            .flat_map(|end| chains.iter().map(move |chain| format!("{chain}{end}")))
            .collect()
    }

    fn settings(steps: usize) -> SmilesVaeTrainConfig {
        SmilesVaeTrainConfig {
            steps,
            batch: 16,
            learning_rate: 1e-2,
            least_molecules: 2,
            token_dropout: 0.0,
            ..Default::default()
        }
    }

    #[test]
    fn a_few_molecules_are_learned_by_heart() {
        let (rng, device) = (&mut seeded_rng(0, "smiles vae"), Device::default());
        let train = SmilesVaeTrainConfig { held_out: 0.0, ..settings(400) };
        let (vae, held_out) =
            SmilesVae::fit(&molecules(), &SMALL, &train, rng, &device, &mut |_| {
                ControlFlow::Continue(())
            })
            .unwrap();
        assert!(held_out.is_empty());
        let found = vae.reconstruction(&molecules()).unwrap();
        assert!(found.exact > 0.9 && found.token_accuracy > 0.97, "{found:?}");
        let z = vae.encode(&["CCCl", "CC=C"]).unwrap();
        assert_eq!(vae.decode(&z)[0], "CCCl");
        let sampled = vae.sample(20, &mut seeded_rng(1, "sample"));
        assert_eq!(sampled.len(), 20);
        assert_eq!(sampled, vae.sample(20, &mut seeded_rng(1, "sample")));
        // Known by heart, and read alone or beside others to the same bits.
        assert_eq!(vae.encode(&["CCCl"]).unwrap(), z[..16]);

        let state = serde_json::to_string(&vae.state()).unwrap();
        let weights = vae.to_safetensors().unwrap();
        let again = SmilesVae::from_state(serde_json::from_str(&state).unwrap(), &weights, &device)
            .unwrap();
        assert_eq!(again.encode(&["CCCl", "CC=C"]).unwrap(), z);
        assert!(SmilesVae::from_state(vae.state(), &weights[..100], &device).is_err());
        let wider = state.replace("\"d_latent\":16", "\"d_latent\":17");
        let wider = serde_json::from_str(&wider).unwrap();
        let error = SmilesVae::from_state(wider, &weights, &device).unwrap_err().to_string();
        assert!(error.contains("posterior") || error.contains("places"), "{error}");
    }

    #[test]
    fn the_same_seed_gives_the_same_weights_and_a_state_restores_them() {
        let (molecules, train, device) = (molecules(), settings(6), Device::default());
        let mut first = seeded_rng(3, "smiles vae");
        let mut trainer =
            SmilesVaeTrainer::new(&molecules, &SMALL, &train, &mut first, &device).unwrap();
        assert_eq!(trainer.n_molecules() + trainer.held_out().len(), molecules.len());
        for _ in 0..3 {
            trainer.step().unwrap();
        }
        let state = TrainingState::from_bytes(&trainer.state().to_bytes().unwrap()).unwrap();
        for _ in 0..3 {
            trainer.step().unwrap();
        }
        let weights = trainer.model().to_safetensors().unwrap();

        let mut second = seeded_rng(3, "smiles vae");
        let mut again =
            SmilesVaeTrainer::new(&molecules, &SMALL, &train, &mut second, &device).unwrap();
        again.restore(&state).unwrap();
        while again.steps_done() < 6 {
            again.step().unwrap();
        }
        assert_eq!(again.model().to_safetensors().unwrap(), weights);
    }

    #[test]
    fn what_cannot_be_trained_is_refused() {
        let (rng, device) = (&mut seeded_rng(0, "smiles vae"), Device::default());
        let none: Vec<String> = Vec::new();
        let refused =
            SmilesVaeTrainer::new(&none, &SMALL, &settings(1), rng, &device).err().unwrap();
        assert!(refused.to_string().contains("no molecules"));
        let rare = SmilesVaeTrainConfig { least_molecules: 1000, ..settings(1) };
        assert!(SmilesVaeTrainer::new(&molecules(), &SMALL, &rare, rng, &device).is_err());
        let short = SmilesVaeConfig { longest: 3, ..SMALL };
        let trainer =
            SmilesVaeTrainer::new(&molecules(), &short, &settings(1), rng, &device).unwrap();
        assert!(trainer.n_left_out() > 0 && trainer.n_molecules() > 0);
        let unknown = trainer.model().encode(&["CCI"]).unwrap_err().to_string();
        assert!(unknown.contains("\"I\" at byte 3"), "{unknown}");
    }
}
