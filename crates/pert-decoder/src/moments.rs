//! Where the training of the generator starts.

use pert_core::CsrCounts;

/// Half a count per gene keeps the log expression of a gene that no training cell shows finite.
const PSEUDO_COUNT: f64 = 0.5;

/// θ by moments sees the differences between cell states as dispersion, which the network will explain: doubled.
const THETA_FACTOR: f64 = 2.0;

/// Moments of rare genes are mostly noise; beyond this range they say no more than "very" or "not" dispersed.
const THETA_RANGE: (f64, f64) = (0.05, 200.0);

/// Expression and dispersion of every gene, by moments given the library sizes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CountMoments {
    /// log ρ, ρ = Σy / Σl with pseudo-counts, `[n_genes]`.
    pub(crate) log_rho: Vec<f64>,
    /// log θ with θ = 2 Σμ² / Σ[(y − μ)² − μ], μ = l·ρ, `[n_genes]`.
    pub(crate) log_theta: Vec<f64>,
}

impl CountMoments {
    pub(crate) fn of(counts: &CsrCounts, cells: &[usize]) -> Self {
        let n_genes = counts.n_genes();
        let (mut sum, mut squares, mut weighted) =
            (vec![0.0; n_genes], vec![0.0; n_genes], vec![0.0; n_genes]);
        let (mut total, mut total_squares) = (0.0, 0.0);
        for &cell in cells {
            let library = counts.library_size(cell);
            total += library;
            total_squares += library * library;
            let (genes, values) = counts.row(cell);
            for (&gene, &value) in genes.iter().zip(values) {
                let (gene, y) = (gene as usize, f64::from(value));
                sum[gene] += y;
                squares[gene] += y * y;
                weighted[gene] += y * library;
            }
        }
        let denominator = total + PSEUDO_COUNT * n_genes as f64;
        let mut moments =
            Self { log_rho: Vec::with_capacity(n_genes), log_theta: Vec::with_capacity(n_genes) };
        for gene in 0..n_genes {
            let rho = (sum[gene] + PSEUDO_COUNT) / denominator;
            let mu_squares = rho * rho * total_squares;
            let excess = squares[gene] - 2.0 * rho * weighted[gene] + mu_squares - rho * total;
            let theta = if excess > 0.0 { mu_squares / excess } else { f64::INFINITY };
            let theta = (THETA_FACTOR * theta).clamp(THETA_RANGE.0, THETA_RANGE.1);
            moments.log_rho.push(rho.ln());
            moments.log_theta.push(theta.ln());
        }
        moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_by_hand() {
        // Library sizes 10 and 10; gene 0: 2 and 6, gene 1: 8 and 4.
        let counts = CsrCounts::from_dense(2, &[2.0, 8.0, 6.0, 4.0]).unwrap();
        let m = CountMoments::of(&counts, &[0, 1]);
        let rho: f64 = 8.5 / 21.0;
        let mu = 10.0 * rho;
        let excess = (2.0 - mu).powi(2) + (6.0 - mu).powi(2) - 2.0 * mu;
        // The pseudo-count moves gene 0's excess to −0.07: not dispersed at all.
        assert!(excess < 0.0);
        approx::assert_relative_eq!(m.log_rho[0], rho.ln(), max_relative = 1e-12);
        assert_eq!(m.log_theta[0], THETA_RANGE.1.ln());
        let counts = CsrCounts::from_dense(2, &[0.0, 10.0, 8.0, 2.0]).unwrap();
        let m = CountMoments::of(&counts, &[0, 1]);
        let mu = 10.0 * 8.5 / 21.0;
        let excess = mu * mu + (8.0f64 - mu).powi(2) - 2.0 * mu;
        let theta = 2.0 * 2.0 * mu * mu / excess;
        approx::assert_relative_eq!(m.log_theta[0], theta.ln(), max_relative = 1e-12);
    }
}
