//! The bound of `pert-decoder`'s plain VAE on held-out cells, nats per cell, as one line of JSON.
//!
//! ```sh
//! cargo run --release -p pert-prior --example held_out_elbo -- FILE.h5ad [observed|latent [EPOCHS [SEED [standard|given_g]]]]
//! ```
//!
//! Every fifth cell is held out. One hidden layer on each side, width 128, ten latent dimensions, ZINB, batches of 128: the
//! shape of scvi-tools' SCVI, which `benches/peers/compare_scvi.py` trains on the same cells. With a prior of z named last, it is
//! the bound of log p(y|g): g are the posterior means of that VAE, z has five dimensions and this prior. `RAYON_NUM_THREADS` sets the
//! number of threads.

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

use pert_prior::core::seeded_rng;
use pert_prior::decoder::{
    Conditions, Draws, ElboTerms, LatentPrior, Library, TrainConfig, Vae, VaeConfig, VaeInputs,
};
use pert_prior::prelude::*;

/// Draws of z and l per held-out cell.
const DRAWS: Draws = Draws::Samples(5);

/// Dimensions of z beside g, as in `pert fit`.
const D_LATENT_GIVEN_G: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name an .h5ad file")?;
    let library = match arguments.next().as_deref() {
        None | Some("observed") => Library::Observed,
        Some("latent") => Library::Latent,
        Some(other) => return Err(format!("observed or latent, not {other}").into()),
    };
    let epochs: usize = arguments.next().map_or(Ok(40), |n| n.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(0), |n| n.parse())?;
    let latent_prior = match arguments.next().as_deref() {
        None => None,
        Some("standard") => Some(LatentPrior::Standard),
        Some("given_g") => Some(LatentPrior::GivenG),
        Some(other) => return Err(format!("standard or given_g, not {other}").into()),
    };

    let counts = Dataset::read_h5ad(&path)?.into_population().counts().clone();
    let (held_out, kept): (Vec<usize>, Vec<usize>) =
        (0..counts.n_cells()).partition(|cell| cell % 5 == 4);
    let library_group = vec![0; kept.len()];
    let inputs =
        VaeInputs { cell: None, covariate: None, library_group: &library_group, n_groups: 1 };
    let config = VaeConfig { decoder_layers: 1, library, ..VaeConfig::new(counts.n_genes(), 10) };
    let train = TrainConfig::default();
    let train = TrainConfig { steps: epochs * (kept.len() / train.batch).max(1), ..train };
    let device = DeviceChoice::Cpu.open()?;
    let start = Instant::now();
    let rng = &mut seeded_rng(seed, "fit");
    let go_on = &mut |_| ControlFlow::Continue(());
    let mut vae = Vae::fit(&counts, &kept, &inputs, &config, &train, rng, &device, go_on)?;
    let free = Conditions::default();
    let mut g_held_out = None;
    if let Some(latent_prior) = latent_prior {
        let g = vae.encode(&counts, &kept, free)?;
        g_held_out = Some(vae.encode(&counts, &held_out, free)?);
        let d_cell = config.n_latent;
        let config = VaeConfig { n_latent: D_LATENT_GIVEN_G, d_cell, latent_prior, ..config };
        let inputs = VaeInputs { cell: Some(&g), ..inputs };
        vae = Vae::fit(&counts, &kept, &inputs, &config, &train, rng, &device, go_on)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let given = Conditions { cell: g_held_out.as_deref(), covariate: None };
    let rng = &mut seeded_rng(seed, "elbo");
    let terms = vae.elbo_per_cell(&counts, &held_out, given, None, DRAWS, rng)?;
    let mean = |of: fn(&ElboTerms) -> f64| terms.iter().map(of).sum::<f64>() / terms.len() as f64;
    let total = |cells: &[usize]| cells.iter().map(|&i| counts.library_size(i)).sum::<f64>();
    println!(
        "{}",
        serde_json::json!({
            "cells": [kept.len(), held_out.len()],
            "counts": [total(&kept), total(&held_out)],
            "elbo": mean(ElboTerms::total),
            "kl_z": mean(|t| t.kl_z),
            "reconstruction": mean(|t| t.reconstruction),
            "seconds": seconds,
        })
    );
    Ok(())
}
