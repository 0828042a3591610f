//! What contrastive training reads.

use pert_core::CsrCounts;

use super::config::{ContrastiveConfig, PerturbationSide};
use super::error::ContrastiveError;
use crate::pooling::TokenBatch;

/// Training cells and the perturbation of each.
#[derive(Debug, Clone, Copy)]
pub struct ContrastiveData<'a> {
    /// Raw counts, `[n_cells, n_genes]`.
    pub counts: &'a CsrCounts,
    /// The rows to train on.
    pub cells: &'a [usize],
    /// The perturbation of each of `cells`, counted from 0; control is one of them.
    pub perturbation_of: &'a [usize],
    /// Number of perturbations.
    pub n_perturbations: usize,
    /// The perturbations as sets of tokens, one set each; for [`PerturbationSide::Sets`] alone.
    pub tokens: Option<&'a TokenBatch>,
}

impl ContrastiveData<'_> {
    pub(super) fn check(&self, config: &ContrastiveConfig) -> Result<(), ContrastiveError> {
        check_cells(self.counts, self.cells)?;
        let n = self.cells.len();
        ContrastiveError::check_length("perturbations of cells", n, self.perturbation_of.len())?;
        let n_perturbations = self.n_perturbations;
        let mut has_cells = vec![false; n_perturbations];
        for (cell, &found) in self.perturbation_of.iter().enumerate() {
            match has_cells.get_mut(found) {
                Some(has_cells) => *has_cells = true,
                None => {
                    return Err(ContrastiveError::NoSuchPerturbation {
                        cell,
                        found,
                        n_perturbations,
                    });
                }
            }
        }
        let found = has_cells.into_iter().filter(|&has| has).count();
        if found < 2 {
            return Err(ContrastiveError::OnePerturbation { found });
        }
        match (&config.perturbations, self.tokens) {
            (PerturbationSide::Prototypes, None) => Ok(()),
            (PerturbationSide::Sets(_), Some(tokens)) => {
                ContrastiveError::check_length("sets of tokens", n_perturbations, tokens.n())
            }
            (PerturbationSide::Prototypes, Some(_)) => Err(ContrastiveError::Tokens(
                "tokens are given, but prototypes are learned; choose `sets` for `perturbations`",
            )),
            (PerturbationSide::Sets(_), None) => {
                Err(ContrastiveError::Tokens("`perturbations` is `sets`, but no tokens are given"))
            }
        }
    }
}

/// Refuses cells that do not exist or of which no profile can be made.
pub(super) fn check_cells(counts: &CsrCounts, cells: &[usize]) -> Result<(), ContrastiveError> {
    let n_cells = counts.n_cells();
    for &cell in cells {
        if cell >= n_cells {
            return Err(ContrastiveError::NoSuchCell { cell, n_cells });
        }
        if counts.row(cell).0.is_empty() {
            return Err(ContrastiveError::EmptyCell { cell });
        }
    }
    Ok(())
}
