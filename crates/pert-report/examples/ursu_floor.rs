//! The slides' FID column for the coding variants against what two samples of one Gaussian give: nothing but noise.
//!
//! ```sh
//! cargo run --release -p pert-report --example ursu_floor -- FOLDER
//! ```
//!
//! writes `FOLDER/ursu-floor.png` and `.svg`. The printed rows are `protocols/reference/ursu.tsv`; the noise is the
//! Fréchet distance of n against n draws of N(0, I) in ten dimensions, whose mean is 75/n. The scale of the slides'
//! latent space is unknown: at unit variance no constant is fitted, and the rows lie in the band all the same.

use std::error::Error;
use std::path::Path;

use pert_core::{ChaCha8Rng, seeded_rng};
use pert_metrics::{Gaussian, Rows, frechet_distance};
use pert_report::{FloorAt, FloorScatter, floor_scatter};
use rand_distr::{Distribution, StandardNormal};

const D: usize = 10;
const DRAWS: usize = 200;
const N: [usize; 9] = [80, 150, 300, 600, 1_000, 2_000, 4_000, 8_000, 12_000];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocols/reference/ursu.tsv");
    let printed = printed(&std::fs::read_to_string(table)?)?;
    let mut rng = seeded_rng(0, "ursu");
    let floor = N.map(|n| noise(n, &mut rng));
    let inside = printed
        .iter()
        .filter(|&&(n, fid)| {
            // The band scales as 1/n between its places.
            let near = floor.iter().min_by_key(|at| at.n.abs_diff(n)).expect("a floor has places");
            let scale = near.n as f64 / n as f64;
            (near.low * scale..=near.high * scale).contains(&fid)
        })
        .count();
    println!(
        "{inside} of {} printed rows lie within two standard deviations of noise",
        printed.len()
    );
    let picture = floor_scatter(&FloorScatter {
        title: "The slides' FID of coding variants is the floor",
        dots: "a printed row",
        band: "two samples of N(0, I), d = 10: mean ± 2 sd",
        points: &printed,
        floor: &floor,
    })?;
    Ok(picture.write(Path::new(&folder), "ursu-floor")?)
}

/// Number of cells and FID of the printed rows.
fn printed(table: &str) -> Result<Vec<(usize, f64)>, Box<dyn Error>> {
    let mut lines = table.lines().filter(|line| !line.starts_with('#'));
    let header: Vec<&str> = lines.next().ok_or("an empty table")?.split('\t').collect();
    let column = |name| header.iter().position(|h| *h == name).ok_or("no such column");
    let (n, fid) = (column("n")?, column("fid")?);
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            Ok((fields[n].parse()?, fields[fid].parse()?))
        })
        .collect()
}

/// Mean ± 2 standard deviations of the distance between n and n draws of N(0, I).
fn noise(n: usize, rng: &mut ChaCha8Rng) -> FloorAt {
    let distances: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let mut sample = || {
                let x: Vec<f64> = StandardNormal.sample_iter(&mut *rng).take(n * D).collect();
                Gaussian::fit(Rows::new(&x, D).expect("whole rows"))
                    .expect("more rows than columns")
            };
            frechet_distance(&sample(), &sample())
        })
        .collect();
    let mean = distances.iter().sum::<f64>() / DRAWS as f64;
    let variance = distances.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (DRAWS - 1) as f64;
    let two = 2.0 * variance.sqrt();
    FloorAt { n, low: mean - two, mean, high: mean + two }
}
