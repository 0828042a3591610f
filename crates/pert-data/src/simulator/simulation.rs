//! A simulated screen and how it is drawn.

use pert_core::{
    ChaCha8Rng, Covariate, CovariateRole, CsrCounts, LabelFormat, Perturbation, Population,
    seeded_rng,
};

use super::design::{Context, Design};
use super::expression::{Effect, Expression};
use super::mechanism::Mechanism;
use super::truth::true_means;
use super::{
    Interaction, PerturbationTruth, Shown, SimulatorConfig, SimulatorError, SimulatorKind,
};

/// A simulated screen: its cells, what a model may know of its perturbations, and the truth it is judged by.
///
/// ```
/// use pert_data::{SimulatorConfig, simulate};
/// let simulation = simulate(&SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1))?;
/// let control = simulation.population.perturbations().iter().find(|p| p.is_control()).unwrap();
/// let truth = simulation.truth_of(control).unwrap();
/// assert_eq!(truth.rho.len(), 50); // [n_genes]
/// assert!((truth.rho.iter().sum::<f64>() - 1.0).abs() < 1e-9);
/// # Ok::<(), pert_data::SimulatorError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Simulation {
    /// The screen: raw counts, perturbations (control among them), covariates `batch` and `cell_type`.
    pub population: Population,
    /// How the labels of the screen are written.
    pub label_format: LabelFormat,
    /// What a model is shown of the perturbations.
    pub shown: Shown,
    /// The truth of every perturbation of the screen: control first, then genes before pairs, drugs by number and dose,
    /// variants by position.
    pub truth: Vec<PerturbationTruth>,
    mechanism: Mechanism,
    expression: Expression,
}

/// Simulates a screen with known truth.
///
/// The same configuration gives the same screen, byte for byte.
///
/// # Errors
/// [`SimulatorError::TooSmall`] and [`SimulatorError::TooLarge`] from [`SimulatorConfig::check`].
///
/// ```
/// use pert_data::{SimulatorConfig, SimulatorKind, simulate};
///
/// let config = SimulatorConfig::new(7).with_n_cells(300).with_n_genes(60).with_n_perturbations(5);
/// let simulation = simulate(&config)?;
/// assert_eq!(simulation.population.n_cells(), 300);
/// assert_eq!(simulation.truth.len(), 6); // control too
///
/// let drugs = SimulatorConfig { kind: SimulatorKind::Drugs, ..config };
/// assert_eq!(simulate(&drugs)?.truth[3].perturbation.label(), "compound-1_10000nM");
/// # Ok::<(), pert_data::SimulatorError>(())
/// ```
pub fn simulate(config: &SimulatorConfig) -> Result<Simulation, SimulatorError> {
    config.check()?;
    let genes: Vec<String> = (1..=config.n_genes).map(|i| format!("GENE{i:04}")).collect();
    let expression = Expression::draw(config.n_genes, config.seed);
    let mut rng = seeded_rng(config.seed, "simulator/design");
    let (mechanism, perturbed) = Mechanism::draw(config, &genes, &expression, &mut rng)?;
    let label_format = mechanism.label_format();
    let mut perturbations = vec![Perturbation::parse(&label_format.control, &label_format)?];
    perturbations.extend(perturbed);
    let design = Design::draw(config, perturbations, &mut rng);
    let effects: Vec<Effect> =
        design.perturbations.iter().map(|p| mechanism.effect(p)).collect::<Result<_, _>>()?;

    let mut rng = seeded_rng(config.seed, "simulator/cells");
    let counts = draw_counts(
        &expression,
        design.perturbation_of.iter().map(|&p| &effects[p]).zip(&design.contexts),
        &mut rng,
    )?;

    let mut contexts_of = vec![Vec::new(); effects.len()];
    for (&p, &context) in design.perturbation_of.iter().zip(&design.contexts) {
        contexts_of[p].push(context);
    }
    let truth = design
        .perturbations
        .iter()
        .enumerate()
        .map(|(p, perturbation)| {
            let (log_normalised_mean, rho) =
                true_means(&expression, &effects[p], &contexts_of[p], config.seed);
            let interaction = mechanism.interaction_of(perturbation)?;
            let perturbation = perturbation.clone();
            Ok(PerturbationTruth { perturbation, interaction, log_normalised_mean, rho })
        })
        .collect::<Result<_, SimulatorError>>()?;

    let labels: Vec<Perturbation> =
        design.perturbation_of.iter().map(|&p| design.perturbations[p].clone()).collect();
    let population = population(counts, genes, &labels, &design.contexts)?;
    let shown = mechanism.shown(config.seed);
    Ok(Simulation { population, label_format, shown, truth, mechanism, expression })
}

