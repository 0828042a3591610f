//! Who is in the screen: perturbed genes, pairs, cells per perturbation, batch and cell type of each cell.

use pert_core::{LabelFormat, Perturbation, seeded_rng, shuffled_indices};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::{SimulatorConfig, SimulatorError};

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
    /// Gene names, in column order.
    pub genes: Vec<String>,
    /// Columns of the genes perturbed alone, ascending.
    pub perturbed: Vec<usize>,
    /// The distinct perturbations; control first.
    pub perturbations: Vec<Perturbation>,
    /// Index into `perturbations` of each cell; file order is random.
    pub perturbation_of: Vec<usize>,
    /// The context of each cell.
    pub contexts: Vec<Context>,
}

impl Design {
    /// Draws a plan; the perturbed genes are some of the columns `activatable`.
    pub fn draw(config: &SimulatorConfig, activatable: &[usize]) -> Result<Self, SimulatorError> {
        let mut rng = seeded_rng(config.seed, "simulator/design");
        let genes: Vec<String> = (1..=config.n_genes).map(|i| format!("GENE{i:04}")).collect();
        let n_singles = config.n_singles();
        let order = shuffled_indices(activatable.len(), &mut rng);
        let mut perturbed: Vec<usize> =
            order[..n_singles].iter().map(|&i| activatable[i]).collect();
        perturbed.sort_unstable();
        let pairs: Vec<(usize, usize)> = (0..n_singles)
            .flat_map(|second| (0..second).map(move |first| (first, second)))
            .map(|(first, second)| (perturbed[first], perturbed[second]))
            .collect();
        let n_pairs = config.n_perturbations - n_singles;
        let mut chosen = shuffled_indices(pairs.len(), &mut rng)[..n_pairs].to_vec();
        chosen.sort_unstable();

        let format = LabelFormat::default();
        let labels = std::iter::once(format.control.clone())
            .chain(perturbed.iter().map(|&gene| genes[gene].clone()))
            .chain(chosen.iter().map(|&pair| {
                let (first, second) = pairs[pair];
                format!("{}{}{}", genes[first], format.separator, genes[second])
            }));
        let perturbations =
            labels.map(|l| Perturbation::parse(&l, &format)).collect::<Result<Vec<_>, _>>()?;

        let n_control = config.n_control();
        let mut of_sorted = vec![0; n_control];
        let sizes = uneven_sizes(config.n_cells - n_control, config.n_perturbations, &mut rng);
        for (index, n) in sizes.into_iter().enumerate() {
            of_sorted.extend(std::iter::repeat_n(index + 1, n));
        }
        let perturbation_of =
            shuffled_indices(config.n_cells, &mut rng).into_iter().map(|i| of_sorted[i]).collect();
        let contexts = (0..config.n_cells).map(|_| Context::draw(&mut rng)).collect();
        Ok(Self { genes, perturbed, perturbations, perturbation_of, contexts })
    }
}

/// Splits `total` cells into `n` parts with log-normal shares, by largest remainders.
fn uneven_sizes(total: usize, n: usize, rng: &mut impl rand::Rng) -> Vec<usize> {
    let mut weights: Vec<f64> = (0..n)
        .map(|_| {
            let normal: f64 = StandardNormal.sample(rng);
            (CELLS_LOG_SD * normal).exp().clamp(CELLS_RANGE.0, CELLS_RANGE.1)
        })
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

    #[test]
    fn the_plan_has_what_was_asked_for() {
        let config = SimulatorConfig::new(5);
        let activatable: Vec<usize> = (100..500).collect();
        let design = Design::draw(&config, &activatable).unwrap();
        assert!(design.perturbed.iter().all(|gene| *gene >= 100));
        let mut keys: Vec<String> = design.perturbations.iter().map(Perturbation::key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 81);
        assert!(design.perturbations[0].is_control());
        for pair in design.perturbations.iter().filter(|p| p.targets().len() == 2) {
            assert!(pair.targets().iter().all(|gene| keys.contains(gene)), "{pair}");
        }
        let mut sizes = vec![0; 81];
        design.perturbation_of.iter().for_each(|&p| sizes[p] += 1);
        assert_eq!(sizes.iter().sum::<usize>(), 6_000);
        assert_eq!(sizes[0], 720);
        let (least, most) = (sizes[1..].iter().min().unwrap(), sizes[1..].iter().max().unwrap());
        assert!(*least >= 30 && *most <= 160 && most > &(2 * least), "{least} to {most}");
    }

    #[test]
    fn tiny_screens_work() {
        for n in [1, 2, 3, 4, 10] {
            let config =
                SimulatorConfig::new(1).with_n_perturbations(n).with_n_cells(400).with_n_genes(50);
            config.check().unwrap();
            let design = Design::draw(&config, &(0..37).collect::<Vec<_>>()).unwrap();
            assert_eq!(design.perturbations.len(), n + 1);
        }
    }
}
