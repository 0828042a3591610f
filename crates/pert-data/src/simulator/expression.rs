//! From programs to counts: expression, library size, zero-inflated negative binomial counts of one cell.

use pert_core::seeded_rng;
use rand::RngExt;

use super::design::{Context, N_BATCHES, N_CELL_TYPES};
use super::programs::{N_PROGRAMS, Programs, normal};

/// Standard deviation of log expression over genes: a few genes hold most molecules.
const BASE_LOG_SD: f64 = 1.8;

/// Share of genes that no program drives.
const UNLOADED_SHARE: f64 = 0.25;

/// Share of driven genes that a second program drives too.
const SECOND_PROGRAM_SHARE: f64 = 0.4;

/// Mean of a loading before the cap (exponential, so non-negative): log expression per unit of program.
const LOADING_MEAN: f64 = 0.5;

/// Largest loading: no program lets a single gene take over the transcriptome.
const LARGEST_LOADING: f64 = 1.5;

/// Programs saturate: S·tanh(z/S) stays within ±S.
const SATURATION: f64 = 1.5;

/// Standard deviation of a cell's programs around their mean: populations are wide, about as wide as effects are long.
const PROGRAM_NOISE_SD: f64 = 0.6;

/// Fold rise of a silent gene when it is activated: CRISPR activation ranges from two-fold to tens of folds.
const LARGEST_FOLD: f64 = 8.0;

/// Expression, in units of the mean gene's, at which activation adds only half as much: genes expressed strongly
/// already are activated less (Gilbert et al. 2014).
const HALF_FOLD_EXPRESSION: f64 = 3.0;

/// Share of genes, from the weakest expressed up, that a screen would activate.
const ACTIVATABLE_SHARE: f64 = 0.75;

/// Standard deviation of a batch's shift of log expression.
const BATCH_LOG_SD: f64 = 0.12;

/// Standard deviation of a batch's shift of log library size.
const BATCH_LIBRARY_LOG_SD: f64 = 0.1;

/// Share of genes whose base differs between cell types, and the standard deviation of the difference.
const CELL_TYPE_GENE_SHARE: f64 = 0.25;
const CELL_TYPE_LOG_SD: f64 = 0.6;

/// Standard deviation of a cell type's resting programs.
const CELL_TYPE_PROGRAM_SD: f64 = 0.4;

/// A cell type's response to a perturbation, per program, relative to the first type's.
const CELL_TYPE_RESPONSE: (f64, f64) = (0.5, 1.1);

/// Median library size per gene measured: 120 for 500 genes, at about 90% zeros (a 500-gene subset of Norman et al.
/// 2019: 126).
const LIBRARY_PER_GENE: f64 = 0.24;

/// Standard deviation of log library size within a batch. A 500-gene subset of Norman et al. 2019 has 0.7 over all
/// cells, program differences included; here they come on top.
const LIBRARY_LOG_SD: f64 = 0.45;

/// Inverse dispersion θ: median, and standard deviation of its log over genes.
const THETA_MEDIAN: f64 = 4.0;
const THETA_LOG_SD: f64 = 0.5;

/// Dropout probability of a gene with vanishing mean; it falls as 1/(1 + μ). Droplet data have little beyond NB.
const LARGEST_DROPOUT: f64 = 0.05;

/// Everything that turns programs into counts.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    n_genes: usize,
    /// Log expression at rest per context, `[N_BATCHES · N_CELL_TYPES][n_genes]`.
    base: Vec<Vec<f64>>,
    /// Programs that drive each gene and how much.
    loadings: Vec<Vec<(usize, f64)>>,
    /// Resting programs, `[N_CELL_TYPES]`.
    resting: Vec<Programs>,
    /// Response of each cell type relative to the first, `[N_CELL_TYPES]`.
    response: Vec<Programs>,
    /// Rise of a gene's own log expression when it is activated, `[n_genes]`.
    activation: Vec<f64>,
    /// Inverse dispersion, `[n_genes]`.
    theta: Vec<f64>,
    /// Mean of log library size, `[N_BATCHES]`.
    log_library: Vec<f64>,
}

/// What is done to a cell: a shift of its programs, and the columns of the genes activated.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    pub programs: Programs,
    pub activated: Vec<usize>,
}

