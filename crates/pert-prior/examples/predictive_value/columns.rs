//! Columns of numbers scaled by training items alone, and kernels of them.

/// Rows in which every column has mean 0 and variance 1 over the training items; a constant one is 0.
pub struct Columns {
    values: Vec<f64>,
    width: usize,
}

impl Columns {
    /// The columns of `rows` (`[n, dim]`) that `wanted` names.
    pub fn scaled(rows: &[f64], dim: usize, wanted: &[usize], training: &[usize]) -> Self {
        let width = wanted.len();
        let mut values = vec![0.0; rows.len() / dim * width];
        for (to, &from) in wanted.iter().enumerate() {
            let of = |i: usize| rows[i * dim + from];
            let n = training.len() as f64;
            let mean = training.iter().map(|&i| of(i)).sum::<f64>() / n;
            let variance = training.iter().map(|&i| (of(i) - mean).powi(2)).sum::<f64>() / n;
            if variance > f64::EPSILON * mean * mean {
                let deviation = variance.sqrt();
                for (i, row) in values.chunks_exact_mut(width).enumerate() {
                    row[to] = (of(i) - mean) / deviation;
                }
            }
        }
        Self { values, width }
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.width..][..self.width]
    }

    /// Inner product over the number of columns: the kernel of ridge regression, with mean diagonal 1.
    pub fn linear(&self, i: usize, j: usize) -> f64 {
        self.row(i).iter().zip(self.row(j)).map(|(a, b)| a * b).sum::<f64>() / self.width as f64
    }

    /// Squared distances of all pairs, `[n, n]`, as shares of their expectation: 2 per scaled column.
    pub fn distances(&self) -> Result<Vec<f64>, pert_prior::metrics::Error> {
        let rows = pert_prior::metrics::Rows::new(&self.values, self.width)?;
        let mut products = pert_prior::metrics::product_with_transpose(rows, rows);
        let n = rows.n_rows();
        let squares: Vec<f64> = (0..n).map(|i| products[i * n + i]).collect();
        for (row, a) in products.chunks_exact_mut(n).zip(&squares) {
            for (product, b) in row.iter_mut().zip(&squares) {
                *product = (a + b - 2.0 * *product).max(0.0) / (2 * self.width) as f64;
            }
        }
        Ok(products)
    }
}
