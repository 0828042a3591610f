//! Networks that tell signal from noise.

mod condition;
mod config;
mod mlp;
mod network;
mod tokens;
mod transformer;

pub use condition::{Condition, ConditionParts};
pub use config::{DenoiserConfig, DenoiserShape};
pub use mlp::{MlpDenoiser, MlpDenoiserConfig};
pub use network::PriorDenoiser;
pub use tokens::Tokens;
pub use transformer::{TransformerDenoiser, TransformerDenoiserConfig};

use burn::tensor::Tensor;

/// Standard deviation of the first null vectors and other free embeddings, as in Peebles & Xie 2023.
const EMBEDDING_SCALE: f64 = 0.02;

/// A network, or any function, that predicts ε, x_0 or v from a noised row.
///
/// What every denoiser of this crate keeps to is written down as tests in `tests/conformance/mod.rs`: rows do not see each
/// other, a dropped condition has no influence, tokens have no order, padding has no influence. `x_t` must be finite; values
/// that are not come out as such in their own rows alone.
///
/// ```
/// use burn::tensor::Tensor;
/// use pert_diffusion::{Condition, Denoiser};
///
/// /// The best guess of the noise in rows of N(0, I) with variance `sigma2` added: its share of x_t.
/// struct Wiener {
///     sigma2: f64,
/// }
/// impl Denoiser for Wiener {
///     fn predict(&self, x_t: Tensor<2>, _: &[usize], _: Condition) -> Tensor<2> {
///         x_t.mul_scalar(self.sigma2.sqrt() / (1.0 + self.sigma2))
///     }
/// }
/// let x_t = Tensor::<2>::ones([4, 2], &Default::default());
/// let noise = Wiener { sigma2: 1.0 }.predict(x_t, &[0], Condition::Null); // [n, d]
/// assert!(noise.into_data().iter::<f64>().all(|v| v == 0.5));
/// ```
pub trait Denoiser {
    /// The prediction for rows `x_t`; which quantity it is, the [`Parameterization`](crate::Parameterization) says.
    ///
    /// # Shapes
    /// `x_t`, output: `[n, d]`; `t`: one step per row, or a single one for all rows.
    fn predict(&self, x_t: Tensor<2>, t: &[usize], cond: Condition) -> Tensor<2>;
}
