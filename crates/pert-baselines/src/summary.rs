//! What every baseline needs of the training cells.

use std::collections::HashMap;

use pert_core::{Perturbation, Population};

use crate::group::Group;
use crate::stratum::Strata;
use crate::{Error, StratumId, Target};

/// Mean log-normalised profiles and rows of the training cells, per perturbation and stratum.
///
/// Rows are those of the screen it was fitted on, in file order. Means have `n_genes` values.
///
/// Cells are matched by stratum, the combination of their covariates but for dose ([`StratumId`]): the control of a
/// target is c = Σ_s w_s μ_cs over the strata its judged cells lie in, and a shift is what the cells of a perturbation
/// differ by from the controls of their own strata, δ_p = Σ_t (n_pt / n_p) (μ_pt − μ_ct). A stratum without training
/// controls takes the mean of all controls. Within one stratum these are μ_c and μ_p − μ_c.
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
pub struct TrainingSummary<'a> {
    screen: &'a Population,
    strata: Strata,
    control: Group,
    perturbed: Group,
    perturbations: Vec<(Perturbation, Group)>,
    /// Index into `perturbations` of each gene seen alone.
    alone: HashMap<String, usize>,
    centroid_mean: Vec<f64>,
    /// Per stratum; `None` without control cells there.
    control_means: Vec<Option<Vec<f64>>>,
    /// Per stratum; `None` without perturbed cells there.
    perturbed_means: Vec<Option<Vec<f64>>>,
}

