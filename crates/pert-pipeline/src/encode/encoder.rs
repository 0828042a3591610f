//! The encoder of a command: opened once, asked what it can encode, then asked to do it.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use burn::tensor::Device;
use pert_core::Perturbation;
use pert_encoders::{
    AliasTable, ChangeEncoder, ChangeEncoderConfig, Esm2, Esm2Encoder, Esm2EncoderConfig, Esm2Part,
    FeatureTable, ProteinError, ProteinReferences, SmilesTable, TargetEncoder,
};

use super::config::EncodeConfig;
use super::embeddings::Embeddings;
use super::request::EncodeRequest;
use super::structures::{Dosed, Structures};
use crate::Error;
use crate::config::EncoderKind;
use crate::progress::Progress;
use crate::smiles_network::open_smiles_network;

/// The stage that progress is told of.
const STAGE: &str = "encoding";
/// Perturbations encoded between two reports of progress.
const BLOCK: usize = 64;
/// The column of doses.
const DOSE: &str = "log1p_dose_nM";
/// Letters of a label that a message shows: a SMILES may be long.
const SHOWN: usize = 60;
/// One-letter codes of the twenty amino acids.
const AMINO_ACIDS: &[u8] = b"ACDEFGHIKLMNPQRSTVWY";

/// Encodes labels of genes, drugs or protein variants; no screen and no model is needed.
///
/// The row of a combination is the sum over its parts, control is zero.
///
/// ```
/// use pert_pipeline::{EncodeConfig, EncodeRequest, EncoderKind, PerturbationEncoder, Silent};
/// # let device = pert_pipeline::DeviceChoice::Cpu.open()?;
/// let encoder = PerturbationEncoder::open(&EncodeConfig::new(EncoderKind::Smiles), &device)?;
/// let requests = ["CCO", "c1cccc1"].map(EncodeRequest::of);
/// let refused = encoder.check(&requests);
/// assert!(refused.len() == 1 && refused[0].reason.contains("at byte 1"));
/// let embeddings = encoder.encode(&requests[..1], &mut Silent)?;
/// assert_eq!((embeddings.labels.len(), embeddings.values.len()), (1, 2048));
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
pub struct PerturbationEncoder {
    config: EncodeConfig,
    rows: Rows,
    columns: Vec<String>,
    references: Option<ProteinReferences>,
    remark: Option<String>,
}

enum Rows {
    Targets(Box<dyn TargetEncoder>),
    Network(Box<Esm2Encoder>),
    Structures(Box<Structures>),
}

/// What a request asks for, as the encoder takes it.
enum Asked {
    Targets(Perturbation),
    Molecules(Vec<Dosed>),
}

/// A perturbation that cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotEncoded {
    /// Its place among those asked for, counted from 0.
    pub index: usize,
    /// Its label; of a long one, the start.
    pub label: String,
    /// Its line in the table, where it came from one.
    pub line: Option<usize>,
    /// Why.
    pub reason: String,
}

impl fmt::Display for NotEncoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}, ")?;
        }
        write!(f, "{:?}: {}", self.label, self.reason)
    }
}

impl PerturbationEncoder {
    /// Reads everything that the encoder needs.
    ///
    /// # Errors
    /// Those of [`EncodeConfig::check`] and of the files it names.
    pub fn open(config: &EncodeConfig, device: &Device) -> Result<Self, Error> {
        config.check()?;
        config.format.check()?;
        let mut encoder = Self {
            config: config.clone(),
            rows: Rows::Structures(Box::new(Structures::new(None, None))),
            columns: Vec::new(),
            references: None,
            remark: None,
        };
        let aliases = config.aliases.as_deref().map(AliasTable::read).transpose()?;
        match config.encoder {
            EncoderKind::Smiles => {
                let table = config.smiles.as_deref().map(SmilesTable::read).transpose()?;
                let weights = config.weights.as_deref();
                let network = weights.map(|folder| open_smiles_network(folder, device));
                let structures = Structures::new(table, network.transpose()?);
                encoder.columns = structures.columns();
                encoder.remark = structures.remark();
                encoder.rows = Rows::Structures(Box::new(structures));
            }
            EncoderKind::Protein => {
                let path = config.reference.as_deref().expect("checked");
                let mut references = ProteinReferences::read_fasta(path).map_err(protein)?;
                aliases.iter().try_for_each(|aliases| add_aliases(&mut references, aliases))?;
                encoder.references = Some(references.clone());
                match config.weights.as_deref() {
                    Some(folder) => encoder.open_network(folder, references, device)?,
                    None => {
                        let change = ChangeEncoder::new(references, ChangeEncoderConfig::default());
                        let change = change.map_err(protein)?;
                        encoder.columns = change.columns().to_vec();
                        encoder.rows = Rows::Targets(Box::new(change));
                    }
                }
            }
            EncoderKind::Auto | EncoderKind::GeneSet | EncoderKind::Table => {
                let table = encoder.read_features()?.with_aliases(aliases.unwrap_or_default());
                encoder.rows = Rows::Targets(Box::new(table));
            }
        }
        Ok(encoder)
    }

