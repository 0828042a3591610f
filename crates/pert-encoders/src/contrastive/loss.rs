//! The contrastive loss with many positives.

use burn::tensor::{Device, Tensor, TensorData, activation::log_softmax};

use super::config::ContrastiveLoss;

/// The loss of a batch, nats per cell, in the forms that [`ContrastiveLoss`] writes down.
///
/// Cell to perturbation is the softmax over class prototypes (Wang et al. 2017, "NormFace", equation 8). Perturbation to cell
/// is the supervised contrastive loss (Khosla et al. 2020, equation 2, sum outside the logarithm) with a perturbation as the
/// anchor and its cells as positives, anchors weighted by their cells; the two together are the two directions of UniCL
/// (Yang et al. 2022, equations 2 to 4).
///
/// # Shapes
/// logits: `[n, n_perturbations]`, s(i, p); labels: `[n]`; output: `[1]`.
pub(super) fn contrastive_loss(
    loss: ContrastiveLoss,
    logits: Tensor<2>,
    labels: &[usize],
    device: &Device,
) -> Tensor<1> {
    let [n, n_perturbations] = logits.dims();
    let mut is_own = vec![0.0f32; n * n_perturbations];
    for (cell, &label) in labels.iter().enumerate() {
        is_own[cell * n_perturbations + label] = 1.0;
    }
    let is_own = Tensor::<2>::from_data(TensorData::new(is_own, [n, n_perturbations]), device);
    let mean = |log_probability: Tensor<2>| {
        (log_probability * is_own.clone()).sum().mul_scalar(-1.0 / n as f64)
    };
    let to_perturbation = mean(log_softmax(logits.clone(), 1));
    match loss {
        ContrastiveLoss::CellToPerturbation => to_perturbation,
        ContrastiveLoss::Symmetric => {
            (to_perturbation + mean(log_softmax(logits, 0))).mul_scalar(0.5)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(loss: ContrastiveLoss, weights: [[f32; 2]; 3], labels: &[usize]) -> f64 {
        let device = Device::default();
        let logits = Tensor::<2>::from_data(weights, &device).log();
        f64::from(contrastive_loss(loss, logits, labels, &device).into_scalar::<f32>())
    }

    #[test]
    fn it_is_the_formula() {
        // e^s of three cells and two perturbations; cells 0 and 1 are of perturbation 0.
        let (weights, labels) = ([[3.0, 1.0], [1.0, 1.0], [1.0, 4.0]], [0, 0, 1]);
        let rows = -((3f64 / 4.0).ln() + (1f64 / 2.0).ln() + (4f64 / 5.0).ln()) / 3.0;
        let columns = -((3f64 / 5.0).ln() + (1f64 / 5.0).ln() + (4f64 / 6.0).ln()) / 3.0;
        // f32 arithmetic on values of order 1.
        let found = value(ContrastiveLoss::CellToPerturbation, weights, &labels);
        assert!((found - rows).abs() < 1e-6, "{found} is not {rows}");
        let (found, both) =
            (value(ContrastiveLoss::Symmetric, weights, &labels), (rows + columns) / 2.0);
        assert!((found - both).abs() < 1e-6, "{found} is not {both}");
    }

    #[test]
    fn the_order_of_cells_does_not_matter() {
        let one =
            value(ContrastiveLoss::Symmetric, [[3.0, 1.0], [1.0, 1.0], [1.0, 4.0]], &[0, 0, 1]);
        let other =
            value(ContrastiveLoss::Symmetric, [[1.0, 4.0], [3.0, 1.0], [1.0, 1.0]], &[1, 0, 0]);
        assert!((one - other).abs() < 1e-6); // f32 sums of three
    }
}
