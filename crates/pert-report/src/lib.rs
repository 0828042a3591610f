//! Tables and pictures of an evaluation: UMAP, scatter plots, box plots, `metrics.csv`, the slides' table.
//!
//! Nothing here computes a metric, prints, or reads a file: numbers come in, text and images go out.
//!
//! ```
//! use pert_metrics::{MetricRow, Roles};
//! use pert_report::{TerminalStyle, metrics_csv, terminal_table};
//!
//! let mut row = MetricRow::new("KLF1", "model", 120);
//! row.r2 = 0.93;
//! let rows = [row, MetricRow::new("KLF1", "no change", 120)];
//! assert!(metrics_csv(&rows).starts_with("perturbation,method,n,r2,"));
//! println!("{}", terminal_table(&rows, &Roles::default(), &TerminalStyle::default()));
//! ```

mod benchmark;
mod error;
mod file;
mod plots;
mod table;
mod umap;

pub use benchmark::{
    BenchmarkAbout, BenchmarkGroup, BenchmarkMethod, BenchmarkTable, BesidePrinted, MethodRole,
    ModelComparison, Ours, OverSeeds, PrintedComparison, ScoredRun, Scores, benchmark_terminal,
    comparison_csv, comparison_json, comparison_markdown, slides_markdown,
};
pub use error::Error;
pub use file::write_file;
pub use plots::{
    Axes, AxisScale, CellScatter, DeltaScatter, FloorAt, FloorScatter, Highlight, Mark, Picture,
    Series, XyPanel, delta_scatter, floor_scatter, metric_boxes, scatter_real_generated, xy_panels,
};
pub use table::{
    MAIN_METRICS, MethodSummary, Statistic, Summary, TerminalStyle, intervals_csv, markdown_report,
    markdown_table, metrics_csv, slides_tsv, terminal_table,
};
pub use umap::{Umap, UmapConfig};
