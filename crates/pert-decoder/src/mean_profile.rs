//! Mean expression of generated cells, without most of the noise of drawing their counts.

use pert_core::TARGET_SUM;

/// Of one generated count given the cell's rates: E[y] and P(y > 0).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub count: f64,
    pub positive: f64,
}

impl Expected {
    /// Of dropout(π) · NB(μ, θ), or of Poisson(μ) where `theta` is `None`.
    pub fn of(mu: f64, theta: Option<f64>, pi: f64) -> Self {
        let log_zero = theta.map_or(-mu, |theta| -theta * (mu / theta).ln_1p());
        Self { count: (1.0 - pi) * mu, positive: (pi - 1.0) * log_zero.exp_m1() }
    }
}

/// The mean of x = log(1 + 10⁴ y/Σy) over generated cells, from the cells' counts and their expected values.
///
/// What a finite number of counts adds to the plain mean is known in part: `a = 10⁴ (y − E[y]) / E[Σy]` and
/// `b = 1[y > 0] − P(y > 0)` have mean zero given the cell's rates, and x rises with both. Their regressions are
/// subtracted gene by gene (control variates: Glasserman, *Monte Carlo Methods in Financial Engineering*, 2003, §4.1), with
/// coefficients from the other half of the cells, so that no bias comes of having fitted them.
/// Cells without a count have no x; they take part as x = 0, and the mean is divided by the share of the others.
#[derive(Debug, Clone)]
pub struct MeanProfile {
    n_with_counts: f64,
    halves: [Half; 2],
}

/// Every other cell.
#[derive(Debug, Clone)]
struct Half {
    n: f64,
    genes: Vec<Sums>,
}

/// Sums over cells, and the variance expected of that of b.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    x: f64,
    a: f64,
    b: f64,
    xa: f64,
    xb: f64,
    aa: f64,
    ab: f64,
    bb: f64,
    variance_b: f64,
}

impl MeanProfile {
    pub(crate) fn new(n_genes: usize) -> Self {
        let half = Half { n: 0.0, genes: vec![Sums::default(); n_genes] };
        Self { n_with_counts: 0.0, halves: [half.clone(), half] }
    }

    /// Adds a cell: its counts and what was expected of them, `[n_genes]` each.
    pub(crate) fn add(&mut self, counts: &[f64], expected: &[Expected]) {
        let library: f64 = counts.iter().sum();
        let expected_library: f64 = expected.iter().map(|e| e.count).sum();
        let per_count = if library > 0.0 { TARGET_SUM / library } else { 0.0 };
        let per_expected = if expected_library > 0.0 { TARGET_SUM / expected_library } else { 0.0 };
        self.n_with_counts += f64::from(library > 0.0);
        let [first, second] = &mut self.halves;
        let half = if first.n > second.n { second } else { first };
        half.n += 1.0;
        for (sums, (&y, expected)) in half.genes.iter_mut().zip(counts.iter().zip(expected)) {
            let x = (per_count * y).ln_1p();
            let a = per_expected * (y - expected.count);
            let b = f64::from(y > 0.0) - expected.positive;
            sums.x += x;
            sums.a += a;
            sums.b += b;
            sums.xa += x * a;
            sums.xb += x * b;
            sums.aa += a * a;
            sums.ab += a * b;
            sums.bb += b * b;
            sums.variance_b += expected.positive * (1.0 - expected.positive);
        }
    }

    /// The mean, `[n_genes]`, none below 0; zeros where no cell has a count.
    ///
    /// Its error falls with the number of cells as that of the plain mean does, by a smaller factor: only what two controls do not
    /// explain of x is left of the counts' noise, and that of g, z and l.
    pub fn mean(&self) -> Vec<f64> {
        let [first, second] = &self.halves;
        let corrected = |(one, other): (&Sums, &Sums)| {
            let ([of_a, of_b], [by_a, by_b]) = (other.slopes(second.n), one.slopes(first.n));
            let sum =
                one.x + other.x - of_a * one.a - of_b * one.b - by_a * other.a - by_b * other.b;
            (sum / self.n_with_counts.max(1.0)).max(0.0)
        };
        first.genes.iter().zip(&second.genes).map(corrected).collect()
    }
}

impl Sums {
    /// Regression coefficients of x on a and b over `n` cells.
    fn slopes(&self, n: f64) -> [f64; 2] {
        let [x, a, b] = [self.x, self.a, self.b].map(|sum| sum / n.max(1.0));
        let (xa, xb) = (self.xa - x * self.a, self.xb - x * self.b);
        let (aa, ab) = (self.aa - a * self.a, self.ab - a * self.b);
        let bb = self.bb - b * self.b;
        let determinant = aa * bb - ab * ab;
        if self.variance_b > LEAST_VARIANCE && determinant > COLLINEAR * aa * bb {
            [(xa * bb - xb * ab) / determinant, (xb * aa - xa * ab) / determinant]
        } else if aa > 0.0 {
            [xa / aa, 0.0]
        } else {
            [0.0, 0.0]
        }
    }
}

