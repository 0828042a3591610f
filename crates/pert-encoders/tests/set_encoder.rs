//! What every pooling of sets must keep to.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use pert_core::{LabelFormat, Perturbation, seeded_rng};
use pert_encoders::{
    Error, FeatureTable, Pooling, PoolingError, SetEncoder, SetEncoderConfig, TokenBatch,
};
use pert_nn::{from_safetensors, load_parameters, named_parameters, to_safetensors};

/// Bound on differences of f32 sums in another order, for outputs of order 1.
const ROUNDING: f32 = 1e-6;

const KINDS: [Pooling; 3] = [Pooling::Sum, Pooling::DeepSets, Pooling::Attention { n_heads: 4 }];

const D_OUT: usize = 5;

fn parse(label: &str) -> Perturbation {
    Perturbation::parse(label, &LabelFormat::default()).unwrap()
}

fn features() -> FeatureTable {
    let genes = ["A", "B", "C", "D"].map(str::to_owned).to_vec();
    let columns = ["x", "y", "z"].map(str::to_owned).to_vec();
    let values = vec![1.0, 0.5, -2.0, 0.0, 3.0, 1.0, 4.0, -1.0, 0.0, 2.0, 2.0, 7.0];
    FeatureTable::from_dense(genes, columns, values).unwrap()
}

fn seen() -> Vec<String> {
    ["A", "B", "X"].map(str::to_owned).to_vec()
}

/// An encoder whose every parameter was moved, so that the ids, which start at zero, take part.
fn encoder(pooling: Pooling, seed: u64, device: &Device) -> SetEncoder {
    let config = SetEncoderConfig { pooling, d_token: 8, ..SetEncoderConfig::new(3, 3, D_OUT) };
    let encoder = config.init(&mut seeded_rng(seed, "sets"), device).unwrap();
    let mut parameters = named_parameters(&encoder);
    for parameter in &mut parameters {
        for (i, value) in parameter.values.iter_mut().enumerate() {
            *value += 0.2 * ((i * 7 + parameter.name.len()) as f32).sin();
        }
    }
    load_parameters(encoder, &parameters).unwrap()
}

fn batch(labels: &[&str], device: &Device) -> TokenBatch {
    let sets: Vec<Perturbation> = labels.iter().map(|label| parse(label)).collect();
    TokenBatch::new(&sets.iter().collect::<Vec<_>>(), &seen(), Some(&features()), device).unwrap()
}

fn pooled(encoder: &SetEncoder, labels: &[&str]) -> Vec<f32> {
    let output = encoder.forward(&batch(labels, &Device::default())).unwrap();
    assert_eq!(output.dims(), [labels.len(), D_OUT]);
    output.into_data().iter().collect()
}

fn assert_near(what: &str, a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= ROUNDING * a.abs().max(1.0), "{what}: {a} is not {b}");
    }
}

#[test]
fn sets_have_no_order_and_padding_and_neighbours_have_no_influence() {
    for pooling in KINDS {
        let encoder = encoder(pooling, 0, &Device::default());
        let what = format!("{pooling:?}");
        let one = pooled(&encoder, &["A+B+C"]);
        for order in ["C+B+A", "B+A+C", "A+C+B"] {
            assert_eq!(pooled(&encoder, &[order]), one, "{what}");
        }
        let alone = pooled(&encoder, &["A+D"]);
        let beside = pooled(&encoder, &["A+D", "A+B+C+D+X", "control"]);
        assert_near(&what, &alone, &beside[..D_OUT]);
        let many = pooled(&encoder, &["X", "A", "B+D", "control", "A+D", "C"]);
        assert_near(&what, &alone, &many[4 * D_OUT..5 * D_OUT]);
        assert_ne!(alone, pooled(&encoder, &["A"]), "{what} sees every token");
    }
}

