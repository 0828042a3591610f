//! The network: embeddings, layers, what they make of a molecule.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};

use super::config::RobertaConfig;
use super::tokenizer::Tokenizer;
use super::tokenizer_files::{bad, read_tokenizer};
use crate::molecule::{MoleculeError, SmilesNetwork};
use crate::pretrained::{
    Layers, Norm, NormPlace, PretrainedError, Weights, map_rows, padding, read_text, read_weights,
    sum_of_rows,
};
use crate::{EncodedSets, Error};

/// Before every name of the network where the file holds a head beside it.
const PREFIX: &str = "roberta.";

/// A frozen RoBERTa network over SMILES (Liu et al. 2019; ChemBERTa, Chithrananda et al. 2020; ChemBERTa-2, Ahmad et al. 2022).
///
/// x = LN(token + position + segment); per layer x ← LN(x + W_o attention(x)); x ← LN(x + W₂ GELU(W₁ x)). Positions count from
/// `pad_token_id` + 1. As a [`SmilesNetwork`], a row is the mean of the last states over the tokens of the molecule, without the first
/// and the last one.
///
/// [`load`](Self::load) reads a folder in the layout of `transformers`, with the files of the published ChemBERTa models:
///
/// | file | |
/// |---|---|
/// | `config.json` | `model_type` `"roberta"`, [`RobertaConfig`] |
/// | `model.safetensors` | 32-bit weights, of `RobertaModel` or with any head, which is left out |
/// | `tokenizer.json` | byte-level pairs (`BPE` behind `ByteLevel`); or in its place the next two |
/// | `vocab.json`, `merges.txt` | the same in two files; `merges.txt` may hold no pair, as that of `ChemBERTa-77M` |
/// | `tokenizer_config.json`, `special_tokens_map.json` | beside those, optional: `cls_token` and `sep_token`; default `<s>` and `</s>` |
///
/// Other tokenizers (WordLevel, WordPiece, DeepChem's `SmilesTokenizer` of a `vocab.txt`) are refused. A letter without a token is
/// left out, or becomes the token for unknown ones where `tokenizer.json` has one, as with `transformers`: then molecules that differ
/// there only have one row. [`remark`](SmilesNetwork::remark) says which letters these are. Nothing is downloaded.
pub struct Roberta {
    folder: PathBuf,
    config: RobertaConfig,
    tokenizer: Tokenizer,
    device: Device,
    /// `[vocab_size, width]`
    words: Vec<f32>,
    /// `[max_position_embeddings, width]`, the first segment added.
    positions: Vec<f32>,
    embedding_norm: Norm,
    layers: Layers,
}

impl std::fmt::Debug for Roberta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (folder, config) = (&self.folder, &self.config);
        f.debug_struct("Roberta").field("folder", folder).field("config", config).finish()
    }
}

impl Roberta {
    /// Reads a network from a folder onto a device.
    ///
    /// # Errors
    /// [`PretrainedError`]: a file that cannot be read, those of [`RobertaConfig::from_json`], a tokenizer of another kind or with
    /// tokens beyond `vocab_size`, weights much larger than the configuration says, or a tensor that is missing, not finite, or of
    /// another shape than expected.
    pub fn load(folder: impl AsRef<Path>, device: &Device) -> Result<Self, PretrainedError> {
        let folder = folder.as_ref();
        let path = folder.join("config.json");
        let config = RobertaConfig::from_json(&read_text(&path)?, &path)?;
        let tokenizer = read_tokenizer(folder)?;
        if let Some((token, number)) = tokenizer.beyond(config.vocab_size) {
            let size = config.vocab_size;
            let reason =
                format!("{token:?} has number {number}, config.json a vocab_size of {size}");
            return Err(bad(folder, reason));
        }
        let sizes = config.sizes();
        let (d, n_positions) = (config.hidden_size, config.max_position_embeddings);
        let n_embedded = config.vocab_size + n_positions + config.type_vocab_size;
        let path = folder.join("model.safetensors");
        let bytes = read_weights(&path, &sizes, n_embedded)?;
        let weights = Weights::parse(&path, &bytes, PREFIX)?;
        let embeddings = |kind: &str, n| {
            weights.values(&[&format!("embeddings.{kind}_embeddings.weight")], &[n, d])
        };
        let mut positions = embeddings("position", n_positions)?;
        let segments = embeddings("token_type", config.type_vocab_size)?;
        for position in positions.chunks_exact_mut(d) {
            position.iter_mut().zip(&segments[..d]).for_each(|(p, s)| *p += s);
        }
        Ok(Self {
            words: embeddings("word", config.vocab_size)?,
            positions,
            embedding_norm: weights.norm("embeddings.LayerNorm", &sizes, device)?,
            layers: Layers::load(&weights, &sizes, NormPlace::After, device)?,
            folder: folder.to_owned(),
            device: device.clone(),
            tokenizer,
            config,
        })
    }

    /// The sizes.
    pub fn config(&self) -> &RobertaConfig {
        &self.config
    }

    /// The folder it was read from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Numbers per token.
    pub fn width(&self) -> usize {
        self.config.hidden_size
    }

