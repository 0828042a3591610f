//! What holds for every baseline, whatever the screen.

use std::collections::HashSet;

use pert_baselines::{CellPlan, FeatureVectors, Target, TrainingSummary, all_baselines};
use pert_core::{
    Covariate, CovariateRole, CsrCounts, LabelFormat, Perturbation, Population, seeded_rng,
};
use rand::Rng;

const N_GENES: usize = 12;
const NAMES: [&str; 11] = [
    "no_change",
    "training_mean",
    "matching_mean",
    "additive",
    "weighted_shift",
    "random_cells",
    "training_cells",
    "ridge",
    "bilinear_ridge",
    "nearest",
    "kernel_ridge",
];
/// What is predicted: seen in the same strata, held out in one cell type, held out altogether, never measured.
const ASKED: [&str; 7] = ["control", "A", "B", "A+B", "B+C", "D", "A+Z"];

fn perturbation(label: &str) -> Perturbation {
    Perturbation::parse(label, &LabelFormat::default()).unwrap()
}

/// Two cell types in two batches, five cells of each label in each stratum but for what the label never had.
struct Screen {
    labels: Vec<&'static str>,
    types: Vec<String>,
    batches: Vec<String>,
    counts: Vec<f32>,
    train: Vec<usize>,
}

impl Screen {
    fn new(seed: u64) -> Self {
        let mut rng = seeded_rng(seed, "laws");
        let mut screen =
            Self { labels: vec![], types: vec![], batches: vec![], counts: vec![], train: vec![] };
        for i in 0..160 {
            let label = ["control", "A", "B", "C", "D", "A+B", "A+C", "B+C"][i % 8];
            let (kind, batch) = (["b", "t"][(i / 8) % 2], ["1", "2"][(i / 16) % 2]);
            // D, B+C and B in type t are held out, with every fifth cell.
            let held_out = ["D", "B+C"].contains(&label) || (label, kind) == ("B", "t");
            if !held_out && i % 5 != 4 {
                screen.train.push(i);
            }
            screen.labels.push(label);
            screen.types.push(kind.into());
            screen.batches.push(batch.into());
            let own = label.bytes().map(u64::from).sum::<u64>() + kind.len() as u64;
            screen.counts.extend((0..N_GENES as u64).map(|g| {
                let level = 2 + (own * (g + 3)) % 7 + u64::from(kind == "t") * (g % 3) * 4;
                (rng.next_u64() % (2 * level) + u64::from(g == 0)) as f32
            }));
        }
        screen
    }

    /// The same training cells amid other cells: other counts, other perturbations.
    fn with_other_cells(&self) -> Self {
        let mut rng = seeded_rng(99, "laws/other");
        let train: HashSet<usize> = self.train.iter().copied().collect();
        let mut labels = self.labels.clone();
        let mut counts = self.counts.clone();
        for i in (0..labels.len()).filter(|i| !train.contains(i)) {
            labels[i] = ["A", "Q", "control", "B+Q"][i % 4];
            let row = &mut counts[i * N_GENES..][..N_GENES];
            row.iter_mut().for_each(|y| *y = (rng.next_u64() % 900 + 1) as f32);
        }
        Self {
            labels,
            counts,
            types: self.types.clone(),
            batches: self.batches.clone(),
            train: self.train.clone(),
        }
    }

    fn population(&self, with_covariates: bool) -> Population {
        let of_cell: Vec<Perturbation> = self.labels.iter().map(|l| perturbation(l)).collect();
        let covariates = vec![
            Covariate::categorical("type", CovariateRole::CellType, &self.types),
            Covariate::categorical("batch", CovariateRole::Batch, &self.batches),
        ];
        Population::new(
            CsrCounts::from_dense(N_GENES, &self.counts).unwrap(),
            (0..N_GENES).map(|g| format!("gene {g}")).collect(),
            (0..of_cell.len()).map(|i| format!("cell {i}")).collect(),
            &of_cell,
            if with_covariates { covariates } else { vec![] },
        )
        .unwrap()
    }

