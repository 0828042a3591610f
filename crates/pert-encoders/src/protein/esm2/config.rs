//! The sizes of an ESM-2 network, as `config.json` gives them.

use std::path::Path;

use serde::Deserialize;

use super::vocabulary::{MASK, PAD, TOKENS};
use crate::pretrained::{PretrainedError, Sizes, parse_config};

/// What stands in `model_type`.
const MODEL_TYPE: &str = "esm";

/// Tokens of a sequence that are no residues, and the two position numbers that padding takes in the layout.
const NO_RESIDUES: usize = 4;

/// The sizes of a network in the layout of `transformers`' `EsmConfig`; what else stands in the file is not read.
///
/// | published | layers | width | heads |
/// |---|---|---|---|
/// | `esm2_t6_8M` | 6 | 320 | 20 |
/// | `esm2_t12_35M` | 12 | 480 | 20 |
/// | `esm2_t30_150M` | 30 | 640 | 20 |
/// | `esm2_t33_650M` | 33 | 1280 | 20 |
/// | `esm2_t36_3B` | 36 | 2560 | 40 |
/// | `esm2_t48_15B` | 48 | 5120 | 40 |
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Esm2Config {
    /// Numbers per residue, 2 to 16,384, divided by the heads into even parts.
    pub hidden_size: usize,
    /// Layers, 1 to 256.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Width between the two products of a layer, 1 to 65,536.
    pub intermediate_size: usize,
    /// Number of tokens: 33.
    pub vocab_size: usize,
    /// Tokens read at once, and two; 6 to 100,002. Default: 1,026, with which the published models were trained.
    #[serde(default = "published_positions")]
    pub max_position_embeddings: usize,
    /// Added to variances. Default: that of `transformers`; the published models have 1e-5.
    #[serde(default = "default_epsilon")]
    pub layer_norm_eps: f64,
    /// Must be `rotary`.
    #[serde(default = "default_positions")]
    pub position_embedding_type: String,
    /// The base of the rotary angles.
    #[serde(default = "default_theta")]
    pub rope_theta: f64,
    /// Whether embeddings are normalised before the first layer; no ESM-2 does.
    #[serde(default)]
    pub emb_layer_norm_before: Option<bool>,
    /// Whether embeddings are scaled for the share of masked tokens, as in training; every ESM-2 does.
    #[serde(default)]
    pub token_dropout: Option<bool>,
    /// Whether positions see only those before them; must be false.
    #[serde(default)]
    is_decoder: Option<bool>,
    #[serde(default)]
    mask_token_id: Option<usize>,
    #[serde(default)]
    pad_token_id: Option<usize>,
    #[serde(default)]
    vocab_list: Option<Vec<String>>,
}

fn published_positions() -> usize {
    1026
}

fn default_epsilon() -> f64 {
    1e-12
}

fn default_positions() -> String {
    "absolute".to_owned()
}

fn default_theta() -> f64 {
    10_000.0
}

impl Esm2Config {
    /// Reads the text of a `config.json` and checks it; `path` is for messages.
    ///
    /// # Errors
    /// [`PretrainedError::BadConfig`] for what is no such text or lacks a field, [`PretrainedError::Config`] naming the field and
    /// what it must be, `model_type` first.
    pub fn from_json(text: &str, path: &Path) -> Result<Self, PretrainedError> {
        let config: Self = parse_config(text, path, MODEL_TYPE)?;
        config.check(path)?;
        Ok(config)
    }

