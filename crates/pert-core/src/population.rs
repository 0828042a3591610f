//! A population of cells: counts, gene names, what was done to each cell, and its covariates.

use std::collections::HashMap;

use crate::{Covariate, CsrCounts, Error, Perturbation};

/// Cells with counts, real or generated.
///
/// ```
/// use pert_core::{CsrCounts, LabelFormat, Perturbation, Population};
///
/// let perturbation = |label| Perturbation::parse(label, &LabelFormat::default());
/// let of_cell = [perturbation("control")?, perturbation("KLF1+MYC")?, perturbation("MYC+KLF1")?];
/// let screen = Population::new(
///     CsrCounts::from_dense(2, &[5.0, 1.0, 0.0, 2.0, 1.0, 3.0])?,
///     vec!["HBG1".into(), "HBZ".into()],
///     vec!["cell 1".into(), "cell 2".into(), "cell 3".into()],
///     &of_cell,
///     vec![],
/// )?;
/// assert_eq!((screen.n_cells(), screen.n_genes(), screen.perturbations().len()), (3, 2, 2));
/// assert_eq!(screen.cells_of(&of_cell[2]), [1, 2]);
/// # Ok::<(), pert_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    counts: CsrCounts,
    genes: Vec<String>,
    cells: Vec<String>,
    perturbations: Vec<Perturbation>,
    perturbation_of: Vec<usize>,
    covariates: Vec<Covariate>,
}

impl Population {
    /// Joins counts with their names.
    ///
    /// `perturbation_of` holds one perturbation per cell; equal ones (`A+B`, `B+A`) are merged under the first label.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] or [`Error::DuplicateGene`].
    pub fn new(
        counts: CsrCounts,
        genes: Vec<String>,
        cells: Vec<String>,
        perturbation_of: &[Perturbation],
        covariates: Vec<Covariate>,
    ) -> Result<Self, Error> {
        let length = |what, expected, found| {
            if expected == found {
                Ok(())
            } else {
                Err(Error::LengthMismatch { what, expected, found })
            }
        };
        length("gene names", counts.n_genes(), genes.len())?;
        length("cell names", counts.n_cells(), cells.len())?;
        length("perturbation labels", counts.n_cells(), perturbation_of.len())?;
        for covariate in &covariates {
            length("covariate values", counts.n_cells(), covariate.len())?;
        }
        let mut column_of = HashMap::with_capacity(genes.len());
        for (second, name) in genes.iter().enumerate() {
            if let Some(first) = column_of.insert(name.as_str(), second) {
                return Err(Error::DuplicateGene { name: name.clone(), first, second });
            }
        }
        let mut perturbations: Vec<Perturbation> = perturbation_of.to_vec();
        perturbations.sort(); // stable: among equal ones the first label stays in front
        perturbations.dedup();
        let perturbation_of = perturbation_of
            .iter()
            .map(|p| perturbations.binary_search(p).expect("every perturbation is listed"))
            .collect();
        Ok(Self { counts, genes, cells, perturbations, perturbation_of, covariates })
    }

    /// Raw counts, `[n_cells, n_genes]`.
    pub fn counts(&self) -> &CsrCounts {
        &self.counts
    }

    /// Gene names, in column order.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// Cell names (obs names), in row order.
    pub fn cells(&self) -> &[String] {
        &self.cells
    }

    /// Number of cells.
    pub fn n_cells(&self) -> usize {
        self.counts.n_cells()
    }

    /// Number of genes.
    pub fn n_genes(&self) -> usize {
        self.counts.n_genes()
    }

    /// The distinct perturbations, sorted by their targets (control first).
    pub fn perturbations(&self) -> &[Perturbation] {
        &self.perturbations
    }

    /// The perturbation of one cell.
    pub fn perturbation_of(&self, cell: usize) -> &Perturbation {
        &self.perturbations[self.perturbation_of[cell]]
    }

    /// Covariates, one column each.
    pub fn covariates(&self) -> &[Covariate] {
        &self.covariates
    }

    /// The rows of one perturbation, in file order.
    pub fn cells_of(&self, perturbation: &Perturbation) -> Vec<usize> {
        match self.perturbations.binary_search(perturbation) {
            Err(_) => Vec::new(),
            Ok(code) => (0..self.n_cells()).filter(|&i| self.perturbation_of[i] == code).collect(),
        }
    }

    /// The rows of unperturbed cells, in file order.
    pub fn control_cells(&self) -> Vec<usize> {
        (0..self.n_cells()).filter(|&i| self.perturbation_of(i).is_control()).collect()
    }

    /// Some of the cells, in the order given.
    pub fn select_cells(&self, cells: &[usize]) -> Self {
        let perturbation_of: Vec<Perturbation> =
            cells.iter().map(|&i| self.perturbation_of(i).clone()).collect();
        Self::new(
            self.counts.select_cells(cells),
            self.genes.clone(),
            cells.iter().map(|&i| self.cells[i].clone()).collect(),
            &perturbation_of,
            self.covariates.iter().map(|c| c.select(cells)).collect(),
        )
        .expect("a selection of a consistent population is consistent")
    }

    /// Some of the genes, in the order given.
    pub fn select_genes(&self, genes: &[usize]) -> Self {
        Self {
            counts: self.counts.select_genes(genes),
            genes: genes.iter().map(|&g| self.genes[g].clone()).collect(),
            cells: self.cells.clone(),
            perturbations: self.perturbations.clone(),
            perturbation_of: self.perturbation_of.clone(),
            covariates: self.covariates.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelFormat;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&n| n.to_owned()).collect()
    }

    fn perturbations(labels: &[&str]) -> Vec<Perturbation> {
        labels.iter().map(|l| Perturbation::parse(l, &LabelFormat::default()).unwrap()).collect()
    }

    #[test]
    fn both_orders_of_a_pair_are_one_perturbation_under_the_first_label() {
        let counts = CsrCounts::from_dense(1, &[1.0, 2.0, 3.0]).unwrap();
        let labels = perturbations(&["B+A", "control", "A+B"]);
        let population =
            Population::new(counts, names(&["g"]), names(&["0", "1", "2"]), &labels, vec![])
                .unwrap();
        assert_eq!(population.perturbations().len(), 2);
        assert_eq!(population.cells_of(&labels[2]), [0, 2]);
        assert_eq!(population.perturbation_of(2).label(), "B+A");
        assert_eq!(population.control_cells(), [1]);
        assert_eq!(population.select_cells(&[2]).perturbations(), &labels[2..]);
    }

    #[test]
    fn duplicate_genes_and_wrong_lengths_are_errors() {
        let counts = CsrCounts::from_dense(2, &[1.0, 2.0]).unwrap();
        let control = perturbations(&["control"]);
        let duplicate =
            Population::new(counts.clone(), names(&["g", "g"]), names(&["0"]), &control, vec![]);
        assert_eq!(duplicate, Err(Error::DuplicateGene { name: "g".into(), first: 0, second: 1 }));
        let short = Population::new(counts, names(&["g"]), names(&["0"]), &control, vec![]);
        assert!(matches!(short, Err(Error::LengthMismatch { expected: 2, found: 1, .. })));
    }
}
