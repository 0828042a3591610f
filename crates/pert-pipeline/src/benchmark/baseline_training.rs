//! What a run without a model needs: the split and the genes of a fit.

use pert_core::Split;
use pert_data::Dataset;

use crate::Error;
use crate::config::FitConfig;
use crate::progress::Progress;
use crate::training_set::TrainingSet;

/// What a fit would learn from: its split and the genes it keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselineTraining {
    /// What is held out.
    pub split: Split,
    /// Genes kept, in column order.
    pub genes: Vec<String>,
}

impl BaselineTraining {
    /// Splits and chooses genes as [`FitConfig::fit`] does, without fitting.
    ///
    /// # Errors
    /// Those of [`FitConfig::fit_resumable`] before any training.
    pub fn prepare(
        dataset: &Dataset,
        config: &FitConfig,
        progress: &mut dyn Progress,
    ) -> Result<Self, Error> {
        config.check()?;
        let training = TrainingSet::prepare(dataset, config, progress)?;
        Ok(Self { genes: training.screen.genes().to_vec(), split: training.split })
    }
}
