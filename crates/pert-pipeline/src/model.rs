//! A fitted model: everything needed to generate cells, and nothing of the cells it learned from.

use std::collections::HashMap;

use burn::tensor::Device;
use pert_baselines::{FeatureVectors, KernelRidge};
use pert_core::{LabelFormat, Perturbation, Split};
use pert_decoder::{LogNormal, Vae};
use pert_diffusion::Prior;
use pert_encoders::GeneSetEncoder;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::additive_means::AdditiveMeans;
use crate::config::{FitConfig, PriorForm};
use crate::contexts::Contexts;
use crate::unseen_library::LibraryRidges;

/// Where a model came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The cell file, as given.
    pub data: String,
    /// Version of the package that fitted it.
    pub version: String,
    /// Seed of the run.
    pub seed: u64,
    /// Cells learned from.
    pub n_training_cells: usize,
}

/// A perturbation seen in training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenPerturbation {
    /// The perturbation, with its label as in the training file.
    pub perturbation: Perturbation,
    /// Training cells of each context, `[n_contexts]`.
    pub(crate) cells_in_context: Vec<usize>,
}

impl SeenPerturbation {
    /// Number of training cells.
    pub fn n_cells(&self) -> usize {
        self.cells_in_context.iter().sum()
    }
}

/// A fitted model. Make one with [`FitConfig::fit`], read one with [`Model::load`].
///
/// ```
#[doc = include_str!("doc/fitted.txt")]
/// use pert_pipeline::Model;
/// # let scratch = tempfile::tempdir().expect("a scratch folder");
/// # let folder = scratch.path().join("model");
/// let model = quick.fit(&screen, &device)?;
/// model.save(&folder)?;
/// let loaded = Model::load(&folder, &device)?;
/// assert_eq!(loaded.genes(), model.genes());
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
#[derive(Debug)]
pub struct Model {
    pub(crate) config: FitConfig,
    pub(crate) provenance: Provenance,
    pub(crate) format: LabelFormat,
    pub(crate) genes: Vec<String>,
    pub(crate) split: Split,
    pub(crate) contexts: Contexts,
    pub(crate) seen: Vec<SeenPerturbation>,
    pub(crate) encoder: GeneSetEncoder,
    pub(crate) cell_encoder: Vae,
    pub(crate) prior: Prior,
    pub(crate) decoder: Vae,
    pub(crate) means: Means,
    pub(crate) library: LibraryRidges,
    pub(crate) device: Device,
}

/// The closed-form part: means of g and of log-normalised genes, for seen and unseen perturbations.
#[derive(Debug)]
pub(crate) struct Means {
    /// Of g, `d = cell_dim`.
    pub cell: AdditiveMeans,
    /// Of log-normalised expression, `d = n_genes`.
    pub gene: AdditiveMeans,
    /// Shifts of log-normalised expression of the seen perturbations, shrunk towards what the others predict,
    /// `[n_seen, n_genes]`; control's row is zero.
    pub shrunk_gene_shift: Vec<f64>,
    /// Kernel ridge from perturbation features to shifts of g; none with fewer than two perturbations.
    pub cell_ridge: Option<KernelRidge>,
    /// The same to shifts of log-normalised expression.
    pub gene_ridge: Option<KernelRidge>,
}

impl Means {
    /// Whether kernel ridge predicts the gene shift of a left-out perturbation better than the mean of the others.
    pub fn gene_ridge_beats_the_mean(&self) -> bool {
        let Some(ridge) = &self.gene_ridge else { return false };
        let d = self.gene.d;
        let shifts = &self.gene.shift[d..]; // without control
        let n = (shifts.len() / d) as f64;
        let mut mean = vec![0.0; d];
        for row in shifts.chunks_exact(d) {
            mean.iter_mut().zip(row).for_each(|(m, s)| *m += s / n);
        }
        // Leaving row i out of the mean stretches its distance to the mean by n / (n − 1).
        let stretch = n / (n - 1.0);
        let squares: f64 = shifts
            .chunks_exact(d)
            .flat_map(|row| row.iter().zip(&mean).map(|(s, m)| (stretch * (s - m)).powi(2)))
            .sum();
        ridge.selection().leave_one_out_mse < squares / (n * d as f64)
    }
}

/// What the closed form knows about one perturbation.
pub(crate) struct ClosedForm {
    /// Index among the seen perturbations, if it is one.
    pub seen: Option<usize>,
    /// Shift of g against control, `[cell_dim]`.
    pub cell_shift: Vec<f64>,
    /// Shift of log-normalised expression against control, `[n_genes]`.
    pub gene_shift: Vec<f64>,
    /// p(l|p).
    pub library: LogNormal,
}

