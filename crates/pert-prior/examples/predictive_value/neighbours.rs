//! The mean of the nearest, their number chosen by leaving out groups.

use crate::kernel_ridge::{Kernel, Problem};

/// Numbers of neighbours, ascending.
const NUMBERS: [usize; 5] = [5, 10, 20, 40, 80];

/// Added to a similarity, so that neighbours without any still have a mean.
const LEAST_WEIGHT: f64 = 1e-9;

/// Predictions for `asked`, `[asked.len(), d]`: means of the targets of the most alike training items, weighted by similarity.
pub fn predict(
    problem: &Problem,
    alike: &Kernel<'_>,
    training: &[usize],
    asked: &[usize],
) -> Vec<f64> {
    let few = problem.to_choose_by();
    let mut errors = [0.0; NUMBERS.len()];
    for (kept, left_out) in problem.inner(training) {
        let near = neighbours(alike, &kept, &left_out);
        let wanted = few.rows(&left_out);
        for (error, k) in errors.iter_mut().zip(NUMBERS) {
            let found = means(&few, &near, k);
            *error += found.iter().zip(&wanted).map(|(f, w)| (f - w).powi(2)).sum::<f64>();
        }
    }
    let best = errors.iter().zip(NUMBERS).min_by(|a, b| a.0.total_cmp(b.0));
    means(problem, &neighbours(alike, training, asked), best.map_or(NUMBERS[0], |(_, k)| k))
}

/// The training items of each of those asked with their similarity, the most alike first, as many as are ever needed.
fn neighbours(alike: &Kernel<'_>, training: &[usize], asked: &[usize]) -> Vec<Vec<(f64, usize)>> {
    let of = |&i: &usize| {
        let mut near: Vec<(f64, usize)> = training.iter().map(|&j| (alike(i, j), j)).collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        near.truncate(NUMBERS[NUMBERS.len() - 1]);
        near
    };
    asked.iter().map(of).collect()
}

fn means(problem: &Problem, near: &[Vec<(f64, usize)>], k: usize) -> Vec<f64> {
    let mut found = Vec::with_capacity(near.len() * problem.d);
    for near in near {
        let near = &near[..k.min(near.len())];
        let total: f64 = near.iter().map(|(weight, _)| weight + LEAST_WEIGHT).sum();
        let mut mean = vec![0.0; problem.d];
        for (weight, j) in near {
            let share = (weight + LEAST_WEIGHT) / total;
            let row = &problem.targets[j * problem.d..][..problem.d];
            mean.iter_mut().zip(row).for_each(|(m, t)| *m += share * t);
        }
        found.extend(mean);
    }
    found
}
