//! The predictions that came nearest to the real change against control, and least near.

use pert_metrics::pearson_delta;

/// Mean change against control of one perturbation, per gene: log-normalised profiles, those of its controls taken off.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanChange {
    /// The perturbation.
    pub perturbation: String,
    /// Real held-out cells.
    pub n_cells: usize,
    /// Real mean less that of the matched controls, `[n_genes]`.
    pub real: Vec<f64>,
    /// Predicted mean less that of the matched controls, `[n_genes]`.
    pub predicted: Vec<f64>,
    /// Correlation of the two over genes, as in the rows.
    pub pearson_delta: f64,
}

impl MeanChange {
    pub(super) fn new(
        label: &str,
        n_cells: usize,
        real: &[f64],
        predicted: &[f64],
        control: &[f64],
    ) -> Self {
        let change = |mean: &[f64]| mean.iter().zip(control).map(|(m, c)| m - c).collect();
        Self {
            perturbation: label.to_owned(),
            n_cells,
            real: change(real),
            predicted: change(predicted),
            pearson_delta: pearson_delta(real, predicted, control),
        }
    }
}

/// The best and the worst predicted change of an evaluation, by `pearson_delta`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Gene names, `[n_genes]`.
    pub genes: Vec<String>,
    /// Perturbations whose change has a correlation.
    pub n_compared: usize,
    /// The one of highest correlation; of equal ones the first.
    pub best: Option<MeanChange>,
    /// The one of lowest correlation; none where fewer than two are compared.
    pub worst: Option<MeanChange>,
}

impl Changes {
    pub(super) fn new(genes: &[String]) -> Self {
        Self { genes: genes.to_vec(), ..Self::default() }
    }

    /// Keeps a change where it is better or worse than those before it.
    pub(super) fn offer(&mut self, change: MeanChange) {
        if change.pearson_delta.is_nan() {
            return;
        }
        self.n_compared += 1;
        let Some(best) = &mut self.best else {
            self.best = Some(change);
            return;
        };
        if change.pearson_delta > best.pearson_delta {
            let before = std::mem::replace(best, change);
            // The first one is the best and, as soon as there is a second, also the worst.
            self.worst.get_or_insert(before);
        } else if self.worst.as_ref().is_none_or(|w| change.pearson_delta < w.pearson_delta) {
            self.worst = Some(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(correlations: &[f64]) -> Changes {
        let mut changes = Changes::new(&["G1".to_owned()]);
        for (i, &pearson_delta) in correlations.iter().enumerate() {
            changes.offer(MeanChange {
                perturbation: i.to_string(),
                n_cells: 1,
                real: vec![0.0],
                predicted: vec![0.0],
                pearson_delta,
            });
        }
        changes
    }

    #[test]
    fn the_best_and_the_worst_remain_in_any_order() {
        for correlations in [[0.1, 0.5, 0.9], [0.9, 0.1, 0.5], [0.5, 0.9, 0.1], [0.9, 0.5, 0.1]] {
            let changes = offered(&correlations);
            let of = |change: &Option<MeanChange>| change.as_ref().map(|c| c.pearson_delta);
            assert_eq!((of(&changes.best), of(&changes.worst)), (Some(0.9), Some(0.1)));
            assert_eq!(changes.n_compared, 3);
        }
    }

    #[test]
    fn one_has_no_worst_and_nan_is_not_compared() {
        let changes = offered(&[f64::NAN, 0.3, f64::NAN]);
        assert_eq!(changes.n_compared, 1);
        assert!(changes.best.is_some() && changes.worst.is_none());
        assert!(offered(&[f64::NAN]).best.is_none());
        let equal = offered(&[0.3, 0.3]);
        assert_eq!(equal.best.map(|c| c.perturbation).as_deref(), Some("0"));
        assert_eq!(equal.worst.map(|c| c.perturbation).as_deref(), Some("1"));
    }
}
