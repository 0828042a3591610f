//! Sampling the diffusion prior: DDIM, 25 steps, a 10-d embedding, conditional and null.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pert_prior::core::seeded_rng;
use pert_prior::diffusion::{Prior, PriorConfig, SamplerConfig, SamplerKind};
use pert_prior::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CELL_DIM: usize = 10;
const CONDITION_DIM: usize = 64;
const N_CELLS: usize = 512;

fn ddim_sampling(c: &mut Criterion) {
    let device = DeviceChoice::Cpu.open().expect("a CPU backend");
    let mut rng = seeded_rng(0, "bench");
    let prior =
        Prior::untrained(&PriorConfig::default(), CELL_DIM, CONDITION_DIM, &mut rng, &device)
            .expect("a valid configuration");
    let condition = vec![0.5; CONDITION_DIM];
    let sampler = SamplerConfig { kind: SamplerKind::Ddim, steps: 25, ..Default::default() };
    let mut group = c.benchmark_group("ddim_sampling");
    group.throughput(Throughput::Elements(N_CELLS as u64));
    for (name, condition) in [("conditional", Some(condition.as_slice())), ("null", None)] {
        group.bench_function(format!("{name}/25x{N_CELLS}"), |b| {
            b.iter(|| prior.sample(condition, N_CELLS, &sampler, &mut rng, &device));
        });
    }
    group.finish();
}

criterion_group!(benches, ddim_sampling);
criterion_main!(benches);