impl Expression {
    /// Draws the parameters of `n_genes` genes.
    pub fn draw(n_genes: usize, seed: u64) -> Self {
        let rng = &mut seeded_rng(seed, "simulator/expression");
        let gene_base: Vec<f64> = (0..n_genes).map(|_| BASE_LOG_SD * normal(rng)).collect();
        let mean = gene_base.iter().map(|b| b.exp()).sum::<f64>() / n_genes as f64;
        let activation = gene_base
            .iter()
            .map(|b| {
                let added = (LARGEST_FOLD - 1.0) / (1.0 + b.exp() / (HALF_FOLD_EXPRESSION * mean));
                added.ln_1p()
            })
            .collect();
        let loadings = (0..n_genes).map(|_| draw_loadings(rng)).collect();
        let theta =
            (0..n_genes).map(|_| THETA_MEDIAN * (THETA_LOG_SD * normal(rng)).exp()).collect();
        let batch: Vec<Vec<f64>> = (0..N_BATCHES)
            .map(|_| (0..n_genes).map(|_| BATCH_LOG_SD * normal(rng)).collect())
            .collect();
        let log_library = (0..N_BATCHES)
            .map(|_| (LIBRARY_PER_GENE * n_genes as f64).ln() + BATCH_LIBRARY_LOG_SD * normal(rng))
            .collect();
        let mut cell_type = vec![vec![0.0; n_genes]];
        let mut resting = vec![[0.0; N_PROGRAMS]];
        let mut response = vec![[1.0; N_PROGRAMS]];
        for _ in 1..N_CELL_TYPES {
            let shifts = (0..n_genes).map(|_| {
                let shift = CELL_TYPE_LOG_SD * normal(rng);
                if rng.random::<f64>() < CELL_TYPE_GENE_SHARE { shift } else { 0.0 }
            });
            cell_type.push(shifts.collect());
            resting.push(std::array::from_fn(|_| CELL_TYPE_PROGRAM_SD * normal(rng)));
            let (least, most) = CELL_TYPE_RESPONSE;
            response.push(std::array::from_fn(|_| least + (most - least) * rng.random::<f64>()));
        }
        let base = batch
            .iter()
            .flat_map(|of_batch| {
                cell_type.iter().map(|of_type| {
                    (0..n_genes).map(|g| gene_base[g] + of_batch[g] + of_type[g]).collect()
                })
            })
            .collect();
        Self { n_genes, base, loadings, resting, response, activation, theta, log_library }
    }

    /// Draws one cell: its raw counts into `counts` and its normalised expression into `rho`, both `[n_genes]`.
    ///
    /// Counts are drawn by inversion of the distribution function, one uniform number per gene, so that cells drawn
    /// from equal generators under two perturbations differ by the perturbation alone. A cell without counts is
    /// drawn anew: no cell caller would have kept it.
    pub fn draw_cell(
        &self,
        context: Context,
        effect: &Effect,
        rng: &mut impl rand::Rng,
        counts: &mut [f32],
        rho: &mut [f64],
    ) {
        loop {
            let noise: Programs = std::array::from_fn(|_| PROGRAM_NOISE_SD * normal(rng));
            self.normalised_expression(context, effect, &noise, rho);
            let log_library = self.log_library[context.batch] + LIBRARY_LOG_SD * normal(rng);
            let library_size = log_library.exp();
            let mut total = 0.0;
            for ((count, &rho), &theta) in counts.iter_mut().zip(rho.iter()).zip(&self.theta) {
                *count = zinb_quantile(library_size * rho, theta, rng.random()) as f32;
                total += *count;
            }
            if total > 0.0 {
                return;
            }
        }
    }

    /// ρ of a cell with the given program noise.
    fn normalised_expression(
        &self,
        context: Context,
        effect: &Effect,
        noise: &Programs,
        rho: &mut [f64],
    ) {
        let (resting, response) =
            (&self.resting[context.cell_type], &self.response[context.cell_type]);
        let programs: Programs = std::array::from_fn(|l| {
            let z = resting[l] + response[l] * effect.programs[l] + noise[l];
            SATURATION * (z / SATURATION).tanh()
        });
        let base = &self.base[context.batch * N_CELL_TYPES + context.cell_type];
        for (g, eta) in rho.iter_mut().enumerate() {
            *eta = base[g] + self.loadings[g].iter().map(|&(l, w)| w * programs[l]).sum::<f64>();
        }
        for &g in &effect.activated {
            rho[g] += self.activation[g];
        }
        let largest = rho.iter().copied().fold(f64::MIN, f64::max);
        rho.iter_mut().for_each(|eta| *eta = (*eta - largest).exp());
        let total: f64 = rho.iter().sum();
        rho.iter_mut().for_each(|r| *r /= total);
    }

    /// Columns of the genes an activation screen would target, ascending: all but the strongest expressed.
    pub fn activatable(&self) -> Vec<usize> {
        let base = &self.base[0];
        let mut columns: Vec<usize> = (0..self.n_genes).collect();
        columns.sort_by(|&a, &b| base[a].total_cmp(&base[b]));
        columns.truncate((self.n_genes as f64 * ACTIVATABLE_SHARE) as usize);
        columns.sort_unstable();
        columns
    }