/// About as many cells of the rarer kind, with counts or without, as a slope for b needs.
const LEAST_VARIANCE: f64 = 10.0;

/// Share of the variances' product below which a determinant is rounding: every count is 0 or 1.
const COLLINEAR: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::sample_count;
    use pert_core::seeded_rng;

    const RATES: [(f64, Option<f64>, f64); 6] = [
        (0.02, Some(0.5), 0.0),
        (0.6, Some(0.3), 0.2),
        (4.0, Some(2.0), 0.5),
        (30.0, Some(5.0), 0.0),
        (3.0, None, 0.0),
        (80.0, None, 0.0),
    ];

    /// The corrected and the plain mean of `n` cells whose rates vary by the factor `swing`.
    fn means(n: usize, swing: f64, seed: u64) -> [Vec<f64>; 2] {
        let mut rng = seeded_rng(seed, "cells");
        let mut profile = MeanProfile::new(RATES.len());
        for cell in 0..n {
            let factor = swing.powf((cell % 5) as f64 / 4.0);
            let drawn = RATES.map(|(mu, theta, pi)| {
                let mu = mu * factor;
                (sample_count(mu, theta, pi, &mut rng), Expected::of(mu, theta, pi))
            });
            profile.add(&drawn.map(|d| d.0), &drawn.map(|d| d.1));
        }
        let [first, second] = &profile.halves;
        let plain = first.genes.iter().zip(&second.genes);
        let plain = plain.map(|(a, b)| (a.x + b.x) / profile.n_with_counts).collect();
        [profile.mean(), plain]
    }

    #[test]
    fn expectations_are_those_of_the_draws() {
        let (n, mut rng) = (200_000, seeded_rng(0, "draws"));
        for (mu, theta, pi) in RATES {
            let expected = Expected::of(mu, theta, pi);
            let (mut sum, mut square, mut positive) = (0.0, 0.0, 0.0);
            for _ in 0..n {
                let y = sample_count(mu, theta, pi, &mut rng);
                sum += y;
                square += y * y;
                positive += f64::from(y > 0.0);
            }
            let n = f64::from(n);
            let (mean, share) = (sum / n, positive / n);
            let error = ((square / n - mean * mean) / n).sqrt();
            assert!((mean - expected.count).abs() < 5.0 * error, "{mu}: {mean}");
            let error = (share * (1.0 - share) / n).sqrt();
            assert!((share - expected.positive).abs() <= 5.0 * error, "{mu}: {share}");
        }
    }

    /// 300 populations of 200 cells against the plain mean of 400,000.
    #[test]
    fn the_mean_is_unbiased_and_closer_than_the_plain_one() {
        let [_, truth] = means(400_000, 3.0, 0);
        let runs: Vec<[Vec<f64>; 2]> = (1..301).map(|seed| means(200, 3.0, seed)).collect();
        let n = runs.len() as f64;
        for (gene, &truth) in truth.iter().enumerate() {
            let squared = |which: usize| {
                runs.iter().map(|run| (run[which][gene] - truth).powi(2)).sum::<f64>() / n
            };
            let (corrected, plain) = (squared(0), squared(1));
            // The last gene is most of every total, whose noise no control tells of.
            let most = if gene + 1 == RATES.len() { 1.05 } else { 0.6 };
            assert!(corrected < most * plain, "{gene}: {corrected:.2e}, plain {plain:.2e}");
            let bias = runs.iter().map(|run| run[0][gene] - truth).sum::<f64>() / n;
            // The truth has an error of its own: 200 / 400,000 of the plain variance.
            let error = (corrected / n + plain * 200.0 / 400_000.0).sqrt();
            assert!(bias.abs() < 5.0 * error, "{gene}: {bias:.2e} ± {error:.1e}");
        }
    }

    #[test]
    fn no_cell_and_no_count_leave_zeros() {
        let mut profile = MeanProfile::new(2);
        assert_eq!(profile.mean(), [0.0, 0.0]);
        profile.add(&[0.0, 0.0], &[Expected::of(0.0, Some(1.0), 0.0); 2]);
        assert_eq!(profile.mean(), [0.0, 0.0]);
    }

    #[test]
    fn rates_that_never_vary_give_the_plain_mean() {
        let mut profile = MeanProfile::new(1);
        let certain = Expected { count: 7.0, positive: 1.0 };
        (0..3).for_each(|_| profile.add(&[7.0], &[certain]));
        approx::assert_relative_eq!(profile.mean()[0], 1e4f64.ln_1p(), max_relative = 1e-12);
    }
}
