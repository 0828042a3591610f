//! What an encoder is made from.

use std::path::PathBuf;

use pert_core::{LabelFormat, LabelKind};
use pert_data::ReadOptions;

use crate::Error;
use crate::config::EncoderKind;
use crate::feature_source::{FeatureSource, check_annotations};

/// Dimensions of a gene set unless others are asked for: the most that features are reduced to.
const GENE_SET_DIM: usize = pert_encoders::LARGEST_REDUCED_DIM;

/// Which encoder, and what it reads.
///
/// | encoder | reads | a row |
/// |---|---|---|
/// | `gene-set` | `features`, or `gaf` with `obo` | features of the genes in at most `dim` dimensions (truncated SVD), summed |
/// | `table` | `features` | the rows of the table, summed |
/// | `smiles` | `smiles`; `weights` of a [`SmilesVae`](pert_encoders::SmilesVae) or [`Roberta`](pert_encoders::Roberta) | Morgan bits, or latent means, or the mean state of a molecule's tokens |
/// | `protein` | `reference`; `weights` of ESM-2 | features of the change, or what the network makes of it |
///
/// ```
/// use pert_pipeline::{EncodeConfig, EncoderKind};
/// let config = EncodeConfig::new(EncoderKind::Protein);
/// let error = config.check().expect_err("no sequences").to_string();
/// assert!(error.contains("--reference FASTA"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeConfig {
    /// The encoder; [`EncoderKind::Auto`] is none.
    pub encoder: EncoderKind,
    /// How labels are written; the kind of what they name follows from the encoder in [`Self::new`].
    pub format: LabelFormat,
    /// Features of genes, or of anything.
    pub features: Option<FeatureSource>,
    /// How labels of a cell file that holds the features are read; matters to `obsm`.
    pub cells: ReadOptions,
    /// Annotations of genes (GAF), with [`obo`](Self::obo) in place of features.
    pub gaf: Option<PathBuf>,
    /// The ontology of the annotations.
    pub obo: Option<PathBuf>,
    /// Other names of genes or proteins.
    pub aliases: Option<PathBuf>,
    /// Structures of drugs by name. Without it, a label is a SMILES, or has one beside it.
    pub smiles: Option<PathBuf>,
    /// Sequences of proteins (FASTA).
    pub reference: Option<PathBuf>,
    /// The folder of a pretrained network.
    pub weights: Option<PathBuf>,
    /// Where rows of ESM-2 are kept.
    pub cache: Option<PathBuf>,
    /// Most dimensions of a gene set, 1 to 32. Default: 32.
    pub dim: usize,
}

impl EncodeConfig {
    /// Nothing but the encoder and labels of its kind.
    pub fn new(encoder: EncoderKind) -> Self {
        let kind = match encoder {
            EncoderKind::Smiles => LabelKind::Drugs,
            EncoderKind::Protein => LabelKind::Variants,
            EncoderKind::Auto | EncoderKind::GeneSet | EncoderKind::Table => LabelKind::Genes,
        };
        Self {
            encoder,
            format: LabelFormat { kind, ..LabelFormat::default() },
            features: None,
            cells: ReadOptions::default(),
            gaf: None,
            obo: None,
            aliases: None,
            smiles: None,
            reference: None,
            weights: None,
            cache: None,
            dim: GENE_SET_DIM,
        }
    }

    /// Checks that the encoder has what it needs and is given nothing that it would not read.
    ///
    /// # Errors
    /// [`Error::Config`] naming the flag.
    pub fn check(&self) -> Result<(), Error> {
        let bad = |message: String| Err(Error::Config { field: "encoder", message });
        let (name, reads): (&str, &[&str]) = match self.encoder {
            EncoderKind::Auto => return bad("auto is for `pert fit`; name the encoder".into()),
            EncoderKind::GeneSet => ("gene-set", &["--features", "--gaf", "--obo", "--aliases"]),
            EncoderKind::Table => ("table", &["--features", "--aliases"]),
            EncoderKind::Smiles => ("smiles", &["--smiles", "--weights"]),
            EncoderKind::Protein => {
                ("protein", &["--reference", "--weights", "--cache", "--aliases"])
            }
        };
        let given = [
            ("--features", self.features.is_some()),
            ("--gaf", self.gaf.is_some()),
            ("--obo", self.obo.is_some()),
            ("--aliases", self.aliases.is_some()),
            ("--smiles", self.smiles.is_some()),
            ("--reference", self.reference.is_some()),
            ("--weights", self.weights.is_some()),
            ("--cache", self.cache.is_some()),
        ];
        let is_given = |flag: &str| given.contains(&(flag, true));
        if let Some((flag, _)) = given.iter().find(|(f, is_given)| *is_given && !reads.contains(f))
        {
            let reads = reads.join(", ");
            return bad(format!("`{name}` does not read {flag}; it reads {reads}"));
        }
        check_annotations(self.features.is_some(), self.gaf.is_some(), self.obo.is_some())?;
        let needs = match self.encoder {
            EncoderKind::GeneSet if !is_given("--features") && !is_given("--gaf") => {
                "--features TABLE, or --gaf FILE with --obo FILE"
            }
            EncoderKind::Table if !is_given("--features") => "--features TABLE",
            EncoderKind::Protein if !is_given("--reference") => "--reference FASTA",
            _ => return Ok(()),
        };
        bad(format!("`{name}` needs {needs}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_of_no_use_is_named() {
        let given = |kind| EncodeConfig::new(kind);
        let file = || Some(PathBuf::from("a"));
        let cases = [
            (given(EncoderKind::Auto), "name the encoder"),
            (given(EncoderKind::GeneSet), "--features TABLE, or --gaf"),
            (given(EncoderKind::Table), "`table` needs --features TABLE"),
            (given(EncoderKind::Protein), "--reference FASTA"),
            (
                EncodeConfig { reference: file(), ..given(EncoderKind::Smiles) },
                "`smiles` does not read --reference; it reads --smiles, --weights",
            ),
            (
                EncodeConfig { gaf: file(), ..given(EncoderKind::GeneSet) },
                "--gaf and --obo belong together",
            ),
            (
                EncodeConfig {
                    gaf: file(),
                    obo: file(),
                    features: Some("a".into()),
                    ..given(EncoderKind::GeneSet)
                },
                "not both",
            ),
        ];
        for (config, words) in cases {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(given(EncoderKind::Smiles).check().is_ok());
    }
}
