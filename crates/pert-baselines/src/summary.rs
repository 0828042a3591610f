//! What every baseline needs of the training cells.

use std::collections::HashMap;

use pert_core::{Perturbation, Population};

use crate::Error;

/// Mean log-normalised profiles and rows of the training cells, per perturbation.
///
/// Rows are those of the screen it was fitted on, in file order. Means have `n_genes` values.
///
/// ```
/// use pert_baselines::TrainingSummary;
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// assert_eq!(summary.control_mean(), screen.counts().mean_log_normalised(&[0, 1]));
/// assert_eq!(summary.rows_of(&perturbation("A")?), Some([2, 3].as_slice()));
/// // The pair was held out.
/// assert_eq!(summary.mean_of(&perturbation("A+B")?), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSummary {
    control: Group,
    perturbed: Group,
    perturbations: Vec<(Perturbation, Group)>,
    /// Index into `perturbations` of each gene seen alone.
    alone: HashMap<String, usize>,
    centroid_mean: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Group {
    rows: Vec<usize>,
    mean: Vec<f64>,
}

impl TrainingSummary {
    /// Groups the training cells of a screen by perturbation; `train_cells` holds their rows, in any order.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`], [`Error::NoControlCells`], [`Error::NoPerturbedCells`].
    pub fn fit(screen: &Population, train_cells: &[usize]) -> Result<Self, Error> {
        let n_cells = train_cells.len();
        if let Some(&row) = train_cells.iter().find(|&&row| row >= screen.n_cells()) {
            return Err(Error::RowOutOfRange { row, n_cells: screen.n_cells() });
        }
        let group = |rows: Vec<usize>| {
            let mean = screen.counts().mean_log_normalised(&rows);
            Group { rows, mean }
        };
        let mut sorted = train_cells.to_vec();
        sorted.sort_unstable();
        let (control, perturbed): (Vec<usize>, Vec<usize>) =
            sorted.iter().partition(|&&row| screen.perturbation_of(row).is_control());
        if control.is_empty() {
            return Err(Error::NoControlCells { n_cells });
        }
        if perturbed.is_empty() {
            return Err(Error::NoPerturbedCells { n_cells });
        }
        let mut rows_of: HashMap<&Perturbation, Vec<usize>> = HashMap::new();
        for &row in &perturbed {
            rows_of.entry(screen.perturbation_of(row)).or_default().push(row);
        }
        // In the screen's order, never the hash map's.
        let perturbations: Vec<(Perturbation, Group)> = screen
            .perturbations()
            .iter()
            .filter_map(|p| Some((p.clone(), group(rows_of.remove(p)?))))
            .collect();
        let alone = perturbations
            .iter()
            .enumerate()
            .filter(|(_, (p, _))| p.targets().len() == 1)
            .map(|(i, (p, _))| (p.targets()[0].clone(), i))
            .collect();
        let mut centroid_mean = vec![0.0; screen.n_genes()];
        for (_, of_p) in &perturbations {
            centroid_mean.iter_mut().zip(&of_p.mean).for_each(|(c, m)| *c += m);
        }
        centroid_mean.iter_mut().for_each(|c| *c /= perturbations.len() as f64);
        Ok(Self {
            control: group(control),
            perturbed: group(perturbed),
            perturbations,
            alone,
            centroid_mean,
        })
    }

    /// Mean of the control cells, μ_c, `[n_genes]`.
    pub fn control_mean(&self) -> &[f64] {
        &self.control.mean
    }

    /// Rows of the control cells.
    pub fn control_rows(&self) -> &[usize] {
        &self.control.rows
    }

    /// Mean of all perturbed cells: a perturbation counts by its number of cells.
    pub fn perturbed_mean(&self) -> &[f64] {
        &self.perturbed.mean
    }

    /// Mean of the perturbations' means: each counts once. Systema's reference for shifts.
    pub fn centroid_mean(&self) -> &[f64] {
        &self.centroid_mean
    }

    /// Rows of all perturbed cells.
    pub fn perturbed_rows(&self) -> &[usize] {
        &self.perturbed.rows
    }

    /// The perturbations seen in training, control excluded, sorted by their targets.
    pub fn perturbations(&self) -> impl ExactSizeIterator<Item = &Perturbation> {
        self.perturbations.iter().map(|(p, _)| p)
    }

    /// Mean of the training cells of a perturbation, control included; `None` where it was not seen.
    pub fn mean_of(&self, p: &Perturbation) -> Option<&[f64]> {
        self.group_of(p).map(|group| group.mean.as_slice())
    }

