//! Which encoder reads the labels of a screen, and what it reads beside them.

use pert_core::{LabelKind, Perturbation};
use pert_data::Dataset;
use pert_encoders::{
    AliasTable, ChangeEncoder, ChangeEncoderConfig, DrugEncoder, FeatureTable, GeneSetEncoder,
    InvalidDrug, ProteinReferences, SaltRule, Scaled, SmilesTable, TanimotoMap, TanimotoMapConfig,
    TargetFeatures, UnknownGene,
};

use crate::Error;
use crate::config::{EncoderKind, FitConfig, UnknownGenePolicy};
use crate::encode::add_aliases;
use crate::training_set::TrainingSet;

/// Dimensions that features are reduced to for the network; kernel ridge sees all of them.
const REDUCED_FEATURES: usize = 16;

impl FitConfig {
    /// The encoder of a screen with labels of this kind.
    ///
    /// ```
    /// use pert_core::LabelKind;
    /// use pert_pipeline::{EncoderKind, FitConfig};
    /// let mut config = FitConfig::default();
    /// assert_eq!(config.encoder_for(LabelKind::Drugs), EncoderKind::GeneSet);
    /// config.smiles = Some("drugs.tsv".into());
    /// assert_eq!(config.encoder_for(LabelKind::Drugs), EncoderKind::Smiles);
    /// assert_eq!(config.encoder_for(LabelKind::Genes), EncoderKind::GeneSet);
    /// ```
    pub fn encoder_for(&self, labels: LabelKind) -> EncoderKind {
        match (self.encoder, labels) {
            (EncoderKind::Auto, LabelKind::Drugs) if self.smiles.is_some() => EncoderKind::Smiles,
            (EncoderKind::Auto, LabelKind::Variants) if self.reference.is_some() => {
                EncoderKind::Protein
            }
            (EncoderKind::Auto, _) => EncoderKind::GeneSet,
            (said, _) => said,
        }
    }

    /// The features of genes that are named, if any, for this screen: a table, or annotations and their ontology; with
    /// aliases of the genes.
    ///
    /// # Errors
    /// Those of [`FeatureSource::read_for`](crate::FeatureSource::read_for), [`FeatureTable::read_gaf`] and
    /// [`AliasTable::read`]; [`Error::Config`] for aliases of nothing.
    pub fn feature_table(&self, dataset: &Dataset) -> Result<Option<FeatureTable>, Error> {
        let table = match (&self.features, &self.gaf, &self.obo) {
            (Some(features), ..) => Some(features.read_for(dataset)?),
            (None, Some(gaf), Some(obo)) => Some(FeatureTable::read_gaf(gaf, obo)?),
            _ => None,
        };
        match (table, &self.aliases) {
            (Some(table), Some(aliases)) => Ok(Some(table.with_aliases(AliasTable::read(aliases)?))),
            (None, Some(_)) => Err(Error::Config {
                field: "aliases",
                message: "there are no features whose genes they could name; give --features, or --gaf with --obo"
                    .to_owned(),
            }),
            (table, None) => Ok(table),
        }
    }
}

/// The encoder, of the training perturbations and what the configuration names beside them.
pub(crate) fn build_encoder(
    dataset: &Dataset,
    training: &TrainingSet,
    config: &FitConfig,
) -> Result<GeneSetEncoder, Error> {
    let seen: Vec<String> =
        training.perturbed().flat_map(|(_, p)| p.targets().iter().cloned()).collect();
    let unknown = match config.unknown_gene {
        UnknownGenePolicy::Error => UnknownGene::Error,
        UnknownGenePolicy::Mean => UnknownGene::Mean,
    };
    let encoder = GeneSetEncoder::new(seen, None, unknown);
    let features = features_of(config, dataset, encoder.seen_genes())?;
    let encoder = match features {
        Some(features) => encoder.with_features(features),
        None => encoder,
    };
    let encoder = encoder.with_reduced(REDUCED_FEATURES)?;
    // Held-out perturbations are looked at too: better a message now than after the training.
    let named = |labels: &[String]| -> Result<Vec<Perturbation>, pert_core::Error> {
        labels.iter().map(|label| Perturbation::parse(label, dataset.format())).collect()
    };
    encoder.check(&named(&training.split.train)?)?;
    encoder.check(&named(&training.split.test)?)?;
    Ok(encoder)
}

/// Features of the targets of a screen; `seen` are those of the training.
fn features_of(
    config: &FitConfig,
    dataset: &Dataset,
    seen: &[String],
) -> Result<Option<TargetFeatures>, Error> {
    let table = || -> Result<Option<TargetFeatures>, Error> {
        Ok(config.feature_table(dataset)?.map(Into::into))
    };
    let seen_targets: Vec<&str> = seen.iter().map(String::as_str).collect();
    let kind = config.encoder_for(dataset.format().kind);
    nothing_unread(config, kind)?;
    match kind {
        EncoderKind::Auto | EncoderKind::GeneSet => table(),
        EncoderKind::Table => {
            needed(&config.features, "table", "--features TABLE")?;
            table()
        }
        _ if seen.is_empty() => Ok(None),
        EncoderKind::Smiles => {
            let path = needed(&config.smiles, "smiles", "--smiles TABLE")?;
            let table = SmilesTable::read(path)?;
            // Tables hold more drugs than a screen; a drug of the screen is refused when it is asked for.
            let encoder =
                DrugEncoder::new(table.smiles(), SaltRule::LargestPart, InvalidDrug::Skip)?;
            let map_config =
                TanimotoMapConfig { n_leading: REDUCED_FEATURES, ..TanimotoMapConfig::default() };
            Ok(Some(TargetFeatures::Drugs(TanimotoMap::fit(encoder, &seen_targets, map_config)?)))
        }
        EncoderKind::Protein => {
            let path = needed(&config.reference, "protein", "--reference FASTA")?;
            let mut references =
                ProteinReferences::read_fasta(path).map_err(pert_encoders::Error::from)?;
            if let Some(aliases) = &config.aliases {
                add_aliases(&mut references, &AliasTable::read(aliases)?)?;
            }
            let encoder = ChangeEncoder::new(references, ChangeEncoderConfig::default())
                .map_err(pert_encoders::Error::from)?;
            Ok(Some(TargetFeatures::Variants(Scaled::fit(encoder, &seen_targets)?)))
        }
    }
}

/// Refuses features, or names of their genes, that this encoder would pass over in silence.
fn nothing_unread(config: &FitConfig, kind: EncoderKind) -> Result<(), Error> {
    let (encoder, reads, aliases_are_read) = match kind {
        EncoderKind::Smiles => ("smiles", "--smiles", false),
        EncoderKind::Protein => ("protein", "--reference and --aliases", true),
        EncoderKind::Auto | EncoderKind::GeneSet | EncoderKind::Table => return Ok(()),
    };
    let given = [
        ("--features", config.features.is_some()),
        ("--gaf", config.gaf.is_some()),
        ("--aliases", config.aliases.is_some() && !aliases_are_read),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => Err(Error::Config {
            field: "encoder",
            message: format!(
                "`{encoder}` does not read {flag}; it reads {reads}. Leave {flag} out, or give \
                 --encoder table with --features"
            ),
        }),
        None => Ok(()),
    }
}

fn needed<'a, T>(given: &'a Option<T>, encoder: &str, flag: &str) -> Result<&'a T, Error> {
    given.as_ref().ok_or_else(|| Error::Config {
        field: "encoder",
        message: format!("the encoder `{encoder}` needs {flag}"),
    })
}
