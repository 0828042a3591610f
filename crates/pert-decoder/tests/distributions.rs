//! The distributions of a count against 60-digit arithmetic, and their tensor forms under any finite input.

use burn::tensor::{Device, Tensor};
use pert_decoder::{CountDistribution, Nb, Poisson, Zinb, seeded_rng};
use pert_nn::ops::{nb_log_prob, poisson_log_prob, zinb_log_prob};
use proptest::prelude::*;

#[derive(serde::Deserialize)]
struct Case {
    value: Vec<f64>,
}

#[derive(serde::Deserialize)]
struct Golden {
    y: Vec<f64>,
    mu: Vec<f64>,
    theta: Vec<f64>,
    zinb_y: Vec<f64>,
    zinb_mu: Vec<f64>,
    zinb_theta: Vec<f64>,
    pi_logits: Vec<f64>,
    poisson: Case,
    nb: Case,
    zinb: Case,
}

/// f64, with log Γ of small arguments good to 1e-14 or so.
const TOLERANCE: f64 = 1e-12;

fn assert_near(what: std::fmt::Arguments<'_>, actual: f64, expected: f64) {
    let error = (actual - expected).abs();
    assert!(error <= TOLERANCE * expected.abs(), "{what}: {actual} is not {expected}");
}

#[test]
fn log_probabilities_agree_with_sixty_digits() {
    let nn = concat!(env!("CARGO_MANIFEST_DIR"), "/../pert-nn");
    let g: Golden = pert_testkit::golden(nn, "count_likelihoods");
    let mut expected = g.poisson.value.iter();
    for &y in &g.y {
        for &mu in &g.mu {
            let actual = Poisson::new(mu).unwrap().log_prob(y as u32);
            assert_near(format_args!("Poisson {y} {mu}"), actual, *expected.next().unwrap());
        }
    }
    let mut expected = g.nb.value.iter();
    for &y in &g.y {
        for &mu in &g.mu {
            for &theta in &g.theta {
                let actual = Nb::new(mu, theta).unwrap().log_prob(y as u32);
                assert_near(format_args!("NB {y} {mu} {theta}"), actual, *expected.next().unwrap());
            }
        }
    }
    let mut expected = g.zinb.value.iter();
    for &y in &g.zinb_y {
        for &mu in &g.zinb_mu {
            for &theta in &g.zinb_theta {
                for &logit in &g.pi_logits {
                    let zinb = Zinb::new(mu, theta, logit).unwrap();
                    let what = format_args!("ZINB {y} {mu} {theta} {logit}");
                    assert_near(what, zinb.log_prob(y as u32), *expected.next().unwrap());
                }
            }
        }
    }
    assert!(expected.next().is_none());
}

fn one(x: f64, device: &Device) -> Tensor<1> {
    Tensor::from_floats([x as f32], device)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn f64_forms_are_finite_in_the_whole_range(
        y in prop_oneof![0u32..3, 0u32..1000, Just(1u32 << 24)],
        log_mu in -100.0f64..100.0,
        log_theta in -100.0f64..100.0,
        logit in prop_oneof![-50.0f64..50.0, -1e300f64..1e300],
        seed in 0u64..100,
    ) {
        let (mu, theta) = (10f64.powf(log_mu), 10f64.powf(log_theta));
        let rng = &mut seeded_rng(seed, "draw");
        let (poisson, nb) = (Poisson::new(mu).unwrap(), Nb::new(mu, theta).unwrap());
        let zinb = Zinb::new(mu, theta, logit).unwrap();
        for p in [&poisson as &dyn CountDistribution, &nb, &zinb] {
            for value in [p.log_prob(y), p.mean(), p.variance()] {
                prop_assert!(value.is_finite(), "{mu:e} {theta:e} {logit}: {value}");
            }
            prop_assert!(p.log_prob(y) <= 0.0, "{y} {mu:e} {theta:e} {logit}: {}", p.log_prob(y));
            prop_assert!(p.sample(rng) <= 1 << 24);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn tensor_forms_and_gradients_are_finite_in_their_range(
        y in prop_oneof![0u32..3, 0u32..1000, Just(1u32 << 24)],
        log_mu in -12.0f64..9.0,
        log_theta in -9.0f64..12.0,
        logit in prop_oneof![-50.0f64..50.0, -1e4f64..1e4],
    ) {
        let device = Device::default().autodiff();
        let given = [f64::from(y), 10f64.powf(log_mu), 10f64.powf(log_theta), logit];
        for form in 0..3 {
            let [y, mu, theta, pi] = given.map(|x| one(x, &device));
            let [mu, theta, pi] = [mu, theta, pi].map(Tensor::require_grad);
            let value = match form {
                0 => poisson_log_prob(y, mu.clone()),
                1 => nb_log_prob(y, mu.clone(), theta.clone()),
                _ => zinb_log_prob(y, mu.clone(), theta.clone(), pi.clone()),
            };
            let grads = value.backward();
            prop_assert!(value.into_scalar::<f32>().is_finite(), "form {form} at {given:?}");
            for parameter in [mu, theta, pi] {
                let Some(grad) = parameter.grad(&grads) else { continue };
                prop_assert!(grad.into_scalar::<f32>().is_finite(), "form {form} at {given:?}");
            }
        }
    }
}
