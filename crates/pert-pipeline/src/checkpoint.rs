//! The model folder (docs/file-formats.md): written whole or not at all, checked when read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use flate2::Crc;
use pert_baselines::{FeatureVectors, KernelRidge, Selection};
use pert_core::LabelFormat;
use pert_decoder::{Vae, VaeState};
use pert_diffusion::{Prior, PriorState};
use pert_encoders::{
    AliasTable, FeatureTable, GeneSetEncoder, GeneSetEncoderState, TargetFeatures,
};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::additive_means::AdditiveMeans;
use crate::checkpoints::Checkpoints;
use crate::config::FitConfig;
use crate::contexts::Contexts;
use crate::model::{Means, Model, Provenance, SeenPerturbation, features};
use crate::output_folder::{FolderKind, OutputFolder};
use crate::split_file::{read_split, split_to_json};
use crate::unseen_library::{LibraryRidges, LibrarySelections};

/// Version of the model folder.
pub const MODEL_FORMAT: u32 = 1;

const MODEL: &str = "model.json";
const GENES: &str = "genes.tsv";
const SPLIT: &str = "split.json";
const RUN: &str = "run.toml";
const FEATURES: &str = "features.tsv";
const ALIASES: &str = "aliases.tsv";
const TARGET_ENCODER: &str = "target_encoder.json";
const MEANS: &str = "means.safetensors";
const CELL_ENCODER: &str = "cell_encoder.safetensors";
const PRIOR: &str = "prior.safetensors";
const DECODER: &str = "decoder.safetensors";

/// A model folder larger than this is refused rather than read into memory.
const LARGEST_FILE: u64 = 4 << 30;

/// `model.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelFile {
    format: u32,
    provenance: Provenance,
    label_format: LabelFormat,
    n_genes: usize,
    cell_dim: usize,
    seen: Vec<SeenPerturbation>,
    contexts: Contexts,
    encoder: GeneSetEncoderState,
    cell_encoder: VaeState,
    prior: PriorState,
    decoder: VaeState,
    cell_ridge: Option<Selection>,
    gene_ridge: Option<Selection>,
    // Not written where no ridge is used: checksums of models saved before it existed are over the file as written.
    #[serde(default, skip_serializing_if = "LibrarySelections::are_none")]
    library_ridges: LibrarySelections,
    files: BTreeMap<String, FileRecord>,
    /// Checksum of this file with zero in this place.
    crc32: u32,
}

impl ModelFile {
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a model's state is plain data")
    }

    /// Fills in the checksum; written again, what was read gives the same bytes.
    fn seal(mut self) -> Self {
        self.crc32 = 0;
        self.crc32 = FileRecord::of(&self.to_json()).crc32;
        self
    }
}

/// Size and checksum of a file beside `model.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRecord {
    bytes: u64,
    crc32: u32,
}

