//! The layers of scvi-tools' networks, evaluated with running statistics.

use burn::tensor::{Tensor, activation::relu};

/// x W + b.
#[derive(Debug, Clone)]
pub(super) struct Dense {
    /// `[d_in, d_out]`.
    pub(super) weight: Tensor<2>,
    /// `[1, d_out]`.
    pub(super) bias: Tensor<2>,
}

impl Dense {
    /// # Shapes
    /// - x: `[n, d_in]`, or without the covariates, `[n, d_covariate]`, which are then put behind
    pub(super) fn forward(&self, x: Tensor<2>, covariates: Option<&Tensor<2>>) -> Tensor<2> {
        let x = match covariates {
            Some(covariates) if x.dims()[1] < self.weight.dims()[0] => {
                Tensor::cat(vec![x, covariates.clone()], 1)
            }
            _ => x,
        };
        x.matmul(self.weight.clone()).add(self.bias.clone())
    }
}

/// Linear → batch norm → ReLU; dropout, which scvi-tools' encoders have in training, does nothing here.
#[derive(Debug, Clone)]
pub(super) struct Hidden {
    pub(super) dense: Dense,
    /// `[1, width]` each.
    pub(super) scale_shift: Option<[Tensor<2>; 2]>,
}

/// All hidden layers of a network, `[n, d_in]` → `[n, width]`.
pub(super) fn forward(
    layers: &[Hidden],
    x: Tensor<2>,
    covariates: Option<&Tensor<2>>,
) -> Tensor<2> {
    layers.iter().fold(x, |h, layer| {
        let mut h = layer.dense.forward(h, covariates);
        if let Some([scale, shift]) = &layer.scale_shift {
            h = h.mul(scale.clone()).add(shift.clone());
        }
        relu(h)
    })
}