    /// The table of features, of gene sets reduced; also names the columns.
    fn read_features(&mut self) -> Result<FeatureTable, Error> {
        let EncodeConfig { features, cells, gaf, obo, encoder, dim, .. } = &self.config;
        let table = match (features, gaf, obo) {
            (_, Some(gaf), Some(obo)) => FeatureTable::read_gaf(gaf, obo)?,
            (Some(features), ..) => features.read(cells)?,
            _ => unreachable!("checked"),
        };
        if *encoder == EncoderKind::Table || table.dim() <= *dim {
            self.columns = table.columns().to_vec();
            return Ok(table);
        }
        let reduced = table.reduced(table.genes(), *dim)?;
        self.columns = (0..reduced.dim()).map(|i| format!("component_{i}")).collect();
        Ok(reduced)
    }

    fn open_network(
        &mut self,
        folder: &Path,
        references: ProteinReferences,
        device: &Device,
    ) -> Result<(), Error> {
        let model = Esm2::load(folder, device).map_err(pert_encoders::Error::from)?;
        let mut parts = Esm2EncoderConfig::default();
        if !model.has_head() {
            parts.parts.retain(|part| *part != Esm2Part::LogLikelihoodRatio);
            self.remark = Some(format!(
                "{} has no language-model head: rows have no log-likelihood ratio",
                folder.display()
            ));
        }
        let width = model.width();
        for part in &parts.parts {
            let many = |name: &str| (0..width).map(|i| format!("{name}_{i}")).collect();
            self.columns.extend::<Vec<String>>(match part {
                Esm2Part::Mean => many("mean"),
                Esm2Part::MeanDifference => many("mean_difference"),
                Esm2Part::SiteDifference => many("site_difference"),
                Esm2Part::LogLikelihoodRatio => vec!["log_likelihood_ratio".to_owned()],
                Esm2Part::Lost => vec!["lost".to_owned()],
            });
        }
        let network = Esm2Encoder::new(model, references, parts).map_err(protein)?;
        self.rows = Rows::Network(Box::new(match &self.config.cache {
            Some(cache) => network.with_cache(cache),
            None => network,
        }));
        Ok(())
    }

    /// Something the user should know about the rows.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// Every substitution of a protein by another of the twenty amino acids, by position; residues that are none of
    /// them are left alone.
    ///
    /// # Errors
    /// [`Error::Config`] for an encoder that knows no proteins; an unknown name, with those nearest.
    pub fn all_substitutions(&self, protein_name: &str) -> Result<Vec<EncodeRequest>, Error> {
        let Some(references) = &self.references else {
            let message = "only `protein` knows all substitutions of a protein".to_owned();
            return Err(Error::Config { field: "encoder", message });
        };
        let letters = references.get(protein_name).map_err(protein)?.letters();
        // A name such as P53_HUMAN would be cut at its own underscore.
        let joint = if protein_name.contains('_') { ':' } else { '_' };
        let places = letters.iter().enumerate().filter(|(_, from)| AMINO_ACIDS.contains(from));
        let of_place = places.flat_map(|(i, from)| {
            let to = AMINO_ACIDS.iter().filter(move |to| *to != from);
            to.map(move |to| {
                let (from, to) = (char::from(*from), char::from(*to));
                EncodeRequest::of(&format!("{protein_name}{joint}{from}{}{to}", i + 1))
            })
        });
        Ok(of_place.collect())
    }

