//! Which likelihood fits.

use std::ops::ControlFlow;

use burn::tensor::Device;
use pert_core::{ChaCha8Rng, CsrCounts, seeded_rng};
use rand::Rng;

use crate::config::{Dispersion, Likelihood, VaeConfig};
use crate::error::Error;
use crate::inputs::VaeInputs;
use crate::train_config::TrainConfig;
use crate::vae::Vae;
use crate::validated::split;

/// Share of the cells that the candidates are compared on.
const HELD_OUT: f64 = 0.2;

/// Cells compared on at most: the standard error of a paired difference is then below a nat nearly always.
const MOST_CELLS: usize = 1000;

/// Draws of the importance sampling.
const N_SAMPLES: usize = 16;

/// From simple to rich: the first of several that fit equally is taken.
const CANDIDATES: [Likelihood; 3] = [Likelihood::Poisson, Likelihood::Nb, Likelihood::Zinb];

/// The likelihoods compared on held-out cells.
#[derive(Debug, Clone, PartialEq)]
pub struct LikelihoodChoice {
    /// The simplest within one standard error of the best.
    pub chosen: Likelihood,
    /// The candidates, from simple to rich.
    pub candidates: Vec<HeldOutLikelihood>,
}

/// A likelihood on held-out cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOutLikelihood {
    /// Which.
    pub likelihood: Likelihood,
    /// Mean log p(y|g) per cell, nats, by importance sampling with 16 draws.
    pub mean: f64,
    /// How far it lies below the best, nats per cell, 0 for the best; paired by cell.
    pub below_best: f64,
    /// Standard error of that difference.
    pub standard_error: f64,
}

impl LikelihoodChoice {
    /// Fits `poisson`, `nb` and `zinb` to 80% of the cells with the settings given and compares log p(y|g) on up to 1,000
    /// of the others ([`Vae::marginal_log_likelihood`]).
    ///
    /// The likelihood of `config` is ignored; Poisson is fitted with [`Dispersion::Gene`]. A few hundred steps suffice.
    /// All candidates have the same seed.
    ///
    /// # Errors
    /// As [`Vae::fit`]; [`Error::NoCells`] for fewer than two cells.
    ///
    /// ```
    /// use pert_decoder::{
    ///     CsrCounts, Device, LikelihoodChoice, TrainConfig, VaeConfig, VaeInputs, seeded_rng,
    /// };
    /// let dense: Vec<f32> = (0..60).map(|i| (1 + i % 4) as f32).collect();
    /// let counts = CsrCounts::from_dense(3, &dense)?;
    /// let cells: Vec<usize> = (0..20).collect();
    /// let inputs = VaeInputs { cell: None, covariate: None, library_group: &[0; 20], n_groups: 1 };
    /// let brief = TrainConfig { steps: 3, ..Default::default() };
    /// let rng = &mut seeded_rng(0, "likelihood");
    /// let choice = LikelihoodChoice::fit(
    ///     &counts, &cells, &inputs, &VaeConfig::new(3, 2), &brief, rng, &Device::default())?;
    /// assert_eq!(choice.candidates.len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fit(
        counts: &CsrCounts,
        cells: &[usize],
        inputs: &VaeInputs<'_>,
        config: &VaeConfig,
        train: &TrainConfig,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        config.check()?;
        let [kept, mut held_out] = split(config, cells, inputs, HELD_OUT, rng)?;
        if held_out.cells.len() > MOST_CELLS {
            let first: Vec<usize> = (0..MOST_CELLS).collect();
            let part =
                crate::validated::Part::new(config, &held_out.cells, &held_out.inputs(), &first);
            held_out = part;
        }
        let seed = rng.next_u64();
        let mut per_cell = Vec::new();
        for likelihood in CANDIDATES {
            let dispersion = match likelihood {
                Likelihood::Poisson => Dispersion::Gene,
                _ => config.dispersion,
            };
            let config = VaeConfig { likelihood, dispersion, ..config.clone() };
            let vae = Vae::fit(
                counts,
                &kept.cells,
                &kept.inputs(),
                &config,
                train,
                &mut seeded_rng(seed, "candidate"),
                device,
                &mut |_| ControlFlow::Continue(()),
            )?;
            per_cell.push(vae.marginal_log_likelihood(
                counts,
                &held_out.cells,
                held_out.conditions(),
                Some(&held_out.library_group),
                N_SAMPLES,
                &mut seeded_rng(seed, "held out"),
            )?);
        }
        Ok(Self::of(&per_cell))
    }

    /// Compares log p(y|g), `[n_candidates][n_cells]`.
    fn of(per_cell: &[Vec<f64>]) -> Self {
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let means: Vec<f64> = per_cell.iter().map(|x| mean(x)).collect();
        let best = (0..means.len()).max_by(|&i, &j| means[i].total_cmp(&means[j])).unwrap_or(0);
        let candidates: Vec<HeldOutLikelihood> = per_cell
            .iter()
            .zip(CANDIDATES)
            .map(|(x, likelihood)| {
                let below: Vec<f64> = per_cell[best].iter().zip(x).map(|(b, x)| b - x).collect();
                let below_best = mean(&below);
                let squares: Vec<f64> = below.iter().map(|d| (d - below_best).powi(2)).collect();
                let n = below.len() as f64;
                let standard_error = (mean(&squares) / (n - 1.0).max(1.0)).sqrt();
                HeldOutLikelihood { likelihood, mean: mean(x), below_best, standard_error }
            })
            .collect();
        let is_close = |c: &&HeldOutLikelihood| c.below_best <= c.standard_error;
        let chosen = candidates.iter().find(is_close).map_or(CANDIDATES[best], |c| c.likelihood);
        Self { chosen, candidates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simplest_within_one_standard_error_is_chosen() {
        let zinb: Vec<f64> = (0..50).map(|i| -100.0 - f64::from(i % 7)).collect();
        let shifted = |by: f64, noise: f64| -> Vec<f64> {
            zinb.iter().enumerate().map(|(i, x)| x - by + noise * (i as f64).sin()).collect()
        };
        // 0.01 below with a standard error of 0.1: equal. Poisson is 5 nats off.
        let choice = LikelihoodChoice::of(&[shifted(5.0, 1.0), shifted(0.01, 1.0), zinb.clone()]);
        assert_eq!(choice.chosen, Likelihood::Nb);
        let choice = LikelihoodChoice::of(&[shifted(5.0, 1.0), shifted(2.0, 0.1), zinb.clone()]);
        assert_eq!(choice.chosen, Likelihood::Zinb);
        assert_eq!(choice.candidates[2].below_best, 0.0);
    }
}
