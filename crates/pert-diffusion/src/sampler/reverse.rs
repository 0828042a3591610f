//! Running a sampler over a model.

use super::level::Level;
use super::{Sampler, X0Clip};
use crate::error::Error;
use crate::parameterization::Parameterization;
use crate::rows::Rows;
use crate::schedule::Schedule;

/// From noise to rows: a schedule, what the model's output stands for, and the bounds of x_0.
///
/// A model is any function from `x_t` and its step to the raw output, on tensors or on plain f64 (see [`Rows`]).
///
/// ```
/// use pert_diffusion::{Ddim, Parameterization, ReverseProcess, Schedule, ScheduleConfig};
/// let schedule = Schedule::new(&ScheduleConfig::default())?;
/// let process = ReverseProcess::new(&schedule, Parameterization::X0);
/// let model = |x_t: Vec<f64>, _t| vec![3.0; x_t.len()];
/// let states = process.trajectory(&Ddim::default(), model, vec![0.5], || unreachable!())?;
/// assert_eq!(states.len(), 25);
/// assert!((states[24][0] - 3.0).abs() < 1e-12);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ReverseProcess<'a> {
    /// The noise levels.
    pub schedule: &'a Schedule,
    /// What the model puts out.
    pub parameterization: Parameterization,
    /// Bounds of the predicted x_0, if any.
    pub clip: Option<&'a X0Clip>,
}

impl<'a> ReverseProcess<'a> {
    /// Without a clip.
    pub fn new(schedule: &'a Schedule, parameterization: Parameterization) -> Self {
        Self { schedule, parameterization, clip: None }
    }

    /// Draws x_0 with any sampler.
    ///
    /// `model` is asked once per step; `noise` gives fresh N(0, I) values of the shape of `initial` and is called once
    /// in every step that adds noise.
    ///
    /// # Shapes
    /// `initial` (N(0, I) values), output: `[n, d]`.
    ///
    /// # Errors
    /// What the sampler's [`plan`](Sampler::plan) finds; [`Error::InvalidSetting`] for the ε-form at a step without
    /// any signal (a schedule of zero terminal signal-to-noise ratio), and for the v-form on the straight path.
    pub fn sample<R: Rows>(
        &self,
        sampler: &(impl Sampler + ?Sized),
        model: impl FnMut(R, usize) -> R,
        initial: R,
        noise: impl FnMut() -> R,
    ) -> Result<R, Error> {
        let mut x = None;
        self.run(sampler, model, initial.clone(), noise, |state| x = Some(state.clone()))?;
        Ok(x.unwrap_or(initial))
    }

    /// As [`sample`](Self::sample), with the state after every step; the last one is x_0.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn trajectory<R: Rows>(
        &self,
        sampler: &(impl Sampler + ?Sized),
        model: impl FnMut(R, usize) -> R,
        initial: R,
        noise: impl FnMut() -> R,
    ) -> Result<Vec<R>, Error> {
        let mut states = Vec::new();
        self.run(sampler, model, initial, noise, |state| states.push(state.clone()))?;
        Ok(states)
    }

    fn run<R: Rows>(
        &self,
        sampler: &(impl Sampler + ?Sized),
        mut model: impl FnMut(R, usize) -> R,
        initial: R,
        mut noise: impl FnMut() -> R,
        mut seen: impl FnMut(&R),
    ) -> Result<(), Error> {
        let plan = sampler.plan(self.schedule)?;
        for step in &plan {
            self.check_output(step.t)?;
        }
        let (mut x, mut previous) = (initial, None);
        for step in plan {
            let output = model(x.clone(), step.t);
            let x0 = self.x0(&output, &x, step.t);
            let fresh = (step.noise > 0.0).then(&mut noise);
            let mut terms = vec![(step.x, &x), (step.x0, &x0)];
            terms.extend(previous.as_ref().map(|previous| (step.x0_previous, previous)));
            terms.extend(fresh.as_ref().map(|fresh| (step.noise, fresh)));
            x = R::combine(&terms);
            seen(&x);
            previous = Some(x0);
        }
        Ok(())
    }

    /// The predicted x_0, clipped, from an output at `x_t`.
    pub(crate) fn x0<R: Rows>(&self, output: &R, x_t: &R, t: usize) -> R {
        let level = Level::of(self.schedule, t);
        let (of_x, of_output) = self.parameterization.x0_factors(level.signal(), level.sigma());
        let x0 = R::combine(&[(of_x, x_t), (of_output, output)]);
        match self.clip {
            Some(clip) => x0.clip(clip),
            None => x0,
        }
    }

    /// Whether the model's output tells x_0 at a step.
    pub(crate) fn check_output(&self, t: usize) -> Result<(), Error> {
        let (expected, found) = match self.parameterization {
            Parameterization::Epsilon if self.schedule.alpha_bar(t) == 0.0 => (
                "x0, v or flow where no signal is left (zero terminal signal-to-noise ratio)",
                "epsilon",
            ),
            Parameterization::V if (self.schedule.total_variance(t) - 1.0).abs() > 1e-6 => {
                ("flow or x0 on the straight path", "v")
            }
            _ => return Ok(()),
        };
        Err(Error::setting("parameterization", expected, found))
    }
}
