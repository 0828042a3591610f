//! Every denoiser of the crate keeps to what a denoiser must.

mod conformance;

use conformance::assert_conforms;
use pert_core::seeded_rng;
use pert_diffusion::{DenoiserConfig, DenoiserShape, MlpDenoiserConfig, TransformerDenoiserConfig};

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
