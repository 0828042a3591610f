//! Tables of numbers by name: what is known of a gene, a drug, a variant.

mod feature_table;
mod file;
mod text;

pub use feature_table::{FeatureRow, FeatureTable};
pub(crate) use file::read_text;
pub(crate) use text::{Found, Header, filled_lines};
