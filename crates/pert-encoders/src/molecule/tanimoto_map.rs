//! Coordinates in which a linear method is kernel ridge on the Tanimoto similarity of drugs.

use pert_core::DrugDose;
use pert_metrics::symmetric_eigen;
use serde::{Deserialize, Serialize};

use super::drug_encoder::{DrugEncoder, DrugEncoderState};
use super::error::MoleculeError;
use super::morgan::{MorganFingerprint, tanimoto_matrix};
use crate::{Error, TargetEncoder};

/// The most training targets: time grows with the cube, memory and the state with the square of their number.
pub const MOST_TRAINING_DRUGS: usize = 4_000;

/// Eigenvalues below this share of the largest are left out: drugs with the same bits make some zero, which rounding
/// leaves at about 1e-15 of the largest, and what is divided by their roots must stay far above that.
const RANK_TOLERANCE: f64 = 1e-10;

/// Settings of a [`TanimotoMap`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TanimotoMapConfig {
    /// s, the distance in log(1 + dose in nM) at which similarity has fallen to exp(−1/2), above 0. Default `None`: the
    /// standard deviation over the training targets, or 1 where all have the same dose.
    pub dose_scale: Option<f64>,
    /// Leading coordinates that [`TanimotoMap::condition`] gives, at least 1. Default 32, the width to which features of
    /// genes are reduced too; fewer where the rank is.
    pub n_leading: usize,
}

impl Default for TanimotoMapConfig {
    fn default() -> Self {
        Self { dose_scale: None, n_leading: crate::LARGEST_REDUCED_DIM }
    }
}

impl TanimotoMapConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`MoleculeError::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), MoleculeError> {
        if let Some(scale) = self.dose_scale
            && !(scale > 0.0 && scale.is_finite())
        {
            return Err(MoleculeError::setting("dose_scale", "above 0 and finite", scale));
        }
        if self.n_leading == 0 {
            return Err(MoleculeError::setting("n_leading", "at least 1", self.n_leading));
        }
        Ok(())
    }
}

/// The kernel map of drugs at a dose over the drugs of the training.
///
/// The kernel of two targets is k(x, x') = Tanimoto(x, x') · exp(−(d − d')² / 2s²) with d = log(1 + dose in nM); without
/// doses the second factor is 1. With K = U Λ Uᵀ the kernel of the training targets, a target becomes
///
/// φ(x) = Λ^(−1/2) Uᵀ k(x, training),
///
/// so that φ(x)·φ(x') = k(x, x') wherever one of the two is a training target (Schölkopf et al., *Neural Computation* 10,
/// 1299, 1998, without centring). Ridge regression on φ is therefore kernel ridge with k, to rounding. Coordinates stand in
/// descending order of their eigenvalue.
///
/// ```
/// use pert_encoders::{
///     DrugEncoder, InvalidDrug, SaltRule, TanimotoMap, TanimotoMapConfig, TargetEncoder,
/// };
///
/// let drugs = [("phenol", "Oc1ccccc1"), ("aniline", "Nc1ccccc1"), ("ethanol", "CCO")];
/// let encoder = DrugEncoder::new(drugs, SaltRule::LargestPart, InvalidDrug::Error)?;
/// let kernel = encoder.fingerprint("phenol")?.tanimoto(encoder.fingerprint("aniline")?);
/// // Learned from two; the third is placed by its similarity to them.
/// let map = TanimotoMap::fit(encoder, &["phenol", "ethanol"], TanimotoMapConfig::default())?;
/// let phi = map.encode_targets(&["phenol", "aniline"])?; // [2, dim]
/// let product: f64 = (0..map.dim()).map(|i| phi[i] * phi[map.dim() + i]).sum();
/// assert!((product - kernel).abs() < 1e-12);
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TanimotoMap {
    encoder: DrugEncoder,
    n_leading: usize,
    training: Vec<String>,
    kernel: TrainingKernel,
    /// Descending, `[dim]`.
    eigenvalues: Vec<f64>,
    /// U Λ^(−1/2), `[training.len(), dim]` row-major.
    projection: Vec<f64>,
}

/// What the kernel with the training targets is computed from.
#[derive(Debug, Clone, PartialEq)]
struct TrainingKernel {
    fingerprints: Vec<MorganFingerprint>,
    log_doses: Vec<f64>,
    dose_scale: f64,
    /// Mean and standard deviation of the log doses; the latter 1 where all are equal.
    dose_moments: (f64, f64),
}

