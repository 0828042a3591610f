//! The sizes that every transformer of the family has.

use std::path::Path;

use super::error::PretrainedError;

/// Sizes of the layers, by the names of `config.json`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sizes {
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub layer_norm_eps: f64,
}

impl Sizes {
    /// Whether a network of these sizes can be built; `path` is for messages.
    pub fn check(&self, path: &Path) -> Result<(), PretrainedError> {
        for (field, value, range, expected) in [
            ("hidden_size", self.hidden_size, 2..=16_384, "2 to 16384"),
            ("num_hidden_layers", self.num_hidden_layers, 1..=256, "1 to 256"),
            ("intermediate_size", self.intermediate_size, 1..=65_536, "1 to 65536"),
        ] {
            if !range.contains(&value) {
                return Err(PretrainedError::config(path, field, expected, value));
            }
        }
        let heads = self.num_attention_heads;
        if heads == 0 || !self.hidden_size.is_multiple_of(heads) {
            let found = format!("{heads} with a hidden_size of {}", self.hidden_size);
            let expected = "a number that divides hidden_size";
            return Err(PretrainedError::config(path, "num_attention_heads", expected, found));
        }
        let epsilon = self.layer_norm_eps;
        if !(epsilon > 0.0 && epsilon <= 1.0) {
            let expected = "above 0 and at most 1";
            return Err(PretrainedError::config(path, "layer_norm_eps", expected, epsilon));
        }
        Ok(())
    }

    /// Numbers of the layers, and of `n_embedded` rows of embeddings.
    pub fn n_parameters(&self, n_embedded: usize) -> u64 {
        let (d, inner) = (self.hidden_size as u64, self.intermediate_size as u64);
        let products = 4 * (d * d + d) + 2 * d * inner + inner + d;
        let norms = 4 * d;
        self.num_hidden_layers as u64 * (products + norms) + n_embedded as u64 * d
    }
}
