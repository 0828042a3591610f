//! Molecules: structures, scaffolds, tables of drugs.

mod smiles_table;
mod structure;

pub use smiles_table::SmilesTable;
pub use structure::{LONGEST_SMILES, Molecule};