/// A [`TanimotoMap`] as it is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TanimotoMapState {
    drugs: DrugEncoderState,
    n_leading: usize,
    training: Vec<String>,
    dose_scale: f64,
    eigenvalues: Vec<f64>,
    projection: Vec<f64>,
}

impl TanimotoMap {
    /// Learns the map from the targets of the training; of one that stands twice, once. Doses count where the encoder was
    /// made [`with_dose`](DrugEncoder::with_dose) or the training targets have one.
    ///
    /// # Errors
    /// Settings out of range; no training targets, or more than [`MOST_TRAINING_DRUGS`]; targets that the encoder cannot
    /// read, also where some have a dose and others none.
    pub fn fit(
        encoder: DrugEncoder,
        training: &[&str],
        config: TanimotoMapConfig,
    ) -> Result<Self, Error> {
        config.check()?;
        let mut training: Vec<String> = training.iter().map(|&t| t.to_owned()).collect();
        training.sort_unstable();
        training.dedup();
        if training.is_empty() {
            return Err(MoleculeError::Nothing { what: "drugs" }.into());
        }
        if training.len() > MOST_TRAINING_DRUGS {
            let (expected, found) = ("at most 4,000", training.len());
            return Err(MoleculeError::setting("number of training drugs", expected, found).into());
        }
        let has_dose = |t: &String| t.parse::<DrugDose>().is_ok_and(|d| d.dose_nm().is_some());
        let encoder = if training.iter().any(has_dose) { encoder.with_dose() } else { encoder };
        let kernel = TrainingKernel::new(&encoder, &training, config.dose_scale)?;
        let n = training.len();
        let matrix = kernel.rows(&kernel.fingerprints, &kernel.log_doses);
        let eigen = symmetric_eigen(&matrix, n).map_err(MoleculeError::Decomposition)?;
        let largest = eigen.values[n - 1];
        let kept: Vec<usize> =
            (0..n).rev().filter(|&j| eigen.values[j] > RANK_TOLERANCE * largest).collect();
        let mut projection = vec![0.0; n * kept.len()];
        for (column, &j) in kept.iter().enumerate() {
            let vector = &eigen.vectors[j * n..][..n];
            // The sign of an eigenvector is free: its largest entry is made positive.
            let extreme = vector.iter().fold(0.0f64, |m, &v| if v.abs() > m.abs() { v } else { m });
            let factor = extreme.signum() / eigen.values[j].sqrt();
            for (row, &value) in vector.iter().enumerate() {
                projection[row * kept.len() + column] = factor * value;
            }
        }
        let eigenvalues = kept.iter().map(|&j| eigen.values[j]).collect();
        Ok(Self { encoder, n_leading: config.n_leading, training, kernel, eigenvalues, projection })
    }

    /// The eigenvalues Λ, descending, `[dim]`: the sum of each coordinate's squares over the training targets.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }

    /// The encoder of single drugs below it.
    pub fn encoder(&self) -> &DrugEncoder {
        &self.encoder
    }

    /// The width of [`Self::condition`].
    pub fn condition_dim(&self) -> usize {
        self.n_leading.min(self.dim()) + usize::from(self.encoder.has_dose())
    }

    /// What networks read of targets: the leading coordinates, scaled so that their mean squared length over the training
    /// targets is their number, and where doses count the standardised log(1 + dose in nM).
    ///
    /// # Shapes
    /// - output: `[targets.len(), condition_dim]`, row-major
    ///
    /// # Errors
    /// As [`TargetEncoder::encode_targets`].
    pub fn condition(&self, targets: &[&str]) -> Result<Vec<f32>, Error> {
        let (dim, n_leading) = (self.dim(), self.n_leading.min(self.dim()));
        let total: f64 = self.eigenvalues[..n_leading].iter().sum();
        let scale = (n_leading as f64 * self.training.len() as f64 / total).sqrt();
        let (mean, deviation) = self.kernel.dose_moments;
        let phi = self.encode_targets(targets)?;
        let mut condition = Vec::with_capacity(targets.len() * self.condition_dim());
        for (target, row) in targets.iter().zip(phi.chunks_exact(dim)) {
            condition.extend(row[..n_leading].iter().map(|v| (v * scale) as f32));
            if self.encoder.has_dose() {
                condition.push(((self.encoder.read(target)?.1 - mean) / deviation) as f32);
            }
        }
        Ok(condition)
    }

