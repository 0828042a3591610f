//! Library sizes of perturbations without training cells: predicted from the perturbation, kept in the model folder.

use std::collections::BTreeSet;

use pert_core::{CsrCounts, Perturbation, Population};
use pert_data::{Dataset, SimulatorConfig};
use pert_decoder::TrainConfig;
use pert_diffusion::PriorConfig;
use pert_pipeline::{DeviceChoice, FitConfig, GeneAnchor, Model, UnseenLibrary};

const N_CELLS: usize = 200;

/// A simulated screen in which every second perturbed gene trebles the counts of its cells.
fn screen() -> Dataset {
    let size = SimulatorConfig::new(1).with_n_cells(6000).with_n_genes(60).with_n_perturbations(60);
    let screen = Dataset::simulated(&size).unwrap();
    let population = screen.population();
    let targets = |p: &Perturbation| p.targets().to_vec();
    let genes: BTreeSet<String> = population.perturbations().iter().flat_map(targets).collect();
    let trebles: BTreeSet<String> = genes.into_iter().step_by(2).collect();
    let all: Vec<usize> = (0..population.n_cells()).collect();
    let mut dense = population.counts().dense(&all);
    for (row, &cell) in dense.chunks_exact_mut(population.n_genes()).zip(&all) {
        let targets = population.perturbation_of(cell).targets();
        let factor =
            3f32.powi(targets.iter().filter(|&gene| trebles.contains(gene)).count() as i32);
        row.iter_mut().for_each(|y| *y *= factor);
    }
    let labels: Vec<Perturbation> =
        all.iter().map(|&cell| population.perturbation_of(cell).clone()).collect();
    let population = Population::new(
        CsrCounts::from_dense(population.n_genes(), &dense).unwrap(),
        population.genes().to_vec(),
        population.cells().to_vec(),
        &labels,
        population.covariates().to_vec(),
    );
    Dataset::from_population(population.unwrap(), screen.format().clone())
}

fn fit(screen: &Dataset, unseen_library: UnseenLibrary) -> Model {
    let few = TrainConfig { steps: 3, ..TrainConfig::default() };
    let config = FitConfig {
        hold_out: Some("seen-2:0.5".to_owned()),
        cell_encoder_training: few.clone(),
        prior: PriorConfig { steps: 3, ..PriorConfig::default() },
        decoder_training: few,
        gene_anchor: GeneAnchor::Off,
        min_cells: 2,
        unseen_library,
        ..FitConfig::default()
    };
    config.fit(screen, &DeviceChoice::Cpu.open().unwrap()).unwrap()
}

fn mean_log_library(cells: &Population, p: &Perturbation) -> f64 {
    let cells_of = cells.cells_of(p);
    let logs = cells_of.iter().map(|&cell| cells.counts().library_size(cell).max(1.0).ln());
    logs.sum::<f64>() / cells_of.len() as f64
}

#[test]
fn library_sizes_of_unseen_pairs_are_predicted_and_stay_so_in_the_folder() {
    let screen = screen();
    let model = fit(&screen, UnseenLibrary::Predicted);
    let unseen: Vec<Perturbation> =
        model.split().test.iter().map(|label| model.perturbation(label).unwrap()).collect();
    assert!(unseen.len() >= 4, "{}", unseen.len());
    let error = |model: &Model| {
        let cells = model.predict(&unseen, N_CELLS, 0).unwrap();
        let difference = |p: &Perturbation| {
            (mean_log_library(&cells, p) - mean_log_library(screen.population(), p)).abs()
        };
        unseen.iter().map(difference).sum::<f64>() / unseen.len() as f64
    };
    let (predicted, global) = (error(&model), error(&fit(&screen, UnseenLibrary::Global)));
    // A gene that trebles is ln 3 = 1.1 in the log library; a part of it is shrunk away.
    assert!(predicted < 0.5 * global, "{predicted} against {global}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    model.save(&path).unwrap();
    let loaded = Model::load(&path, &DeviceChoice::Cpu.open().unwrap()).unwrap();
    let counts = |model: &Model| model.predict(&unseen, 20, 1).unwrap().counts().clone();
    assert_eq!(counts(&loaded), counts(&model));
}
