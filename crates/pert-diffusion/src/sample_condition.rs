//! The condition that a prior is sampled under, on the host.

use burn::tensor::{Device, Tensor, TensorData};

use crate::denoiser::{Condition, ConditionParts, Tokens};
use crate::error::Error;
use crate::prior::PriorState;

/// A condition to sample under.
///
/// ```
/// use pert_diffusion::SampleCondition;
/// // A pair of genes, each a token of width 2, and the sum of both.
/// let pair = SampleCondition {
///     pooled: Some(&[1.0, 1.0]),
///     tokens: Some(&[1.0, 0.0, 0.0, 1.0]),
///     ..Default::default()
/// };
/// assert!(pair.covariates.is_none()); // the null covariates
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SampleCondition<'a> {
    /// The pooled condition, `[d_cond]`; `None`: the null perturbation.
    pub pooled: Option<&'a [f32]>,
    /// The tokens, `[n_tokens, d_token]` in any order; needed beside `pooled` if the prior was trained with tokens.
    pub tokens: Option<&'a [f32]>,
    /// The covariates, `[d_cov]`; `None`: null covariates.
    pub covariates: Option<&'a [f32]>,
}

impl SampleCondition<'_> {
    /// The parts as tensors of one row each, checked against what the prior was trained on.
    pub(crate) fn tensors(&self, state: &PriorState, device: &Device) -> Result<Condition, Error> {
        if let Self { pooled: None, tokens: None, covariates: None } = self {
            return Ok(Condition::Null);
        }
        let row = |what, name, expected, values: &[f32]| -> Result<Tensor<2>, Error> {
            Error::check_length(what, expected, values.len())?;
            Error::check_finite(name, values, values.len())?;
            Ok(Tensor::from_data(TensorData::new(values.to_vec(), [1, values.len()]), device))
        };
        let &PriorState { d_cond, d_token, d_cov, .. } = state;
        let pooled = self.pooled.map(|c| row("values in the condition", "condition", d_cond, c));
        let covariates =
            self.covariates.map(|c| row("values in the covariates", "covariates", d_cov, c));
        Ok(Condition::Parts(ConditionParts {
            pooled: pooled.transpose()?,
            tokens: self.checked_tokens(d_token, device)?,
            covariates: covariates.transpose()?.filter(|_| d_cov > 0),
            ..Default::default()
        }))
    }

    /// The tokens, which stand or fall with the pooled condition.
    fn checked_tokens(&self, d_token: usize, device: &Device) -> Result<Option<Tokens>, Error> {
        match (self.pooled, self.tokens) {
            (None, Some(_)) => {
                Err(Error::setting("pooled condition", "given beside tokens", "none"))
            }
            (Some(_), None) if d_token > 0 => {
                let expected = "given beside the pooled condition, as in training";
                Err(Error::setting("tokens", expected, "none"))
            }
            (_, None) => Ok(None),
            (_, Some(tokens)) if d_token == 0 => {
                Error::check_length("values in the tokens", 0, tokens.len()).map(|()| None)
            }
            (_, Some(tokens)) => Tokens::of_sets(&[tokens], d_token, device).map(Some),
        }
    }
}
