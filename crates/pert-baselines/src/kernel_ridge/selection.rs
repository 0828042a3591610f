//! What leave-one-out chooses among for kernel ridge, and what it chose.

use serde::{Deserialize, Serialize};

use crate::Error;

/// What kernel ridge shrinks towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Centre {
    /// The mean target of the training perturbations.
    TrainingMean,
    /// Zero: no shift.
    Zero,
}

/// Candidates that leave-one-out chooses among.
///
/// ```
/// use pert_baselines::{Centre, KernelRidgeConfig};
/// let config = KernelRidgeConfig { centres: vec![Centre::Zero], ..Default::default() };
/// config.check()?;
/// assert!(KernelRidgeConfig { lambdas: vec![0.0], ..config }.check().is_err());
/// # Ok::<(), pert_baselines::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KernelRidgeConfig {
    /// Ridge penalties λ > 0, on the scale of a kernel with mean diagonal 1 per block.
    /// Default: 13 values from 0.003 to 100, equal steps of the logarithm (the range of this project's prototype on
    /// the Norman 2019 screen).
    pub lambdas: Vec<f64>,
    /// Centres. Default: both, the training mean first.
    pub centres: Vec<Centre>,
    /// Weights ≥ 0 of the blocks, one vector per candidate. Default: none, which is 1 for every block.
    pub block_weights: Vec<Vec<f64>>,
}

impl Default for KernelRidgeConfig {
    fn default() -> Self {
        const N_LAMBDAS: u32 = 13;
        const SMALLEST: f64 = 0.003;
        const LARGEST: f64 = 100.0;
        let step = (LARGEST / SMALLEST).ln() / f64::from(N_LAMBDAS - 1);
        Self {
            lambdas: (0..N_LAMBDAS).map(|i| SMALLEST * (step * f64::from(i)).exp()).collect(),
            centres: vec![Centre::TrainingMean, Centre::Zero],
            block_weights: Vec::new(),
        }
    }
}

impl KernelRidgeConfig {
    /// Refuses empty candidate lists, penalties that are not positive and weights that are negative.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn check(&self) -> Result<(), Error> {
        let refuse =
            |field, range, value| Err(Error::Config { of: "kernel ridge", field, range, value });
        if self.lambdas.is_empty() || self.lambdas.iter().any(|l| !(l.is_finite() && *l > 0.0)) {
            return refuse("lambdas", "one or more numbers > 0", format!("{:?}", self.lambdas));
        }
        if self.centres.is_empty() {
            return refuse("centres", "one or more centres", "none".into());
        }
        if let Some(bad) = self.block_weights.iter().find(|w| !are_weights(w)) {
            return refuse("block_weights", "finite and ≥ 0", format!("{bad:?}"));
        }
        Ok(())
    }
}

pub(super) fn are_weights(weights: &[f64]) -> bool {
    weights.iter().all(|w| w.is_finite() && *w >= 0.0)
}

/// What was chosen, and the error by which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Ridge penalty λ.
    pub lambda: f64,
    /// What is shrunk towards.
    pub centre: Centre,
    /// Weight of each block.
    pub block_weights: Vec<f64>,
    /// Squared leave-one-perturbation-out error, mean over perturbations and dimensions, in squared units of the
    /// targets.
    pub leave_one_out_mse: f64,
}