/// Targets come sorted from a perturbation; pooling must not rely on it. Genes renamed so that they sort otherwise are the
/// same set in another order.
#[test]
fn pooling_does_not_rely_on_the_order_of_names() {
    let rows = [("P", [1.0, 0.0]), ("Q", [0.0, 2.0]), ("R", [-1.0, 5.0])];
    let table = |names: [&str; 3]| {
        let values = rows.iter().flat_map(|(_, values)| *values).collect();
        let columns = ["x", "y"].map(str::to_owned).to_vec();
        FeatureTable::from_dense(names.map(str::to_owned).to_vec(), columns, values).unwrap()
    };
    let device = Device::default();
    for pooling in KINDS {
        let config = SetEncoderConfig { pooling, d_token: 8, ..SetEncoderConfig::new(0, 2, D_OUT) };
        let encoder = config.init(&mut seeded_rng(0, "sets"), &device).unwrap();
        let of = |names: [&str; 3]| -> Vec<f32> {
            let set = parse(&names.join("+"));
            let batch = TokenBatch::new(&[&set], &[], Some(&table(names)), &device).unwrap();
            encoder.forward(&batch).unwrap().into_data().iter().collect()
        };
        let one = of(["P", "Q", "R"]);
        for names in [["R", "Q", "P"], ["Q", "R", "P"], ["R", "P", "Q"]] {
            assert_near(&format!("{pooling:?}"), &of(names), &one);
        }
    }
}

#[test]
fn control_is_zero_and_an_unseen_gene_is_what_its_features_say() {
    for pooling in KINDS {
        let encoder = encoder(pooling, 0, &Device::default());
        assert!(pooled(&encoder, &["control", "A"])[..D_OUT].iter().all(|&v| v == 0.0));
        assert!(pooled(&encoder, &["control"]).iter().all(|&v| v == 0.0));
        // Without its id, a seen gene is as an unseen one with the same features.
        let device = Device::default();
        let dropped = batch(&["A", "C"], &device).with_ids_dropped(1.0, &mut seeded_rng(0, "ids"));
        let dropped: Vec<f32> = encoder.forward(&dropped).unwrap().into_data().iter().collect();
        assert_ne!(dropped[..D_OUT], pooled(&encoder, &["A"]));
        assert_near("unseen", &dropped[D_OUT..], &pooled(&encoder, &["C"]));
        let kept = batch(&["A", "C"], &device).with_ids_dropped(0.0, &mut seeded_rng(0, "ids"));
        let kept: Vec<f32> = encoder.forward(&kept).unwrap().into_data().iter().collect();
        assert_eq!(kept, pooled(&encoder, &["A", "C"]));
    }
}

#[test]
fn gradients_are_finite_and_reach_every_parameter() {
    let device = Device::default().autodiff();
    for pooling in KINDS {
        let encoder = encoder(pooling, 0, &device);
        let batch = batch(&["A+B", "control", "X", "C+D+X", "B"], &device);
        let output = encoder.forward(&batch).unwrap();
        let loss = (output.clone() * output.sin()).sum();
        let grads = GradientsParams::from_grads(loss.backward(), &encoder);
        let n_parameters = named_parameters(&encoder).len();
        assert_eq!(grads.len(), n_parameters, "{pooling:?}");
        let (_, norm) = pert_nn::clip_and_norm(grads, &encoder, f64::INFINITY);
        assert!(norm.is_finite() && norm > 0.0, "{pooling:?}: {norm}");
    }
}

#[test]
fn stored_weights_pool_to_the_same_bits() {
    let labels = ["A+B", "control", "C+X"];
    for pooling in KINDS {
        let one = encoder(pooling, 0, &Device::default());
        let other = encoder(pooling, 1, &Device::default());
        assert_ne!(pooled(&one, &labels), pooled(&other, &labels));
        let restored = from_safetensors(other, &to_safetensors(&one).unwrap()).unwrap();
        assert_eq!(pooled(&one, &labels), pooled(&restored, &labels));
        assert_eq!(pooled(&one.clone().valid(), &labels), pooled(&one, &labels));
    }
}

