//! `pert evaluate`.

use std::path::Path;

use pert_prior::Progress;
use pert_prior::data::Dataset;
use pert_prior::pipeline::{
    DeviceChoice, EvaluateConfig, EvaluationVae, FitConfig, FolderKind, Model, OutputFolder,
    Predicted, Truth, evaluate_with, read_split, split_of_predicted,
};

use super::fit::{apply_data_flags, read_options};
use crate::args::EvaluateArgs;
use crate::progress::Reporter;
use crate::report;

pub fn run(args: &EvaluateArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    let device = args.device.parse::<DeviceChoice>()?.open()?;
    let output = OutputFolder::create(&args.output, FolderKind::Report)?;
    let model =
        args.predicted.is_dir().then(|| Model::load(&args.predicted, &device)).transpose()?;
    let mut keys = model.as_ref().map(|m| m.config().clone()).unwrap_or_default();
    apply_data_flags(&mut keys, &args.data);
    let real = Dataset::read_h5ad_with(&args.real, &read_options(&keys)?)?;
    real.notes().iter().for_each(|note| reporter.note(note));

    let predicted_cells = match &model {
        Some(_) => None,
        None => Some(read_predicted(&args.predicted, &real)?),
    };
    let genes = match (&model, &predicted_cells) {
        (Some(model), _) => model.genes(),
        (None, Some(cells)) => cells.population().genes(),
        (None, None) => unreachable!("predicted is a model or a cell file"),
    };
    let vae = match &args.evaluation_vae {
        Some(folder) if EvaluationVae::exists(folder) => EvaluationVae::load(folder, &device)?,
        other => {
            let vae = EvaluationVae::train(&real, genes, args.seed, &device, reporter)?;
            match other {
                Some(folder) => vae.save(folder)?,
                None => vae.save(&output.path().join("evaluation_vae"))?,
            }
            vae
        }
    };
    let predicted = match (&model, &predicted_cells) {
        (Some(model), _) => Predicted::Model(model),
        (None, Some(cells)) => Predicted::Cells(cells.population()),
        (None, None) => unreachable!("predicted is a model or a cell file"),
    };
    let format = real.format();
    let split = match (&args.split, &predicted) {
        (Some(path), _) => read_split(path)?,
        (None, Predicted::Model(model)) => model.split().clone(),
        (None, Predicted::Cells(cells)) => {
            split_of_predicted(cells, real.population(), format, args.seed)?
        }
    };
    let truth = args.truth.as_deref().map(|path| Truth::read_tsv(path, format)).transpose()?;
    let config = EvaluateConfig {
        cells: args.cells as usize,
        seed: args.seed,
        truth,
        ..EvaluateConfig::default()
    };
    let evaluation = evaluate_with(predicted, &real, &split, &vae, &config, reporter)?;
    report::write(&output, &evaluation, args.seed)?;
    output.commit()?;
    report::print(&evaluation);
    evaluation.notes.iter().for_each(|note| reporter.note(note));
    reporter.note(&format!("wrote {}", args.output.display()));
    Ok(())
}

/// Predicted cells need no control: that of the real file is the reference.
fn read_predicted(path: &Path, real: &Dataset) -> anyhow::Result<Dataset> {
    let keys = FitConfig::default();
    let mut options = read_options(&keys)?;
    options.control = Some(real.format().control.clone());
    options.require_control = false;
    Ok(Dataset::read_h5ad_with(path, &options)?)
}
