//! One training step of the conditional ZINB VAE (forward, backward, optimiser), batch 128, hidden 128.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pert_prior::core::{CsrCounts, seeded_rng};
use pert_prior::decoder::{TrainConfig, Trainer, VaeConfig, VaeInputs};
use pert_prior::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const N_CELLS: usize = 1024;
const CELL_DIM: usize = 10;

/// Simulated counts: a decoder step costs what its zeros and non-zeros cost.
fn counts(n_genes: usize) -> CsrCounts {
    let config = SimulatorConfig::new(0).with_n_cells(N_CELLS).with_n_genes(n_genes);
    let simulation = simulate(&config.with_n_perturbations(8)).expect("a valid simulation");
    simulation.population.counts().clone()
}

fn decoder_step(c: &mut Criterion) {
    let device = DeviceChoice::Cpu.open().expect("a CPU backend");
    let mut group = c.benchmark_group("decoder_step");
    for n_genes in [500, 2000] {
        let counts = counts(n_genes);
        let cells: Vec<usize> = (0..N_CELLS).collect();
        let g: Vec<f32> = (0..N_CELLS * CELL_DIM).map(|i| (i as f32 * 0.7).sin()).collect();
        let groups = vec![0; N_CELLS];
        let inputs =
            VaeInputs { cell: Some(&g), covariate: None, library_group: &groups, n_groups: 1 };
        let config = VaeConfig { d_cell: CELL_DIM, ..VaeConfig::new(n_genes, 5) };
        let train = TrainConfig::default();
        let mut rng = seeded_rng(0, "bench");
        let mut trainer =
            Trainer::new(&counts, &cells, &inputs, &config, &train, &mut rng, &device)
                .expect("a valid configuration");
        group.throughput(Throughput::Elements(train.batch as u64));
        group.bench_function(format!("zinb/128x{n_genes}"), |b| {
            b.iter(|| trainer.step().expect("a finite loss"));
        });
    }
    group.finish();
}

criterion_group!(benches, decoder_step);
criterion_main!(benches);
