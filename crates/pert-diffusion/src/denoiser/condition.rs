//! What a denoiser is told beside the noised row and the step.

use burn::tensor::Tensor;

use super::tokens::Tokens;

/// The condition of the rows given to a denoiser.
///
/// The first three say a pooled condition alone; [`Parts`](Self::Parts) says all that a denoiser can be told. Denoisers
/// read any of them by [`into_parts`](Self::into_parts).
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one value per forward pass; a box would help nobody"
)]
pub enum Condition {
    /// The learned null condition for every row.
    Null,
    /// A condition per row `[n, d_cond]`, or one `[1, d_cond]` for all rows.
    Given(Tensor<2>),
    /// A condition per row, some of them replaced by the null condition (classifier-free training,
    /// Ho & Salimans 2022, algorithm 1).
    Dropped {
        /// Conditions `[n, d_cond]`.
        values: Tensor<2>,
        /// 1 where the row's condition is dropped, 0 where it is kept, `[n, 1]`.
        dropped: Tensor<2>,
    },
    /// Pooled vector, tokens and covariates, each of them dropped or not.
    Parts(ConditionParts),
}

/// All that a denoiser can be told, each with n rows or one for all rows. What is absent is null: the network's learned null
/// vector stands in its place.
///
/// "The perturbation" is the pooled vector and the tokens together: they are dropped together. A denoiser of pooled
/// vectors ignores tokens, and one built without covariates ignores those.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{Condition, ConditionParts, Denoiser, DenoiserShape, MlpDenoiserConfig, seeded_rng};
/// let (device, rng) = (Device::default(), &mut seeded_rng(0, "example"));
/// let shape = DenoiserShape { d_cov: 2, ..DenoiserShape::new(4, 3, 1000) };
/// let denoiser = MlpDenoiserConfig::default().init(&shape, rng, &device)?;
/// let parts = ConditionParts {
///     pooled: Some(Tensor::ones([1, 3], &device)),                          // one for all rows
///     covariates: Some(Tensor::ones([2, 2], &device)),                      // [n, d_cov]
///     covariates_dropped: Some(Tensor::from_data([[1.0], [0.0]], &device)), // [n, 1]
///     ..Default::default()
/// };
/// let x_t = Tensor::ones([2, 4], &device);
/// assert_eq!(denoiser.predict(x_t, &[10], Condition::Parts(parts)).dims(), [2, 4]);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ConditionParts {
    /// Pooled vector of the perturbation, `[n or 1, d_cond]`.
    pub pooled: Option<Tensor<2>>,
    /// Tokens of the perturbation, n sets or one.
    pub tokens: Option<Tokens>,
    /// 1 where the row's perturbation is dropped, 0 where it is kept, `[n or 1, 1]`; absent: all kept.
    pub dropped: Option<Tensor<2>>,
    /// Covariates, `[n or 1, d_cov]`.
    pub covariates: Option<Tensor<2>>,
    /// 1 where the row's covariates are dropped, 0 where they are kept, `[n or 1, 1]`; absent: all kept.
    pub covariates_dropped: Option<Tensor<2>>,
    /// An earlier guess of x_0 for self-conditioning (Chen et al. 2023), `[n, d]`; absent: zeros.
    pub estimate: Option<Tensor<2>>,
}

impl Condition {
    /// All that this condition says.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use pert_diffusion::Condition;
    /// let parts = Condition::Given(Tensor::ones([1, 3], &Default::default())).into_parts();
    /// assert!(parts.pooled.is_some() && parts.dropped.is_none() && parts.covariates.is_none());
    /// assert!(Condition::Null.into_parts().pooled.is_none());
    /// ```
    pub fn into_parts(self) -> ConditionParts {
        match self {
            Self::Null => ConditionParts::default(),
            Self::Given(values) => ConditionParts { pooled: Some(values), ..Default::default() },
            Self::Dropped { values, dropped } => ConditionParts {
                pooled: Some(values),
                dropped: Some(dropped),
                ..Default::default()
            },
            Self::Parts(parts) => parts,
        }
    }

    /// The same without the perturbation: what the null branch of guidance sees. Covariates and an earlier guess stay.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use pert_diffusion::{Condition, ConditionParts};
    /// let one = || Some(Tensor::ones([1, 3], &Default::default()));
    /// let parts = ConditionParts { pooled: one(), covariates: one(), ..Default::default() };
    /// let null = Condition::Parts(parts).without_perturbation().into_parts();
    /// assert!(null.pooled.is_none() && null.covariates.is_some());
    /// ```
    pub fn without_perturbation(self) -> Self {
        match self {
            Self::Null | Self::Given(_) | Self::Dropped { .. } => Self::Null,
            Self::Parts(parts) => {
                Self::Parts(ConditionParts { pooled: None, tokens: None, dropped: None, ..parts })
            }
        }
    }

    /// The same with an earlier guess of x_0 `[n, d]`, or as it is for `None`.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use pert_diffusion::Condition;
    /// let x0 = Tensor::ones([4, 2], &Default::default());
    /// assert!(Condition::Null.with_estimate(Some(x0)).into_parts().estimate.is_some());
    /// ```
    pub fn with_estimate(self, estimate: Option<Tensor<2>>) -> Self {
        match estimate {
            None => self,
            estimate => Self::Parts(ConditionParts { estimate, ..self.into_parts() }),
        }
    }

    /// 2n rows for both branches of guidance in one forward pass: first the n rows as they are, then the same without the
    /// perturbation.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use pert_diffusion::Condition;
    /// let cond = Condition::Given(Tensor::ones([1, 3], &Default::default()));
    /// let both = cond.paired_with_null(4, &Default::default()).into_parts();
    /// let dropped: Vec<f32> = both.dropped.into_iter().flat_map(|d| d.into_data().iter::<f32>().collect::<Vec<_>>()).collect();
    /// assert_eq!(dropped, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    /// ```
    pub fn paired_with_null(self, n: usize, device: &burn::tensor::Device) -> Self {
        let twice = |x: Tensor<2>| {
            let x = rows(x, n);
            Tensor::cat(vec![x.clone(), x], 0)
        };
        let parts = self.into_parts();
        let kept = parts.dropped.map_or_else(|| Tensor::zeros([n, 1], device), |d| rows(d, n));
        Self::Parts(ConditionParts {
            pooled: parts.pooled.map(twice),
            tokens: parts.tokens.map(|t| {
                let t = t.expand(n);
                t.clone().stack(t)
            }),
            dropped: Some(Tensor::cat(vec![kept, Tensor::ones([n, 1], device)], 0)), // [2 n, 1]
            covariates: parts.covariates.map(twice),
            covariates_dropped: parts.covariates_dropped.map(twice),
            estimate: parts.estimate.map(twice),
        })
    }
}

/// `[n, width]` of `[n or 1, width]`.
pub(crate) fn rows(x: Tensor<2>, n: usize) -> Tensor<2> {
    let [_, width] = x.dims();
    x.expand([n, width])
}

/// An embedding where it is kept, `null` `[1, width]` where it is dropped or absent; `[n or 1, width]`.
pub(crate) fn or_null(
    embedded: Option<Tensor<2>>,
    dropped: Option<Tensor<2>>,
    null: Tensor<2>,
) -> Tensor<2> {
    match (embedded, dropped) {
        (None, _) => null,
        (Some(embedded), None) => embedded,
        (Some(embedded), Some(dropped)) => {
            let kept = dropped.clone().neg().add_scalar(1.0);
            embedded * kept + null * dropped
        }
    }
}
