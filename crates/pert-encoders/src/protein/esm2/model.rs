//! The network: embedding, layers, language-model head.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use pert_nn::ops::{Rotary, gelu};
use sha2::{Digest, Sha256};

use super::config::Esm2Config;
use super::vocabulary::{CLS, EOS, MASK, PAD, TOKENS, token};
use super::windows::{Window, windows};
use crate::pretrained::{
    Dense, Layers, Norm, NormPlace, PretrainedError, Weights, host, map_rows, padding, read_text,
    read_weights, sum_of_rows, transposed,
};
use crate::protein::error::ProteinError;
use crate::protein::sequence::ProteinSequence;

/// Before every name of the network where the file holds a head beside it.
const PREFIX: &str = "esm.";

/// Share of tokens that were masked in training and replaced by `<mask>`: 0.15 · 0.8 (Rives et al. 2021, appendix). With token
/// dropout, embeddings are scaled as if this share were missing.
const MASKED_IN_TRAINING: f32 = 0.15 * 0.8;

/// A frozen ESM-2 network (Lin et al. 2023): what it makes of each residue of a protein, and which residues it expects.
///
/// With x the embeddings: x ← x + W_o attention(LN(x)); x ← x + W₂ GELU(W₁ LN(x)) per layer, then a last LN. Attention has rotary
/// positions (Su et al. 2021) and sees the whole sequence.
///
/// [`load`](Self::load) reads a folder with `config.json` and `model.safetensors` as `transformers` writes them for
/// `EsmForMaskedLM` or `EsmModel`; all published sizes have this layout ([`Esm2Config`]). Nothing is downloaded.
pub struct Esm2 {
    folder: PathBuf,
    config: Esm2Config,
    identity: [u8; 32],
    device: Device,
    /// `[33, width]`
    embeddings: Vec<f32>,
    embedding_norm: Option<Norm>,
    layers: Layers,
    last_norm: Norm,
    rotary: Rotary,
    head: Option<Head>,
}

/// The language-model head; its product is tied to the embeddings unless the file has another.
struct Head {
    dense: Dense,
    norm: Norm,
    decoder: Tensor<2>,
    bias: Tensor<1>,
}

impl std::fmt::Debug for Esm2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Esm2").field("folder", &self.folder).field("config", &self.config).finish()
    }
}

impl Esm2 {
    /// Reads a network from a folder onto a device.
    ///
    /// Heads for classification and contacts are left out. Without the language-model head, [`logits`](Self::logits) is `None`.
    ///
    /// # Errors
    /// [`PretrainedError`]: a file that cannot be read, those of [`Esm2Config::from_json`], weights much larger than the
    /// configuration says, or a tensor that is missing, not finite, or of another shape than expected.
    pub fn load(folder: impl AsRef<Path>, device: &Device) -> Result<Self, PretrainedError> {
        let folder = folder.as_ref();
        let path = folder.join("config.json");
        let text = read_text(&path)?;
        let config = Esm2Config::from_json(&text, &path)?;
        let sizes = config.sizes();
        let path = folder.join("model.safetensors");
        let bytes = read_weights(&path, &sizes, TOKENS.len())?;
        let weights = Weights::parse(&path, &bytes, PREFIX)?;
        let shape = [TOKENS.len(), config.hidden_size];
        let embeddings = weights.values(&["embeddings.word_embeddings.weight"], &shape)?;
        let embedding_norm = match config.emb_layer_norm_before {
            Some(true) => Some(weights.norm("embeddings.layer_norm", &sizes, device)?),
            _ => None,
        };
        Ok(Self {
            layers: Layers::load(&weights, &sizes, NormPlace::Before, device)?,
            last_norm: weights.norm("encoder.emb_layer_norm_after", &sizes, device)?,
            rotary: rotary(&weights, &config)?,
            head: Head::load(&weights, &config, &embeddings, device)?,
            identity: identity(&text, &bytes),
            folder: folder.to_owned(),
            device: device.clone(),
            config,
            embeddings,
            embedding_norm,
        })
    }

    /// The sizes.
    pub fn config(&self) -> &Esm2Config {
        &self.config
    }