/// The point of dropping ids: trained without, the null id has learned nothing; trained with, an unseen gene with the
/// features of a seen one is predicted like it.
#[test]
fn dropped_ids_teach_an_encoder_to_do_without_them() {
    let device = Device::default().autodiff();
    let error_at_unseen = |id_dropout: f64| -> f64 {
        // Genes S00 to S19 seen and U00 to U19 not, the response is the one feature.
        let genes: Vec<String> =
            ["S", "U"].iter().flat_map(|k| (0..20).map(move |i| format!("{k}{i:02}"))).collect();
        let values: Vec<f64> = (0..40).map(|i| f64::from(i % 20)).collect();
        let table = FeatureTable::from_dense(genes.clone(), vec!["x".into()], values).unwrap();
        let response = table.get("S19").unwrap().dot(&[1.0]);
        assert!(response > 1.0, "scaled to variance 1");
        let sets: Vec<Perturbation> = genes.iter().map(|gene| parse(gene)).collect();
        let config = SetEncoderConfig { id_dropout, d_token: 8, ..SetEncoderConfig::new(20, 1, 1) };
        let rng = &mut seeded_rng(0, "sets");
        let mut encoder = config.init(rng, &device).unwrap();
        let tokens = |sets: &[Perturbation]| {
            let sets: Vec<&Perturbation> = sets.iter().collect();
            TokenBatch::new(&sets, &genes[..20], Some(&table), &device).unwrap()
        };
        let truth = |from: usize| -> Tensor<2> {
            let values: Vec<f32> = genes[from..from + 20]
                .iter()
                .map(|gene| table.get(gene).unwrap().dot(&[1.0]) as f32)
                .collect();
            Tensor::<1>::from_floats(values.as_slice(), &device).reshape([20, 1])
        };
        let (train, test) = (tokens(&sets[..20]), tokens(&sets[20..]));
        let mut adam = pert_nn::AdamWConfig { weight_decay: 0.0, ..Default::default() }.init();
        for _ in 0..200 {
            let batch = train.with_ids_dropped(config.id_dropout, rng);
            let loss = (encoder.forward(&batch).unwrap() - truth(0)).square().mean();
            let grads = GradientsParams::from_grads(loss.backward(), &encoder);
            encoder = adam.step(1e-2, encoder, grads);
        }
        let error = (encoder.forward(&test).unwrap() - truth(20)).square().mean();
        f64::from(error.into_scalar::<f32>())
    };
    let (with, without) = (error_at_unseen(0.3), error_at_unseen(0.0));
    // The response has variance 1: knowing nothing costs 1.
    assert!(with < 0.05, "{with}");
    assert!(with < without, "{with} with dropped ids, {without} without");
}

#[test]
fn settings_and_inputs_that_do_not_fit_are_named() {
    let device = Device::default();
    let rng = &mut seeded_rng(0, "sets");
    let refused = |config: SetEncoderConfig, rng: &mut _| {
        config.init(rng, &Device::default()).map(|_| ()).unwrap_err()
    };
    let good = SetEncoderConfig::new(3, 3, 5);
    assert_eq!(refused(SetEncoderConfig::new(0, 0, 5), rng), PoolingError::NoInputs);
    let dropout = SetEncoderConfig { id_dropout: -0.1, ..good.clone() };
    assert_eq!(refused(dropout, rng), PoolingError::IdDropout { found: -0.1 });
    assert!(matches!(
        refused(SetEncoderConfig { d_out: 0, ..good.clone() }, rng),
        PoolingError::Network(_)
    ));
    let pooling = Pooling::Attention { n_heads: 3 };
    assert!(matches!(
        refused(SetEncoderConfig { pooling, ..good.clone() }, rng),
        PoolingError::Network(_)
    ));

    let encoder = good.init(rng, &device).unwrap();
    let bare = TokenBatch::new(&[&parse("A")], &seen(), None, &device).unwrap();
    let inputs = PoolingError::Inputs { what: "features of width", expected: 3, found: 0 };
    assert_eq!(encoder.forward(&bare).map(|_| ()), Err(inputs));
    let unknown = TokenBatch::new(&[&parse("A+Z")], &seen(), Some(&features()), &device);
    assert!(matches!(unknown, Err(Error::UnknownGenes { .. })));
    // X was seen, so its id stands for it although it has no features.
    assert!(TokenBatch::new(&[&parse("X")], &seen(), Some(&features()), &device).is_ok());
}
