//! No NaN and no infinity, whatever the finite input within the documented range: counts up to 2²⁴, conditions and log
//! scales up to 10⁶, any batch, every likelihood, library and dispersion.

use burn::tensor::Device;
use pert_core::CsrCounts;
use pert_decoder::{
    BatchLabels, CellGroup, Conditions, DifferentialConfig, Dispersion, Draws, Error, LatentPrior,
    Library, LibraryScale, Likelihood, ScviLayout, TrainConfig, Trainer, Vae, VaeConfig, VaeInputs,
    seeded_rng,
};
use proptest::prelude::*;

const N_GENES: usize = 9;
const N_CELLS: usize = 3;
const D_CELL: usize = 2;
const BATCHES: [&str; 2] = ["a", "b"];

fn count() -> impl Strategy<Value = f32> {
    let any = (0u32..=1 << 24).prop_map(|y| y as f32);
    prop_oneof![4 => Just(0.0f32), 2 => (0u32..20).prop_map(|y| y as f32), 1 => any, 1 => Just(16_777_216.0)]
}

fn condition() -> impl Strategy<Value = f32> {
    prop_oneof![-3.0f32..3.0, -1e6f32..=1e6, Just(1e6f32), Just(-1e6f32), Just(f32::MIN_POSITIVE)]
}

/// Counts with at least one in every cell.
fn cells() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(count(), N_CELLS * N_GENES).prop_map(|mut dense| {
        for row in dense.chunks_mut(N_GENES) {
            row[0] = row[0].max(1.0);
        }
        dense
    })
}

fn model() -> impl Strategy<Value = VaeConfig> {
    let likelihood =
        prop_oneof![Just(Likelihood::Poisson), Just(Likelihood::Nb), Just(Likelihood::Zinb)];
    let library = prop_oneof![Just(Library::Latent), Just(Library::Observed)];
    let dispersion = prop_oneof![
        Just(Dispersion::Gene),
        Just(Dispersion::GeneBatch),
        Just(Dispersion::GeneCell)
    ];
    let latent_prior = prop_oneof![Just(LatentPrior::Standard), Just(LatentPrior::GivenG)];
    let options = (likelihood, library, dispersion, latent_prior);
    options.prop_map(|(likelihood, library, dispersion, latent_prior)| VaeConfig {
        n_hidden: 16,
        d_cell: D_CELL,
        d_covariate: BATCHES.len(),
        likelihood,
        library,
        latent_prior,
        dispersion: if likelihood == Likelihood::Poisson { Dispersion::Gene } else { dispersion },
        ..VaeConfig::new(N_GENES, 3)
    })
}

fn all_finite<T: Copy + Into<f64>>(what: &str, values: &[T]) -> Result<(), TestCaseError> {
    for &value in values {
        let value: f64 = value.into();
        prop_assert!(value.is_finite(), "{what}: {value}");
    }
    Ok(())
}

