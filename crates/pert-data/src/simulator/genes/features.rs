//! The gene features a model is shown: half of the truth, noisy, among irrelevant columns.

use pert_core::{seeded_rng, shuffled_indices};

use super::regulation::{N_TRUE_FEATURES, Regulation};
use crate::simulator::programs::normal;

/// True features shown: half.
const N_SHOWN: usize = N_TRUE_FEATURES / 2;

/// Standard deviation of the noise on a shown feature (of variance 1).
const NOISE_SD: f64 = 0.5;

/// Columns that have nothing to do with any effect.
const N_IRRELEVANT: usize = 4;

/// A table of gene features: one row per gene.
///
/// ```
/// use pert_data::{Shown, SimulatorConfig, simulate};
/// let config = SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
/// let Shown::Features(features) = simulate(&config)?.shown else { panic!("genes have features") };
/// assert_eq!(features.values.len(), features.genes.len() * features.columns.len());
/// assert_eq!(features.get(&features.genes[0]), Some(&features.values[..features.columns.len()]));
/// assert_eq!(features.get("no gene"), None);
/// # Ok::<(), pert_data::SimulatorError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureTable {
    /// Gene names, one per row.
    pub genes: Vec<String>,
    /// Column names: `f1`, `f2`, ….
    pub columns: Vec<String>,
    /// Values, row-major, `[genes.len(), columns.len()]`.
    pub values: Vec<f64>,
}

impl FeatureTable {
    /// The features of one gene, `[columns.len()]`; `None` for a gene without a row.
    pub fn get(&self, gene: &str) -> Option<&[f64]> {
        let row = self.genes.iter().position(|g| g == gene)?;
        Some(&self.values[row * self.columns.len()..(row + 1) * self.columns.len()])
    }

    pub(super) fn draw(genes: &[String], regulation: &Regulation, seed: u64) -> Self {
        let mut rng = seeded_rng(seed, "simulator/features");
        let shown = &shuffled_indices(N_TRUE_FEATURES, &mut rng)[..N_SHOWN];
        let order = shuffled_indices(N_SHOWN + N_IRRELEVANT, &mut rng);
        let mut values = Vec::with_capacity(genes.len() * order.len());
        for truth in &regulation.features {
            let row: Vec<f64> = (0..N_SHOWN + N_IRRELEVANT)
                .map(|column| match shown.get(column) {
                    Some(&feature) => truth[feature] + NOISE_SD * normal(&mut rng),
                    None => normal(&mut rng),
                })
                .collect();
            values.extend(order.iter().map(|&column| row[column]));
        }
        let columns = (1..=order.len()).map(|i| format!("f{i}")).collect();
        Self { genes: genes.to_vec(), columns, values }
    }
}
