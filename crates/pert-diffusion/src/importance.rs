//! Drawing training steps where the loss is large.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::error::Error;

/// Losses kept per step (Nichol & Dhariwal 2021, section 3.3).
const LOSSES_KEPT: usize = 10;

/// Share of steps drawn uniformly, so that every step keeps being seen (the paper's implementation).
const UNIFORM_SHARE: f64 = 0.001;

/// Importance sampling of the step by the second moment of its loss (Nichol & Dhariwal 2021, equation 18): p_t ∝
/// √(mean of L_t²) over the last 10 losses of each step, mixed with 0.1% uniform; uniform until every step has 10. A
/// row drawn at t has weight 1/(T p_t), so that the mean loss is unbiased.
///
/// Meant for the variational bound, whose terms differ by orders of magnitude.
///
/// ```
/// use pert_diffusion::{LossHistory, seeded_rng};
/// let mut history = LossHistory::new(2)?;
/// for _ in 0..10 {
///     history.update(&[0, 1], &[3.0, 1.0])?;
/// }
/// // Step 0 costs three times as much and is drawn three times as often.
/// assert!((history.probabilities()[0] - 0.75).abs() < 1e-3);
/// let (t, weights) = history.draw(5, &mut seeded_rng(0, "steps"));
/// assert!(t.iter().zip(&weights).all(|(t, w)| (w - [2.0 / 3.0, 2.0][*t]).abs() < 0.01));
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LossHistory {
    losses: Vec<Vec<f64>>,
    next: Vec<usize>,
}

impl LossHistory {
    /// No losses yet, for a schedule of `n_steps`.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for no steps.
    pub fn new(n_steps: usize) -> Result<Self, Error> {
        if n_steps == 0 {
            return Err(Error::setting("n_steps", "at least 1", n_steps));
        }
        Ok(Self { losses: vec![Vec::new(); n_steps], next: vec![0; n_steps] })
    }

    /// Takes in the loss of rows at steps `t`, unweighted.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] when there is not one loss per step, [`Error::InvalidSetting`] for a step beyond the
    /// schedule or a loss that is not finite. Nothing is taken in then.
    pub fn update(&mut self, t: &[usize], losses: &[f64]) -> Result<(), Error> {
        Error::check_length("losses (one per row)", t.len(), losses.len())?;
        if let Some(t) = t.iter().find(|t| **t >= self.losses.len()) {
            return Err(Error::setting("step", "below the number of steps", t));
        }
        if let Some(loss) = losses.iter().find(|loss| !loss.is_finite()) {
            return Err(Error::setting("loss", "finite", loss));
        }
        for (&t, &loss) in t.iter().zip(losses) {
            if self.losses[t].len() < LOSSES_KEPT {
                self.losses[t].push(loss);
            } else {
                self.losses[t][self.next[t]] = loss;
                self.next[t] = (self.next[t] + 1) % LOSSES_KEPT;
            }
        }
        Ok(())
    }

    /// p_t of every step; they sum to 1.
    pub fn probabilities(&self) -> Vec<f64> {
        let n_steps = self.losses.len();
        let uniform = vec![1.0 / n_steps as f64; n_steps];
        if self.losses.iter().any(|losses| losses.len() < LOSSES_KEPT) {
            return uniform;
        }
        let moment = |losses: &Vec<f64>| {
            (losses.iter().map(|l| l * l).sum::<f64>() / LOSSES_KEPT as f64).sqrt()
        };
        let moments: Vec<f64> = self.losses.iter().map(moment).collect();
        let total: f64 = moments.iter().sum();
        if total == 0.0 {
            return uniform;
        }
        let mix = |(moment, uniform): (f64, f64)| {
            (1.0 - UNIFORM_SHARE) * moment / total + UNIFORM_SHARE * uniform
        };
        moments.into_iter().zip(uniform).map(mix).collect()
    }

    /// Draws `n` steps, and the weight 1/(T p_t) of each. `n` values are taken from `rng`.
    pub fn draw(&self, n: usize, rng: &mut ChaCha8Rng) -> (Vec<usize>, Vec<f64>) {
        let p = self.probabilities();
        let n_steps = p.len();
        let cumulative: Vec<f64> = p
            .iter()
            .scan(0.0, |sum, p| {
                *sum += p;
                Some(*sum)
            })
            .collect();
        (0..n)
            .map(|_| {
                // 53 random bits: uniform on [0, 1) and exact in f64.
                let u = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
                // The sum may end below 1 by rounding.
                let t = cumulative.partition_point(|c| *c <= u).min(n_steps - 1);
                (t, 1.0 / (n_steps as f64 * p[t]))
            })
            .unzip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn warm(n_steps: usize) -> LossHistory {
        let mut history = LossHistory::new(n_steps).expect("valid");
        let t: Vec<usize> = (0..n_steps).collect();
        for round in 0..LOSSES_KEPT + 3 {
            // The first three rounds, far larger, are forgotten.
            let scale = if round < 3 { 1e6 } else { 1.0 };
            let losses: Vec<f64> = t.iter().map(|t| scale * (1 + t * t) as f64).collect();
            history.update(&t, &losses).expect("valid");
        }
        history
    }

    #[test]
    fn steps_are_drawn_in_proportion_to_their_loss() {
        let history = warm(8);
        let p = history.probabilities();
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let total: f64 = (0..8).map(|t| (1 + t * t) as f64).sum();
        for (t, p) in p.iter().enumerate() {
            let expected = 0.999 * (1 + t * t) as f64 / total + 0.001 / 8.0;
            assert!((p - expected).abs() < 1e-12, "{t}: {p}");
        }
    }

    #[test]
    fn the_weighted_mean_is_unbiased() {
        let history = warm(8);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let n = 200_000;
        let (t, weights) = history.draw(n, &mut rng);
        let loss = |t: usize| ((t * 13 + 5) % 7) as f64;
        let estimate = t.iter().zip(&weights).map(|(&t, w)| loss(t) * w).sum::<f64>() / n as f64;
        let uniform = (0..8).map(loss).sum::<f64>() / 8.0;
        // Weights reach 18; a standard error is about 0.03.
        assert!((estimate - uniform).abs() < 0.12, "{estimate} {uniform}");
    }

    #[test]
    fn until_warm_steps_are_uniform() {
        let mut history = LossHistory::new(4).expect("valid");
        history.update(&[0, 0, 1], &[9.0, 9.0, 1.0]).expect("valid");
        assert_eq!(history.probabilities(), [0.25; 4]);
        let (_, weights) = history.draw(10, &mut ChaCha8Rng::seed_from_u64(0));
        assert!(weights.iter().all(|w| *w == 1.0));
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(LossHistory::new(0), Err(Error::setting("n_steps", "at least 1", 0)));
        let mut history = LossHistory::new(4).expect("valid");
        let mut refused = |t: &[usize], losses: &[f64]| history.update(t, losses).expect_err("bad");
        assert_eq!(refused(&[4], &[1.0]), Error::setting("step", "below the number of steps", 4));
        assert_eq!(refused(&[0], &[f64::NAN]), Error::setting("loss", "finite", f64::NAN));
        assert!(matches!(
            refused(&[0, 1], &[1.0]),
            Error::LengthMismatch { expected: 2, found: 1, .. }
        ));
    }
}
