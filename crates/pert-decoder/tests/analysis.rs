//! Held-out training, bounds per cell, expression and changes between groups of cells.

use std::ops::ControlFlow;

use burn::tensor::Device;
use pert_core::{CsrCounts, seeded_rng};
use pert_decoder::{
    BatchLabels, CellGroup, Conditions, DifferentialConfig, Dispersion, Draws, Error, Library,
    LibraryScale, Likelihood, LikelihoodChoice, Schedule, StopReason, TrainConfig, Trainer, Vae,
    VaeConfig, VaeInputs, ValidatedFit, ValidationConfig,
};

mod common;
use common::{N_GENES, all, simulate};

fn config(likelihood: Likelihood) -> VaeConfig {
    VaeConfig { n_hidden: 32, likelihood, ..VaeConfig::new(N_GENES, 3) }
}

fn train(steps: usize, schedule: Schedule) -> TrainConfig {
    TrainConfig { steps, batch: 64, learning_rate: 5e-3, schedule, ..TrainConfig::default() }
}

fn inputs(groups: &[usize]) -> VaeInputs<'_> {
    VaeInputs { cell: None, covariate: None, library_group: groups, n_groups: 2 }
}

fn fit_validated(
    counts: &CsrCounts,
    groups: &[usize],
    train: &TrainConfig,
    validation: &ValidationConfig,
) -> Result<ValidatedFit, Error> {
    let rng = &mut seeded_rng(2, "fit");
    Vae::fit_validated(
        counts,
        &all(counts),
        &inputs(groups),
        &config(Likelihood::Nb),
        train,
        validation,
        rng,
        &Device::default(),
        &mut |_| ControlFlow::Continue(()),
    )
}

fn mean(x: impl IntoIterator<Item = f64>) -> f64 {
    let x: Vec<f64> = x.into_iter().collect();
    x.iter().sum::<f64>() / x.len() as f64
}

#[test]
fn the_model_of_the_best_epoch_is_returned() {
    let (counts, state) = simulate(300, &mut seeded_rng(1, "data"));
    let validation = ValidationConfig { patience: None, ..Default::default() };
    let train = train(80, Schedule::Constant);
    let fit = fit_validated(&counts, &state, &train, &validation).unwrap();
    // 270 cells in batches of 64: four steps per epoch.
    assert_eq!((fit.history.len(), fit.history[0].step), (20, 4));
    assert_eq!(fit.stopped, StopReason::Finished);
    let mut cells = [fit.train_cells.clone(), fit.validation_cells.clone()].concat();
    cells.sort_unstable();
    assert_eq!((cells, fit.validation_cells.len()), (all(&counts), 30));
    let bounds: Vec<f64> = fit.history.iter().map(|r| r.validation.total()).collect();
    let best = bounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(bounds[fit.best_epoch - 1], best);
    assert!(best > bounds[0] + 1.0, "{bounds:?}");
    assert!(fit.history.iter().all(|r| r.learning_rate == 5e-3 && r.train.total().is_finite()));
    // What the history says of the best epoch is true of the model.
    let groups: Vec<usize> = fit.validation_cells.iter().map(|&cell| state[cell]).collect();
    let again = fit.vae.elbo(
        &counts,
        &fit.validation_cells,
        Conditions::default(),
        Some(&groups),
        &mut seeded_rng(30, "validation"),
    );
    assert!((again.unwrap().total() - best).abs() < 1e-9);
}

#[test]
fn training_ends_when_it_no_longer_improves_or_leaves_the_numbers() {
    let (counts, state) = simulate(200, &mut seeded_rng(1, "data"));
    // Nothing is ever better by a million nats.
    let validation = ValidationConfig { patience: Some(3), min_delta: 1e6, ..Default::default() };
    let fit = fit_validated(&counts, &state, &train(400, Schedule::Cosine), &validation).unwrap();
    assert_eq!((fit.stopped, fit.history.len(), fit.best_epoch), (StopReason::NoImprovement, 4, 1));
    // One epoch of two steps: the first epoch is within the numbers, a later one is not.
    let explosive = TrainConfig {
        learning_rate: 1e13,
        clip: 1e30,
        batch: 1000,
        ..train(50, Schedule::OneCycle)
    };
    match fit_validated(&counts, &state, &explosive, &ValidationConfig::default()) {
        Ok(fit) => {
            assert!(matches!(fit.stopped, StopReason::Diverged { step: 2.. }), "{:?}", fit.stopped);
            let z = fit.vae.encode(&counts, &[0], Conditions::default()).unwrap();
            assert!(z.iter().all(|z| z.is_finite()));
        }
        Err(error) => {
            assert!(
                matches!(error, Error::NonFiniteLoss { .. } | Error::NonFiniteGradient { .. }),
                "{error}"
            );
        }
    }
    for bad in [
        ValidationConfig { fraction: 0.0, ..Default::default() },
        ValidationConfig { patience: Some(0), ..Default::default() },
        ValidationConfig { min_delta: f64::NAN, ..Default::default() },
    ] {
        assert!(matches!(bad.check(), Err(Error::InvalidSetting { .. })), "{bad:?}");
    }
}

