//! A look at a file before anything is fitted to it.

mod columns;
mod command;
mod encodable;
mod perturbed;
mod screen;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pert_core::{CsrCounts, GuideSuffix, LabelKind};

pub use columns::CovariateSummary;
pub use encodable::Encodable;
pub use perturbed::PerturbationSummary;

use crate::h5ad::{Container, Frame, Reading};
use crate::kept::{Dropped, Kept};
use crate::layers::{check_rows, counts_matrix, gene_names, layer_with_counts, other_layers};
use crate::schema::{ColumnCandidate, Schema};
use crate::{Error, ReadOptions};

/// What a file holds, as far as it can be told without being told, and how it would be read.
///
/// Printed, it is one screen of text that ends in the commands to run next. [`inspect`] makes it and shows an example.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// The file.
    pub file: PathBuf,
    /// Number of cells in the file; filters are not applied.
    pub n_cells: usize,
    /// Number of genes of the matrix looked at.
    pub n_genes: usize,
    /// Whether the matrix that would be read (`X`, or the layer asked for) holds raw counts.
    pub counts: bool,
    /// Where raw counts are: `X`, a layer as `--layer` names it, or nothing.
    pub count_layer: Option<String>,
    /// The column of perturbation labels.
    pub perturbation_key: Option<String>,
    /// Columns that may hold perturbation labels with their reasons, the one taken first.
    pub candidates: Vec<ColumnCandidate>,
    /// The label of unperturbed cells.
    pub control: Option<String>,
    /// What joins the parts of a combination.
    pub separator: char,
    /// What labels name.
    pub label_kind: LabelKind,
    /// Whether the numbers of guides are taken off genes.
    pub guide_suffix: GuideSuffix,
    /// Why `control`, `separator`, `label_kind` and `guide_suffix` were guessed so; without an entry, nothing spoke for
    /// another value or it was given.
    pub reasons: BTreeMap<&'static str, String>,
    /// Perturbation → number of cells, those of filters left out, control included. The name is the label, or the canonical
    /// one where several labels are one perturbation.
    pub perturbations: BTreeMap<String, usize>,
    /// Their numbers and sizes.
    pub perturbation_summary: PerturbationSummary,
    /// The other columns of obs.
    pub covariates: Vec<CovariateSummary>,
    /// The cells that would not be read, by reason.
    pub dropped: Vec<Dropped>,
    /// What an encoder can make of them, once asked: [`Inspection::with_encodable`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encodable: Option<Encodable>,
    /// A command to start from.
    pub suggested_command: String,
    /// The command that judges the model it makes, if cells are held out.
    pub suggested_evaluate: Option<String>,
    /// All columns of obs, in file order.
    pub obs_columns: Vec<String>,
    /// Layers, `raw` among them when the file has `raw/X`.
    pub layers: Vec<String>,
    /// Share of zeros in the matrix, in [0, 1]; known for counts only.
    pub sparsity: Option<f64>,
    /// Median number of counts per cell; known for counts only.
    pub median_library_size: Option<f64>,
    /// What looks odd, one sentence each.
    pub notes: Vec<String>,
}