impl<'a> TrainingSummary<'a> {
    /// Groups the training cells of a screen by perturbation and stratum; `train_cells` holds their rows, in any
    /// order. Nothing of any other cell is read.
    ///
    /// # Errors
    /// [`Error::RowOutOfRange`], [`Error::NoControlCells`], [`Error::NoPerturbedCells`].
    pub fn fit(screen: &'a Population, train_cells: &[usize]) -> Result<Self, Error> {
        let n_cells = train_cells.len();
        if let Some(&row) = train_cells.iter().find(|&&row| row >= screen.n_cells()) {
            return Err(Error::RowOutOfRange { row, n_cells: screen.n_cells() });
        }
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
        let strata = Strata::fit(screen, &sorted);
        let group = |rows: Vec<usize>| Group::new(screen, &strata, rows);
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
            centroid_mean.iter_mut().zip(of_p.mean()).for_each(|(c, m)| *c += m);
        }
        centroid_mean.iter_mut().for_each(|c| *c /= perturbations.len() as f64);
        let (control, perturbed) = (group(control), group(perturbed));
        Ok(Self {
            screen,
            control_means: control.stratum_means(screen, strata.len()),
            perturbed_means: perturbed.stratum_means(screen, strata.len()),
            strata,
            control,
            perturbed,
            perturbations,
            alone,
            centroid_mean,
        })
    }

    /// Number of strata among the training cells.
    pub fn n_strata(&self) -> usize {
        self.strata.len()
    }

    /// The stratum of any cell of the screen; `None` where no training cell shares its covariates.
    ///
    /// # Panics
    /// When the screen has no such row.
    pub fn stratum_of(&self, row: usize) -> Option<StratumId> {
        self.strata.of(self.screen, row)
    }

    /// Mean of the control cells, μ_c, `[n_genes]`.
    pub fn control_mean(&self) -> &[f64] {
        self.control.mean()
    }

    /// Rows of the control cells.
    pub fn control_rows(&self) -> &[usize] {
        self.control.rows()
    }

    /// Mean of the control cells in the target's strata, in its proportions, `[n_genes]`.
    pub fn matched_control_mean(&self, target: &Target) -> Vec<f64> {
        self.weighted(target, |stratum| self.control_mean_in(stratum))
    }

    /// Mean of the control cells of a stratum; of all control cells where it has none.
    pub(crate) fn control_mean_in(&self, stratum: Option<StratumId>) -> &[f64] {
        of_stratum(&self.control_means, stratum).unwrap_or(self.control_mean())
    }

    /// Mean of all perturbed cells: a perturbation counts by its number of cells.
    pub fn perturbed_mean(&self) -> &[f64] {
        self.perturbed.mean()
    }

    /// Mean of the perturbed cells in the target's strata, in its proportions; a stratum without any takes the mean
    /// of all perturbed cells.
    pub fn matched_perturbed_mean(&self, target: &Target) -> Vec<f64> {
        self.weighted(target, |stratum| {
            of_stratum(&self.perturbed_means, stratum).unwrap_or(self.perturbed_mean())
        })
    }

    /// Mean of the perturbations' means: each counts once. Systema's reference for shifts.
    pub fn centroid_mean(&self) -> &[f64] {
        &self.centroid_mean
    }

    /// Rows of all perturbed cells.
    pub fn perturbed_rows(&self) -> &[usize] {
        self.perturbed.rows()
    }

    /// The perturbations seen in training, control excluded, sorted by their targets.
    pub fn perturbations(&self) -> impl ExactSizeIterator<Item = &Perturbation> {
        self.perturbations.iter().map(|(p, _)| p)
    }

    /// Mean of the training cells of a perturbation, control included; `None` where it was not seen.
    pub fn mean_of(&self, p: &Perturbation) -> Option<&[f64]> {
        self.group_of(p).map(Group::mean)
    }

    /// Rows of the training cells of a perturbation, control included; `None` where it was not seen.
    pub fn rows_of(&self, p: &Perturbation) -> Option<&[usize]> {
        self.group_of(p).map(Group::rows)
    }

    /// Mean of the cells in which this gene alone was perturbed; `None` where there are none.
    pub fn mean_of_gene(&self, gene: &str) -> Option<&[f64]> {
        self.group_of_gene(gene).map(Group::mean)
    }

    /// Rows of the cells in which this gene alone was perturbed; `None` where there are none.
    pub fn rows_of_gene(&self, gene: &str) -> Option<&[usize]> {
        self.group_of_gene(gene).map(Group::rows)
    }

    /// δ_p, what a perturbation shifts its cells by from the controls of their strata, `[n_genes]`: 0 for control,
    /// `None` where it was not seen.
    pub fn shift_of(&self, p: &Perturbation) -> Option<Vec<f64>> {
        if p.is_control() {
            return Some(vec![0.0; self.screen.n_genes()]);
        }
        self.group_of(p).map(|group| self.shift(group))
    }

    /// δ of a gene perturbed alone; `None` where there are no such cells.
    pub fn shift_of_gene(&self, gene: &str) -> Option<Vec<f64>> {
        self.group_of_gene(gene).map(|group| self.shift(group))
    }

    /// The mean shift of all perturbed cells: a perturbation counts by its number of cells.
    pub fn perturbed_shift(&self) -> Vec<f64> {
        self.shift(&self.perturbed)
    }

    /// δ of every training perturbation, `[n_perturbations, n_genes]`.
    pub(crate) fn training_shifts(&self) -> Vec<f64> {
        self.perturbations.iter().flat_map(|(_, group)| self.shift(group)).collect()
    }

    /// μ − Σ_t (n_t / n) μ_ct, which is the mean over strata of μ_t − μ_ct, by cells.
    fn shift(&self, group: &Group) -> Vec<f64> {
        let mut shift = group.mean().to_vec();
        for (stratum, rows) in group.by_stratum() {
            let share = rows.len() as f64 / group.rows().len() as f64;
            let control = self.control_mean_in(Some(*stratum));
            shift.iter_mut().zip(control).for_each(|(s, c)| *s -= share * c);
        }
        shift
    }

    fn weighted<'s>(
        &'s self,
        target: &Target,
        mean_in: impl Fn(Option<StratumId>) -> &'s [f64],
    ) -> Vec<f64> {
        let mut mean = vec![0.0; self.screen.n_genes()];
        for &(stratum, weight) in target.strata() {
            mean.iter_mut().zip(mean_in(stratum)).for_each(|(m, v)| *m += weight * v);
        }
        mean
    }

    pub(crate) fn screen(&self) -> &Population {
        self.screen
    }

    pub(crate) fn control(&self) -> &Group {
        &self.control
    }

    pub(crate) fn perturbed(&self) -> &Group {
        &self.perturbed
    }

    pub(crate) fn has_control_in(&self, stratum: StratumId) -> bool {
        self.control_means[stratum.index()].is_some()
    }

    pub(crate) fn group_of(&self, p: &Perturbation) -> Option<&Group> {
        if p.is_control() {
            return Some(&self.control);
        }
        let at = self.perturbations.binary_search_by(|(seen, _)| seen.cmp(p)).ok()?;
        Some(&self.perturbations[at].1)
    }

    pub(crate) fn group_of_gene(&self, gene: &str) -> Option<&Group> {
        self.alone.get(gene).map(|&i| &self.perturbations[i].1)
    }
}

fn of_stratum(means: &[Option<Vec<f64>>], stratum: Option<StratumId>) -> Option<&[f64]> {
    stratum.and_then(|s| means[s.index()].as_deref())
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

    /// The same with the training cells: all but the cell of C.
    pub(crate) fn summary() -> (Population, [usize; 7], f64) {
        let (screen, l) = screen();
        (screen, [6, 5, 4, 3, 2, 1, 0], l)
    }

    pub(crate) fn assert_profile(actual: &[f64], expected: [f64; 2]) {
        for (a, e) in actual.iter().zip(expected) {
            approx::assert_relative_eq!(*a, e, max_relative = 1e-14, epsilon = 1e-14);
        }
    }

    #[test]
    fn means_and_rows_by_hand() {
        let (screen, train, l) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
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