    /// Those that cannot be encoded, in the order they were asked for; without the work of encoding the others.
    pub fn check(&self, requests: &[EncodeRequest]) -> Vec<NotEncoded> {
        let mut refused = Vec::new();
        let mut first: HashMap<String, usize> = HashMap::new();
        let read: Vec<Result<Asked, Error>> = requests.iter().map(|r| self.read(r)).collect();
        let has_dose = read.iter().flatten().any(Asked::has_dose);
        for (index, (request, asked)) in requests.iter().zip(read).enumerate() {
            let reason = asked.map_err(|e| e.to_string()).and_then(|asked| {
                if has_dose && asked.lacks_dose() {
                    return Err(
                        "it has no dose, others have; write it as NAME_100nM, or take theirs off"
                            .to_owned(),
                    );
                }
                match first.get(&asked.key(request)) {
                    Some(&earlier) => Err(earlier_place(&requests[earlier], earlier)),
                    None => {
                        first.insert(asked.key(request), index);
                        Ok(())
                    }
                }
            });
            if let Err(reason) = reason {
                let (label, line) = (shown(&request.label), request.line);
                refused.push(NotEncoded { index, label, line, reason });
            }
        }
        refused
    }

    /// Encodes perturbations, all of which [`check`](Self::check) must have passed.
    ///
    /// Where labels of drugs have doses, log(1 + dose in nM) stands behind the structure.
    ///
    /// # Errors
    /// The first that cannot be encoded; [`Error::Interrupted`] when `progress` breaks off.
    pub fn encode(
        &self,
        requests: &[EncodeRequest],
        progress: &mut dyn Progress,
    ) -> Result<Embeddings, Error> {
        let asked: Vec<Asked> =
            requests.iter().map(|request| self.read(request)).collect::<Result<_, _>>()?;
        let mut columns = self.columns.clone();
        let values = match &self.rows {
            Rows::Targets(encoder) => sums_of(encoder.as_ref(), &asked, progress)?,
            Rows::Network(network) => sums_of_network(network, &asked, progress)?,
            Rows::Structures(structures) => {
                let has_dose = asked.iter().any(Asked::has_dose);
                columns.extend(has_dose.then(|| DOSE.to_owned()));
                sums_of_molecules(structures, &asked, has_dose, progress)?
            }
        };
        let labels = requests.iter().map(|request| request.label.trim().to_owned()).collect();
        Ok(Embeddings { labels, columns, values })
    }

    /// What a request asks for, refused where there is no row for it.
    fn read(&self, request: &EncodeRequest) -> Result<Asked, Error> {
        let label = request.label.trim();
        let bad = |what: &str| Err(Error::Request(format!("the label {what}")));
        if label.is_empty() {
            return bad("is empty");
        }
        if label.contains(char::is_control) {
            return bad("holds a tab, a line break or another control character");
        }
        match &self.rows {
            Rows::Structures(structures) => {
                let molecules = structures.read(request, &self.config)?;
                molecules.iter().try_for_each(|dosed| structures.check(&dosed.smiles))?;
                Ok(Asked::Molecules(molecules))
            }
            Rows::Targets(encoder) => self.targets(label, encoder.as_ref()),
            Rows::Network(network) => self.targets(label, network.as_ref()),
        }
    }

    fn targets(&self, label: &str, encoder: &dyn TargetEncoder) -> Result<Asked, Error> {
        let perturbation = Perturbation::parse(label, &self.config.format)?;
        perturbation.targets().iter().try_for_each(|target| encoder.check_target(target))?;
        Ok(Asked::Targets(perturbation))
    }
}

impl Asked {
    fn molecules(&self) -> &[Dosed] {
        match self {
            Self::Targets(_) => &[],
            Self::Molecules(molecules) => molecules,
        }
    }

    fn has_dose(&self) -> bool {
        self.molecules().iter().any(|dosed| dosed.dose_nm.is_some())
    }

    fn lacks_dose(&self) -> bool {
        self.molecules().iter().any(|dosed| dosed.dose_nm.is_none())
    }

    /// What two requests share that ask for the same; labels of drugs are names.
    fn key(&self, request: &EncodeRequest) -> String {
        match self {
            Self::Targets(perturbation) => perturbation.key(),
            Self::Molecules(_) => request.label.trim().to_owned(),
        }
    }
}

/// Sums of rows, `[n, dim]`.
fn sums_of(
    encoder: &dyn TargetEncoder,
    asked: &[Asked],
    progress: &mut dyn Progress,
) -> Result<Vec<f32>, Error> {
    let mut values = Vec::with_capacity(asked.len() * encoder.dim());
    progress.begin(STAGE, asked.len());
    for block in asked.chunks(BLOCK) {
        let sets: Vec<&Perturbation> = block.iter().filter_map(Asked::perturbation).collect();
        values.extend(encoder.encode_sets(&sets)?.sum().into_iter().map(|v| v as f32));
        step(progress, values.len() / encoder.dim().max(1))?;
    }
    progress.end();
    Ok(values)
}

