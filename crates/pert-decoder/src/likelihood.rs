//! log p(y|z,l,g) cell by cell, in f64.

use burn::tensor::Tensor;

use crate::distribution::{CountDistribution, Nb, Poisson, Zinb};
use crate::generator::Rates;
use crate::vae::to_vec;

/// The rates of some cells, on the host.
#[derive(Debug)]
pub(crate) struct HostRates {
    n_genes: usize,
    /// As in [`Rates`], so that a μ which is 0 in f32 still has a logarithm: `[n, n_genes]`, `[n]`.
    log_mu_shifted: Vec<f32>,
    log_scale: Vec<f32>,
    /// `[n_genes]` or `[n, n_genes]`; empty for Poisson.
    theta: Vec<f32>,
    /// `[n, n_genes]`; empty without zero inflation.
    pi_logits: Vec<f32>,
}

impl HostRates {
    pub(crate) fn of(rates: Rates) -> Self {
        Self::new(rates.log_mu_shifted, rates.log_scale, rates.theta, rates.pi_logits)
    }

    /// # Shapes
    /// As those of [`Rates`].
    pub(crate) fn new(
        log_mu_shifted: Tensor<2>,
        log_scale: Tensor<2>,
        theta: Option<Tensor<2>>,
        pi_logits: Option<Tensor<2>>,
    ) -> Self {
        Self {
            n_genes: log_mu_shifted.dims()[1],
            log_mu_shifted: to_vec(log_mu_shifted),
            log_scale: to_vec(log_scale),
            theta: theta.map(to_vec).unwrap_or_default(),
            pi_logits: pi_logits.map(to_vec).unwrap_or_default(),
        }
    }

    /// Adds μ e^shift of every gene of a cell, `[n_genes]`.
    pub(crate) fn add_mu(&self, row: usize, shift: f64, sums: &mut [f64]) {
        for (gene, sum) in sums.iter_mut().enumerate() {
            *sum += (self.log_mu(row, gene) + shift).exp();
        }
    }

    /// log μ of one entry, nats.
    pub(crate) fn log_mu(&self, row: usize, gene: usize) -> f64 {
        f64::from(self.log_mu_shifted[row * self.n_genes + gene]) + f64::from(self.log_scale[row])
    }

    /// The distribution of one entry.
    pub(crate) fn entry(&self, row: usize, gene: usize) -> Entry {
        let place = row * self.n_genes + gene;
        let mu = self.log_mu(row, gene).exp();
        if self.theta.is_empty() {
            return Entry::Poisson(Poisson::unchecked(mu));
        }
        let theta = f64::from(self.theta[place % self.theta.len()]);
        match self.pi_logits.get(place) {
            Some(&logit) => Entry::Zinb(Zinb::unchecked(mu, theta, f64::from(logit))),
            None => Entry::Nb(Nb::unchecked(mu, theta)),
        }
    }

    /// log p of all counts of one cell, nats; `counts` are its non-zero genes and their values.
    pub(crate) fn log_prob(&self, row: usize, (genes, values): (&[u32], &[f32])) -> f64 {
        let mut nonzero = genes.iter().zip(values).peekable();
        (0..self.n_genes)
            .map(|gene| {
                let here = nonzero.next_if(|(next, _)| **next as usize == gene);
                let y = here.map_or(0, |(_, &y)| y as u32);
                match self.entry(row, gene) {
                    Entry::Poisson(p) => p.log_prob(y),
                    Entry::Nb(p) => p.log_prob(y),
                    Entry::Zinb(p) => p.log_prob(y),
                }
            })
            .sum()
    }
}

/// The distribution of one count, whatever the likelihood.
pub(crate) enum Entry {
    Poisson(Poisson),
    Nb(Nb),
    Zinb(Zinb),
}

impl Entry {
    pub(crate) fn get(&self) -> &dyn CountDistribution {
        match self {
            Self::Poisson(p) => p,
            Self::Nb(p) => p,
            Self::Zinb(p) => p,
        }
    }
}
