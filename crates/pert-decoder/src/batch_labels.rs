//! Batches by their names.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The batches a model was trained with, as one-hot covariates.
///
/// A batch the model has not seen is refused: its one-hot row would be all zeros, an extrapolation that no training
/// cell supports. What the model says of cells of a new batch is asked for as if they came from each known one in turn and
/// [averaged](Self::average).
///
/// ```
/// use pert_decoder::{BatchLabels, Error};
/// let batches = BatchLabels::new(["donor 1", "donor 2"])?;
/// assert_eq!(batches.one_hot(["donor 2", "donor 1"])?, [0.0, 1.0, 1.0, 0.0]); // [n, n_batches]
/// let error = batches.one_hot(["donor 3"]).unwrap_err();
/// assert_eq!(error.to_string(), r#"the model does not know batch "donor 3", only donor 1, donor 2"#);
/// // The same three cells as cells of each batch.
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

    /// The mean over the known batches of what `of` says of `n` cells, for cells of a batch that the model does not know;
    /// `of` is given the covariates `[n, n_batches]` of one batch after another.
    ///
    /// # Errors
    /// The first error of `of`; [`Error::WrongLength`] if it says more of one batch than of another.
    ///
    /// ```
    /// use pert_decoder::{BatchLabels, Conditions, CsrCounts, Device, Vae, VaeConfig, seeded_rng};
    /// let batches = BatchLabels::new(["donor 1", "donor 2"])?;
    /// let config = VaeConfig { d_covariate: 2, ..VaeConfig::new(3, 2) };
    /// let vae = Vae::untrained(config, &mut seeded_rng(0, "weights"), &Device::default())?;
    /// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0])?;
    /// let latent = batches.average(1, |covariate| {
    ///     vae.encode(&counts, &[0], Conditions { cell: None, covariate: Some(covariate) })
    /// })?;
    /// assert_eq!(latent.len(), 2); // [n, n_latent]
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn average(
        &self,
        n: usize,
        mut of: impl FnMut(&[f32]) -> Result<Vec<f32>, Error>,
    ) -> Result<Vec<f32>, Error> {
        let mut sums: Vec<f64> = Vec::new();
        for (batch, covariate) in self.every(n).enumerate() {
            let values = of(&covariate)?;
            if batch == 0 {
                sums = vec![0.0; values.len()];
            }
            if values.len() != sums.len() {
                let (what, expected, found) = ("what is averaged", sums.len(), values.len());
                let width = expected / n.max(1);
                return Err(Error::WrongLength { what, expected, rows: n, width, found });
            }
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value));
        }
        Ok(sums.into_iter().map(|sum| (sum / self.known.len() as f64) as f32).collect())
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

    #[test]
    fn an_unknown_batch_is_told_which_are_known() {
        let batches = BatchLabels::new(["donor 1", "donor 2"]).unwrap();
        for refused in [
            batches.index("donor 3").map(|_| ()),
            batches.one_hot(["donor 2", "donor 3"]).map(|_| ()),
        ] {
            let message = refused.unwrap_err().to_string();
            for word in ["donor 3", "donor 1", "donor 2"] {
                assert!(message.contains(word), "{message}");
            }
        }
    }

    #[test]
    fn an_average_is_over_all_known_batches() {
        let batches = BatchLabels::new(["a", "b", "c"]).unwrap();
        // Batch k, counted from 0, says 4 k of every cell.
        let column = |row: &[f32]| row.iter().position(|&x| x == 1.0).unwrap();
        let of = |covariate: &[f32]| {
            Ok(covariate.chunks(3).map(|row| 4.0 * column(row) as f32).collect())
        };
        assert_eq!(batches.average(2, of).unwrap(), [4.0, 4.0]);
        let unequal = batches.average(2, |covariate| Ok(vec![1.0; column(covariate)]));
        assert!(matches!(unequal, Err(Error::WrongLength { expected: 0, found: 1, .. })));
        let refused = batches.average(1, |_| Err(Error::NoCells { purpose: "a test" }));
        assert_eq!(refused.unwrap_err(), Error::NoCells { purpose: "a test" });
    }
}
