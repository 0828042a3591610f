//! Random tensors drawn on the host from a seeded generator, so that every device sees the same values.

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// 2⁻²⁴: a 24-bit integer times this is uniform on [0, 1) and exact in f32.
const ULP_24: f32 = 1.0 / 16_777_216.0;

/// A tensor of independent N(0, 1) values, drawn in row-major order.
///
/// # Shapes
/// Output: `shape`.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_nn::standard_normal;
/// let draw = || standard_normal([100, 50], &mut seeded_rng(0, "example"), &Device::default());
/// assert_eq!(draw().into_data(), draw().into_data());
/// // Ten standard errors of the mean of 5,000 values.
/// assert!(draw().into_data().iter::<f64>().sum::<f64>().abs() < 10.0 * 5_000f64.sqrt());
/// ```
pub fn standard_normal<const D: usize>(
    shape: [usize; D],
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<D> {
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|_| StandardNormal.sample(&mut *rng)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A tensor of independent values uniform on [`low`, `high`), drawn in row-major order.
///
/// # Shapes
/// Output: `shape`.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_nn::uniform;
/// let x = uniform([10, 5], -2.0, 3.0, &mut seeded_rng(0, "example"), &Device::default());
/// assert!(x.into_data().iter::<f32>().all(|v| (-2.0..3.0).contains(&v)));
/// ```
pub fn uniform<const D: usize>(
    shape: [usize; D],
    low: f32,
    high: f32,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<D> {
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|_| low + (high - low) * unit_uniform(rng)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// One value uniform on [0, 1).
fn unit_uniform(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 * ULP_24
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn values<const D: usize>(t: Tensor<D>) -> Vec<f32> {
        t.into_data().try_to_vec().expect("f32 tensor")
    }

    #[test]
    fn moments_are_those_of_the_distribution() {
        let device = Device::default();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let n = 20_000.0;
        let z = values(standard_normal([200, 100], &mut rng, &device));
        let mean = z.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let var = z.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
        // Standard errors: 0.007 of the mean, 0.01 of the variance; four of each.
        assert!(mean.abs() < 0.028, "{mean}");
        assert!((var - 1.0).abs() < 0.04, "{var}");
        let u = values(uniform([20_000], -1.0, 3.0, &mut rng, &device));
        assert!(u.iter().all(|&v| (-1.0..3.0).contains(&v)));
        let mean = u.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        // Standard error 4/√12/√n = 0.008; four of it.
        assert!((mean - 1.0).abs() < 0.033, "{mean}");
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_on_plain_and_autodiff_devices() {
        let draw = |device: &Device| {
            let mut rng = ChaCha8Rng::seed_from_u64(9);
            values(standard_normal([7, 3], &mut rng, device))
        };
        assert_eq!(draw(&Device::default()), draw(&Device::default().autodiff()));
    }
}
