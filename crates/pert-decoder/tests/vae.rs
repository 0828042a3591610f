//! Training, generation and storage of whole models.

use std::ops::ControlFlow;

use burn::tensor::Device;
use pert_core::{CsrCounts, seeded_rng};
use pert_decoder::{
    Conditions, Error, LatentPrior, Library, Likelihood, OutputPrior, TrainConfig, Trainer, Vae,
    VaeConfig, VaeInputs, VaeState,
};
use statrs::distribution::{Discrete, NegativeBinomial};

mod common;
use common::{N_GENES, all, simulate};

fn small(likelihood: Likelihood, library: Library) -> VaeConfig {
    VaeConfig { n_hidden: 32, likelihood, library, ..VaeConfig::new(N_GENES, 3) }
}

fn steps(steps: usize) -> TrainConfig {
    TrainConfig { steps, batch: 64, learning_rate: 5e-3, ..TrainConfig::default() }
}

fn unconditioned(groups: &[usize]) -> VaeInputs<'_> {
    VaeInputs { cell: None, covariate: None, library_group: groups, n_groups: 2 }
}

fn fit(
    counts: &CsrCounts,
    inputs: &VaeInputs<'_>,
    config: &VaeConfig,
    train: &TrainConfig,
    seed: u64,
) -> Result<Vae, Error> {
    let rng = &mut seeded_rng(seed, "fit");
    let go_on = &mut |_| ControlFlow::Continue(());
    Vae::fit(counts, &all(counts), inputs, config, train, rng, &Device::default(), go_on)
}

/// Mean log-likelihood per cell of one negative binomial per gene with the true θ, given the totals.
fn marginal_nb(counts: &CsrCounts) -> f64 {
    let cells = all(counts);
    let dense = counts.dense(&cells);
    let total: f64 = dense.iter().map(|&y| f64::from(y)).sum();
    let rho: Vec<f64> = (0..N_GENES)
        .map(|g| dense.iter().skip(g).step_by(N_GENES).map(|&y| f64::from(y)).sum::<f64>() / total)
        .collect();
    // Best of a range of dispersions, for no gene state is known to it.
    [0.8, 1.2, 1.6, 2.0]
        .iter()
        .map(|&theta| {
            let mut sum = 0.0;
            for (cell, row) in dense.chunks(N_GENES).enumerate() {
                let library = counts.library_size(cell);
                for (&y, rho) in row.iter().zip(&rho) {
                    let p = theta / (theta + library * rho);
                    sum += NegativeBinomial::new(theta, p).unwrap().ln_pmf(y as u64);
                }
            }
            sum / counts.n_cells() as f64
        })
        .fold(f64::NEG_INFINITY, f64::max)
}

#[test]
fn training_raises_the_bound_above_the_marginal_negative_binomial() {
    let (counts, state) = simulate(600, &mut seeded_rng(1, "data"));
    let inputs = unconditioned(&state);
    let cells = all(&counts);
    let mut losses = Vec::new();
    let config = small(Likelihood::Nb, Library::Observed);
    let train = TrainConfig { kl_warmup: 0.0, ..steps(300) };
    let mut progress = |step: pert_decoder::TrainStep| {
        assert_eq!((step.step, step.total), (losses.len() + 1, 300));
        losses.push(step.loss);
        ControlFlow::Continue(())
    };
    let rng = &mut seeded_rng(1, "fit");
    let device = Device::default();
    let vae =
        Vae::fit(&counts, &cells, &inputs, &config, &train, rng, &device, &mut progress).unwrap();
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    assert!(mean(&losses[280..]) < mean(&losses[..20]) - 1.0);
    // Both are given the total count, so the comparison is fair.
    let (heldout, _) = simulate(400, &mut seeded_rng(2, "data"));
    let rng = &mut seeded_rng(1, "elbo");
    let none = Conditions::default();
    let terms = vae.elbo(&heldout, &all(&heldout), none, None, rng).unwrap();
    let marginal = marginal_nb(&heldout);
    assert_eq!(terms.kl_l, 0.0);
    assert!(terms.total() > marginal + 0.5, "{terms:?} {} {marginal}", terms.total());
}

