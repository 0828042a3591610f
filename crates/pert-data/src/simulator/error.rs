//! What can go wrong when simulating a screen.

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
    /// A kind of screen that is not known.
    #[error("unknown kind of screen {kind:?}; known: gene-pairs")]
    UnknownKind {
        /// The text given.
        kind: String,
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
    /// The drawn cells do not make a population: a defect of the simulator.
    #[error(transparent)]
    Population(#[from] pert_core::Error),
}
