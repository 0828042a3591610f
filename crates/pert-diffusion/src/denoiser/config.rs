//! Which network, and of what size.

use std::fmt;

use burn::tensor::Device;
use rand_chacha::ChaCha8Rng;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::mlp::MlpDenoiserConfig;
use super::network::PriorDenoiser;
use super::transformer::TransformerDenoiserConfig;
use crate::error::Error;

/// Widths of what a denoiser is given.
///
/// ```
/// use pert_diffusion::DenoiserShape;
/// // Rows of 10 dimensions under conditions of width 50, 1000 steps, no tokens, 3 columns of covariates.
/// let shape = DenoiserShape { d_cov: 3, ..DenoiserShape::new(10, 50, 1000) };
/// assert_eq!((shape.d, shape.d_token), (10, 0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenoiserShape {
    /// Width of the rows, at least 1.
    pub d: usize,
    /// Width of the pooled condition, at least 1.
    pub d_cond: usize,
    /// Width of the covariates; 0: none.
    pub d_cov: usize,
    /// Width of the perturbation tokens; 0: none.
    pub d_token: usize,
    /// Number of diffusion steps T, at least 1.
    pub n_steps: usize,
}

impl DenoiserShape {
    /// Rows of width `d` under pooled conditions of width `d_cond`, without covariates and tokens.
    pub fn new(d: usize, d_cond: usize, n_steps: usize) -> Self {
        Self { d, d_cond, d_cov: 0, d_token: 0, n_steps }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        for (name, size) in [("d", self.d), ("d_cond", self.d_cond)] {
            if size == 0 {
                return Err(Error::setting(name, "at least 1", size));
            }
        }
        Ok(())
    }
}

/// The denoiser of a [`Prior`](crate::Prior): which network, and its sizes.
///
/// In a file: a name (`"mlp"`, `"transformer"`), or a table with `kind` and sizes; without `kind` it is an MLP.
///
/// ```
/// use pert_diffusion::{DenoiserConfig, MlpDenoiserConfig, TransformerDenoiserConfig};
/// let read = |text: &str| serde_json::from_str::<DenoiserConfig>(text);
/// assert_eq!(read(r#""transformer""#)?, TransformerDenoiserConfig::default().into());
/// let transformer = TransformerDenoiserConfig { depth: 6, ..Default::default() };
/// assert_eq!(read(r#"{"kind": "transformer", "depth": 6}"#)?, transformer.into());
/// assert_eq!(read(r#"{"width": 64}"#)?, MlpDenoiserConfig { width: 64, n_blocks: 3 }.into());
/// assert!(read(r#"{"kind": "mlp", "depth": 6}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DenoiserConfig {
    /// A residual MLP over the pooled condition (default).
    Mlp(MlpDenoiserConfig),
    /// A transformer over perturbation tokens, pooled condition, covariates, step and row.
    Transformer(TransformerDenoiserConfig),
}

impl Default for DenoiserConfig {
    fn default() -> Self {
        Self::Mlp(MlpDenoiserConfig::default())
    }
}

impl From<MlpDenoiserConfig> for DenoiserConfig {
    fn from(config: MlpDenoiserConfig) -> Self {
        Self::Mlp(config)
    }
}

impl From<TransformerDenoiserConfig> for DenoiserConfig {
    fn from(config: TransformerDenoiserConfig) -> Self {
        Self::Transformer(config)
    }
}

impl DenoiserConfig {
    /// Checks every size.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the size and its range.
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Self::Mlp(config) => config.check(),
            Self::Transformer(config) => config.check(),
        }
    }

    /// Draws the first weights.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds, and a `d`, `d_cond` or `n_steps` of 0.
    pub fn init(
        &self,
        shape: &DenoiserShape,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<PriorDenoiser, Error> {
        Ok(match self {
            Self::Mlp(config) => PriorDenoiser::Mlp(config.init(shape, rng, device)?),
            Self::Transformer(config) => {
                PriorDenoiser::Transformer(config.init(shape, rng, device)?)
            }
        })
    }

    /// Whether the network takes an earlier guess of x_0.
    pub fn self_conditioning(&self) -> bool {
        matches!(self, Self::Transformer(config) if config.self_conditioning)
    }
}

