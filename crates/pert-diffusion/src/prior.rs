//! A trained conditional diffusion prior: stored state and sampling.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use pert_nn::{from_safetensors, to_safetensors};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::config::{PriorConfig, SamplerConfig};
use crate::denoiser::{Condition, MlpDenoiser};
use crate::error::Error;
use crate::sampler::{ReverseProcess, X0Clip};
use crate::schedule::Schedule;
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
    pub(crate) denoiser: MlpDenoiser,
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
        let PriorState { config, d, d_cond, .. } = &state;
        let schedule = Schedule::new(&config.schedule)?;
        let device = device.clone().without_autodiff();
        let denoiser = config.denoiser.init(*d, *d_cond, schedule.n_steps(), rng, &device)?;
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
    pub fn denoiser(&self) -> &MlpDenoiser {
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
    /// What [`SamplerConfig::check`] finds, and a condition of another width or with a value that is not finite.
    pub fn sample(
        &self,
        cond: Option<&[f32]>,
        n: usize,
        config: &SamplerConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Vec<f32>, Error> {
        config.check(&self.schedule)?;
        let (sampler, guidance) = (config.sampler()?, config.guidance()?);
        let device = device.clone().without_autodiff();
        let cond = match cond {
            None => Condition::Null,
            Some(cond) => {
                Error::check_length("values in the condition", self.state.d_cond, cond.len())?;
                Error::check_finite("condition", cond, cond.len())?;
                let data = TensorData::new(cond.to_vec(), [1, cond.len()]);
                Condition::Given(Tensor::from_data(data, &device))
            }
        };
        let denoiser = self.denoiser.clone().to_device(&device);
        let clip = X0Clip::new(&self.state.clip, &device);
        let n_steps = self.schedule.n_steps();
        let model =
            |x_t: Tensor<2>, t: usize| guidance.predict(&denoiser, x_t, t, n_steps, cond.clone());
        let process = ReverseProcess {
            schedule: &self.schedule,
            parameterization: self.state.config.parameterization,
            clip: Some(&clip),
        };
        let d = self.state.d;
        let mut rows = Vec::with_capacity(n * d);
        for first in (0..n).step_by(ROWS_AT_ONCE) {
            let n_rows = ROWS_AT_ONCE.min(n - first);
            let mut noise = RowNoise::new(n_rows, d, rng);
            let initial = noise.draw(&device);
            let x0 = process.sample(&*sampler, model, initial, || noise.draw(&device))?;
            rows.extend(x0.into_data().iter::<f32>().take(n_rows * d));
        }
        Ok(self.state.standardiser.invert(&rows))
    }
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
        let n_padded = self.rows.len().next_multiple_of(ROW_MULTIPLE);
        let mut values: Vec<f32> = Vec::with_capacity(n_padded * self.d);
        for rng in &mut self.rows {
            values.extend((0..self.d).map(|_| -> f32 { StandardNormal.sample(&mut *rng) }));
        }
        values.resize(n_padded * self.d, 0.0);
        Tensor::from_data(TensorData::new(values, [n_padded, self.d]), device)
    }
}
