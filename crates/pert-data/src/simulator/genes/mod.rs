//! Screens of genes activated alone and in pairs.

mod features;
mod regulation;
mod targets;

use pert_core::{ChaCha8Rng, LabelFormat, Perturbation};

pub use features::FeatureTable;
pub use regulation::Interaction;

use super::expression::Effect;
use super::{SimulatorConfig, SimulatorError};
use regulation::Regulation;
use targets::Targets;

pub(super) use targets::n_singles;

/// The genes of a screen and what activating them does.
#[derive(Debug, Clone)]
pub(super) struct Genes {
    names: Vec<String>,
    regulation: Regulation,
}

impl Genes {
    /// Draws which of the columns `activatable` are perturbed, alone and in which pairs, and what that does.
    ///
    /// `rng` is the generator of the design, which goes on to share out the cells.
    pub fn draw(
        config: &SimulatorConfig,
        names: &[String],
        activatable: &[usize],
        rng: &mut ChaCha8Rng,
    ) -> Result<(Self, Vec<Perturbation>), SimulatorError> {
        let targets = Targets::draw(config.n_perturbations, activatable, rng);
        let perturbations = targets.perturbations(names)?;
        let regulation = Regulation::draw(config.n_genes, &targets.perturbed, config.seed);
        Ok((Self { names: names.to_vec(), regulation }, perturbations))
    }

    pub fn label_format() -> LabelFormat {
        LabelFormat::default()
    }

    pub fn features(&self, seed: u64) -> FeatureTable {
        FeatureTable::draw(&self.names, &self.regulation, seed)
    }

    /// What activating any set of the screen's genes does, whatever their order.
    pub fn effect(&self, perturbation: &Perturbation) -> Result<Effect, SimulatorError> {
        let columns = perturbation.targets().iter().map(|gene| self.column_of(gene));
        let mut columns = columns.collect::<Result<Vec<_>, _>>()?;
        columns.sort_unstable();
        Ok(Effect { programs: self.regulation.effect(&columns), activated: columns })
    }

    pub fn interaction(&self, a: &str, b: &str) -> Result<Interaction, SimulatorError> {
        Ok(self.regulation.interaction(self.column_of(a)?, self.column_of(b)?))
    }

    fn column_of(&self, gene: &str) -> Result<usize, SimulatorError> {
        let names = &self.names;
        names.iter().position(|g| g == gene).ok_or_else(|| SimulatorError::UnknownGene {
            gene: gene.to_owned(),
            first: names[0].clone(),
            last: names[names.len() - 1].clone(),
        })
    }
}
