//! Perturbations as points.

use std::collections::HashMap;

use pert_core::Perturbation;

use crate::features::{block_scales, check_finite};
use crate::{Error, FeatureVectors, TrainingSummary};

/// One vector per perturbation: what [`Ridge`](crate::Ridge), [`BilinearRidge`](crate::BilinearRidge) and
/// [`Nearest`](crate::Nearest) know of it.
///
/// ```
/// use pert_baselines::{Embedding, FeatureVectors, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// // Which of A and B is in the set, and one number known of each gene, in some unit.
/// let known = |set: [f64; 2], unit: f64| FeatureVectors::new(vec![set.to_vec(), vec![unit]]);
/// let (a, b) = (perturbation("A")?, perturbation("B")?);
/// let features = [(a.clone(), known([1., 0.], 300.)), (b, known([0., 1.], 500.))];
/// let embedding = Embedding::from_features(&summary, features)?;
/// assert_eq!(embedding.d(), 3);
/// // The unit has gone: its mean square over A and B is 1.
/// let unit = embedding.vector(&a).ok_or("A has no vector")?[2];
/// assert!((unit - 300. / f64::sqrt((300. * 300. + 500. * 500.) / 2.)).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    d: usize,
    vectors: HashMap<Perturbation, Vec<f64>>,
}

impl Embedding {
    /// The blocks of features joined, each scaled to mean squared norm 1 over the training perturbations, so that
    /// inner products are the kernel of [`KernelRidge`](crate::KernelRidge) with weights 1. A block that is 0 for
    /// all of them stays 0.
    ///
    /// `features` must hold every training perturbation, and may hold any that are to be predicted.
    ///
    /// # Errors
    /// [`Error::MissingFeatures`], [`Error::NoFeatures`], [`Error::FeatureShape`], [`Error::NotFinite`].
    pub fn from_features(
        summary: &TrainingSummary<'_>,
        features: impl IntoIterator<Item = (Perturbation, FeatureVectors)>,
    ) -> Result<Self, Error> {
        let features: Vec<(Perturbation, FeatureVectors)> = features.into_iter().collect();
        let expected = features.first().map(|(_, f)| f.lengths()).unwrap_or_default();
        for (index, (_, one)) in features.iter().enumerate() {
            one.check(&expected, index)?;
        }
        let of: HashMap<&Perturbation, &FeatureVectors> =
            features.iter().map(|(p, f)| (p, f)).collect();
        let training: Vec<FeatureVectors> = summary
            .perturbations()
            .map(|p| of.get(p).map(|f| (*f).clone()).ok_or_else(|| missing(p)))
            .collect::<Result<_, _>>()?;
        let scales = block_scales(&training, &vec![1.0; expected.len()]);
        let joined = features.into_iter().map(|(p, f)| {
            let blocks = f.blocks().iter().zip(&scales);
            (p, blocks.flat_map(|(b, s)| b.iter().map(move |v| v * s.sqrt())).collect())
        });
        Self::from_vectors(joined)
    }

    /// Vectors as they are, such as coordinates learned elsewhere.
    ///
    /// # Errors
    /// [`Error::NoFeatures`] when they are empty, [`Error::FeatureShape`], [`Error::NotFinite`].
    ///
    /// ```
    /// use pert_baselines::Embedding;
    /// use pert_core::{LabelFormat, Perturbation};
    /// let a = Perturbation::parse("A", &LabelFormat::default())?;
    /// let embedding = Embedding::from_vectors([(a.clone(), vec![0.5, -1.0])])?;
    /// assert_eq!(embedding.vector(&a), Some([0.5, -1.0].as_slice()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_vectors(
        vectors: impl IntoIterator<Item = (Perturbation, Vec<f64>)>,
    ) -> Result<Self, Error> {
        let vectors: Vec<(Perturbation, Vec<f64>)> = vectors.into_iter().collect();
        let d = vectors.first().map_or(0, |(_, v)| v.len());
        if d == 0 {
            return Err(Error::NoFeatures);
        }
        for (index, (_, vector)) in vectors.iter().enumerate() {
            if vector.len() != d {
                let (expected, found) = (vec![d], vec![vector.len()]);
                return Err(Error::FeatureShape { index, expected, found });
            }
            check_finite("a feature", index, vector)?;
        }
        Ok(Self { d, vectors: vectors.into_iter().collect() })
    }

    /// Its dimensions.
    pub fn d(&self) -> usize {
        self.d
    }

    /// The vector of a perturbation, `[d]`; `None` where none was given.
    pub fn vector(&self, p: &Perturbation) -> Option<&[f64]> {
        self.vectors.get(p).map(Vec::as_slice)
    }

    /// The vectors of the training perturbations, in their order, `[n_perturbations, d]`.
    pub(crate) fn training(&self, summary: &TrainingSummary<'_>) -> Result<Vec<f64>, Error> {
        let mut rows = Vec::new();
        for p in summary.perturbations() {
            rows.extend_from_slice(self.vector(p).ok_or_else(|| missing(p))?);
        }
        Ok(rows)
    }
}

fn missing(p: &Perturbation) -> Error {
    Error::MissingFeatures { label: p.label().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{perturbation, summary};
    use crate::{Centre, KernelRidge};

    #[test]
    fn inner_products_are_the_kernel() {
        let (screen, train, _) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let of = |set: [f64; 2], notes: [f64; 3]| {
            FeatureVectors::new(vec![set.to_vec(), notes.to_vec(), vec![0.0], vec![]])
        };
        let features: Vec<(Perturbation, FeatureVectors)> = vec![
            (perturbation("A"), of([1.0, 0.0], [30.0, 2.0, 0.0])),
            (perturbation("A+B"), of([1.0, 1.0], [30.0, 9.0, 4.0])),
            (perturbation("B"), of([0.0, 1.0], [0.0, 7.0, 4.0])),
        ];
        let embedding = Embedding::from_features(&summary, features.clone()).unwrap();
        let rows = embedding.training(&summary).unwrap();
        let blocks: Vec<FeatureVectors> = features.into_iter().map(|(_, f)| f).collect();
        let joined: Vec<FeatureVectors> =
            rows.chunks_exact(6).map(|row| FeatureVectors::new(vec![row.to_vec()])).collect();
        let (targets, centre) = ([1.0, -2.0, 0.5], Centre::Zero);
        // Two blocks hold something, so the trace is twice what one block of mean diagonal 1 has.
        let one = KernelRidge::fit_with(&blocks, &targets, 1, 0.2, centre).unwrap();
        let other = KernelRidge::fit_with(&joined, &targets, 1, 0.1, centre).unwrap();
        for (a, b) in blocks.iter().zip(&joined) {
            approx::assert_relative_eq!(
                one.predict(a)[0],
                other.predict(b)[0],
                max_relative = 1e-12
            );
        }
    }

    #[test]
    fn bad_vectors_are_named() {
        let (screen, train, _) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        let vectors = |a: &[f64], b: &[f64]| {
            Embedding::from_vectors([
                (perturbation("A"), a.to_vec()),
                (perturbation("B"), b.to_vec()),
            ])
        };
        assert_eq!(vectors(&[], &[]), Err(Error::NoFeatures));
        assert!(matches!(vectors(&[1.0], &[]), Err(Error::FeatureShape { index: 1, .. })));
        assert!(matches!(vectors(&[1.0], &[f64::NAN]), Err(Error::NotFinite { index: 1, .. })));
        let without_the_pair = vectors(&[1.0], &[2.0]).unwrap();
        assert_eq!(
            without_the_pair.training(&summary),
            Err(Error::MissingFeatures { label: "A+B".into() })
        );
    }
}
