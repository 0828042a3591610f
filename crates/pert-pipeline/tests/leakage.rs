//! Nothing of the held-out cells may reach a model: altering them must not change a byte of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pert_core::{CsrCounts, Perturbation, Population, SplitConfig};
use pert_data::{Dataset, SimulatorConfig};
use pert_decoder::TrainConfig;
use pert_diffusion::PriorConfig;
use pert_pipeline::{DeviceChoice, FitConfig};

/// Rules that hold out cells, perturbations, combinations, and perturbations in one cell type.
const RULES: [&str; 4] = ["cells", "sorted-5", "seen-2", "covariate-transfer"];

fn screen() -> Dataset {
    let size = SimulatorConfig::new(0).with_n_cells(400).with_n_genes(60).with_n_perturbations(12);
    Dataset::simulated(&size).unwrap()
}

/// The same screen, the counts of some cells reversed over genes and trebled.
fn altered(screen: &Dataset, cells: &BTreeSet<usize>) -> Dataset {
    let population = screen.population();
    let n_genes = population.n_genes();
    let all: Vec<usize> = (0..population.n_cells()).collect();
    let mut dense = population.counts().dense(&all);
    for &cell in cells {
        let row = &mut dense[cell * n_genes..][..n_genes];
        row.reverse();
        row.iter_mut().for_each(|y| *y = 3.0 * *y + 1.0);
    }
    let labels: Vec<Perturbation> =
        all.iter().map(|&cell| population.perturbation_of(cell).clone()).collect();
    let population = Population::new(
        CsrCounts::from_dense(n_genes, &dense).unwrap(),
        population.genes().to_vec(),
        population.cells().to_vec(),
        &labels,
        population.covariates().to_vec(),
    );
    Dataset::from_population(population.unwrap(), screen.format().clone())
}

/// Every file of the model, by name.
fn model_of(screen: &Dataset, config: &FitConfig, folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let model = config.fit(screen, &DeviceChoice::Cpu.open().unwrap()).unwrap();
    model.save(folder).unwrap();
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

#[test]
fn held_out_cells_do_not_reach_the_model() {
    let scratch = tempfile::tempdir().unwrap();
    let screen = screen();
    for rule in RULES {
        let few = TrainConfig { steps: 3, ..TrainConfig::default() };
        let config = FitConfig {
            hold_out: Some(rule.to_owned()),
            cell_encoder_training: few.clone(),
            prior: PriorConfig { steps: 3, ..PriorConfig::default() },
            decoder_training: few,
            min_cells: 2,
            n_top_genes: 30,
            ..FitConfig::default()
        };
        let split = SplitConfig::new(rule.parse().unwrap(), 0).split(screen.population()).unwrap();
        let train: BTreeSet<usize> =
            split.train_cells(screen.population(), screen.format()).into_iter().collect();
        let held_out: BTreeSet<usize> =
            (0..screen.population().n_cells()).filter(|cell| !train.contains(cell)).collect();
        assert!(held_out.len() > 20, "{rule}");

        let fitted = |name: &str, screen: &Dataset| {
            model_of(
                screen,
                &config,
                &scratch.path().join(format!("{rule} {name}").replace(':', "-")),
            )
        };
        let model = fitted("as it is", &screen);
        let other = fitted("held-out cells altered", &altered(&screen, &held_out));
        assert_eq!(model.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (name, bytes) in &model {
            assert!(bytes == &other[name], "{rule}: held-out cells changed {name}");
        }
        // The comparison can fail: one training cell is enough.
        let one = BTreeSet::from([*train.first().unwrap()]);
        let learned = fitted("a training cell altered", &altered(&screen, &one));
        assert!(model.iter().any(|(name, bytes)| bytes != &learned[name]), "{rule}");
    }
}