#[test]
fn a_prior_of_the_output_weights_helps_where_cells_are_few() {
    let (counts, state) = simulate(60, &mut seeded_rng(1, "data"));
    let (held_out, _) = simulate(400, &mut seeded_rng(2, "data"));
    let bound = |output_prior| {
        let train = TrainConfig { output_prior, ..steps(600) };
        let config = small(Likelihood::Nb, Library::Observed);
        let vae = fit(&counts, &unconditioned(&state), &config, &train, 1).unwrap();
        let rng = &mut seeded_rng(1, "elbo");
        vae.elbo(&held_out, &all(&held_out), Conditions::default(), None, rng).unwrap().total()
    };
    let (flat, normal) = (bound(OutputPrior::Flat), bound(OutputPrior::Normal { spread: 0.5 }));
    // 600 steps of 60 cells are learned by heart.
    assert!(normal > flat + 1.0, "{normal} against {flat}");
}

#[test]
fn generated_cells_have_the_library_sizes_and_zeros_of_the_real_ones() {
    let (counts, state) = simulate(600, &mut seeded_rng(3, "data"));
    let zeros = |c: &CsrCounts| 1.0 - c.n_nonzero() as f64 / (c.n_cells() * N_GENES) as f64;
    let log_library = |c: &CsrCounts| {
        let logs: Vec<f64> = all(c).iter().map(|&i| c.library_size(i).max(0.5).ln()).collect();
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        let var = logs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / logs.len() as f64;
        (mean, var.sqrt())
    };
    for likelihood in [Likelihood::Zinb, Likelihood::Nb, Likelihood::Poisson] {
        // g = the true state, so that the decoder's condition is used.
        let g: Vec<f32> = state.iter().map(|&s| s as f32 * 2.0 - 1.0).collect();
        let inputs = VaeInputs { cell: Some(&g), ..unconditioned(&state) };
        let config = VaeConfig { d_cell: 1, ..small(likelihood, Library::Latent) };
        let vae = fit(&counts, &inputs, &config, &steps(300), 4).unwrap();
        let rng = &mut seeded_rng(5, "generate");
        let l: Vec<f64> = state.iter().map(|&s| vae.library_prior().group(s).sample(rng)).collect();
        let conditions = inputs.conditions();
        let generated = vae.generate(conditions, &l, None, rng).unwrap();
        let ((m, s), (real_m, real_s)) = (log_library(&generated), log_library(&counts));
        // 600 cells of SD 0.4 have a standard error of 0.016 in mean and 0.012 in SD; twice, for two samples.
        assert!((m - real_m).abs() < 0.08, "{likelihood:?}: mean log library {m}, real {real_m}");
        assert!((s / real_s - 1.0).abs() < 0.3, "{likelihood:?}: SD {s}, real {real_s}");
        let difference = zeros(&generated) - zeros(&counts);
        let bound = if likelihood == Likelihood::Poisson { 0.12 } else { 0.03 };
        assert!(difference.abs() < bound, "{likelihood:?}: zero fraction differs by {difference}");
        // The condition is obeyed: genes of state 1 lie higher in cells generated with its g.
        let up = |c: &CsrCounts, s: usize| {
            let cells: Vec<usize> = all(c).into_iter().filter(|&i| state[i] == s).collect();
            let x = c.mean_log_normalised(&cells);
            x.iter().step_by(3).sum::<f64>() - x.iter().skip(1).step_by(3).sum::<f64>()
        };
        let (shift, real) =
            (up(&generated, 1) - up(&generated, 0), up(&counts, 1) - up(&counts, 0));
        assert!((shift / real - 1.0).abs() < 0.25, "{likelihood:?}: shift {shift}, real {real}");
    }
}

