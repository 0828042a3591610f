//! What a prior is trained on.

use crate::denoiser::DenoiserShape;
use crate::error::Error;

/// Training rows; many rows share few conditions.
///
/// ```
/// use pert_diffusion::TrainingData;
/// // Three cells in two dimensions: two under the first condition, one under the second.
/// let data = TrainingData {
///     x: &[0.1, 0.2, 0.0, 0.3, 5.0, 5.1],
///     d: 2,
///     conditions: &[1.0, 0.0, 0.0, 1.0],
///     d_cond: 2,
///     condition_of: &[0, 0, 1],
///     ..Default::default() // neither tokens nor covariates
/// };
/// assert_eq!(data.x.len(), data.condition_of.len() * data.d);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TrainingData<'a> {
    /// Rows, `[n, d]` row-major, in their own units (they are standardised here).
    pub x: &'a [f32],
    /// Width of the rows.
    pub d: usize,
    /// Conditions, `[n_conditions, d_cond]` row-major. They are not standardised, unlike `x`: bring every column to
    /// the order of 1.
    pub conditions: &'a [f32],
    /// Width of the conditions.
    pub d_cond: usize,
    /// Row of `conditions` that belongs to each of the n rows.
    pub condition_of: &'a [usize],
    /// Perturbation tokens beside the pooled conditions, a set for each of them; only a transformer reads them.
    pub tokens: Option<TokenSets<'a>>,
    /// Covariates apart from the conditions, a row for each of them. They may be dropped apart from the perturbation, and
    /// guidance leaves them in place; covariates for which that does not matter can be columns of `conditions`.
    pub covariates: Option<Covariates<'a>>,
}

/// Perturbation tokens of a table of conditions.
///
/// ```
/// use pert_diffusion::TokenSets;
/// // The genes A = (1, 0) and B = (0, 1), and the pair of both.
/// let tokens = TokenSets { sets: &[&[1.0, 0.0], &[0.0, 1.0], &[1.0, 0.0, 0.0, 1.0]], d_token: 2 };
/// assert!(tokens.sets.iter().all(|set| set.len() % tokens.d_token == 0));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TokenSets<'a> {
    /// The set of every condition, `[n_tokens_of_it, d_token]` row-major, in any order, at least one token each.
    pub sets: &'a [&'a [f32]],
    /// Width of the tokens, at least 1.
    pub d_token: usize,
}

/// Covariates of a table of conditions.
///
/// ```
/// use pert_diffusion::Covariates;
/// // Two conditions, in the first and the second of two batches.
/// let covariates = Covariates { values: &[1.0, 0.0, 0.0, 1.0], d_cov: 2 };
/// assert_eq!(covariates.values.len() / covariates.d_cov, 2);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Covariates<'a> {
    /// `[n_conditions, d_cov]` row-major, every column of the order of 1.
    pub values: &'a [f32],
    /// Width of the covariates, at least 1.
    pub d_cov: usize,
}

impl TrainingData<'_> {
    /// Width of the tokens, 0 without any.
    pub(crate) fn d_token(&self) -> usize {
        self.tokens.map_or(0, |tokens| tokens.d_token)
    }

    /// Width of the covariates, 0 without any.
    pub(crate) fn d_cov(&self) -> usize {
        self.covariates.map_or(0, |covariates| covariates.d_cov)
    }

    /// Some of the rows, `[rows, d]`.
    pub(crate) fn gather(&self, rows: &[usize]) -> Vec<f32> {
        rows.iter().flat_map(|&row| &self.x[row * self.d..(row + 1) * self.d]).copied().collect()
    }

    pub(crate) fn shape(&self, n_steps: usize) -> DenoiserShape {
        DenoiserShape {
            d_cov: self.d_cov(),
            d_token: self.d_token(),
            ..DenoiserShape::new(self.d, self.d_cond, n_steps)
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        for (name, size) in [("d", self.d), ("d_cond", self.d_cond)] {
            if size == 0 {
                return Err(Error::setting(name, "at least 1", size));
            }
        }
        for (array, n_values, width) in
            [("x", self.x.len(), self.d), ("conditions", self.conditions.len(), self.d_cond)]
        {
            if !n_values.is_multiple_of(width) {
                return Err(Error::RaggedRows { array, n_values, width });
            }
        }
        let n_rows = self.x.len() / self.d;
        Error::check_length(
            "entries of condition_of (one per row of x)",
            n_rows,
            self.condition_of.len(),
        )?;
        let n_conditions = self.conditions.len() / self.d_cond;
        Error::check_finite("conditions", self.conditions, self.d_cond)?;
        if let Some(TokenSets { sets, .. }) = self.tokens {
            // What the sets hold is checked where they become tokens.
            Error::check_length("sets of tokens (one per condition)", n_conditions, sets.len())?;
        }
        if let Some(Covariates { values, d_cov }) = self.covariates {
            if d_cov == 0 {
                return Err(Error::setting("d_cov", "at least 1", d_cov));
            }
            Error::check_length("values in the covariates", n_conditions * d_cov, values.len())?;
            Error::check_finite("covariates", values, d_cov)?;
        }
        match self.condition_of.iter().position(|&index| index >= n_conditions) {
            Some(row) => {
                let index = self.condition_of[row];
                Err(Error::ConditionIndex { row, index, n_conditions })
            }
            None => Ok(()),
        }
    }
}
