//! Kernel ridge regression whose kernel and penalty are chosen by leaving out groups, such as all variants of a position.
//!
//! `pert_baselines::KernelRidge` leaves out one perturbation at a time: beside a held-out variant eighteen others of its position
//! would stay, and the penalty come out far too small for positions never seen.

use pert_prior::metrics::{
    Error, Rows, column_means, matrix_product, product_of_transpose, product_with_transpose,
    symmetric_eigen,
};

/// How alike two items are, by their places; the mean of k(i, i) should be about 1.
pub type Kernel<'a> = Box<dyn Fn(usize, usize) -> f64 + 'a>;

/// Widths of the Gaussian kernels tried, as shares of the mean squared distance.
const WIDTHS: [f64; 2] = [0.5, 1.0];

/// Gaussian kernels of several widths, of squared distances `[n, n]`.
pub fn gaussians(distances: &[f64], n: usize) -> Vec<Kernel<'_>> {
    let kernel =
        |width: f64| -> Kernel<'_> { Box::new(move |i, j| (-distances[i * n + j] / width).exp()) };
    WIDTHS.into_iter().map(kernel).collect()
}

/// Responses of items, and which of them are left out together.
pub struct Problem {
    /// `[n, d]` row-major.
    pub targets: Vec<f64>,
    pub d: usize,
    /// Of each item.
    pub groups: Vec<usize>,
    /// The most coordinates that a kernel is resolved into.
    pub max_rank: usize,
}

/// Ridge penalties, for kernels whose mean diagonal is 1.
const LAMBDAS: [f64; 7] = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];

/// Parts of the training groups, each left out once.
const INNER_FOLDS: usize = 3;

/// The most columns of the targets by which is chosen: evenly spaced ones tell as much as a thousand that are alike.
const CHOSEN_BY: usize = 100;

/// Of the kernel's trace over the training items what may be left unresolved.
const UNRESOLVED: f64 = 1e-6;

impl Problem {
    /// Part k of `n` as those left out, the others first: of the groups in ascending order the k-th, the (k + n)-th and so on.
    pub fn parts(&self, items: &[usize], k: usize, n: usize) -> (Vec<usize>, Vec<usize>) {
        let mut groups: Vec<usize> = items.iter().map(|&i| self.groups[i]).collect();
        groups.sort_unstable();
        groups.dedup();
        let stays =
            |i: &usize| groups.binary_search(&self.groups[*i]).is_ok_and(|place| place % n != k);
        items.iter().copied().partition(stays)
    }

    /// Inner training and left-out items of a training set, one pair per inner fold.
    pub fn inner(&self, training: &[usize]) -> Vec<(Vec<usize>, Vec<usize>)> {
        (0..INNER_FOLDS).map(|k| self.parts(training, k, INNER_FOLDS)).collect()
    }

    /// The same items with no more targets than are needed to choose by.
    pub fn to_choose_by(&self) -> Self {
        let step = self.d.div_ceil(CHOSEN_BY);
        let rows = self.targets.chunks_exact(self.d);
        Self {
            targets: rows.flat_map(|row| row.iter().step_by(step)).copied().collect(),
            d: self.d.div_ceil(step),
            groups: self.groups.clone(),
            max_rank: self.max_rank,
        }
    }

    /// Rows of the targets.
    pub fn rows(&self, items: &[usize]) -> Vec<f64> {
        items.iter().flat_map(|&i| &self.targets[i * self.d..][..self.d]).copied().collect()
    }
}

