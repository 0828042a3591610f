//! A part of a plan, so that several jobs share one benchmark.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The `i`-th of `N` parts, counted from 1, written `i/N`: every N-th run of the plan, so that data sets and folds spread.
///
/// ```
/// use pert_pipeline::Shard;
/// let shard: Shard = "2/3".parse()?;
/// let mine: Vec<usize> = (0..8).filter(|&index| shard.holds(index)).collect();
/// assert_eq!(mine, [1, 4, 7]);
/// assert!("0/3".parse::<Shard>().is_err() && "4/3".parse::<Shard>().is_err());
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    part: usize,
    of: usize,
}

impl Shard {
    /// Whether the run at this place of the plan (counted from 0) belongs to the part.
    pub fn holds(self, index: usize) -> bool {
        index % self.of == self.part - 1
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('/');
        let parsed = parts.and_then(|(part, of)| {
            Some(Self { part: part.trim().parse().ok()?, of: of.trim().parse().ok()? })
        });
        parsed.filter(|shard| (1..=shard.of).contains(&shard.part)).ok_or_else(|| Error::Config {
            field: "shard",
            message: format!("{text:?} is no part such as 1/4: write i/N with 1 ≤ i ≤ N"),
        })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_run_belongs_to_exactly_one_shard(n_runs in 0usize..200, of in 1usize..40) {
            let shards: Vec<Shard> =
                (1..=of).map(|part| format!("{part}/{of}").parse().unwrap()).collect();
            for index in 0..n_runs {
                prop_assert_eq!(shards.iter().filter(|shard| shard.holds(index)).count(), 1);
            }
            // As even as it can be.
            let sizes: Vec<usize> = shards
                .iter()
                .map(|shard| (0..n_runs).filter(|&i| shard.holds(i)).count())
                .collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["", "1", "0/2", "3/2", "1/0", "-1/2", "a/b", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!("2/16".parse::<Shard>().unwrap().to_string(), "2/16");
    }
}
