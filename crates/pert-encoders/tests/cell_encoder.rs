//! Contrastive training on counts drawn from known perturbations.

use std::ops::ControlFlow;

use burn::tensor::Device;
use pert_core::{ChaCha8Rng, CsrCounts, LabelFormat, Perturbation, seeded_rng};
use pert_encoders::{
    CellEncoder, ContrastiveConfig, ContrastiveData, ContrastiveError, ContrastiveLoss,
    ContrastiveTrainer, Error, PerturbationSide, SetEncoderConfig, TokenBatch,
};
use pert_nn::{TrainingState, uniform};

const N_GENES: usize = 40;
const N_PERTURBATIONS: usize = 6;
const CELLS_OF_EACH: usize = 60;

/// Counts of cells, perturbation by perturbation; perturbation k triples five genes of its own, control (0) none. The last
/// perturbation, if asked for, is a pair that triples the genes of both.
fn counts(pair: Option<[usize; 2]>) -> (CsrCounts, Vec<usize>) {
    let rng: &mut ChaCha8Rng = &mut seeded_rng(7, "counts");
    let n_cells = (N_PERTURBATIONS + usize::from(pair.is_some())) * CELLS_OF_EACH;
    let noise: Vec<f32> = uniform([n_cells, N_GENES], 4.0, 12.0, rng, &Device::default())
        .into_data()
        .iter()
        .collect();
    let perturbation_of: Vec<usize> = (0..n_cells).map(|cell| cell / CELLS_OF_EACH).collect();
    let dense: Vec<f32> = noise
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let (perturbation, gene) = (perturbation_of[at / N_GENES], at % N_GENES);
            let hits = match pair {
                Some(pair) if perturbation == N_PERTURBATIONS => pair,
                _ => [perturbation; 2],
            };
            let is_hit = perturbation > 0 && hits.contains(&(gene / 5));
            (value * if is_hit { 3.0 } else { 1.0 }).floor()
        })
        .collect();
    (CsrCounts::from_dense(N_GENES, &dense).unwrap(), perturbation_of)
}

/// Cells whose place is 4 modulo 5 are held out.
fn split(perturbation_of: &[usize]) -> ([Vec<usize>; 2], [Vec<usize>; 2]) {
    let (test, train): (Vec<usize>, Vec<usize>) =
        (0..perturbation_of.len()).partition(|cell| cell % 5 == 4);
    let of = |cells: &[usize]| cells.iter().map(|&cell| perturbation_of[cell]).collect();
    let labels = [of(&train), of(&test)];
    ([train, test], labels)
}

fn config() -> ContrastiveConfig {
    ContrastiveConfig { d: 8, n_hidden: 32, steps: 150, batch_size: 64, ..Default::default() }
}

fn data<'a>(
    counts: &'a CsrCounts,
    cells: &'a [usize],
    perturbation_of: &'a [usize],
    tokens: Option<&'a TokenBatch>,
) -> ContrastiveData<'a> {
    ContrastiveData { counts, cells, perturbation_of, n_perturbations: N_PERTURBATIONS, tokens }
}

fn fit(data: &ContrastiveData<'_>, config: &ContrastiveConfig) -> CellEncoder {
    let rng = &mut seeded_rng(0, "cell encoder");
    let go_on = &mut |_| ControlFlow::Continue(());
    CellEncoder::fit(data, config, rng, &Device::default(), go_on).unwrap()
}

#[test]
fn held_out_cells_find_the_perturbation_that_made_them() {
    let (counts, perturbation_of) = counts(None);
    let ([train, test], [of_train, of_test]) = split(&perturbation_of);
    for loss in [ContrastiveLoss::CellToPerturbation, ContrastiveLoss::Symmetric] {
        let config = ContrastiveConfig { loss, ..config() };
        let encoder = fit(&data(&counts, &train, &of_train, None), &config);
        let g = encoder.encode(&counts, &test).unwrap();
        for g in g.chunks(config.d) {
            let length: f32 = g.iter().map(|v| v * v).sum();
            assert!((length - 1.0).abs() < 1e-5, "{length}"); // f32 rounding
        }
        let found = encoder.retrieval(&g, &encoder.prototypes().unwrap(), &of_test).unwrap();
        // Chance and the commonest perturbation both score 1/6; the five genes of each are unmistakable.
        assert!((found.commonest - 1.0 / 6.0).abs() < 1e-12);
        assert!(found.top1 > 0.8 && found.top1 <= found.top5, "{loss:?}: {found:?}");
        assert!(encoder.temperature() != config.temperature, "the temperature is learned");
    }
}

