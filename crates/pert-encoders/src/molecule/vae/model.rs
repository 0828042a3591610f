//! The trained network.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData, activation};
use pert_core::{ChaCha8Rng, seeded_rng};
use pert_nn::{from_safetensors, standard_normal, to_safetensors, uniform};
use serde::{Deserialize, Serialize};

use super::config::SmilesVaeConfig;
use super::network::{Network, before, one_hot, without_end};
use super::tokens::{END, Vocabulary};
use crate::molecule::{MoleculeError, SmilesNetwork};
use crate::{Error, Molecule};

/// The version of [`SmilesVaeState`] written and read here.
const STATE_FORMAT: u32 = 1;

/// Molecules that pass the network at once outside training.
const BLOCK: usize = 128;

/// Uniform numbers are kept this far from 0 and 1, where the logarithms of Gumbel noise end.
const GUMBEL_MARGIN: f32 = 1e-6;

/// A variational autoencoder of SMILES (Gómez-Bombarelli et al., *ACS Cent. Sci.* 4, 268, 2018; as the perturbation encoder of
/// PerturbNet, Yu & Welch 2022): q(z|x) a Gaussian, p(x|z) token by token.
///
/// Both halves are convolutions over tokens, so that training does not go through a molecule step by step. It is trained by
/// [`SmilesVaeTrainer`](super::SmilesVaeTrainer) and stored as [`SmilesVaeState`] and safetensors.
#[derive(Debug, Clone)]
pub struct SmilesVae {
    pub(super) config: SmilesVaeConfig,
    pub(super) vocabulary: Vocabulary,
    pub(super) network: Network,
    pub(super) device: Device,
}

/// Everything of a [`SmilesVae`] but its weights, for JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmilesVaeState {
    format: u32,
    config: SmilesVaeConfig,
    vocabulary: Vocabulary,
}

/// How well molecules come back through the latent mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reconstruction {
    /// Molecules judged.
    pub n: usize,
    /// Share of tokens, the end included, that are the most probable where those before them are the right ones.
    pub token_accuracy: f64,
    /// Share of molecules that come back letter by letter when each token is the most probable behind those decoded.
    pub exact: f64,
}

impl SmilesVae {
    /// Its settings.
    pub fn config(&self) -> &SmilesVaeConfig {
        &self.config
    }

    /// Whether the network can read a molecule.
    ///
    /// # Errors
    /// [`MoleculeError::UnknownToken`], [`MoleculeError::TooManyTokens`].
    pub fn check(&self, canonical: &str) -> Result<(), MoleculeError> {
        self.vocabulary.numbers(canonical, self.config.longest).map(drop)
    }

    /// The latent means of molecules given by canonical SMILES.
    ///
    /// # Shapes
    /// - output: `[molecules.len(), d_latent]`, row-major; a row does not depend on those beside it, to the last bit
    ///
    /// # Errors
    /// [`MoleculeError::UnknownToken`], [`MoleculeError::TooManyTokens`].
    pub fn encode<S: AsRef<str>>(&self, molecules: &[S]) -> Result<Vec<f32>, MoleculeError> {
        let mut means = Vec::with_capacity(molecules.len() * self.config.d_latent);
        for smiles in molecules {
            let numbers = self.numbers(smiles.as_ref())?;
            // Alone: products of many rows may add up in another order than those of few.
            means.extend(self.means(&[&numbers]).into_data().iter::<f32>());
        }
        Ok(means)
    }

    /// The molecules at points of the latent space, each token the most probable behind those before it. They need not be
    /// valid.
    ///
    /// # Shapes
    /// - z: `[n, d_latent]`, row-major; a rest that fills no row is left out
    pub fn decode(&self, z: &[f32]) -> Vec<String> {
        let d_latent = self.config.d_latent;
        let blocks = z.chunks(BLOCK * d_latent).filter(|block| block.len() >= d_latent);
        let decoded = blocks.flat_map(|block| {
            let n = block.len() / d_latent;
            let z = TensorData::new(block[..n * d_latent].to_vec(), [n, d_latent]);
            self.unroll(Tensor::from_data(z, &self.device), |logits| logits)
        });
        decoded.map(|numbers| self.vocabulary.text(&numbers)).collect()
    }

