//! Strata: cells that share their covariates.

use std::collections::BTreeMap;

use pert_core::{Covariate, CovariateRole, CovariateValues, Population};

/// One combination of covariate values among the training cells, such as one cell type in one batch.
///
/// [`CovariateRole::Dose`] is no part of it: the dose belongs to what was done to a cell, not to where it was done,
/// and control cells have none to be matched by. Without covariates all cells are one stratum.
///
/// Ids count from 0 in the order of the covariates' values, and are those of one
/// [`TrainingSummary`](crate::TrainingSummary).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StratumId(usize);

impl StratumId {
    /// Its place among the strata of the training cells.
    pub fn index(self) -> usize {
        self.0
    }
}

/// The strata of the training cells of a screen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strata {
    of_key: BTreeMap<Vec<u64>, StratumId>,
}

impl Strata {
    /// The strata that these cells lie in.
    pub fn fit(screen: &Population, rows: &[usize]) -> Self {
        let mut of_key: BTreeMap<Vec<u64>, StratumId> =
            rows.iter().map(|&row| (key(screen, row), StratumId(0))).collect();
        of_key.values_mut().enumerate().for_each(|(i, id)| *id = StratumId(i));
        Self { of_key }
    }

    /// The stratum of a cell; `None` where no training cell shares its covariates.
    pub fn of(&self, screen: &Population, row: usize) -> Option<StratumId> {
        self.of_key.get(&key(screen, row)).copied()
    }

    pub fn len(&self) -> usize {
        self.of_key.len()
    }
}

fn key(screen: &Population, row: usize) -> Vec<u64> {
    let context = screen.covariates().iter().filter(|c| c.role != CovariateRole::Dose);
    context.map(|covariate| value(covariate, row)).collect()
}

/// Equal for cells of the same value; numbers are compared as bits, so NaN is a value like any other.
fn value(covariate: &Covariate, row: usize) -> u64 {
    match &covariate.values {
        CovariateValues::Categorical { codes, .. } => u64::from(codes[row]),
        CovariateValues::Numeric(values) => values[row].to_bits(),
    }
}