/// Looks at an AnnData file: sizes, whether it holds counts and where, perturbations, covariates.
///
/// What the options leave open is guessed as [`Dataset::read_h5ad_with`](crate::Dataset::read_h5ad_with) guesses it. A file
/// without control labels, or without counts, is described rather than refused.
///
/// # Errors
/// When the file cannot be read, or an option names a column or layer that it does not have.
///
/// ```
/// use pert_data::{Dataset, Provenance, ReadOptions, SimulatorConfig, inspect, write_h5ad};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("screen.h5ad");
/// # let provenance = Provenance { model: "s".into(), seed: 1, version: "0".into(), generated: false };
/// let config = SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
/// write_h5ad(&path, Dataset::simulated(&config)?.population(), &provenance)?;
/// let found = inspect(&path, &ReadOptions::default())?;
/// assert_eq!((found.n_cells, found.n_genes, found.counts), (130, 50, true));
/// assert_eq!(found.perturbation_key.as_deref(), Some("perturbation"));
/// assert_eq!(found.control.as_deref(), Some("control"));
/// assert_eq!(found.perturbations.values().sum::<usize>(), 130); // every cell has one label
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn inspect(path: &Path, options: &ReadOptions) -> Result<Inspection, Error> {
    let container = Container::open(path)?;
    let obs = Frame::open(&container, "obs")?;
    let matrix = counts_matrix(&container, options.layer.as_deref())?;
    check_rows(&container, &obs, &matrix)?;
    let genes = gene_names(&container, &matrix)?;
    let (n_cells, n_genes) = matrix.shape();
    let mut notes = Vec::new();

    let mut count_layer = Some(options.layer.clone().unwrap_or_else(|| "X".to_owned()));
    let counts: Option<CsrCounts> = match matrix.read()? {
        Reading::Counts(counts) => Some(counts),
        Reading::NotCounts { row, column, value } => {
            count_layer = layer_with_counts(&container, matrix.object())?;
            if count_layer.is_none() && matrix.object() != "X" {
                let x = counts_matrix(&container, None)?;
                count_layer = x.looks_like_counts()?.then(|| "X".to_owned());
            }
            notes.push(format!(
                "{} holds no raw counts: cell {:?}, gene {:?} is {value}",
                matrix.object(),
                obs.index()[row],
                genes[column]
            ));
            None
        }
    };
    let n_values = n_cells as f64 * n_genes as f64;
    let sparsity = counts
        .as_ref()
        .filter(|_| n_values > 0.0)
        .map(|counts| 1.0 - counts.n_nonzero() as f64 / n_values);
    let median_library_size = counts.as_ref().and_then(|counts| {
        perturbed::median((0..n_cells).map(|i| counts.library_size(i)).collect())
    });

    let schema = Schema::of(&container, &obs, &genes, options)?;
    // Guessed, the control occurs; a word asked for that does not would spoil all that follows.
    if let (Some(schema), Some(_)) = (&schema, &options.control) {
        schema.label_format(path, &ReadOptions { require_control: true, ..options.clone() })?;
    }
    let mut inspection = Inspection {
        file: path.to_owned(),
        n_cells,
        n_genes,
        counts: counts.is_some(),
        count_layer,
        perturbation_key: schema.as_ref().map(|schema| schema.key.clone()),
        candidates: Vec::new(),
        control: options.control.clone(),
        separator: options.separator.unwrap_or('+'),
        label_kind: options.label_kind.unwrap_or_default(),
        guide_suffix: options.guide_suffix.unwrap_or_default(),
        reasons: BTreeMap::new(),
        perturbations: BTreeMap::new(),
        perturbation_summary: PerturbationSummary::default(),
        covariates: columns::summaries(&obs, schema.as_ref(), &mut notes),
        dropped: Vec::new(),
        encodable: None,
        suggested_command: String::new(),
        suggested_evaluate: None,
        obs_columns: obs.columns().to_vec(),
        layers: other_layers(&container)?,
        sparsity,
        median_library_size,
        notes,
    };
    match schema {
        Some(schema) => inspection.describe(schema, &obs, &genes, counts.as_ref(), options)?,
        None => inspection.notes.push(
            "no column looks like perturbation labels; name it with --perturbation-key".into(),
        ),
    }
    command::suggest(&mut inspection, options);
    Ok(inspection)
}

impl Inspection {
    /// Fills in what the perturbation column says.
    fn describe(
        &mut self,
        schema: Schema,
        obs: &Frame<'_>,
        genes: &[String],
        counts: Option<&CsrCounts>,
        options: &ReadOptions,
    ) -> Result<(), Error> {
        let (guess, labels) = (schema.format, schema.labels);
        let mut format = guess.format();
        let used = labels.used();
        let only = used.len() == 1;
        if let (None, [label]) = (&guess.control, used.as_slice()) {
            format.control = label.trim().to_owned();
        }
        self.separator = format.separator;
        self.label_kind = format.kind;
        self.guide_suffix = format.guide_suffix;
        self.control = guess.control.as_ref().map(|control| control.value.clone());
        for (name, reason) in [
            ("control", guess.control.and_then(|control| control.reason)),
            ("separator", guess.separator.reason),
            ("label_kind", guess.kind.reason),
            ("guide_suffix", guess.guide_suffix.reason),
        ] {
            self.reasons.extend(reason.map(|reason| (name, reason)));
        }
        if let Err(error) = format.check() {
            self.notes.push(error.to_string());
        }
        self.notes.extend(schema.left_out);
        self.candidates = schema.candidates;

        let in_file = Kept::of(obs, &labels, None, options)?;
        let kept = Kept::of(obs, &labels, counts, options)?;
        let found = perturbed::Perturbed::of(&labels, &format, genes, &in_file.cells, &kept.cells);
        self.dropped = kept.dropped;
        self.notes.extend(found.unreadable);
        self.perturbations = found.names;
        self.perturbation_summary = found.summary;
        let column = &schema.key;
        match &self.control {
            None if only => {
                let label = self.perturbations.keys().next().expect("there is one");
                self.notes.push(format!(
                    "all cells have the label {label:?}: there is nothing to learn about \
                     perturbations, and every cell is taken as unperturbed"
                ));
            }
            None => self
                .notes
                .push(format!("no label of {column} looks like control; name it with --control")),
            Some(_) if only => self.notes.push(
                "all cells are control: there is nothing to learn about perturbations".into(),
            ),
            Some(_) => {}
        }
        Ok(())
    }

    /// The label of unperturbed cells that the suggested command names: a single label has no other use.
    fn control_to_use(&self) -> Option<&str> {
        match &self.control {
            Some(control) => Some(control),
            None if self.perturbations.len() == 1 => {
                self.perturbations.keys().next().map(String::as_str)
            }
            None => None,
        }
    }
}
