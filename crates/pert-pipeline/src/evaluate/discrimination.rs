//! Which perturbation a prediction is nearest to: the one score that needs all perturbations at once.

use std::collections::BTreeMap;

use pert_core::Perturbation;
use pert_metrics::{MetricRow, Rows, centroid_accuracy, discrimination};

use crate::Error;

/// Mean profiles of one method for one perturbation.
pub(super) struct MeanPair {
    pub perturbation: Perturbation,
    pub method: String,
    /// Predicted change against matched controls, `[n_genes]`.
    pub predicted: Vec<f64>,
    /// Real change, `[n_genes]`.
    pub real: Vec<f64>,
}

/// Fills `discrimination` and `centroid_accuracy` of the rows.
///
/// A method is judged among the perturbations it predicts; with a single one there is nothing to tell apart.
pub(super) fn fill(
    rows: &mut [MetricRow],
    pairs: &[MeanPair],
    genes: &[String],
) -> Result<(), Error> {
    let mut by_method: BTreeMap<&str, Vec<&MeanPair>> = BTreeMap::new();
    for pair in pairs {
        by_method.entry(&pair.method).or_default().push(pair);
    }
    for (method, pairs) in by_method {
        if pairs.len() < 2 {
            continue;
        }
        let predicted: Vec<f64> = pairs.iter().flat_map(|pair| pair.predicted.clone()).collect();
        let real: Vec<f64> = pairs.iter().flat_map(|pair| pair.real.clone()).collect();
        let (predicted, real) =
            (Rows::new(&predicted, genes.len())?, Rows::new(&real, genes.len())?);
        let perturbed: Vec<Vec<usize>> =
            pairs.iter().map(|pair| columns_of(&pair.perturbation, genes)).collect();
        let scores = discrimination(predicted, real, &perturbed);
        let accuracies = centroid_accuracy(predicted, real, &perturbed);
        for ((pair, score), accuracy) in pairs.iter().zip(scores).zip(accuracies) {
            let label = pair.perturbation.label();
            let row = rows.iter_mut().find(|r| r.perturbation == label && r.method == method);
            if let Some(row) = row {
                (row.discrimination, row.centroid_accuracy) = (score, accuracy);
            }
        }
    }
    Ok(())
}

/// Columns of the genes that a perturbation acts on, which tell it apart without any biology.
fn columns_of(p: &Perturbation, genes: &[String]) -> Vec<usize> {
    p.targets().iter().filter_map(|t| genes.iter().position(|gene| gene == t)).collect()
}
