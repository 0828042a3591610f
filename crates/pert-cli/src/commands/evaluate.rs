//! `pert evaluate`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::bail;
use pert_prior::Progress;
use pert_prior::core::Split;
use pert_prior::data::Dataset;
use pert_prior::pipeline::{
    DeviceChoice, FitConfig, Model, Predicted, check_predicted, read_split, split_of_predicted,
};

use super::fit::{apply_data_flags, read_options};
use super::judging::{Judging, nothing_held_out};
use crate::args::EvaluateArgs;
use crate::failure::in_file;
use crate::progress::Reporter;

pub fn run(args: &EvaluateArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    let device = args.judging.device.parse::<DeviceChoice>()?.open()?;
    let judging = Judging::open(&args.judging, &device)?;
    let given_split = args.split.as_deref().map(read_split).transpose()?;
    let model =
        args.predicted.is_dir().then(|| Model::load(&args.predicted, &device)).transpose()?;
    let mut keys = model.as_ref().map(|m| m.config().clone()).unwrap_or_default();
    apply_data_flags(&mut keys, &args.judging.data)?;
    let real = Dataset::read_h5ad_with(&args.real, &read_options(&keys)?)?;
    real.notes().iter().for_each(|note| reporter.note(note));
    let judged = match model {
        Some(model) => Judged::Model(Box::new(model)),
        None => {
            let cells = read_predicted(&args.predicted, &real)?;
            Judged::Cells(Box::new(over_judged_genes(cells, &real, &judging, args, reporter)?))
        }
    };
    if given_split.is_none() && matches!(judged, Judged::Cells(_)) {
        reporter.note(
            "without --split every perturbation of the predicted cells counts as held out; a score of one that \
             its model was trained on is too good: give --split MODEL_DIR/split.json",
        );
    }
    let split = match given_split {
        Some(split) => split,
        None => judged.split(&real, args.judging.seed)?,
    };
    if let Judged::Cells(cells) = &judged {
        check_predicted(cells.population(), real.population(), real.format(), &split)
            .map_err(|error| in_file(&args.predicted, error))?;
    }
    // A file of other genes is another file, which is what its error says.
    let genes: HashSet<&String> = real.population().genes().iter().collect();
    let predicted = judged.predicted();
    let has_genes = predicted.genes().iter().all(|gene| genes.contains(gene));
    if has_genes && split.test_cells(real.population(), real.format()).is_empty() {
        bail!("{}", nothing_held_out(&split, &args.real));
    }
    judging.finish(predicted, (&real, &args.real), &split, args.cells, reporter)
}

/// What is judged, as it was read.
enum Judged {
    Model(Box<Model>),
    Cells(Box<Dataset>),
}

impl Judged {
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

/// Predicted cells over the genes they are judged on, which other tools may write with more genes or in another order:
/// those of an evaluation VAE that was kept, else those of the file, or on request those both files hold.
fn over_judged_genes(
    cells: Dataset,
    real: &Dataset,
    judging: &Judging<'_>,
    args: &EvaluateArgs,
    reporter: &mut Reporter,
) -> anyhow::Result<Dataset> {
    let path = args.predicted.display();
    let (of_cells, of_real) = (cells.population().genes(), real.population().genes());
    let measured: HashSet<&String> = of_real.iter().collect();
    let common: Vec<String> = of_cells.iter().filter(|g| measured.contains(g)).cloned().collect();
    let counted = format!(
        "{} genes are in both files ({} predicted, {} real)",
        common.len(),
        of_cells.len(),
        of_real.len()
    );
    if let Some(genes) = judging.kept_genes() {
        if of_cells == genes {
            return Ok(cells);
        }
        let predicted: HashSet<&String> = of_cells.iter().collect();
        if let Some(first) = genes.iter().find(|gene| !predicted.contains(gene)) {
            bail!(
                "{path} lacks genes of the evaluation VAE, {first} for one; predict all of them \
                 (MODEL_DIR/genes.tsv), or leave --evaluation-vae out"
            );
        }
        reporter.note(&format!("judged on the {} genes of the evaluation VAE", genes.len()));
        return Ok(select_genes(&cells, genes));
    }
    if common.is_empty() {
        bail!(
            "no gene of {path} is in {}: are both named by symbols, or both by identifiers?",
            args.real.display()
        );
    }
    if args.genes == "common" {
        reporter.note(&format!("judged on what both hold: {counted}"));
        return Ok(select_genes(&cells, &common));
    }
    if let Some(first) = of_cells.iter().find(|gene| !measured.contains(gene)) {
        bail!(
            "{path} holds genes that {} lacks, {first} for one: {counted}; \
             judge them on these with --genes common",
            args.real.display()
        );
    }
    if of_cells.len() < of_real.len() {
        reporter.note(&format!("judged on the predicted genes: {counted}"));
    }
    Ok(cells)
}

/// Cells over some of their genes, in the order given.
fn select_genes(cells: &Dataset, genes: &[String]) -> Dataset {
    let population = cells.population();
    let column_of: HashMap<&String, usize> =
        population.genes().iter().enumerate().map(|(column, gene)| (gene, column)).collect();
    let columns: Vec<usize> = genes.iter().map(|gene| column_of[gene]).collect();
    Dataset::from_population(population.select_genes(&columns), cells.format().clone())
}

/// Predicted cells need no control: that of the real file is the reference.
fn read_predicted(path: &Path, real: &Dataset) -> anyhow::Result<Dataset> {
    let keys = FitConfig::default();
    let mut options = read_options(&keys)?.with_format(real.format());
    options.require_control = false;
    Ok(Dataset::read_h5ad_with(path, &options)?)
}
