//! Cells as the network reads them.

use burn::tensor::{Device, Tensor};
use pert_core::CsrCounts;
use pert_nn::ops::SparseCounts;
use statrs::function::gamma::ln_gamma;

use crate::network::matrix;

/// Counts below this are looked up instead of computed: nearly all of them, in single cells.
const TABLE_SIZE: usize = 1024;

/// log1p(y) and log Γ(y+1) + y for small counts.
#[derive(Debug, Clone)]
pub(crate) struct CountTables {
    log1p: Vec<f32>,
    constant: Vec<f64>,
}

impl CountTables {
    pub(crate) fn new() -> Self {
        let counts = || (0..TABLE_SIZE).map(|y| y as f64);
        Self { log1p: counts().map(log1p).collect(), constant: counts().map(constant).collect() }
    }

    fn log1p(&self, y: f32) -> f32 {
        self.log1p.get(y as usize).copied().unwrap_or_else(|| log1p(f64::from(y)))
    }

    fn constant(&self, y: f32) -> f64 {
        self.constant.get(y as usize).copied().unwrap_or_else(|| constant(f64::from(y)))
    }
}

fn log1p(y: f64) -> f32 {
    y.ln_1p() as f32
}

/// What the likelihoods of [`pert_nn::ops`] leave out of −log p(y).
fn constant(y: f64) -> f64 {
    ln_gamma(y + 1.0) + y
}

/// The counts of some cells on a device.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Number of cells.
    pub(crate) n: usize,
    /// log1p(y), `[n, n_genes]`.
    pub(crate) x: Tensor<2>,
    /// log Σy, `[n, 1]`.
    pub(crate) log_total: Tensor<2>,
    /// The non-zero counts.
    pub(crate) sparse: SparseCounts,
    /// Σ [log Γ(y+1) + y] over the batch.
    pub(crate) constant: f64,
}

impl Batch {
    pub(crate) fn new(
        counts: &CsrCounts,
        cells: &[usize],
        tables: &CountTables,
        device: &Device,
    ) -> Self {
        let (n, n_genes) = (cells.len(), counts.n_genes());
        let n_nonzero = cells.iter().map(|&cell| counts.row(cell).0.len()).sum();
        let mut x = vec![0.0; n * n_genes];
        let mut log_total = Vec::with_capacity(n);
        let (mut places, mut values) =
            (Vec::with_capacity(n_nonzero), Vec::with_capacity(n_nonzero));
        let mut constant = 0.0;
        for (row, &cell) in cells.iter().enumerate() {
            let (genes, ys) = counts.row(cell);
            let mut total = 0.0;
            for (&gene, &y) in genes.iter().zip(ys) {
                let place = row * n_genes + gene as usize;
                x[place] = tables.log1p(y);
                places.push(place as i32);
                constant += tables.constant(y);
                total += f64::from(y);
            }
            values.extend_from_slice(ys);
            log_total.push(total.ln() as f32);
        }
        Self {
            n,
            x: matrix(x, n, device),
            log_total: matrix(log_total, n, device),
            sparse: SparseCounts::new(n_genes, places, values, device),
            constant,
        }
    }
}