/// Everything that a model says of given cells, and cells it makes.
fn check(
    vae: &Vae,
    counts: &CsrCounts,
    given: Conditions<'_>,
    seed: u64,
) -> Result<(), TestCaseError> {
    let fails = |error: Error| TestCaseError::fail(error.to_string());
    let (rows, rng) = ((0..N_CELLS).collect::<Vec<usize>>(), &mut seeded_rng(seed, "check"));
    all_finite("encode", &vae.encode(counts, &rows, given).map_err(fails)?)?;
    let latent = vae.latent(counts, &rows, given).map_err(fails)?;
    for values in
        [latent.mean, latent.variance, latent.log_library_mean, latent.log_library_variance]
    {
        all_finite("latent", &values)?;
    }
    let total = vae.elbo(counts, &rows, given, None, rng).map_err(fails)?;
    all_finite("elbo", &[total.reconstruction, total.kl_z, total.kl_l])?;
    let draws = Draws::Samples(2);
    for terms in vae.elbo_per_cell(counts, &rows, given, None, draws, rng).map_err(fails)? {
        all_finite("elbo_per_cell", &[terms.reconstruction, terms.kl_z, terms.kl_l])?;
    }
    let log_p = vae.marginal_log_likelihood(counts, &rows, given, None, 2, rng).map_err(fails)?;
    all_finite("marginal_log_likelihood", &log_p)?;
    for scale in [LibraryScale::default(), LibraryScale::Observed, LibraryScale::Latent] {
        let x =
            vae.normalised_expression(counts, &rows, given, scale, draws, rng).map_err(fails)?;
        all_finite("normalised_expression", &x)?;
    }
    // Counts refuse what is no count.
    vae.posterior_predictive(counts, &rows, given, 1, rng).map_err(fails)?;
    let group = CellGroup { cells: &rows, conditions: given };
    let config = DifferentialConfig { n_pairs: 10, ..Default::default() };
    for gene in vae.differential_expression(counts, group, group, &config, rng).map_err(fails)? {
        all_finite(
            "differential_expression",
            &[gene.lfc_mean, gene.lfc_median, gene.bayes_factor],
        )?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn finite_inputs_never_give_nan(
        dense in cells(),
        g in prop::collection::vec(condition(), N_CELLS * D_CELL),
        batch in prop::collection::vec(0..BATCHES.len(), N_CELLS),
        scale in prop::collection::vec(condition(), N_GENES),
        log_library in prop_oneof![-5.0f64..16.6, Just(-1e300f64)],
        config in model(),
        seed in 0u64..1000,
    ) {
        let batches = BatchLabels::new(BATCHES).unwrap();
        let covariate = batches.one_hot(batch.iter().map(|&b| BATCHES[b])).unwrap();
        let device = Device::default();
        let counts = CsrCounts::from_dense(N_GENES, &dense).unwrap();
        let given = Conditions { cell: Some(&g), covariate: Some(&covariate) };
        let vae = Vae::untrained(config.clone(), &mut seeded_rng(seed, "init"), &device).unwrap();
        check(&vae, &counts, given, seed)?;
        all_finite("encode_profiles", &vae.encode_profiles(&dense, given).unwrap())?;
        let scale: Vec<f64> = scale.into_iter().map(f64::from).collect();
        let rng = &mut seeded_rng(seed, "generate");
        for scale in [None, Some(scale.as_slice())] {
            vae.generate(given, &[log_library; N_CELLS], scale, rng).unwrap();
            all_finite("mean_rho", &vae.mean_rho(given, N_CELLS, scale, rng).unwrap())?;
        }

        // Two steps: the second sees weights moved by the gradients of the first.
        let inputs = VaeInputs {
            cell: given.cell,
            covariate: given.covariate,
            library_group: &[0; N_CELLS],
            n_groups: 1,
        };
        let (rows, train) = ([0, 1, 2], TrainConfig { steps: 2, ..Default::default() });
        let rng = &mut seeded_rng(seed, "fit");
        let mut trainer =
            Trainer::new(&counts, &rows, &inputs, &config, &train, rng, &device).unwrap();
        for _ in 0..2 {
            match trainer.step() {
                Ok(loss) => prop_assert!(loss.is_finite()),
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
        check(&trainer.finish().unwrap(), &counts, given, seed)?;
    }

    #[test]
    fn models_of_scvi_tools_never_give_nan(
        dense in cells(),
        batch in prop::collection::vec(0usize..2, N_CELLS),
        name in prop_oneof![Just("nb"), Just("poisson"), Just("zinb"), Just("zinb_cell")],
        seed in 0u64..1000,
    ) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/scvi");
        let bytes = std::fs::read(format!("{folder}/{name}.safetensors")).unwrap();
        let model = ScviLayout::from_safetensors(&bytes, &Device::default()).unwrap();
        let batch: Vec<usize> = batch.into_iter().map(|b| b.min(model.n_batches() - 1)).collect();
        prop_assert_eq!(model.n_genes(), N_GENES);
        let counts = CsrCounts::from_dense(N_GENES, &dense).unwrap();
        let (rows, rng) = ([0, 1, 2], &mut seeded_rng(seed, "check"));
        all_finite("latent", &model.latent(&counts, &rows, &batch).unwrap().mean)?;
        let draws = Draws::Samples(2);
        for terms in model.elbo_per_cell(&counts, &rows, &batch, draws, rng).unwrap() {
            all_finite("elbo_per_cell", &[terms.reconstruction, terms.kl_z, terms.kl_l])?;
        }
        let scale = LibraryScale::Observed;
        let x = model.normalised_expression(&counts, &rows, &batch, scale, draws, rng).unwrap();
        all_finite("normalised_expression", &x)?;
    }
}
