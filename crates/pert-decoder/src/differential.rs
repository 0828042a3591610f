//! Differential expression between two groups of cells, from the posterior.

use pert_core::{ChaCha8Rng, CsrCounts};
use rand::RngExt;

use crate::batch::CountTables;
use crate::draws::Draws;
use crate::error::Error;
use crate::inputs::Conditions;
use crate::vae::{BLOCK, Vae};

/// Keeps the Bayes factor of a gene whose draws all agree finite (scvi-tools).
const BAYES_GUARD: f64 = 1e-8;

/// How two groups of cells are compared.
///
/// ```
/// use pert_decoder::DifferentialConfig;
/// let config = DifferentialConfig { delta: 0.5, ..Default::default() };
/// config.check()?;
/// assert!(DifferentialConfig { n_pairs: 0, ..config }.check().is_err());
/// # Ok::<(), pert_decoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DifferentialConfig {
    /// The smallest log2 fold change that counts, at least 0. Default 0.25 (scvi-tools).
    pub delta: f64,
    /// Pairs of draws, one of each group, at least 1. Default 5,000 (scvi-tools).
    pub n_pairs: usize,
    /// Added to ρ on both sides, so that genes hardly expressed in either have no fold change; in shares of the cell's
    /// counts, at least 0. Default 1e-6, a hundredth of a count in 10,000 (scvi-tools estimates it from the genes
    /// that show no count in a group).
    pub pseudocount: f64,
    /// Expected share of false discoveries among the genes called, in (0, 1). Default 0.05 (scvi-tools).
    pub false_discovery_rate: f64,
}

impl Default for DifferentialConfig {
    fn default() -> Self {
        Self { delta: 0.25, n_pairs: 5000, pseudocount: 1e-6, false_discovery_rate: 0.05 }
    }
}

impl DifferentialConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        if self.n_pairs == 0 {
            return Err(Error::setting("n_pairs", "at least 1", 0));
        }
        for (name, value) in [("delta", self.delta), ("pseudocount", self.pseudocount)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::setting(name, "at least 0 and finite", value));
            }
        }
        let rate = self.false_discovery_rate;
        if !(rate > 0.0 && rate < 1.0) {
            return Err(Error::setting("false_discovery_rate", "in (0, 1)", rate));
        }
        Ok(())
    }
}

/// One gene in the comparison of group a with group b.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeneChange {
    /// The gene's column.
    pub gene: usize,
    /// P(|LFC| > δ) under the posterior.
    pub probability: f64,
    /// log P/(1−P), natural logarithm.
    pub bayes_factor: f64,
    /// Mean of LFC = log2 (ρ_a + c) − log2 (ρ_b + c), above 0 where a expresses more.
    pub lfc_mean: f64,
    /// Median of LFC.
    pub lfc_median: f64,
    /// Mean ρ in group a, share of a cell's counts.
    pub rho_a: f64,
    /// Mean ρ in group b.
    pub rho_b: f64,
    /// Whether the gene is among those called at the false discovery rate asked for.
    pub is_called: bool,
}

/// Some cells and what they are conditioned on.
#[derive(Debug, Clone, Copy)]
pub struct CellGroup<'a> {
    /// Rows of the count matrix.
    pub cells: &'a [usize],
    /// One row per cell.
    pub conditions: Conditions<'a>,
}