impl Simulation {
    /// The kind of screen.
    pub fn kind(&self) -> SimulatorKind {
        self.mechanism.kind()
    }

    /// The truth of one perturbation of the screen, whatever the order of its genes.
    pub fn truth_of(&self, perturbation: &Perturbation) -> Option<&PerturbationTruth> {
        self.truth.iter().find(|truth| &truth.perturbation == perturbation)
    }

    /// How two genes of a screen of gene pairs act together, whether or not the screen holds that pair.
    ///
    /// # Errors
    /// [`SimulatorError::UnknownGene`], [`SimulatorError::OtherKind`].
    ///
    /// ```
    /// use pert_data::{SimulatorConfig, simulate};
    /// let simulation = simulate(&SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1))?;
    /// let one_way = simulation.interaction("GENE0001", "GENE0002")?;
    /// assert_eq!(one_way, simulation.interaction("GENE0002", "GENE0001")?); // in any order
    /// assert!(simulation.interaction("GENE0001", "no gene").is_err());
    /// # Ok::<(), pert_data::SimulatorError>(())
    /// ```
    pub fn interaction(&self, a: &str, b: &str) -> Result<Interaction, SimulatorError> {
        match &self.mechanism {
            Mechanism::Genes(genes) => genes.interaction(a, b),
            other => Err(SimulatorError::OtherKind {
                what: "interactions of genes",
                kind: other.kind(),
                needs: SimulatorKind::GenePairs,
            }),
        }
    }

    /// Draws further cells, in the screen's mix of batches and cell types, of any set of the screen's genes, any of its
    /// compounds at any dose, or any substitutions in its protein. The effects of several drugs or substitutions add up.
    ///
    /// # Shapes
    /// Returns raw counts `[n_cells, n_genes]` of the screen's genes.
    ///
    /// # Errors
    /// [`SimulatorError`] for a gene, drug or residue that the screen does not have, and for a label of another kind.
    ///
    /// ```
    /// use pert_core::Perturbation;
    /// use pert_data::{SimulatorConfig, simulate};
    /// let simulation = simulate(&SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1))?;
    /// // A pair that the screen does not hold.
    /// let pair = Perturbation::parse("GENE0001+GENE0002", &simulation.label_format)?;
    /// let more = simulation.draw_population(&pair, 20, 3)?;
    /// assert_eq!((more.n_cells(), more.n_genes()), (20, 50));
    /// assert_eq!(more.cells_of(&pair).len(), 20);
    /// # Ok::<(), pert_data::SimulatorError>(())
    /// ```
    pub fn draw_population(
        &self,
        perturbation: &Perturbation,
        n_cells: usize,
        seed: u64,
    ) -> Result<Population, SimulatorError> {
        let effect = self.mechanism.effect(perturbation)?;
        let mut rng = seeded_rng(seed, "simulator/more");
        let contexts: Vec<Context> = (0..n_cells).map(|_| Context::draw(&mut rng)).collect();
        let cells = std::iter::repeat_n(&effect, n_cells).zip(&contexts);
        let counts = draw_counts(&self.expression, cells, &mut rng)?;
        let labels = vec![perturbation.clone(); n_cells];
        population(counts, self.population.genes().to_vec(), &labels, &contexts)
    }
}

fn draw_counts<'a>(
    expression: &Expression,
    cells: impl Iterator<Item = (&'a Effect, &'a Context)>,
    rng: &mut ChaCha8Rng,
) -> Result<CsrCounts, SimulatorError> {
    let n_genes = expression.n_genes();
    let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    let (mut counts, mut rho) = (vec![0.0; n_genes], vec![0.0; n_genes]);
    for (effect, &context) in cells {
        expression.draw_cell(context, effect, rng, &mut counts, &mut rho);
        for (column, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            indices.push(column as u32);
            values.push(count);
        }
        indptr.push(indices.len());
    }
    Ok(CsrCounts::new(n_genes, indptr, indices, values)?)
}

