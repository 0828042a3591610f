//! The features of a perturbation, as blocks of numbers.

use crate::Error;

/// The features of one perturbation: one dense vector per block.
///
/// For gene sets block 0 is the indicator of genes seen in training (the identity kernel: two sets are alike by the
/// number of genes they share), block 1 the summed features of the genes, such as TF-IDF of GO terms.
///
/// ```
/// use pert_baselines::FeatureVectors;
/// // Of three genes seen in training the second is perturbed; its annotations weigh 0.8 and 0.6.
/// let features = FeatureVectors::new(vec![vec![0.0, 1.0, 0.0], vec![0.8, 0.6]]);
/// assert_eq!(features.blocks()[1], [0.8, 0.6]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeatureVectors {
    blocks: Vec<Vec<f64>>,
}

impl FeatureVectors {
    /// The blocks, in the same order and of the same lengths for every perturbation; a block may be empty.
    pub fn new(blocks: Vec<Vec<f64>>) -> Self {
        Self { blocks }
    }

    /// The blocks.
    pub fn blocks(&self) -> &[Vec<f64>] {
        &self.blocks
    }

    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.blocks.iter().map(Vec::len).collect()
    }

    /// Refuses values that are NaN or infinite, and blocks of other lengths than these; `index` is for the error.
    pub(crate) fn check(&self, expected: &[usize], index: usize) -> Result<(), Error> {
        let found = self.lengths();
        if found != expected {
            return Err(Error::FeatureShape { index, expected: expected.to_vec(), found });
        }
        self.blocks.iter().try_for_each(|block| check_finite("a feature", index, block))
    }
}

/// One factor per block, `weight` / mean over training perturbations of ‖block‖²: blocks so count alike whatever
/// their units. 0 for a block that is 0 for all training perturbations.
pub(crate) fn block_scales(training: &[FeatureVectors], weights: &[f64]) -> Vec<f64> {
    let scale = |(b, weight): (usize, &f64)| {
        let squared_norm = |f: &FeatureVectors| f.blocks[b].iter().map(|v| v * v).sum::<f64>();
        let total: f64 = training.iter().map(squared_norm).sum();
        if total > 0.0 { weight * training.len() as f64 / total } else { 0.0 }
    };
    weights.iter().enumerate().map(scale).collect()
}

/// Refuses values that are NaN or infinite.
pub(crate) fn check_finite(what: &'static str, index: usize, values: &[f64]) -> Result<(), Error> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(place) => Err(Error::NotFinite { what, index, place, value: values[place] }),
    }
}
