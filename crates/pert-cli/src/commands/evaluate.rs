//! `pert evaluate`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use pert_prior::Progress;
use pert_prior::data::Dataset;
use pert_prior::pipeline::{
    DeviceChoice, EvaluateConfig, EvaluationVae, FitConfig, FolderKind, Model, OutputFolder,
    Predicted, Truth, check_predicted, evaluate_with, read_split, split_of_predicted,
};

use super::fit::{apply_data_flags, read_options};
use crate::args::EvaluateArgs;
use crate::failure::in_file;
use crate::progress::Reporter;
use crate::report;

pub fn run(args: &EvaluateArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    let device = args.device.parse::<DeviceChoice>()?.open()?;
    // All that can be refused is looked at before anything is trained.
    let output = OutputFolder::create(&args.output, FolderKind::Report)?;
    let vae_place = VaePlace::of(args)?;
    let given_split = args.split.as_deref().map(read_split).transpose()?;
    let model =
        args.predicted.is_dir().then(|| Model::load(&args.predicted, &device)).transpose()?;
    let mut keys = model.as_ref().map(|m| m.config().clone()).unwrap_or_default();
    apply_data_flags(&mut keys, &args.data)?;
    let real = Dataset::read_h5ad_with(&args.real, &read_options(&keys)?)?;
    real.notes().iter().for_each(|note| reporter.note(note));
    let judged = match model {
        Some(model) => Judged::Model(Box::new(model)),
        None => Judged::Cells(Box::new(read_predicted(&args.predicted, &real)?)),
    };
    let split = match given_split {
        Some(split) => split,
        None => judged.split(&real, args.seed)?,
    };
    if let Judged::Cells(cells) = &judged {
        check_predicted(cells.population(), real.population(), real.format(), &split)
            .map_err(|error| in_file(&args.predicted, error))?;
    }
    let truth =
        args.truth.as_deref().map(|path| Truth::read_tsv(path, real.format())).transpose()?;

    let vae = match &vae_place {
        VaePlace::Kept(folder) => EvaluationVae::load(folder, &device)?,
        _ => EvaluationVae::train(&real, judged.genes(), args.seed, &device, reporter)?,
    };
    if let VaePlace::ToKeep(folder) = &vae_place {
        vae.save(folder)?;
    }
    if let Some(inside) = vae_place.inside(&args.output)? {
        vae.save(&output.path().join(inside))?;
    }
    let config = EvaluateConfig {
        cells: args.cells as usize,
        seed: args.seed,
        truth,
        ..EvaluateConfig::default()
    };
    let evaluation = evaluate_with(judged.predicted(), &real, &split, &vae, &config, reporter)
        .map_err(|error| in_file(&args.real, error))?;
    let not_drawn = report::write(&output, &evaluation, args.seed)?;
    output.commit()?;
    report::print(&evaluation)?;
    evaluation.notes.iter().chain(&not_drawn).for_each(|note| reporter.note(note));
    reporter.note(&format!("wrote {}", args.output.display()));
    Ok(())
}

/// What is judged, as it was read.
enum Judged {
    Model(Box<Model>),
    Cells(Box<Dataset>),
}

impl Judged {
    fn genes(&self) -> &[String] {
        match self {
            Self::Model(model) => model.genes(),
            Self::Cells(cells) => cells.population().genes(),
        }
    }

    fn predicted(&self) -> Predicted<'_> {
        match self {
            Self::Model(model) => Predicted::Model(model),
            Self::Cells(cells) => Predicted::Cells(cells.population()),
        }
    }

    /// The split that holds where none is given.
    fn split(&self, real: &Dataset, seed: u64) -> anyhow::Result<pert_prior::core::Split> {
        Ok(match self {
            Self::Model(model) => model.split().clone(),
            Self::Cells(cells) => {
                split_of_predicted(cells.population(), real.population(), real.format(), seed)?
            }
        })
    }
}

/// Where the evaluation VAE comes from and stays.
enum VaePlace {
    /// Trained for this report and kept in it.
    Report,
    /// Trained, and kept in a folder of its own.
    ToKeep(PathBuf),
    /// Read from the folder in which an earlier run kept it.
    Kept(PathBuf),
}

impl VaePlace {
    fn of(args: &EvaluateArgs) -> anyhow::Result<Self> {
        let Some(folder) = &args.evaluation_vae else { return Ok(Self::Report) };
        let place = if EvaluationVae::exists(folder) {
            Self::Kept(folder.clone())
        } else {
            FolderKind::EvaluationVae.check(folder)?;
            Self::ToKeep(folder.clone())
        };
        if place.inside(&args.output)?.is_some_and(|path| path.as_os_str().is_empty()) {
            bail!("--evaluation-vae and -o name the same folder; give the evaluation VAE its own");
        }
        Ok(place)
    }

    /// Its place in the report, which is replaced as a whole and would lose it otherwise.
    fn inside(&self, report: &Path) -> anyhow::Result<Option<PathBuf>> {
        Ok(match self {
            Self::Report => Some(PathBuf::from("evaluation_vae")),
            Self::ToKeep(folder) | Self::Kept(folder) => std::path::absolute(folder)?
                .strip_prefix(std::path::absolute(report)?)
                .ok()
                .map(Path::to_owned),
        })
    }
}

/// Predicted cells need no control: that of the real file is the reference.
fn read_predicted(path: &Path, real: &Dataset) -> anyhow::Result<Dataset> {
    let keys = FitConfig::default();
    let mut options = read_options(&keys)?.with_format(real.format());
    options.require_control = false;
    Ok(Dataset::read_h5ad_with(path, &options)?)
}
