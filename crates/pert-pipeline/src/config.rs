//! One run, described: the same names in a TOML file and on the command line.

use std::path::{Path, PathBuf};

use pert_core::{GuideSuffix, HoldOut, LabelKind};
use pert_decoder::{LatentPrior, Library, Likelihood, TrainConfig, VaeConfig};
use pert_diffusion::{PriorConfig, SamplerConfig};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::feature_source::{FeatureSource, check_annotations};

/// How the diffusion prior treats the mean of a perturbation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorForm {
    /// Diffuse the residual g − m(p) around a closed-form mean: empirical for a seen p, kernel ridge for an unseen
    /// one, whose residual is sampled without a condition.
    #[default]
    Residual,
    /// Diffuse g itself, p(g | p), for seen and unseen p alike: the slides' form.
    Plain,
}

/// What to do with a perturbed gene that has no features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownGenePolicy {
    /// Refuse it, naming the gene.
    #[default]
    Error,
    /// Treat it as a gene of average features.
    Mean,
}

/// What to do with a perturbation that has fewer training cells than `min_cells`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RarePolicy {
    /// Refuse it, naming the perturbation.
    #[default]
    Error,
    /// Leave it out, of training and of evaluation.
    Drop,
}

/// How a perturbation is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderKind {
    /// By what labels name and what is given: drugs with a table of structures as `smiles`, protein variants with reference
    /// sequences as `protein`, all else as `gene-set`.
    #[default]
    Auto,
    /// A set of genes, with features where a table is given.
    GeneSet,
    /// Drugs at a dose, by their structures.
    Smiles,
    /// Protein variants, by the change of the sequence.
    Protein,
    /// A set of anything with a row in a table of features.
    Table,
}

/// Everything that decides what `fit` does.
///
/// | field | meaning | default |
/// |---|---|---|
/// | `perturbation_key` | obs column of the perturbation | guessed |
/// | `control` | label of unperturbed cells | guessed |
/// | `separator`, `label_kind`, `guide_suffix` | how labels are written (docs/labels.md) | guessed |
/// | `layer` | layer that holds raw counts (`raw` for `raw/X`) | X |
/// | `cell_type_key`, `batch_key`, `dose_key` | obs columns of covariates; `none`: no such covariate | guessed |
/// | `filter` | conditions a cell must meet, `COL>=VALUE` | none |
/// | `encoder` | how perturbations are encoded | `auto` |
/// | `features` | table of gene features ([`FeatureSource`]) | none |
/// | `gaf`, `obo` | Gene Ontology annotations and their ontology, in place of `features` | none |
/// | `aliases` | table of other names of genes or proteins | none |
/// | `unknown_gene` | a gene without features | `error` |
/// | `smiles` | table of drugs and their structures, for the encoder `smiles` and `hold_out = "scaffold"` | none |
/// | `reference` | FASTA of proteins, for the encoder `protein` | none |
/// | `hold_out` or `split` | what is kept for evaluation | nothing |
/// | `control_split` | share of control cells kept for evaluation | 0.5 |
/// | `likelihood`, `library` | of the decoder | `zinb`, `latent` (the slides') |
/// | `latent_prior` | p(z) of the decoder: `standard`, or given the cell embedding, `given_g` | `standard` (the slides') |
/// | `unseen_library` | p(l\|p) of a perturbation without training cells | `predicted` |
/// | `prior_form` | residual or plain diffusion | `residual` |
/// | `gene_anchor` | pull generated means towards the closed-form ones | `auto` |
/// | `n_top_genes` | highly variable genes kept beside the perturbed ones | 2000 |
/// | `min_cells` | training cells a perturbation needs | 5 |
/// | `rare` | a perturbation with fewer | `error` |
/// | `cell_dim` | width of g | 10 |
/// | `seed` | of everything random | 0 |
///
/// ```
/// use pert_pipeline::FitConfig;
/// let config = FitConfig { hold_out: Some("seen-2:0.3".into()), seed: 3, ..FitConfig::default() };
/// config.check()?;
/// assert!(config.to_toml().contains("hold-out = \"seen-2:0.3\""));
/// let wrong = FitConfig { hold_out: Some("seen-7".into()), ..config };
/// assert!(wrong.check().is_err());
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FitConfig {
    /// The obs column that names the perturbation; `None`: guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perturbation_key: Option<String>,
    /// The label of control cells; `None`: guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// What joins the parts of a label; `None`: guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// What the parts of a label name; `None`: guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_kind: Option<LabelKind>,
    /// Whether guide numbers are taken off genes; `None`: guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide_suffix: Option<GuideSuffix>,
    /// The layer that holds raw counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// The obs column of the cell type; `None`: guessed, `none`: no such covariate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell_type_key: Option<String>,
    /// The obs column of the batch, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_key: Option<String>,
    /// The obs column of the dose, in nM, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dose_key: Option<String>,
    /// Conditions a cell must meet.
    pub filter: Vec<String>,
    /// The kind of perturbation.
    pub encoder: EncoderKind,
    /// A table of gene features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureSource>,
    /// Annotations of genes (GAF), with `obo` in place of features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaf: Option<PathBuf>,
    /// The ontology of the annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obo: Option<PathBuf>,
    /// Other names of the genes of the features, or of the proteins of `reference`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aliases: Option<PathBuf>,
    /// What to do with a gene without features.
    pub unknown_gene: UnknownGenePolicy,
    /// A table of drugs and their SMILES: what the encoder `smiles` reads and the rule `scaffold` groups by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smiles: Option<PathBuf>,
    /// Reference sequences (FASTA) of the proteins whose variants are labels: what the encoder `protein` reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<PathBuf>,
    /// The hold-out rule, `RULE[:FRACTION]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_out: Option<String>,
    /// A split to read instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<PathBuf>,
    /// Share of the control cells kept apart for evaluation, in [0, 1).
    pub control_split: f64,
    /// Distribution of the counts.
    pub likelihood: Likelihood,
    /// Latent or observed library size.
    pub library: Library,
    /// Prior of the decoder's z.
    pub latent_prior: LatentPrior,
    /// Where the library sizes of an unseen perturbation come from.
    pub unseen_library: UnseenLibrary,
    /// Residual or plain diffusion.
    pub prior_form: PriorForm,
    /// Whether generated gene means are pulled towards closed-form ones.
    pub gene_anchor: GeneAnchor,
    /// Highly variable genes kept.
    pub n_top_genes: usize,
    /// Training cells a perturbation needs.
    pub min_cells: usize,
    /// What to do with a perturbation that has fewer.
    pub rare: RarePolicy,
    /// Width of the cell embedding g.
    pub cell_dim: usize,
    /// Seed of the run.
    pub seed: u64,
    /// Training of the cell encoder.
    pub cell_encoder_training: TrainConfig,
    /// The diffusion prior and its training.
    pub prior: PriorConfig,
    /// How the prior is sampled.
    pub sampler: SamplerConfig,
    /// Training of the decoder.
    pub decoder_training: TrainConfig,
}

