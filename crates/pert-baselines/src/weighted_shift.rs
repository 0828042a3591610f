//! The shift of a perturbation in other strata, near ones first.

use pert_core::ChaCha8Rng;

use crate::baseline::Baseline;
use crate::distance_weights::{euclidean, softmax_of_distances};
use crate::draw::{Pool, draw_in_proportion};
use crate::group::Group;
use crate::matched::plan;
use crate::{CellPlan, StratumId, Target, TrainingSummary};

/// Distance of control means that lowers a weight by the factor e. Source: this project's prototype on the screen of
/// Kang et al. 2018, exp(−distance / 2) over all genes.
const LENGTH: f64 = 2.0;

/// `weighted_shift`: the matched control plus the shift of the same perturbation in the training strata, each counted
/// by how near its control is.
///
/// For a stratum s of the target Σ_t a_st (μ_pt − μ_ct), t over the training strata with cells of p and controls,
/// a_st ∝ exp(−‖μ_cs − μ_ct‖ / 2), Euclidean over all genes, Σ_t a_st = 1. The number of cells of p in t has no
/// part in it, unlike in [`Additive`](crate::Additive). Cells are control cells of the target's strata with the shift
/// of their stratum added; a stratum without controls takes all controls and their mean.
///
/// It covers perturbations seen, with controls beside them, in a training stratum other than one of the target's.
/// What was seen in the target's own stratum takes part, at distance 0.
///
/// ```
/// use pert_baselines::{Baseline, TrainingSummary, WeightedShift};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// // The screen has no covariates, so no other stratum to learn from.
/// let baseline = WeightedShift::new(&summary);
/// let target = summary.target(&perturbation("A")?, &[2, 3]);
/// assert!(!baseline.covers(&target) && baseline.mean(&target)[0].is_nan());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct WeightedShift<'a> {
    summary: &'a TrainingSummary<'a>,
}

impl<'a> WeightedShift<'a> {
    /// The baseline over these training cells.
    pub fn new(summary: &'a TrainingSummary<'a>) -> Self {
        Self { summary }
    }

    /// The perturbation's cells in strata that have controls, or nothing where the target is not covered.
    fn sources(&self, target: &Target) -> Vec<(StratumId, &'a [usize])> {
        let p = target.perturbation();
        let group = self.summary.group_of(p).filter(|_| !p.is_control());
        let rows = group.map_or(&[][..], Group::by_stratum).iter();
        let sources: Vec<(StratumId, &[usize])> = rows
            .filter(|(stratum, _)| self.summary.has_control_in(*stratum))
            .map(|(stratum, rows)| (*stratum, rows.as_slice()))
            .collect();
        let elsewhere =
            |(t, _): &(StratumId, &[usize])| target.strata().iter().any(|(s, _)| *s != Some(*t));
        if sources.iter().any(elsewhere) { sources } else { Vec::new() }
    }

    /// One shift per stratum of the target; `None` where it is not covered.
    fn shifts(&self, target: &Target) -> Option<Vec<Vec<f64>>> {
        let counts = self.summary.screen().counts();
        let sources = self.sources(target);
        if sources.is_empty() {
            return None;
        }
        let control_in = |stratum| self.summary.control_mean_in(stratum);
        let shifts: Vec<Vec<f64>> = sources
            .iter()
            .map(|&(t, rows)| {
                let mean = counts.mean_log_normalised(rows);
                mean.iter().zip(control_in(Some(t))).map(|(m, c)| m - c).collect()
            })
            .collect();
        let weighted = |&(s, _): &(Option<StratumId>, f64)| {
            let distance = |&(t, _): &(StratumId, &[usize])| {
                euclidean(control_in(s), control_in(Some(t))) / LENGTH
            };
            let distances: Vec<f64> = sources.iter().map(distance).collect();
            let mut total = vec![0.0; counts.n_genes()];
            for (weight, shift) in softmax_of_distances(&distances).iter().zip(&shifts) {
                total.iter_mut().zip(shift).for_each(|(t, s)| *t += weight * s);
            }
            total
        };
        Some(target.strata().iter().map(weighted).collect())
    }
}

impl Baseline for WeightedShift<'_> {
    fn name(&self) -> &'static str {
        "weighted_shift"
    }

    fn covers(&self, target: &Target) -> bool {
        !self.sources(target).is_empty()
    }

    fn mean(&self, target: &Target) -> Vec<f64> {
        let shift = self.shifts(target).map(|shifts| {
            let mut mean = vec![0.0; self.summary.control_mean().len()];
            for (shift, (_, weight)) in shifts.iter().zip(target.strata()) {
                mean.iter_mut().zip(shift).for_each(|(m, s)| *m += weight * s);
            }
            mean
        });
        self.summary.shifted_mean(target, shift)
    }

    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        let Some(shifts) = self.shifts(target) else { return CellPlan::Rows(Vec::new()) };
        let control = self.summary.control();
        let pool = |(place, &(stratum, weight)): (usize, &(Option<StratumId>, f64))| {
            let own = control.rows_in(stratum);
            Pool::new(if own.is_empty() { control.rows() } else { own }, Some(place), weight)
        };
        let pools: Vec<Pool> = target.strata().iter().enumerate().map(pool).collect();
        plan(draw_in_proportion(&pools, n, rng), shifts)
    }
}
