//! Cells and means that fit the strata of a target.

use std::collections::BTreeMap;

use pert_core::ChaCha8Rng;

use crate::draw::{Placed, Pool, draw_in_proportion};
use crate::group::Group;
use crate::{CellPlan, StratumId, Target, TrainingSummary};

impl TrainingSummary<'_> {
    /// Mean of a shift on the target's control; NaN where there is no shift.
    pub(crate) fn shifted_mean(&self, target: &Target, shift: Option<Vec<f64>>) -> Vec<f64> {
        let control = self.matched_control_mean(target);
        match shift {
            Some(shift) => control.iter().zip(shift).map(|(c, s)| c + s).collect(),
            None => vec![f64::NAN; control.len()],
        }
    }

    /// Control cells of the target's strata with a shift added; none where there is no shift.
    pub(crate) fn shifted_cells(
        &self,
        target: &Target,
        shift: Option<Vec<f64>>,
        n: usize,
        rng: &mut ChaCha8Rng,
    ) -> CellPlan {
        match shift {
            Some(shift) => CellPlan::Shifted {
                rows: self.copies(self.control(), target, n, rng),
                shift,
                sampling_error: self.sampling_error(target, rng),
            },
            None => CellPlan::Rows(Vec::new()),
        }
    }

    /// Cells of a group in the target's strata and proportions, as they are. For a stratum where the group has none,
    /// cells of any stratum stand in.
    pub(crate) fn copies(
        &self,
        group: &Group,
        target: &Target,
        n: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<usize> {
        let pool = |&(stratum, weight): &(Option<StratumId>, f64)| {
            let own = group.rows_in(stratum);
            Pool::new(if own.is_empty() { group.rows() } else { own }, None, weight)
        };
        let pools: Vec<Pool> = target.strata().iter().map(pool).collect();
        draw_in_proportion(&pools, n, rng).into_iter().map(|(row, _)| row).collect()
    }
}

/// Draws cells of groups for the strata of a target, and moves those that come from elsewhere.
///
/// For a stratum where a group has no cells, its cells of other strata t are moved by μ_cs − μ_ct, from the control of
/// their stratum to that of the target's.
pub(crate) struct Mover<'a> {
    summary: &'a TrainingSummary<'a>,
    target: &'a Target,
    shifts: Vec<Vec<f64>>,
    place_of: BTreeMap<(Option<StratumId>, StratumId), Option<usize>>,
}

impl<'a> Mover<'a> {
    pub fn new(summary: &'a TrainingSummary<'a>, target: &'a Target) -> Self {
        Self { summary, target, shifts: Vec::new(), place_of: BTreeMap::new() }
    }

    /// Cells of a group in the target's proportions.
    pub fn draw(&mut self, group: &Group, n: usize, rng: &mut ChaCha8Rng) -> Vec<Placed> {
        let pools: Vec<Pool> = self
            .target
            .strata()
            .iter()
            .map(|&(stratum, weight)| match group.rows_in(stratum) {
                [] => Pool { cells: self.moved(group, stratum), weight },
                own => Pool::new(own, None, weight),
            })
            .collect();
        draw_in_proportion(&pools, n, rng)
    }

    /// All cells of a group, each with its way to a stratum.
    fn moved(&mut self, group: &Group, to: Option<StratumId>) -> Vec<Placed> {
        let mut cells = Vec::new();
        for (from, rows) in group.by_stratum() {
            let shift = self.shift(to, *from);
            cells.extend(rows.iter().map(|&row| (row, shift)));
        }
        cells.sort_unstable(); // in file order, as cells of one stratum are
        cells
    }

    fn shift(&mut self, to: Option<StratumId>, from: StratumId) -> Option<usize> {
        let (summary, shifts) = (self.summary, &mut self.shifts);
        *self.place_of.entry((to, from)).or_insert_with(|| {
            let to = summary.control_mean_in(to);
            let from = summary.control_mean_in(Some(from));
            if to == from {
                return None;
            }
            shifts.push(to.iter().zip(from).map(|(t, f)| t - f).collect());
            Some(shifts.len() - 1)
        })
    }

    /// The plan of cells drawn here.
    pub fn plan(self, cells: Vec<Placed>) -> CellPlan {
        plan(cells, self.shifts)
    }
}

/// The plan of cells with these shifts; copies where no cell has one.
pub(crate) fn plan(cells: Vec<Placed>, shifts: Vec<Vec<f64>>) -> CellPlan {
    let (rows, shift_of): (Vec<usize>, Vec<Option<usize>>) = cells.into_iter().unzip();
    if shift_of.iter().all(Option::is_none) {
        return CellPlan::Rows(rows);
    }
    CellPlan::Moved { rows, shifts, shift_of }
}
