//! A vector for each target: what was learned of it, blended with what is known of it.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use pert_core::ChaCha8Rng;
use pert_nn::{LinearInit, linear};

use super::tokens::TokenBatch;

/// e = E[id] + W f + b: the learned id on top of the features. E starts at zero, so that before training, and for a gene
/// that training says nothing about, the features speak alone; row 0 belongs to the null id.
#[derive(Module, Debug)]
pub(super) struct TokenEmbedding {
    /// `[1 + n_seen, d_token]`.
    ids: Param<Tensor<2>>,
    features: Option<Linear>,
}

impl TokenEmbedding {
    pub fn new(
        n_seen: usize,
        d_features: usize,
        d_token: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let features = (d_features > 0)
            .then(|| linear(d_features, d_token, LinearInit::KaimingUniform, rng, device));
        let ids = Param::from_tensor(Tensor::zeros([1 + n_seen, d_token], device));
        Self { ids, features }
    }

    /// # Shapes
    /// Output: `[n, n_tokens, d_token]`; what stands at padding has no meaning.
    pub fn forward(&self, batch: &TokenBatch) -> Tensor<3> {
        let [_, d_token] = self.ids.dims();
        let ids = self.ids.val().select(0, batch.ids()); // [n · n_tokens, d_token]
        let ids = ids.reshape([batch.n(), batch.n_tokens(), d_token]);
        match (&self.features, batch.features()) {
            (Some(linear), Some(features)) => ids + linear.forward(features),
            _ => ids,
        }
    }
}
