//! An encoder whose columns weigh alike.

use crate::{Error, TargetEncoder};

/// An encoder with each column divided by its root mean square over the targets seen in training.
///
/// Zero stays zero: an encoder that says "no change" by zeros still does. A column that is zero wherever it was seen is
/// left out, for nothing was learned of it.
///
/// ```
/// use pert_encoders::{FeatureTable, Scaled, TargetEncoder};
/// let genes = ["A", "B", "C"].map(str::to_owned).to_vec();
/// let table = FeatureTable::from_dense(genes, vec!["size".into()], vec![1.0, 2.0, 6.0])?;
/// let scaled = Scaled::fit(table, &["A", "B"])?;
/// let rows = scaled.encode_targets(&["A", "B"])?;
/// assert!((rows.iter().map(|v| v * v).sum::<f64>() / 2.0 - 1.0).abs() < 1e-12);
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scaled<E> {
    encoder: E,
    /// What each column is multiplied by, `[dim]`.
    scale: Vec<f64>,
}

impl<E: TargetEncoder> Scaled<E> {
    /// Learns the scales from the targets of the training.
    ///
    /// # Errors
    /// A target that cannot be encoded.
    pub fn fit(encoder: E, seen: &[&str]) -> Result<Self, Error> {
        let mut squares = vec![0.0; encoder.dim()];
        for row in encoder.encode_targets(seen)?.chunks_exact(encoder.dim().max(1)) {
            squares.iter_mut().zip(row).for_each(|(s, v)| *s += v * v);
        }
        let n = seen.len() as f64;
        let scale = |s: &f64| if *s > 0.0 { (n / s).sqrt() } else { 0.0 };
        Ok(Self { scale: squares.iter().map(scale).collect(), encoder })
    }

    /// Builds it anew from its scales, `[dim]`.
    ///
    /// # Errors
    /// [`Error::StateMismatch`] for scales of another number, negative or not finite.
    pub fn from_scale(encoder: E, scale: Vec<f64>) -> Result<Self, Error> {
        let reason = if scale.len() != encoder.dim() {
            format!("{} scales for {} columns", scale.len(), encoder.dim())
        } else if scale.iter().any(|s| !s.is_finite() || *s < 0.0) {
            "a scale is negative or not finite".to_owned()
        } else {
            return Ok(Self { encoder, scale });
        };
        Err(Error::StateMismatch { reason })
    }

    /// The encoder below it.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// What each column is multiplied by, `[dim]`.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }
}

impl<E: TargetEncoder> TargetEncoder for Scaled<E> {
    fn dim(&self) -> usize {
        self.scale.len()
    }

    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
        let mut rows = self.encoder.encode_targets(targets)?;
        for row in rows.chunks_exact_mut(self.dim().max(1)) {
            row.iter_mut().zip(&self.scale).for_each(|(v, s)| *v *= s);
        }
        Ok(rows)
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        self.encoder.check_target(target)
    }
}
