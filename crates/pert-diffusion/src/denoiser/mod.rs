//! Networks that tell signal from noise.

mod mlp;

pub use mlp::{MlpDenoiser, MlpDenoiserConfig};

use burn::tensor::Tensor;

/// The condition of the rows given to a denoiser.
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
}

/// A network, or any function, that predicts ε, x_0 or v from a noised row.
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
