//! The weights of a network in a safetensors file, taken out by name and shape.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::error::PretrainedError;
use super::sizes::Sizes;

/// A file of weights in memory.
pub(crate) struct Weights<'a> {
    path: &'a Path,
    prefix: &'static str,
    tensors: SafeTensors<'a>,
}

impl<'a> Weights<'a> {
    /// Reads the header. `prefix` stands before every name of the network where the file holds a head beside it.
    pub fn parse(
        path: &'a Path,
        bytes: &'a [u8],
        prefix: &'static str,
    ) -> Result<Self, PretrainedError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| {
            let pointer = bytes.starts_with(b"version https://git-lfs");
            let reason = if pointer {
                "a git-LFS pointer; run `git lfs pull`".into()
            } else {
                e.to_string()
            };
            PretrainedError::BadWeights { path: path.to_owned(), reason }
        })?;
        Ok(Self { path, prefix, tensors })
    }

    fn find(&self, name: &str) -> Option<(String, TensorView<'_>)> {
        [format!("{}{name}", self.prefix), name.to_owned()]
            .into_iter()
            .find_map(|name| self.tensors.tensor(&name).ok().map(|view| (name, view)))
    }

    /// Whether a tensor of that name stands in the file.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The values of a tensor, by the first of its names that the file has.
    pub fn values(&self, names: &[&str], shape: &[usize]) -> Result<Vec<f32>, PretrainedError> {
        let Some((name, view)) = names.iter().find_map(|name| self.find(name)) else {
            return Err(PretrainedError::MissingTensor {
                path: self.path.to_owned(),
                name: names.first().copied().unwrap_or_default().to_owned(),
                expected: shape.to_vec(),
            });
        };
        if view.shape() != shape || view.dtype() != Dtype::F32 {
            return Err(PretrainedError::WrongTensor {
                path: self.path.to_owned(),
                name,
                expected: shape.to_vec(),
                found: view.shape().to_vec(),
                found_type: format!("{:?}", view.dtype()),
            });
        }
        // Copied byte by byte: the file's buffer need not be aligned for f32.
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        match values.iter().copied().enumerate().find(|(_, value)| !value.is_finite()) {
            Some((index, value)) => {
                Err(PretrainedError::NonFinite { path: self.path.to_owned(), name, index, value })
            }
            None => Ok(values),
        }
    }

    /// y = x W + b of a dense layer, whose weight is stored `[d_out, d_in]`.
    pub fn dense(
        &self,
        name: &str,
        [d_in, d_out]: [usize; 2],
        device: &Device,
    ) -> Result<Dense, PretrainedError> {
        let stored = self.values(&[&format!("{name}.weight")], &[d_out, d_in])?;
        let bias = self.values(&[&format!("{name}.bias")], &[d_out])?;
        Ok(Dense {
            weight: transposed(&stored, [d_out, d_in], device),
            bias: Tensor::from_data(TensorData::new(bias, [d_out]), device),
        })
    }

    /// A layer norm; some versions of `transformers` write `gamma` and `beta`.
    pub fn norm(
        &self,
        name: &str,
        sizes: &Sizes,
        device: &Device,
    ) -> Result<Norm, PretrainedError> {
        let d = sizes.hidden_size;
        let vector = |names: [String; 2]| -> Result<Tensor<1>, PretrainedError> {
            let values = self.values(&[&names[0], &names[1]], &[d])?;
            Ok(Tensor::from_data(TensorData::new(values, [d]), device))
        };
        Ok(Norm {
            gamma: vector([format!("{name}.weight"), format!("{name}.gamma")])?,
            beta: vector([format!("{name}.bias"), format!("{name}.beta")])?,
            epsilon: sizes.layer_norm_eps,
        })
    }
}

/// `[d_out, d_in]` as a tensor `[d_in, d_out]`.
pub(crate) fn transposed(stored: &[f32], [d_out, d_in]: [usize; 2], device: &Device) -> Tensor<2> {
    let values = (0..d_in * d_out).map(|i| stored[i % d_out * d_in + i / d_out]).collect();
    Tensor::from_data(TensorData::new::<f32, _>(values, [d_in, d_out]), device)
}

/// A frozen dense layer.
pub(crate) struct Dense {
    weight: Tensor<2>,
    bias: Tensor<1>,
}

impl Dense {
    /// `[n, d_in]` to `[n, d_out]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        burn::tensor::module::linear(x, self.weight.clone(), Some(self.bias.clone()))
    }
}

/// A frozen layer norm.
pub(crate) struct Norm {
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
}

impl Norm {
    /// `[n, d]` to `[n, d]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let (gamma, beta) = (self.gamma.clone(), Some(self.beta.clone()));
        burn::tensor::module::layer_norm(x, gamma, beta, self.epsilon)
    }
}
