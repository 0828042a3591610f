//! The tensors of an scvi-tools export, by their state-dict names.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use pert_nn::NamedTensor;

use super::layers::{Dense, Hidden};
use crate::error::Error;

/// Batch norm's ε in scvi-tools.
const NORM_EPS: f64 = 1e-3;

/// Tensors not yet taken, and the metadata.
pub(super) struct Export<'a> {
    tensors: BTreeMap<String, NamedTensor>,
    metadata: BTreeMap<String, String>,
    device: &'a Device,
}

impl<'a> Export<'a> {
    pub(super) fn read(bytes: &[u8], device: &'a Device) -> Result<Self, Error> {
        let (tensors, metadata) = pert_nn::read_safetensors(bytes)?;
        for tensor in &tensors {
            if let Some((index, &value)) =
                tensor.values.iter().enumerate().find(|(_, v)| !v.is_finite())
            {
                let name = tensor.name.clone();
                return Err(pert_nn::Error::NonFiniteParameter { name, index, value }.into());
            }
        }
        let tensors = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        Ok(Self { tensors, metadata, device })
    }

    /// One of the values allowed of a metadata key.
    pub(super) fn choice<T: Copy>(&self, key: &str, allowed: &[(&str, T)]) -> Result<T, Error> {
        let found = self.metadata(key)?;
        let names: Vec<&str> = allowed.iter().map(|(name, _)| *name).collect();
        allowed.iter().find(|(name, _)| *name == found).map(|(_, value)| *value).ok_or_else(|| {
            Error::ScviExport { reason: format!("{key} is {found:?}, not one of {names:?}") }
        })
    }

    pub(super) fn metadata(&self, key: &str) -> Result<&str, Error> {
        self.metadata.get(key).map(String::as_str).ok_or_else(|| Error::ScviExport {
            reason: format!(
                "its metadata lack {key:?}; it must be written by python/export_scvi.py"
            ),
        })
    }

    /// Length of an axis of a tensor.
    pub(super) fn size(&self, name: &str, axis: usize) -> Result<usize, Error> {
        let tensor = self.tensors.get(name).ok_or_else(|| missing(name))?;
        tensor.shape.get(axis).copied().ok_or_else(|| Error::ScviExport {
            reason: format!("tensor {name:?} has shape {:?}", tensor.shape),
        })
    }

    /// The values of a tensor of the shape expected.
    pub(super) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let tensor = self.tensors.remove(name).ok_or_else(|| missing(name))?;
        if tensor.shape != shape {
            let (expected, found) = (shape.to_vec(), tensor.shape);
            let name = name.to_owned();
            return Err(pert_nn::Error::ShapeMismatch { name, expected, found }.into());
        }
        Ok(tensor.values)
    }

    /// A linear layer; its inputs are what `d_in` says, with or without `n_covariates` behind.
    pub(super) fn dense(
        &mut self,
        name: &str,
        d_in: usize,
        n_covariates: usize,
        d_out: usize,
    ) -> Result<Dense, Error> {
        let weight_name = format!("{name}.weight");
        let found = self.size(&weight_name, 1)?;
        let d_in = if found == d_in { d_in } else { d_in + n_covariates };
        let weight = self.take(&weight_name, &[d_out, d_in])?;
        let weight = self.matrix(weight, d_out, d_in).transpose(); // [d_in, d_out]
        let bias = self.take(&format!("{name}.bias"), &[d_out])?;
        Ok(Dense { weight, bias: self.matrix(bias, 1, d_out) })
    }

    /// `FCLayers`: layers of linear → batch norm (if any) → ReLU.
    pub(super) fn stack(
        &mut self,
        name: &str,
        d_in: usize,
        n_covariates: usize,
        width: usize,
    ) -> Result<Vec<Hidden>, Error> {
        let mut layers = Vec::new();
        loop {
            let name = format!("{name}.fc_layers.Layer {}", layers.len());
            if !layers.is_empty() && !self.tensors.contains_key(&format!("{name}.0.weight")) {
                return Ok(layers);
            }
            let d_in = if layers.is_empty() { d_in } else { width };
            let dense = self.dense(&format!("{name}.0"), d_in, n_covariates, width)?;
            let norm = format!("{name}.1");
            let is_normalised = self.tensors.contains_key(&format!("{norm}.running_mean"));
            let scale_shift = if is_normalised { Some(self.norm(&norm, width)?) } else { None };
            layers.push(Hidden { dense, scale_shift });
        }
    }

    /// (h − running mean)/√(running variance + ε) · weight + bias as scale and shift, `[1, width]` each.
    fn norm(&mut self, name: &str, width: usize) -> Result<[Tensor<2>; 2], Error> {
        let mut take = |part: &str| self.take(&format!("{name}.{part}"), &[width]);
        let (gamma, beta) = (take("weight")?, take("bias")?);
        let (mean, variance) = (take("running_mean")?, take("running_var")?);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(&variance)
            .map(|(&g, &v)| f64::from(g) / (f64::from(v) + NORM_EPS).sqrt())
            .collect();
        let shift = beta
            .iter()
            .zip(&mean)
            .zip(&scale)
            .map(|((&b, &m), s)| (f64::from(b) - f64::from(m) * s) as f32);
        let shift = self.matrix(shift.collect(), 1, width);
        Ok([self.matrix(scale.iter().map(|&s| s as f32).collect(), 1, width), shift])
    }

    /// A matrix on the device.
    pub(super) fn matrix(&self, values: Vec<f32>, rows: usize, columns: usize) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values, [rows, columns]), self.device)
    }

    /// Refuses tensors that nothing has taken: the model has a part that is not computed here.
    pub(super) fn finish(self, unused: &[&str]) -> Result<(), Error> {
        let is_unused = |name: &str| unused.iter().any(|prefix| name.starts_with(prefix));
        match self.tensors.into_keys().find(|name| !is_unused(name)) {
            Some(name) => Err(pert_nn::Error::UnknownParameter { name }.into()),
            None => Ok(()),
        }
    }
}

fn missing(name: &str) -> Error {
    Error::ScviExport { reason: format!("tensor {name:?} is missing") }
}
