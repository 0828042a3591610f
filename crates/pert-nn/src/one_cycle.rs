//! The one-cycle learning-rate schedule.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// One-cycle learning rate with cosine annealing (Smith & Topin 2018), as `OneCycleLR` of PyTorch in two phases:
/// from `peak / div` up to `peak` at step `warmup_fraction · total_steps − 1`, then down to
/// `peak / (div · final_div)` at the last step.
///
/// ```
/// use pert_nn::OneCycle;
/// let schedule = OneCycle::new(1e-3, 100);
/// schedule.check()?;
/// assert!((schedule.rate(0) - 1e-3 / 25.0).abs() < 1e-12);
/// assert!((schedule.rate(29) - 1e-3).abs() < 1e-12);
/// assert!((schedule.rate(99) - 1e-3 / 25.0 / 1e4).abs() < 1e-12);
/// # Ok::<(), pert_nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneCycle {
    /// The largest rate, above 0.
    pub peak: f64,
    /// Number of optimiser steps, at least 1.
    pub total_steps: usize,
    /// Share of the steps spent rising, in [0, 1). Default 0.3 (PyTorch's `pct_start`).
    pub warmup_fraction: f64,
    /// `peak` over the first rate, at least 1. Default 25 (PyTorch).
    pub div: f64,
    /// The first rate over the last one, at least 1. Default 10⁴ (PyTorch).
    pub final_div: f64,
}

impl OneCycle {
    /// A schedule with PyTorch's defaults; [`check`](Self::check) it before use.
    pub fn new(peak: f64, total_steps: usize) -> Self {
        Self { peak, total_steps, warmup_fraction: 0.3, div: 25.0, final_div: 1e4 }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        if !(self.peak > 0.0 && self.peak.is_finite()) {
            return Err(Error::setting("learning rate", "above 0 and finite", self.peak));
        }
        if self.total_steps == 0 {
            return Err(Error::setting("total_steps", "at least 1", self.total_steps));
        }
        if !(0.0..1.0).contains(&self.warmup_fraction) {
            return Err(Error::setting("warmup_fraction", "in [0, 1)", self.warmup_fraction));
        }
        for (name, value) in [("div", self.div), ("final_div", self.final_div)] {
            if !(value >= 1.0 && value.is_finite()) {
                return Err(Error::setting(name, "at least 1 and finite", value));
            }
        }
        Ok(())
    }

    /// The rate of optimiser step `step`, counted from 0; the last rate for any step beyond the end.
    pub fn rate(&self, step: usize) -> f64 {
        let first = self.peak / self.div;
        let last = first / self.final_div;
        let turn = self.warmup_fraction * self.total_steps as f64 - 1.0;
        let end = self.total_steps as f64 - 1.0;
        let step = (step as f64).min(end);
        if step < turn {
            cosine(first, self.peak, step / turn)
        } else {
            cosine(self.peak, last, (step - turn) / (end - turn))
        }
    }
}

/// From `start` at 0 to `end` at 1 along half a cosine.
fn cosine(start: f64, end: f64, fraction: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + (PI * fraction).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_once_and_falls_once() {
        let schedule = OneCycle::new(2e-3, 1000);
        let rates: Vec<f64> = (0..1000).map(|s| schedule.rate(s)).collect();
        assert!(rates[..300].windows(2).all(|w| w[0] < w[1]));
        assert!(rates[299..].windows(2).all(|w| w[0] > w[1]));
        assert_eq!(rates[299], 2e-3);
        assert_eq!(schedule.rate(5000), rates[999]);
    }

    #[test]
    fn short_schedules_stay_finite() {
        for total_steps in 1..8 {
            let schedule = OneCycle::new(1.0, total_steps);
            for step in 0..total_steps {
                let rate = schedule.rate(step);
                assert!(rate.is_finite() && rate > 0.0, "{total_steps} {step} {rate}");
            }
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        assert!(OneCycle::new(f64::NAN, 10).check().is_err());
        assert!(OneCycle::new(1e-3, 0).check().is_err());
        let error = OneCycle { warmup_fraction: 1.0, ..OneCycle::new(1e-3, 10) }.check();
        assert_eq!(error, Err(Error::setting("warmup_fraction", "in [0, 1)", 1.0)));
    }
}
