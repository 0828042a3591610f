//! The perturbations of a file: how many, how large.

use std::collections::{BTreeMap, HashSet};

use pert_core::{LabelFormat, Perturbation};

use crate::labels::{Labels, name};

/// Training cells that `fit` asks of a perturbation unless told otherwise (its `min-cells`).
pub(super) const MIN_CELLS: usize = 5;

/// Numbers of perturbations and of their cells; control is none of them.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct PerturbationSummary {
    /// Number of perturbations.
    pub n_perturbations: usize,
    /// Those with one target.
    pub n_singles: usize,
    /// Those with two targets.
    pub n_pairs: usize,
    /// Pairs both of whose targets are perturbed alone too, all three with 5 cells or more.
    pub n_pairs_seen_alone: usize,
    /// Number of distinct targets.
    pub n_targets: usize,
    /// Those that are genes of the file.
    pub n_targets_in_file: usize,
    /// Number of control cells.
    pub n_control_cells: usize,
    /// Median number of cells of a perturbation.
    pub median_cells: Option<f64>,
    /// Fewest cells of a perturbation.
    pub smallest: Option<usize>,
    /// Most cells of a perturbation.
    pub largest: Option<usize>,
    /// Perturbations with fewer than 5 cells that would be read, which `fit` refuses unless told to leave them out.
    pub rare: Vec<String>,
    /// Number of drugs at more than one dose, where labels say doses.
    pub n_dosed: usize,
    /// Fewest cells of a perturbation, and number of control cells, among those that would be read.
    #[serde(skip)]
    pub(super) kept: (usize, usize),
}

/// What the labels of a file say.
pub(super) struct Perturbed {
    /// Name → number of cells, control included.
    pub(super) names: BTreeMap<String, usize>,
    pub(super) summary: PerturbationSummary,
    /// The first label that cannot be read under the format.
    pub(super) unreadable: Option<String>,
}

impl Perturbed {
    /// Counts the cells of each perturbation among those in question and among those that would be read.
    pub(super) fn of(
        labels: &Labels,
        format: &LabelFormat,
        genes: &[String],
        in_file: &[usize],
        kept: &[usize],
    ) -> Self {
        let count = |cells: &[usize]| {
            let mut n = vec![0usize; labels.levels.len()];
            for code in cells.iter().filter_map(|&cell| labels.codes[cell]) {
                n[code as usize] += 1;
            }
            n
        };
        let (in_file, kept) = (count(in_file), count(kept));
        let mut unreadable = None;
        // Per perturbation: its labels, its cells in question and those that would be read.
        let mut found: BTreeMap<Perturbation, (Vec<&str>, usize, usize)> = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (index, label) in labels.levels.iter().enumerate().filter(|(i, _)| in_file[*i] > 0) {
            match Perturbation::parse(label, format) {
                Ok(perturbation) => {
                    let entry = found.entry(perturbation).or_default();
                    entry.0.push(label);
                    entry.1 += in_file[index];
                    entry.2 += kept[index];
                }
                Err(error) => {
                    unreadable.get_or_insert(error.to_string());
                    names.insert(label.clone(), in_file[index]);
                }
            }
        }
        let mut summary = PerturbationSummary::default();
        let alone: HashSet<&str> = found
            .iter()
            .filter(|(p, (_, _, kept))| p.targets().len() == 1 && *kept >= MIN_CELLS)
            .map(|(p, _)| p.targets()[0].as_str())
            .collect();
        let targets: HashSet<&str> =
            found.keys().flat_map(Perturbation::targets).map(String::as_str).collect();
        summary.n_targets = targets.len();
        summary.n_targets_in_file =
            genes.iter().filter(|gene| targets.contains(gene.as_str())).count();
        let mut sizes = Vec::new();
        let mut smallest_kept = usize::MAX;
        for (p, (labels, n, kept)) in &found {
            *names.entry(name(p, labels, format)).or_insert(0) += n;
            if p.is_control() {
                summary.n_control_cells = *n;
                summary.kept.1 = *kept;
                continue;
            }
            sizes.push(*n);
            summary.n_singles += usize::from(p.targets().len() == 1);
            summary.n_pairs += usize::from(p.targets().len() == 2);
            let both_alone = p.targets().iter().all(|target| alone.contains(target.as_str()));
            summary.n_pairs_seen_alone +=
                usize::from(p.targets().len() == 2 && both_alone && *kept >= MIN_CELLS);
            if *kept < MIN_CELLS {
                summary.rare.push(name(p, labels, format));
            } else {
                smallest_kept = smallest_kept.min(*kept);
            }
        }
        summary.kept.0 = smallest_kept;
        summary.n_perturbations = sizes.len();
        summary.smallest = sizes.iter().min().copied();
        summary.largest = sizes.iter().max().copied();
        summary.n_dosed = n_dosed(&alone);
        summary.median_cells = median(sizes.into_iter().map(|n| n as f64).collect());
        Self { names, summary, unreadable }
    }
}

/// Number of drugs at more than one dose among single targets.
fn n_dosed(targets: &HashSet<&str>) -> usize {
    let mut doses: BTreeMap<String, usize> = BTreeMap::new();
    for target in targets {
        if let Ok(drug) = target.parse::<pert_core::DrugDose>() {
            *doses.entry(drug.drug().to_owned()).or_insert(0) += 1;
        }
    }
    doses.values().filter(|n| **n > 1).count()
}

pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    match n {
        0 => None,
        n if n % 2 == 1 => Some(values[n / 2]),
        _ => Some((values[n / 2 - 1] + values[n / 2]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5ad::Column;

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn labels_of_one_perturbation_are_counted_together() {
        let levels = ["control", "A+control", "A+B", "B+A", "B"].map(str::to_owned).to_vec();
        let codes = (0..50).map(|cell| Some(cell % 5)).collect();
        let labels = Labels::of(Column::Labels { levels, codes, text: false });
        let all: Vec<usize> = (0..50).collect();
        let found =
            Perturbed::of(&labels, &LabelFormat::default(), &["B".into()], &all, &all[..20]);
        let expected = [("control", 10), ("A+control", 10), ("A+B", 20), ("B", 10)]
            .map(|(l, n)| (l.into(), n));
        assert_eq!(found.names, BTreeMap::from(expected));
        let summary = found.summary;
        assert_eq!((summary.n_singles, summary.n_pairs, summary.n_control_cells), (2, 1, 10));
        assert_eq!((summary.median_cells, summary.largest), (Some(10.0), Some(20)));
        assert_eq!(summary.rare, ["A+control", "B"]);
        assert_eq!(summary.n_pairs_seen_alone, 0);
        assert_eq!((summary.n_targets, summary.n_targets_in_file), (2, 1));
    }
}
