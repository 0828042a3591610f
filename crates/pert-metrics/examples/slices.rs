//! Metrics on plain slices, without a tensor library: how near is a generated population to the real one?
//!
//! `cargo run --release --example slices`

use pert_core::seeded_rng;
use pert_metrics::{
    Gaussian, Rows, column_means, energy_distance, frechet_distance, frechet_floor, r2,
};
use rand_distr::{Distribution, Normal};

const N_CELLS: usize = 400;
const N_COLUMNS: usize = 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = seeded_rng(0, "cells");
    // Column k has mean k; the generated cells are off by `shift` in every column and have another spread.
    let mut cells = |shift: f64, spread: f64| -> Result<Vec<f64>, Box<dyn std::error::Error>> {
        let noise = Normal::new(0.0, spread)?;
        let value = |i: usize| (i % N_COLUMNS) as f64 + shift + noise.sample(&mut rng);
        Ok((0..N_CELLS * N_COLUMNS).map(value).collect())
    };
    let real = cells(0.0, 1.0)?;
    let candidates = [
        ("as real", cells(0.0, 1.0)?),
        ("shifted", cells(0.3, 1.0)?),
        ("narrow", cells(0.0, 0.6)?),
    ];

    let real = Rows::new(&real, N_COLUMNS)?;
    let floor = frechet_floor(real, 20, &mut seeded_rng(0, "floor"));
    println!("{:<10}{:>8}{:>10}{:>10}{:>10}", "generated", "r2", "frechet", "floor", "energy");
    for (name, generated) in &candidates {
        let generated = Rows::new(generated, N_COLUMNS)?;
        let r2 = r2(&column_means(real), &column_means(generated));
        let frechet = frechet_distance(&Gaussian::fit(real)?, &Gaussian::fit(generated)?);
        let energy = energy_distance(real, generated);
        println!("{name:<10}{r2:>8.3}{frechet:>10.3}{floor:>10.3}{energy:>10.3}");
    }
    Ok(())
}