    /// What it takes to build it anew.
    pub fn state(&self) -> TanimotoMapState {
        TanimotoMapState {
            drugs: self.encoder.state(),
            n_leading: self.n_leading,
            training: self.training.clone(),
            dose_scale: self.kernel.dose_scale,
            eigenvalues: self.eigenvalues.clone(),
            projection: self.projection.clone(),
        }
    }

    /// Builds it anew; the same numbers follow.
    ///
    /// # Errors
    /// [`MoleculeError::BadState`] for a state that does not hold together, and what its drugs are refused for.
    pub fn from_state(state: TanimotoMapState) -> Result<Self, Error> {
        let bad = |reason: String| MoleculeError::BadState { what: "map of drugs", reason };
        let (n, dim) = (state.training.len(), state.eigenvalues.len());
        let config =
            TanimotoMapConfig { dose_scale: Some(state.dose_scale), n_leading: state.n_leading };
        config.check()?;
        if n == 0 || dim == 0 || dim > n || state.projection.len() != n * dim {
            let values = state.projection.len();
            return Err(bad(format!("{n} drugs × {dim} dimensions, {values} values")).into());
        }
        let is_number = |v: &f64| v.is_finite();
        if !(state.eigenvalues.iter().all(|v| v.is_finite() && *v > 0.0)
            && state.projection.iter().all(is_number))
        {
            return Err(bad("a number is out of range".into()).into());
        }
        let encoder = DrugEncoder::from_state(state.drugs)?;
        let kernel = TrainingKernel::new(&encoder, &state.training, config.dose_scale)?;
        Ok(Self {
            encoder,
            n_leading: state.n_leading,
            training: state.training,
            kernel,
            eigenvalues: state.eigenvalues,
            projection: state.projection,
        })
    }
}

impl TrainingKernel {
    fn new(encoder: &DrugEncoder, training: &[String], scale: Option<f64>) -> Result<Self, Error> {
        let (mut fingerprints, mut log_doses) = (Vec::new(), Vec::new());
        for target in training {
            let (fingerprint, log_dose) = encoder.read(target)?;
            fingerprints.push(fingerprint.clone());
            log_doses.push(log_dose);
        }
        let n = log_doses.len() as f64;
        let mean = log_doses.iter().sum::<f64>() / n;
        let variance = log_doses.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
        let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        let dose_scale = scale.unwrap_or(deviation);
        Ok(Self { fingerprints, log_doses, dose_scale, dose_moments: (mean, deviation) })
    }

    /// The kernel with the training targets, `[fingerprints.len(), training]` row-major.
    fn rows(&self, fingerprints: &[MorganFingerprint], log_doses: &[f64]) -> Vec<f64> {
        let mut rows = tanimoto_matrix(fingerprints, &self.fingerprints);
        for (row, dose) in rows.chunks_exact_mut(self.log_doses.len()).zip(log_doses) {
            for (value, other) in row.iter_mut().zip(&self.log_doses) {
                *value *= (-0.5 * ((dose - other) / self.dose_scale).powi(2)).exp();
            }
        }
        rows
    }
}

impl TargetEncoder for TanimotoMap {
    fn dim(&self) -> usize {
        self.eigenvalues.len()
    }

    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
        let (n, dim) = (self.training.len(), self.dim());
        let mut phi = vec![0.0; targets.len() * dim];
        for (target, out) in targets.iter().zip(phi.chunks_exact_mut(dim)) {
            let (fingerprint, log_dose) = self.encoder.read(target)?;
            let row = self.kernel.rows(std::slice::from_ref(fingerprint), &[log_dose]);
            for (weight, values) in row.iter().zip(self.projection.chunks_exact(dim)).take(n) {
                out.iter_mut().zip(values).for_each(|(o, v)| *o += weight * v);
            }
        }
        Ok(phi)
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        self.encoder.check_target(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InvalidDrug, SaltRule};

