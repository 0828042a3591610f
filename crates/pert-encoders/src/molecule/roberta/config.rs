//! The sizes of a RoBERTa network, as `config.json` gives them.

use std::path::Path;

use serde::Deserialize;

use crate::pretrained::{PretrainedError, Sizes, parse_config};

/// What stands in `model_type`.
const MODEL_TYPE: &str = "roberta";

/// Tokens of a molecule that are no part of it: the first and the last.
const NO_PARTS: usize = 2;

/// The sizes of a network in the layout of `transformers`' `RobertaConfig`; what else stands in the file is not read.
///
/// | published | layers | width | heads | tokens |
/// |---|---|---|---|---|
/// | `seyonec/ChemBERTa-zinc-base-v1` | 6 | 768 | 12 | pairs of bytes |
/// | `DeepChem/ChemBERTa-77M-MLM`, `-MTR` | 3 | 384 | 12 | letters |
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RobertaConfig {
    /// Numbers per token, 2 to 16,384, divided by the heads.
    pub hidden_size: usize,
    /// Layers, 1 to 256.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Width between the two products of a layer, 1 to 65,536.
    pub intermediate_size: usize,
    /// Rows of the table of tokens, 4 to 1,000,000; may be more than the tokenizer has.
    pub vocab_size: usize,
    /// Rows of the table of positions, of which those up to `pad_token_id` are of no token; at most 100,000.
    pub max_position_embeddings: usize,
    /// Rows of the table of segments, of which the first is used. Default: that of `transformers`, 2.
    #[serde(default = "default_types")]
    pub type_vocab_size: usize,
    /// The padding token, behind whose number positions begin. Default: 1.
    #[serde(default = "default_padding")]
    pub pad_token_id: usize,
    /// Added to variances. Default: that of `transformers`.
    #[serde(default = "default_epsilon")]
    pub layer_norm_eps: f64,
    /// Must be `gelu`, the exact one.
    #[serde(default = "default_activation")]
    pub hidden_act: String,
    /// Must be `absolute`.
    #[serde(default = "default_positions")]
    pub position_embedding_type: String,
    /// Whether positions see only those before them; must be false.
    #[serde(default)]
    is_decoder: Option<bool>,
}

fn default_types() -> usize {
    2
}

fn default_padding() -> usize {
    1
}

fn default_epsilon() -> f64 {
    1e-12
}

fn default_activation() -> String {
    "gelu".to_owned()
}

fn default_positions() -> String {
    "absolute".to_owned()
}

impl RobertaConfig {
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
        self.sizes().check(path)?;
        let least = self.pad_token_id.saturating_add(NO_PARTS + 2);
        for (field, value, least, most) in [
            ("vocab_size", self.vocab_size, 4, 1_000_000),
            ("pad_token_id", self.pad_token_id, 0, self.vocab_size.saturating_sub(1)),
            ("max_position_embeddings", self.max_position_embeddings, least, 100_000),
            ("type_vocab_size", self.type_vocab_size, 1, 1_000),
        ] {
            if value < least || value > most {
                let expected = format!("{least} to {most}");
                return Err(PretrainedError::config(path, field, expected, value));
            }
        }
        for (field, value, expected) in [
            ("hidden_act", &self.hidden_act, "gelu"),
            ("position_embedding_type", &self.position_embedding_type, "absolute"),
        ] {
            if value != expected {
                let (expected, found) = (format!("{expected:?}"), format!("{value:?}"));
                return Err(PretrainedError::config(path, field, expected, found));
            }
        }
        if self.is_decoder == Some(true) {
            return Err(PretrainedError::config(path, "is_decoder", "false", true));
        }
        Ok(())
    }

    /// The most tokens of a molecule, the first and the last left out: 511 for `ChemBERTa-77M`.
    pub fn longest(&self) -> usize {
        self.max_position_embeddings - self.pad_token_id - 1 - NO_PARTS
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(change: serde_json::Value) -> Result<RobertaConfig, String> {
        let mut text = json!({
            "model_type": "roberta", "hidden_size": 384, "num_hidden_layers": 3, "num_attention_heads": 12,
            "intermediate_size": 464, "vocab_size": 600, "max_position_embeddings": 515,
            "type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-12,
        });
        for (field, value) in change.as_object().unwrap().clone() {
            match value.is_null() {
                true => text.as_object_mut().unwrap().remove(&field),
                false => text.as_object_mut().unwrap().insert(field, value),
            };
        }
        RobertaConfig::from_json(&text.to_string(), Path::new("config.json"))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn published_sizes_are_read() {
        let config = read(json!({"is_gpu": true, "problem_type": [1]})).unwrap();
        assert_eq!(config.longest(), 511);
        let defaults =
            json!({"type_vocab_size": null, "pad_token_id": null, "layer_norm_eps": null});
        let config = read(defaults).unwrap();
        assert_eq!((config.type_vocab_size, config.pad_token_id), (2, 1));
    }

    #[test]
    fn what_cannot_be_built_is_named() {
        for (change, words) in [
            (json!({"model_type": "esm"}), "model_type must be \"roberta\", found \"esm\""),
            (json!({"model_type": null}), "model_type must be \"roberta\", found nothing"),
            // Of another network, whose other fields have other names.
            (json!({"model_type": "t5", "hidden_size": null}), "found \"t5\""),
            (json!({"hidden_size": null}), "missing field `hidden_size`"),
            (json!({"max_position_embeddings": null}), "missing field `max_position_embeddings`"),
            (json!({"hidden_size": -1}), "-1"),
            (json!({"num_attention_heads": 7}), "7 with a hidden_size of 384"),
            (json!({"intermediate_size": 1u64 << 40}), "intermediate_size must be"),
            (json!({"vocab_size": 0}), "vocab_size must be 4 to 1000000, found 0"),
            (json!({"vocab_size": 1u64 << 40}), "vocab_size"),
            (json!({"pad_token_id": 600}), "pad_token_id must be 0 to 599, found 600"),
            (json!({"max_position_embeddings": 4}), "must be 5 to 100000, found 4"),
            (json!({"type_vocab_size": 0}), "type_vocab_size"),
            (json!({"layer_norm_eps": -1e-5}), "layer_norm_eps"),
            (json!({"hidden_act": "gelu_new"}), "must be \"gelu\", found \"gelu_new\""),
            (json!({"position_embedding_type": "relative_key"}), "\"absolute\""),
            (json!({"is_decoder": true}), "is_decoder"),
        ] {
            let error = read(change.clone()).unwrap_err();
            assert!(error.contains(words) && error.contains("config.json"), "{change}: {error}");
        }
        let no_json = RobertaConfig::from_json("[", Path::new("c")).unwrap_err().to_string();
        assert!(no_json.contains("no readable configuration"), "{no_json}");
    }
}
