//! The variational bound of a diffusion, in nats per dimension.

use std::f64::consts::PI;

use crate::error::Error;
use crate::rows::Rows;
use crate::sampler::{FixedVariance, ReverseProcess};
use crate::schedule::Schedule;

/// What a model says about x_{t−1}: its raw output and, if it predicts variances, where they lie.
///
/// Any output alone is a prediction with a fixed variance.
///
/// ```
/// use pert_diffusion::Prediction;
/// let fixed = Prediction::from(vec![0.1, 0.2]);
/// assert!(fixed.range.is_none());
/// // Half way between the two fixed variances, in the logarithm.
/// let learned = Prediction { range: Some(vec![0.5, 0.5]), ..fixed };
/// assert_eq!(learned.output, [0.1, 0.2]);
/// ```
#[derive(Debug, Clone)]
pub struct Prediction<R> {
    /// ε, x_0 or v, `[n, d]`.
    pub output: R,
    /// v of the learned range, `[n, d]`: the variance is exp(v ln β_t + (1 − v) ln β̃_t) (Nichol & Dhariwal 2021,
    /// equation 15); 0 is the small and 1 the large fixed variance, values outside are allowed.
    pub range: Option<R>,
}

impl<R> From<R> for Prediction<R> {
    fn from(output: R) -> Self {
        Self { output, range: None }
    }
}

/// −log p(x_0) ≤ L_T + Σ_{t ≥ 1} L_t + L_0, in nats per dimension, averaged over rows (Ho et al. 2020, equation 5).
///
/// | term | | |
/// |---|---|---|
/// | L_T | `prior` | KL(q(x_T\|x_0) ‖ N(0, I)); nothing to be learned |
/// | L_t, t ≥ 1 | `terms[t]` | KL(q(x_{t−1}\|x_t, x_0) ‖ p(x_{t−1}\|x_t)) |
/// | L_0 | `terms[0]` | −log p(x_0\|x_1) |
///
/// Rows are continuous: p(x_0|x_1) is the *density* of N(x̂_0, Σ_0) at x_0 (Ho et al. discretise it for 8-bit
/// images), so that the bound may be negative and depends on the units of x. For rows standardised by scales s_j, the
/// mean of ln s_j over dimensions is to be added for the bound in the units before.
///
/// ```
/// use pert_diffusion::Bound;
/// let bound = Bound { prior: 0.01, terms: vec![0.5, 0.25] };
/// assert_eq!(bound.total(), 0.76);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// L_T.
    pub prior: f64,
    /// L_t of every step; the first is the decoder's, L_0.
    pub terms: Vec<f64>,
}

impl Bound {
    /// The bound on −log p(x_0), nats per dimension.
    pub fn total(&self) -> f64 {
        self.prior + self.terms.iter().sum::<f64>()
    }
}