    /// Rows of the training cells of a perturbation, control included; `None` where it was not seen.
    pub fn rows_of(&self, p: &Perturbation) -> Option<&[usize]> {
        self.group_of(p).map(|group| group.rows.as_slice())
    }

    /// Mean of the cells in which this gene alone was perturbed; `None` where there are none.
    pub fn mean_of_gene(&self, gene: &str) -> Option<&[f64]> {
        self.alone.get(gene).map(|&i| self.perturbations[i].1.mean.as_slice())
    }

    /// Rows of the cells in which this gene alone was perturbed; `None` where there are none.
    pub fn rows_of_gene(&self, gene: &str) -> Option<&[usize]> {
        self.alone.get(gene).map(|&i| self.perturbations[i].1.rows.as_slice())
    }

    fn group_of(&self, p: &Perturbation) -> Option<&Group> {
        if p.is_control() {
            return Some(&self.control);
        }
        let at = self.perturbations.binary_search_by(|(seen, _)| seen.cmp(p)).ok()?;
        Some(&self.perturbations[at].1)
    }
}

/// A screen small enough to compute by hand, for the tests of this crate.
#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use pert_core::{CsrCounts, LabelFormat};

    pub(crate) fn perturbation(label: &str) -> Perturbation {
        Perturbation::parse(label, &LabelFormat::default()).unwrap()
    }

    /// Two genes; every cell holds one count, so a profile is (L, 0) or (0, L), L = ln(10,001).
    pub(crate) fn screen() -> (Population, f64) {
        let cells: [(&str, [f32; 2]); 8] = [
            ("control", [1.0, 0.0]),
            ("A", [0.0, 1.0]),
            ("control", [0.0, 1.0]),
            ("A", [0.0, 1.0]),
            ("B", [1.0, 0.0]),
            ("A+B", [1.0, 0.0]),
            ("B", [1.0, 0.0]),
            ("C", [1.0, 0.0]),
        ];
        let dense: Vec<f32> = cells.iter().flat_map(|c| c.1).collect();
        let labels: Vec<Perturbation> = cells.iter().map(|c| perturbation(c.0)).collect();
        let population = Population::new(
            CsrCounts::from_dense(2, &dense).unwrap(),
            vec!["g".into(), "h".into()],
            (0..cells.len()).map(|i| i.to_string()).collect(),
            &labels,
            vec![],
        )
        .unwrap();
        (population, 1e4f64.ln_1p())
    }

    /// Trained on all but the cell of C.
    pub(crate) fn summary() -> (Population, TrainingSummary, f64) {
        let (screen, l) = screen();
        let summary = TrainingSummary::fit(&screen, &[6, 5, 4, 3, 2, 1, 0]).unwrap();
        (screen, summary, l)
    }

    pub(crate) fn assert_profile(actual: &[f64], expected: [f64; 2]) {
        for (a, e) in actual.iter().zip(expected) {
            approx::assert_relative_eq!(*a, e, max_relative = 1e-14, epsilon = 1e-14);
        }
    }

    #[test]
    fn means_and_rows_by_hand() {
        let (_, summary, l) = summary();
        assert_profile(summary.control_mean(), [l / 2.0, l / 2.0]);
        assert_eq!(summary.control_rows(), [0, 2]);
        assert_profile(summary.perturbed_mean(), [0.6 * l, 0.4 * l]);
        assert_profile(summary.centroid_mean(), [l * 2.0 / 3.0, l / 3.0]);
        assert_eq!(summary.perturbed_rows(), [1, 3, 4, 5, 6]);
        let labels: Vec<&str> = summary.perturbations().map(Perturbation::label).collect();
        assert_eq!(labels, ["A", "A+B", "B"]);
        assert_eq!(summary.rows_of(&perturbation("B+A")), Some(&[5][..]));
        assert_profile(summary.mean_of_gene("A").unwrap(), [0.0, l]);
        assert_eq!(summary.rows_of_gene("C"), None);
        assert_eq!(summary.mean_of(&perturbation("C")), None);
        assert_eq!(summary.rows_of(&perturbation("control")), Some(&[0, 2][..]));
    }

    #[test]
    fn training_cells_must_hold_control_and_perturbed_ones() {
        let (screen, _) = screen();
        let fit = |cells: &[usize]| TrainingSummary::fit(&screen, cells).unwrap_err();
        assert_eq!(fit(&[1, 3]), Error::NoControlCells { n_cells: 2 });
        assert_eq!(fit(&[0]), Error::NoPerturbedCells { n_cells: 1 });
        assert_eq!(fit(&[0, 8]), Error::RowOutOfRange { row: 8, n_cells: 8 });
    }
}