fn population(
    counts: CsrCounts,
    genes: Vec<String>,
    labels: &[Perturbation],
    contexts: &[Context],
) -> Result<Population, SimulatorError> {
    let cells = (1..=labels.len()).map(|i| format!("CELL{i:06}")).collect();
    let batches: Vec<String> = contexts.iter().map(|c| format!("batch{}", c.batch + 1)).collect();
    let types: Vec<String> = contexts.iter().map(|c| format!("type{}", c.cell_type + 1)).collect();
    let covariates = vec![
        Covariate::categorical("batch", CovariateRole::Batch, &batches),
        Covariate::categorical("cell_type", CovariateRole::CellType, &types),
    ];
    Ok(Population::new(counts, genes, cells, labels, covariates)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    fn small(seed: u64) -> SimulatorConfig {
        SimulatorConfig::new(seed).with_n_cells(700).with_n_genes(120).with_n_perturbations(12)
    }

    fn parse(label: &str) -> Perturbation {
        Perturbation::parse(label, &LabelFormat::default()).unwrap()
    }

    fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
        a.iter().zip(b).map(|(a, b)| a - b).collect()
    }

    fn pearson(a: &[f64], b: &[f64]) -> f64 {
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (mean_a, mean_b) = (mean(a), mean(b));
        let product = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
            x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
        };
        product(a, mean_a, b, mean_b)
            / (product(a, mean_a, a, mean_a) * product(b, mean_b, b, mean_b)).sqrt()
    }

    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    #[test]
    fn one_seed_one_screen() {
        let (a, b, c) = (
            simulate(&small(1)).unwrap(),
            simulate(&small(1)).unwrap(),
            simulate(&small(2)).unwrap(),
        );
        assert_eq!(a.population, b.population);
        assert_eq!((a.shown, a.truth), (b.shown, b.truth));
        assert_ne!(a.population.counts(), c.population.counts());
    }

    #[test]
    fn the_order_of_genes_does_not_matter() {
        let simulation = simulate(&small(3)).unwrap();
        let (ab, ba) = (parse("GENE0007+GENE0003"), parse("GENE0003+GENE0007"));
        let draw = |p| simulation.draw_population(p, 40, 5).unwrap();
        assert_eq!(draw(&ab).counts(), draw(&ba).counts());
        assert_eq!(
            simulation.interaction("GENE0003", "GENE0007").unwrap(),
            simulation.interaction("GENE0007", "GENE0003").unwrap()
        );
        let error = simulation.draw_population(&parse("TP53"), 3, 5).unwrap_err();
        assert!(error.to_string().contains("TP53"), "{error}");
    }

    /// Of the perturbations kept: how well a shift measured in half of the cells agrees with that in the other half, and one
    /// measured in all of them with the truth; medians of Pearson's r over genes.
    fn measured(simulation: &Simulation, keep: impl Fn(&str) -> bool) -> (f64, f64) {
        let population = &simulation.population;
        let counts = population.counts();
        let control = population.control_cells();
        let halves = |cells: &[usize]| -> [Vec<f64>; 2] {
            [0, 1].map(|half| {
                let cells: Vec<usize> = cells.iter().copied().skip(half).step_by(2).collect();
                counts.mean_log_normalised(&cells)
            })
        };
        let reference = halves(&control);
        let (mut reliability, mut oracle) = (Vec::new(), Vec::new());
        let no_change = &simulation.truth[0].log_normalised_mean;
        for truth in simulation.truth[1..].iter().filter(|t| keep(t.perturbation.label())) {
            let cells = population.cells_of(&truth.perturbation);
            let half = halves(&cells);
            reliability.push(pearson(
                &difference(&half[0], &reference[0]),
                &difference(&half[1], &reference[1]),
            ));
            let real = difference(
                &counts.mean_log_normalised(&cells),
                &counts.mean_log_normalised(&control),
            );
            oracle.push(pearson(&real, &difference(&truth.log_normalised_mean, no_change)));
        }
        (median(reliability), median(oracle))
    }

    #[test]
    fn the_default_screen_is_realistic() {
        for seed in 0..3 {
            let simulation = simulate(&SimulatorConfig::new(seed)).unwrap();
            let population = &simulation.population;
            let counts = population.counts();
            let zeros =
                1.0 - counts.n_nonzero() as f64 / (counts.n_cells() * counts.n_genes()) as f64;
            assert!((0.85..0.93).contains(&zeros), "seed {seed}: {zeros} zeros");
            let log_library: Vec<f64> =
                (0..counts.n_cells()).map(|i| counts.library_size(i).ln()).collect();
            let mean = log_library.iter().sum::<f64>() / log_library.len() as f64;
            let variance = log_library.iter().map(|l| (l - mean).powi(2)).sum::<f64>()
                / (log_library.len() - 1) as f64;
            assert!((0.35..0.75).contains(&variance.sqrt()), "{variance}");
            assert!(log_library.iter().all(|l| l.is_finite()));

            let (reliability, oracle) = measured(&simulation, |_| true);
            assert!((0.4..0.8).contains(&reliability), "seed {seed}: split half {reliability}");
            assert!(oracle > 0.75, "seed {seed}: real cells against the truth {oracle}");
        }
    }

    /// Between the 25 knock-outs of Papalexi et al. 2021 (median 0.07 at 66 cells each) and the gene pairs of Norman et al.
    /// 2019 (0.39), with the strongest doses and the missing protein at the upper end.
    #[test]
    fn drugs_and_variants_are_weaker_than_genes_but_measurable() {
        for seed in 0..2 {
            let config = SimulatorConfig::of(SimulatorKind::Drugs, seed).with_n_cells(5_000);
            let drugs = simulate(&config.with_n_perturbations(90)).unwrap();
            let (weakest, _) = measured(&drugs, |label| label.ends_with("_100nM"));
            let (strongest, oracle) = measured(&drugs, |label| label.ends_with("_10000nM"));
            assert!((-0.05..0.2).contains(&weakest), "seed {seed}: split half {weakest}");
            assert!((0.3..0.7).contains(&strongest), "seed {seed}: split half {strongest}");
            assert!(oracle > 0.6, "seed {seed}: real cells against the truth {oracle}");

            let config = SimulatorConfig::of(SimulatorKind::Variants, seed).with_n_cells(5_000);
            let variants = simulate(&config.with_n_perturbations(80)).unwrap();
            let (stop, _) = measured(&variants, |label| label.ends_with('*'));
            let (missense, oracle) = measured(&variants, |label| !label.ends_with(['=', '*']));
            assert!((0.3..0.8).contains(&stop), "seed {seed}: split half {stop}");
            assert!((0.1..0.5).contains(&missense), "seed {seed}: split half {missense}");
            assert!(oracle > 0.45, "seed {seed}: real cells against the truth {oracle}");
        }
    }

    #[test]
    fn synonymous_variants_have_the_profile_of_the_reference() {
        let config = SimulatorConfig::of(SimulatorKind::Variants, 1).with_n_cells(700);
        let simulation = simulate(&config.with_n_genes(60).with_n_perturbations(20)).unwrap();
        let shift = |truth: &PerturbationTruth| {
            let d = difference(&truth.rho, &simulation.truth[0].rho);
            d.iter().map(|d| d * d).sum::<f64>().sqrt()
        };
        let of = |ending: char| {
            let ends = |t: &&PerturbationTruth| t.perturbation.label().ends_with(ending);
            shift(simulation.truth.iter().find(ends).unwrap())
        };
        // Not zero: the cells of the two are of somewhat different contexts.
        assert!(of('=') < of('*') / 3.0, "{} against {}", of('='), of('*'));
    }

    #[test]
    fn what_one_kind_has_another_is_asked_in_vain() {
        let config = SimulatorConfig::of(SimulatorKind::Drugs, 1).with_n_cells(300);
        let drugs = simulate(&config.with_n_genes(60).with_n_perturbations(6)).unwrap();
        assert_eq!(drugs.kind(), SimulatorKind::Drugs);
        let error = drugs.interaction("GENE0001", "GENE0002").unwrap_err().to_string();
        assert!(error.contains("drugs") && error.contains("gene-pairs"), "{error}");
        // A dose that the screen does not hold.
        let between = Perturbation::parse("compound-2_3uM", &drugs.label_format).unwrap();
        assert_eq!(drugs.draw_population(&between, 7, 1).unwrap().n_cells(), 7);
        assert!(drugs.draw_population(&parse("GENE0001"), 7, 1).is_err());
    }

    #[test]
    fn large_populations_converge_to_the_truth() {
        let simulation = simulate(&small(4)).unwrap();
        for truth in [&simulation.truth[0], &simulation.truth[2], &simulation.truth[10]] {
            // The truth holds in the mix of contexts of the screen's cells; weigh the large population to that mix.
            let screen = &simulation.population;
            let large = simulation.draw_population(&truth.perturbation, 30_000, 9).unwrap();
            let context =
                |p: &Population, i: usize| [p.covariates()[0].label(i), p.covariates()[1].label(i)];
            let real = screen.cells_of(&truth.perturbation);
            let mut expected = vec![0.0; screen.n_genes()];
            let mut squares = 0.0;
            let mut contexts: Vec<[String; 2]> = real.iter().map(|&i| context(screen, i)).collect();
            contexts.sort_unstable();
            let n = contexts.len() as f64;
            contexts.dedup();
            for of in contexts {
                let share = real.iter().filter(|&&i| context(screen, i) == of).count() as f64 / n;
                let cells: Vec<usize> =
                    (0..large.n_cells()).filter(|&i| context(&large, i) == of).collect();
                let mean = large.counts().mean_log_normalised(&cells);
                expected.iter_mut().zip(mean).for_each(|(e, m)| *e += share * m);
            }
            for (a, b) in expected.iter().zip(&truth.log_normalised_mean) {
                squares += (a - b) * (a - b);
            }
            // x has a standard deviation of about 2; over 2,000 cells that is 0.045 per gene, and 0.02 over the rest.
            let off = (squares / screen.n_genes() as f64).sqrt();
            assert!(off < 0.06, "{}: {off}", truth.perturbation);
            let total: f64 = truth.rho.iter().sum();
            approx::assert_relative_eq!(total, 1.0, max_relative = 1e-9);
        }
    }

    #[test]
    fn a_perturbed_gene_rises() {
        let simulation = simulate(&small(6)).unwrap();
        let control = &simulation.truth[0];
        let mut folds = Vec::new();
        for truth in &simulation.truth[1..] {
            for gene in truth.perturbation.targets() {
                let genes = simulation.population.genes();
                let column = genes.iter().position(|g| g == gene).unwrap();
                folds.push(truth.rho[column] / control.rho[column]);
            }
        }
        // The programs may pull a gene down a little, never undo its activation.
        assert!(folds.iter().all(|&fold| fold > 1.0), "{folds:?}");
        assert!(median(folds) > 3.0);
    }

    #[test]
    fn features_tell_something_about_effects_but_not_all() {
        let (mut nearest_of, mut any_of) = (Vec::new(), Vec::new());
        for seed in 0..3 {
            let simulation = simulate(&SimulatorConfig::new(seed)).unwrap();
            let Shown::Features(table) = &simulation.shown else { panic!("genes have features") };
            let singles: Vec<&Perturbation> = simulation
                .truth
                .iter()
                .map(|t| &t.perturbation)
                .filter(|p| p.targets().len() == 1)
                .collect();
            let features = |g: usize| table.get(&singles[g].targets()[0]).unwrap().to_vec();
            let distance = |a: usize, b: usize| -> f64 {
                difference(&features(a), &features(b)).iter().map(|d| d * d).sum()
            };
            let effects: Vec<_> =
                singles.iter().map(|p| simulation.mechanism.effect(p).unwrap().programs).collect();
            for i in 0..singles.len() {
                let others = (0..singles.len()).filter(|&j| j != i);
                let nearest = others
                    .clone()
                    .min_by(|&j, &k| distance(i, j).total_cmp(&distance(i, k)))
                    .unwrap();
                nearest_of.push(pearson(&effects[i], &effects[nearest]));
                any_of.extend(others.map(|j| pearson(&effects[i], &effects[j])));
            }
        }
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (nearest, any) = (mean(&nearest_of), mean(&any_of));
        assert!(nearest > any + 0.2, "nearest neighbour {nearest}, any gene {any}");
        assert!(nearest < 0.85, "nearest neighbour {nearest}");
    }
}