#[test]
fn a_trainer_that_left_the_numbers_keeps_the_last_good_weights() {
    let (counts, state) = simulate(50, &mut seeded_rng(0, "data"));
    let (cells, inputs, config) = (all(&counts), inputs(&state), config(Likelihood::Zinb));
    let train = TrainConfig { learning_rate: 1e30, ..train(50, Schedule::Constant) };
    let (rng, device) = (&mut seeded_rng(0, "fit"), Device::default());
    let mut trainer =
        Trainer::new(&counts, &cells, &inputs, &config, &train, rng, &device).unwrap();
    let first = trainer.model().to_safetensors().unwrap();
    let error = loop {
        if let Err(error) = trainer.step() {
            break error;
        }
    };
    let step = trainer.steps_done() + 1;
    let named = match error {
        Error::NonFiniteLoss { step, .. } | Error::NonFiniteGradient { step, .. } => step,
        other => panic!("{other}"),
    };
    assert_eq!(named, step);
    // With this rate the first update is already one too many.
    assert_eq!(trainer.model().to_safetensors().unwrap(), first);
    let terms =
        trainer.model().elbo(&counts, &cells, Conditions::default(), None, &mut seeded_rng(0, "e"));
    assert!(terms.unwrap().total().is_finite());
}

#[test]
fn terms_per_cell_average_to_the_terms_of_the_batch() {
    let (counts, _) = simulate(30, &mut seeded_rng(1, "data"));
    let cells = all(&counts);
    for likelihood in [Likelihood::Zinb, Likelihood::Nb, Likelihood::Poisson] {
        for library in [Library::Latent, Library::Observed] {
            let config = VaeConfig { library, ..config(likelihood) };
            let vae =
                Vae::untrained(config, &mut seeded_rng(0, "init"), &Device::default()).unwrap();
            let free = Conditions::default();
            let rng = || seeded_rng(4, "elbo");
            let each = vae
                .elbo_per_cell(&counts, &cells, free, None, Draws::Samples(1), &mut rng())
                .unwrap();
            let all = vae.elbo(&counts, &cells, free, None, &mut rng()).unwrap();
            // Sums in f32 of a batch of some thousand nats.
            for (a, b) in [
                (mean(each.iter().map(|t| t.reconstruction)), all.reconstruction),
                (mean(each.iter().map(|t| t.kl_z)), all.kl_z),
                (mean(each.iter().map(|t| t.kl_l)), all.kl_l),
            ] {
                assert!((a - b).abs() <= 1e-5 * b.abs().max(10.0), "{likelihood:?}: {a}, {b}");
            }
            // More draws: a tighter bound, on average over cells.
            let log_p = |k| {
                mean(
                    vae.marginal_log_likelihood(&counts, &cells, free, None, k, &mut rng())
                        .unwrap(),
                )
            };
            let (one, many) = (log_p(1), log_p(300));
            assert!(many > one && many > all.total(), "{likelihood:?}: {one}, {many}");
        }
    }
}