/// Whether the means of generated genes are pulled towards the closed-form prediction (docs/equations.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GeneAnchor {
    /// Decided by leave-one-out error of the closed form on the training perturbations.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Where the library sizes of a perturbation without training cells come from (docs/equations.md, "Library prior").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnseenLibrary {
    /// p(l|p) predicted from p by ridge regression on the seen perturbations, as the slides write it; the global
    /// distribution where leave-one-out does not find that clearly better.
    #[default]
    Predicted,
    /// The distribution over all training cells.
    Global,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            perturbation_key: None,
            control: None,
            separator: None,
            label_kind: None,
            guide_suffix: None,
            layer: None,
            cell_type_key: None,
            batch_key: None,
            dose_key: None,
            filter: Vec::new(),
            encoder: EncoderKind::default(),
            features: None,
            gaf: None,
            obo: None,
            aliases: None,
            unknown_gene: UnknownGenePolicy::default(),
            smiles: None,
            reference: None,
            hold_out: None,
            split: None,
            control_split: 0.5,
            likelihood: Likelihood::Zinb,
            library: Library::Latent,
            latent_prior: LatentPrior::default(),
            unseen_library: UnseenLibrary::default(),
            prior_form: PriorForm::default(),
            gene_anchor: GeneAnchor::default(),
            n_top_genes: 2000,
            min_cells: 5,
            rare: RarePolicy::default(),
            cell_dim: 10,
            seed: 0,
            cell_encoder_training: TrainConfig::default(),
            prior: PriorConfig::default(),
            sampler: SamplerConfig::default(),
            decoder_training: TrainConfig::default(),
        }
    }
}

