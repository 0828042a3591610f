//! What methods say of held-out items, and how they compare.

use pert_prior::metrics::{average_ranks, pearson, spearman, wilcoxon_signed_rank};

/// Predictions by method, in the order in which methods came.
pub struct Predictions {
    n_values: usize,
    methods: Vec<(&'static str, Vec<f64>)>,
}

/// The scores of all methods and a number per pair, lower is better, by which they are compared.
pub struct Score {
    pub name: &'static str,
    pub of_method: Vec<(&'static str, f64, Vec<f64>)>,
}

impl Predictions {
    pub fn new(n_values: usize) -> Self {
        Self { n_values, methods: Vec::new() }
    }

    pub fn put(&mut self, method: &'static str, items: &[usize], values: Vec<f64>) {
        self.put_rows(method, items, 1, values);
    }

    pub fn put_rows(&mut self, method: &'static str, items: &[usize], d: usize, values: Vec<f64>) {
        if !self.methods.iter().any(|(name, _)| *name == method) {
            self.methods.push((method, vec![f64::NAN; self.n_values]));
        }
        for (name, all) in &mut self.methods {
            if *name == method {
                for (&item, row) in items.iter().zip(values.chunks_exact(d)) {
                    all[item * d..][..d].copy_from_slice(row);
                }
            }
        }
    }

    /// Spearman's ρ = 1 − 6 Σ d² / (n³ − n); the pairs are groups, compared by their mean d².
    pub fn by_rank(&self, truth: &[f64], groups: &[usize]) -> Score {
        let ranks = average_ranks(truth);
        let of = |values: &[f64]| {
            let mut of_group = std::collections::BTreeMap::<usize, (f64, f64)>::new();
            for ((a, b), group) in average_ranks(values).iter().zip(&ranks).zip(groups) {
                let (sum, n) = of_group.entry(*group).or_default();
                (*sum, *n) = (*sum + (a - b).powi(2), *n + 1.0);
            }
            (spearman(values, truth), of_group.into_values().map(|(sum, n)| sum / n).collect())
        };
        self.score("Spearman", of)
    }

    /// The mean over rows of Pearson's correlation; the pairs are rows.
    pub fn by_correlation(&self, truth: &[f64], d: usize) -> Score {
        self.score("Pearson", |values| {
            let rows = values.chunks_exact(d).zip(truth.chunks_exact(d));
            let of_row: Vec<f64> = rows.map(|(found, real)| -pearson(found, real)).collect();
            (-of_row.iter().sum::<f64>() / of_row.len() as f64, of_row)
        })
    }

    /// 1 − Σ (y − ŷ)² / Σ y² over all rows; the pairs are rows, compared by their squared error.
    pub fn by_variance(&self, truth: &[f64], d: usize) -> Score {
        let total: f64 = truth.iter().map(|y| y * y).sum();
        self.score("R² against zero", |values| {
            let rows = values.chunks_exact(d).zip(truth.chunks_exact(d));
            let of_row: Vec<f64> = rows
                .map(|(found, real)| found.iter().zip(real).map(|(f, r)| (f - r).powi(2)).sum())
                .collect();
            (1.0 - of_row.iter().sum::<f64>() / total, of_row)
        })
    }

    fn score(&self, name: &'static str, of: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> Score {
        let of_method = self.methods.iter().map(|(method, values)| {
            let (score, losses) = of(values);
            (*method, score, losses)
        });
        Score { name, of_method: of_method.collect() }
    }
}

impl Score {
    pub fn value(&self, method: &str) -> Option<f64> {
        self.of_method.iter().find(|(name, ..)| *name == method).map(|(_, value, _)| *value)
    }

    /// The baseline with the best score, the share of pairs on which ours is better than it, the rank-biserial effect and the
    /// two-sided p of the signed-rank test.
    pub fn against_best(&self, baselines: &[&str]) -> Option<(&'static str, f64, f64, f64)> {
        let ours = self.of_method.iter().find(|(name, ..)| *name == "ours")?;
        let best = self
            .of_method
            .iter()
            .filter(|(name, value, _)| baselines.contains(name) && !value.is_nan())
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        let gains: Vec<f64> = best.2.iter().zip(&ours.2).map(|(b, o)| b - o).collect();
        let better = gains.iter().filter(|gain| **gain > 0.0).count() as f64 / gains.len() as f64;
        let test = wilcoxon_signed_rank(&gains)?;
        Some((best.0, better, test.effect_size, test.p_value))
    }
}