/// Predictions for `asked`, `[asked.len(), d]`, by the kernel and penalty with the least squared error over the inner folds.
pub fn predict(
    problem: &Problem,
    kernels: &[Kernel<'_>],
    training: &[usize],
    asked: &[usize],
) -> Result<Vec<f64>, Error> {
    let few = problem.to_choose_by();
    let inner = problem.inner(training);
    let mut best = (f64::INFINITY, 0, 0);
    for (place, kernel) in kernels.iter().enumerate() {
        let mut errors = [0.0; LAMBDAS.len()];
        for (kept, left_out) in &inner {
            let path = Path::fit(&few, kernel, kept, left_out)?;
            let wanted = few.rows(left_out);
            for (error, lambda) in errors.iter_mut().zip(LAMBDAS) {
                let found = path.at(lambda)?;
                *error += found.iter().zip(&wanted).map(|(f, w)| (f - w).powi(2)).sum::<f64>();
            }
        }
        for (which, &error) in errors.iter().enumerate() {
            if error < best.0 {
                best = (error, place, which);
            }
        }
    }
    Path::fit(problem, &kernels[best.1], training, asked)?.at(LAMBDAS[best.2])
}

/// Predictions at any penalty.
struct Path {
    mean: Vec<f64>,
    /// Ascending.
    eigenvalues: Vec<f64>,
    /// Of those asked, along the eigenvectors, `[n_asked, rank]`.
    asked: Vec<f64>,
    /// Of the centred targets, `[rank, d]`.
    targets: Vec<f64>,
}

impl Path {
    fn fit(
        problem: &Problem,
        kernel: &Kernel<'_>,
        training: &[usize],
        asked: &[usize],
    ) -> Result<Self, Error> {
        let (features, of_asked, rank) = coordinates(kernel, training, asked, problem.max_rank);
        let targets = problem.rows(training);
        let mean = column_means(Rows::new(&targets, problem.d)?);
        let centred: Vec<f64> = targets
            .chunks_exact(problem.d)
            .flat_map(|row| row.iter().zip(&mean).map(|(t, m)| t - m))
            .collect();
        let features = Rows::new(&features, rank)?;
        let eigen = symmetric_eigen(&product_of_transpose(features, features), rank)?;
        let vectors = Rows::new(&eigen.vectors, rank)?;
        let products = product_of_transpose(features, Rows::new(&centred, problem.d)?);
        Ok(Self {
            mean,
            asked: product_with_transpose(Rows::new(&of_asked, rank)?, vectors),
            targets: matrix_product(vectors, Rows::new(&products, problem.d)?),
            eigenvalues: eigen.values,
        })
    }

    fn at(&self, lambda: f64) -> Result<Vec<f64>, Error> {
        let rank = self.eigenvalues.len();
        let mut shrunk = self.asked.clone();
        for row in shrunk.chunks_exact_mut(rank) {
            row.iter_mut().zip(&self.eigenvalues).for_each(|(v, e)| *v /= e.max(0.0) + lambda);
        }
        let d = self.mean.len();
        let mut found = matrix_product(Rows::new(&shrunk, rank)?, Rows::new(&self.targets, d)?);
        for row in found.chunks_exact_mut(d) {
            row.iter_mut().zip(&self.mean).for_each(|(f, m)| *f += m);
        }
        Ok(found)
    }
}

/// Coordinates φ of training items and of others with φ(i)·φ(j) = k(i, j), up to what is left unresolved: the pivoted partial
/// Cholesky decomposition (Bach & Jordan 2005), pivots among the training items only.
fn coordinates(
    kernel: &Kernel<'_>,
    training: &[usize],
    others: &[usize],
    max_rank: usize,
) -> (Vec<f64>, Vec<f64>, usize) {
    let items: Vec<usize> = training.iter().chain(others).copied().collect();
    let max_rank = max_rank.min(training.len());
    // By pivots, `[rank][items]`: every pivot adds to all items.
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(max_rank);
    let mut left: Vec<f64> = training.iter().map(|&i| kernel(i, i)).collect();
    let trace: f64 = left.iter().sum();
    while columns.len() < max_rank && left.iter().sum::<f64>() > UNRESOLVED * trace {
        let Some(pivot) = (0..left.len()).max_by(|&a, &b| left[a].total_cmp(&left[b])) else {
            break;
        };
        let root = left[pivot].sqrt();
        let mut column: Vec<f64> = items.iter().map(|&i| kernel(i, training[pivot])).collect();
        for before in &columns {
            let weight = before[pivot];
            column.iter_mut().zip(before).for_each(|(c, b)| *c -= weight * b);
        }
        column.iter_mut().for_each(|c| *c /= root);
        left.iter_mut().zip(&column).for_each(|(l, c)| *l = (*l - c * c).max(0.0));
        left[pivot] = 0.0;
        columns.push(column);
    }
    let rows = |from: usize, to: usize| {
        (from..to).flat_map(|i| columns.iter().map(move |column| column[i])).collect()
    };
    (rows(0, training.len()), rows(training.len(), items.len()), columns.len())
}
