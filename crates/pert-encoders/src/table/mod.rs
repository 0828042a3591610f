//! Tables of numbers by name: what is known of a gene, a drug, a variant.

mod alias;
mod arrays;
mod feature_table;
mod file;
mod gmt;
mod ontology;
mod target_rows;
mod text;

pub use alias::{AliasError, AliasTable};
pub use arrays::{ArrayFileError, ArrayProblem, write_embeddings_npz};
pub use feature_table::{FeatureRow, FeatureTable};
pub(crate) use file::read_text;
pub use ontology::{Annotations, Evidence, Ontology, OntologyError};
pub(crate) use text::{Found, Header, filled_lines};
