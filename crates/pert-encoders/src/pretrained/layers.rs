//! The layers of a transformer that sees the whole row.

use burn::tensor::{Device, Tensor};
use pert_nn::ops::{Rotary, attention, gelu};

use super::error::PretrainedError;
use super::sizes::Sizes;
use super::weights::{Dense, Norm, Weights};

/// Where a layer normalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NormPlace {
    /// What is read: x ← x + f(LN(x)).
    Before,
    /// What is written: x ← LN(x + f(x)).
    After,
}

impl NormPlace {
    /// Names of the norms of attention and of the two products, as `transformers` gives them.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Before => ["attention.LayerNorm", "LayerNorm"],
            Self::After => ["attention.output.LayerNorm", "output.LayerNorm"],
        }
    }
}

/// Layers of f(x) = W_o attention(x), then f(x) = W₂ GELU(W₁ x), each with a residual and a layer norm.
pub(crate) struct Layers {
    place: NormPlace,
    n_heads: usize,
    layers: Vec<Layer>,
}

struct Layer {
    attention_norm: Norm,
    query: Dense,
    key: Dense,
    value: Dense,
    attention_output: Dense,
    mlp_norm: Norm,
    hidden: Dense,
    output: Dense,
}

impl Layers {
    /// Takes the layers out of a file.
    pub fn load(
        weights: &Weights<'_>,
        sizes: &Sizes,
        place: NormPlace,
        device: &Device,
    ) -> Result<Self, PretrainedError> {
        let (d, inner) = (sizes.hidden_size, sizes.intermediate_size);
        let [attention_norm, mlp_norm] = place.names();
        let layer = |i: usize| {
            let name = |part: &str| format!("encoder.layer.{i}.{part}");
            let dense = |part: &str, sizes| weights.dense(&name(part), sizes, device);
            let norm = |part: &str| weights.norm(&name(part), sizes, device);
            Ok(Layer {
                attention_norm: norm(attention_norm)?,
                query: dense("attention.self.query", [d, d])?,
                key: dense("attention.self.key", [d, d])?,
                value: dense("attention.self.value", [d, d])?,
                attention_output: dense("attention.output.dense", [d, d])?,
                mlp_norm: norm(mlp_norm)?,
                hidden: dense("intermediate.dense", [d, inner])?,
                output: dense("output.dense", [inner, d])?,
            })
        };
        let layers = (0..sizes.num_hidden_layers).map(layer).collect::<Result<_, _>>()?;
        Ok(Self { place, n_heads: sizes.num_attention_heads, layers })
    }

    /// The states behind the last layer; `padding` is 1 where a place must not be seen.
    ///
    /// # Shapes
    /// - x, output: `[n · n_positions, width]`, padding: `[n, n_positions]`
    pub fn forward(
        &self,
        mut x: Tensor<2>,
        [n, n_positions]: [usize; 2],
        rotary: Option<&Rotary>,
        padding: Option<&Tensor<2>>,
    ) -> Tensor<2> {
        let d = x.dims()[1];
        for layer in &self.layers {
            let gather = |x: Tensor<2>| {
                let part = |dense: &Dense| dense.forward(x.clone()).reshape([n, n_positions, d]);
                let (q, k, v) = (part(&layer.query), part(&layer.key), part(&layer.value));
                drop(x);
                let gathered = attention(q, k, v, self.n_heads, rotary, padding.cloned());
                layer.attention_output.forward(gathered.reshape([n * n_positions, d]))
            };
            x = self.residual(x, &layer.attention_norm, gather);
            let mlp = |x| layer.output.forward(gelu(layer.hidden.forward(x)));
            x = self.residual(x, &layer.mlp_norm, mlp);
        }
        x
    }

    fn residual(
        &self,
        x: Tensor<2>,
        norm: &Norm,
        f: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        match self.place {
            NormPlace::Before => x.clone() + f(norm.forward(x)),
            NormPlace::After => norm.forward(x.clone() + f(x)),
        }
    }
}