impl FitConfig {
    /// Reads a run file; unknown keys are refused, missing ones take their defaults. Paths in it are taken
    /// relative to the working directory.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::ConfigFile`] with line and key, or with the value that is out of range.
    pub fn read_toml(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        let invalid =
            |message| Error::ConfigFile { path: path.to_owned(), what: "run file", message };
        let config = Self::from_toml(&text).map_err(invalid)?;
        config.check().map_err(|e| invalid(e.to_string()))?;
        Ok(config)
    }

    /// Parses the text of a run file. Keys are written as the flags are (`hold-out`); `hold_out` is understood too.
    pub(crate) fn from_toml(text: &str) -> Result<Self, String> {
        from_toml_text(text)
    }

    /// The run file of this configuration, every field written out.
    pub fn to_toml(&self) -> String {
        let table = toml::Value::try_from(self).expect("a configuration is plain data");
        toml::to_string(&rename_keys(table, '_', "-")).expect("a table is written as one")
    }

    /// Checks ranges and contradictions.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field and its range.
    pub fn check(&self) -> Result<(), Error> {
        let bad = |field: &'static str, message: String| Err(Error::Config { field, message });
        if !(0.0..1.0).contains(&self.control_split) {
            return bad("control-split", format!("must lie in [0, 1), got {}", self.control_split));
        }
        if self.hold_out.is_some() && self.split.is_some() {
            return bad("hold-out", "give either hold-out or split, not both".into());
        }
        if self.cell_dim == 0 || self.n_top_genes == 0 || self.min_cells < 2 {
            return bad(
                "cell-dim",
                format!(
                    "cell-dim ({}) and n-top-genes ({}) must be ≥ 1, min-cells ({}) ≥ 2",
                    self.cell_dim, self.n_top_genes, self.min_cells
                ),
            );
        }
        check_annotations(self.features.is_some(), self.gaf.is_some(), self.obo.is_some())?;
        self.parsed_hold_out()?;
        let in_table = |field, result: Result<(), Error>| {
            result.map_err(|e| Error::Config { field, message: e.to_string() })
        };
        in_table(
            "[cell-encoder-training]",
            self.cell_encoder_training.check().map_err(Error::from),
        )?;
        in_table("[decoder-training]", self.decoder_training.check().map_err(Error::from))?;
        if self.decoder_training.classifier_weight > 0.0 {
            let message = "classifier-weight belongs to [cell-encoder-training]: g tells the \
                           perturbations apart, the decoder's z what g does not tell";
            return bad("[decoder-training]", message.to_owned());
        }
        in_table("[prior]", self.prior.check().map_err(Error::from))?;
        in_table("[sampler]", self.sampler.check_for(&self.prior).map_err(Error::from))
    }

    /// The hold-out rule, parsed.
    ///
    /// # Errors
    /// [`Error::Core`] with the known rules.
    pub fn parsed_hold_out(&self) -> Result<Option<HoldOut>, Error> {
        Ok(self.hold_out.as_deref().map(str::parse).transpose()?)
    }

    /// The VAE whose posterior mean is g.
    pub(crate) fn cell_encoder(&self, n_genes: usize, d_covariate: usize) -> VaeConfig {
        VaeConfig { d_covariate, ..self.vae(n_genes, self.cell_dim, 0) }
    }

    /// The decoder p(y | z, l, g) with its own narrow z.
    pub(crate) fn decoder(&self, n_genes: usize, d_covariate: usize) -> VaeConfig {
        let latent_prior = self.latent_prior;
        VaeConfig { d_covariate, latent_prior, ..self.vae(n_genes, DECODER_LATENT, self.cell_dim) }
    }

    fn vae(&self, n_genes: usize, n_latent: usize, d_cell: usize) -> VaeConfig {
        VaeConfig {
            d_cell,
            likelihood: self.likelihood,
            library: self.library,
            ..VaeConfig::new(n_genes, n_latent)
        }
    }
}

/// Parses TOML whose keys are written as flags are (`hold-out`) into fields with underscores; either is understood.
/// An error names the line and the key.
pub(crate) fn from_toml_text<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let table: toml::Table = toml::from_str(text).map_err(|e| located(text, &e))?;
    let renamed = rename_keys(toml::Value::Table(table), '-', "_");
    renamed.try_into().map_err(|without_place: toml::de::Error| {
        // Read once more from text of the same length, whose errors know their place.
        match toml::from_str::<T>(&underscored_keys(text)) {
            Err(error) => located(text, &error),
            Ok(_) => located(text, &without_place),
        }
    })
}