/// Only the version, so that another format is named before anything else is judged.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Model {
    /// Writes the model folder; an older model there is replaced.
    ///
    /// # Errors
    /// [`Error::OutputTaken`] when the folder holds something else, [`Error::Io`].
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        let output = OutputFolder::create(folder, FolderKind::Model)?;
        self.save_into(&output)?;
        output.commit()
    }

    /// Writes the model's files into a folder being filled.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_into(&self, output: &OutputFolder) -> Result<(), Error> {
        let mut files = BTreeMap::new();
        let mut write = |name: &str, bytes: &[u8]| {
            files.insert(name.to_owned(), FileRecord::of(bytes));
            output.write(name, bytes)
        };
        let mut genes = String::from("gene\n");
        self.genes.iter().for_each(|g| {
            genes.push_str(g);
            genes.push('\n');
        });
        write(GENES, genes.as_bytes())?;
        write(SPLIT, split_to_json(&self.split).as_bytes())?;
        write(RUN, self.config.to_toml().as_bytes())?;
        if let Some(json) = self.encoder.features().and_then(TargetFeatures::to_json) {
            write(TARGET_ENCODER, &json)?;
        }
        if let Some(table) = self.encoder.features().and_then(TargetFeatures::table) {
            let mut text = Vec::new();
            table.write_tsv(&mut text).map_err(|e| Error::io("write", output.path(), e))?;
            write(FEATURES, &text)?;
            if !table.aliases().is_empty() {
                let mut text = Vec::new();
                table
                    .aliases()
                    .write_tsv(&mut text)
                    .map_err(|e| Error::io("write", output.path(), e))?;
                write(ALIASES, &text)?;
            }
        }
        write(MEANS, &means_to_bytes(&self.means))?;
        write(CELL_ENCODER, &self.cell_encoder.to_safetensors()?)?;
        write(PRIOR, &self.prior.to_bytes()?)?;
        write(DECODER, &self.decoder.to_safetensors()?)?;
        let selection = |ridge: &Option<KernelRidge>| ridge.as_ref().map(|r| r.selection().clone());
        let model = ModelFile {
            format: MODEL_FORMAT,
            provenance: self.provenance.clone(),
            label_format: self.format.clone(),
            n_genes: self.genes.len(),
            cell_dim: self.config.cell_dim,
            seen: self.seen.clone(),
            contexts: self.contexts.clone(),
            encoder: self.encoder.state(),
            cell_encoder: self.cell_encoder.state(),
            prior: self.prior.state().clone(),
            decoder: self.decoder.state(),
            cell_ridge: selection(&self.means.cell_ridge),
            gene_ridge: selection(&self.means.gene_ridge),
            library_ridges: self.library.selections(),
            files,
            crc32: 0,
        };
        output.write(MODEL, &model.seal().to_json())
    }

    /// The run file and the provenance of a model folder, without its networks.
    pub(crate) fn origin(folder: &Path) -> Result<(String, Provenance), Error> {
        #[derive(Deserialize)]
        struct ProvenanceOnly {
            provenance: Provenance,
        }
        let read = |name: &str| {
            fs::read_to_string(folder.join(name))
                .map_err(|e| Error::io("read", &folder.join(name), e))
        };
        let ProvenanceOnly { provenance } = serde_json::from_str(&read(MODEL)?)
            .map_err(|e| Error::model(folder, format!("{MODEL}: {e}")))?;
        Ok((read(RUN)?, provenance))
    }

    /// Reads a model folder and checks all of it.
    ///
    /// # Errors
    /// [`Error::ModelFolder`] when a file is missing, changed, of another format or contradicts the others.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, Error> {
        let bad = |message: String| Error::model(folder, message);
        if folder.is_file() {
            return Err(bad(
                "is a file; give the folder that `pert fit FILE -o MODEL_DIR` wrote".into()
            ));
        }
        if !folder.is_dir() {
            return Err(bad(if Checkpoints::exist(folder) {
                "its fit is unfinished; give that `pert fit` command again with --resume".into()
            } else {
                "no such folder; `pert fit FILE -o MODEL_DIR` writes one".into()
            }));
        }
        let json = fs::read(folder.join(MODEL))
            .map_err(|e| bad(format!("{MODEL}: {e}; is this a model folder?")))?;
        let FormatOnly { format } =
            serde_json::from_slice(&json).map_err(|e| bad(format!("{MODEL}: {e}")))?;
        if format != MODEL_FORMAT {
            return Err(bad(format!(
                "has format {format}, this version reads format {MODEL_FORMAT}; \
                 fit the model again, or use the version that wrote it"
            )));
        }
        let file: ModelFile =
            serde_json::from_slice(&json).map_err(|e| bad(format!("{MODEL}: {e}")))?;
        // Before anything is made of the sizes it names.
        let crc32 = file.crc32;
        let file = file.seal();
        if file.crc32 != crc32 {
            return Err(bad(format!(
                "{MODEL}: the checksum differs; the file is damaged or was edited, copy the folder again"
            )));
        }
        let read = |name: &str| read_checked(folder, name, &file.files);
        let text = |name: &str| {
            String::from_utf8(read(name)?).map_err(|_| bad(format!("{name}: not UTF-8 text")))
        };

        let genes = parse_genes(&text(GENES)?).ok_or_else(|| {
            bad(format!("{GENES}: must hold the header \"gene\", then one name per line"))
        })?;
        let config: FitConfig =
            FitConfig::from_toml(&text(RUN)?).map_err(|e| bad(format!("{RUN}: {e}")))?;
        config.check()?;
        read(SPLIT)?;
        let split = read_split(&folder.join(SPLIT))?;
        let target_features = if file.files.contains_key(FEATURES) {
            read(FEATURES)?;
            let mut table = FeatureTable::read(folder.join(FEATURES))?;
            if file.files.contains_key(ALIASES) {
                read(ALIASES)?;
                table = table.with_aliases(AliasTable::read(folder.join(ALIASES))?);
            }
            Some(table.into())
        } else if file.files.contains_key(TARGET_ENCODER) {
            let features = TargetFeatures::from_json(&read(TARGET_ENCODER)?);
            Some(features.map_err(|e| bad(format!("{TARGET_ENCODER}: {e}")))?)
        } else {
            None
        };
        let encoder = GeneSetEncoder::from_state(file.encoder, target_features)?;
        let vae = |name: &str, state: VaeState| {
            Vae::from_state(state, &read(name)?, device).map_err(|e| bad(format!("{name}: {e}")))
        };
        let cell_encoder = vae(CELL_ENCODER, file.cell_encoder)?;
        let decoder = vae(DECODER, file.decoder)?;
        let prior = Prior::from_state(file.prior, &read(PRIOR)?, device)
            .map_err(|e| bad(format!("{PRIOR}: {e}")))?;

        let (n_seen, n_contexts) = (file.seen.len(), file.contexts.len());
        let sizes = [
            ("genes", genes.len(), file.n_genes),
            ("genes of the decoder", decoder.config().n_genes, file.n_genes),
            ("genes of the cell encoder", cell_encoder.config().n_genes, file.n_genes),
            ("dimensions of g", cell_encoder.config().n_latent, file.cell_dim),
            ("dimensions of g in the decoder", decoder.config().d_cell, file.cell_dim),
            ("dimensions of g in the prior", prior.state().d, file.cell_dim),
            ("dimensions of g in the run file", config.cell_dim, file.cell_dim),
        ];
        for (what, found, expected) in sizes {
            if found != expected {
                return Err(bad(format!("{what}: expected {expected}, found {found}")));
            }
        }
        let sorted = file.seen.windows(2).all(|w| w[0].perturbation < w[1].perturbation);
        let starts_with_control = file.seen.first().is_some_and(|s| s.perturbation.is_control());
        let whole = file.seen.iter().all(|s| s.cells_in_context.len() == n_contexts);
        if !sorted || !starts_with_control || !whole || n_contexts == 0 {
            return Err(bad(format!("{MODEL}: the list of seen perturbations is inconsistent")));
        }
        let read_means = read(MEANS)?;
        let tensor = |name: &str, n_values: usize| {
            f64_tensor(&read_means, name, n_values)
                .map_err(|message| bad(format!("{MEANS}: {message}")))
        };
        let mean = |name: &str, d: usize| -> Result<AdditiveMeans, Error> {
            let base = tensor(&format!("{name}.base"), n_contexts * d)?;
            let shift = tensor(&format!("{name}.shift"), n_seen * d)?;
            Ok(AdditiveMeans { d, base, shift })
        };
        let (cell, gene) = (mean("cell", file.cell_dim)?, mean("gene", file.n_genes)?);
        let perturbed: Vec<FeatureVectors> = file.seen[1..]
            .iter()
            .map(|s| features(&encoder, &s.perturbation))
            .collect::<Result<_, _>>()?;
        let ridge = |selection: &Option<Selection>, means: &AdditiveMeans| {
            let Some(selection) = selection else { return Ok(None) };
            let targets = &means.shift[means.d..];
            KernelRidge::fit_selected(&perturbed, targets, means.d, selection).map(Some)
        };
        let means = Means {
            cell_ridge: ridge(&file.cell_ridge, &cell)?,
            gene_ridge: ridge(&file.gene_ridge, &gene)?,
            shrunk_gene_shift: tensor("gene.shrunk_shift", n_seen * file.n_genes)?,
            cell,
            gene,
        };
        let library =
            LibraryRidges::restore(&perturbed, decoder.library_prior(), &file.library_ridges)?;
        Ok(Self {
            config,
            provenance: file.provenance,
            format: file.label_format,
            genes,
            split,
            contexts: file.contexts,
            seen: file.seen,
            encoder,
            cell_encoder,
            prior,
            decoder,
            means,
            library,
            device: device.clone(),
        })
    }
}