    fn check(&self, path: &Path) -> Result<(), PretrainedError> {
        let bad = |field, expected: &str, found: String| {
            PretrainedError::config(path, field, expected, found)
        };
        self.sizes().check(path)?;
        for (field, value, range, expected) in [
            ("vocab_size", self.vocab_size, TOKENS.len()..=TOKENS.len(), "33"),
            ("max_position_embeddings", self.max_position_embeddings, 6..=100_002, "6 to 100002"),
        ] {
            if !range.contains(&value) {
                return Err(bad(field, expected, value.to_string()));
            }
        }
        let heads = self.num_attention_heads;
        if !self.hidden_size.is_multiple_of(2 * heads) {
            let found = format!("{heads} with a hidden_size of {}", self.hidden_size);
            let expected = "a number that divides hidden_size into even parts";
            return Err(bad("num_attention_heads", expected, found));
        }
        if self.position_embedding_type != "rotary" {
            let expected = "\"rotary\"; ESM-1 and others are not read";
            let found = format!("{:?}", self.position_embedding_type);
            return Err(bad("position_embedding_type", expected, found));
        }
        if !(self.rope_theta > 1.0 && self.rope_theta <= 1e12) {
            return Err(bad("rope_theta", "above 1 and at most 1e12", self.rope_theta.to_string()));
        }
        if self.is_decoder == Some(true) {
            return Err(bad("is_decoder", "false", "true".into()));
        }
        for (field, value, token) in
            [("mask_token_id", self.mask_token_id, MASK), ("pad_token_id", self.pad_token_id, PAD)]
        {
            if value.is_some_and(|value| value != usize::from(token)) {
                let found = value.map(|v| v.to_string()).unwrap_or_default();
                return Err(bad(field, &token.to_string(), found));
            }
        }
        if let Some(list) = &self.vocab_list
            && list.iter().map(String::as_str).ne(TOKENS)
        {
            let found = format!("{} other tokens", list.len());
            return Err(bad("vocab_list", "the 33 tokens of ESM-2", found));
        }
        Ok(())
    }

    /// Residues read at once: 1,022 for the published models.
    pub fn longest_window(&self) -> usize {
        self.max_position_embeddings - NO_RESIDUES
    }

    pub(super) fn sizes(&self) -> Sizes {
        Sizes {
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            intermediate_size: self.intermediate_size,
            layer_norm_eps: self.layer_norm_eps,
        }
    }

    /// Width of a head.
    pub fn d_head(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(change: serde_json::Value) -> Result<Esm2Config, String> {
        let mut text = json!({
            "model_type": "esm", "hidden_size": 320, "num_hidden_layers": 6, "num_attention_heads": 20,
            "intermediate_size": 1280, "vocab_size": 33, "position_embedding_type": "rotary",
            "layer_norm_eps": 1e-5, "emb_layer_norm_before": null, "vocab_list": null,
        });
        let changes = change.as_object().unwrap().clone();
        text.as_object_mut().unwrap().extend(changes);
        Esm2Config::from_json(&text.to_string(), Path::new("config.json"))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn published_sizes_are_read() {
        let config = read(json!({"unknown": [1, 2], "esmfold_config": null})).unwrap();
        assert_eq!((config.longest_window(), config.d_head()), (1022, 16));
    }

    #[test]
    fn what_cannot_be_built_is_named_with_its_range() {
        for (change, words) in [
            (json!({"model_type": "roberta"}), "model_type must be \"esm\", found \"roberta\""),
            (json!({"hidden_size": 0}), "hidden_size must be 2 to 16384, found 0"),
            (json!({"hidden_size": 4_000_000_000u64}), "hidden_size must be"),
            (json!({"hidden_size": -1}), "-1"),
            (json!({"num_hidden_layers": 1_000_000}), "num_hidden_layers must be 1 to 256"),
            (json!({"num_attention_heads": 0}), "num_attention_heads"),
            (json!({"num_attention_heads": 64}), "64 with a hidden_size of 320"),
            (json!({"intermediate_size": 1u64 << 40}), "intermediate_size"),
            (json!({"vocab_size": 30522}), "vocab_size must be 33, found 30522"),
            (json!({"position_embedding_type": "absolute"}), "rotary"),
            (json!({"layer_norm_eps": 0.0}), "layer_norm_eps"),
            (json!({"rope_theta": 0.5}), "rope_theta"),
            (json!({"is_decoder": true}), "is_decoder"),
            (json!({"mask_token_id": 4}), "mask_token_id must be 32, found 4"),
            (json!({"vocab_list": ["A"]}), "vocab_list"),
            (json!({"max_position_embeddings": 3}), "max_position_embeddings"),
            (json!({"num_hidden_layers": "six"}), "six"),
        ] {
            let message = read(change.clone()).unwrap_err();
            assert!(
                message.contains(words) && message.contains("config.json"),
                "{change}: {message}"
            );
        }
        let error = Esm2Config::from_json("{\"model_type\": \"esm\"}", Path::new("config.json"))
            .unwrap_err();
        assert!(error.to_string().contains("hidden_size"), "{error}");
    }
}