/// Rewrites the keys of all tables, values untouched.
pub(crate) fn rename_keys(value: toml::Value, from: char, to: &str) -> toml::Value {
    match value {
        toml::Value::Array(values) => toml::Value::Array(
            values.into_iter().map(|value| rename_keys(value, from, to)).collect(),
        ),
        toml::Value::Table(table) => toml::Value::Table(
            table
                .into_iter()
                .map(|(key, value)| (key.replace(from, to), rename_keys(value, from, to)))
                .collect(),
        ),
        other => other,
    }
}

/// An error of a run file with its line, field names written as the file writes them.
pub(crate) fn located(text: &str, error: &toml::de::Error) -> String {
    let message: String = error
        .message()
        .split('`')
        .enumerate()
        .map(
            |(i, part)| {
                if i % 2 == 1 { format!("`{}`", part.replace('_', "-")) } else { part.into() }
            },
        )
        .collect();
    match error.span() {
        Some(span) => {
            let line = text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1;
            format!("line {line}: {message}")
        }
        None => message,
    }
}

/// The text with underscores in the keys at the start of its lines; of the same length, so that places stay.
fn underscored_keys(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_. []\t".contains(c);
    text.split_inclusive('\n')
        .map(|line| {
            let key_ends = match line.find('=') {
                Some(place) => place,
                None if line.trim_start().starts_with('[') => line.trim_end().len(),
                None => 0,
            };
            let (key, rest) = line.split_at(key_ends);
            if key.chars().all(bare) { key.replace('-', "_") + rest } else { line.to_owned() }
        })
        .collect()
}

/// Width of the decoder's own z, apart from g (the model recipe: 5).
const DECODER_LATENT: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_configuration_is_read_back() {
        let config = FitConfig {
            hold_out: Some("seen-2:0.5".into()),
            filter: vec!["umis>=100".into()],
            separator: Some('_'),
            label_kind: Some(LabelKind::Drugs),
            guide_suffix: Some(GuideSuffix::Strip),
            seed: 7,
            ..FitConfig::default()
        };
        let text = config.to_toml();
        assert!(text.contains("hold-out = \"seen-2:0.5\""), "{text}");
        assert_eq!(FitConfig::from_toml(&text).unwrap(), config);
    }

    #[test]
    fn flow_matching_and_validation_are_read_and_written() {
        let text = "[prior]\nparameterization = \"flow\"\ncoupling = \"optimal_transport\"\n\
                    [prior.schedule]\nkind = \"straight\"\n\
                    [prior.validation]\ncriterion = \"energy_distance\"\npatience = 2\n";
        let config = FitConfig::from_toml(text).unwrap();
        config.check().unwrap();
        assert_eq!(FitConfig::from_toml(&config.to_toml()).unwrap(), config);
        // Fresh noise would not be coupled.
        let kind = pert_diffusion::SamplerKind::Ddim;
        let sampler = SamplerConfig { kind, eta: 0.5, ..SamplerConfig::default() };
        let error = FitConfig { sampler, ..config }.check().unwrap_err().to_string();
        assert!(error.contains("[sampler]") && error.contains("deterministic"), "{error}");
    }

    #[test]
    fn unknown_keys_and_bad_ranges_are_refused() {
        assert!(FitConfig::from_toml("sede = 3").is_err());
        let error = FitConfig::from_toml("seed = 1\n[prior]\nlerning-rate = 3").unwrap_err();
        assert!(error.contains("line 3") && error.contains("`learning-rate`"), "{error}");
        let error = FitConfig::from_toml("min-cells = \"a_b\"").unwrap_err();
        assert!(error.contains("line 1") && error.contains("a_b"), "{error}");
        let error = FitConfig::from_toml("seed = \n").unwrap_err();
        assert!(error.contains("line 1"), "{error}");
        let zero_steps = FitConfig {
            prior: PriorConfig { steps: 0, ..PriorConfig::default() },
            ..FitConfig::default()
        };
        let error = zero_steps.check().unwrap_err().to_string();
        assert!(error.contains("[prior]") && error.contains("steps"), "{error}");
        let config = FitConfig { control_split: 1.0, ..FitConfig::default() };
        assert!(matches!(config.check(), Err(Error::Config { field: "control-split", .. })));
        let both = FitConfig {
            hold_out: Some("cells".into()),
            split: Some("s.json".into()),
            ..FitConfig::default()
        };
        assert!(both.check().is_err());
    }
}
