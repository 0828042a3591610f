//! Means of cells as context + perturbation: the closed-form part of the model.

use std::collections::BTreeMap;

/// Means of some quantity (g, or log-normalised expression) as base(context) + shift(perturbation):
/// weighted least squares over the means of all (perturbation, context) groups, shift(control) = 0.
///
/// A shift is thus compared with control cells of the same covariates, also where the mix differs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AdditiveMeans {
    /// Width of the quantity.
    pub d: usize,
    /// `[n_contexts, d]`, row-major.
    pub base: Vec<f64>,
    /// `[n_perturbations, d]`, row-major; control's row is zero.
    pub shift: Vec<f64>,
}

/// Rounds of alternating least squares; the error falls by the share of cells outside a context each round.
const ROUNDS: usize = 50;

/// Means of groups of cells, by (perturbation, context), with the number of cells of each.
#[derive(Debug, Default)]
pub(crate) struct GroupMeans {
    groups: BTreeMap<(usize, usize), (f64, Vec<f64>)>,
}

impl GroupMeans {
    /// Adds one cell.
    pub fn add(&mut self, perturbation: usize, context: usize, value: impl Iterator<Item = f64>) {
        let group = self.groups.entry((perturbation, context)).or_default();
        group.0 += 1.0;
        for (i, v) in value.enumerate() {
            if group.1.len() <= i {
                group.1.push(0.0);
            }
            group.1[i] += v;
        }
    }
}

impl AdditiveMeans {
    /// Fits bases and shifts; `control` is the index of the control perturbation.
    pub fn fit(
        mut groups: GroupMeans,
        d: usize,
        n_perturbations: usize,
        n_contexts: usize,
        control: usize,
    ) -> Self {
        for (n, sum) in groups.groups.values_mut() {
            sum.iter_mut().for_each(|s| *s /= *n);
        }
        let mut fit =
            Self { d, base: vec![0.0; n_contexts * d], shift: vec![0.0; n_perturbations * d] };
        for _ in 0..ROUNDS {
            fit.base = weighted_rows(n_contexts, d, &groups, |(p, c)| (c, fit.shift_of(p)));
            fit.shift = weighted_rows(n_perturbations, d, &groups, |(p, c)| (p, fit.base_of(c)));
            if n_contexts == 1 {
                break;
            }
            fit.anchor_at_control(control);
        }
        fit.anchor_at_control(control);
        fit
    }

    /// Moves the constant shared by bases and shifts so that control has none of it.
    fn anchor_at_control(&mut self, control: usize) {
        let offset = self.shift_of(control).to_vec();
        for row in self.shift.chunks_exact_mut(self.d) {
            row.iter_mut().zip(&offset).for_each(|(s, o)| *s -= o);
        }
        for row in self.base.chunks_exact_mut(self.d) {
            row.iter_mut().zip(&offset).for_each(|(b, o)| *b += o);
        }
    }

    /// Mean of control cells in a context, `[d]`.
    pub fn base_of(&self, context: usize) -> &[f64] {
        &self.base[context * self.d..][..self.d]
    }

    /// Shift of a perturbation seen in training, `[d]`.
    pub fn shift_of(&self, perturbation: usize) -> &[f64] {
        &self.shift[perturbation * self.d..][..self.d]
    }
}

/// Per row the weighted mean of (group mean − the other factor's part).
fn weighted_rows<'a>(
    n_rows: usize,
    d: usize,
    groups: &GroupMeans,
    part: impl Fn((usize, usize)) -> (usize, &'a [f64]),
) -> Vec<f64> {
    let mut rows = vec![0.0; n_rows * d];
    let mut weights = vec![0.0; n_rows];
    for (&key, (n, mean)) in &groups.groups {
        let (row, other) = part(key);
        weights[row] += n;
        let out = &mut rows[row * d..][..d];
        out.iter_mut().zip(mean.iter().zip(other)).for_each(|(o, (m, x))| *o += n * (m - x));
    }
    for (row, weight) in rows.chunks_exact_mut(d.max(1)).zip(&weights) {
        if *weight > 0.0 {
            row.iter_mut().for_each(|r| *r /= weight);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unbalanced_additive_means_are_recovered() {
        // base (1, 5), shift (control 0, a 2, b -1), very unequal group sizes
        let mut groups = GroupMeans::default();
        for (p, shift) in [0.0, 2.0, -1.0].into_iter().enumerate() {
            for (c, base) in [1.0, 5.0].into_iter().enumerate() {
                for _ in 0..(1 + 7 * p * c + 3 * c) {
                    groups.add(p, c, [base + shift].into_iter());
                }
            }
        }
        let fit = AdditiveMeans::fit(groups, 1, 3, 2, 0);
        approx::assert_relative_eq!(fit.base_of(0)[0], 1.0, epsilon = 1e-6);
        approx::assert_relative_eq!(fit.base_of(1)[0], 5.0, epsilon = 1e-6);
        approx::assert_relative_eq!(fit.shift_of(1)[0], 2.0, epsilon = 1e-6);
        approx::assert_relative_eq!(fit.shift_of(2)[0], -1.0, epsilon = 1e-6);
        assert_eq!(fit.shift_of(0)[0], 0.0);
    }

    #[test]
    fn one_context_gives_plain_means() {
        let mut groups = GroupMeans::default();
        for (p, v) in [(0, 1.0), (0, 3.0), (1, 7.0)] {
            groups.add(p, 0, [v].into_iter());
        }
        let fit = AdditiveMeans::fit(groups, 1, 2, 1, 0);
        approx::assert_relative_eq!(fit.base_of(0)[0], 2.0, epsilon = 1e-12);
        approx::assert_relative_eq!(fit.shift_of(1)[0], 5.0, epsilon = 1e-12);
    }
}
