//! Only the diffusion prior: two mixtures in the plane, learned and drawn (real left, sampled right).
use std::{f32::consts::TAU, ops::ControlFlow};

use pert_diffusion::{Device, Prior, PriorConfig, SamplerConfig, TrainingData, seeded_rng};

const N: usize = 1500; // points of each condition
const CONDITIONS: [f32; 4] = [1.0, 0.0, 0.0, 1.0];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (device, mut rng) = (Device::default(), seeded_rng(0, "prior"));
    let noise = pert_nn::standard_normal::<2>([2 * N, 2], &mut rng, &device);
    let mut x: Vec<f32> = noise.into_data().iter().collect();
    for (i, point) in x.chunks_mut(2).enumerate() {
        // Five blobs on a circle under condition 0, three on a smaller one under condition 1.
        let (k, radius) = if i < N { (5, 4.0) } else { (3, 1.5) };
        let angle = TAU * (i % k) as f32 / k as f32;
        point[0] = 0.2 * point[0] + radius * angle.cos();
        point[1] = 0.2 * point[1] + radius * angle.sin();
    }
    let condition_of: Vec<usize> = (0..2 * N).map(|i| i / N).collect();
    let (conditions, condition_of) = (&CONDITIONS, &condition_of);
    let data =
        TrainingData { x: &x, d: 2, conditions, d_cond: 2, condition_of, ..Default::default() };
    let config = PriorConfig { steps: 3000, ..Default::default() };
    let go_on = &mut |_| ControlFlow::Continue(());
    let prior = Prior::fit(&data, &config, &mut rng, &device, go_on)?;
    let mut svg = String::from("<svg xmlns='http://www.w3.org/2000/svg' viewBox='-6 -6 24 12'>");
    for (i, colour) in ["#0072b2", "#d55e00"].iter().enumerate() {
        let (cond, config) = (Some(&CONDITIONS[2 * i..][..2]), SamplerConfig::default());
        let sampled = prior.sample(cond, N, &config, &mut rng, &device)?;
        for (j, p) in x[2 * N * i..][..2 * N].chunks(2).chain(sampled.chunks(2)).enumerate() {
            let left = p[0] + if j < N { 0.0 } else { 12.0 };
            svg += &format!("<circle cx='{left}' cy='{}' r='.05' fill='{colour}'/>", p[1]);
        }
    }
    Ok(std::fs::write("prior_only.svg", svg + "</svg>")?)
}