    const DRUGS: [(&str, &str); 6] = [
        ("a", "CC(=O)Oc1ccccc1C(=O)O"),
        ("b", "Oc1ccccc1"),
        ("c", "CCO"),
        ("d", "CN1CCCC1c1cccnc1"),
        ("salt of b", "Oc1ccccc1.Cl"),
        ("e", "Nc1ccccc1C(=O)O"),
    ];

    fn encoder() -> DrugEncoder {
        DrugEncoder::new(DRUGS, SaltRule::LargestPart, InvalidDrug::Error).unwrap()
    }

    fn product(map: &TanimotoMap, x: &str, y: &str) -> f64 {
        let phi = map.encode_targets(&[x, y]).unwrap();
        let (x, y) = phi.split_at(map.dim());
        x.iter().zip(y).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn products_are_the_kernel_also_where_drugs_are_alike() {
        // A drug and its salt have the same bits: the kernel is singular.
        let training = ["a", "b", "salt of b", "c", "d"];
        let map = TanimotoMap::fit(encoder(), &training, TanimotoMapConfig::default()).unwrap();
        assert_eq!(map.dim(), 4);
        for x in training {
            for y in ["a", "b", "salt of b", "c", "d", "e"] {
                let kernel = |name| encoder().fingerprint(name).unwrap().clone();
                let expected = kernel(x).tanimoto(&kernel(y));
                approx::assert_abs_diff_eq!(product(&map, x, y), expected, epsilon = 1e-12);
            }
        }
    }

    #[test]
    fn the_dose_decays_as_a_gaussian() {
        let config = TanimotoMapConfig { dose_scale: Some(2.0), n_leading: 3 };
        let map =
            TanimotoMap::fit(encoder(), &["a_10nM", "a_1uM", "c_10nM", "a_10nM"], config).unwrap();
        let distance = (1001f64.ln() - 11f64.ln()) / 2.0;
        let expected = (-distance * distance / 2.0).exp();
        approx::assert_abs_diff_eq!(product(&map, "a_10nM", "a_1uM"), expected, epsilon = 1e-12);
        assert_eq!(map.condition_dim(), 4);
        let condition = map.condition(&["a_10nM", "a_1uM", "c_10nM"]).unwrap();
        let square: f32 = condition.chunks(4).flat_map(|row| &row[..3]).map(|v| v * v).sum();
        approx::assert_relative_eq!(square / 3.0, 3.0, max_relative = 1e-5);
        let doses: f32 = condition.chunks(4).map(|row| row[3]).sum();
        assert!(doses.abs() < 1e-5, "{doses}");
        let error = map.check_target("a").unwrap_err().to_string();
        assert!(error.contains("has no dose"), "{error}");
    }

    #[test]
    fn the_state_gives_the_same_bits_and_a_damaged_one_is_refused() {
        let map =
            TanimotoMap::fit(encoder(), &["a_1nM", "b_2nM"], TanimotoMapConfig::default()).unwrap();
        let text = serde_json::to_string(&map.state()).unwrap();
        let again = TanimotoMap::from_state(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(again, map);
        let targets = ["e_5nM", "b_1uM"];
        assert_eq!(again.encode_targets(&targets).unwrap(), map.encode_targets(&targets).unwrap());
        for damaged in [
            TanimotoMapState { projection: vec![1.0], ..map.state() },
            TanimotoMapState { training: vec![], ..map.state() },
            TanimotoMapState { training: vec!["a_1nM".into(), "z_1nM".into()], ..map.state() },
            TanimotoMapState { eigenvalues: vec![1.0, f64::NAN], ..map.state() },
            TanimotoMapState { dose_scale: 0.0, ..map.state() },
        ] {
            assert!(TanimotoMap::from_state(damaged.clone()).is_err(), "{damaged:?}");
        }
    }

    #[test]
    fn what_cannot_be_learned_is_refused() {
        let fit = |training: &[&str], config| TanimotoMap::fit(encoder(), training, config);
        let default = TanimotoMapConfig::default;
        assert!(fit(&[], default()).is_err());
        assert!(fit(&["a", "b_1nM"], default()).unwrap_err().to_string().contains("no dose"));
        assert!(fit(&["a", "x"], default()).is_err());
        assert!(fit(&["a"], TanimotoMapConfig { n_leading: 0, ..default() }).is_err());
        assert!(
            fit(&["a"], TanimotoMapConfig { dose_scale: Some(f64::NAN), ..default() }).is_err()
        );
    }
}
