//! The evidence lower bound and the marginal likelihood of single cells, in f64.

use std::ops::Range;

use pert_core::{ChaCha8Rng, CsrCounts};

use crate::batch::CountTables;
use crate::draws::{Block, Drawn, Draws, HostNormal};
use crate::elbo::ElboTerms;
use crate::error::Error;
use crate::inputs::{Conditions, check_groups};
use crate::library::LogNormal;
use crate::vae::{Vae, blocks};

impl Vae {
    /// The three terms of the bound of every cell, nats; in f64 from the rates on.
    ///
    /// Their mean is what [`Vae::elbo`] gives, up to its f32 sums; with [`Draws::Samples`] the reconstruction is averaged
    /// over more draws than one, with [`Draws::Mean`] it is that at the posterior mean.
    ///
    /// # Shapes
    /// - counts, conditions, library_group as in [`Vae::elbo`]; output: one per entry of `cells`
    ///
    /// # Errors
    /// As [`Vae::elbo`]; [`Error::InvalidSetting`] for no draws.
    ///
    /// ```
    /// use pert_decoder::{Conditions, CsrCounts, Device, Draws, Vae, VaeConfig, seeded_rng};
    /// let vae =
    ///     Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0, 0.0, 2.0, 0.0])?;
    /// let (free, rng) = (Conditions::default(), &mut seeded_rng(1, "elbo"));
    /// let each = vae.elbo_per_cell(&counts, &[0, 1], free, None, Draws::Samples(1), rng)?;
    /// let mean = vae.elbo(&counts, &[0, 1], free, None, &mut seeded_rng(1, "elbo"))?;
    /// assert!(((each[0].total() + each[1].total()) / 2.0 - mean.total()).abs() < 1e-3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn elbo_per_cell(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        conditions: Conditions<'_>,
        library_group: Option<&[usize]>,
        draws: Draws,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<ElboTerms>, Error> {
        self.check_given(counts, cells, conditions, "the evidence lower bound")?;
        self.check_library_groups(library_group, cells.len())?;
        draws.check()?;
        let tables = CountTables::new();
        let mut terms = Vec::with_capacity(cells.len());
        for rows in blocks(cells.len()) {
            let block = self.block(counts, cells, conditions, &rows, &tables);
            let (z, l) = (block.z(), block.log_library());
            let first = terms.len();
            for (i, &row) in rows.iter().enumerate() {
                let prior = self.library_prior_of(library_group, row);
                let kl_l = l.as_ref().map_or(0.0, |l| kl(l, i..i + 1, |_| prior));
                let places = i * self.config.n_latent..(i + 1) * self.config.n_latent;
                terms.push(ElboTerms {
                    reconstruction: 0.0,
                    kl_z: kl(&z, places, |place| block.prior_of_z(place)),
                    kl_l,
                });
            }
            for _ in 0..draws.count() {
                let drawn = self.draw(&block, draws, rng);
                for (i, &cell) in block.cells.iter().enumerate() {
                    terms[first + i].reconstruction +=
                        drawn.rates.log_prob(i, counts.row(cell)) / draws.count() as f64;
                }
            }
        }
        Ok(terms)
    }

    /// log p(y|g) of every cell, nats, by importance sampling from its posterior (Burda et al. 2016, eq. 8):
    /// log 1/K Σ_k p(y|z_k,l_k,g) p(z_k) p(l_k) / (q(z_k|y,g) q(l_k|y,g)).
    ///
    /// A lower bound in expectation that rises with the number of draws K towards log p(y|g); with K = 1 it is one draw
    /// of the evidence lower bound. Logarithms are averaged in f64 (log-mean-exp).
    ///
    /// # Shapes
    /// - counts, conditions, library_group as in [`Vae::elbo`]; output: one per entry of `cells`
    ///
    /// # Errors
    /// As [`Vae::elbo`]; [`Error::InvalidSetting`] for `n_samples` = 0.
    ///
    /// ```
    /// use pert_decoder::{Conditions, CsrCounts, Device, Vae, VaeConfig, seeded_rng};
    /// let vae =
    ///     Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0])?;
    /// let (free, rng) = (Conditions::default(), &mut seeded_rng(1, "importance"));
    /// let log_p = vae.marginal_log_likelihood(&counts, &[0], free, None, 200, rng)?; // [n_cells]
    /// assert!(log_p[0] < 0.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn marginal_log_likelihood(
        &self,
        counts: &CsrCounts,
        cells: &[usize],
        conditions: Conditions<'_>,
        library_group: Option<&[usize]>,
        n_samples: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<f64>, Error> {
        self.check_given(counts, cells, conditions, "the marginal likelihood")?;
        self.check_library_groups(library_group, cells.len())?;
        let draws = Draws::Samples(n_samples);
        draws.check()?;
        let tables = CountTables::new();
        let mut log_p = Vec::with_capacity(cells.len());
        for rows in blocks(cells.len()) {
            let block = self.block(counts, cells, conditions, &rows, &tables);
            let mut sums = vec![LogSumExp::default(); rows.len()];
            for _ in 0..n_samples {
                let drawn = self.draw(&block, draws, rng);
                let ratios = self.log_prior_ratios(&block, &drawn, &rows, library_group);
                for (i, &cell) in block.cells.iter().enumerate() {
                    sums[i].add(ratios[i] + drawn.rates.log_prob(i, counts.row(cell)));
                }
            }
            log_p.extend(sums.iter().map(|sum| sum.value() - (n_samples as f64).ln()));
        }
        Ok(log_p)
    }