    /// Molecules from z ~ N(0, I), each token drawn from its probabilities.
    pub fn sample(&self, n: usize, rng: &mut ChaCha8Rng) -> Vec<String> {
        let mut sampled = Vec::with_capacity(n);
        while sampled.len() < n {
            let n_block = BLOCK.min(n - sampled.len());
            let z = standard_normal([n_block, self.config.d_latent], rng, &self.device);
            // The largest of logits plus Gumbel noise is a draw from their softmax.
            let drawn = self.unroll(z, |logits| {
                let range = (GUMBEL_MARGIN, 1.0 - GUMBEL_MARGIN);
                let u = uniform(logits.dims(), range.0, range.1, rng, &self.device);
                logits.sub(u.log().neg().log())
            });
            sampled.extend(drawn.into_iter().map(|numbers| self.vocabulary.text(&numbers)));
        }
        sampled
    }

    /// How well molecules, by canonical SMILES, come back.
    ///
    /// # Errors
    /// [`MoleculeError::Nothing`] without any; what [`Self::encode`] finds.
    pub fn reconstruction<S: AsRef<str>>(
        &self,
        molecules: &[S],
    ) -> Result<Reconstruction, MoleculeError> {
        if molecules.is_empty() {
            return Err(MoleculeError::Nothing { what: "molecules to reconstruct" });
        }
        let (mut n_tokens, mut n_right, mut n_exact) = (0usize, 0.0, 0);
        for block in molecules.chunks(BLOCK) {
            let numbers: Vec<Vec<usize>> =
                block.iter().map(|s| self.numbers(s.as_ref())).collect::<Result<_, _>>()?;
            let numbers: Vec<&[usize]> = numbers.iter().map(Vec::as_slice).collect();
            let z = self.means(&numbers);
            let wanted = self.one_hot(&numbers);
            let logits = self.network.decode(
                z.clone(),
                before(without_end(wanted.clone())),
                self.config.n_places(),
            );
            let is_wanted = wanted.clone().sum_dim(2); // [n, t, 1]
            let right = logits.argmax(2).equal(wanted.argmax(2)).float().mul(is_wanted);
            n_right += f64::from(right.sum().into_scalar::<f32>());
            n_tokens += numbers.iter().map(|molecule| molecule.len() + 1).sum::<usize>();
            let decoded = self.unroll(z, |logits| logits);
            let is_same = |(found, wanted): &(&Vec<usize>, &&[usize])| {
                found.iter().take_while(|&&token| token != END).eq(wanted.iter())
            };
            n_exact += decoded.iter().zip(&numbers).filter(is_same).count();
        }
        let n = molecules.len();
        let token_accuracy = n_right / n_tokens as f64;
        Ok(Reconstruction { n, token_accuracy, exact: n_exact as f64 / n as f64 })
    }

    /// Everything but the weights.
    pub fn state(&self) -> SmilesVaeState {
        SmilesVaeState {
            format: STATE_FORMAT,
            config: self.config,
            vocabulary: self.vocabulary.clone(),
        }
    }

