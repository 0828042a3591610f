//! What can go wrong when simulating a screen.

use super::SimulatorKind;

/// An error of the simulator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// A size too small for the screen asked for.
    #[error("{what} = {found} is too small: {reason}; give at least {at_least}")]
    TooSmall {
        /// The field of the configuration.
        what: &'static str,
        /// Its value.
        found: usize,
        /// The smallest value that works with the other fields.
        at_least: usize,
        /// Why.
        reason: &'static str,
    },
    /// A size too large for the screen asked for.
    #[error("{what} = {found} is too large: {reason}; give at most {at_most}")]
    TooLarge {
        /// The field of the configuration.
        what: &'static str,
        /// Its value.
        found: usize,
        /// The largest value that works with the other fields.
        at_most: usize,
        /// Why.
        reason: &'static str,
    },
    /// A kind of screen that is not known.
    #[error("unknown kind of screen {kind:?}; known: gene-pairs, drugs, variants")]
    UnknownKind {
        /// The text given.
        kind: String,
    },
    /// Something that only another kind of screen has.
    #[error("a simulated screen of kind {kind} has no {what}; kind {needs} has")]
    OtherKind {
        /// What was asked for.
        what: &'static str,
        /// The kind of the screen.
        kind: SimulatorKind,
        /// The kind that has it.
        needs: SimulatorKind,
    },
    /// A perturbed gene that the simulated screen does not measure.
    #[error("gene {gene:?} is not in the simulated screen; its genes run from {first} to {last}")]
    UnknownGene {
        /// The gene.
        gene: String,
        /// The first gene of the screen.
        first: String,
        /// The last gene of the screen.
        last: String,
    },
    /// A drug that the simulated screen does not hold.
    #[error("drug {drug:?} is not in the simulated screen; its drugs run from {first} to {last}")]
    UnknownDrug {
        /// The drug.
        drug: String,
        /// The first drug of the screen.
        first: String,
        /// The last drug of the screen.
        last: String,
    },
    /// A drug without a dose.
    #[error("{drug:?} has no dose, and a drug's effect depends on it; write {drug}_1000nM")]
    NoDose {
        /// The drug.
        drug: String,
    },
    /// A variant of another protein than the simulated one.
    #[error("{variant} is no variant of the simulated protein {gene}; write {gene}_A12C")]
    OtherProtein {
        /// The variant.
        variant: String,
        /// The gene of the simulated protein.
        gene: String,
    },
    /// A substitution that does not fit the simulated protein.
    #[error("{variant}: residue {position} of {gene} is {reference}")]
    OtherReference {
        /// The variant.
        variant: String,
        /// The gene of the simulated protein.
        gene: String,
        /// The position, counted from 1.
        position: u32,
        /// What stands there, in words.
        reference: String,
    },
    /// A label that cannot be read as what the screen perturbs, or cells that do not make a population (a defect of the
    /// simulator).
    #[error(transparent)]
    Population(#[from] pert_core::Error),
}
