//! A predicted population, as training cells and what is added to them.

use pert_core::CsrCounts;

/// Which training cells make up a predicted population. Rows are those of the screen the baseline was fitted on.
///
/// A cell keeps the library size of the training cell it comes from.
///
/// ```
/// use pert_baselines::CellPlan;
/// use pert_core::CsrCounts;
/// let counts = CsrCounts::from_dense(2, &[1.0, 3.0])?;
/// let profile = [2500f64.ln_1p(), 7500f64.ln_1p()];
/// assert_eq!(CellPlan::Rows(vec![0]).profiles(&counts), profile);
/// let (shift, sampling_error) = (vec![-20.0, 0.75], vec![0.0, 0.25]);
/// let shifted = CellPlan::Shifted { rows: vec![0], shift, sampling_error };
/// assert_eq!(shifted.profiles(&counts), [0.0, profile[1] + 1.0]);
/// # Ok::<(), pert_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CellPlan {
    /// Copies of training cells.
    Rows(Vec<usize>),
    /// Training cells whose log-normalised profile gets a shift added, then is floored at 0.
    ///
    /// Because of the floor the mean of such a population may lie above the baseline's own mean.
    Shifted {
        /// The cells.
        rows: Vec<usize>,
        /// What is added to each so that the mean is the predicted one, `[n_genes]`.
        shift: Vec<f64>,
        /// What is added to each besides, the same for all, `[n_genes]`: a draw of what the mean of as many fresh cells would be
        /// off by. Without it the mean would be exact, as that of no sample is, and the population nearer to the real cells
        /// than other real cells are.
        sampling_error: Vec<f64>,
    },
    /// The same with one shift per stratum, such as from the control of the stratum a cell was measured in to the
    /// control of the one it is predicted for.
    Moved {
        /// The cells.
        rows: Vec<usize>,
        /// What is added, `[n_genes]` each.
        shifts: Vec<Vec<f64>>,
        /// The place in `shifts` of each cell's own; `None` for a cell copied as it is. As long as `rows`.
        shift_of: Vec<Option<usize>>,
    },
}

impl CellPlan {
    /// The rows that are copied.
    pub fn rows(&self) -> &[usize] {
        match self {
            Self::Rows(rows) | Self::Shifted { rows, .. } | Self::Moved { rows, .. } => rows,
        }
    }

    /// The log-normalised profiles of the population, `[n, n_genes]` row-major.
    ///
    /// # Panics
    /// When `counts` is not of the screen the baseline was fitted on: fewer rows, or another number of genes.
    pub fn profiles(&self, counts: &CsrCounts) -> Vec<f64> {
        let mut profiles = counts.log_normalised(self.rows());
        let cells = profiles.chunks_exact_mut(counts.n_genes().max(1));
        match self {
            Self::Rows(_) => {}
            Self::Shifted { shift, sampling_error, .. } => {
                let added: Vec<f64> =
                    shift.iter().zip(sampling_error).map(|(s, e)| s + e).collect();
                cells.for_each(|cell| add(&added, cell));
            }
            Self::Moved { shifts, shift_of, .. } => {
                for (cell, &at) in cells.zip(shift_of) {
                    at.into_iter().for_each(|at| add(&shifts[at], cell));
                }
            }
        }
        profiles
    }
}

/// Adds a shift to a profile, floored at 0.
fn add(shift: &[f64], profile: &mut [f64]) {
    assert_eq!(shift.len(), profile.len(), "a shift has one value per gene");
    profile.iter_mut().zip(shift).for_each(|(x, s)| *x = (*x + s).max(0.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifted_profiles_are_floored_at_zero() {
        let counts = CsrCounts::from_dense(2, &[1.0, 0.0, 0.0, 1.0]).unwrap();
        let l = 1e4f64.ln_1p();
        assert_eq!(CellPlan::Rows(vec![1, 0]).profiles(&counts), [0.0, l, l, 0.0]);
        let (shift, sampling_error) = (vec![-1.5, -1.0], vec![0.5, 0.0]);
        let plan = CellPlan::Shifted { rows: vec![0], shift, sampling_error };
        assert_eq!(plan.profiles(&counts), [l - 1.0, 0.0]);
        assert_eq!(plan.rows(), [0]);
        let plan = CellPlan::Moved {
            rows: vec![0, 1, 1],
            shifts: vec![vec![1.0, 2.0], vec![-20.0, 0.0]],
            shift_of: vec![Some(0), None, Some(1)],
        };
        assert_eq!(plan.profiles(&counts), [l + 1.0, 2.0, 0.0, l, 0.0, l]);
        assert_eq!(plan.rows(), [0, 1, 1]);
    }
}