    /// log p(z) p(l) / (q(z) q(l)) of every cell of a draw.
    fn log_prior_ratios(
        &self,
        block: &Block,
        drawn: &Drawn,
        rows: &[usize],
        library_group: Option<&[usize]>,
    ) -> Vec<f64> {
        let (width, z, l) = (self.config.n_latent, block.z(), block.log_library());
        rows.iter()
            .enumerate()
            .map(|(i, &row)| {
                let of_z: f64 = (i * width..(i + 1) * width)
                    .map(|k| {
                        let prior = block.prior_of_z(k);
                        log_ratio(prior, drawn.z[k], drawn.noise_z[k], z.log_variance[k])
                    })
                    .sum();
                let prior = self.library_prior_of(library_group, row);
                let of_l = l.as_ref().map_or(0.0, |l| {
                    log_ratio(prior, drawn.log_library[i], drawn.noise_l[i], l.log_variance[i])
                });
                of_z + of_l
            })
            .collect()
    }

    fn check_library_groups(&self, groups: Option<&[usize]>, n: usize) -> Result<(), Error> {
        groups.map_or(Ok(()), |groups| check_groups(groups, n, self.library_prior.n_groups()))
    }

    fn library_prior_of(&self, groups: Option<&[usize]>, row: usize) -> LogNormal {
        groups.map_or(self.library_prior.global(), |groups| self.library_prior.group(groups[row]))
    }
}

/// KL(q ‖ N(prior)) summed over the places of one cell: ½ Σ (e^v/v₀ + (m−m₀)²/v₀ − 1 − v + log v₀).
pub(crate) fn kl(q: &HostNormal, places: Range<usize>, prior: impl Fn(usize) -> LogNormal) -> f64 {
    places
        .map(|k| {
            let prior = prior(k);
            let (m, v) = (f64::from(q.mean[k]), f64::from(q.log_variance[k]));
            let square = (m - prior.mean).powi(2);
            0.5 * ((v.exp() + square) / prior.variance - 1.0 - v + prior.variance.ln())
        })
        .sum()
}

/// log N(x; prior) − log N(x; q), x = mean of q + e^{v/2} · noise.
fn log_ratio(prior: LogNormal, x: f32, noise: f32, log_variance: f32) -> f64 {
    let (x, noise, v) = (f64::from(x), f64::from(noise), f64::from(log_variance));
    let square = (x - prior.mean).powi(2) / prior.variance;
    0.5 * (noise * noise - square + v - prior.variance.ln())
}

/// log Σ e^x without overflow, term by term.
#[derive(Debug, Clone, Copy)]
struct LogSumExp {
    largest: f64,
    sum: f64,
}

impl Default for LogSumExp {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSumExp {
    fn add(&mut self, x: f64) {
        if x > self.largest {
            self.sum = self.sum * (self.largest - x).exp() + 1.0;
            self.largest = x;
        } else {
            self.sum += (x - self.largest).exp();
        }
    }

    fn value(&self) -> f64 {
        self.largest + self.sum.ln()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};
    use pert_core::seeded_rng;

    use super::*;
    use crate::config::{Library, VaeConfig};
    use crate::likelihood::HostRates;
    use crate::network::matrix;

    /// One latent dimension can be integrated over: the trapezoidal rule on [−8, 8].
    #[test]
    fn importance_sampling_finds_the_integral_over_z() {
        let config = VaeConfig { library: Library::Observed, ..VaeConfig::new(6, 1) };
        let device = Device::default();
        let vae = Vae::untrained(config, &mut seeded_rng(3, "weights"), &device).unwrap();
        let values = [9.0, 0.0, 1.0, 3.0, 0.0, 2.0, 0.0, 4.0, 0.0, 0.0, 1.0, 30.0];
        let counts = CsrCounts::from_dense(6, &values).unwrap();
        const N: usize = 1601;
        let z: Vec<f32> = (0..N).map(|k| k as f32 * 0.01 - 8.0).collect();
        let free = Conditions::default();
        let rng = &mut seeded_rng(0, "importance");
        let found = vae.marginal_log_likelihood(&counts, &[0, 1], free, None, 5000, rng).unwrap();
        for (cell, found) in found.into_iter().enumerate() {
            let log_l = Tensor::full([N, 1], counts.library_size(cell).ln(), &device);
            let z_column = matrix(z.clone(), N, &device);
            let rates = HostRates::of(vae.network.generator.forward(z_column, None, log_l, None));
            let mut sum = LogSumExp::default();
            for (row, &z) in z.iter().enumerate() {
                let density = -0.5 * f64::from(z).powi(2) - 0.5 * (2.0 * std::f64::consts::PI).ln();
                sum.add(rates.log_prob(row, counts.row(cell)) + density);
            }
            let expected = sum.value() + 0.01f64.ln();
            // An untrained posterior is broad: 5,000 draws leave a standard error of about 0.01.
            assert!((found - expected).abs() < 0.05, "{found}, not {expected}");
        }
    }

    #[test]
    fn sums_of_exponentials_neither_overflow_nor_vanish() {
        for terms in [[1e4, 1e4 + 1.0, 1e4 - 50.0], [-1e5, -1e5 - 2.0, -1e5 + 3.0]] {
            let mut sum = LogSumExp::default();
            terms.iter().for_each(|&x| sum.add(x));
            let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let expected = largest + terms.iter().map(|x| (x - largest).exp()).sum::<f64>().ln();
            assert!((sum.value() - expected).abs() < 1e-9 * expected.abs());
        }
    }
}
