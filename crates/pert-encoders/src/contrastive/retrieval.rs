//! Which perturbation made this cell?

use super::cell_encoder::CellEncoder;
use super::error::ContrastiveError;
use crate::Error;

/// How often a cell's own perturbation is among the nearest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retrieval {
    /// Number of cells.
    pub n_cells: usize,
    /// Number of perturbations to choose from.
    pub n_perturbations: usize,
    /// Share of cells whose own perturbation is the nearest.
    pub top1: f64,
    /// Share of cells whose own perturbation is among the five nearest.
    pub top5: f64,
    /// `top1` as the mean over perturbations that have cells, each weighing alike.
    pub balanced_top1: f64,
    /// What always naming the commonest perturbation of these cells would score for `top1`.
    pub commonest: f64,
}

impl CellEncoder {
    /// Ranks perturbations by their cosine to each cell. A tie counts against the cell.
    ///
    /// # Shapes
    /// - g: `[n_cells, d]`, as [`CellEncoder::encode`] gives it
    /// - perturbations: `[n_perturbations, d]`, as [`CellEncoder::prototypes`] or [`CellEncoder::encode_sets`] gives them
    /// - truth: `[n_cells]`, the perturbation of each cell
    ///
    /// # Errors
    /// [`ContrastiveError`] for lengths that contradict each other, no cells, or a perturbation that does not exist.
    pub fn retrieval(
        &self,
        g: &[f32],
        perturbations: &[f32],
        truth: &[usize],
    ) -> Result<Retrieval, Error> {
        Ok(retrieval(g, perturbations, truth, self.dim())?)
    }
}

fn retrieval(
    g: &[f32],
    perturbations: &[f32],
    truth: &[usize],
    d: usize,
) -> Result<Retrieval, ContrastiveError> {
    let (n_cells, n_perturbations) = (truth.len(), perturbations.len() / d);
    ContrastiveError::check_length("values of cells", n_cells * d, g.len())?;
    ContrastiveError::check_length(
        "values of perturbations",
        n_perturbations * d,
        perturbations.len(),
    )?;
    if n_cells == 0 {
        return Err(ContrastiveError::setting("the number of cells", "at least 1", 0));
    }
    // Cells, and those found first, of each perturbation.
    let mut of_each = vec![(0usize, 0usize); n_perturbations];
    let mut in_top5 = 0;
    for (cell, (g, &own)) in g.chunks_exact(d).zip(truth).enumerate() {
        let Some(counts) = of_each.get_mut(own) else {
            let found = own;
            return Err(ContrastiveError::NoSuchPerturbation { cell, found, n_perturbations });
        };
        let cosine = |p: usize| -> f32 {
            g.iter().zip(&perturbations[p * d..(p + 1) * d]).map(|(a, b)| a * b).sum()
        };
        let of_own = cosine(own);
        let before = (0..n_perturbations).filter(|&p| p != own && cosine(p) >= of_own).count();
        counts.0 += 1;
        counts.1 += usize::from(before == 0);
        in_top5 += usize::from(before < 5);
    }
    let n = n_cells as f64;
    let with_cells: Vec<(usize, usize)> = of_each.into_iter().filter(|c| c.0 > 0).collect();
    let first: usize = with_cells.iter().map(|c| c.1).sum();
    let shares = with_cells.iter().map(|&(cells, first)| first as f64 / cells as f64);
    Ok(Retrieval {
        n_cells,
        n_perturbations,
        top1: first as f64 / n,
        top5: f64::from(in_top5 as u32) / n,
        balanced_top1: shares.sum::<f64>() / with_cells.len() as f64,
        commonest: with_cells.iter().map(|c| c.0).max().unwrap_or(0) as f64 / n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_counted_over_cells_and_over_perturbations() {
        let perturbations = [1.0, 0.0, 0.0, 1.0];
        // Three cells of perturbation 0, of which one lies near 1; one of perturbation 1, on the line between.
        let g = [1.0, 0.0, 0.8, 0.6, 0.6, 0.8, 0.5, 0.5];
        let found = retrieval(&g, &perturbations, &[0, 0, 0, 1], 2).unwrap();
        let expected = Retrieval {
            n_cells: 4,
            n_perturbations: 2,
            top1: 0.5,
            top5: 1.0,
            balanced_top1: (2.0 / 3.0) / 2.0,
            commonest: 0.75,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn arrays_that_contradict_each_other_are_errors() {
        assert!(retrieval(&[1.0], &[1.0, 0.0], &[0], 2).is_err());
        assert!(retrieval(&[1.0, 0.0], &[1.0, 0.0, 1.0], &[0], 2).is_err());
        assert!(retrieval(&[], &[1.0, 0.0], &[], 2).is_err());
        let error = retrieval(&[1.0, 0.0], &[1.0, 0.0], &[1], 2).unwrap_err();
        assert!(matches!(error, ContrastiveError::NoSuchPerturbation { found: 1, .. }));
    }
}
