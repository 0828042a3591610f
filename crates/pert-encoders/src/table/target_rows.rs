//! Tables as encoders of targets.

use super::FeatureTable;
use crate::{Error, TargetEncoder};

/// Nearest names told for a target without a row.
const N_NEAREST: usize = 3;

/// A target's row of the table, under its own name or an alias, as it is held: for annotations a long vector, mostly zero (see
/// [`FeatureTable::reduced`]).
impl TargetEncoder for FeatureTable {
    fn dim(&self) -> usize {
        self.columns().len()
    }

    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
        let dim = self.columns().len();
        let mut rows = vec![0.0; targets.len() * dim];
        for (row, target) in rows.chunks_exact_mut(dim.max(1)).zip(targets) {
            self.known(target)?.add_to(row, 1.0);
        }
        Ok(rows)
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        self.known(target).map(drop)
    }
}

impl FeatureTable {
    fn known(&self, target: &str) -> Result<super::FeatureRow<'_>, Error> {
        if let Some(row) = self.get(target) {
            return Ok(row);
        }
        self.aliases().resolve(target)?; // a name of several genes is told as such
        let nearest = self.nearest_names(target, N_NEAREST);
        let nearest = nearest.into_iter().map(str::to_owned).collect();
        Err(Error::UnknownGenes { what: "features", genes: vec![(target.to_owned(), nearest)] })
    }
}
