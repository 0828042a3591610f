//! The prior of the library size.

use pert_core::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::inputs::{check_groups, check_values};

/// Cells of the global distribution that every group is mixed with, so that a perturbation of few cells keeps
/// close to the global library size.
const PSEUDO_CELLS: f64 = 20.0;

/// Log library sizes closer than 1% are not told apart; it also keeps a prior of equal library sizes proper.
const MIN_VARIANCE: f64 = 1e-4;

/// A log-normal distribution of library sizes, by mean and variance of log l.
///
/// ```
/// use pert_core::seeded_rng;
/// use pert_decoder::LogNormal;
/// let library = LogNormal { mean: 5_000f64.ln(), variance: 0.0 };
/// assert_eq!(library.sample(&mut seeded_rng(0, "library")), 5_000f64.ln());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogNormal {
    /// Mean of log l (l in counts).
    pub mean: f64,
    /// Variance of log l.
    pub variance: f64,
}

impl LogNormal {
    /// log of it is N(0, 1): the standard prior of a dimension of z, which is normal itself.
    pub(crate) const STANDARD: Self = Self { mean: 0.0, variance: 1.0 };

    /// One log library size, log l = mean + √variance · N(0, 1), in log counts.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> f64 {
        let noise: f64 = StandardNormal.sample(rng);
        self.mean + self.variance.sqrt() * noise
    }
}

/// p(l|p): a log-normal per group (perturbation), shrunk towards the global one by 20 pseudo-cells.
///
/// With n cells of mean x̄ and global moments (m, v): mean (n x̄ + 20 m)/(n + 20), variance
/// (Σ(x − x̄)² + 20 v)/(n + 20).
///
/// ```
/// use pert_decoder::LibraryPrior;
/// // Log library sizes of two cells of group 0 and one of group 1.
/// let prior = LibraryPrior::fit(&[8.0, 8.0, 11.0], &[0, 0, 1], 2)?;
/// assert!((prior.global().mean - 9.0).abs() < 1e-12);
/// // One cell of 11 against 20 pseudo-cells of 9.
/// assert!((prior.group(1).mean - (11.0 + 20.0 * 9.0) / 21.0).abs() < 1e-12);
/// assert_eq!(prior.group(7), prior.global());
/// # Ok::<(), pert_decoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibraryPrior {
    global: LogNormal,
    groups: Vec<LogNormal>,
}

impl LibraryPrior {
    /// Moments of the log library sizes of each group; a group without cells has the global ones.
    ///
    /// # Shapes
    /// `log_library` (natural logs of total counts), `group_of`: `[n_cells]`.
    ///
    /// # Errors
    /// [`Error::NoCells`], [`Error::WrongLength`], [`Error::GroupOutOfRange`], [`Error::InvalidValue`] for a log
    /// library size that is not finite.
    pub fn fit(log_library: &[f64], group_of: &[usize], n_groups: usize) -> Result<Self, Error> {
        if log_library.is_empty() {
            return Err(Error::NoCells { purpose: "the library prior" });
        }
        check_groups(group_of, log_library.len(), n_groups)?;
        let values = log_library.iter().copied();
        check_values("the log library sizes", values, "a finite number", f64::is_finite)?;
        let all = Moments::of(log_library.iter().copied());
        let global =
            LogNormal { mean: all.mean, variance: (all.squares / all.n).max(MIN_VARIANCE) };
        let mut members = vec![Vec::new(); n_groups];
        for (&x, &group) in log_library.iter().zip(group_of) {
            members[group].push(x);
        }
        let shrink = |members: Vec<f64>| {
            let group = Moments::of(members.into_iter());
            let weight = group.n + PSEUDO_CELLS;
            LogNormal {
                mean: (group.n * group.mean + PSEUDO_CELLS * global.mean) / weight,
                variance: ((group.squares + PSEUDO_CELLS * global.variance) / weight)
                    .max(MIN_VARIANCE),
            }
        };
        Ok(Self { global, groups: members.into_iter().map(shrink).collect() })
    }

    /// A prior without groups.
    pub fn global_only(global: LogNormal) -> Self {
        Self { global, groups: Vec::new() }
    }

    /// The distribution over all cells, which is also that of an unseen perturbation unless more is known of it.
    pub fn global(&self) -> LogNormal {
        self.global
    }

    /// The distribution of a group; the global one for a group never seen.
    pub fn group(&self, group: usize) -> LogNormal {
        self.groups.get(group).copied().unwrap_or(self.global)
    }

    /// Number of groups seen in training.
    pub fn n_groups(&self) -> usize {
        self.groups.len()
    }
}

struct Moments {
    n: f64,
    mean: f64,
    /// Σ (x − mean)².
    squares: f64,
}

impl Moments {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let n = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / n.max(1.0);
        Self { n, mean, squares: values.map(|x| (x - mean).powi(2)).sum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn groups_are_shrunk_by_twenty_cells() {
        let mut x = vec![1.0; 20];
        x.extend([3.0; 60]);
        let groups: Vec<usize> = (0..80).map(|i| usize::from(i >= 20)).collect();
        let prior = LibraryPrior::fit(&x, &groups, 3).unwrap();
        // By hand: global mean 2.5, variance 0.75.
        assert_relative_eq!(prior.global().mean, 2.5, max_relative = 1e-12);
        assert_relative_eq!(prior.global().variance, 0.75, max_relative = 1e-12);
        assert_relative_eq!(prior.group(0).mean, (20.0 + 50.0) / 40.0, max_relative = 1e-12);
        assert_relative_eq!(prior.group(1).mean, (180.0 + 50.0) / 80.0, max_relative = 1e-12);
        assert_relative_eq!(prior.group(1).variance, 15.0 / 80.0, max_relative = 1e-12);
        assert_eq!(prior.group(2), prior.global());
        assert_eq!(prior.group(99), prior.global());
        let json = serde_json::to_string(&prior).unwrap();
        assert_eq!(serde_json::from_str::<LibraryPrior>(&json).unwrap(), prior);
    }

    #[test]
    fn samples_have_the_moments_asked_for() {
        let prior = LogNormal { mean: 7.0, variance: 0.25 };
        let mut rng = pert_core::seeded_rng(1, "library");
        let x: Vec<f64> = (0..20_000).map(|_| prior.sample(&mut rng)).collect();
        let m = Moments::of(x.into_iter());
        // Standard errors 0.0035 and 0.0025; four of each.
        assert!((m.mean - 7.0).abs() < 0.014, "{}", m.mean);
        assert!((m.squares / m.n - 0.25).abs() < 0.01, "{}", m.squares / m.n);
    }

    #[test]
    fn wrong_inputs_are_named() {
        assert!(matches!(LibraryPrior::fit(&[], &[], 1), Err(Error::NoCells { .. })));
        assert!(matches!(LibraryPrior::fit(&[1.0], &[], 1), Err(Error::WrongLength { .. })));
        assert!(matches!(LibraryPrior::fit(&[1.0], &[1], 1), Err(Error::GroupOutOfRange { .. })));
        let infinite = LibraryPrior::fit(&[f64::NEG_INFINITY], &[0], 1);
        assert!(matches!(infinite, Err(Error::InvalidValue { index: 0, .. })));
        assert!(LibraryPrior::fit(&[2.0], &[0], 1).unwrap().group(0).variance >= MIN_VARIANCE);
    }
}
