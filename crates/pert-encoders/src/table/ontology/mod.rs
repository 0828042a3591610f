//! The Gene Ontology from its own files: terms (OBO), annotations (GAF), and the features made of both.

mod annotations;
mod error;
mod evidence;
mod obo;

pub use annotations::Annotations;
pub use error::OntologyError;
pub use evidence::Evidence;
pub use obo::Ontology;

pub(super) use annotations::is_gaf;
pub(super) use obo::is_obo;
