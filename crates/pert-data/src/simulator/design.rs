//! How a screen is laid out: cells per perturbation, batch and cell type of each cell.

use pert_core::{ChaCha8Rng, Perturbation, shuffled_indices};
use rand::RngExt;

use super::SimulatorConfig;
use super::programs::normal;

/// Two 10x lanes.
pub(super) const N_BATCHES: usize = 2;

/// Two related cell types.
pub(super) const N_CELL_TYPES: usize = 2;

/// Share of cells of the first type: uneven, as real samples are.
const FIRST_CELL_TYPE_SHARE: f64 = 0.6;

/// Standard deviation of log cells per perturbation: guides differ in abundance and in their effect on growth.
const CELLS_LOG_SD: f64 = 0.4;

/// Bounds on a perturbation's share relative to the mean: 40 to 150 of 66 cells in the default screen.
const CELLS_RANGE: (f64, f64) = (0.6, 2.25);

/// What a cell is apart from its perturbation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Context {
    pub batch: usize,
    pub cell_type: usize,
}

impl Context {
    /// A random context, as of the screen's cells.
    pub fn draw(rng: &mut impl rand::Rng) -> Self {
        Self {
            batch: rng.random_range(0..N_BATCHES as u32) as usize,
            cell_type: usize::from(rng.random::<f64>() >= FIRST_CELL_TYPE_SHARE),
        }
    }
}

/// The plan of a screen.
#[derive(Debug, Clone)]
pub(super) struct Design {
    /// The distinct perturbations; control first.
    pub perturbations: Vec<Perturbation>,
    /// Index into `perturbations` of each cell; file order is random.
    pub perturbation_of: Vec<usize>,
    /// The context of each cell.
    pub contexts: Vec<Context>,
}

impl Design {
    /// Shares the cells out among `perturbations`, control first.
    pub fn draw(
        config: &SimulatorConfig,
        perturbations: Vec<Perturbation>,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let n_control = config.n_control();
        let mut of_sorted = vec![0; n_control];
        let sizes = uneven_sizes(config.n_cells - n_control, perturbations.len() - 1, rng);
        for (index, n) in sizes.into_iter().enumerate() {
            of_sorted.extend(std::iter::repeat_n(index + 1, n));
        }
        let perturbation_of =
            shuffled_indices(config.n_cells, rng).into_iter().map(|i| of_sorted[i]).collect();
        let contexts = (0..config.n_cells).map(|_| Context::draw(rng)).collect();
        Self { perturbations, perturbation_of, contexts }
    }
}

/// Splits `total` cells into `n` parts with log-normal shares, by largest remainders.
fn uneven_sizes(total: usize, n: usize, rng: &mut impl rand::Rng) -> Vec<usize> {
    let mut weights: Vec<f64> = (0..n)
        .map(|_| (CELLS_LOG_SD * normal(rng)).exp().clamp(CELLS_RANGE.0, CELLS_RANGE.1))
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w *= total as f64 / sum);
    let mut sizes: Vec<usize> = weights.iter().map(|w| w.floor() as usize).collect();
    let mut by_remainder: Vec<usize> = (0..n).collect();
    by_remainder
        .sort_by(|&a, &b| weights[b].fract().total_cmp(&weights[a].fract()).then(a.cmp(&b)));
    let missing = total - sizes.iter().sum::<usize>();
    for &part in by_remainder.iter().cycle().take(missing) {
        sizes[part] += 1;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::{LabelFormat, seeded_rng};

    #[test]
    fn every_cell_is_shared_out_unevenly() {
        let config = SimulatorConfig::new(5);
        let labels = std::iter::once("control".to_owned()).chain((1..=80).map(|i| format!("G{i}")));
        let perturbations =
            labels.map(|l| Perturbation::parse(&l, &LabelFormat::default()).unwrap()).collect();
        let design = Design::draw(&config, perturbations, &mut seeded_rng(5, "test"));
        assert_eq!(design.contexts.len(), 6_000);
        let mut sizes = vec![0; 81];
        design.perturbation_of.iter().for_each(|&p| sizes[p] += 1);
        assert_eq!(sizes.iter().sum::<usize>(), 6_000);
        assert_eq!(sizes[0], 720);
        let (least, most) = (sizes[1..].iter().min().unwrap(), sizes[1..].iter().max().unwrap());
        assert!(*least >= 30 && *most <= 160 && most > &(2 * least), "{least} to {most}");
    }
}
