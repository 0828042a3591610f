//! Which genes a perturbation changes, and how far a prediction agrees.

use std::collections::HashSet;

use rayon::prelude::*;

use crate::rank_sum::{SortedSample, rank_sum_of_sorted};
use crate::{Error, RankSum, Rows, SortedProfiles, benjamini_hochberg};

/// Default pseudo-count of fold changes, in counts per 10⁴: one count in every hundredth cell of 10⁴ counts.
///
/// Means below it are a handful of counts in a group of some hundred cells, so their ratio is noise and is drawn
/// to 1. With 10⁻⁹ (scanpy) single counts would lead every list by |log₂ fold change|; with 1 (Seurat 5) most genes,
/// whose means are below 1, would hardly have a fold change.
pub const FOLD_CHANGE_PSEUDO_COUNT: f64 = 0.01;

/// Genes with an adjusted p below it are called differentially expressed in [`de_overlap`] (cell-eval's default).
pub const DE_FALSE_DISCOVERY_RATE: f64 = 0.05;

/// Differential expression of every gene between two groups of cells, `[n_genes]` each.
///
/// | field | per gene | unit |
/// |---|---|---|
/// | `scores` | z of [`wilcoxon_rank_sum`](crate::wilcoxon_rank_sum), positive where perturbed is higher | – |
/// | `p_values` | its two-sided p | – |
/// | `fdr` | [`benjamini_hochberg`] over the genes | – |
/// | `log2_fold_changes` | log₂((m + c)/(m_c + c)), m the mean of eˣ − 1, c the pseudo-count | log₂ of counts per 10⁴ |
///
/// The first three are NaN for a gene with one value throughout, as when no cell has a count of it: that is no test,
/// and does not count in the adjustment (scanpy gives it p = 1 and counts it).
///
/// ```
/// use pert_metrics::{DifferentialExpression, FOLD_CHANGE_PSEUDO_COUNT, Rows};
/// // Four cells a side; of three genes the first is switched on, the last never seen.
/// let perturbed = [2.0, 0.5, 0.0, 2.2, 0.0, 0.0, 1.9, 0.4, 0.0, 2.1, 0.0, 0.0];
/// let control = [0.0, 0.0, 0.0, 0.0, 0.6, 0.0, 0.3, 0.0, 0.0, 0.0, 0.5, 0.0];
/// let de = DifferentialExpression::new(
///     Rows::new(&perturbed, 3)?,
///     Rows::new(&control, 3)?,
///     FOLD_CHANGE_PSEUDO_COUNT,
/// )?;
/// assert_eq!(de.top_genes(20), [0, 1]);
/// assert!(de.scores[0] > 2.0 && de.p_values[2].is_nan());
/// assert!(de.log2_fold_changes[0] > 5.0 && de.log2_fold_changes[2] == 0.0);
/// assert_eq!(de.called_genes(0.05), [0]);
/// # Ok::<(), pert_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DifferentialExpression {
    /// z-scores, positive where the perturbed cells are higher.
    pub scores: Vec<f64>,
    /// Two-sided p-values.
    pub p_values: Vec<f64>,
    /// P-values adjusted for the false discovery rate.
    pub fdr: Vec<f64>,
    /// log₂ fold changes of natural means.
    pub log2_fold_changes: Vec<f64>,
}

impl DifferentialExpression {
    /// Tests log-normalised profiles, `[n_cells, n_genes]`, of perturbed against control cells.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] where a group is empty, [`Error::NotFinite`].
    ///
    /// # Panics
    /// As [`between`](Self::between).
    pub fn new(perturbed: Rows, control: Rows, pseudo_count: f64) -> Result<Self, Error> {
        let (perturbed, control) = (SortedProfiles::new(perturbed)?, SortedProfiles::new(control)?);
        Ok(Self::between(&perturbed, &control, pseudo_count))
    }

    /// [`new`](Self::new) for groups sorted before, parallel over genes.
    ///
    /// # Panics
    /// When the groups hold different numbers of genes, or the pseudo-count is not above 0.
    pub fn between(
        perturbed: &SortedProfiles,
        control: &SortedProfiles,
        pseudo_count: f64,
    ) -> Self {
        assert_eq!(perturbed.n_genes(), control.n_genes(), "both groups must hold the same genes");
        assert!(pseudo_count > 0.0, "the pseudo-count must be above 0, found {pseudo_count}");
        let tested: Vec<(RankSum, f64)> = (0..control.n_genes())
            .into_par_iter()
            .map(|gene| {
                let [sample, of_control] = [perturbed, control].map(|group| SortedSample {
                    non_zeros: group.non_zeros(gene),
                    n: group.n_cells(),
                });
                let [mean, control_mean] =
                    [perturbed, control].map(|group| group.natural_mean(gene));
                let fold_change = (mean + pseudo_count) / (control_mean + pseudo_count);
                (rank_sum_of_sorted(sample, of_control), fold_change.log2())
            })
            .collect();
        let p_values: Vec<f64> = tested.iter().map(|(test, _)| test.p_value).collect();
        Self {
            scores: tested.iter().map(|(test, _)| test.z_score).collect(),
            fdr: benjamini_hochberg(&p_values),
            p_values,
            log2_fold_changes: tested.iter().map(|(_, fold)| *fold).collect(),
        }
    }