impl Vae {
    /// Differential expression in the change mode of scVI (Boyeau et al. 2019): for pairs of cells drawn from the two
    /// groups, z from their posteriors, the log2 fold change of ρ; a gene has changed where |LFC| > δ.
    ///
    /// Genes are called in the order of P(|LFC| > δ) as long as the mean of 1 − P over them, the expected share of false
    /// discoveries, is within the rate asked for. Cells are decoded under their own conditions.
    ///
    /// It holds 4 bytes per pair and gene, 400 MB for 5,000 pairs of 20,000 genes.
    ///
    /// # Shapes
    /// - counts: raw counts; output: one per gene, in the order of the genes
    ///
    /// # Errors
    /// As [`Vae::latent`], for either group; settings out of range.
    ///
    /// ```
    /// use pert_decoder::{
    ///     CellGroup, Conditions, CsrCounts, Device, DifferentialConfig, Vae, VaeConfig, seeded_rng,
    /// };
    /// let vae =
    ///     Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0, 0.0, 2.0, 0.0])?;
    /// let group = |cells| CellGroup { cells, conditions: Conditions::default() };
    /// let config = DifferentialConfig { n_pairs: 100, ..Default::default() };
    /// let rng = &mut seeded_rng(1, "pairs");
    /// let genes = vae.differential_expression(&counts, group(&[0]), group(&[1]), &config, rng)?;
    /// assert!(genes.iter().all(|g| (0.0..=1.0).contains(&g.probability)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn differential_expression(
        &self,
        counts: &CsrCounts,
        a: CellGroup<'_>,
        b: CellGroup<'_>,
        config: &DifferentialConfig,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<GeneChange>, Error> {
        config.check()?;
        for group in [a, b] {
            let purpose = "a group of the differential expression";
            self.check_given(counts, group.cells, group.conditions, purpose)?;
        }
        let n_genes = self.config.n_genes;
        let tables = CountTables::new();
        let mut lfc = vec![Vec::with_capacity(config.n_pairs); n_genes];
        let mut sums = [vec![0.0; n_genes], vec![0.0; n_genes]];
        for first in (0..config.n_pairs).step_by(BLOCK) {
            let n = BLOCK.min(config.n_pairs - first);
            let rho = [a, b].map(|group| {
                let rows: Vec<usize> =
                    (0..n).map(|_| rng.random_range(0..group.cells.len())).collect();
                let block = self.block(counts, group.cells, group.conditions, &rows, &tables);
                let drawn = self.draw(&block, Draws::Samples(1), rng);
                let of = |i: usize, gene| {
                    (drawn.rates.log_mu(i, gene) - f64::from(drawn.log_library[i])).exp()
                };
                (0..n * n_genes).map(|k| of(k / n_genes, k % n_genes)).collect::<Vec<f64>>()
            });
            for (k, (&rho_a, &rho_b)) in rho[0].iter().zip(&rho[1]).enumerate() {
                let gene = k % n_genes;
                sums[0][gene] += rho_a;
                sums[1][gene] += rho_b;
                let c = config.pseudocount;
                // A ρ of 0 on both sides, without a pseudo-count, is no change.
                let change = ((rho_a + c) / (rho_b + c)).log2();
                lfc[gene].push(if change.is_nan() { 0.0 } else { change as f32 });
            }
        }
        let n = config.n_pairs as f64;
        let mut genes: Vec<GeneChange> = lfc
            .into_iter()
            .enumerate()
            .map(|(gene, mut lfc)| {
                let beyond = lfc.iter().filter(|x| f64::from(x.abs()) > config.delta).count();
                let probability = beyond as f64 / n;
                lfc.sort_unstable_by(f32::total_cmp);
                let odds = (probability + BAYES_GUARD) / (1.0 - probability + BAYES_GUARD);
                GeneChange {
                    gene,
                    probability,
                    bayes_factor: odds.ln(),
                    lfc_mean: lfc.iter().map(|&x| f64::from(x)).sum::<f64>() / n,
                    lfc_median: 0.5
                        * (f64::from(lfc[(lfc.len() - 1) / 2]) + f64::from(lfc[lfc.len() / 2])),
                    rho_a: sums[0][gene] / n,
                    rho_b: sums[1][gene] / n,
                    is_called: false,
                }
            })
            .collect();
        call(&mut genes, config.false_discovery_rate);
        Ok(genes)
    }
}

/// Calls the most probable genes while the mean of 1 − P over them is within the rate.
fn call(genes: &mut [GeneChange], rate: f64) {
    let mut order: Vec<usize> = (0..genes.len()).collect();
    order.sort_by(|&i, &j| genes[j].probability.total_cmp(&genes[i].probability));
    let mut false_discoveries = 0.0;
    for (rank, &i) in order.iter().enumerate() {
        false_discoveries += 1.0 - genes[i].probability;
        if false_discoveries > rate * (rank + 1) as f64 {
            break;
        }
        genes[i].is_called = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genes_are_called_up_to_the_expected_false_discovery_rate() {
        let gene = |(gene, probability)| GeneChange {
            gene,
            probability,
            bayes_factor: 0.0,
            lfc_mean: 0.0,
            lfc_median: 0.0,
            rho_a: 0.0,
            rho_b: 0.0,
            is_called: false,
        };
        // Sorted 1, .99, .9, .5: mean false discoveries 0, .005, .037, .15.
        let mut genes: Vec<GeneChange> =
            [0.9, 1.0, 0.5, 0.99].into_iter().enumerate().map(gene).collect();
        call(&mut genes, 0.05);
        let called: Vec<bool> = genes.iter().map(|g| g.is_called).collect();
        assert_eq!(called, [true, true, false, true]);
    }
}
