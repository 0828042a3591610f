//! A screen as it was read: cells with raw counts, what was done to each, and how that was decided.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use pert_core::{Covariate, CovariateRole, LabelFormat, Perturbation, Population};

use crate::h5ad::{Container, Frame};
use crate::kept::Kept;
use crate::layers::{gene_names_or_none, read_counts};
use crate::schema::Schema;
use crate::simulator::{SimulatorConfig, SimulatorError, simulate};
use crate::{Error, ReadOptions};

/// A screen with the way its labels are written and where it comes from.
///
/// ```
/// use pert_data::{Dataset, Provenance, SimulatorConfig, write_h5ad};
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("screen.h5ad");
/// let config = SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
/// let simulated = Dataset::simulated(&config)?;
/// let provenance =
///     Provenance { model: "simulator".into(), seed: 1, version: "0.1".into(), generated: false };
/// write_h5ad(&path, simulated.population(), &provenance)?;
/// // What is written is read back.
/// let (written, read) = (simulated.into_population(), Dataset::read_h5ad(&path)?.into_population());
/// assert!(read.counts() == written.counts() && read.genes() == written.genes());
/// assert_eq!(read.perturbations(), written.perturbations());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    population: Population,
    format: LabelFormat,
    path: Option<PathBuf>,
    counts_from: String,
    perturbation_key: String,
    notes: Vec<String>,
}

impl Dataset {
    /// Reads raw counts, perturbations and covariates of an AnnData file, guessing what they stand under.
    ///
    /// # Errors
    /// As [`Dataset::read_h5ad_with`].
    ///
    /// ```
    /// use pert_data::Dataset;
    /// // The path that does not exist stands in the error.
    /// let error = Dataset::read_h5ad("no/such/screen.h5ad").unwrap_err();
    /// assert!(error.to_string().contains("no/such/screen.h5ad"));
    /// ```
    pub fn read_h5ad(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::read_h5ad_with(path, &ReadOptions::default())
    }

    /// Reads raw counts, perturbations and covariates of an AnnData file.
    ///
    /// What the options leave open is guessed as [`inspect`](crate::inspect) guesses it, with a line in
    /// [`Dataset::notes`] per guess. Dropped, with a line in [`Dataset::notes`]: cells that a filter excludes, cells without a perturbation label, and
    /// cells whose counts are all zero. Cell names that stand twice are made unique.
    ///
    /// # Errors
    /// Each its own [`Error`], with the path and what mends it: no such file, a folder, a git-LFS pointer, another
    /// format, a truncated or damaged file, a compression that is not built in; a missing column or layer; a matrix
    /// without raw counts ([`Error::NotCounts`] names the cell, the gene, the value, and a layer that holds counts);
    /// no control cells; duplicate gene names; no cells left.
    ///
    /// ```
    /// use pert_data::{Dataset, Provenance, ReadOptions, SimulatorConfig, write_h5ad};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("screen.h5ad");
    /// # let config = SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
    /// # let provenance = Provenance { model: "s".into(), seed: 1, version: "0".into(), generated: false };
    /// # write_h5ad(&path, Dataset::simulated(&config)?.population(), &provenance)?;
    /// let all = Dataset::read_h5ad(&path)?;
    /// let options =
    ///     ReadOptions { filters: vec!["perturbation==control".parse()?], ..ReadOptions::default() };
    /// let controls = Dataset::read_h5ad_with(&path, &options)?;
    /// assert_eq!(controls.population().n_cells(), all.population().control_cells().len());
    /// assert!(controls.notes().iter().any(|note| note.contains("perturbation==control")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_h5ad_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let container = Container::open(path)?;
        let obs = Frame::open(&container, "obs")?;
        let screen_error = |source| Error::Screen { path: path.to_owned(), source };
        let mut notes = Vec::new();

        let genes = gene_names_or_none(&container, options);
        let schema = Schema::needed(&container, &obs, &genes, options)?;
        let format = schema.label_format(path, options)?;
        let Schema { key, labels, covariates: chosen, guesses, left_out, .. } = schema;
        notes.extend(guesses.into_iter().chain(left_out));
        let parsed: Vec<Option<Perturbation>> = labels.parse(&format).map_err(screen_error)?;

