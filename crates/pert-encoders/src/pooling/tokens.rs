//! Perturbations as padded sets of tokens on a device.

use burn::tensor::{Device, Int, Tensor, TensorData};
use pert_core::{ChaCha8Rng, Perturbation};
use rand::Rng;

use crate::{Error, TargetEncoder};

/// The id of a target that was never seen in training.
pub(super) const NULL_ID: i32 = 0;

/// Some perturbations as a [`SetEncoder`](crate::SetEncoder) reads them: for each target the id it was seen under, and its
/// features.
///
/// | | features | none |
/// |---|---|---|
/// | seen in training | id and features | id alone, features zero |
/// | unseen | null id and features | error |
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::{LabelFormat, Perturbation};
/// use pert_encoders::{FeatureTable, TokenBatch};
/// let genes = ["KLF1", "MYC"].map(str::to_owned).to_vec();
/// let features = FeatureTable::from_dense(genes, vec!["length".into()], vec![10.0, 14.0])?;
/// let parse = |label| Perturbation::parse(label, &LabelFormat::default());
/// let (pair, control) = (parse("MYC+KLF1")?, parse("control")?);
/// let seen = ["KLF1".to_owned()];
/// let batch = TokenBatch::new(&[&pair, &control], &seen, Some(&features), &Device::default())?;
/// assert_eq!((batch.n(), batch.n_tokens(), batch.d_features()), (2, 2, 1));
/// assert!(TokenBatch::new(&[&pair], &seen, None, &Device::default()).is_err()); // of MYC nothing is known
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TokenBatch {
    n: usize,
    n_tokens: usize,
    n_seen: usize,
    /// `[n, n_tokens]`: 0, the null id, for unseen targets and padding; 1 + place among the seen ones.
    ids: Vec<i32>,
    /// `[n, n_tokens, d_features]`; `None` without features.
    features: Option<Tensor<3>>,
    d_features: usize,
    /// `[n, n_tokens]`: 1 for a token, 0 for padding.
    is_token: Tensor<2>,
    device: Device,
}

impl TokenBatch {
    /// Takes perturbations, the targets seen in training (sorted bytewise, as
    /// [`GeneSetEncoder::seen_genes`](crate::GeneSetEncoder::seen_genes) gives them), and what knows targets by features.
    ///
    /// # Errors
    /// The first unseen target without features.
    pub fn new(
        perturbations: &[&Perturbation],
        seen: &[String],
        features: Option<&dyn TargetEncoder>,
        device: &Device,
    ) -> Result<Self, Error> {
        let n = perturbations.len();
        let largest = perturbations.iter().map(|p| p.targets().len()).max();
        let n_tokens = largest.unwrap_or(0).max(1); // Burn has no axes of length 0
        let d_features = features.map_or(0, TargetEncoder::dim);
        let mut ids = vec![NULL_ID; n * n_tokens];
        let mut is_token = vec![0.0f32; n * n_tokens];
        let mut values = vec![0.0f32; n * n_tokens * d_features];
        for (row, perturbation) in perturbations.iter().enumerate() {
            for (i, target) in perturbation.targets().iter().enumerate() {
                let at = row * n_tokens + i;
                is_token[at] = 1.0;
                let place = seen.binary_search(target).ok();
                ids[at] = place.map_or(NULL_ID, |place| place as i32 + 1);
                let known = match features {
                    Some(encoder) => encoder.encode_targets(&[target]).map(Some),
                    None if place.is_none() => {
                        let genes = vec![(target.clone(), Vec::new())];
                        Err(Error::UnknownGenes { what: "training cells", genes })
                    }
                    None => Ok(None),
                };
                match known {
                    Ok(Some(vector)) => values[at * d_features..][..d_features]
                        .iter_mut()
                        .zip(vector)
                        .for_each(|(out, value)| *out = value as f32),
                    Err(unknown) if place.is_none() => return Err(unknown),
                    Ok(None) | Err(_) => {}
                }
            }
        }
        let features = (d_features > 0)
            .then(|| Tensor::from_data(TensorData::new(values, [n, n_tokens, d_features]), device));
        let is_token = Tensor::from_data(TensorData::new(is_token, [n, n_tokens]), device);
        let (n_seen, device) = (seen.len(), device.clone());
        Ok(Self { n, n_tokens, n_seen, ids, features, d_features, is_token, device })
    }

    /// The same tokens as if some had never been seen: every id is replaced by the null id with probability `rate`. In
    /// training, this is what teaches the null id, and the network to do without ids.
    #[must_use]
    pub fn with_ids_dropped(&self, rate: f64, rng: &mut ChaCha8Rng) -> Self {
        let mut dropped = self.clone();
        for id in &mut dropped.ids {
            if unit_uniform(rng) < rate {
                *id = NULL_ID;
            }
        }
        dropped
    }

    /// The same tokens on another device (with gradients, say).
    pub(crate) fn to_device(&self, device: &Device) -> Self {
        Self {
            features: self.features.clone().map(|f| f.to_device(device)),
            is_token: self.is_token.clone().to_device(device),
            device: device.clone(),
            ..self.clone()
        }
    }

    /// Number of sets.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Tokens there is room for in a set, at least 1.
    pub fn n_tokens(&self) -> usize {
        self.n_tokens
    }

    /// Width of the features; 0 without.
    pub fn d_features(&self) -> usize {
        self.d_features
    }

    /// Number of targets that have an id.
    pub fn n_seen(&self) -> usize {
        self.n_seen
    }

    /// `[n · n_tokens]`.
    pub(super) fn ids(&self) -> Tensor<1, Int> {
        Tensor::from_data(TensorData::new(self.ids.clone(), [self.ids.len()]), &self.device)
    }

    pub(super) fn features(&self) -> Option<Tensor<3>> {
        self.features.clone()
    }

    pub(super) fn is_token(&self) -> Tensor<2> {
        self.is_token.clone()
    }
}

/// 53 random bits: uniform on [0, 1) and exact in f64.
fn unit_uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}