    /// Number of genes.
    pub fn n_genes(&self) -> usize {
        self.scores.len()
    }

    /// The `n` genes with the largest |score|, largest first, significant or not; of equal ones the earlier gene.
    ///
    /// By score, not by p, which is 0 for all of the strongest genes of a large screen. Fewer where fewer could be tested.
    pub fn top_genes(&self, n: usize) -> Vec<usize> {
        let mut genes: Vec<usize> =
            (0..self.n_genes()).filter(|&gene| !self.scores[gene].is_nan()).collect();
        sort_by_magnitude(&mut genes, &self.scores);
        genes.truncate(n);
        genes
    }

    /// The genes with an adjusted p below `false_discovery_rate`, largest |log₂ fold change| first; of equal ones the
    /// earlier gene.
    pub fn called_genes(&self, false_discovery_rate: f64) -> Vec<usize> {
        let mut genes: Vec<usize> =
            (0..self.n_genes()).filter(|&gene| self.fdr[gene] < false_discovery_rate).collect();
        sort_by_magnitude(&mut genes, &self.log2_fold_changes);
        genes
    }
}

/// Largest magnitude first; the stable sort leaves equal ones in the order of the genes.
fn sort_by_magnitude(genes: &mut [usize], values: &[f64]) {
    genes.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
}

/// Share of the really differentially expressed genes that a prediction finds: |R ∩ P| / N.
///
/// R are all N genes with a real FDR below [`DE_FALSE_DISCOVERY_RATE`], P the first N of the genes with a predicted FDR
/// below it, largest |log₂ fold change| first, of equal ones the earlier gene. This is `overlap_at_N` of cell-eval (Arc
/// Institute), and the differential expression score of the Virtual Cell Challenge 2025. Calling every gene gains
/// nothing, for only N count; fewer than N called genes are still divided by N.
///
/// The number of predicted cells moves it, since more cells call more genes: give as many as there are real ones.
///
/// NaN where N = 0 (cell-eval says 0): nothing can be found there.
///
/// # Panics
/// When the tables hold different numbers of genes.
///
/// ```
/// use pert_metrics::{DifferentialExpression, de_overlap};
/// let table = |fdr: [f64; 4], log2_fold_changes: [f64; 4]| DifferentialExpression {
///     scores: vec![0.0; 4],
///     p_values: fdr.to_vec(),
///     fdr: fdr.to_vec(),
///     log2_fold_changes: log2_fold_changes.to_vec(),
/// };
/// let real = table([0.01, 0.01, 0.5, 0.9], [1.0, -2.0, 0.3, 0.0]);
/// // All four are called, but only the two largest changes count, and one of them is right.
/// let predicted = table([0.01; 4], [0.1, -2.0, 3.0, 0.2]);
/// assert_eq!(de_overlap(&real, &predicted), 0.5);
/// assert!(de_overlap(&table([0.5; 4], [0.0; 4]), &predicted).is_nan());
/// ```
pub fn de_overlap(real: &DifferentialExpression, predicted: &DifferentialExpression) -> f64 {
    assert_eq!(real.n_genes(), predicted.n_genes(), "both tables must hold the same genes");
    de_overlap_of_ranked(real, &predicted.called_genes(DE_FALSE_DISCOVERY_RATE))
}

