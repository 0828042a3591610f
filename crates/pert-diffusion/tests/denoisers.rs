//! Every denoiser of the crate keeps to what a denoiser must.

mod conformance;

use burn::tensor::Device;
use conformance::assert_conforms;
use pert_core::seeded_rng;
use pert_diffusion::{
    DenoiserConfig, DenoiserShape, MlpDenoiserConfig, Prior, PriorConfig, SamplerConfig,
    TransformerDenoiserConfig,
};
use pert_nn::named_parameters;

fn check(config: impl Into<DenoiserConfig>, shape: DenoiserShape) {
    let config = config.into();
    assert_conforms(shape, |seed, device| {
        config.init(&shape, &mut seeded_rng(seed, "denoiser"), device).expect("valid")
    });
}

fn shapes() -> [DenoiserShape; 4] {
    let plain = DenoiserShape::new(3, 5, 20);
    [
        plain,
        DenoiserShape { d_cov: 2, ..plain },
        DenoiserShape { d_token: 4, ..plain },
        DenoiserShape { d: 10, d_cov: 2, d_token: 4, ..plain },
    ]
}

#[test]
fn the_mlp_conforms() {
    for shape in shapes() {
        check(MlpDenoiserConfig { width: 16, n_blocks: 2 }, shape);
    }
    check(MlpDenoiserConfig::default(), shapes()[3]);
}

#[test]
fn the_transformer_conforms() {
    for self_conditioning in [false, true] {
        for shape in shapes() {
            let config =
                TransformerDenoiserConfig { width: 16, depth: 2, n_heads: 2, self_conditioning };
            check(config, shape);
        }
    }
    check(TransformerDenoiserConfig::default(), shapes()[3]);
}

#[test]
fn a_prior_written_down_before_there_were_kinds_of_denoisers_loads() {
    let (config, device) = (PriorConfig::default(), Device::default());
    let prior = Prior::untrained(&config, 3, 4, &mut seeded_rng(0, "weights"), &device);
    let prior = prior.expect("valid");
    let mut state = serde_json::to_value(prior.state()).expect("writes");
    assert!(state.get("d_token").is_none() && state.get("d_cov").is_none());
    state["config"]["denoiser"].as_object_mut().expect("sizes").remove("kind").expect("written");
    state["config"]
        .as_object_mut()
        .expect("settings")
        .remove("covariate_dropout")
        .expect("written");
    let state = serde_json::from_value(state).expect("reads");
    let again = Prior::from_state(state, &prior.to_bytes().expect("bytes"), &device).expect("fits");
    let sample = |prior: &Prior| {
        let (rng, config) = (&mut seeded_rng(1, "sample"), SamplerConfig::default());
        prior.sample(Some(&[1.0; 4]), 5, &config, rng, &device).expect("samples")
    };
    assert_eq!(sample(&prior), sample(&again));
    // The names that stand in its files.
    let names: Vec<String> =
        named_parameters(prior.denoiser()).into_iter().map(|p| p.name).collect();
    let first = ["input.weight", "input.bias", "time.hidden.weight", "time.hidden.bias"];
    assert_eq!(names[..4], first);
    assert_eq!((names.len(), names.last().map(String::as_str)), (31, Some("output.output.bias")));
}
