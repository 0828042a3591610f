//! Posterior predictive checks: do counts drawn from a fitted model look like cells it has not seen?
//!
//! ```sh
//! cargo run --release --example predictive_check                            # a simulated screen, table only
//! cargo run --release --example predictive_check -- FOLDER 3 FILE.h5ad …    # real files, three splits each, and pictures
//! ```
//!
//! The plain VAE is fitted to a random half of the cells, a tenth of which only tells when to stop, and judged on the other
//! half: by counts drawn again from the posteriors of these cells ("again"), and by cells made of nothing, z ~ N(0, I) and
//! l ~ p(l) ("new"). The first half itself, held against the second, is the floor: what a perfect model would reach.
//! Numbers are medians over splits; within one, means over five draws of as many cells as are judged. Pictures,
//! `FOLDER/predictive-check-NAME.png` and `.svg`, are of the last split and ZINB.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use pert_prior::core::{CsrCounts, seeded_rng, shuffled_indices};
use pert_prior::decoder::{
    Conditions, Device, Likelihood, TrainConfig, Vae, VaeConfig, VaeInputs, ValidationConfig,
};
use pert_prior::metrics::{
    Rows, kolmogorov_smirnov, median, pooled_variance_ratio, variance_ratio,
};
use pert_prior::prelude::*;
use pert_prior::report::{AxisScale, Mark, Series, XyPanel, xy_panels};

const N_LATENT: usize = 10;
const N_DRAWS: usize = 5;
/// Epochs without a better bound of the validation cells.
const PATIENCE: usize = 10;
/// Counts, on whose logarithms library sizes are compared, of a cell that came out empty.
const EMPTY: f64 = 0.5;
const HEADER: &str = "| cells | drawn by | zeros | log library | KS | variance ratio | over floor | pooled | count variance |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let device = DeviceChoice::Cpu.open()?;
    println!("{HEADER}");
    let [folder, n_splits, files @ ..] = &arguments[..] else {
        let screen = Dataset::simulated(&SimulatorConfig::new(0))?;
        // The simulator draws gamma–Poisson counts: Poisson has to fail.
        let likelihoods = [Likelihood::Poisson, Likelihood::Nb, Likelihood::Zinb];
        check("simulated", screen.population().counts(), &likelihoods, 1, &device)?;
        return Ok(());
    };
    for file in files {
        let screen = Dataset::read_h5ad(file)?;
        let stem = Path::new(file).file_stem().ok_or("name a file")?.to_string_lossy();
        let name = stem.split('_').next().unwrap_or_default();
        let likelihoods = [Likelihood::Nb, Likelihood::Zinb];
        let counts = screen.population().counts();
        let shown = check(name, counts, &likelihoods, n_splits.parse()?, &device)?;
        let picture = xy_panels(&format!("{name}: drawn and real cells"), 3, &panels(&shown))?;
        picture.write(Path::new(folder), &format!("predictive-check-{name}"))?;
    }
    Ok(())
}