impl FileRecord {
    fn of(bytes: &[u8]) -> Self {
        let mut crc = Crc::new();
        crc.update(bytes);
        Self { bytes: bytes.len() as u64, crc32: crc.sum() }
    }
}

fn read_checked(
    folder: &Path,
    name: &str,
    files: &BTreeMap<String, FileRecord>,
) -> Result<Vec<u8>, Error> {
    let bad = |message: String| Error::model(folder, format!("{name}: {message}"));
    let expected =
        files.get(name).ok_or_else(|| bad("model.json does not list this file".into()))?;
    let path = folder.join(name);
    let found = fs::metadata(&path).map_err(|e| bad(e.to_string()))?.len();
    if found != expected.bytes || found > LARGEST_FILE {
        return Err(bad(format!(
            "expected {} bytes, found {found}; the file is damaged, copy the folder again",
            expected.bytes
        )));
    }
    let bytes = fs::read(&path).map_err(|e| bad(e.to_string()))?;
    if FileRecord::of(&bytes) != *expected {
        return Err(bad("the checksum differs; the file is damaged, copy the folder again".into()));
    }
    Ok(bytes)
}

fn parse_genes(text: &str) -> Option<Vec<String>> {
    let mut lines = text.lines();
    (lines.next()? == "gene").then(|| lines.map(str::to_owned).collect())
}