#[test]
fn a_dispersion_per_batch_is_learned() {
    // The second half of the cells has counts without overdispersion, of the same means.
    let (noisy, _) = simulate(300, &mut seeded_rng(7, "data"));
    let mut dense = noisy.dense(&all(&noisy));
    let state_mean: Vec<Vec<f64>> = (0..2)
        .map(|s| {
            let cells: Vec<usize> = (s..300).step_by(2).collect();
            let rows = noisy.dense(&cells);
            let total: f64 = rows.iter().map(|&y| f64::from(y)).sum();
            (0..N_GENES)
                .map(|g| {
                    rows.iter().skip(g).step_by(N_GENES).map(|&y| f64::from(y)).sum::<f64>() / total
                })
                .collect()
        })
        .collect();
    for cell in 0..300 {
        let library = noisy.library_size(cell).max(1.0);
        dense.extend(state_mean[cell % 2].iter().map(|rho| (library * rho).round() as f32));
    }
    let keep: Vec<usize> = dense
        .chunks(N_GENES)
        .enumerate()
        .filter(|(_, row)| row.iter().any(|&y| y > 0.0))
        .map(|(i, _)| i)
        .collect();
    let counts = CsrCounts::from_dense(N_GENES, &dense).unwrap();
    let batches = BatchLabels::new(["noisy", "exact"]).unwrap();
    let labels: Vec<&str> = keep.iter().map(|&i| if i < 300 { "noisy" } else { "exact" }).collect();
    let covariate = batches.one_hot(labels).unwrap();
    let groups = vec![0; keep.len()];
    let inputs =
        VaeInputs { cell: None, covariate: Some(&covariate), library_group: &groups, n_groups: 1 };
    let bound = |dispersion| {
        let config = VaeConfig { dispersion, d_covariate: 2, ..config(Likelihood::Nb) };
        let vae = Vae::fit(
            &counts,
            &keep,
            &inputs,
            &config,
            &train(300, Schedule::OneCycle),
            &mut seeded_rng(1, "fit"),
            &Device::default(),
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap();
        let bytes = vae.to_safetensors().unwrap();
        let restored = Vae::from_state(vae.state(), &bytes, &Device::default()).unwrap();
        let conditions = inputs.conditions();
        let l = vec![4.0; keep.len()];
        let draw = |vae: &Vae| vae.generate(conditions, &l, None, &mut seeded_rng(9, "g")).unwrap();
        assert_eq!(draw(&vae), draw(&restored));
        let rng = &mut seeded_rng(1, "elbo");
        vae.elbo(&counts, &keep, conditions, Some(&groups), rng).unwrap().total()
    };
    let (gene, batch) = (bound(Dispersion::Gene), bound(Dispersion::GeneBatch));
    let cell = bound(Dispersion::GeneCell);
    assert!(batch > gene + 0.5 && cell > gene + 0.5, "{gene} {batch} {cell}");
}

#[test]
fn expression_and_changes_tell_the_two_states_apart() {
    let (counts, state) = simulate(400, &mut seeded_rng(3, "data"));
    let (cells, free) = (all(&counts), Conditions::default());
    let vae = Vae::fit(
        &counts,
        &cells,
        &inputs(&state),
        &config(Likelihood::Nb),
        &train(300, Schedule::OneCycle),
        &mut seeded_rng(4, "fit"),
        &Device::default(),
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap();
    let rng = &mut seeded_rng(5, "analysis");
    let [a, b]: [Vec<usize>; 2] =
        [1, 0].map(|s| cells.iter().copied().filter(|&i| state[i] == s).collect());
    let group = |cells| CellGroup { cells, conditions: free };
    let config = DifferentialConfig { n_pairs: 1500, ..Default::default() };
    let genes = vae.differential_expression(&counts, group(&a), group(&b), &config, rng).unwrap();
    // Every third gene is up in state 1, the others are down; by how much, the pooled counts tell.
    let pooled = |cells: &[usize], gene: usize| {
        let rows = counts.dense(cells);
        let of_gene: f32 = rows.iter().skip(gene).step_by(N_GENES).sum();
        f64::from(of_gene / rows.iter().sum::<f32>())
    };
    for gene in &genes {
        let up = gene.gene % 3 == 0;
        assert!(gene.is_called && gene.probability > 0.9, "{gene:?}");
        assert_eq!(gene.lfc_median > 0.0, up, "{gene:?}");
        let expected = (pooled(&a, gene.gene) / pooled(&b, gene.gene)).log2();
        assert!((gene.lfc_mean - expected).abs() < 0.5, "{gene:?} {expected}");
        assert!(gene.bayes_factor > 2.0 && (gene.rho_a > gene.rho_b) == up, "{gene:?}");
    }
    // A group against itself: nothing is called.
    let same = vae.differential_expression(&counts, group(&a), group(&a), &config, rng).unwrap();
    assert!(same.iter().all(|gene| !gene.is_called && gene.lfc_mean.abs() < 0.2));

    // Totals of the counts drawn again, and of the expected ones, are those of the cells.
    let library = |c: &CsrCounts| mean(cells.iter().map(|&i| c.library_size(i)));
    let again = vae.posterior_predictive(&counts, &cells, free, 2, rng).unwrap();
    let denoised = vae.denoised_expression(&counts, &cells, free, Draws::Samples(3), rng).unwrap();
    let expected = denoised.iter().map(|&x| f64::from(x)).sum::<f64>() / cells.len() as f64;
    for total in [library(&again[0]), library(&again[1]), expected] {
        assert!((total / library(&counts) - 1.0).abs() < 0.1, "{total} {}", library(&counts));
    }
    for (scale, expected) in
        [(LibraryScale::default(), 1e4), (LibraryScale::Observed, counts.library_size(0))]
    {
        let x =
            vae.normalised_expression(&counts, &[0], free, scale, Draws::Samples(2), rng).unwrap();
        let total: f64 = x.iter().map(|&x| f64::from(x)).sum();
        assert!((total / expected - 1.0).abs() < 1e-4, "{scale:?}: {total}");
    }
    let latent = vae.latent(&counts, &cells, free).unwrap();
    assert!(latent.variance.iter().all(|&v| v > 0.0 && v < 1.5));
    for bad in [0.0, -1.0, f64::NAN] {
        let scale = LibraryScale::Fixed(bad);
        let error = vae.normalised_expression(&counts, &[0], free, scale, Draws::Mean, rng);
        assert!(matches!(error, Err(Error::InvalidSetting { .. })));
    }
    let none = vae.posterior_predictive(&counts, &[0], free, 0, rng);
    assert!(matches!(none, Err(Error::InvalidSetting { .. })));
    let empty = vae.differential_expression(&counts, group(&a), group(&[]), &config, rng);
    assert!(matches!(empty, Err(Error::NoCells { .. })));
}

#[test]
fn overdispersed_counts_are_not_taken_for_poisson() {
    let (counts, state) = simulate(400, &mut seeded_rng(8, "data"));
    let choice = LikelihoodChoice::fit(
        &counts,
        &all(&counts),
        &inputs(&state),
        &config(Likelihood::Zinb),
        &train(200, Schedule::OneCycle),
        &mut seeded_rng(1, "choice"),
        &Device::default(),
    )
    .unwrap();
    assert_ne!(choice.chosen, Likelihood::Poisson, "{choice:?}");
    assert!(choice.candidates[0].below_best > 3.0 * choice.candidates[0].standard_error);
}

#[test]
fn counts_that_are_none_and_cells_without_any_are_named() {
    for bad in [-1.0f32, 0.5, f32::NAN, f32::INFINITY, 2.0f32.powi(25)] {
        let error = CsrCounts::from_dense(2, &[1.0, 2.0, 3.0, bad]).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, pert_core::Error::NotACount { row: 1, column: 1, .. }), "{text}");
    }
    let zeros = CsrCounts::from_dense(N_GENES, &[0.0; 3 * N_GENES]).unwrap();
    let device = Device::default();
    let vae =
        Vae::untrained(config(Likelihood::Zinb), &mut seeded_rng(0, "init"), &device).unwrap();
    let (free, rng) = (Conditions::default(), &mut seeded_rng(0, "rng"));
    let cells = [0, 1, 2];
    let expected = Error::ZeroCountCell { cell: 0 };
    assert_eq!(vae.encode(&zeros, &cells, free).unwrap_err(), expected);
    assert_eq!(vae.latent(&zeros, &cells, free).unwrap_err(), expected);
    assert_eq!(vae.elbo(&zeros, &cells, free, None, rng).unwrap_err(), expected);
    let draws = Draws::Mean;
    let error = vae.elbo_per_cell(&zeros, &cells, free, None, draws, rng).unwrap_err();
    assert_eq!(error, expected);
    let error = vae.marginal_log_likelihood(&zeros, &cells, free, None, 1, rng).unwrap_err();
    assert_eq!(error, expected);
    assert_eq!(vae.denoised_expression(&zeros, &cells, free, draws, rng).unwrap_err(), expected);
    let error =
        fit_validated(&zeros, &[0; 3], &train(2, Schedule::Constant), &ValidationConfig::default())
            .unwrap_err();
    assert!(matches!(error, Error::ZeroCountCell { .. }));
    let narrow = CsrCounts::from_dense(2, &[1.0, 2.0]).unwrap();
    let mismatch = Error::GeneMismatch { expected: N_GENES, found: 2 };
    assert_eq!(vae.latent(&narrow, &[0], free).unwrap_err(), mismatch);
    let error =
        fit_validated(&narrow, &[0], &train(2, Schedule::Constant), &ValidationConfig::default())
            .unwrap_err();
    assert!(matches!(error, Error::NoCells { .. }));
}
