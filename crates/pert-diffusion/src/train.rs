//! Training of a [`Prior`].

use std::ops::ControlFlow;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use pert_nn::{Ema, standard_normal};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::config::PriorConfig;
use crate::denoiser::Condition;
use crate::error::Error;
use crate::prior::{PRIOR_FORMAT, Prior, PriorState};
use crate::process::{NoisedBatch, l_simple};
use crate::schedule::Schedule;
use crate::standardise::Standardiser;

/// Training rows; many rows share few conditions.
#[derive(Debug, Clone, Copy)]
pub struct TrainingData<'a> {
    /// Rows, `[n, d]` row-major, in their own units (they are standardised here).
    pub x: &'a [f32],
    /// Width of the rows.
    pub d: usize,
    /// Conditions, `[n_conditions, d_cond]` row-major.
    pub conditions: &'a [f32],
    /// Width of the conditions.
    pub d_cond: usize,
    /// Row of `conditions` that belongs to each of the n rows.
    pub condition_of: &'a [usize],
}

impl TrainingData<'_> {
    fn check(&self) -> Result<(), Error> {
        for (name, size) in [("d", self.d), ("d_cond", self.d_cond)] {
            if size == 0 {
                return Err(Error::setting(name, "at least 1", size));
            }
        }
        let n = self.condition_of.len();
        Error::check_length("values in x (rows × d)", n * self.d, self.x.len())?;
        let n_conditions = self.conditions.len() / self.d_cond;
        let expected = n_conditions * self.d_cond;
        Error::check_length("values in conditions (× d_cond)", expected, self.conditions.len())?;
        Error::check_finite("conditions", self.conditions, self.d_cond)?;
        match self.condition_of.iter().position(|&index| index >= n_conditions) {
            Some(row) => {
                let index = self.condition_of[row];
                Err(Error::ConditionIndex { row, index, n_conditions })
            }
            None => Ok(()),
        }
    }
}

/// What a training step reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainStep {
    /// Steps done, counted from 1.
    pub step: usize,
    /// Steps planned.
    pub total: usize,
    /// L_simple of this step's batch, per dimension.
    pub loss: f64,
}

impl Prior {
    /// Trains a prior: L_simple by AdamW with a one-cycle rate, conditions dropped at random, weights averaged.
    ///
    /// `progress` is called after every step; `Break` ends training with an error. Batches are drawn without
    /// replacement, in a new random order for every pass over the rows.
    ///
    /// # Errors
    /// Settings out of range; array lengths that contradict each other; values that are not finite (row and column are
    /// named); fewer than 2 rows; [`Error::LossNotFinite`]; [`Error::Interrupted`].
    pub fn fit(
        data: &TrainingData<'_>,
        config: &PriorConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
        progress: &mut dyn FnMut(TrainStep) -> ControlFlow<()>,
    ) -> Result<Self, Error> {
        config.check()?;
        data.check()?;
        let standardiser = Standardiser::fit(data.x, data.d)?;
        let z = standardiser.apply(data.x);
        let clip = bounds(&z, data.d, config.clip_factor);
        let schedule = Schedule::new(&config.schedule)?;

        let inner = device.clone().without_autodiff();
        let device = inner.clone().autodiff();
        let mut model =
            config.denoiser.init(data.d, data.d_cond, schedule.n_steps(), rng, &device)?;
        let mut ema = Ema::new(&model, config.ema_decay)?;
        let mut optimizer = config.optimizer().init();
        let rates = config.rates();
        let mut batches = Batches::new(&z, data, config, &device);
        for step in 1..=config.steps {
            let t = batches.steps(schedule.n_steps(), rng);
            let batch = batches.next(&t, rng);
            let loss = l_simple(&model, batch, config.parameterization, &schedule);
            let value = f64::from(loss.clone().into_scalar::<f32>());
            if !value.is_finite() {
                return Err(Error::LossNotFinite { step, loss: value });
            }
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(rates.rate(step - 1), model, grads);
            ema.update(&model);
            let total = config.steps;
            if progress(TrainStep { step, total, loss: value }).is_break() {
                return Err(Error::Interrupted { step, total });
            }
        }
        let state = PriorState {
            format: PRIOR_FORMAT,
            config: *config,
            d: data.d,
            d_cond: data.d_cond,
            standardiser,
            clip,
        };
        Ok(Self { state, schedule, denoiser: ema.into_module().to_device(&inner) })
    }
}