/// Singles are trained on; cells of the pair, which were never seen, are asked for among singles and the pair.
#[test]
fn a_pair_never_seen_is_found_by_its_parts() {
    let (counts, perturbation_of) = counts(Some([3, 4]));
    let pair = N_PERTURBATIONS;
    let parse = |label: &str| Perturbation::parse(label, &LabelFormat::default()).unwrap();
    let names: Vec<String> = (1..N_PERTURBATIONS).map(|k| format!("G{k}")).collect();
    let singles: Vec<Perturbation> =
        std::iter::once("control").chain(names.iter().map(String::as_str)).map(parse).collect();
    let device = Device::default();
    let tokens = |sets: &[&Perturbation]| TokenBatch::new(sets, &names, None, &device).unwrap();
    let sets = SetEncoderConfig { d_token: 16, ..SetEncoderConfig::new(names.len(), 0, 16) };
    let config = ContrastiveConfig { perturbations: PerturbationSide::Sets(sets), ..config() };

    let is_single = |cell: &usize| perturbation_of[*cell] < pair;
    let (singles_cells, pair_cells): (Vec<usize>, Vec<usize>) =
        (0..perturbation_of.len()).partition(is_single);
    let of_singles: Vec<usize> = singles_cells.iter().map(|&cell| perturbation_of[cell]).collect();
    let known: Vec<&Perturbation> = singles.iter().collect();
    let trained = tokens(&known);
    let encoder = fit(&data(&counts, &singles_cells, &of_singles, Some(&trained)), &config);

    let g = encoder.encode(&counts, &pair_cells).unwrap();
    let (one, other) = (parse("G3+G4"), parse("G1+G2"));
    let candidates: Vec<&Perturbation> = known.iter().copied().chain([&one, &other]).collect();
    let vectors = encoder.encode_sets(&tokens(&candidates)).unwrap();
    let truth = vec![pair; pair_cells.len()];
    let found = encoder.retrieval(&g, &vectors, &truth).unwrap();
    // One of eight by chance.
    assert!(found.top1 > 0.5, "{found:?}");
    assert!(encoder.prototypes().is_none());
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_a_state_restores_them() {
    let (counts, perturbation_of) = counts(None);
    let ([train, test], [of_train, _]) = split(&perturbation_of);
    let data = data(&counts, &train, &of_train, None);
    let config = ContrastiveConfig { steps: 12, ..config() };
    let device = Device::default();
    let [rng, other_rng] = &mut [0, 99].map(|seed| seeded_rng(seed, "cell encoder"));
    let mut whole = ContrastiveTrainer::new(&data, &config, rng, &device).unwrap();
    (0..7).for_each(|_| {
        whole.step().unwrap();
    });
    let bytes = whole.state().to_bytes().unwrap();
    let mut resumed = ContrastiveTrainer::new(&data, &config, other_rng, &device).unwrap();
    resumed.restore(&TrainingState::from_bytes(&bytes).unwrap()).unwrap();
    assert_eq!(resumed.history(), whole.history());
    (0..5).for_each(|_| assert_eq!(resumed.step().unwrap(), whole.step().unwrap()));
    let (whole, resumed) = (whole.finish(), resumed.finish());
    assert_eq!(whole.to_bytes().unwrap(), resumed.to_bytes().unwrap());
    assert_eq!(fit(&data, &config).to_bytes().unwrap(), whole.to_bytes().unwrap());

    let json = serde_json::to_string(whole.state()).unwrap();
    let state = serde_json::from_str(&json).unwrap();
    let stored = CellEncoder::from_state(state, &whole.to_bytes().unwrap(), &device).unwrap();
    assert_eq!(stored.encode(&counts, &test).unwrap(), whole.encode(&counts, &test).unwrap());
}

#[test]
fn a_cell_does_not_depend_on_the_cells_beside_it() {
    let (counts, perturbation_of) = counts(None);
    let ([train, _], [of_train, _]) = split(&perturbation_of);
    let config = ContrastiveConfig { steps: 2, ..config() };
    let encoder = fit(&data(&counts, &train, &of_train, None), &config);
    let all = encoder.encode(&counts, &[5, 17, 80, 300]).unwrap();
    assert_eq!(encoder.encode(&counts, &[80]).unwrap(), all[2 * config.d..3 * config.d]);
    assert!(encoder.encode(&counts, &[]).unwrap().is_empty());
}

#[test]
fn inputs_that_contradict_each_other_are_named() {
    let (counts, perturbation_of) = counts(None);
    let cells: Vec<usize> = (0..perturbation_of.len()).collect();
    let good = data(&counts, &cells, &perturbation_of, None);
    let refused = |data: ContrastiveData<'_>| {
        let rng = &mut seeded_rng(0, "cell encoder");
        match ContrastiveTrainer::new(&data, &config(), rng, &Device::default()) {
            Err(Error::Contrastive(error)) => error,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("must be refused"),
        }
    };
    let one = vec![3; cells.len()];
    assert_eq!(
        refused(ContrastiveData { perturbation_of: &one, ..good }),
        ContrastiveError::OnePerturbation { found: 1 }
    );
    assert!(matches!(
        refused(ContrastiveData { n_perturbations: 3, ..good }),
        ContrastiveError::NoSuchPerturbation { found: 3, n_perturbations: 3, .. }
    ));
    assert!(matches!(
        refused(ContrastiveData { cells: &cells[1..], ..good }),
        ContrastiveError::Length { .. }
    ));
    let far = [100_000];
    assert!(matches!(
        refused(ContrastiveData { cells: &far, perturbation_of: &[0], ..good }),
        ContrastiveError::NoSuchCell { cell: 100_000, .. }
    ));
    let empty = CsrCounts::from_dense(2, &[1.0, 0.0, 0.0, 0.0]).unwrap();
    let data = ContrastiveData { counts: &empty, cells: &[0, 1], perturbation_of: &[0, 1], ..good };
    assert_eq!(refused(data), ContrastiveError::EmptyCell { cell: 1 });
    let encoder = fit(&good, &ContrastiveConfig { steps: 1, ..config() });
    assert!(encoder.encode(&empty, &[0]).unwrap_err().to_string().contains("expected 40 genes"));
}
