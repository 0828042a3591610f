//! The fixed random network between what describes a perturbation and what it does.

use super::programs::{dot, normal};

/// Hidden units: enough to be no plain linear map in disguise.
const N_HIDDEN: usize = 32;

/// Standard deviation of a hidden unit's input: in the bend of tanh, neither linear nor saturated.
const HIDDEN_GAIN: f64 = 1.3;

/// y = W₂ tanh(W₁ x + b₁), inputs of unit variance, `N_OUT` outputs of the root mean square asked for.
#[derive(Debug, Clone)]
pub(super) struct Network<const N_OUT: usize> {
    n_in: usize,
    /// `[N_HIDDEN, n_in]`
    w1: Vec<f64>,
    b1: Vec<f64>,
    /// `[N_OUT, N_HIDDEN]`
    w2: Vec<f64>,
}

impl<const N_OUT: usize> Network<N_OUT> {
    pub fn draw(n_in: usize, output_scale: f64, rng: &mut impl rand::Rng) -> Self {
        let scale1 = HIDDEN_GAIN / (n_in as f64).sqrt();
        // tanh of N(0, HIDDEN_GAIN²) has a root mean square of about 0.7.
        let scale2 = output_scale / (0.7 * (N_HIDDEN as f64).sqrt());
        Self {
            n_in,
            w1: (0..N_HIDDEN * n_in).map(|_| scale1 * normal(rng)).collect(),
            b1: (0..N_HIDDEN).map(|_| 0.5 * normal(rng)).collect(),
            w2: (0..N_OUT * N_HIDDEN).map(|_| scale2 * normal(rng)).collect(),
        }
    }

    pub fn forward(&self, x: &[f64]) -> [f64; N_OUT] {
        assert_eq!(x.len(), self.n_in, "a network is given as many inputs as it was drawn for");
        let hidden: Vec<f64> = self
            .w1
            .chunks_exact(self.n_in)
            .zip(&self.b1)
            .map(|(row, bias)| (dot(row, x) + bias).tanh())
            .collect();
        std::array::from_fn(|l| dot(&self.w2[l * N_HIDDEN..(l + 1) * N_HIDDEN], &hidden))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::seeded_rng;

    #[test]
    fn outputs_have_the_root_mean_square_asked_for_and_bend() {
        let mut rng = seeded_rng(1, "test");
        let (mut squares, mut bend, n) = (0.0, 0.0, 4_000);
        for _ in 0..n {
            let network = Network::<4>::draw(9, 0.75, &mut rng);
            let x: Vec<f64> = (0..9).map(|_| normal(&mut rng)).collect();
            let at =
                |factor: f64| network.forward(&x.iter().map(|v| factor * v).collect::<Vec<_>>());
            let (rest, once, twice) = (at(0.0), at(1.0), at(2.0));
            squares += dot(&once, &once) / 4.0;
            // A linear map has equal steps.
            bend += (0..4).map(|i| (twice[i] - 2.0 * once[i] + rest[i]).powi(2)).sum::<f64>() / 4.0;
        }
        let n = f64::from(n);
        approx::assert_relative_eq!((squares / n).sqrt(), 0.75, max_relative = 0.1);
        assert!((bend / n).sqrt() > 0.2, "{}", (bend / n).sqrt());
    }
}
