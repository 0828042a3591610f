//! The same noise under another condition: what a row would have been.

use burn::tensor::Device;

use crate::config::{SamplerConfig, SamplerKind};
use crate::error::Error;
use crate::prior::Prior;
use crate::sample_condition::SampleCondition;
use crate::sampler::{Inversion, Timesteps};

impl Prior {
    /// The noise from which deterministic DDIM of the same `timesteps` draws `rows` under their condition
    /// ([`Inversion`]), standard normal if the rows are what the prior says.
    ///
    /// Inversion runs without guidance, so sample from the noise with guidance 1 (the default).
    ///
    /// # Shapes
    /// `rows`: `[n, d]` row-major, in the space of the training rows; output: `[n, d]`.
    ///
    /// # Errors
    /// Rows that are not whole or not finite, a condition as in [`sample_under`](Self::sample_under), and timesteps or
    /// substitutions out of range.
    pub fn invert(
        &self,
        rows: &[f32],
        cond: &SampleCondition<'_>,
        inversion: &Inversion,
        device: &Device,
    ) -> Result<Vec<f32>, Error> {
        self.check_rows("rows", rows)?;
        let z = self.state().standardiser.apply(rows);
        let scale = self.start_scale(&inversion.timesteps)?;
        let one = SamplerConfig::default().guidance()?;
        let noise = self.by_batches(&z, cond, &one, device, |process, model, x0| {
            process.invert(inversion, model, x0)
        })?;
        Ok(noise.into_iter().map(|z| (f64::from(z) / scale) as f32).collect())
    }

    /// Draws rows from given noise, as [`sample_under`](Self::sample_under) from noise of its own.
    ///
    /// # Shapes
    /// `noise`: `[n, d]` row-major, N(0, I) values; output: `[n, d]`.
    ///
    /// # Errors
    /// As [`sample_under`](Self::sample_under); noise that is not in whole rows or not finite; a sampler that adds noise.
    pub fn sample_from_noise(
        &self,
        noise: &[f32],
        cond: &SampleCondition<'_>,
        config: &SamplerConfig,
        device: &Device,
    ) -> Result<Vec<f32>, Error> {
        self.check_rows("noise", noise)?;
        let kind = self.state().config.parameterization;
        let sampler = config.sampler(kind)?;
        if sampler.plan(self.schedule())?.iter().any(|step| step.noise > 0.0) {
            let expected = "deterministic where the noise is given: ddim with eta 0, or dpm_solver";
            return Err(Error::setting("sampler", expected, format!("{:?}", config.kind)));
        }
        let scale = self.start_scale(&config.timesteps(kind))?;
        let initial: Vec<f32> = noise.iter().map(|&z| (f64::from(z) * scale) as f32).collect();
        let z =
            self.by_batches(&initial, cond, &config.guidance()?, device, |process, model, x| {
                process.sample(&*sampler, model, x, || unreachable!("deterministic"))
            })?;
        Ok(self.state().standardiser.invert(&z))
    }

    /// What `rows` under one condition would have been under another: inverted under `from`, drawn again from the same
    /// noise under `to`, along the same `timesteps` with deterministic DDIM.
    ///
    /// With `to` equal to `from` the rows come back, as exactly as `inversion.substitutions` allows and as far as they lie
    /// within the bounds of x_0.
    ///
    /// # Shapes
    /// `rows`, output: `[n, d]`, row-major.
    ///
    /// # Errors
    /// As [`invert`](Self::invert).
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// use pert_diffusion::{
    ///     Device, Inversion, Prior, PriorConfig, SampleCondition, TrainingData, seeded_rng,
    /// };
    /// // Two conditions 4 apart.
    /// let condition_of: Vec<usize> = (0..400).map(|i| i % 2).collect();
    /// let x: Vec<f32> = (0..400).map(|i| 4.0 * (i % 2) as f32 + (i as f32 * 0.7).sin()).collect();
    /// let conditions = &[1.0, 0.0, 0.0, 1.0];
    /// let data = TrainingData {
    ///     x: &x,
    ///     d: 1,
    ///     conditions,
    ///     d_cond: 2,
    ///     condition_of: &condition_of,
    ///     ..Default::default()
    /// };
    /// let (config, device) = (PriorConfig { steps: 300, ..Default::default() }, Device::default());
    /// let rng = &mut seeded_rng(0, "prior");
    /// let prior = Prior::fit(&data, &config, rng, &device, &mut |_| ControlFlow::Continue(()))?;
    /// let condition = |i: usize| SampleCondition {
    ///     pooled: Some(&conditions[2 * i..2 * i + 2]),
    ///     ..Default::default()
    /// };
    /// let shifted =
    ///     prior.counterfactual(&[0.5], &condition(0), &condition(1), &Inversion::default(), &device)?;
    /// assert!((shifted[0] - 4.5).abs() < 1.0);
    /// # Ok::<(), pert_diffusion::Error>(())
    /// ```
    pub fn counterfactual(
        &self,
        rows: &[f32],
        from: &SampleCondition<'_>,
        to: &SampleCondition<'_>,
        inversion: &Inversion,
        device: &Device,
    ) -> Result<Vec<f32>, Error> {
        let noise = self.invert(rows, from, inversion, device)?;
        let Timesteps { steps, start, spacing } = inversion.timesteps;
        let (kind, start) = (SamplerKind::Ddim, Some(start)); // what was inverted
        let config = SamplerConfig { kind, steps, start, spacing, ..Default::default() };
        self.sample_from_noise(&noise, to, &config, device)
    }

    fn check_rows(&self, what: &'static str, rows: &[f32]) -> Result<(), Error> {
        let width = self.state().d;
        if !rows.len().is_multiple_of(width) {
            return Err(Error::RaggedRows { array: what, n_values: rows.len(), width });
        }
        Error::check_finite(what, rows, width)
    }
}