/// Names in files.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Mlp,
    Transformer,
}

/// Every size of every network; those of another kind are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizes {
    #[serde(default)]
    kind: Kind,
    width: Option<usize>,
    n_blocks: Option<usize>,
    depth: Option<usize>,
    n_heads: Option<usize>,
    self_conditioning: Option<bool>,
}

impl Sizes {
    fn config<E: de::Error>(self) -> Result<DenoiserConfig, E> {
        let foreign = |given: [(&'static str, bool); 3], expected| match given
            .into_iter()
            .find(|(_, given)| *given)
        {
            Some((name, _)) => Err(E::unknown_field(name, expected)),
            None => Ok(()),
        };
        match self.kind {
            Kind::Mlp => {
                let given = [
                    ("depth", self.depth.is_some()),
                    ("n_heads", self.n_heads.is_some()),
                    ("self_conditioning", self.self_conditioning.is_some()),
                ];
                foreign(given, &["kind", "width", "n_blocks"])?;
                let default = MlpDenoiserConfig::default();
                Ok(DenoiserConfig::Mlp(MlpDenoiserConfig {
                    width: self.width.unwrap_or(default.width),
                    n_blocks: self.n_blocks.unwrap_or(default.n_blocks),
                }))
            }
            Kind::Transformer => {
                let given = [("n_blocks", self.n_blocks.is_some()), ("", false), ("", false)];
                foreign(given, &["kind", "width", "depth", "n_heads", "self_conditioning"])?;
                let default = TransformerDenoiserConfig::default();
                Ok(DenoiserConfig::Transformer(TransformerDenoiserConfig {
                    width: self.width.unwrap_or(default.width),
                    depth: self.depth.unwrap_or(default.depth),
                    n_heads: self.n_heads.unwrap_or(default.n_heads),
                    self_conditioning: self.self_conditioning.unwrap_or(default.self_conditioning),
                }))
            }
        }
    }
}

impl<'de> Deserialize<'de> for DenoiserConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrSizes)
    }
}

struct NameOrSizes;

impl<'de> Visitor<'de> for NameOrSizes {
    type Value = DenoiserConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"mlp\", \"transformer\", or a table with `kind` and sizes")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        let kind = Kind::deserialize(de::value::StrDeserializer::new(name))?;
        Sizes {
            kind,
            width: None,
            n_blocks: None,
            depth: None,
            n_heads: None,
            self_conditioning: None,
        }
        .config()
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Sizes::deserialize(MapAccessDeserializer::new(map))?.config()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DenoiserConfig, String> {
        serde_json::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn sizes_written_down_before_there_were_kinds_are_those_of_an_mlp() {
        let mlp = MlpDenoiserConfig { width: 32, n_blocks: 2 };
        assert_eq!(read(r#"{"width": 32, "n_blocks": 2}"#), Ok(mlp.into()));
        assert_eq!(read("{}"), Ok(DenoiserConfig::default()));
    }

    #[test]
    fn what_is_written_is_read() {
        let transformer =
            TransformerDenoiserConfig { self_conditioning: true, ..Default::default() };
        for config in [DenoiserConfig::default(), transformer.into()] {
            let text = serde_json::to_string(&config).expect("writes");
            assert_eq!(read(&text), Ok(config), "{text}");
        }
    }

    #[test]
    fn sizes_of_another_network_are_named() {
        let message = read(r#"{"kind": "mlp", "n_heads": 2}"#).expect_err("foreign");
        assert!(message.contains("n_heads") && message.contains("n_blocks"), "{message}");
        let message = read(r#"{"kind": "transformer", "n_blocks": 2}"#).expect_err("foreign");
        assert!(message.contains("n_blocks") && message.contains("depth"), "{message}");
        assert!(read(r#""unet""#).expect_err("unknown").contains("unet"));
        assert!(read(r#"{"size": 2}"#).expect_err("unknown").contains("size"));
        assert!(read("3").expect_err("no table").contains("transformer"));
    }
}
