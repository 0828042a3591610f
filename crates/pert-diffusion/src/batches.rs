//! Random batches of noised rows with their conditions.

use burn::tensor::{Device, Tensor, TensorData};
use pert_nn::{Epochs, standard_normal};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::condition_table::ConditionTable;
use crate::config::PriorConfig;
use crate::coupling::Coupling;
use crate::denoiser::{Condition, ConditionParts};
use crate::error::Error;
use crate::process::NoisedBatch;
use crate::training_data::TrainingData;

/// Rows to learn from, and where the running epoch stands.
pub(crate) struct Batches {
    /// Standardised rows, `[n, d]`.
    z: Vec<f32>,
    d: usize,
    condition_of: Vec<usize>,
    table: ConditionTable,
    coupling: Coupling,
    condition_dropout: f64,
    covariate_dropout: f64,
    pub epochs: Epochs,
}

impl Batches {
    /// Batches of standardised rows `z`, `[n, d]`, each under its row of the data's conditions.
    pub fn new(
        z: Vec<f32>,
        condition_of: Vec<usize>,
        data: &TrainingData<'_>,
        config: &PriorConfig,
        device: &Device,
    ) -> Result<Self, Error> {
        Ok(Self {
            z,
            d: data.d,
            epochs: Epochs::new(condition_of.len(), config.batch_size),
            condition_of,
            table: ConditionTable::new(data, device)?,
            coupling: config.coupling,
            condition_dropout: config.condition_dropout,
            covariate_dropout: config.covariate_dropout,
        })
    }

    /// A uniform diffusion step for every row of a batch.
    pub fn steps(&self, n_steps: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let size = self.epochs.batch_size();
        (0..size).map(|_| (rng.next_u64() % n_steps as u64) as usize).collect()
    }

    /// The next batch, its rows at steps `t`.
    pub fn next<'t>(
        &mut self,
        t: &'t [usize],
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<NoisedBatch<'t>, Error> {
        let rows = self.epochs.next(rng);
        let (n, d) = (rows.len(), self.d);
        let x0: Vec<f32> =
            rows.iter().flat_map(|&r| &self.z[r * d..(r + 1) * d]).copied().collect();
        let conditions: Vec<usize> = rows.iter().map(|&r| self.condition_of[r]).collect();
        let flags = |rate: f64, rng: &mut ChaCha8Rng| {
            let flags = (0..n).map(|_| if unit_uniform(rng) < rate { 1.0 } else { 0.0 });
            TensorData::new(flags.collect::<Vec<f32>>(), [n, 1])
        };
        let dropped = Tensor::from_data(flags(self.condition_dropout, rng), device);
        let mut noise = standard_normal([n, d], rng, device);
        if self.coupling != Coupling::Independent {
            let drawn = noise.into_data().iter::<f32>().collect();
            let coupled = self.coupling.couple(&x0, drawn, d, &conditions)?;
            noise = Tensor::from_data(TensorData::new(coupled, [n, d]), device);
        }
        let parts = self.table.select(&conditions);
        let covariates_dropped = parts
            .covariates
            .as_ref()
            .map(|_| Tensor::from_data(flags(self.covariate_dropout, rng), device));
        Ok(NoisedBatch {
            x0: Tensor::from_data(TensorData::new(x0, [n, d]), device),
            noise,
            t,
            cond: Condition::Parts(ConditionParts {
                dropped: Some(dropped),
                covariates_dropped,
                ..parts
            }),
        })
    }
}

/// 53 random bits: uniform on [0, 1) and exact in f64.
pub(crate) fn unit_uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}