/// Fits, prints a row per likelihood and way of drawing, and returns what the pictures show of the last of each.
fn check(
    name: &str,
    counts: &CsrCounts,
    likelihoods: &[Likelihood],
    n_splits: u64,
    device: &Device,
) -> Result<Vec<Shown>, Box<dyn Error>> {
    let mut rows: Vec<(String, Vec<Scores>)> = Vec::new();
    let mut shown = Vec::new();
    for split in 0..n_splits {
        let order = shuffled_indices(counts.n_cells(), &mut seeded_rng(split, "halves"));
        let (kept, judged) = order.split_at(order.len() / 2);
        let real = counts.select_cells(judged);
        shown = vec![Shown::of("real", &real)];
        let floor = Scores::of(&counts.select_cells(kept), &real, None);
        let mut add = |by: String, scores: Scores| match rows.iter_mut().find(|row| row.0 == by) {
            Some((_, of_splits)) => of_splits.push(scores),
            None => rows.push((by, vec![scores])),
        };
        add("real cells".to_owned(), Scores::of(&real, &real, None));
        add("the other half (floor)".to_owned(), floor);
        for &likelihood in likelihoods {
            let vae = fit(counts, kept, likelihood, split, device)?;
            let (free, rng) = (Conditions::default(), &mut seeded_rng(split, "check"));
            let again = vae.posterior_predictive(counts, judged, free, N_DRAWS, rng)?;
            let library = vae.library_prior().global();
            let new = (0..N_DRAWS)
                .map(|_| {
                    let l: Vec<f64> = judged.iter().map(|_| library.sample(rng)).collect();
                    vae.generate(free, &l, None, rng)
                })
                .collect::<Result<Vec<CsrCounts>, _>>()?;
            let by = format!("{likelihood:?}").to_lowercase();
            for (way, draws) in [("again", &again), ("new", &new)] {
                let each: Vec<Scores> =
                    draws.iter().map(|drawn| Scores::of(drawn, &real, Some(&floor))).collect();
                add(
                    format!("{by}, {way}"),
                    Scores::over(&each, |x| x.iter().sum::<f64>() / x.len() as f64),
                );
            }
            shown.truncate(1);
            shown.push(Shown::of("drawn again from their posteriors", &again[0]));
            shown.push(Shown::of("new cells", &new[0]));
        }
    }
    for (by, of_splits) in rows {
        let over_floor = of_splits.iter().map(|s| s.over_floor);
        let (low, high) =
            over_floor.fold((f64::INFINITY, 0.0f64), |(l, h), x| (l.min(x), h.max(x)));
        let s = Scores::over(&of_splits, median);
        println!(
            "| {name} | {by} | {:.4} | {:.3} ± {:.3} | {:.3} | {:.3} | {:.3} ({low:.3} to {high:.3}) | {:.3} | {:.3} |",
            s.zeros,
            s.log_library,
            s.spread,
            s.ks,
            s.ratio,
            s.over_floor,
            s.pooled,
            s.count_variance
        );
    }
    Ok(shown)
}

fn fit(
    counts: &CsrCounts,
    cells: &[usize],
    likelihood: Likelihood,
    seed: u64,
    device: &Device,
) -> Result<Vae, Box<dyn Error>> {
    let library_group = vec![0; cells.len()];
    let inputs =
        VaeInputs { cell: None, covariate: None, library_group: &library_group, n_groups: 1 };
    let config = VaeConfig { likelihood, ..VaeConfig::new(counts.n_genes(), N_LATENT) };
    let (train, rng) = (TrainConfig::default(), &mut seeded_rng(seed, "fit"));
    // A thousand cells are learned by heart in the steps that ten thousand need.
    let validation = ValidationConfig { patience: Some(PATIENCE), ..Default::default() };
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    let fit = Vae::fit_validated(
        counts,
        cells,
        &inputs,
        &config,
        &train,
        &validation,
        rng,
        device,
        go_on,
    )?;
    Ok(fit.vae)
}

/// What is printed of drawn cells.
#[derive(Clone, Copy)]
struct Scores {
    /// Share of zeros.
    zeros: f64,
    /// Mean and standard deviation of the natural log of the totals.
    log_library: f64,
    spread: f64,
    /// Kolmogorov–Smirnov distance of the totals from the real ones.
    ks: f64,
    /// Variance of log-normalised expression over that of the real cells: median over genes, as the benchmarks score it.
    ratio: f64,
    /// The same over the ratio of the floor.
    over_floor: f64,
    /// Total variance of log-normalised expression over that of the real cells.
    pooled: f64,
    /// Variance of the counts over that of the real cells, median over genes.
    count_variance: f64,
}

