//! How well a prior describes given rows: its loss, its bound, the distance of its samples.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use pert_core::shuffled_indices;
use pert_metrics::energy_distance;
use pert_nn::standard_normal;
use rand_chacha::ChaCha8Rng;

use crate::bound::Bound;
use crate::condition_table::ConditionTable;
use crate::config::SamplerConfig;
use crate::denoiser::{Condition, Denoiser, PriorDenoiser};
use crate::error::Error;
use crate::loss::row_losses;
use crate::parameterization::NoiseLevel;
use crate::prior::Prior;
use crate::process::{NoisedBatch, q_sample};
use crate::sample_condition::SampleCondition;
use crate::sampler::{FixedVariance, ReverseProcess, X0Clip};
use crate::training_data::TrainingData;

/// Noised rows that the loss is averaged over, at least: every step of the schedule equally often.
const N_LOSS_DRAWS: usize = 2048;

/// Noised rows at the first step that its term of the bound is averaged over. Terms, and their spread, fall with the step as
/// 1/(t + 1), and so does the number of draws, down to one.
const N_BOUND_DRAWS: usize = 512;

/// Rows that go through the network at once.
const ROWS_AT_ONCE: usize = 512;

/// Noised rows at their steps.
struct Draws<'a> {
    t: &'a [usize],
    x0: Tensor<2>,
    noise: Tensor<2>,
    cond: Condition,
}

impl Prior {
    /// The loss it was trained by (weighted as then), on other rows: an average over every step of the schedule.
    ///
    /// # Errors
    /// Data that contradict themselves, are not finite, or are of other widths than the prior's; no rows.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// use pert_diffusion::{Device, Prior, PriorConfig, SamplerConfig, TrainingData, seeded_rng};
    /// let x: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
    /// let data = TrainingData {
    ///     x: &x[..100],
    ///     d: 1,
    ///     conditions: &[1.0],
    ///     d_cond: 1,
    ///     condition_of: &[0; 100],
    ///     ..Default::default()
    /// };
    /// let (config, device) = (PriorConfig { steps: 50, ..Default::default() }, Device::default());
    /// let rng = &mut seeded_rng(0, "prior");
    /// let prior = Prior::fit(&data, &config, rng, &device, &mut |_| ControlFlow::Continue(()))?;
    /// let other = TrainingData { x: &x[100..], ..data };
    /// let loss = prior.loss(&other, rng, &device)?;
    /// let bound = prior.bound(&other, rng, &device)?.total(); // nats per dimension
    /// let distance = prior.energy_distance(&other, &SamplerConfig::default(), rng, &device)?;
    /// assert!(loss > 0.0 && bound.is_finite() && distance.abs() < 1.0);
    /// # Ok::<(), pert_diffusion::Error>(())
    /// ```
    pub fn loss(
        &self,
        data: &TrainingData<'_>,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<f64, Error> {
        let (kind, weighting) =
            (self.state.config.parameterization, self.state.config.loss_weighting);
        let (mut sum, mut n) = (0.0, 0);
        let per_step = N_LOSS_DRAWS.div_ceil(self.schedule.n_steps());
        self.for_draws(
            data,
            |_| per_step,
            rng,
            device,
            |network, Draws { t, x0, noise, cond }| {
                let weights = weighting.weights(kind, t, &self.schedule)?;
                let batch = NoisedBatch { x0, noise, t, cond };
                let losses = row_losses(network, batch, kind, &self.schedule);
                let losses = losses.into_data();
                sum += losses.iter::<f64>().zip(&weights).map(|(loss, w)| loss * w).sum::<f64>();
                n += t.len();
                Ok(())
            },
        )?;
        Ok(sum / n as f64)
    }

    /// The variational bound on −log p(x | condition), nats per dimension, in the units of the rows (not standardised), with
    /// the small fixed variance. An estimate from some thousand draws, of a standard error near 0.1/√d; equal generators give
    /// bounds that can be compared.
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn bound(
        &self,
        data: &TrainingData<'_>,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Bound, Error> {
        let clip = X0Clip::new(&self.state.clip, device);
        let process = ReverseProcess {
            schedule: &self.schedule,
            parameterization: self.state.config.parameterization,
            clip: Some(&clip),
        };
        let mut sums = vec![0.0; self.schedule.n_steps()];
        let mut counts = vec![0usize; self.schedule.n_steps()];
        let per_step = |t: usize| N_BOUND_DRAWS.div_ceil(t + 1);
        self.for_draws(data, per_step, rng, device, |network, Draws { t, x0, noise, cond }| {
            let level = NoiseLevel::new(&self.schedule, t, device);
            let x_t = q_sample(x0.clone(), noise.clone(), &level);
            let output = network.predict(x_t, t, cond);
            let values = |x: Tensor<2>| x.into_data().iter::<f64>().collect::<Vec<_>>();
            let d = self.state.d;
            let [x0, noise, output] = [x0, noise, output].map(values);
            for (i, &t) in t.iter().enumerate() {
                let row = |values: &[f64]| values[i * d..(i + 1) * d].to_vec();
                let model = |_, _| row(&output);
                let fixed = FixedVariance::Small;
                sums[t] += process.bound_term(t, fixed, model, row(&x0), row(&noise))?;
                counts[t] += 1;
            }
            Ok(())
        })?;
        let mut terms: Vec<f64> = sums.iter().zip(&counts).map(|(s, &n)| s / n as f64).collect();
        let scale = &self.state.standardiser.scale;
        terms[0] += scale.iter().map(|scale| scale.ln()).sum::<f64>() / scale.len() as f64;
        let z = self.state.standardiser.apply(data.x);
        let z: Vec<f64> = z.into_iter().map(f64::from).collect();
        Ok(Bound { prior: process.bound_prior(&z), terms })
    }

