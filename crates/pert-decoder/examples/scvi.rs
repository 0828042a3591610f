//! A plain scVI on a count matrix: learn a latent space, see whether it tells the cell types apart, draw new counts.
//!
//! `cargo run --release --example scvi`

use std::ops::ControlFlow;

use pert_decoder::{
    Conditions, CsrCounts, Device, TrainConfig, Vae, VaeConfig, VaeInputs, seeded_rng,
};
use rand::RngExt;
use rand_distr::{Distribution, Poisson};

const N_CELLS: usize = 1200;
const N_GENES: usize = 100;
const N_TYPES: usize = 3;
const N_LATENT: usize = 4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Three cell types, each with a third of the genes up; your own: CsrCounts::new(…) or CsrCounts::from_dense(…).
    let mut rng = seeded_rng(0, "cells");
    let mut dense = Vec::with_capacity(N_CELLS * N_GENES);
    for cell in 0..N_CELLS {
        let library: f64 = rng.random_range(0.5..2.0);
        for gene in 0..N_GENES {
            let mean = if gene % N_TYPES == cell % N_TYPES { 3.0 } else { 0.3 };
            dense.push(Poisson::new(library * mean)?.sample(&mut rng) as f32);
        }
    }
    let counts = CsrCounts::from_dense(N_GENES, &dense)?;
    let cells: Vec<usize> = (0..N_CELLS).collect();

    // No condition g, one library-size group: scVI with a latent library size.
    let library_group = vec![0; N_CELLS];
    let inputs =
        VaeInputs { cell: None, covariate: None, library_group: &library_group, n_groups: 1 };
    let config = VaeConfig::new(N_GENES, N_LATENT);
    let train = TrainConfig { steps: 600, ..TrainConfig::default() };
    let vae = Vae::fit(
        &counts,
        &cells,
        &inputs,
        &config,
        &train,
        &mut seeded_rng(0, "scvi"),
        &Device::default(),
        &mut |step| {
            if step.step % 100 == 0 {
                println!("step {:>4}  loss {:.2} nats per cell", step.step, step.loss);
            }
            ControlFlow::Continue(())
        },
    )?;

    let z = vae.encode(&counts, &cells, Conditions::default())?; // [N_CELLS, N_LATENT]
    let right = cells.iter().filter(|&&i| nearest_type(&z, i) == i % N_TYPES).count();
    println!("nearest centre of z is the cell's own type in {right} of {N_CELLS} cells");

    let log_library = vec![(N_GENES as f64).ln(); 5];
    let new = vae.generate(Conditions::default(), &log_library, None, &mut seeded_rng(0, "new"))?;
    for cell in 0..new.n_cells() {
        println!(
            "a new cell: {} counts in {} genes",
            new.library_size(cell),
            new.row(cell).0.len()
        );
    }
    Ok(())
}

/// The type whose centre in z lies nearest to a cell.
fn nearest_type(z: &[f32], cell: usize) -> usize {
    let of = |i: usize| &z[i * N_LATENT..][..N_LATENT];
    let distance = |t: usize| -> f32 {
        let members: Vec<usize> = (t..N_CELLS).step_by(N_TYPES).collect();
        (0..N_LATENT)
            .map(|k| {
                let centre = members.iter().map(|&i| of(i)[k]).sum::<f32>() / members.len() as f32;
                (of(cell)[k] - centre).powi(2)
            })
            .sum()
    };
    (0..N_TYPES).min_by(|&a, &b| distance(a).total_cmp(&distance(b))).expect("some type")
}