        let (counts, genes, counts_from) = read_counts(&container, &obs, options)?;
        let kept = Kept::of(&obs, &labels, Some(&counts), options)?;
        let drops = kept.notes();
        let keep = kept.cells;
        if keep.is_empty() {
            let reason =
                if drops.is_empty() { "obs has no rows".to_owned() } else { drops.join("; ") };
            return Err(Error::NoCells { path: path.to_owned(), reason });
        }
        notes.extend(drops);

        let covariates = chosen
            .iter()
            .map(|c| read_covariate(path, &obs, &c.column, c.role, &keep, &mut notes))
            .collect::<Result<Vec<Covariate>, Error>>()?;

        let cells = unique_names(keep.iter().map(|&cell| obs.index()[cell].clone()), &mut notes);
        let perturbation_of: Vec<Perturbation> = keep
            .iter()
            .map(|&cell| {
                let code = labels.codes[cell].expect("cells without a label are not kept");
                parsed[code as usize].clone().expect("labels that are kept have been parsed")
            })
            .collect();
        let counts =
            if keep.len() == counts.n_cells() { counts } else { counts.select_cells(&keep) };
        let population = Population::new(counts, genes, cells, &perturbation_of, covariates)
            .map_err(screen_error)?;
        if options.require_control && !population.perturbations().iter().any(|p| p.is_control()) {
            return Err(Error::NoControl {
                path: path.to_owned(),
                column: key,
                tried: format!("holds {:?} in no cell that is kept", format.control),
                labels: labels.most_frequent(),
            });
        }
        Ok(Self {
            population,
            format,
            path: Some(path.to_owned()),
            counts_from,
            perturbation_key: key,
            notes,
        })
    }

    /// A simulated screen, without its truth.
    ///
    /// # Errors
    /// [`SimulatorError`] for a screen too small or too large to simulate.
    ///
    /// ```
    /// use pert_data::{Dataset, SimulatorConfig};
    /// let config = SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
    /// let screen = Dataset::simulated(&config)?;
    /// // The shape asked for; beside control, one perturbation.
    /// assert_eq!((screen.population().n_cells(), screen.population().n_genes()), (130, 50));
    /// assert_eq!(screen.population().perturbations().len(), 2);
    /// # Ok::<(), pert_data::SimulatorError>(())
    /// ```
    pub fn simulated(config: &SimulatorConfig) -> Result<Self, SimulatorError> {
        let simulation = simulate(config)?;
        Ok(Self::from_population(simulation.population, simulation.label_format))
    }

    /// A data set that was not read from a file.
    ///
    /// ```
    /// use pert_core::{CsrCounts, LabelFormat, Perturbation, Population};
    /// use pert_data::Dataset;
    /// let format = LabelFormat::default();
    /// let of_cell = [Perturbation::parse("control", &format)?, Perturbation::parse("KLF1", &format)?];
    /// let counts = CsrCounts::from_dense(2, &[5.0, 1.0, 0.0, 2.0])?; // [n_cells, n_genes]
    /// let genes = vec!["HBG1".into(), "KLF1".into()];
    /// let cells = vec!["cell 1".into(), "cell 2".into()];
    /// let population = Population::new(counts, genes, cells, &of_cell, vec![])?;
    /// let screen = Dataset::from_population(population.clone(), format);
    /// assert_eq!((screen.path(), screen.population()), (None, &population)); // no file behind it
    /// # Ok::<(), pert_core::Error>(())
    /// ```
    pub fn from_population(population: Population, format: LabelFormat) -> Self {
        Self {
            population,
            format,
            path: None,
            counts_from: "X".to_owned(),
            perturbation_key: "perturbation".to_owned(),
            notes: Vec::new(),
        }
    }

    /// The cells.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// The cells, without the rest.
    pub fn into_population(self) -> Population {
        self.population
    }

    /// How perturbation labels are written in this screen.
    pub fn format(&self) -> &LabelFormat {
        &self.format
    }

    /// The file it was read from, if any.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Options that read labels as they were read here, nothing of them guessed.
    ///
    /// ```
    /// use pert_data::{Dataset, SimulatorConfig};
    /// let config = SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
    /// let options = Dataset::simulated(&config)?.label_options();
    /// assert_eq!(options.control.as_deref(), Some("control"));
    /// # Ok::<(), pert_data::SimulatorError>(())
    /// ```
    pub fn label_options(&self) -> ReadOptions {
        let format = &self.format;
        ReadOptions {
            perturbation_key: Some(self.perturbation_key.clone()),
            control: Some(format.control.clone()),
            separator: Some(format.separator),
            label_kind: Some(format.kind),
            guide_suffix: Some(format.guide_suffix),
            ..ReadOptions::default()
        }
    }

    /// Where the counts stand in the file: `X`, `layers/NAME` or `raw/X`.
    pub fn counts_from(&self) -> &str {
        &self.counts_from
    }

    /// The column of obs that the perturbations were read from.
    pub fn perturbation_key(&self) -> &str {
        &self.perturbation_key
    }

    /// What was guessed, dropped or renamed, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// The label of cells whose category is missing.
