//! Diffusion steps as vectors: fixed sinusoids, then a small learned network.

use std::fmt;
use std::sync::Arc;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData, activation};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::init::{LinearInit, linear};

/// The longest period of the sinusoids, in steps over 2π (Vaswani et al. 2017, section 3.5).
const MAX_PERIOD: f64 = 10_000.0;

/// The sinusoids of a step t: `[cos(t f₀) .. cos(t f_{h−1}), sin(t f₀) .. sin(t f_{h−1})]` with h = d/2 and
/// fᵢ = 10000^(−i/h) (Vaswani et al. 2017, section 3.5, in the order of Dhariwal & Nichol 2021).
///
/// `d` must be even. Computed in f64, because t f₀ reaches thousands of radians.
///
/// # Shapes
/// Output: `[d]`.
///
/// ```
/// use pert_nn::sinusoids;
/// assert_eq!(sinusoids(0.0, 4), [1.0, 1.0, 0.0, 0.0]);
/// // cos² + sin² = 1 at every frequency.
/// let e = sinusoids(137.0, 4);
/// assert!((e[0] * e[0] + e[2] * e[2] - 1.0).abs() < 1e-6);
/// ```
pub fn sinusoids(t: f64, d: usize) -> Vec<f32> {
    let half = d / 2;
    let angle = |i: usize| t * MAX_PERIOD.powf(-(i as f64) / half as f64);
    let cosines = (0..half).map(|i| angle(i).cos() as f32);
    cosines.chain((0..half).map(|i| angle(i).sin() as f32)).collect()
}

/// Configuration of a [`TimeEmbedding`].
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_nn::TimeEmbeddingConfig;
/// let config = TimeEmbeddingConfig { n_steps: 1000, d_sinusoids: 16, d_out: 8 };
/// let embedding = config.init(&mut seeded_rng(0, "example"), &Device::default())?;
/// assert_eq!(embedding.forward(&[0, 500, 999]).dims(), [3, 8]);
/// # Ok::<(), pert_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeEmbeddingConfig {
    /// Number of diffusion steps T, at least 1; steps are 0..T.
    pub n_steps: usize,
    /// Number of sinusoids, even and at least 2.
    pub d_sinusoids: usize,
    /// Width of the embedding, at least 1.
    pub d_out: usize,
}

impl TimeEmbeddingConfig {
    /// Checks every size.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the size.
    pub fn check(&self) -> Result<(), Error> {
        if self.n_steps == 0 {
            return Err(Error::setting("n_steps", "at least 1", self.n_steps));
        }
        if self.d_sinusoids < 2 || !self.d_sinusoids.is_multiple_of(2) {
            return Err(Error::setting("d_sinusoids", "even and at least 2", self.d_sinusoids));
        }
        if self.d_out == 0 {
            return Err(Error::setting("d_out", "at least 1", self.d_out));
        }
        Ok(())
    }

    /// Computes the sinusoids of every step and draws the first weights.
    ///
    /// # Errors
    /// What [`check`](Self::check) finds.
    pub fn init(&self, rng: &mut ChaCha8Rng, device: &Device) -> Result<TimeEmbedding, Error> {
        self.check()?;
        let values = (0..self.n_steps).flat_map(|t| sinusoids(t as f64, self.d_sinusoids));
        Ok(TimeEmbedding {
            hidden: linear(self.d_sinusoids, self.d_out, LinearInit::KaimingUniform, rng, device),
            output: linear(self.d_out, self.d_out, LinearInit::KaimingUniform, rng, device),
            table: SinusoidTable { d: self.d_sinusoids, values: values.collect() },
        })
    }
}

/// e(t) = W₂ SiLU(W₁ sinusoids(t) + b₁) + b₂.
#[derive(Module, Debug)]
pub struct TimeEmbedding {
    hidden: Linear,
    output: Linear,
    #[module(skip)]
    table: SinusoidTable,
}

/// Sinusoids of all steps, `[n_steps, d]`: a lookup is cheaper than new sines for every row of every batch.
#[derive(Clone)]
struct SinusoidTable {
    d: usize,
    values: Arc<[f32]>,
}

impl fmt::Debug for SinusoidTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SinusoidTable[{}, {}]", self.values.len() / self.d, self.d)
    }
}

impl TimeEmbedding {
    /// Embeds steps.
    ///
    /// # Shapes
    /// `t`: n steps below `n_steps`; output: `[n, d_out]`.
    ///
    /// # Panics
    /// When a step is not below `n_steps`.
    pub fn forward(&self, t: &[usize]) -> Tensor<2> {
        let SinusoidTable { d, values } = &self.table;
        let rows: Vec<f32> = t.iter().flat_map(|&t| &values[t * d..(t + 1) * d]).copied().collect();
        let device = self.hidden.weight.val().device();
        let x = Tensor::from_data(TensorData::new(rows, [t.len(), *d]), &device);
        let h = activation::silu(self.hidden.forward(x)); // [n, d_out]
        self.output.forward(h)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn sinusoids_have_unit_pairs_and_start_at_one_radian_per_step() {
        let s = sinusoids(7.0, 8);
        for i in 0..4 {
            assert!((s[i].powi(2) + s[i + 4].powi(2) - 1.0).abs() < 1e-6);
        }
        assert!((f64::from(s[0]) - 7f64.cos()).abs() < 1e-7);
        // The second of four frequencies is 10000^(−1/4) = 0.1.
        assert!((f64::from(s[5]) - 0.7f64.sin()).abs() < 1e-7);
    }

    #[test]
    fn every_row_is_the_embedding_of_its_own_step() {
        let config = TimeEmbeddingConfig { n_steps: 10, d_sinusoids: 6, d_out: 5 };
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let embedding = config.init(&mut rng, &Device::default()).expect("valid");
        let host = |t: &[usize]| -> Vec<f32> {
            embedding.forward(t).into_data().try_to_vec().expect("f32")
        };
        let all = host(&[9, 0, 3]);
        for (row, t) in [9, 0, 3].into_iter().enumerate() {
            for (a, b) in all[row * 5..].iter().zip(&host(&[t])) {
                // Products of width 6 in f32.
                assert!((a - b).abs() < 1e-6);
            }
        }
        assert!(TimeEmbeddingConfig { d_sinusoids: 5, ..config }.check().is_err());
    }
}
