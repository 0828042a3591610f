//! What the network predicts, and how one prediction becomes another.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::schedule::Schedule;

/// What a denoiser's output stands for. With a = √ᾱ_t, σ = √(1 − ᾱ_t) and x_t = a x_0 + σ ε:
///
/// | output | target | x_0 | ε |
/// |---|---|---|---|
/// | ε | ε | (x_t − σ ε)/a | ε |
/// | x_0 | x_0 | x_0 | (x_t − a x_0)/σ |
/// | v (Salimans & Ho 2022) | a ε − σ x_0 | a x_t − σ v | σ x_t + a v |
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{NoiseLevel, Parameterization, Schedule, ScheduleConfig, q_sample};
/// let device = Device::default();
/// let level = NoiseLevel::new(&Schedule::new(&ScheduleConfig::default())?, &[300], &device);
/// let x0 = Tensor::<2>::from_data([[1.0, -2.0]], &device);
/// let noise = Tensor::<2>::from_data([[0.5, 0.3]], &device);
/// let x_t = q_sample(x0.clone(), noise.clone(), &level);
/// for p in [Parameterization::Epsilon, Parameterization::X0, Parameterization::V] {
///     // From the right output every parameterisation finds x_0 again.
///     let found = p.x0(p.target(x0.clone(), noise.clone(), &level), x_t.clone(), &level);
///     assert!((found - x0.clone()).abs().max().into_scalar::<f32>() < 1e-5);
/// }
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameterization {
    /// The noise ε (Ho et al. 2020).
    Epsilon,
    /// The clean value x_0 (Ramesh et al. 2022, section 2.2).
    X0,
    /// The velocity v = a ε − σ x_0; it needs a² + σ² = 1, which all schedules keep but the straight path.
    #[default]
    V,
    /// The velocity u = ε − x_0 of flow matching (Lipman et al. 2023, equation 23): on the
    /// [straight path](crate::ScheduleKind::Straight), dx/dτ.
    Flow,
}

impl Parameterization {
    /// Where sampling had best start, as a fraction of the schedule: at its end, but at 0.97 for ε.
    ///
    /// At the end the ε-form tells nothing about x_0, and a deterministic sampler never recovers from its first step. Starting
    /// earlier has a price: noise without the mean that x_t has there under its condition. The other forms pay neither.
    pub fn start(self) -> f64 {
        match self {
            Self::Epsilon => 0.97,
            Self::X0 | Self::V | Self::Flow => 1.0,
        }
    }
}

/// a = √ᾱ_t and σ = √(1 − ᾱ_t) (1 − τ and τ on the straight path) of every row, or of all rows at once.
///
/// ```
/// use burn::tensor::Device;
/// use pert_diffusion::{NoiseLevel, Schedule, ScheduleConfig};
/// let schedule = Schedule::new(&ScheduleConfig::default())?;
/// let level = NoiseLevel::new(&schedule, &[0, 500, 999], &Device::default());
/// // Variance preserving: a² + σ² = 1 at every step.
/// let total = level.signal.square() + level.sigma.square(); // [n, 1]
/// assert!(total.into_data().iter::<f64>().all(|v| (v - 1.0).abs() < 1e-6));
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NoiseLevel {
    /// a, `[n, 1]` or `[1, 1]`.
    pub signal: Tensor<2>,
    /// σ, `[n, 1]` or `[1, 1]`.
    pub sigma: Tensor<2>,
}

impl NoiseLevel {
    /// The levels of steps `t`, computed in f64.
    ///
    /// # Shapes
    /// `t`: one step per row (`[n, 1]` comes out), or a single step for all rows (`[1, 1]`).
    pub fn new(schedule: &Schedule, t: &[usize], device: &Device) -> Self {
        let column = |table: &dyn Fn(usize) -> f64| {
            let values: Vec<f32> = t.iter().map(|&t| table(t).sqrt() as f32).collect();
            Tensor::from_data(TensorData::new(values, [t.len(), 1]), device)
        };
        Self {
            signal: column(&|t| schedule.alpha_bar(t)),
            sigma: column(&|t| schedule.noise_variance(t)),
        }
    }
}

impl Parameterization {
    /// What the network should put out for `x0` and `noise`, both `[n, d]`.
    pub fn target(self, x0: Tensor<2>, noise: Tensor<2>, level: &NoiseLevel) -> Tensor<2> {
        match self {
            Self::Epsilon => noise,
            Self::X0 => x0,
            Self::V => noise * level.signal.clone() - x0 * level.sigma.clone(),
            Self::Flow => noise - x0,
        }
    }

    /// x_0 from an output at `x_t`, both `[n, d]`.
    pub fn x0(self, output: Tensor<2>, x_t: Tensor<2>, level: &NoiseLevel) -> Tensor<2> {
        match self {
            Self::Epsilon => (x_t - output * level.sigma.clone()) / level.signal.clone(),
            Self::X0 => output,
            Self::V => x_t * level.signal.clone() - output * level.sigma.clone(),
            Self::Flow => {
                (x_t - output * level.sigma.clone()) / (level.signal.clone() + level.sigma.clone())
            }
        }
    }