impl Asked {
    fn perturbation(&self) -> Option<&Perturbation> {
        match self {
            Self::Targets(perturbation) => Some(perturbation),
            Self::Molecules(_) => None,
        }
    }
}

/// The same of a network, which reports what it does itself.
fn sums_of_network(
    network: &Esm2Encoder,
    asked: &[Asked],
    progress: &mut dyn Progress,
) -> Result<Vec<f32>, Error> {
    let of_all = asked.iter().filter_map(Asked::perturbation).flat_map(Perturbation::targets);
    let targets: Vec<&str> = of_all.map(String::as_str).collect();
    let mut is_begun = false;
    let rows = network.encode_while(&targets, &mut |state| {
        if !is_begun {
            progress.begin(STAGE, state.total);
            is_begun = true;
        }
        progress.step(state.done, None)
    });
    let rows = match rows {
        Err(ProteinError::Interrupted { .. }) => return Err(Error::Interrupted),
        rows => rows.map_err(protein)?,
    };
    progress.end();
    let dim = network.dim();
    let mut rows = rows.chunks_exact(dim);
    let mut values = vec![0.0; asked.len() * dim];
    for (sum, asked) in values.chunks_exact_mut(dim).zip(asked) {
        let n = asked.perturbation().map_or(0, |p| p.targets().len());
        for row in rows.by_ref().take(n) {
            sum.iter_mut().zip(row).for_each(|(s, v)| *s += *v as f32);
        }
    }
    Ok(values)
}

fn sums_of_molecules(
    structures: &Structures,
    asked: &[Asked],
    has_dose: bool,
    progress: &mut dyn Progress,
) -> Result<Vec<f32>, Error> {
    let (dim, width) = (structures.dim(), structures.dim() + usize::from(has_dose));
    let mut values = vec![0.0; asked.len() * width];
    progress.begin(STAGE, asked.len());
    let blocks = values.chunks_mut(BLOCK * width).zip(asked.chunks(BLOCK));
    for (i, (sums, asked)) in blocks.enumerate() {
        let of_block = asked.iter().flat_map(Asked::molecules);
        let smiles: Vec<&str> = of_block.map(|dosed| dosed.smiles.as_str()).collect();
        let rows = structures.rows(&smiles)?;
        let mut rows = rows.chunks_exact(dim);
        for (sum, asked) in sums.chunks_exact_mut(width).zip(asked) {
            for (dosed, row) in asked.molecules().iter().zip(rows.by_ref()) {
                sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
                let log_dose = dosed.dose_nm.map_or(0.0, f64::ln_1p) as f32;
                sum[dim..].iter_mut().for_each(|s| *s += log_dose);
            }
        }
        step(progress, i * BLOCK + asked.len())?;
    }
    progress.end();
    Ok(values)
}

fn step(progress: &mut dyn Progress, done: usize) -> Result<(), Error> {
    if progress.step(done, None).is_break() { Err(Error::Interrupted) } else { Ok(()) }
}

/// Lets proteins be called by their aliases, where these are no other protein's name.
pub(crate) fn add_aliases(
    references: &mut ProteinReferences,
    aliases: &AliasTable,
) -> Result<(), Error> {
    for alias in aliases.aliases().filter(|alias| !alias.is_empty()) {
        // An alias of several genes is of no use, and no reason to refuse the others.
        if let Ok(Some(symbol)) = aliases.resolve(alias)
            && references.contains(symbol)
            && !references.contains(alias)
        {
            references.alias(alias, symbol).map_err(protein)?;
        }
    }
    Ok(())
}

fn earlier_place(earlier: &EncodeRequest, index: usize) -> String {
    match earlier.line {
        Some(line) => format!("it stands in line {line} already; keep one"),
        None => format!("it was asked for already, as number {}; keep one", index + 1),
    }
}

fn shown(label: &str) -> String {
    let mut start: String = label.trim().chars().take(SHOWN).collect();
    if start.len() < label.trim().len() {
        start.push('…');
    }
    start
}

fn protein(error: ProteinError) -> Error {
    pert_encoders::Error::from(error).into()
}