impl Scores {
    fn of(drawn: &CsrCounts, real: &CsrCounts, floor: Option<&Self>) -> Self {
        let profiles = |counts: &CsrCounts| {
            counts.log_normalised(&(0..counts.n_cells()).collect::<Vec<usize>>())
        };
        let (x, y, n_genes) = (profiles(real), profiles(drawn), real.n_genes());
        let rows = |x| Rows::new(x, n_genes).expect("whole rows of finite numbers");
        let ratio = variance_ratio(rows(&x), rows(&y)).median;
        let pooled = pooled_variance_ratio(rows(&x), rows(&y));
        let [drawn, real] = [drawn, real].map(|counts| Shown::of("", counts));
        let [log_library, variance] = moments(&drawn.log_library);
        let pairs = drawn.genes.iter().zip(&real.genes).filter(|(_, real)| real[1] > 0.0);
        let of_counts: Vec<f64> = pairs.map(|(drawn, real)| drawn[1] / real[1]).collect();
        Self {
            zeros: drawn.genes.iter().map(|gene| gene[2]).sum::<f64>() / n_genes as f64,
            log_library,
            spread: variance.sqrt(),
            ks: kolmogorov_smirnov(&drawn.log_library, &real.log_library),
            ratio,
            over_floor: ratio / floor.map_or(ratio, |floor| floor.ratio),
            pooled,
            count_variance: median(&of_counts),
        }
    }

    /// Score by score.
    fn over(each: &[Self], summary: impl Fn(&[f64]) -> f64) -> Self {
        let of = |score: fn(&Self) -> f64| summary(&each.iter().map(score).collect::<Vec<f64>>());
        Self {
            zeros: of(|s| s.zeros),
            log_library: of(|s| s.log_library),
            spread: of(|s| s.spread),
            ks: of(|s| s.ks),
            ratio: of(|s| s.ratio),
            over_floor: of(|s| s.over_floor),
            pooled: of(|s| s.pooled),
            count_variance: of(|s| s.count_variance),
        }
    }
}

/// A population, as pictures and table look at it.
struct Shown {
    name: &'static str,
    /// Mean, variance and share of zeros of the counts of each gene.
    genes: Vec<[f64; 3]>,
    /// Natural log of the totals.
    log_library: Vec<f64>,
}

impl Shown {
    fn of(name: &'static str, counts: &CsrCounts) -> Self {
        let n = counts.n_cells() as f64;
        let mut sums = vec![[0.0f64; 3]; counts.n_genes()];
        for (&gene, &y) in counts.indices().iter().zip(counts.values()) {
            let y = f64::from(y);
            let [sum, squares, nonzero] = &mut sums[gene as usize];
            *sum += y;
            *squares += y * y;
            *nonzero += 1.0;
        }
        let genes = sums
            .into_iter()
            .map(|[sum, squares, nonzero]| {
                let mean = sum / n;
                [mean, squares / n - mean * mean, 1.0 - nonzero / n]
            })
            .collect();
        let log_library =
            (0..counts.n_cells()).map(|i| counts.library_size(i).max(EMPTY).ln()).collect();
        Self { name, genes, log_library }
    }
}

/// Mean–variance relation, zeros against the mean, and library sizes.
fn panels(shown: &[Shown]) -> [XyPanel<'static>; 3] {
    let of_genes = |y: usize| {
        let points = |s: &Shown| s.genes.iter().map(|gene| (gene[0], gene[y])).collect();
        shown.iter().map(|s| Series { name: s.name, points: points(s), mark: Mark::Dots }).collect()
    };
    let mean = ("mean count of a gene", AxisScale::Logarithmic);
    let library = shown
        .iter()
        .map(|s| Series { name: s.name, points: shares(&s.log_library), mark: Mark::Line })
        .collect();
    [
        XyPanel {
            title: "Variance",
            x: mean,
            y: ("variance", AxisScale::Logarithmic),
            series: of_genes(1),
        },
        XyPanel {
            title: "Zeros",
            x: mean,
            y: ("share of zeros", AxisScale::Linear),
            series: of_genes(2),
        },
        XyPanel {
            title: "Library size",
            x: ("library size", AxisScale::Logarithmic),
            y: ("share of cells below", AxisScale::Linear),
            series: library,
        },
    ]
}

/// The distribution function at a hundred quantiles.
fn shares(log_library: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = log_library.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len() - 1;
    (0..=100).map(|k| (sorted[k * last / 100].exp(), k as f64 / 100.0)).collect()
}

fn moments(x: &[f64]) -> [f64; 2] {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    [mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64]
}
