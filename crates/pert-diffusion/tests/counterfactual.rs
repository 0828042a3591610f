//! The same noise under another condition, with a trained prior.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use pert_diffusion::{
    Device, Error, Inversion, Prior, PriorConfig, SampleCondition, SamplerConfig, SamplerKind,
    Timesteps, TrainingData, seeded_rng,
};
use rand_distr::{Distribution, StandardNormal};

const N: usize = 2000;
const SHIFT: [f32; 2] = [3.0, -1.0];
const CONDITIONS: [f32; 4] = [1.0, 0.0, 0.0, 1.0];

/// Correlated Gaussians of unequal deviations, the second condition shifted.
fn rows() -> (Vec<f32>, Vec<usize>) {
    let rng = &mut seeded_rng(0, "rows");
    let condition_of: Vec<usize> = (0..N).map(|row| row % 2).collect();
    let x = condition_of.iter().flat_map(|&condition| {
        let [a, b] = [(); 2].map(|()| -> f32 { StandardNormal.sample(&mut *rng) });
        let shift = SHIFT.map(|s| s * condition as f32);
        [shift[0] + a, shift[1] + 0.3 * a + 0.5 * b]
    });
    (x.collect(), condition_of)
}

fn fit(config: &PriorConfig) -> Prior {
    let (x, condition_of) = rows();
    let data = TrainingData {
        x: &x,
        d: 2,
        conditions: &CONDITIONS,
        d_cond: 2,
        condition_of: &condition_of,
        ..Default::default()
    };
    let go_on = &mut |_| ControlFlow::Continue(());
    Prior::fit(&data, config, &mut seeded_rng(1, "fit"), &Device::default(), go_on).expect("trains")
}

fn prior() -> &'static Prior {
    static PRIOR: OnceLock<Prior> = OnceLock::new();
    PRIOR.get_or_init(|| fit(&PriorConfig { steps: 1000, ..Default::default() }))
}

fn condition(i: usize) -> SampleCondition<'static> {
    const ROWS: [&[f32]; 2] = [&[1.0, 0.0], &[0.0, 1.0]];
    SampleCondition { pooled: Some(ROWS[i]), ..Default::default() }
}

fn root_mean_square(a: &[f32], b: &[f32]) -> f32 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
    (squares.sum::<f32>() / a.len() as f32).sqrt()
}

#[test]
fn rows_come_back_and_move_with_their_condition() {
    let flow = fit(&PriorConfig { steps: 1000, ..PriorConfig::flow_matching() });
    let (x, condition_of) = rows();
    // 70 rows: more than one tile, not a whole number of them.
    let rows: Vec<f32> = (0..140)
        .filter(|&row| condition_of[row] == 0)
        .flat_map(|row| [x[2 * row], x[2 * row + 1]])
        .collect();
    let shifted: Vec<f32> =
        rows.chunks(2).flat_map(|r| [r[0] + SHIFT[0], r[1] + SHIFT[1]]).collect();
    let timesteps = Timesteps { steps: 100, ..Default::default() };
    let inversion = Inversion { timesteps, substitutions: 20 };
    for (name, prior) in [("diffusion", prior()), ("flow", &flow)] {
        let moved = |to: usize| {
            prior.counterfactual(
                &rows,
                &condition(0),
                &condition(to),
                &inversion,
                &Device::default(),
            )
        };
        let (back, over) = (moved(0).expect("valid"), moved(1).expect("valid"));
        let (back, over) = (root_mean_square(&back, &rows), root_mean_square(&over, &shifted));
        println!("{name}: back within {back:.4}, moved within {over:.3}");
        assert!(back < 0.02, "{name}: {back}");
        // Deviations are 1 and 0.6; the trained network's error of the mean is about 0.1.
        assert!(over < 0.3, "{name}: {over}");
    }
}

#[test]
fn noise_found_is_the_noise_sampled_from() {
    let (prior, device) = (prior(), Device::default());
    let noise: Vec<f32> = (0..130).map(|i| (i as f32 * 0.7).sin()).collect();
    let timesteps = Timesteps { steps: 100, ..Default::default() };
    let Timesteps { steps, start, spacing } = timesteps;
    let (kind, start) = (SamplerKind::Ddim, Some(start));
    let sampler = SamplerConfig { kind, steps, start, spacing, ..Default::default() };
    let rows = prior.sample_from_noise(&noise, &condition(1), &sampler, &device).expect("samples");
    let inversion = Inversion { timesteps, substitutions: 20 };
    let found = prior.invert(&rows, &condition(1), &inversion, &device).expect("inverts");
    let off = root_mean_square(&found, &noise);
    assert!(off < 0.02, "{off}");
}

#[test]
fn bad_requests_are_named() {
    let (prior, device) = (prior(), Device::default());
    let from_noise = |noise: &[f32], config: SamplerConfig| {
        prior.sample_from_noise(noise, &condition(0), &config, &device).expect_err("refused")
    };
    let default = SamplerConfig::default();
    for stochastic in [
        SamplerConfig { kind: SamplerKind::Ddim, eta: 0.5, ..default },
        SamplerConfig { kind: SamplerKind::Ddpm, ..default },
    ] {
        let error = from_noise(&[0.0; 4], stochastic);
        assert!(matches!(error, Error::InvalidSetting { name: "sampler", .. }), "{error}");
    }
    assert!(prior.sample_from_noise(&[0.0; 4], &condition(0), &default, &device).is_ok());
    assert_eq!(
        from_noise(&[0.0; 3], default),
        Error::RaggedRows { array: "noise", n_values: 3, width: 2 }
    );
    let invert = |rows: &[f32], inversion: Inversion| {
        prior.invert(rows, &condition(0), &inversion, &device).expect_err("refused")
    };
    assert!(matches!(
        invert(&[0.0, 0.0, 1.0, f32::NAN], Inversion::default()),
        Error::NonFiniteValue { what: "rows", row: 1, column: 1, .. }
    ));
    let none = Inversion { substitutions: 0, ..Default::default() };
    assert_eq!(
        invert(&[0.0; 2], none),
        Error::InvalidSetting { name: "substitutions", expected: "at least 1", found: "0".into() }
    );
}