    /// The weights as a safetensors file.
    ///
    /// # Errors
    /// [`MoleculeError::Network`] when the writer refuses a tensor.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, MoleculeError> {
        Ok(to_safetensors(&self.network)?)
    }

    /// The network that was written down.
    ///
    /// # Errors
    /// [`MoleculeError::BadState`] for another format or a vocabulary out of order; settings out of range;
    /// [`MoleculeError::Network`] for weights that do not fit, naming the tensor.
    pub fn from_state(
        state: SmilesVaeState,
        weights: &[u8],
        device: &Device,
    ) -> Result<Self, MoleculeError> {
        let SmilesVaeState { format, config, vocabulary } = state;
        let bad = |reason: String| Err(MoleculeError::BadState { what: "SMILES network", reason });
        if format != STATE_FORMAT {
            return bad(format!("it has format {format}, this version reads {STATE_FORMAT}"));
        }
        if !vocabulary.is_sound() {
            return bad("its tokens are not sorted".to_owned());
        }
        config.check()?;
        let device = device.clone().without_autodiff();
        let first = &mut seeded_rng(0, "smiles vae");
        let network = Network::init(&config, vocabulary.len(), first, &device);
        let network = from_safetensors(network, weights)?;
        Ok(Self { config, vocabulary, network, device })
    }

    fn numbers(&self, canonical: &str) -> Result<Vec<usize>, MoleculeError> {
        self.vocabulary.numbers(canonical, self.config.longest)
    }

    /// `[n, t, n_tokens]`, t the tokens of the longest and its end.
    fn one_hot(&self, molecules: &[&[usize]]) -> Tensor<3> {
        let t = molecules.iter().map(|molecule| molecule.len() + 1).max().unwrap_or(1);
        one_hot(molecules, t, self.vocabulary.len(), &self.device)
    }

    fn means(&self, molecules: &[&[usize]]) -> Tensor<2> {
        self.network.encode(without_end(self.one_hot(molecules)), self.config.n_places()).mean
    }

    /// Decodes token by token; `choose` turns logits, `[n, n_tokens]`, into scores whose largest is taken.
    fn unroll(
        &self,
        z: Tensor<2>,
        mut choose: impl FnMut(Tensor<2>) -> Tensor<2>,
    ) -> Vec<Vec<usize>> {
        let (n, n_places) = (z.dims()[0], self.config.n_places());
        let mut molecules: Vec<Vec<usize>> = vec![Vec::new(); n];
        let mut has_ended = vec![false; n];
        let mut unrolling = self.network.unroll(z, n_places);
        for _ in 0..n_places {
            // Zeros where there is no token before, or the end.
            let last: Vec<&[usize]> =
                molecules.iter().map(|tokens| &tokens[tokens.len().saturating_sub(1)..]).collect();
            let before = without_end(one_hot(&last, 1, self.vocabulary.len(), &self.device));
            let scores = choose(unrolling.next(before)); // [n, n_tokens]
            let chosen: Vec<i64> = scores.argmax(1).into_data().iter::<i64>().collect();
            for (place, chosen) in chosen.into_iter().enumerate() {
                has_ended[place] |= chosen as usize == END;
                if !has_ended[place] {
                    molecules[place].push(chosen as usize);
                }
            }
            if has_ended.iter().all(|&ended| ended) {
                break;
            }
        }
        molecules
    }
}

/// The share of texts that are molecules, by [`Molecule::parse`].
pub fn share_of_valid<S: AsRef<str>>(smiles: &[S]) -> f64 {
    let n_valid = smiles.iter().filter(|text| Molecule::parse(text.as_ref()).is_ok()).count();
    n_valid as f64 / smiles.len().max(1) as f64
}

/// −log p(x|z) summed over tokens and molecules, nats, `[1]`.
pub(super) fn reconstruction_loss(logits: Tensor<3>, wanted: Tensor<3>) -> Tensor<1> {
    activation::log_softmax(logits, 2).mul(wanted).sum().neg()
}

/// The network of a training without what only training needs.
pub(super) fn plain(network: &Network) -> Network {
    network.valid()
}
impl SmilesNetwork for SmilesVae {
    fn dim(&self) -> usize {
        self.config.d_latent
    }

    fn what(&self) -> &'static str {
        "latent"
    }

    fn check_smiles(&self, canonical: &str) -> Result<(), Error> {
        Ok(self.check(canonical)?)
    }

    fn encode_smiles(&self, canonical: &[&str]) -> Result<Vec<f32>, Error> {
        Ok(self.encode(canonical)?)
    }
}