impl ReverseProcess<'_> {
    /// The variational bound of rows `x0` under a model, every term estimated by one draw of the noise per row.
    ///
    /// `fixed` is the variance of p(x_{t−1}|x_t) where the model predicts none. As in Nichol & Dhariwal's code, both
    /// have β̃_1 at t = 0 (β_0 when T = 1), and a learned range there lies between β̃_1 and β_0.
    ///
    /// Bounds of models are comparable only over the same rows in the same units; use the same noise, too.
    ///
    /// # Shapes
    /// `x0`, and what `noise` gives, N(0, I) values: `[n, d]`.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for the ε-form at a step without any signal; [`Error::LengthMismatch`] for an output
    /// or noise of another shape than the rows.
    ///
    /// ```
    /// use pert_diffusion::{
    ///     FixedVariance, Parameterization, ReverseProcess, Schedule, ScheduleConfig,
    /// };
    /// let schedule = Schedule::new(&ScheduleConfig { n_steps: 50, ..Default::default() })?;
    /// // Rows from N(0, 1): E[x_0 | x_t] = √ᾱ x_t, and the large variance is the right one.
    /// let model = |x_t: Vec<f64>, t| -> Vec<f64> {
    ///     x_t.iter().map(|x| schedule.alpha_bar(t).sqrt() * x).collect()
    /// };
    /// let process = ReverseProcess::new(&schedule, Parameterization::X0);
    /// // Second moments as those of N(0, 1), which is all that matters here.
    /// let x0 = vec![-1.0, 1.0, -1.0, 1.0];
    /// let bound = process.bound(FixedVariance::Large, model, x0, || vec![-1.0, -1.0, 1.0, 1.0])?;
    /// let entropy = 0.5 * (1.0 + (2.0 * std::f64::consts::PI).ln());
    /// assert!(bound.total() > entropy && bound.total() < entropy + 0.1);
    /// # Ok::<(), pert_diffusion::Error>(())
    /// ```
    pub fn bound<R: Rows, P: Into<Prediction<R>>>(
        &self,
        fixed: FixedVariance,
        mut model: impl FnMut(R, usize) -> P,
        x0: R,
        mut noise: impl FnMut() -> R,
    ) -> Result<Bound, Error> {
        let terms = (0..self.schedule.n_steps())
            .map(|t| self.bound_term(t, fixed, &mut model, x0.clone(), noise()))
            .collect::<Result<_, _>>()?;
        Ok(Bound { prior: self.bound_prior(&x0), terms })
    }

    /// L_T, KL(q(x_T | x_0) ‖ N(0, I)) in nats per dimension: ½ (ᾱ (x_0² − 1) − ln(1 − ᾱ)) at the last step.
    pub fn bound_prior<R: Rows>(&self, x0: &R) -> f64 {
        let last = self.schedule.n_steps() - 1;
        let alpha_bar = self.schedule.alpha_bar(last);
        let log_variance = self.schedule.noise_variance(last).ln();
        mean(x0.to_f64().into_iter().map(|x| 0.5 * (alpha_bar * (x * x - 1.0) - log_variance)))
    }

    /// L_t of rows `x0` noised by `noise`, in nats per dimension; for monitoring single steps.
    ///
    /// # Shapes
    /// `x0`, `noise`: `[n, d]`.
    ///
    /// # Errors
    /// As [`bound`](Self::bound).
    pub fn bound_term<R: Rows, P: Into<Prediction<R>>>(
        &self,
        t: usize,
        fixed: FixedVariance,
        model: impl FnOnce(R, usize) -> P,
        x0: R,
        noise: R,
    ) -> Result<f64, Error> {
        self.check_output(t)?;
        let schedule = self.schedule;
        let clean = x0.to_f64();
        Error::check_length("values of noise", clean.len(), noise.to_f64().len())?;
        let (signal, sigma) = (schedule.alpha_bar(t).sqrt(), schedule.noise_variance(t).sqrt());
        let x_t = R::combine(&[(signal, &x0), (sigma, &noise)]);
        let Prediction { output, range } = model(x_t.clone(), t).into();
        Error::check_length("values of the output", clean.len(), output.to_f64().len())?;
        let predicted = self.x0(&output, &x_t, t).to_f64();
        let log_variance = match range {
            None => vec![fixed_log_variance(fixed, t, schedule); clean.len()],
            Some(range) => {
                let range = range.to_f64();
                Error::check_length("values of the range", clean.len(), range.len())?;
                let large = schedule.beta(t).ln();
                let small = schedule.posterior_log_variance_clipped(t);
                range.iter().map(|v| v * large + (1.0 - v) * small).collect()
            }
        };
        // The means differ only by their x_0: μ̃ − μ = factor (x_0 − x̂_0); the factor is 1 at t = 0.
        let factor = schedule.posterior_mean_x0(t);
        let each = clean.iter().zip(&predicted).zip(&log_variance).map(|((x0, predicted), log)| {
            let square = (factor * (x0 - predicted)).powi(2) * (-log).exp();
            if t == 0 {
                return 0.5 * ((2.0 * PI).ln() + log + square);
            }
            // KL(N(μ̃, β̃) ‖ N(μ, Σ)) = ½ (β̃/Σ − 1 − ln(β̃/Σ) + (μ̃ − μ)²/Σ)
            let log_ratio = schedule.posterior_log_variance_clipped(t) - log;
            0.5 * (log_ratio.exp_m1() - log_ratio + square)
        });
        Ok(mean(each))
    }
}

fn fixed_log_variance(fixed: FixedVariance, t: usize, schedule: &Schedule) -> f64 {
    match fixed {
        FixedVariance::Large if t > 0 => schedule.beta(t).ln(),
        _ => schedule.posterior_log_variance_clipped(t),
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}
