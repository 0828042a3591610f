//! A trained conditional diffusion prior: stored state and sampling.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use pert_nn::{from_safetensors, to_safetensors};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::config::{PriorConfig, SamplerConfig};
use crate::denoiser::{Condition, DenoiserShape, PriorDenoiser};
use crate::error::Error;
use crate::guidance::Guidance;
use crate::parameterization::NoiseLevel;
use crate::sample_condition::SampleCondition;
use crate::sampler::{ReverseProcess, Timesteps, X0Clip};
use crate::schedule::{Schedule, ScheduleKind};
use crate::standardise::Standardiser;

/// Version of [`PriorState`] written and read here.
pub const PRIOR_FORMAT: u32 = 1;

/// Bound of x_0 of a prior that has seen no data, in standard deviations.
const UNTRAINED_BOUND: f32 = 4.0;

/// Rows sampled at once: enough to fill the matrix products, small enough to stay in cache.
const ROWS_AT_ONCE: usize = 512;

/// Batches are padded to a multiple of this, so that a row takes the same path through the matrix products, to the
/// last bit, whatever the number of rows beside it.
const ROW_MULTIPLE: usize = 64;

/// All of a prior but its weights, for a model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriorState {
    /// Format version, [`PRIOR_FORMAT`].
    pub format: u32,
    /// Settings it was trained with.
    pub config: PriorConfig,
    /// Width of the rows.
    pub d: usize,
    /// Width of the conditions.
    pub d_cond: usize,
    /// Width of the perturbation tokens; 0: none. Absent in a file: 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub d_token: usize,
    /// Width of the covariates given apart from the conditions; 0: none. Absent in a file: 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub d_cov: usize,
    /// Centre and scale of the training rows.
    pub standardiser: Standardiser,
    /// Bound of |x_0| per dimension, standardised.
    pub clip: Vec<f32>,
}

