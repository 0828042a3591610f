//! The conditions of training rows on a device.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::denoiser::{ConditionParts, Tokens};
use crate::error::Error;
use crate::training_data::TrainingData;

/// All conditions of a [`TrainingData`], a row each.
pub(crate) struct ConditionTable {
    pooled: Tensor<2>,
    tokens: Option<Tokens>,
    covariates: Option<Tensor<2>>,
    device: Device,
}

impl ConditionTable {
    pub fn new(data: &TrainingData<'_>, device: &Device) -> Result<Self, Error> {
        let n_conditions = data.conditions.len() / data.d_cond;
        let table = |values: &[f32], width: usize| {
            Tensor::from_data(TensorData::new(values.to_vec(), [n_conditions, width]), device)
        };
        let tokens = data.tokens.map(|t| Tokens::of_sets(t.sets, t.d_token, device)).transpose()?;
        Ok(Self {
            pooled: table(data.conditions, data.d_cond), // [n_conditions, d_cond]
            tokens,
            covariates: data.covariates.map(|c| table(c.values, c.d_cov)), // [n_conditions, d_cov]
            device: device.clone(),
        })
    }

    /// The conditions of rows, none of them dropped.
    pub fn select(&self, condition_of: &[usize]) -> ConditionParts {
        let index: Vec<i32> = condition_of.iter().map(|&condition| condition as i32).collect();
        let index = TensorData::new(index, [condition_of.len()]);
        let index = Tensor::<1, Int>::from_data(index, &self.device);
        ConditionParts {
            pooled: Some(self.pooled.clone().select(0, index.clone())), // [n, d_cond]
            covariates: self.covariates.as_ref().map(|c| c.clone().select(0, index.clone())),
            tokens: self.tokens.as_ref().map(|tokens| tokens.select(index)),
            ..Default::default()
        }
    }
}
