//! Cells of one method, as the metrics want them.

use pert_core::{CsrCounts, TARGET_SUM};
use pert_metrics::Rows;

use crate::Error;

/// Log-normalised profiles with the library size of each cell.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    n_genes: usize,
    /// x = log1p(10⁴ · y / Σy), `[n, n_genes]`, row-major.
    profiles: Vec<f64>,
    /// Σy, `[n]`.
    library: Vec<f64>,
}

impl Cells {
    pub fn from_counts(counts: &CsrCounts, rows: &[usize]) -> Self {
        Self {
            n_genes: counts.n_genes(),
            profiles: counts.log_normalised(rows),
            library: rows.iter().map(|&i| counts.library_size(i)).collect(),
        }
    }

    pub fn new(n_genes: usize, profiles: Vec<f64>, library: Vec<f64>) -> Self {
        Self { n_genes, profiles, library }
    }

    pub fn len(&self) -> usize {
        self.library.len()
    }

    /// The first `n` cells (all, where there are fewer).
    pub fn first(&self, n: usize) -> Self {
        let n = n.min(self.len());
        Self {
            n_genes: self.n_genes,
            profiles: self.profiles[..n * self.n_genes].to_vec(),
            library: self.library[..n].to_vec(),
        }
    }

    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            n_genes: self.n_genes,
            profiles: rows
                .iter()
                .flat_map(|&i| &self.profiles[i * self.n_genes..][..self.n_genes])
                .copied()
                .collect(),
            library: rows.iter().map(|&i| self.library[i]).collect(),
        }
    }

    /// Log-normalised profiles.
    pub fn rows(&self) -> Result<Rows<'_>, Error> {
        Ok(Rows::new(&self.profiles, self.n_genes)?)
    }

    /// Library sizes Σy, `[n]`.
    pub fn library(&self) -> &[f64] {
        &self.library
    }

    /// Mean profile, `[n_genes]`.
    pub fn mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.n_genes];
        for row in self.profiles.chunks_exact(self.n_genes) {
            mean.iter_mut().zip(row).for_each(|(m, x)| *m += x);
        }
        mean.iter_mut().for_each(|m| *m /= self.len() as f64);
        mean
    }

    /// Counts that have these profiles; whole numbers where the profiles come from counts, `[n, n_genes]`.
    pub fn counts(&self) -> Vec<f32> {
        self.profiles
            .chunks_exact(self.n_genes)
            .zip(&self.library)
            .flat_map(|(row, library)| {
                row.iter().map(move |x| (x.exp_m1() * library / TARGET_SUM) as f32)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_give_their_counts_back() {
        let dense = [3.0f32, 0.0, 1.0, 0.0, 7.0, 2.0];
        let counts = CsrCounts::from_dense(3, &dense).unwrap();
        let cells = Cells::from_counts(&counts, &[0, 1]);
        for (back, y) in cells.counts().iter().zip(dense) {
            approx::assert_relative_eq!(*back, y, max_relative = 1e-5);
        }
        assert_eq!(cells.select(&[1]).counts(), cells.counts()[3..]);
        assert_eq!(cells.first(1).len(), 1);
    }
}