#[test]
fn the_mean_rate_is_the_mean_of_what_is_generated_and_the_gene_scale_moves_it() {
    let vae = Vae::untrained(
        small(Likelihood::Zinb, Library::Latent),
        &mut seeded_rng(0, "init"),
        &Device::default(),
    )
    .unwrap();
    let n = 3000;
    let mut scale = vec![0.0; N_GENES];
    scale[7] = 1.5;
    for scale in [None, Some(scale.as_slice())] {
        let rho = vae.mean_rho(Conditions::default(), n, scale, &mut seeded_rng(1, "rho")).unwrap();
        let l = vec![1000f64.ln(); n];
        let rng = &mut seeded_rng(2, "generate");
        let counts = vae.generate(Conditions::default(), &l, scale, rng).unwrap();
        let mut mean = vec![0.0; N_GENES];
        for (&gene, &y) in counts.indices().iter().zip(counts.values()) {
            mean[gene as usize] += f64::from(y) / (1000.0 * n as f64);
        }
        // θ = 1: a mean of 3,000 cells has a relative standard error of about 2%; four of it.
        for (m, r) in mean.iter().zip(&rho) {
            assert!((m / r - 1.0).abs() < 0.09, "{m} {r}");
        }
        if scale.is_some() {
            let plain =
                vae.mean_rho(Conditions::default(), n, None, &mut seeded_rng(1, "rho")).unwrap();
            // The softmax is renormalised: up by e^1.5 against every other gene.
            let ratio = (rho[7] / plain[7]) / (rho[8] / plain[8]);
            assert!((ratio / 1.5f64.exp() - 1.0).abs() < 0.05, "{ratio}");
            assert!((rho.iter().sum::<f64>() / plain.iter().sum::<f64>() - 1.0).abs() < 0.05);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_a_state_restores_them() {
    let (counts, state) = simulate(120, &mut seeded_rng(6, "data"));
    let g: Vec<f32> = (0..counts.n_cells() * 2).map(|i| (i as f32 * 0.7).sin()).collect();
    let covariate: Vec<f32> = (0..counts.n_cells())
        .flat_map(|i| if i % 3 == 0 { [1.0, 0.0] } else { [0.0, 1.0] })
        .collect();
    let inputs = VaeInputs { cell: Some(&g), covariate: Some(&covariate), ..unconditioned(&state) };
    let latent_prior = LatentPrior::GivenG;
    let config = small(Likelihood::Zinb, Library::Latent);
    let config = VaeConfig { d_cell: 2, d_covariate: 2, latent_prior, ..config };
    let train = steps(12);
    let run = |seed| fit(&counts, &inputs, &config, &train, seed).unwrap();
    let (a, b, c) = (run(1), run(1), run(2));
    let bytes = a.to_safetensors().unwrap();
    assert_eq!(bytes, b.to_safetensors().unwrap());
    assert_eq!(a.state(), b.state());
    assert_ne!(bytes, c.to_safetensors().unwrap());
    let json = serde_json::to_string(&a.state()).unwrap();
    let state: VaeState = serde_json::from_str(&json).unwrap();
    assert_eq!(state, a.state());
    let restored = Vae::from_state(state.clone(), &bytes, &Device::default()).unwrap();
    assert_eq!(restored.to_safetensors().unwrap(), bytes);
    let cells = all(&counts);
    let conditions = inputs.conditions();
    let encoded = a.encode(&counts, &cells, conditions).unwrap();
    assert_eq!(encoded, restored.encode(&counts, &cells, conditions).unwrap());
    assert_eq!(encoded, a.encode_profiles(&counts.dense(&cells), conditions).unwrap());
    let l = vec![4.0; cells.len()];
    let generate = |vae: &Vae| vae.generate(conditions, &l, None, &mut seeded_rng(9, "g")).unwrap();
    assert_eq!(generate(&a), generate(&restored));
    let old = VaeState { format: 0, ..state.clone() };
    let error = Vae::from_state(old, &bytes, &Device::default()).unwrap_err();
    assert!(matches!(error, Error::StateFormat { found: 0, .. }));
    let cut = Vae::from_state(state, &bytes[..bytes.len() / 2], &Device::default());
    assert!(matches!(cut, Err(Error::Network(_))));
}

#[test]
fn a_cell_without_g_gets_the_learned_null() {
    let config = VaeConfig { d_cell: 2, ..small(Likelihood::Nb, Library::Latent) };
    let vae = Vae::untrained(config, &mut seeded_rng(0, "init"), &Device::default()).unwrap();
    let (counts, _) = simulate(5, &mut seeded_rng(0, "data"));
    let cells = all(&counts);
    // The null starts at zero.
    let zero = Conditions { cell: Some(&[0.0; 10]), covariate: None };
    let none = vae.encode(&counts, &cells, Conditions::default()).unwrap();
    assert_eq!(none, vae.encode(&counts, &cells, zero).unwrap());
}

#[test]
fn wrong_inputs_are_named() {
    let (counts, state) = simulate(10, &mut seeded_rng(0, "data"));
    let inputs = unconditioned(&state);
    let config = small(Likelihood::Zinb, Library::Latent);
    let run = |counts: &CsrCounts, inputs: &VaeInputs<'_>, config: &VaeConfig| {
        fit(counts, inputs, config, &steps(1), 0).unwrap_err()
    };
    let wide = VaeConfig { n_genes: 41, ..config.clone() };
    assert_eq!(run(&counts, &inputs, &wide), Error::GeneMismatch { expected: 41, found: N_GENES });
    let mut dense = counts.dense(&all(&counts));
    dense[3 * N_GENES..4 * N_GENES].fill(0.0);
    let empty = CsrCounts::from_dense(N_GENES, &dense).unwrap();
    assert_eq!(run(&empty, &inputs, &config), Error::ZeroCountCell { cell: 3 });
    let none = CsrCounts::from_dense(N_GENES, &[]).unwrap();
    assert!(matches!(run(&none, &unconditioned(&[]), &config), Error::NoCells { .. }));
    let short = unconditioned(&state[1..]);
    assert!(matches!(run(&counts, &short, &config), Error::WrongLength { found: 9, .. }));
    let beyond = VaeInputs { n_groups: 1, ..inputs };
    assert_eq!(
        run(&counts, &beyond, &config),
        Error::GroupOutOfRange { group: 1, index: 1, n_groups: 1 }
    );
    let mut g = [0.0f32; 20];
    g[5] = 2e6;
    let large = VaeInputs { cell: Some(&g), ..inputs };
    let two = VaeConfig { d_cell: 2, ..config.clone() };
    assert!(matches!(run(&counts, &large, &two), Error::InvalidValue { index: 5, .. }));
    let narrow = VaeInputs { cell: Some(&[0.0; 10]), ..inputs };
    assert!(matches!(run(&counts, &narrow, &two), Error::WrongLength { expected: 20, .. }));
    assert!(matches!(run(&counts, &narrow, &config), Error::WrongLength { expected: 0, .. }));
    assert!(matches!(run(&counts, &inputs, &two), Error::MissingCondition { width: 2, .. }));
    g[5] = f32::NAN;
    let nan = VaeInputs { cell: Some(&g), ..inputs };
    assert!(matches!(run(&counts, &nan, &two), Error::InvalidValue { index: 5, .. }));
    let covariate = VaeConfig { d_covariate: 3, ..config.clone() };
    assert!(matches!(run(&counts, &inputs, &covariate), Error::MissingCondition { width: 3, .. }));

    let device = Device::default();
    let rng = &mut seeded_rng(0, "x");
    let mut stop = |_| ControlFlow::Break(());
    let stopped =
        Vae::fit(&counts, &all(&counts), &inputs, &config, &steps(5), rng, &device, &mut stop);
    assert_eq!(stopped.unwrap_err(), Error::Interrupted { step: 1 });
    let vae = Vae::untrained(config, rng, &device).unwrap();
    let free = Conditions::default();
    assert!(matches!(vae.encode(&counts, &[10], free), Err(Error::CellOutOfRange { .. })));
    let negative = vae.encode_profiles(&[-1.0; N_GENES], free);
    assert!(matches!(negative, Err(Error::InvalidValue { index: 0, .. })));
    assert!(matches!(vae.encode_profiles(&[1.0; 3], free), Err(Error::WrongLength { .. })));
    for l in [f64::NAN, 20.0] {
        let refused = vae.generate(free, &[1.0, l], None, rng);
        assert!(matches!(refused, Err(Error::InvalidValue { index: 1, .. })));
    }
    let scale = vae.generate(free, &[1.0], Some(&[0.0; 3]), rng);
    assert!(matches!(scale, Err(Error::WrongLength { found: 3, .. })));
    let scale = vae.generate(free, &[1.0], Some(&[1e300; N_GENES]), rng);
    assert!(matches!(scale, Err(Error::InvalidValue { index: 0, .. })));
    assert!(matches!(vae.elbo(&counts, &[], free, None, rng), Err(Error::NoCells { .. })));
    assert_eq!(vae.generate(free, &[], None, rng).unwrap().n_cells(), 0);
}

#[test]
fn an_exploding_rate_is_an_error_with_its_step() {
    let (counts, state) = simulate(50, &mut seeded_rng(0, "data"));
    let train = TrainConfig { learning_rate: 1e30, ..steps(50) };
    let config = small(Likelihood::Zinb, Library::Latent);
    let error = fit(&counts, &unconditioned(&state), &config, &train, 0).unwrap_err();
    assert!(matches!(error, Error::NonFiniteLoss { step: 2.., .. }), "{error}");
}

#[test]
fn a_trainer_can_be_stepped_by_hand() {
    let (counts, state) = simulate(70, &mut seeded_rng(0, "data"));
    let (cells, inputs) = (all(&counts), unconditioned(&state));
    let config = small(Likelihood::Zinb, Library::Latent);
    let rng = &mut seeded_rng(0, "fit");
    let device = Device::default();
    let mut trainer =
        Trainer::new(&counts, &cells, &inputs, &config, &steps(2), rng, &device).unwrap();
    for _ in 0..4 {
        assert!(trainer.step().unwrap().is_finite());
    }
    assert_eq!(trainer.finish().unwrap().library_prior().n_groups(), 2);
}

/// Two groups differ twofold in 4 of 40 genes, across two states that differ threefold in all: what one latent dimension
/// learns by itself are the states.
#[test]
fn a_classifier_makes_the_latent_tell_the_groups_apart() {
    let (counts, _) = simulate(400, &mut seeded_rng(5, "data"));
    let groups: Vec<usize> = (0..400).map(|cell| cell / 2 % 2).collect();
    let mut dense = counts.dense(&all(&counts));
    for (row, &group) in dense.chunks_exact_mut(N_GENES).zip(&groups) {
        row[..4].iter_mut().for_each(|y| *y *= (1 + group) as f32);
    }
    let counts = CsrCounts::from_dense(N_GENES, &dense).unwrap();
    let inputs = unconditioned(&groups);
    let config =
        VaeConfig { n_hidden: 32, likelihood: Likelihood::Nb, ..VaeConfig::new(N_GENES, 1) };
    let separation = |classifier_weight: f64| {
        let train = TrainConfig { classifier_weight, ..steps(300) };
        let vae = fit(&counts, &inputs, &config, &train, 3).unwrap();
        assert!(vae.to_safetensors().unwrap().windows(10).all(|w| w != b"classifier"));
        let z = vae.encode(&counts, &all(&counts), Conditions::default()).unwrap();
        let of = |group: usize| {
            let z = z.iter().zip(&groups).filter(|&(_, &g)| g == group).map(|(z, _)| f64::from(*z));
            let z: Vec<f64> = z.collect();
            let mean = z.iter().sum::<f64>() / z.len() as f64;
            (mean, z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / z.len() as f64)
        };
        let ((first, spread), (second, other)) = (of(0), of(1));
        (first - second).abs() / (0.5 * (spread + other)).sqrt()
    };
    let (plain, hybrid) = (separation(0.0), separation(20.0));
    assert!(plain < 0.5 && hybrid > 1.0, "{plain} {hybrid}");
}
