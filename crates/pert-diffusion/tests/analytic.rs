//! A prior of default settings learns a distribution that is known exactly, to the sampling floor.

use std::ops::ControlFlow;

use pert_diffusion::{Device, Prior, PriorConfig, SamplerConfig, SamplerKind, Spacing, seeded_rng};
use targets::Target;

#[path = "../examples/analytic_targets/targets.rs"]
mod targets;

/// Rows a side for a distance: enough to tell 1.2 from 1, where the noise is near 0.05.
const N_JUDGED: usize = 3000;

#[test]
fn samples_of_a_gaussian_are_at_the_floor_with_few_steps_and_many() {
    let target = Target::all().into_iter().find(|target| target.name == "Gaussian, d = 10");
    let target = target.expect("one of them");
    let (rows, device) = (target.training(10_000), Device::default());
    let (rng, config) = (&mut seeded_rng(0, "prior"), PriorConfig::default());
    let go_on = &mut |_| ControlFlow::Continue(());
    let prior = Prior::fit(&rows.data(), &config, rng, &device, go_on).expect("trains");
    let default = SamplerConfig::default();
    let ddim =
        SamplerConfig { kind: SamplerKind::Ddim, spacing: Spacing::Linspace, steps: 64, ..default };
    let samplers = [
        ("DPM-Solver++ 20", default, 1.2),
        ("DPM-Solver++ 10", SamplerConfig { steps: 10, ..default }, 1.35),
        ("DDIM 64", ddim, 1.2),
    ];
    for (name, sampler, allowed) in samplers {
        let ratio = target.over_floor(N_JUDGED, |condition, n| {
            let rng = &mut seeded_rng(condition as u64, "sample");
            let cond = Some(target.condition(condition));
            prior.sample(cond, n, &sampler, rng, &device).expect("samples")
        });
        println!("{name}: {ratio:.3}");
        // The estimate's own noise is near 0.05; ten steps leave an error of their own.
        assert!(ratio < allowed, "{name}: {ratio}");
    }
}
