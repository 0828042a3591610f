//! Distributions that are known exactly, and how far samples are from them.

use pert_diffusion::{ChaCha8Rng, TrainingData, seeded_rng};
use pert_metrics::{Rows, energy_distance};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// Rows in the samples that the floor is that of.
pub const N_SAMPLE: usize = 1000;

/// Even mixtures of Gaussians with full covariances, one mixture per condition.
pub struct Target {
    pub name: &'static str,
    pub d: usize,
    conditions: Vec<Vec<Part>>,
    /// One-hot, `[n_conditions, n_conditions]`.
    pub table: Vec<f32>,
}

/// x = mean + L z.
struct Part {
    mean: Vec<f64>,
    /// `[d, d]`.
    l: Vec<f64>,
}

impl Part {
    /// Means two deviations of a dimension from the origin, covariances with correlations and unequal variances.
    fn random(d: usize, rng: &mut ChaCha8Rng) -> Self {
        let mean = (0..d).map(|_| 2.0 * normal(rng)).collect();
        // Half a diagonal of deviations in [0.5, 1.5], half a dense part of the same variance.
        let mut l: Vec<f64> = (0..d * d).map(|_| 0.7 * normal(rng) / (d as f64).sqrt()).collect();
        for i in 0..d {
            l[i * d + i] += 0.35 + 0.7 * (rng.next_u32() as f64 / f64::from(u32::MAX));
        }
        Self { mean, l }
    }

    fn draw(&self, rng: &mut ChaCha8Rng, rows: &mut Vec<f32>) {
        let d = self.mean.len();
        let z: Vec<f64> = (0..d).map(|_| normal(rng)).collect();
        rows.extend(
            self.mean
                .iter()
                .zip(self.l.chunks_exact(d))
                .map(|(mean, l)| (mean + l.iter().zip(&z).map(|(l, z)| l * z).sum::<f64>()) as f32),
        );
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

impl Target {
    /// `n_parts` Gaussians under each of `n_conditions`.
    pub fn new(name: &'static str, d: usize, n_conditions: usize, n_parts: usize) -> Self {
        let rng = &mut seeded_rng(d as u64, name);
        let mixture = |rng: &mut _| (0..n_parts).map(|_| Part::random(d, rng)).collect();
        let conditions = (0..n_conditions).map(|_| mixture(rng)).collect();
        let on = |i: usize| f32::from(u8::from(i.is_multiple_of(n_conditions + 1)));
        Self { name, d, conditions, table: (0..n_conditions * n_conditions).map(on).collect() }
    }

    /// Gaussian, mixture and conditional mixtures, in 10 and 64 dimensions.
    pub fn all() -> [Self; 6] {
        [
            Self::new("Gaussian, d = 10", 10, 1, 1),
            Self::new("mixture, d = 10", 10, 1, 3),
            Self::new("conditional mixtures, d = 10", 10, 4, 2),
            Self::new("Gaussian, d = 64", 64, 1, 1),
            Self::new("mixture, d = 64", 64, 1, 3),
            Self::new("conditional mixtures, d = 64", 64, 4, 2),
        ]
    }

    pub fn n_conditions(&self) -> usize {
        self.conditions.len()
    }

    /// The one-hot condition.
    pub fn condition(&self, i: usize) -> &[f32] {
        &self.table[i * self.n_conditions()..][..self.n_conditions()]
    }

    /// A sample of the truth under a condition, `[n, d]`.
    pub fn truth(&self, condition: usize, n: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let parts = &self.conditions[condition];
        let mut rows = Vec::with_capacity(n * self.d);
        for _ in 0..n {
            parts[rng.next_u64() as usize % parts.len()].draw(rng, &mut rows);
        }
        rows
    }

    /// Training rows, `n` under each condition.
    pub fn training(&self, n: usize) -> Training<'_> {
        let rng = &mut seeded_rng(1, self.name);
        let x = (0..self.n_conditions()).flat_map(|c| self.truth(c, n, rng)).collect();
        let condition_of = (0..self.n_conditions() * n).map(|row| row / n).collect();
        Training { target: self, x, condition_of }
    }

    /// The expected energy distance of [`N_SAMPLE`] generated rows to as many of the truth, over that of two samples of the
    /// truth: the mean over conditions, 1 for a perfect sampler.
    ///
    /// The zero distances of rows to themselves are left in (the V-statistic). Two samples of n rows of one distribution are
    /// then 2 E‖x − x'‖/n apart on average, the floor, and other samples by their unbiased distance more. So the ratio is
    /// 1 + unbiased distance/floor, with the distance from `n` rows a side for less noise.
    pub fn over_floor(&self, n: usize, mut generate: impl FnMut(usize, usize) -> Vec<f32>) -> f64 {
        let ratio = |condition: usize| {
            let rng = &mut seeded_rng(condition as u64, "judge");
            let truth = wide(&self.truth(condition, n, rng));
            let generated = wide(&generate(condition, n));
            let rows = |values| Rows::new(values, self.d).expect("whole rows");
            let excess = energy_distance(rows(&generated), rows(&truth));
            let (a, b) = truth.split_at(truth.len() / 2);
            let spread = mean_distance(a, b, self.d);
            1.0 + excess / (2.0 * spread / N_SAMPLE as f64)
        };
        (0..self.n_conditions()).map(ratio).sum::<f64>() / self.n_conditions() as f64
    }
}

pub struct Training<'a> {
    target: &'a Target,
    x: Vec<f32>,
    condition_of: Vec<usize>,
}

impl Training<'_> {
    pub fn data(&self) -> TrainingData<'_> {
        TrainingData {
            x: &self.x,
            d: self.target.d,
            conditions: &self.target.table,
            d_cond: self.target.n_conditions(),
            condition_of: &self.condition_of,
            ..Default::default()
        }
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// Of independent rows, paired in order.
fn mean_distance(a: &[f64], b: &[f64], d: usize) -> f64 {
    let distance = |(a, b): (&[f64], &[f64])| {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    a.chunks_exact(d).zip(b.chunks_exact(d)).map(distance).sum::<f64>() / (a.len() / d) as f64
}