/// [`de_overlap`] with predicted genes in an order of one's own, the surest first.
///
/// For predictions of a mean without a population to test: cells all moved by one shift differ from control in nearly
/// every gene, by any test.
///
/// ```
/// use pert_metrics::{DifferentialExpression, de_overlap_of_ranked};
/// let real = DifferentialExpression {
///     scores: vec![0.0; 3],
///     p_values: vec![0.0; 3],
///     fdr: vec![0.01, 0.9, 0.01],
///     log2_fold_changes: vec![1.0, 0.0, -1.0],
/// };
/// assert_eq!(de_overlap_of_ranked(&real, &[2, 1, 0]), 0.5);
/// ```
pub fn de_overlap_of_ranked(real: &DifferentialExpression, predicted: &[usize]) -> f64 {
    let real: HashSet<usize> = real.called_genes(DE_FALSE_DISCOVERY_RATE).into_iter().collect();
    let n_found = predicted.iter().take(real.len()).filter(|gene| real.contains(gene)).count();
    // 0/0 is NaN.
    n_found as f64 / real.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::{seeded_rng, shuffled_indices};
    use proptest::prelude::*;
    use rand::Rng;

    const N_GENES: usize = 12;

    /// Counts with many zeros; the first genes shift with `shift`.
    fn cells(n: usize, shift: f64, seed: u64) -> Vec<f64> {
        let mut rng = seeded_rng(seed, "differential expression");
        let mut uniform = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        (0..n * N_GENES)
            .map(|i| {
                let shift = if i % N_GENES < 4 { shift } else { 0.0 };
                if uniform() < 0.5 { 0.0 } else { (3.0 * uniform() + shift).floor().ln_1p() }
            })
            .collect()
    }

    fn tested(perturbed: &[f64], control: &[f64]) -> DifferentialExpression {
        let rows = |x| Rows::new(x, N_GENES).unwrap();
        DifferentialExpression::new(rows(perturbed), rows(control), FOLD_CHANGE_PSEUDO_COUNT)
            .unwrap()
    }

    #[test]
    fn shifted_genes_are_called_and_lead_the_list() {
        let de = tested(&cells(300, 2.0, 1), &cells(300, 0.0, 2));
        let mut called = de.called_genes(DE_FALSE_DISCOVERY_RATE);
        assert!(
            called.iter().all(|&gene| de.log2_fold_changes[gene] > 0.5 && de.scores[gene] > 0.0)
        );
        called.sort_unstable();
        assert_eq!(called, [0, 1, 2, 3]);
        let mut top = de.top_genes(4);
        top.sort_unstable();
        assert_eq!(top, [0, 1, 2, 3]);
    }

    #[test]
    fn ties_go_to_the_earlier_gene_and_untested_genes_to_no_list() {
        let de = DifferentialExpression {
            scores: vec![1.0, f64::NAN, -3.0, 3.0, 1.0],
            p_values: vec![0.3, f64::NAN, 0.001, 0.001, 0.3],
            fdr: vec![0.01, f64::NAN, 0.01, 0.01, 0.05],
            log2_fold_changes: vec![-0.5, 0.0, 0.5, 0.7, 9.0],
        };
        assert_eq!(de.top_genes(20), [2, 3, 0, 4]);
        assert_eq!(de.top_genes(1), [2]);
        // 0.05 is not below 0.05.
        assert_eq!(de.called_genes(0.05), [3, 0, 2]);
    }

    #[test]
    fn empty_groups_and_values_that_are_no_numbers_are_refused() {
        let x = cells(3, 0.0, 3);
        let rows = |x| Rows::new(x, N_GENES).unwrap();
        let new = |a, b| DifferentialExpression::new(rows(a), rows(b), 0.01);
        assert!(matches!(new(&[], &x), Err(Error::TooFewRows { found: 0, .. })));
        let mut broken = x.clone();
        broken[N_GENES + 2] = f64::INFINITY;
        assert!(matches!(new(&x, &broken), Err(Error::NotFinite { row: 1, column: 2, .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_order_of_the_cells_does_not_matter(seed in any::<u64>(), shift in 0.0..2.0f64) {
            let (perturbed, control) = (cells(40, shift, seed), cells(60, 0.0, !seed));
            let shuffled = |x: &[f64]| {
                let rows = Rows::new(x, N_GENES).unwrap();
                rows.gather(&shuffled_indices(rows.n_rows(), &mut seeded_rng(seed, "order")))
            };
            let (de, other) =
                (tested(&perturbed, &control), tested(&shuffled(&perturbed), &shuffled(&control)));
            prop_assert_eq!(format!("{de:?}"), format!("{other:?}"));
        }

        #[test]
        fn swapping_the_groups_negates_scores_and_fold_changes(seed in any::<u64>()) {
            let (a, b) = (cells(30, 1.0, seed), cells(50, 0.0, !seed));
            let (forth, back) = (tested(&a, &b), tested(&b, &a));
            prop_assert_eq!(&forth.p_values, &back.p_values);
            for gene in 0..N_GENES {
                prop_assert_eq!(forth.scores[gene], -back.scores[gene]);
                let sum = forth.log2_fold_changes[gene] + back.log2_fold_changes[gene];
                prop_assert!(sum.abs() < 1e-12);
            }
        }

        #[test]
        fn a_table_overlaps_itself(seed in any::<u64>()) {
            let de = tested(&cells(60, 2.0, seed), &cells(60, 0.0, !seed));
            prop_assume!(!de.called_genes(DE_FALSE_DISCOVERY_RATE).is_empty());
            prop_assert_eq!(de_overlap(&de, &de), 1.0);
        }
    }
}