const MISSING_LEVEL: &str = "NA";

fn read_covariate(
    path: &Path,
    obs: &Frame<'_>,
    key: &str,
    role: CovariateRole,
    keep: &[usize],
    notes: &mut Vec<String>,
) -> Result<Covariate, Error> {
    let column = obs.column(key)?;
    if role == CovariateRole::Dose {
        let wrong = |reason: String| Error::ColumnKind {
            path: path.to_owned(),
            column: key.to_owned(),
            reason,
        };
        let values = column.as_numbers().ok_or_else(|| {
            wrong("a dose must be a number (nM), this column holds labels".into())
        })?;
        let doses: Vec<f64> = keep.iter().map(|&cell| values[cell]).collect();
        if let Some(at) = doses.iter().position(|dose| !(dose.is_finite() && *dose >= 0.0)) {
            return Err(wrong(format!(
                "cell {:?} has dose {}; doses are finite and not negative",
                obs.index()[keep[at]],
                doses[at]
            )));
        }
        return Ok(Covariate::numeric(key, role, doses));
    }
    let (levels, codes) = column.into_labels();
    let labels: Vec<String> = keep
        .iter()
        .map(|&cell| codes[cell].map_or(MISSING_LEVEL, |code| &levels[code as usize]).to_owned())
        .collect();
    let missing = keep.iter().filter(|&&cell| codes[cell].is_none()).count();
    if missing > 0 {
        notes.push(format!("{missing} cells without {key} are given the level {MISSING_LEVEL:?}"));
    }
    Ok(Covariate::categorical(key, role, &labels))
}

/// Appends `-1`, `-2`, … to names that stood before, as anndata's `obs_names_make_unique` does.
fn unique_names(names: impl Iterator<Item = String>, notes: &mut Vec<String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    if taken.len() == names.len() {
        return names;
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut renamed = 0;
    for name in &mut names {
        let copies = seen.entry(name.clone()).or_insert(0);
        if *copies == 0 {
            *copies = 1;
            continue;
        }
        let fresh = loop {
            let candidate = format!("{name}-{copies}");
            *copies += 1;
            if taken.insert(candidate.clone()) {
                break candidate;
            }
        };
        *name = fresh;
        renamed += 1;
    }
    notes.push(format!("{renamed} cell names stood twice and were made unique"));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_cell_names_become_unique_without_meeting_others() {
        let mut notes = Vec::new();
        let names = ["a", "a", "a-1", "a", "b"].map(str::to_owned);
        let unique = unique_names(names.into_iter(), &mut notes);
        assert_eq!(unique, ["a", "a-2", "a-1", "a-3", "b"]);
        assert_eq!(notes, ["2 cell names stood twice and were made unique"]);
    }
}