    /// The folder it was read from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// SHA-256 over configuration and weights.
    pub fn identity(&self) -> [u8; 32] {
        self.identity
    }

    /// Numbers per residue.
    pub fn width(&self) -> usize {
        self.config.hidden_size
    }

    /// The tokens of a protein between `<cls>` and `<eos>`; of J, which has none, `<unk>`.
    pub fn tokens(letters: &[u8]) -> Vec<u8> {
        let residues = letters.iter().map(|letter| token(*letter));
        std::iter::once(CLS).chain(residues).chain(std::iter::once(EOS)).collect()
    }

    /// The states of tokens behind the last norm; shorter rows are padded, and their padding is seen by no other position.
    ///
    /// # Shapes
    /// - tokens: n rows, none empty; output: `[n, longest row, width]`
    ///
    /// # Panics
    /// For a row without tokens, or a token beyond the vocabulary.
    pub fn forward(&self, tokens: &[Vec<u8>]) -> Tensor<3> {
        assert!(tokens.iter().all(|row| !row.is_empty()), "every row has a token");
        let (n, d) = (tokens.len(), self.width());
        let longest = tokens.iter().map(Vec::len).max().unwrap_or(0);
        let padding = padding(tokens, longest, &self.device);
        let mut x = self.embed(tokens, longest); // [n · longest, d]
        if let Some(norm) = &self.embedding_norm {
            x = norm.forward(x);
            if let Some(padding) = &padding {
                let seen = padding.clone().neg().add_scalar(1.0).reshape([n * longest, 1]);
                x = x * seen;
            }
        }
        let x = self.layers.forward(x, [n, longest], Some(&self.rotary), padding.as_ref());
        self.last_norm.forward(x).reshape([n, longest, d])
    }

    /// Embeddings, scaled for the share of `<mask>`; zero for `<mask>` and `<pad>`. `[n · longest, width]`
    fn embed(&self, tokens: &[Vec<u8>], longest: usize) -> Tensor<2> {
        let d = self.width();
        let mut values = vec![0.0; tokens.len() * longest * d];
        let dropout = self.config.token_dropout == Some(true);
        for (row, values) in tokens.iter().zip(values.chunks_exact_mut((longest * d).max(1))) {
            let masked = row.iter().filter(|token| **token == MASK).count();
            let scale = if dropout {
                (1.0 - MASKED_IN_TRAINING) / (1.0 - masked as f32 / row.len() as f32)
            } else {
                1.0
            };
            for (token, values) in row.iter().zip(values.chunks_exact_mut(d)) {
                let hidden = *token == PAD || (dropout && *token == MASK);
                if !hidden {
                    let embedding = &self.embeddings[usize::from(*token) * d..][..d];
                    values.iter_mut().zip(embedding).for_each(|(x, e)| *x = scale * e);
                }
            }
        }
        Tensor::from_data(TensorData::new(values, [tokens.len() * longest, d]), &self.device)
    }

    /// What the language-model head makes of states: a logit for each token, nats; `None` without head.
    ///
    /// # Shapes
    /// - states: `[n, width]`; output: `[n, 33]`
    pub fn logits(&self, states: Tensor<2>) -> Option<Tensor<2>> {
        let head = self.head.as_ref()?;
        let x = head.norm.forward(gelu(head.dense.forward(states)));
        let bias = Some(head.bias.clone());
        Some(burn::tensor::module::linear(x, head.decoder.clone(), bias))
    }

    /// Whether there is a language-model head.
    pub fn has_head(&self) -> bool {
        self.head.is_some()
    }

    /// The states of every residue of a protein, without those of `<cls>` and `<eos>`, `[n_residues, width]` row-major.
    ///
    /// A protein longer than [`Esm2Config::longest_window`] is read in windows of that length that start every half of it,
    /// the last one ending with the protein; each residue's state is from the window whose middle is nearest.
    ///
    /// # Errors
    /// [`ProteinError::NothingLeft`] for a protein without residue.
    pub fn residue_states(&self, protein: &ProteinSequence) -> Result<Vec<f32>, ProteinError> {
        if protein.is_empty() {
            return Err(ProteinError::NothingLeft { variant: "the protein".into() });
        }
        let windows = self.windows(protein.len());
        let rows: Vec<Vec<u8>> =
            windows.iter().map(|w| Self::tokens(&protein.letters()[w.span.clone()])).collect();
        let parts = self.map_states(&rows, |i, states| self.owned(&windows[i], states).to_vec());
        Ok(parts.concat())
    }