fn means_to_bytes(means: &Means) -> Vec<u8> {
    let (cell, gene) = (&means.cell, &means.gene);
    let parts: Vec<(&str, Vec<u8>, usize, usize)> = [
        ("cell.base", &cell.base, cell.d),
        ("cell.shift", &cell.shift, cell.d),
        ("gene.base", &gene.base, gene.d),
        ("gene.shift", &gene.shift, gene.d),
        ("gene.shrunk_shift", &means.shrunk_gene_shift, gene.d),
    ]
    .into_iter()
    .map(|(name, values, d)| {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        (name, bytes, values.len() / d, d)
    })
    .collect();
    let views = parts.iter().map(|(name, bytes, n_rows, d)| {
        let view = TensorView::new(Dtype::F64, vec![*n_rows, *d], bytes)
            .expect("the bytes fill the shape");
        (*name, view)
    });
    safetensors::serialize(views, None).expect("names are distinct")
}

fn f64_tensor(bytes: &[u8], name: &str, n_values: usize) -> Result<Vec<f64>, String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let tensor = tensors.tensor(name).map_err(|e| e.to_string())?;
    let found: usize = tensor.shape().iter().product();
    if tensor.dtype() != Dtype::F64 || found != n_values {
        return Err(format!("{name}: expected {n_values} f64 values, found {found}"));
    }
    let values: Vec<f64> = tensor
        .data()
        .chunks_exact(size_of::<f64>())
        .map(|b| f64::from_le_bytes(b.try_into().expect("eight bytes")))
        .collect();
    match values.iter().position(|v| !v.is_finite()) {
        Some(place) => Err(format!("{name}: value {place} is not finite")),
        None => Ok(values),
    }
}
