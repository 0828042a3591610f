//! Ridge regression from the embedding of perturbations to their shifts.

use std::sync::Arc;

use pert_core::{ChaCha8Rng, Perturbation};
use pert_metrics::{Rows, column_means, matrix_product, product_with_transpose, symmetric_eigen};

use crate::baseline::Baseline;
use crate::centred::centred;
use crate::kernel_ridge::{KernelRidgeConfig, inverse};
use crate::{CellPlan, Embedding, Error, Target, TrainingSummary};

/// `ridge`: the matched control plus f(p), f the ridge regression from the [`Embedding`] to the shifts δ_p of the
/// training perturbations; cells are control cells of the target's strata with f(p) added.
///
/// f(p) = δ̄ + Bᵀ(x_p − x̄), B = (XᵀX + λI)⁻¹ XᵀD, with X and D the vectors and shifts of the training perturbations
/// less their means x̄ and δ̄: the intercept is not penalised. λ is that of 13 values from 0.003 to 100
/// ([`KernelRidgeConfig`]) with the least squared error when each perturbation is left out in turn, means recomputed
/// without it; in closed form rᵢ = (G⁻¹D)ᵢ / ((G⁻¹)ᵢᵢ − 1/(nλ)), G = XXᵀ + λI. Equal errors go to the larger λ.
/// Source: Hoerl & Kennard 1970; leave-one-out: Allen 1974.
///
/// Where [`KernelRidgeBaseline`](crate::KernelRidgeBaseline) takes perturbations without features to a centre, this is
/// plain regression: x̄ is where the mean shift is predicted. It covers the perturbations that have a vector, and
/// control, which has no shift.
///
/// ```
/// use pert_baselines::{Baseline, Embedding, Ridge, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let (a, b, pair) = (perturbation("A")?, perturbation("B")?, perturbation("A+B")?);
/// let vectors = [(a, vec![1.0]), (b, vec![3.0]), (pair.clone(), vec![2.0])];
/// let ridge = Ridge::fit(&summary, Embedding::from_vectors(vectors)?)?;
/// // Half-way between A and B lies their mean.
/// let mean = ridge.mean(&summary.target(&pair, &[6]));
/// assert!((0..2).all(|gene| (mean[gene] - summary.perturbed_mean()[gene]).abs() < 1e-12));
/// assert!(ridge.lambda() <= 100.0 + 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ridge<'a> {
    summary: &'a TrainingSummary<'a>,
    embedding: Arc<Embedding>,
    /// x̄.
    mean_vector: Vec<f64>,
    /// X, `[n_perturbations, d]`.
    vectors: Vec<f64>,
    /// δ̄.
    mean_shift: Vec<f64>,
    /// G⁻¹D, `[n_perturbations, n_genes]`.
    dual: Vec<f64>,
    lambda: f64,
    leave_one_out_mse: f64,
}

impl<'a> Ridge<'a> {
    /// Fits on the training perturbations, each counted once.
    ///
    /// # Errors
    /// [`Error::TooFewPerturbations`] below two, [`Error::MissingFeatures`] where a training perturbation has no
    /// vector.
    pub fn fit(
        summary: &'a TrainingSummary<'a>,
        embedding: impl Into<Arc<Embedding>>,
    ) -> Result<Self, Error> {
        let embedding = embedding.into();
        let n = summary.perturbations().len();
        if n < 2 {
            return Err(Error::TooFewPerturbations { needed: 2, found: n });
        }
        let given = embedding.training(summary)?;
        let given = Rows::new(&given, embedding.d())?;
        let (vectors, mean_vector) = (centred(given), column_means(given));
        let shifts = summary.training_shifts();
        let shifts = Rows::new(&shifts, summary.control_mean().len())?;
        let (responses, mean_shift) = (centred(shifts), column_means(shifts));
        let x = Rows::new(&vectors, embedding.d())?;
        let responses = Rows::new(&responses, shifts.n_columns())?;
        let eigen = symmetric_eigen(&product_with_transpose(x, x), n)?;
        let products = product_with_transpose(responses, responses);
        let n_values = (n * shifts.n_columns()) as f64;
        let mut best: Option<(f64, f64)> = None;
        let mut lambdas = KernelRidgeConfig::default().lambdas;
        lambdas.sort_by(|a, b| b.total_cmp(a));
        for lambda in lambdas {
            let squares = left_out_squares(&inverse(&eigen, lambda)?, &products, lambda)?;
            let error = squares.iter().sum::<f64>() / n_values;
            if best.is_none_or(|(least, _)| error < least) {
                best = Some((error, lambda));
            }
        }
        let (leave_one_out_mse, lambda) = best.expect("the grid holds penalties");
        let dual = matrix_product(Rows::new(&inverse(&eigen, lambda)?, n)?, responses);
        Ok(Self {
            summary,
            embedding,
            mean_vector,
            vectors,
            mean_shift,
            dual,
            lambda,
            leave_one_out_mse,
        })
    }

    /// The penalty chosen, on the scale of the embedding's squared norms.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// Its squared error when each perturbation is left out, mean over perturbations and genes.
    pub fn leave_one_out_mse(&self) -> f64 {
        self.leave_one_out_mse
    }

    fn shift(&self, p: &Perturbation) -> Option<Vec<f64>> {
        if p.is_control() {
            return self.summary.shift_of(p);
        }
        let vector = self.embedding.vector(p)?;
        let away: Vec<f64> = vector.iter().zip(&self.mean_vector).map(|(x, m)| x - m).collect();
        let mut shift = self.mean_shift.clone();
        let rows = self.vectors.chunks_exact(away.len());
        for (row, dual) in rows.zip(self.dual.chunks_exact(shift.len())) {
            let product: f64 = row.iter().zip(&away).map(|(a, b)| a * b).sum();
            shift.iter_mut().zip(dual).for_each(|(s, v)| *s += product * v);
        }
        Some(shift)
    }
}

/// ‖rᵢ‖² of each perturbation, from G⁻¹ and the inner products of the centred shifts.
fn left_out_squares(inverse: &[f64], products: &[f64], lambda: f64) -> Result<Vec<f64>, Error> {
    let n = inverse.len().isqrt();
    // Centred rows are orthogonal to 1, so 1 is an eigenvector of G with eigenvalue λ: it is the intercept's share.
    let intercept = 1.0 / (n as f64 * lambda);
    let without: Vec<f64> = inverse.iter().map(|v| v - intercept).collect();
    let times_products = matrix_product(Rows::new(&without, n)?, Rows::new(products, n)?);
    let squares = without.chunks_exact(n).zip(times_products.chunks_exact(n)).enumerate();
    Ok(squares
        .map(|(i, (row, by_products))| {
            let squared: f64 = row.iter().zip(by_products).map(|(a, b)| a * b).sum();
            squared.max(0.0) / (row[i] * row[i])
        })
        .collect())
}

impl Baseline for Ridge<'_> {
    fn name(&self) -> &'static str {
        "ridge"
    }

    fn covers(&self, target: &Target) -> bool {
        let p = target.perturbation();
        p.is_control() || self.embedding.vector(p).is_some()
    }

    fn mean(&self, target: &Target) -> Vec<f64> {
        self.summary.shifted_mean(target, self.shift(target.perturbation()))
    }

    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        self.summary.shifted_cells(target, self.shift(target.perturbation()), n, rng)
    }
}