    /// The mean of rows of states, in f64. `[width]`
    pub fn mean(&self, states: &[f32]) -> Vec<f64> {
        let n = states.len() / self.width();
        self.sum(states).into_iter().map(|sum| sum / n as f64).collect()
    }

    pub(super) fn sum(&self, states: &[f32]) -> Vec<f64> {
        sum_of_rows(states, self.width())
    }

    pub(super) fn windows(&self, length: usize) -> Vec<Window> {
        windows(length, self.config.longest_window())
    }

    /// Of the states of a window's tokens, those of the residues it owns.
    pub(super) fn owned<'a>(&self, window: &Window, states: &'a [f32]) -> &'a [f32] {
        let d = self.width();
        let first = window.owned.start - window.span.start + 1; // behind <cls>
        &states[first * d..(first + window.owned.len()) * d]
    }

    /// Log probabilities of the 33 tokens at rows of states, `[n, 33]`; `None` without head.
    pub(super) fn log_probabilities(&self, states: &[f32]) -> Option<Vec<f32>> {
        let n = states.len() / self.width();
        let data = TensorData::new(states.to_vec(), [n, self.width()]);
        let logits = self.logits(Tensor::from_data(data, &self.device))?;
        Some(host(burn::tensor::activation::log_softmax(logits, 1)))
    }

    /// Applies `reduce` to the states of every row's tokens, `[n_tokens, width]`, in order.
    pub(super) fn map_states<R: Send>(
        &self,
        rows: &[Vec<u8>],
        reduce: impl Fn(usize, &[f32]) -> R + Sync,
    ) -> Vec<R> {
        map_rows(rows, &self.device, |rows| self.forward(rows), reduce)
    }
}

impl Head {
    fn load(
        weights: &Weights<'_>,
        config: &Esm2Config,
        embeddings: &[f32],
        device: &Device,
    ) -> Result<Option<Self>, PretrainedError> {
        if !weights.has("lm_head.dense.weight") {
            return Ok(None);
        }
        let shape = [TOKENS.len(), config.hidden_size];
        let decoder = if weights.has("lm_head.decoder.weight") {
            transposed(&weights.values(&["lm_head.decoder.weight"], &shape)?, shape, device)
        } else {
            transposed(embeddings, shape, device)
        };
        let bias = weights.values(&["lm_head.bias", "lm_head.decoder.bias"], &[TOKENS.len()])?;
        Ok(Some(Self {
            dense: weights.dense("lm_head.dense", [config.hidden_size; 2], device)?,
            norm: weights.norm("lm_head.layer_norm", &config.sizes(), device)?,
            decoder,
            bias: Tensor::from_data(TensorData::new(bias, [TOKENS.len()]), device),
        }))
    }
}

/// The angles that the file holds, for they may have been rounded in training; else those of the base.
fn rotary(weights: &Weights<'_>, config: &Esm2Config) -> Result<Rotary, PretrainedError> {
    // By version of `transformers`: one for all layers, of the first layer, of all layers under one name.
    let names = ["", "encoder.layer.0.attention.self.", "encoder.layer.*.attention.self."]
        .map(|at| format!("{at}rotary_embeddings.inv_freq"));
    let names = names.each_ref().map(String::as_str);
    if names.iter().any(|name| weights.has(name)) {
        let stored = weights.values(&names, &[config.d_head() / 2])?;
        return Ok(Rotary::from_inverse_frequencies(stored));
    }
    Ok(Rotary::new(config.rope_theta, config.d_head()))
}

/// The identity of weights and their configuration.
fn identity(config: &str, weights: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((config.len() as u64).to_le_bytes());
    hash.update(config);
    hash.update(weights);
    hash.finalize().into()
}