    /// ε from an output at `x_t`, both `[n, d]`.
    pub fn noise(self, output: Tensor<2>, x_t: Tensor<2>, level: &NoiseLevel) -> Tensor<2> {
        match self {
            Self::Epsilon => output,
            Self::X0 => (x_t - output * level.signal.clone()) / level.sigma.clone(),
            Self::V => x_t * level.sigma.clone() + output * level.signal.clone(),
            Self::Flow => {
                (x_t + output * level.signal.clone()) / (level.signal.clone() + level.sigma.clone())
            }
        }
    }

    /// An output at `x_t`, both `[n, d]`, as the output of a network of another parameterisation.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use pert_diffusion::{NoiseLevel, Parameterization, Schedule, ScheduleConfig};
    /// let device = Device::default();
    /// let level = NoiseLevel::new(&Schedule::new(&ScheduleConfig::default())?, &[300], &device);
    /// let (v, x_t) = (Tensor::<2>::ones([1, 2], &device), Tensor::zeros([1, 2], &device));
    /// // At x_t = 0, x_0 = −σ v.
    /// let x0 = Parameterization::V.convert(Parameterization::X0, v.clone(), x_t, &level);
    /// assert!((x0 + v * level.sigma).abs().max().into_scalar::<f32>() < 1e-6);
    /// # Ok::<(), pert_diffusion::Error>(())
    /// ```
    pub fn convert(
        self,
        to: Self,
        output: Tensor<2>,
        x_t: Tensor<2>,
        level: &NoiseLevel,
    ) -> Tensor<2> {
        if self == to {
            return output;
        }
        let x0 = self.x0(output.clone(), x_t.clone(), level);
        to.target(x0, self.noise(output, x_t, level), level)
    }

    /// The factors of x_t and of the output in x_0, for the signal a and the noise σ of a step.
    ///
    /// | output | factor of x_t | factor of the output |
    /// |---|---|---|
    /// | ε | 1/a | −σ/a |
    /// | x_0 | 0 | 1 |
    /// | v | a | −σ |
    /// | u | 1/(a + σ) | −σ/(a + σ) |
    ///
    /// ```
    /// use pert_diffusion::Parameterization;
    /// // x_0 = a x_t − σ v
    /// assert_eq!(Parameterization::V.x0_factors(0.8, 0.6), (0.8, -0.6));
    /// ```
    pub fn x0_factors(self, signal: f64, sigma: f64) -> (f64, f64) {
        match self {
            Self::Epsilon => (1.0 / signal, -sigma / signal),
            Self::X0 => (0.0, 1.0),
            Self::V => (signal, -sigma),
            Self::Flow => (1.0 / (signal + sigma), -sigma / (signal + sigma)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Parameterization; 4] = [
        Parameterization::Epsilon,
        Parameterization::X0,
        Parameterization::V,
        Parameterization::Flow,
    ];
    use crate::process::q_sample;
    use crate::schedule::ScheduleConfig;
    use pert_nn::standard_normal;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn largest_difference(a: Tensor<2>, b: Tensor<2>) -> f32 {
        (a - b).abs().max().into_scalar()
    }

    #[test]
    fn every_output_gives_back_x0_and_noise() {
        let device = Device::default();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let schedule = Schedule::new(&ScheduleConfig::default()).expect("valid");
        let x0 = standard_normal([5, 3], &mut rng, &device);
        let noise = standard_normal([5, 3], &mut rng, &device);
        // Away from the ends, where one of the two cannot be told from x_t in f32.
        let t = [100, 300, 500, 700, 900];
        let level = NoiseLevel::new(&schedule, &t, &device);
        let x_t = q_sample(x0.clone(), noise.clone(), &level);
        for p in ALL {
            let output = p.target(x0.clone(), noise.clone(), &level);
            let x0_again = p.x0(output.clone(), x_t.clone(), &level);
            let noise_again = p.noise(output.clone(), x_t.clone(), &level);
            // f32; a and σ are at least 0.15 here.
            assert!(largest_difference(x0_again, x0.clone()) < 1e-5, "{p:?}");
            for (i, &t) in t.iter().enumerate() {
                let (a, s) = (schedule.alpha_bar(t), schedule.noise_variance(t));
                let (of_x, of_output) = p.x0_factors(a.sqrt(), s.sqrt());
                let row = |x: &Tensor<2>| x.clone().narrow(0, i, 1);
                let found = row(&x_t).mul_scalar(of_x) + row(&output).mul_scalar(of_output);
                assert!(largest_difference(found, row(&x0)) < 1e-5, "{p:?} at {t}");
            }
            for other in ALL {
                let converted = p.convert(other, output.clone(), x_t.clone(), &level);
                let target = other.target(x0.clone(), noise.clone(), &level);
                assert!(largest_difference(converted, target) < 1e-5, "{p:?} to {other:?}");
            }
            assert!(largest_difference(noise_again, noise.clone()) < 1e-5, "{p:?}");
        }
    }
}
