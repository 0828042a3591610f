//! `pert evaluate`.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::bail;
use pert_prior::Progress;
use pert_prior::core::Split;
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
    let vae = match &vae_place {
        VaePlace::Kept(folder) => Some(EvaluationVae::load(folder, &device)?),
        _ => None,
    };
    let judged = match (judged, &vae) {
        (Judged::Cells(cells), Some(vae)) => {
            Judged::Cells(Box::new(over_genes(*cells, vae.genes(), &args.predicted, reporter)?))
        }
        (judged, _) => judged,
    };
    if given_split.is_none() && matches!(judged, Judged::Cells(_)) {
        reporter.note(
            "without --split every perturbation of the predicted cells counts as held out; a score of one that \
             its model was trained on is too good: give --split MODEL_DIR/split.json",
        );
    }
    let split = match given_split {
        Some(split) => split,
        None => judged.split(&real, args.seed)?,
    };
    if let Judged::Cells(cells) = &judged {
        check_predicted(cells.population(), real.population(), real.format(), &split)
            .map_err(|error| in_file(&args.predicted, error))?;
    }
    // A file of other genes is another file, which is what its error says.
    let genes: HashSet<&String> = real.population().genes().iter().collect();
    let has_genes = judged.genes().iter().all(|gene| genes.contains(gene));
    if has_genes && split.test_cells(real.population(), real.format()).is_empty() {
        bail!("{}", nothing_held_out(&split, &args.real));
    }
    let truth =
        args.truth.as_deref().map(|path| Truth::read_tsv(path, real.format())).transpose()?;

    let vae = match vae {
        Some(vae) => vae,
        None => EvaluationVae::train(&real, judged.genes(), args.seed, &device, reporter)?,
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
    fn split(&self, real: &Dataset, seed: u64) -> anyhow::Result<Split> {
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

/// Predicted cells over the genes of an evaluation VAE, which other tools may write with more genes or in another order.
fn over_genes(
    cells: Dataset,
    genes: &[String],
    path: &Path,
    reporter: &mut Reporter,
) -> anyhow::Result<Dataset> {
    let population = cells.population();
    if population.genes() == genes {
        return Ok(cells);
    }
    let column_of: HashMap<&String, usize> =
        population.genes().iter().enumerate().map(|(column, gene)| (gene, column)).collect();
    let missing: Vec<&String> = genes.iter().filter(|g| !column_of.contains_key(g)).collect();
    if let Some(first) = missing.first() {
        bail!(
            "{} lacks {} of the {} genes of the evaluation VAE, {first} for one; predict all of them \
             (MODEL_DIR/genes.tsv), or leave --evaluation-vae out",
            path.display(),
            missing.len(),
            genes.len()
        );
    }
    reporter.note(&format!("judged on the {} genes of the evaluation VAE", genes.len()));
    let columns: Vec<usize> = genes.iter().map(|gene| column_of[gene]).collect();
    Ok(Dataset::from_population(population.select_genes(&columns), cells.format().clone()))
}

fn nothing_held_out(split: &Split, real: &Path) -> String {
    if split.test.is_empty() {
        return "no perturbation is held out, so there is nothing to judge: fit with --hold-out, or give --split"
            .to_owned();
    }
    format!(
        "{}: none of the {} held-out perturbations has a held-out cell here; is it the file the split was made of?",
        real.display(),
        split.test.len()
    )
}

/// Predicted cells need no control: that of the real file is the reference.
fn read_predicted(path: &Path, real: &Dataset) -> anyhow::Result<Dataset> {
    let keys = FitConfig::default();
    let mut options = read_options(&keys)?.with_format(real.format());
    options.require_control = false;
    Ok(Dataset::read_h5ad_with(path, &options)?)
}