    /// Number of genes.
    pub fn n_genes(&self) -> usize {
        self.n_genes
    }
}

fn draw_loadings(rng: &mut impl rand::Rng) -> Vec<(usize, f64)> {
    let mut programs = Vec::new();
    if rng.random::<f64>() < UNLOADED_SHARE {
        return programs;
    }
    let weight = |rng: &mut _| {
        let exponential = -(1.0 - rand::RngExt::random::<f64>(rng)).ln();
        (LOADING_MEAN * exponential).min(LARGEST_LOADING)
    };
    let first = rng.random_range(0..N_PROGRAMS as u32) as usize;
    programs.push((first, weight(rng)));
    if rng.random::<f64>() < SECOND_PROGRAM_SHARE {
        let other = (first + rng.random_range(1..N_PROGRAMS as u32) as usize) % N_PROGRAMS;
        programs.push((other, weight(rng)));
    }
    programs
}

/// The `u`-quantile of ZINB(μ, θ, π = [`LARGEST_DROPOUT`]/(1 + μ)); NB variance μ + μ²/θ.
///
/// NB(0) = (θ/(θ+μ))^θ and NB(k+1) = NB(k) · (k+θ)/(k+1) · μ/(θ+μ).
fn zinb_quantile(mu: f64, theta: f64, u: f64) -> f64 {
    let dropout = LARGEST_DROPOUT / (1.0 + mu);
    if u < dropout {
        return 0.0;
    }
    let u = (u - dropout) / (1.0 - dropout);
    let ratio = mu / (theta + mu);
    let mut probability = (theta * (theta / (theta + mu)).ln()).exp();
    let mut cumulative = probability;
    // Rounding may keep the sum below u for ever; no count lies this many standard deviations out.
    let far = mu + 40.0 * (mu + mu * mu / theta).sqrt() + 40.0;
    let mut count = 0.0;
    while u >= cumulative && count < far {
        probability *= ratio * (count + theta) / (count + 1.0);
        cumulative += probability;
        count += 1.0;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_the_moments_of_a_zinb() {
        let mut rng = seeded_rng(1, "test");
        for (mu, theta) in [(0.2_f64, 4.0_f64), (3.0, 2.0), (40.0, 5.0)] {
            let n = 200_000;
            let (mut sum, mut squares, mut zeros) = (0.0, 0.0, 0.0);
            for _ in 0..n {
                let y = zinb_quantile(mu, theta, rng.random());
                sum += y;
                squares += y * y;
                zeros += f64::from(u8::from(y == 0.0));
            }
            let n = f64::from(n);
            let pi = LARGEST_DROPOUT / (1.0 + mu);
            let mean = (1.0 - pi) * mu;
            let variance = (1.0 - pi) * (mu + mu * mu / theta + pi * mu * mu);
            let zero = pi + (1.0 - pi) * (theta / (theta + mu)).powf(theta);
            // Five standard errors of a mean and of a share; the variance's is below 2% for these shapes.
            let (found_mean, found_zero) = (sum / n, zeros / n);
            assert!((found_mean - mean).abs() < 5.0 * (variance / n).sqrt(), "{mu}: {found_mean}");
            let found = squares / n - found_mean * found_mean;
            approx::assert_relative_eq!(found, variance, max_relative = 0.02);
            assert!((found_zero - zero).abs() < 5.0 * (zero * (1.0 - zero) / n).sqrt());
        }
    }

    #[test]
    fn activation_and_programs_move_expression_and_rho_sums_to_one() {
        let expression = Expression::draw(80, 2);
        let context = Context { batch: 0, cell_type: 0 };
        let mut rest = vec![0.0; 80];
        let mut moved = rest.clone();
        let nothing = Effect { programs: [0.0; N_PROGRAMS], activated: vec![] };
        let gene = Effect { programs: [0.0; N_PROGRAMS], activated: vec![7] };
        expression.normalised_expression(context, &nothing, &[0.0; N_PROGRAMS], &mut rest);
        expression.normalised_expression(context, &gene, &[0.0; N_PROGRAMS], &mut moved);
        assert!(expression.activation.iter().all(|a| (0.0..=LARGEST_FOLD.ln()).contains(a)));
        approx::assert_relative_eq!(moved.iter().sum::<f64>(), 1.0, max_relative = 1e-12);
        let odds = |rho: &[f64]| rho[7] / (1.0 - rho[7]);
        approx::assert_relative_eq!(
            odds(&moved) / odds(&rest),
            expression.activation[7].exp(),
            max_relative = 1e-9
        );
    }
}
