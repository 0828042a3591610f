//! What every encoder of perturbations does: numbers for each target, tokens and a sum for a set of them.

use std::collections::HashMap;
use std::sync::Mutex;

use pert_core::Perturbation;

use crate::Error;

/// Numbers for the targets of perturbations: genes, drugs with their dose, protein variants.
///
/// A target is what [`Perturbation::targets`] lists. The same target gets the same row, bit for bit, whatever stands
/// beside it in a batch.
pub trait TargetEncoder: Send + Sync {
    /// Width of a row.
    fn dim(&self) -> usize;

    /// One row per target, `[targets.len(), dim]` row-major.
    ///
    /// # Errors
    /// The first target that cannot be encoded, with the reason.
    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error>;

    /// Whether a target can be encoded, without the work of encoding it where that is much.
    ///
    /// # Errors
    /// The reason why not.
    fn check_target(&self, target: &str) -> Result<(), Error> {
        self.encode_targets(&[target]).map(drop)
    }

    /// Encodes perturbations as sets of tokens, one for each target.
    ///
    /// # Errors
    /// As [`TargetEncoder::encode_targets`].
    fn encode_sets(&self, perturbations: &[&Perturbation]) -> Result<EncodedSets, Error> {
        let dim = self.dim();
        let n_tokens = perturbations.iter().map(|p| p.targets().len()).max().unwrap_or(0);
        let mut sets = EncodedSets {
            n: perturbations.len(),
            dim,
            n_tokens,
            tokens: vec![0.0; perturbations.len() * n_tokens * dim],
            is_token: vec![false; perturbations.len() * n_tokens],
        };
        let targets: Vec<&str> =
            perturbations.iter().flat_map(|p| p.targets()).map(String::as_str).collect();
        let rows = self.encode_targets(&targets)?;
        let mut rows = rows.chunks_exact(dim.max(1));
        for (set, perturbation) in perturbations.iter().enumerate() {
            for place in 0..perturbation.targets().len() {
                let at = set * n_tokens + place;
                sets.is_token[at] = true;
                if let Some(row) = rows.next() {
                    sets.tokens[at * dim..][..dim].copy_from_slice(row);
                }
            }
        }
        Ok(sets)
    }
}

/// Perturbations as padded sets of tokens. Control has no token.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedSets {
    /// Number of sets.
    pub n: usize,
    /// Width of a token.
    pub dim: usize,
    /// Tokens of the largest set.
    pub n_tokens: usize,
    /// `[n, n_tokens, dim]` row-major, zero where there is no token.
    pub tokens: Vec<f64>,
    /// `[n, n_tokens]`: whether a token stands there.
    pub is_token: Vec<bool>,
}

impl EncodedSets {
    /// The sum of each set's tokens, `[n, dim]`: the pooled embedding that does not depend on the order of targets.
    pub fn sum(&self) -> Vec<f64> {
        let sets = self.tokens.chunks_exact((self.n_tokens * self.dim).max(1));
        let mut sums = vec![0.0; self.n * self.dim];
        for (sum, tokens) in sums.chunks_exact_mut(self.dim.max(1)).zip(sets) {
            for token in tokens.chunks_exact(self.dim.max(1)) {
                sum.iter_mut().zip(token).for_each(|(s, t)| *s += t);
            }
        }
        sums
    }
}

/// Keeps the rows of targets met before: for encoders whose rows cost much.
///
/// ```
/// use pert_encoders::{Cached, Error, TargetEncoder};
/// struct Length;
/// impl TargetEncoder for Length {
///     fn dim(&self) -> usize {
///         1
///     }
///     fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
///         Ok(targets.iter().map(|t| t.len() as f64).collect())
///     }
/// }
/// let encoder = Cached::new(Length);
/// assert_eq!(encoder.encode_targets(&["KLF1", "MYC", "KLF1"])?, [4.0, 3.0, 4.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Cached<E> {
    encoder: E,
    rows: Mutex<HashMap<String, Vec<f64>>>,
}

impl<E: TargetEncoder> Cached<E> {
    /// Nothing is kept yet.
    pub fn new(encoder: E) -> Self {
        Self { encoder, rows: Mutex::new(HashMap::new()) }
    }

    /// The encoder within.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }
}

impl<E: TargetEncoder> TargetEncoder for Cached<E> {
    fn dim(&self) -> usize {
        self.encoder.dim()
    }

    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
        let dim = self.dim();
        // A thread that panicked left whole rows behind: nothing is half-written.
        let mut known = self.rows.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut new: Vec<&str> =
            targets.iter().filter(|&&t| !known.contains_key(t)).copied().collect();
        new.sort_unstable();
        new.dedup();
        let rows = self.encoder.encode_targets(&new)?;
        for (i, target) in new.into_iter().enumerate() {
            known.insert(target.to_owned(), rows[i * dim..(i + 1) * dim].to_vec());
        }
        Ok(targets.iter().flat_map(|&t| known[t].iter().copied()).collect())
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        self.encoder.check_target(target)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use pert_core::LabelFormat;

    use super::*;

    /// The letters of a name, as numbers; counts how many names it was asked for.
    struct FirstAndLast(AtomicUsize);

    impl TargetEncoder for FirstAndLast {
        fn dim(&self) -> usize {
            2
        }

        fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
            self.0.fetch_add(targets.len(), Ordering::Relaxed);
            let numbers = |t: &&str| [t.as_bytes()[0], t.as_bytes()[t.len() - 1]].map(f64::from);
            Ok(targets.iter().flat_map(numbers).collect())
        }
    }

    fn parse(label: &str) -> Perturbation {
        Perturbation::parse(label, &LabelFormat::default()).unwrap()
    }

    #[test]
    fn sets_are_padded_and_add_up_in_any_order() {
        let sets = [parse("AB+CD"), parse("control"), parse("EF")];
        let encoder = FirstAndLast(AtomicUsize::new(0));
        let encoded = encoder.encode_sets(&sets.each_ref()).unwrap();
        assert_eq!(encoded.is_token, [true, true, false, false, true, false]);
        assert_eq!(encoded.tokens[..4], [65.0, 66.0, 67.0, 68.0]);
        assert_eq!(encoded.sum(), [132.0, 134.0, 0.0, 0.0, 69.0, 70.0]);
        let swapped = encoder.encode_sets(&[&parse("CD+AB")]).unwrap();
        assert_eq!(swapped.sum(), encoded.sum()[..2]);
        assert_eq!(encoder.encode_sets(&[&parse("control")]).unwrap().sum(), [0.0, 0.0]);
    }

    #[test]
    fn what_was_met_before_is_not_encoded_again() {
        let encoder = Cached::new(FirstAndLast(AtomicUsize::new(0)));
        let first = encoder.encode_targets(&["AB", "CD", "AB"]).unwrap();
        assert_eq!(
            encoder.encode_targets(&["CD", "AB", "EF"]).unwrap()[..4],
            [67.0, 68.0, 65.0, 66.0]
        );
        assert_eq!(first, [65.0, 66.0, 67.0, 68.0, 65.0, 66.0]);
        assert_eq!(encoder.encoder().0.load(Ordering::Relaxed), 3);
    }
}
