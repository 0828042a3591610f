//! What a model is given beside the counts.

use pert_core::CsrCounts;

use crate::config::VaeConfig;
use crate::error::Error;

/// Largest magnitude of a condition or of a gene's log scale: far beyond any embedding, and its square, which layer norm
/// takes, is far below what f32 holds.
pub(crate) const LARGEST_CONDITION: f64 = 1e6;

/// What [`check_bounded`] expects.
const BOUNDED: &str = "a finite number of magnitude up to 10⁶";

/// What the encoder and the generator are conditioned on; one row per cell, row-major, of magnitude up to 10⁶.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::{CsrCounts, seeded_rng};
/// use pert_decoder::{Conditions, Vae, VaeConfig};
/// let config = VaeConfig { d_cell: 2, ..VaeConfig::new(3, 4) };
/// let vae = Vae::untrained(config, &mut seeded_rng(0, "weights"), &Device::default())?;
/// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0])?;
/// let given = Conditions { cell: Some(&[0.5, -1.0]), covariate: None };
/// assert_eq!(vae.encode(&counts, &[0], given)?.len(), 4);
/// // One number is no embedding of width 2.
/// let narrow = Conditions { cell: Some(&[0.5]), covariate: None };
/// assert!(vae.encode(&counts, &[0], narrow).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions<'a> {
    /// Cell embeddings g, `[n, d_cell]`; `None`: the learned null for every cell (never in training).
    pub cell: Option<&'a [f32]>,
    /// One-hot covariates, `[n, d_covariate]`.
    pub covariate: Option<&'a [f32]>,
}

/// What a model is trained with beside the counts; one row per training cell, in the order of `cells`.
///
/// ```
/// use pert_decoder::VaeInputs;
/// // Three cells without conditions: two of perturbation 0, one of perturbation 1.
/// let inputs = VaeInputs { cell: None, covariate: None, library_group: &[0, 0, 1], n_groups: 2 };
/// assert!(inputs.conditions().cell.is_none());
/// assert!(inputs.library_group.iter().all(|&group| group < inputs.n_groups));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct VaeInputs<'a> {
    /// Cell embeddings g, `[n, d_cell]`; needed when the model has a `d_cell`.
    pub cell: Option<&'a [f32]>,
    /// One-hot covariates, `[n, d_covariate]`; needed when the model has a `d_covariate`.
    pub covariate: Option<&'a [f32]>,
    /// The group (perturbation) whose library prior p(l|p) is the cell's, `[n]`, each below `n_groups`.
    pub library_group: &'a [usize],
    /// Number of groups.
    pub n_groups: usize,
}

impl<'a> VaeInputs<'a> {
    /// The part that encoder and generator see.
    pub fn conditions(&self) -> Conditions<'a> {
        Conditions { cell: self.cell, covariate: self.covariate }
    }
}

impl<'a> Conditions<'a> {
    /// Checks widths and values for `n` cells.
    pub(crate) fn check(&self, config: &VaeConfig, n: usize) -> Result<(), Error> {
        check_matrix("the cell embedding", self.cell, n, config.d_cell)?;
        check_matrix("the covariates", self.covariate, n, config.d_covariate)?;
        if self.covariate.is_none() && config.d_covariate > 0 {
            return Err(Error::MissingCondition { what: "covariate", width: config.d_covariate });
        }
        Ok(())
    }

    /// As [`Conditions::check`], and g must be given where the model has one.
    pub(crate) fn check_training(&self, config: &VaeConfig, n: usize) -> Result<(), Error> {
        self.check(config, n)?;
        if self.cell.is_none() && config.d_cell > 0 {
            return Err(Error::MissingCondition { what: "cell embedding", width: config.d_cell });
        }
        Ok(())
    }

    /// The chosen rows, copied.
    pub(crate) fn rows(&self, config: &VaeConfig, rows: &[usize]) -> OwnedConditions {
        let take = |matrix: Option<&[f32]>, width: usize| {
            matrix.filter(|_| width > 0).map(|matrix| {
                rows.iter().flat_map(|&row| &matrix[row * width..][..width]).copied().collect()
            })
        };
        OwnedConditions {
            cell: take(self.cell, config.d_cell),
            covariate: take(self.covariate, config.d_covariate),
        }
    }
}

/// Rows of [`Conditions`], copied into a batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnedConditions {
    pub(crate) cell: Option<Vec<f32>>,
    pub(crate) covariate: Option<Vec<f32>>,
}

fn check_matrix(
    what: &'static str,
    matrix: Option<&[f32]>,
    rows: usize,
    width: usize,
) -> Result<(), Error> {
    let Some(matrix) = matrix else { return Ok(()) };
    if matrix.len() != rows * width {
        let (expected, found) = (rows * width, matrix.len());
        return Err(Error::WrongLength { what, expected, rows, width, found });
    }
    check_bounded(what, matrix.iter().copied().map(f64::from))
}

/// Names the first value that is not finite or too large.
pub(crate) fn check_bounded(
    what: &'static str,
    values: impl IntoIterator<Item = f64>,
) -> Result<(), Error> {
    check_values(what, values, BOUNDED, |x| x.abs() <= LARGEST_CONDITION)
}

/// Names the first value that `is_good` refuses.
pub(crate) fn check_values(
    what: &'static str,
    values: impl IntoIterator<Item = f64>,
    expected: &'static str,
    is_good: impl Fn(f64) -> bool,
) -> Result<(), Error> {
    match values.into_iter().enumerate().find(|(_, value)| !is_good(*value)) {
        Some((index, value)) => Err(Error::InvalidValue { what, index, value, expected }),
        None => Ok(()),
    }
}

/// Checks that the chosen cells exist, have counts, and that the genes are as many as the model's.
pub(crate) fn check_cells(
    n_genes: usize,
    counts: &CsrCounts,
    cells: &[usize],
) -> Result<(), Error> {
    if counts.n_genes() != n_genes {
        return Err(Error::GeneMismatch { expected: n_genes, found: counts.n_genes() });
    }
    for &cell in cells {
        if cell >= counts.n_cells() {
            return Err(Error::CellOutOfRange { cell, n_cells: counts.n_cells() });
        }
        if counts.row(cell).0.is_empty() {
            return Err(Error::ZeroCountCell { cell });
        }
    }
    Ok(())
}

/// Checks one library group per cell.
pub(crate) fn check_groups(groups: &[usize], n: usize, n_groups: usize) -> Result<(), Error> {
    if groups.len() != n {
        let (what, found) = ("the library groups", groups.len());
        return Err(Error::WrongLength { what, expected: n, rows: n, width: 1, found });
    }
    match groups.iter().enumerate().find(|(_, group)| **group >= n_groups) {
        Some((index, &group)) => Err(Error::GroupOutOfRange { group, index, n_groups }),
        None => Ok(()),
    }
}
