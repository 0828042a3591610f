//! Perturbations held out in one cell type and seen in another.

use std::collections::{BTreeSet, HashSet};

use super::{Draw, HeldOut};
use crate::{CovariateRole, CovariateValues, Error, Perturbation, Population, SplitConfig};

/// A share of the pairs (perturbation, cell type), as long as the perturbation is left in another cell type.
pub(super) fn transfer<'a>(
    draw: Draw,
    config: &SplitConfig,
    screen: &Population,
    perturbed: &[&'a Perturbation],
) -> Result<HeldOut<'a>, Error> {
    let nothing = |reason| Error::EmptySplit {
        rule: config.hold_out.to_string(),
        what: "perturbation to test",
        reason,
    };
    let cell_type = screen.covariates().iter().find(|c| c.role == CovariateRole::CellType);
    let Some(CovariateValues::Categorical { levels, codes }) = cell_type.map(|c| &c.values) else {
        return Err(nothing("the data has no cell types (--cell-type-key)".into()));
    };
    let cells_of: Vec<Vec<usize>> = perturbed.iter().map(|p| screen.cells_of(p)).collect();
    let mut present: BTreeSet<(usize, u32)> = BTreeSet::new();
    for (index, cells) in cells_of.iter().enumerate() {
        present.extend(cells.iter().map(|&cell| (index, codes[cell])));
    }
    let candidates: Vec<(usize, u32)> = present.into_iter().collect();
    let n_wanted = draw.n_wanted(candidates.len());
    let mut left = vec![0usize; perturbed.len()];
    candidates.iter().for_each(|c| left[c.0] += 1);
    let mut held_out: HashSet<(usize, u32)> = HashSet::new();
    for candidate in draw.order(candidates.len()).into_iter().map(|i| candidates[i]) {
        if held_out.len() < n_wanted && left[candidate.0] > 1 {
            left[candidate.0] -= 1;
            held_out.insert(candidate);
        }
    }
    if held_out.is_empty() {
        let n = levels.len();
        return Err(nothing(format!("no perturbation is seen in two of the {n} cell types")));
    }
    let (mut test, mut cells) = (Vec::new(), BTreeSet::new());
    for (index, p) in perturbed.iter().enumerate() {
        let before = cells.len();
        cells.extend(cells_of[index].iter().filter(|&&i| held_out.contains(&(index, codes[i]))));
        if cells.len() > before {
            test.push(*p);
        }
    }
    Ok(HeldOut { cells: Some(cells), ..HeldOut::whole(test) })
}