impl Model {
    /// The configuration it was fitted with.
    pub fn config(&self) -> &FitConfig {
        &self.config
    }

    /// Where it came from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// How its perturbation labels are written.
    pub fn label_format(&self) -> &LabelFormat {
        &self.format
    }

    /// Genes it generates, in column order.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// The split it was fitted under.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// Perturbations seen in training, control first.
    pub fn seen(&self) -> &[SeenPerturbation] {
        &self.seen
    }

    /// Reads a label in the model's format.
    ///
    /// # Errors
    /// [`Error::Core`] for an empty part.
    pub fn perturbation(&self, label: &str) -> Result<Perturbation, Error> {
        Ok(Perturbation::parse(label, &self.format)?)
    }

    /// The features that kernel ridge sees: genes seen in training, and their annotation.
    ///
    /// # Errors
    /// [`Error::Encoder`] for a gene that cannot be encoded.
    pub fn features(&self, p: &Perturbation) -> Result<FeatureVectors, Error> {
        features(&self.encoder, p)
    }

    pub(crate) fn index_of(&self, p: &Perturbation) -> Option<usize> {
        self.seen.binary_search_by(|s| s.perturbation.cmp(p)).ok()
    }

    /// Whether the prior of this perturbation is sampled with its condition.
    ///
    /// For unseen p the network alone is not to be trusted, so the residual form drops the condition there.
    pub(crate) fn is_conditioned(&self, seen: Option<usize>) -> bool {
        seen.is_some() || self.config.prior_form == PriorForm::Plain
    }

    pub(crate) fn closed_form(&self, p: &Perturbation) -> Result<ClosedForm, Error> {
        let features = features(&self.encoder, p)?; // also refuses genes that cannot be encoded
        let library = self.decoder.library_prior();
        if let Some(seen) = self.index_of(p) {
            return Ok(ClosedForm {
                seen: Some(seen),
                cell_shift: self.means.cell.shift_of(seen).to_vec(),
                gene_shift: {
                    let d = self.means.gene.d;
                    self.means.shrunk_gene_shift[seen * d..][..d].to_vec()
                },
                library: library.group(seen),
            });
        }
        let predict = |ridge: &Option<KernelRidge>, d: usize| match ridge {
            Some(ridge) => ridge.predict(&features),
            None => vec![0.0; d],
        };
        Ok(ClosedForm {
            seen: None,
            cell_shift: predict(&self.means.cell_ridge, self.means.cell.d),
            gene_shift: predict(&self.means.gene_ridge, self.means.gene.d),
            library: self.library.predict(&features, library),
        })
    }

    /// Training cells per context: of one perturbation, or of all.
    pub(crate) fn context_weights(&self, seen: Option<usize>) -> Vec<usize> {
        match seen {
            Some(index) => self.seen[index].cells_in_context.clone(),
            None => {
                let mut weights = vec![0; self.contexts.len()];
                for s in &self.seen {
                    weights.iter_mut().zip(&s.cells_in_context).for_each(|(w, n)| *w += n);
                }
                weights
            }
        }
    }
}

/// Columns of the wanted genes in a list of gene names.
pub(crate) fn gene_columns(
    wanted: &[String],
    names: &[String],
    path: &str,
) -> Result<Vec<usize>, Error> {
    let column_of: HashMap<&str, usize> =
        names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let missing: Vec<String> =
        wanted.iter().filter(|g| !column_of.contains_key(g.as_str())).cloned().collect();
    if missing.is_empty() {
        Ok(wanted.iter().map(|g| column_of[g.as_str()]).collect())
    } else {
        Err(Error::GenesAbsent { path: path.into(), missing, total: wanted.len() })
    }
}

/// Kernel blocks of a perturbation: the genes it shares with seen ones, and its annotation.
pub(crate) fn features(
    encoder: &GeneSetEncoder,
    p: &Perturbation,
) -> Result<FeatureVectors, Error> {
    let encoding = encoder.encode(p)?;
    Ok(FeatureVectors::new(vec![encoding.id, encoding.features]))
}

/// The file a screen was read from, for messages.
pub(crate) fn path_of(dataset: &pert_data::Dataset) -> String {
    dataset.path().map_or_else(|| "(in memory)".to_owned(), |p| p.display().to_string())
}
