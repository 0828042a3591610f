//! The profiles of a group of cells, sorted once per gene for all the rank tests they are part of.

use rayon::prelude::*;

use crate::{Error, Rows};

/// Genes gathered in one pass over the cells: 64 f64 are eight cache lines of a row.
const GENES_PER_PASS: usize = 64;

/// The values of every gene over a group of cells, sorted, without the zeros, which are only counted.
///
/// Control cells are compared with every perturbation and every method; sorting them once leaves a merge per test.
///
/// ```
/// use pert_metrics::{Rows, SortedProfiles};
/// let control = [0.0, 0.7, 0.0, 0.2, 1.1, 0.0];
/// let sorted = SortedProfiles::new(Rows::new(&control, 2)?)?;
/// assert_eq!((sorted.n_cells(), sorted.n_genes()), (3, 2));
/// // In counts per 10⁴: the mean of eˣ − 1.
/// assert!((sorted.natural_mean(0) - 1.1f64.exp_m1() / 3.0).abs() < 1e-15);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SortedProfiles {
    n_cells: usize,
    /// By gene, ascending.
    non_zeros: Vec<Vec<f64>>,
    natural_means: Vec<f64>,
}

impl SortedProfiles {
    /// Sorts log-normalised profiles x = log1p(10⁴ · y / Σy), `[n_cells, n_genes]`.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] without cells, [`Error::NotFinite`].
    pub fn new(profiles: Rows) -> Result<Self, Error> {
        let (n_cells, n_genes) = (profiles.n_rows(), profiles.n_columns());
        if n_cells == 0 {
            return Err(Error::TooFewRows { what: "a group of cells", needed: 1, found: 0 });
        }
        profiles.check_finite()?;
        let starts: Vec<usize> = (0..n_genes).step_by(GENES_PER_PASS).collect();
        let passes: Vec<Vec<Vec<f64>>> = starts
            .into_par_iter()
            .map(|start| sorted_columns(profiles, start..n_genes.min(start + GENES_PER_PASS)))
            .collect();
        let non_zeros: Vec<Vec<f64>> = passes.into_iter().flatten().collect();
        let natural_mean =
            |values: &Vec<f64>| values.iter().map(|x| x.exp_m1()).sum::<f64>() / n_cells as f64;
        let natural_means = non_zeros.par_iter().map(natural_mean).collect();
        Ok(Self { n_cells, non_zeros, natural_means })
    }

    /// Number of cells.
    pub fn n_cells(&self) -> usize {
        self.n_cells
    }

    /// Number of genes.
    pub fn n_genes(&self) -> usize {
        self.non_zeros.len()
    }

    /// Mean of eˣ − 1 over the cells: counts per 10⁴ of the cell's total.
    ///
    /// Summed in ascending order, so that it does not depend on the order of the cells.
    ///
    /// # Panics
    /// When there is no such gene.
    pub fn natural_mean(&self, gene: usize) -> f64 {
        self.natural_means[gene]
    }

    /// The values of a gene that are not 0, ascending.
    pub(crate) fn non_zeros(&self, gene: usize) -> &[f64] {
        &self.non_zeros[gene]
    }
}

fn sorted_columns(profiles: Rows, genes: std::ops::Range<usize>) -> Vec<Vec<f64>> {
    let mut columns = vec![Vec::new(); genes.len()];
    for cell in 0..profiles.n_rows() {
        for (column, &x) in columns.iter_mut().zip(&profiles.row(cell)[genes.clone()]) {
            if x != 0.0 {
                column.push(x);
            }
        }
    }
    columns.iter_mut().for_each(|column| column.sort_unstable_by(f64::total_cmp));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gene_of_several_passes_is_sorted() {
        let n_genes = 2 * GENES_PER_PASS + 3;
        let x: Vec<f64> = (0..5 * n_genes).map(|i| ((i * 7919) % 11) as f64 - 2.0).collect();
        let sorted = SortedProfiles::new(Rows::new(&x, n_genes).unwrap()).unwrap();
        assert_eq!((sorted.n_cells(), sorted.n_genes()), (5, n_genes));
        for gene in 0..n_genes {
            let mut column: Vec<f64> =
                (0..5).map(|cell| x[cell * n_genes + gene]).filter(|v| *v != 0.0).collect();
            column.sort_by(f64::total_cmp);
            assert_eq!(sorted.non_zeros(gene), column);
        }
    }

    #[test]
    fn no_cells_and_values_that_are_no_numbers_are_refused() {
        let none = SortedProfiles::new(Rows::new(&[], 3).unwrap());
        assert!(matches!(none, Err(Error::TooFewRows { found: 0, .. })));
        let nan = SortedProfiles::new(Rows::new(&[0.0, f64::NAN], 2).unwrap());
        assert!(matches!(nan, Err(Error::NotFinite { row: 0, column: 1, .. })));
    }
}