impl PriorState {
    /// Checks a state that was read from a file.
    ///
    /// # Errors
    /// Another format version, settings out of range, lengths other than `d`, bounds that are negative or not finite.
    pub fn check(&self) -> Result<(), Error> {
        if self.format != PRIOR_FORMAT {
            return Err(Error::StateFormat { found: self.format, expected: PRIOR_FORMAT });
        }
        self.config.check()?;
        self.standardiser.check(self.d)?;
        Error::check_length("x0 bounds", self.d, self.clip.len())?;
        match self.clip.iter().find(|b| !(b.is_finite() && **b >= 0.0)) {
            Some(bound) => Err(Error::setting("x0 bound", "at least 0 and finite", bound)),
            None => Ok(()),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(width: &usize) -> bool {
    *width == 0
}

/// A conditional diffusion prior p(x | cond) over `d`-dimensional rows, ready to be sampled.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_diffusion::{Prior, PriorConfig, SamplerConfig};
/// let (device, config) = (Device::default(), PriorConfig::default());
/// // Rows of 2 dimensions under conditions of width 3; `Prior::fit` trains one instead.
/// let prior = Prior::untrained(&config, 2, 3, &mut seeded_rng(0, "weights"), &device)?;
/// let restored = Prior::from_state(prior.state().clone(), &prior.to_bytes()?, &device)?;
/// let sample = |prior: &Prior, n| {
///     let sampler = SamplerConfig { steps: 4, ..Default::default() };
///     prior.sample(Some(&[1.0, 0.0, 1.0]), n, &sampler, &mut seeded_rng(1, "sample"), &device)
/// };
/// let rows = sample(&prior, 5)?; // [n, d]
/// assert_eq!(rows, sample(&restored, 5)?);
/// // The first rows of a larger population are the smaller one.
/// assert_eq!(rows[..2 * 2], sample(&prior, 2)?);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prior {
    pub(crate) state: PriorState,
    pub(crate) schedule: Schedule,
    pub(crate) denoiser: PriorDenoiser,
}

impl Prior {
    /// A prior with random weights and an identity standardiser: for benchmarks and tests.
    ///
    /// # Errors
    /// What [`PriorConfig::check`] finds, and a `d` or `d_cond` of 0.
    pub fn untrained(
        config: &PriorConfig,
        d: usize,
        d_cond: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        let state = PriorState {
            format: PRIOR_FORMAT,
            config: *config,
            d,
            d_cond,
            d_token: 0,
            d_cov: 0,
            standardiser: Standardiser::identity(d),
            clip: vec![UNTRAINED_BOUND; d],
        };
        Self::with_random_weights(state, rng, device)
    }

    /// Restores a prior from its state and the bytes of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// What [`PriorState::check`] finds, and weights that are damaged or belong to another model.
    pub fn from_state(state: PriorState, bytes: &[u8], device: &Device) -> Result<Self, Error> {
        // The first weights are all replaced; any seed does.
        let prior = Self::with_random_weights(state, &mut ChaCha8Rng::seed_from_u64(0), device)?;
        Ok(Self { denoiser: from_safetensors(prior.denoiser, bytes)?, ..prior })
    }

    fn with_random_weights(
        state: PriorState,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        state.check()?;
        let PriorState { config, d, d_cond, d_token, d_cov, .. } = state;
        let schedule = Schedule::new(&config.schedule)?;
        let device = device.clone().without_autodiff();
        let shape = DenoiserShape { d, d_cond, d_cov, d_token, n_steps: schedule.n_steps() };
        let denoiser = config.denoiser.init(&shape, rng, &device)?;
        Ok(Self { state, schedule, denoiser })
    }

    /// All but the weights.
    pub fn state(&self) -> &PriorState {
        &self.state
    }

    /// The weights as a safetensors file; the same weights give the same bytes.
    ///
    /// # Errors
    /// When the writer refuses a tensor.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        Ok(to_safetensors(&self.denoiser)?)
    }

    /// The network, for samplers of one's own; it works on standardised rows.
    pub fn denoiser(&self) -> &PriorDenoiser {
        &self.denoiser
    }

    /// The noise schedule.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Draws `n` rows under one condition, or under the null condition for `None`, in the space of the training rows.
    ///
    /// Row i depends on i, on `rng` as given and on the condition, but not on `n`: the same generator gives the same
    /// noise under every condition (paired counterfactuals), and the first rows of a larger population are a
    /// smaller one. `n` values are taken from `rng`.
    ///
    /// # Shapes
    /// `cond`: `[d_cond]`; output: `[n, d]`, row-major.
    ///
    /// # Errors
    /// What [`SamplerConfig::check_for`] finds, and a condition of another width or with a value that is not finite.
    pub fn sample(
        &self,
        cond: Option<&[f32]>,
        n: usize,
        config: &SamplerConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Vec<f32>, Error> {
        let cond = SampleCondition { pooled: cond, ..Default::default() };
        self.sample_under(&cond, n, config, rng, device)
    }

    /// Draws `n` rows under a condition of several parts, otherwise as [`sample`](Self::sample).
    ///
    /// # Shapes
    /// `cond`: as its fields say; output: `[n, d]`, row-major.
    ///
    /// # Errors
    /// As [`sample`](Self::sample), for every part; a pooled condition without tokens where the prior was trained with
    /// them, and tokens alone.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// use pert_diffusion::{
    ///     Device, Prior, PriorConfig, SampleCondition, SamplerConfig, TokenSets, TrainingData,
    ///     TransformerDenoiserConfig, seeded_rng,
    /// };
    /// // Genes A and B and their pair, in one dimension.
    /// let tokens = TokenSets { sets: &[&[1.0, 0.0], &[0.0, 1.0], &[1.0, 0.0, 0.0, 1.0]], d_token: 2 };
    /// let data = TrainingData {
    ///     x: &[1.0, 1.1, 2.0, 2.1, 3.0, 3.1],
    ///     d: 1,
    ///     conditions: &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0],
    ///     d_cond: 2,
    ///     condition_of: &[0, 0, 1, 1, 2, 2],
    ///     tokens: Some(tokens),
    ///     ..Default::default()
    /// };
    /// let denoiser = TransformerDenoiserConfig { width: 8, depth: 1, n_heads: 2, ..Default::default() };
    /// let config = PriorConfig { denoiser: denoiser.into(), steps: 3, ..Default::default() };
    /// let (device, rng) = (Device::default(), &mut seeded_rng(0, "prior"));
    /// let prior = Prior::fit(&data, &config, rng, &device, &mut |_| ControlFlow::Continue(()))?;
    /// let mut sample = |tokens: &[f32]| {
    ///     let cond =
    ///         SampleCondition { pooled: Some(&[1.0, 1.0]), tokens: Some(tokens), ..Default::default() };
    ///     let rng = &mut seeded_rng(1, "sample");
    ///     prior.sample_under(&cond, 5, &SamplerConfig::default(), rng, &device)
    /// };
    /// assert_eq!(sample(&[1.0, 0.0, 0.0, 1.0])?, sample(&[0.0, 1.0, 1.0, 0.0])?);
    /// # Ok::<(), pert_diffusion::Error>(())
    /// ```
    pub fn sample_under(
        &self,
        cond: &SampleCondition<'_>,
        n: usize,
        config: &SamplerConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Vec<f32>, Error> {
        config.check_on(&self.schedule, &self.state.config)?;
        let kind = self.state.config.parameterization;
        let (sampler, guidance) = (config.sampler(kind)?, config.guidance()?);
        let scale = self.start_scale(&config.timesteps(kind))?;
        let device = device.clone().without_autodiff();
        let parts = self.parts(cond, &device)?;
        let d = self.state.d;
        let mut rows = Vec::with_capacity(n * d);
        for first in (0..n).step_by(ROWS_AT_ONCE) {
            let n_rows = ROWS_AT_ONCE.min(n - first);
            let mut noise = RowNoise::new(n_rows, d, rng);
            let mut initial = noise.draw(&device);
            if scale != 1.0 {
                initial = initial.mul_scalar(scale);
            }
            let model = parts.model(self, &guidance);
            let process = self.process(&parts.clip);
            let x0 = process.sample(&*sampler, model, initial, || noise.draw(&device))?;
            rows.extend(x0.into_data().iter::<f32>().take(n_rows * d));
        }
        Ok(self.state.standardiser.invert(&rows))
    }

    /// The deviation of x_t where sampling starts: 1, but on the straight path.
    pub(crate) fn start_scale(&self, timesteps: &Timesteps) -> Result<f64, Error> {
        if self.state.config.schedule.kind != ScheduleKind::Straight {
            return Ok(1.0);
        }
        let first = timesteps.visited(&self.schedule)?[0];
        Ok(self.schedule.total_variance(first).sqrt())
    }

    /// The network, the condition and the bounds of x_0 on a device without autodiff.
    fn parts(&self, cond: &SampleCondition<'_>, device: &Device) -> Result<Parts, Error> {
        Ok(Parts {
            cond: cond.tensors(&self.state, device)?,
            denoiser: self.denoiser.clone().to_device(device),
            clip: X0Clip::new(&self.state.clip, device),
        })
    }

    fn process<'a>(&'a self, clip: &'a X0Clip) -> ReverseProcess<'a> {
        ReverseProcess {
            schedule: &self.schedule,
            parameterization: self.state.config.parameterization,
            clip: Some(clip),
        }
    }

    /// Runs something deterministic over rows `[n, d]` under one condition, in batches as those of sampling.
    pub(crate) fn by_batches(
        &self,
        rows: &[f32],
        cond: &SampleCondition<'_>,
        guidance: &Guidance,
        device: &Device,
        run: impl Fn(
            &ReverseProcess<'_>,
            &mut dyn FnMut(Tensor<2>, usize) -> Tensor<2>,
            Tensor<2>,
        ) -> Result<Tensor<2>, Error>,
    ) -> Result<Vec<f32>, Error> {
        let device = device.clone().without_autodiff();
        let parts = self.parts(cond, &device)?;
        let mut out = Vec::with_capacity(rows.len());
        for rows in rows.chunks(ROWS_AT_ONCE * self.state.d) {
            let mut model = parts.model(self, guidance);
            let x = padded(rows.to_vec(), self.state.d, &device);
            let x = run(&self.process(&parts.clip), &mut model, x)?;
            out.extend(x.into_data().iter::<f32>().take(rows.len()));
        }
        Ok(out)
    }
}

/// What sampling needs on its device.
struct Parts {
    cond: Condition,
    denoiser: PriorDenoiser,
    clip: X0Clip,
}

impl Parts {
    /// The guided network of one batch, which remembers its last guess of x_0 if it takes one.
    fn model<'a>(
        &'a self,
        prior: &'a Prior,
        guidance: &'a Guidance,
    ) -> impl FnMut(Tensor<2>, usize) -> Tensor<2> + 'a {
        let (schedule, config) = (&prior.schedule, &prior.state.config);
        let mut estimate = None;
        move |x_t: Tensor<2>, t: usize| {
            let cond = self.cond.clone().with_estimate(estimate.take());
            let output = guidance.predict(&self.denoiser, x_t.clone(), t, schedule.n_steps(), cond);
            if config.denoiser.self_conditioning() {
                let level = NoiseLevel::new(schedule, &[t], &x_t.device());
                let x0 = config.parameterization.x0(output.clone(), x_t, &level);
                estimate = Some(self.clip.tensor(x0));
            }
            output
        }
    }
}

/// Rows `[n, d]` and zeros up to a multiple of [`ROW_MULTIPLE`] rows.
fn padded(mut values: Vec<f32>, d: usize, device: &Device) -> Tensor<2> {
    let n_padded = (values.len() / d).next_multiple_of(ROW_MULTIPLE);
    values.resize(n_padded * d, 0.0);
    Tensor::from_data(TensorData::new(values, [n_padded, d]), device)
}

/// Standard normal noise with a generator per row, so that no row's noise depends on another's.
struct RowNoise {
    d: usize,
    rows: Vec<ChaCha8Rng>,
}

impl RowNoise {
    fn new(n_rows: usize, d: usize, rng: &mut ChaCha8Rng) -> Self {
        let rows = (0..n_rows).map(|_| ChaCha8Rng::seed_from_u64(rng.next_u64())).collect();
        Self { d, rows }
    }

    /// Fresh noise for every row, and zeros up to a multiple of [`ROW_MULTIPLE`] rows.
    fn draw(&mut self, device: &Device) -> Tensor<2> {
        let mut values: Vec<f32> = Vec::with_capacity(self.rows.len() * self.d);
        for rng in &mut self.rows {
            values.extend((0..self.d).map(|_| -> f32 { StandardNormal.sample(&mut *rng) }));
        }
        padded(values, self.d, device)
    }
}
