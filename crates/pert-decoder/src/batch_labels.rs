//! Batches by their names.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The batches a model was trained with, as one-hot covariates.
///
/// A batch the model has not seen is refused: its one-hot row would be all zeros, an extrapolation that no training
/// cell supports. Cells of a new batch are decoded as if they came from a known one, [`every`](Self::every) in turn.
///
/// ```
/// use pert_decoder::{BatchLabels, Error};
/// let batches = BatchLabels::new(["donor 1", "donor 2"])?;
/// assert_eq!(batches.one_hot(["donor 2", "donor 1"])?, [0.0, 1.0, 1.0, 0.0]); // [n, n_batches]
/// let error = batches.one_hot(["donor 3"]).unwrap_err();
/// assert_eq!(error.to_string(), r#"the model does not know batch "donor 3", only donor 1, donor 2"#);
/// // The same three cells as cells of each batch, to average what the model says.
/// assert_eq!(batches.every(3).count(), 2);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchLabels {
    known: Vec<String>,
}

impl BatchLabels {
    /// The labels, in the order of the one-hot columns.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] without labels or with one twice.
    pub fn new<S: Into<String>>(labels: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let known: Vec<String> = labels.into_iter().map(Into::into).collect();
        if known.is_empty() {
            return Err(Error::setting("batch labels", "at least one", "none"));
        }
        match known.iter().enumerate().find(|(i, label)| known[..*i].contains(label)) {
            Some((_, label)) => Err(Error::setting("batch labels", "distinct", label)),
            None => Ok(Self { known }),
        }
    }

    /// The labels.
    pub fn known(&self) -> &[String] {
        &self.known
    }

    /// The number of a batch, the column of its 1.
    ///
    /// # Errors
    /// [`Error::UnknownBatch`], listing the known ones.
    pub fn index(&self, label: &str) -> Result<usize, Error> {
        self.known.iter().position(|known| known == label).ok_or_else(|| Error::UnknownBatch {
            label: label.to_owned(),
            known: self.known.clone(),
        })
    }

    /// One row per label, `[n, n_batches]`, for [`Conditions::covariate`](crate::Conditions).
    ///
    /// # Errors
    /// [`Error::UnknownBatch`], listing the known ones.
    pub fn one_hot<'a>(
        &self,
        labels: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<f32>, Error> {
        let mut rows = Vec::new();
        for label in labels {
            let batch = self.index(label)?;
            rows.extend((0..self.known.len()).map(|k| f32::from(u8::from(k == batch))));
        }
        Ok(rows)
    }

    /// The covariates of `n` cells of the first batch, of the second, …, `[n, n_batches]` each.
    pub fn every(&self, n: usize) -> impl Iterator<Item = Vec<f32>> {
        let width = self.known.len();
        (0..width).map(move |batch| {
            (0..n * width).map(|i| f32::from(u8::from(i % width == batch))).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_must_be_given_and_distinct() {
        assert!(BatchLabels::new(Vec::<String>::new()).is_err());
        assert!(BatchLabels::new(["a", "b", "a"]).is_err());
    }

    #[test]
    fn every_batch_is_one_column() {
        let batches = BatchLabels::new(["a", "b"]).unwrap();
        let all: Vec<Vec<f32>> = batches.every(2).collect();
        assert_eq!(
            all,
            [batches.one_hot(["a", "a"]).unwrap(), batches.one_hot(["b", "b"]).unwrap()]
        );
    }
}