    /// Cells that are not trained on: every label's own, or all of type t where it has none.
    fn judged(&self, label: &str) -> Vec<usize> {
        let test = (0..self.labels.len()).filter(|i| !self.train.contains(i));
        let (own, others): (Vec<usize>, Vec<usize>) = test.partition(|&i| self.labels[i] == label);
        if own.is_empty() {
            others.into_iter().filter(|&i| self.types[i] == "t").collect()
        } else {
            own
        }
    }
}

fn features() -> Vec<(Perturbation, FeatureVectors)> {
    let labels = ["A", "B", "C", "D", "A+B", "A+C", "B+C", "A+Z"];
    let known = |gene: &str| gene.bytes().map(|b| f64::from(b % 5) + 0.5).sum::<f64>();
    labels
        .map(|label| {
            let genes: Vec<&str> = label.split('+').collect();
            let set = ["A", "B", "C"].map(|g| f64::from(genes.contains(&g))).to_vec();
            let sum = vec![genes.iter().map(|g| known(g)).sum(), genes.len() as f64];
            (perturbation(label), FeatureVectors::new(vec![set, sum]))
        })
        .into()
}

/// Name, whether it covers, the mean bit for bit, and cells of every baseline for every target.
type Answers = Vec<(&'static str, bool, Vec<u64>, CellPlan, Vec<f64>)>;

fn answers(screen: &Population, train: &[usize], targets: &[(&str, Vec<usize>)]) -> Answers {
    let summary = TrainingSummary::fit(screen, train).unwrap();
    let baselines = all_baselines(&summary, Some(&features())).unwrap();
    let mut answers = Vec::new();
    for (label, rows) in targets {
        let target = summary.target(&perturbation(label), rows);
        for baseline in &baselines {
            let mean = baseline.mean(&target).iter().map(|m| m.to_bits()).collect();
            let cells = baseline.cells(&target, 30, &mut seeded_rng(5, baseline.name()));
            let profiles = cells.profiles(screen.counts());
            answers.push((baseline.name(), baseline.covers(&target), mean, cells, profiles));
        }
    }
    answers
}

#[test]
fn nothing_but_training_cells_is_learned_from() {
    let screen = Screen::new(1);
    // Cells are judged where they lie: their rows, and so their covariates, are asked for; nothing else of them.
    let targets = ASKED.map(|label| (label, screen.judged(label)));
    for with_covariates in [true, false] {
        let one = answers(&screen.population(with_covariates), &screen.train, &targets);
        let other = screen.with_other_cells().population(with_covariates);
        let other = answers(&other, &screen.train, &targets);
        assert_eq!(one.len(), ASKED.len() * NAMES.len());
        for (a, b) in one.iter().zip(&other) {
            assert!(a == b, "{} looks at cells it was not given", a.0);
        }
    }
    // The other cells would have made a difference.
    let all: Vec<usize> = (0..screen.labels.len()).collect();
    let (one, other) = (screen.population(true), screen.with_other_cells().population(true));
    let differ = |name| {
        let of = |population| {
            let summary = TrainingSummary::fit(population, &all).unwrap();
            let baselines = all_baselines(&summary, None).unwrap();
            let baseline = baselines.iter().find(|b| b.name() == name).unwrap();
            baseline.mean(&summary.target(&perturbation("A"), &screen.judged("A")))
        };
        of(&one) != of(&other)
    };
    assert!(NAMES[..7].iter().all(|name| differ(*name)));
}

#[test]
fn only_training_cells_are_drawn_each_once_and_coverage_is_what_it_says() {
    let screen = Screen::new(2);
    let population = screen.population(true);
    let targets = ASKED.map(|label| (label, screen.judged(label)));
    let answers = answers(&population, &screen.train, &targets);
    for (i, (name, covers, mean, cells, profiles)) in answers.iter().enumerate() {
        let what = format!("{name} of {}", ASKED[i / NAMES.len()]);
        let rows: HashSet<usize> = cells.rows().iter().copied().collect();
        assert_eq!(rows.len(), cells.rows().len(), "{what} repeats a cell");
        assert!(rows.iter().all(|row| screen.train.contains(row)), "{what}");
        assert_eq!(!rows.is_empty(), *covers, "{what}");
        let finite = |bits: &u64| f64::from_bits(*bits).is_finite();
        assert!(mean.iter().all(|m| finite(m) == *covers), "{what}");
        assert!(profiles.iter().all(|x| x.is_finite() && *x >= 0.0), "{what}");
    }
}

#[test]
fn both_orders_of_a_pair_have_the_same_answers() {
    let screen = Screen::new(3);
    let population = screen.population(true);
    let ask = |label| {
        let targets = [(label, screen.judged("B+C"))];
        answers(&population, &screen.train, &targets)
    };
    assert!(ask("B+C") == ask("C+B"));
}

#[test]
fn without_covariates_the_formulas_are_those_of_one_population() {
    let screen = Screen::new(4);
    let population = screen.population(false);
    let summary = TrainingSummary::fit(&population, &screen.train).unwrap();
    assert_eq!(summary.n_strata(), 1);
    let baselines = all_baselines(&summary, Some(&features())).unwrap();
    let mean_of = |label: &str| summary.mean_of(&perturbation(label)).unwrap();
    let (control, perturbed) = (summary.control_mean(), summary.perturbed_mean());
    let (a, b) = (mean_of("A"), mean_of("B"));
    let target = summary.target(&perturbation("A+B"), &screen.judged("A+B"));
    for (name, formula) in [
        ("no_change", &(|g| control[g]) as &dyn Fn(usize) -> f64),
        ("training_mean", &|g| perturbed[g]),
        ("matching_mean", &|g| (a[g] + b[g]) / 2.0),
        ("additive", &|g| a[g] + b[g] - control[g]),
        ("random_cells", &|g| perturbed[g]),
        ("training_cells", &|g| mean_of("A+B")[g]),
    ] {
        let baseline = baselines.iter().find(|b| b.name() == name).unwrap();
        for (gene, mean) in baseline.mean(&target).iter().enumerate() {
            assert!((mean - formula(gene)).abs() < 1e-12, "{name}, gene {gene}");
        }
    }
    let weighted = &baselines[4];
    assert!(weighted.name() == "weighted_shift" && !weighted.covers(&target));
}

#[test]
fn what_was_seen_in_another_cell_type_is_transferred_as_a_shift() {
    let screen = Screen::new(5);
    let population = screen.population(true);
    let summary = TrainingSummary::fit(&population, &screen.train).unwrap();
    let baselines = all_baselines(&summary, Some(&features())).unwrap();
    let rows = screen.judged("B").into_iter().filter(|&i| screen.types[i] == "t");
    let target = summary.target(&perturbation("B"), &rows.collect::<Vec<usize>>());
    let find = |name| baselines.iter().find(|b| b.name() == name).unwrap();
    let mean = |name| find(name).mean(&target);
    let cells = |name, n| find(name).cells(&target, n, &mut seeded_rng(0, "test"));
    let shift = summary.shift_of(&perturbation("B")).unwrap();
    let control = summary.matched_control_mean(&target);
    for name in ["matching_mean", "additive"] {
        for ((m, c), s) in mean(name).iter().zip(&control).zip(&shift) {
            assert!((m - (c + s)).abs() < 1e-12, "{name}");
        }
    }
    let of_type = |row: &usize, kind| screen.types[*row] == kind;
    for name in ["no_change", "training_mean", "additive", "weighted_shift", "ridge"] {
        assert!(cells(name, 4).rows().iter().all(|row| of_type(row, "t")), "{name}");
    }
    // Cells of B exist in the other type only: they are moved, and are no sample of what is judged.
    let CellPlan::Moved { rows, shift_of, .. } = cells("matching_mean", 6) else {
        panic!("cells of another type are moved")
    };
    assert!(rows.iter().all(|row| of_type(row, "b") && screen.labels[*row] == "B"));
    assert!(shift_of.iter().all(Option::is_some));
    assert!(!find("training_cells").covers(&target) && find("weighted_shift").covers(&target));
}

#[test]
fn shares_follow_the_judged_cells_and_unknown_strata_take_what_all_have() {
    let mut screen = Screen::new(6);
    let row = |screen: &Screen, kind: &str| {
        (0..160).find(|&i| screen.types[i] == kind && screen.batches[i] == "1").unwrap()
    };
    let (b, t) = (row(&screen, "b"), row(&screen, "t"));
    let last = screen.labels.len() - 1;
    screen.types[last] = "never trained on".into();
    screen.train.retain(|&i| i != last);
    let population = screen.population(true);
    let summary = TrainingSummary::fit(&population, &screen.train).unwrap();
    let a = perturbation("A");
    let target = summary.target(&a, &[b, t, t, last]);
    let expected = [(None, 0.25), (summary.stratum_of(b), 0.25), (summary.stratum_of(t), 0.5)];
    assert_eq!(target.strata(), expected);
    let control = |target: &Target| summary.matched_control_mean(target);
    let alone = [last, b, t].map(|row| control(&summary.target(&a, &[row])));
    for (gene, mean) in control(&target).iter().enumerate() {
        let shares = 0.25 * alone[0][gene] + 0.25 * alone[1][gene] + 0.5 * alone[2][gene];
        assert!((mean - shares).abs() < 1e-12);
    }
    assert_eq!(alone[0], summary.control_mean());
    let overall = summary.target(&a, &[]);
    for (m, c) in control(&overall).iter().zip(summary.control_mean()) {
        assert!((m - c).abs() < 1e-12);
    }
}

#[test]
fn a_dose_is_no_stratum() {
    let screen = Screen::new(7);
    let labels: Vec<Perturbation> = screen.labels.iter().map(|l| perturbation(l)).collect();
    let doses = (0..labels.len()).map(|i| i as f64).collect();
    let dose = Covariate::numeric("dose", CovariateRole::Dose, doses);
    let names: Vec<String> = (0..labels.len()).map(|i| i.to_string()).collect();
    let genes = (0..N_GENES).map(|g| g.to_string()).collect();
    let counts = CsrCounts::from_dense(N_GENES, &screen.counts).unwrap();
    let population = Population::new(counts, genes, names, &labels, vec![dose]).unwrap();
    assert_eq!(TrainingSummary::fit(&population, &screen.train).unwrap().n_strata(), 1);
}

#[test]
fn a_screen_too_small_or_without_features_has_fewer_baselines() {
    let screen = Screen::new(8);
    let population = screen.population(true);
    let names = |train: &[usize], features: Option<&[(Perturbation, FeatureVectors)]>| {
        let summary = TrainingSummary::fit(&population, train).unwrap();
        let all = all_baselines(&summary, features).unwrap();
        all.iter().map(|b| b.name()).collect::<Vec<_>>()
    };
    let features = features();
    assert_eq!(names(&screen.train, Some(&features)), NAMES);
    assert_eq!(names(&screen.train, None), NAMES[..7]);
    let empty: Vec<(Perturbation, FeatureVectors)> =
        features.iter().map(|(p, _)| (p.clone(), FeatureVectors::new(vec![vec![]]))).collect();
    assert_eq!(names(&screen.train, Some(&empty)), NAMES[..7]);
    let one_perturbation: Vec<usize> = screen
        .train
        .iter()
        .copied()
        .filter(|&i| ["control", "A"].contains(&screen.labels[i]))
        .collect();
    let expected: Vec<&str> = NAMES[..7].iter().copied().chain(["nearest"]).collect();
    assert_eq!(names(&one_perturbation, Some(&features)), expected);
    // What is given but wrong is an error.
    let summary = TrainingSummary::fit(&population, &screen.train).unwrap();
    assert!(all_baselines(&summary, Some(&features[1..])).is_err());
}
