//! Cell files in and out: AnnData `.h5ad`, the choice of genes, and a simulator of screens with known truth.
//!
//! ```no_run
//! use pert_data::{Dataset, ReadOptions};
//!
//! let screen = Dataset::read_h5ad("screen.h5ad")?;
//! println!("{} cells × {} genes", screen.population().n_cells(), screen.population().n_genes());
//!
//! let filters = vec!["guide_umi_fraction>=0.8".parse()?];
//! let strict = ReadOptions { control: Some("NT".into()), filters, ..ReadOptions::default() };
//! let screen = Dataset::read_h5ad_with("screen.h5ad", &strict)?;
//! # Ok::<(), pert_data::Error>(())
//! ```

mod atomic;
mod dataset;
mod error;
mod filter;
mod genes;
mod h5ad;
mod inspect;
mod kept;
mod labels;
mod layers;
mod nearest;
mod obs;
mod options;
mod schema;
mod shell;
mod simulator;
mod tables;

pub use atomic::write_atomically;
pub use dataset::Dataset;
pub use error::{Error, NotCounts};
pub use filter::Filter;
pub use genes::{GeneSelection, select_genes};
pub use h5ad::{Provenance, write_h5ad};
pub use inspect::{CovariateSummary, Encodable, Inspection, PerturbationSummary, inspect};
pub use kept::Dropped;
pub use obs::check_columns;
pub use options::ReadOptions;
pub use schema::ColumnCandidate;
pub use shell::shell_line;
pub use simulator::{
    Compound, FeatureTable, Interaction, PerturbationTruth, ReferenceProtein, Shown, Simulation,
    SimulatorConfig, SimulatorError, SimulatorKind, simulate, simulated_structures,
};
pub use tables::{TableKey, TableRows, TableSlot, read_table};