/// `factor` times the largest absolute value of every dimension of `[n, d]` rows.
fn bounds(z: &[f32], d: usize, factor: f64) -> Vec<f32> {
    let mut largest = vec![0.0f32; d];
    for row in z.chunks_exact(d) {
        for (bound, value) in largest.iter_mut().zip(row) {
            *bound = bound.max(value.abs());
        }
    }
    largest.into_iter().map(|bound| (f64::from(bound) * factor) as f32).collect()
}

/// Random batches of noised rows with their conditions.
struct Batches<'a> {
    z: &'a [f32],
    d: usize,
    condition_of: &'a [usize],
    conditions: Tensor<2>,
    condition_dropout: f64,
    size: usize,
    order: Vec<usize>,
    used: usize,
    device: Device,
}

impl<'a> Batches<'a> {
    fn new(z: &'a [f32], data: &TrainingData<'a>, config: &PriorConfig, device: &Device) -> Self {
        let n = data.condition_of.len();
        let n_conditions = data.conditions.len() / data.d_cond;
        let conditions = TensorData::new(data.conditions.to_vec(), [n_conditions, data.d_cond]);
        Self {
            z,
            d: data.d,
            condition_of: data.condition_of,
            conditions: Tensor::from_data(conditions, device),
            condition_dropout: config.condition_dropout,
            size: config.batch_size.min(n),
            order: (0..n).collect(),
            used: n,
            device: device.clone(),
        }
    }

    /// A uniform diffusion step for every row of a batch.
    fn steps(&self, n_steps: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        (0..self.size).map(|_| (rng.next_u64() % n_steps as u64) as usize).collect()
    }

    fn next<'t>(&mut self, t: &'t [usize], rng: &mut ChaCha8Rng) -> NoisedBatch<'t> {
        if self.used + self.size > self.order.len() {
            // Fisher–Yates, written out: a library's shuffle may change between versions, a model must not.
            for i in (1..self.order.len()).rev() {
                self.order.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
            }
            self.used = 0;
        }
        let rows = &self.order[self.used..self.used + self.size];
        self.used += self.size;
        let (n, d) = (self.size, self.d);
        let x0: Vec<f32> =
            rows.iter().flat_map(|&r| &self.z[r * d..(r + 1) * d]).copied().collect();
        let index: Vec<i32> = rows.iter().map(|&r| self.condition_of[r] as i32).collect();
        let index = Tensor::<1, Int>::from_data(TensorData::new(index, [n]), &self.device);
        let dropped: Vec<f32> = (0..n)
            .map(|_| {
                // 53 random bits: uniform on [0, 1) and exact in f64.
                let u = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
                if u < self.condition_dropout { 1.0 } else { 0.0 }
            })
            .collect();
        NoisedBatch {
            x0: Tensor::from_data(TensorData::new(x0, [n, d]), &self.device),
            noise: standard_normal([n, d], rng, &self.device),
            t,
            cond: Condition::Dropped {
                values: self.conditions.clone().select(0, index), // [n, d_cond]
                dropped: Tensor::from_data(TensorData::new(dropped, [n, 1]), &self.device),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn every_pass_visits_every_row_once() {
        let z: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let data =
            TrainingData { x: &z, d: 1, conditions: &[0.0], d_cond: 1, condition_of: &[0; 12] };
        let config = PriorConfig { batch_size: 4, ..Default::default() };
        let mut batches = Batches::new(&z, &data, &config, &Device::flex());
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for _ in 0..3 {
            let mut seen = Vec::new();
            for _ in 0..3 {
                let t = batches.steps(10, &mut rng);
                let batch = batches.next(&t, &mut rng);
                seen.extend(batch.x0.into_data().iter::<f32>());
            }
            seen.sort_by(f32::total_cmp);
            assert_eq!(seen, z);
        }
    }

    #[test]
    fn bounds_are_taken_per_dimension() {
        assert_eq!(bounds(&[1.0, -4.0, -2.0, 3.0], 2, 1.5), [3.0, 6.0]);
    }
}