    /// The unbiased energy distance between the rows of each condition and as many sampled ones, in standardised units: the
    /// mean over conditions of two rows or more, each weighted by its rows.
    ///
    /// # Errors
    /// As [`loss`](Self::loss) and [`sample_under`](Self::sample_under); [`Error::TooFewRows`] where no condition has two rows.
    pub fn energy_distance(
        &self,
        data: &TrainingData<'_>,
        sampler: &SamplerConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<f64, Error> {
        self.check_data(data)?;
        let z = self.state.standardiser.apply(data.x);
        let d = data.d;
        let (mut sum, mut n_rows) = (0.0, 0);
        for condition in 0..data.conditions.len() / data.d_cond {
            let of_it = |row: &usize| data.condition_of[*row] == condition;
            let rows: Vec<usize> = (0..data.condition_of.len()).filter(of_it).collect();
            if rows.len() < 2 {
                continue;
            }
            let row = |values: &'_ [f32], width: usize| -> Vec<f32> {
                values[condition * width..(condition + 1) * width].to_vec()
            };
            let (pooled, covariates) = (
                row(data.conditions, data.d_cond),
                data.covariates.map(|c| row(c.values, c.d_cov)),
            );
            let cond = SampleCondition {
                pooled: Some(&pooled),
                tokens: data.tokens.map(|tokens| tokens.sets[condition]),
                covariates: covariates.as_deref(),
            };
            let generated = self.sample_under(&cond, rows.len(), sampler, rng, device)?;
            let generated = self.state.standardiser.apply(&generated);
            let generated: Vec<f64> = generated.into_iter().map(f64::from).collect();
            let real: Vec<f64> =
                rows.iter().flat_map(|&r| &z[r * d..(r + 1) * d]).map(|&v| f64::from(v)).collect();
            let [real, generated] = [&real, &generated]
                .map(|values| pert_metrics::Rows::new(values, d).expect("whole rows"));
            sum += rows.len() as f64 * energy_distance(real, generated);
            n_rows += rows.len();
        }
        if n_rows == 0 {
            return Err(Error::TooFewRows { needed: 2, found: data.condition_of.len().min(1) });
        }
        Ok(sum / n_rows as f64)
    }

    /// Hands over noised rows, steps rising, batch by batch.
    fn for_draws(
        &self,
        data: &TrainingData<'_>,
        per_step: impl Fn(usize) -> usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
        mut each: impl FnMut(&PriorDenoiser, Draws<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.check_data(data)?;
        let n_rows = data.condition_of.len();
        if n_rows == 0 {
            return Err(Error::TooFewRows { needed: 1, found: 0 });
        }
        let device = &device.clone().without_autodiff();
        let network = self.denoiser.clone().to_device(device);
        let table = ConditionTable::new(data, device)?;
        let z = self.state.standardiser.apply(data.x);
        let d = data.d;
        let mut order = shuffled_indices(n_rows, rng).into_iter().cycle();
        let steps = 0..self.schedule.n_steps();
        let steps: Vec<usize> = steps.flat_map(|t| std::iter::repeat_n(t, per_step(t))).collect();
        for t in steps.chunks(ROWS_AT_ONCE) {
            let rows: Vec<usize> = order.by_ref().take(t.len()).collect();
            let x0: Vec<f32> = rows.iter().flat_map(|&r| &z[r * d..(r + 1) * d]).copied().collect();
            let conditions: Vec<usize> = rows.iter().map(|&row| data.condition_of[row]).collect();
            let n = t.len();
            let draws = Draws {
                t,
                x0: Tensor::from_data(TensorData::new(x0, [n, d]), device),
                noise: standard_normal([n, d], rng, device),
                cond: Condition::Parts(table.select(&conditions)),
            };
            each(&network, draws)?;
        }
        Ok(())
    }

    fn check_data(&self, data: &TrainingData<'_>) -> Result<(), Error> {
        let state = &self.state;
        data.check()?;
        Error::check_finite("x", data.x, data.d)?;
        for (what, expected, found) in [
            ("columns of x", state.d, data.d),
            ("columns of the conditions", state.d_cond, data.d_cond),
            ("columns of the tokens", state.d_token, data.d_token()),
            ("columns of the covariates", state.d_cov, data.d_cov()),
        ] {
            Error::check_length(what, expected, found)?;
        }
        Ok(())
    }
}