    /// The tokens of a SMILES as it is spelled, the first and the last one included. What is written like a special token is read as
    /// text.
    ///
    /// # Errors
    /// [`Error::BadSmiles`] for what is empty, longer than [`LONGEST_SMILES`](crate::LONGEST_SMILES), or has signs that no SMILES
    /// has; [`MoleculeError::NoTokens`] where no letter has a token; [`MoleculeError::TooManyTokens`] naming both lengths:
    /// nothing is cut off.
    pub fn tokens(&self, smiles: &str) -> Result<Vec<u32>, Error> {
        let tokens = self.tokenizer.tokens(smiles).map_err(|refusal| refusal.of(smiles))?;
        let (found, longest) = (tokens.len() - 2, self.config.longest());
        let smiles = || smiles.to_owned();
        match found {
            0 => Err(MoleculeError::NoTokens { smiles: smiles() }.into()),
            _ if found > longest => {
                Err(MoleculeError::TooManyTokens { smiles: smiles(), found, longest }.into())
            }
            _ => Ok(tokens),
        }
    }

    /// The states of tokens behind the last layer; shorter rows are padded, and their padding is seen by no other token.
    ///
    /// # Shapes
    /// - tokens: n rows, none empty; output: `[n, longest row, width]`, without meaning behind the end of a row
    ///
    /// # Panics
    /// For a row without tokens or with more than there are positions, or a token beyond the vocabulary.
    pub fn forward(&self, tokens: &[Vec<u32>]) -> Tensor<3> {
        assert!(tokens.iter().all(|row| !row.is_empty()), "every row has a token");
        let (n, d) = (tokens.len(), self.width());
        let longest = tokens.iter().map(Vec::len).max().unwrap_or(0);
        let padding = padding(tokens, longest, &self.device);
        let x = self.embedding_norm.forward(self.embed(tokens, longest)); // [n · longest, d]
        let x = self.layers.forward(x, [n, longest], None, padding.as_ref());
        x.reshape([n, longest, d])
    }

    /// Embeddings before the first norm, zero for padding. `[n · longest, width]`
    fn embed(&self, tokens: &[Vec<u32>], longest: usize) -> Tensor<2> {
        let (d, padding) = (self.width(), self.config.pad_token_id);
        let mut values = vec![0.0; tokens.len() * longest * d];
        for (row, values) in tokens.iter().zip(values.chunks_exact_mut((longest * d).max(1))) {
            let mut position = padding;
            for (token, values) in row.iter().map(|t| *t as usize).zip(values.chunks_exact_mut(d)) {
                // A padding token within a row has the position of padding, and those behind it go on counting.
                let at = if token == padding {
                    padding
                } else {
                    position += 1;
                    position
                };
                let (word, place) = (&self.words[token * d..][..d], &self.positions[at * d..][..d]);
                values.iter_mut().zip(word).zip(place).for_each(|((x, w), p)| *x = w + p);
            }
        }
        Tensor::from_data(TensorData::new(values, [tokens.len() * longest, d]), &self.device)
    }

    /// The states of every token of each SMILES, without the first and the last one, padded and with a mask.
    ///
    /// # Errors
    /// Those of [`tokens`](Self::tokens).
    pub fn token_states(&self, smiles: &[&str]) -> Result<EncodedSets, Error> {
        let states = self.map_states(smiles, <[f32]>::to_vec)?;
        let (n, dim) = (smiles.len(), self.width());
        let n_tokens = states.iter().map(|states| states.len() / dim).max().unwrap_or(0);
        let mut tokens = vec![0.0; n * n_tokens * dim];
        let mut is_token = vec![false; n * n_tokens];
        for (i, states) in states.iter().enumerate() {
            let to = &mut tokens[i * n_tokens * dim..];
            to.iter_mut().zip(states).for_each(|(to, state)| *to = f64::from(*state));
            is_token[i * n_tokens..][..states.len() / dim].fill(true);
        }
        Ok(EncodedSets { n, dim, n_tokens, tokens, is_token })
    }

    /// Applies `reduce` to the states of the tokens of each molecule, `[n_tokens, width]`, without the first and the last one.
    fn map_states<R: Send>(
        &self,
        smiles: &[&str],
        reduce: impl Fn(&[f32]) -> R + Sync,
    ) -> Result<Vec<R>, Error> {
        let rows: Vec<Vec<u32>> =
            smiles.iter().map(|smiles| self.tokens(smiles)).collect::<Result<_, _>>()?;
        let d = self.width();
        Ok(map_rows(
            &rows,
            &self.device,
            |rows| self.forward(rows),
            |_, states| reduce(&states[d..states.len() - d]),
        ))
    }
}

impl SmilesNetwork for Roberta {
    fn dim(&self) -> usize {
        self.width()
    }

    fn what(&self) -> &'static str {
        "state"
    }

    fn check_smiles(&self, canonical: &str) -> Result<(), Error> {
        self.tokens(canonical).map(drop)
    }

    /// The mean over the tokens of the molecule, summed in f64.
    fn encode_smiles(&self, canonical: &[&str]) -> Result<Vec<f32>, Error> {
        let d = self.width();
        let mean = |states: &[f32]| {
            let n = (states.len() / d) as f64;
            sum_of_rows(states, d).into_iter().map(move |sum| (sum / n) as f32).collect()
        };
        Ok(self.map_states::<Vec<f32>>(canonical, mean)?.concat())
    }

    fn remark(&self) -> Option<String> {
        let letters: Vec<String> = self.tokenizer.without_token().map(String::from).collect();
        let fate = match self.tokenizer.leaves_out() {
            true => "left out of a SMILES",
            false => "read as one unknown token",
        };
        (!letters.is_empty()).then(|| {
            format!(
                "{} has no token for {}: as with `transformers`, they are {fate}, and molecules that differ in them only have one row",
                self.folder.display(),
                letters.join(" ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn networks_cross_threads() {
        fn check<T: Send + Sync>() {}
        check::<super::Roberta>();
    }
}
