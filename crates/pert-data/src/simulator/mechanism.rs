//! From a perturbation to what it does to a cell, whatever the kind of screen.

use pert_core::{ChaCha8Rng, LabelFormat, Perturbation};

use super::drugs::Drugs;
use super::expression::{Effect, Expression};
use super::genes::Genes;
use super::variants::Variants;
use super::{Interaction, Shown, SimulatorConfig, SimulatorError, SimulatorKind};

/// What the kinds of screens do not share: which perturbations there are, and what one does.
#[derive(Debug, Clone)]
pub(super) enum Mechanism {
    Genes(Genes),
    Drugs(Drugs),
    Variants(Variants),
}

impl Mechanism {
    /// Draws the biology and the perturbations of a screen, control not among them.
    pub fn draw(
        config: &SimulatorConfig,
        genes: &[String],
        expression: &Expression,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Self, Vec<Perturbation>), SimulatorError> {
        Ok(match config.kind {
            SimulatorKind::GenePairs => {
                let activatable = expression.activatable();
                let (drawn, perturbations) = Genes::draw(config, genes, &activatable, rng)?;
                (Self::Genes(drawn), perturbations)
            }
            SimulatorKind::Drugs => {
                let (drawn, perturbations) = Drugs::draw(config, rng)?;
                (Self::Drugs(drawn), perturbations)
            }
            SimulatorKind::Variants => {
                let (drawn, perturbations) = Variants::draw(config, rng)?;
                (Self::Variants(drawn), perturbations)
            }
        })
    }

    pub fn kind(&self) -> SimulatorKind {
        match self {
            Self::Genes(_) => SimulatorKind::GenePairs,
            Self::Drugs(_) => SimulatorKind::Drugs,
            Self::Variants(_) => SimulatorKind::Variants,
        }
    }

    pub fn label_format(&self) -> LabelFormat {
        match self {
            Self::Genes(_) => Genes::label_format(),
            Self::Drugs(_) => Drugs::label_format(),
            Self::Variants(_) => Variants::label_format(),
        }
    }

    pub fn shown(&self, seed: u64) -> Shown {
        match self {
            Self::Genes(genes) => Shown::Features(genes.features(seed)),
            Self::Drugs(drugs) => Shown::Compounds(drugs.compounds()),
            Self::Variants(variants) => Shown::Protein(variants.reference()),
        }
    }

    pub fn effect(&self, perturbation: &Perturbation) -> Result<Effect, SimulatorError> {
        match self {
            Self::Genes(genes) => genes.effect(perturbation),
            Self::Drugs(drugs) => drugs.effect(perturbation),
            Self::Variants(variants) => variants.effect(perturbation),
        }
    }

    /// How the targets of a perturbation act together, where that is a question: for two genes.
    pub fn interaction_of(
        &self,
        perturbation: &Perturbation,
    ) -> Result<Option<Interaction>, SimulatorError> {
        match (self, perturbation.targets()) {
            (Self::Genes(genes), [a, b]) => genes.interaction(a, b).map(Some),
            _ => Ok(None),
        }
    }
}
