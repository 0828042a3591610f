//! What `pert evaluate` and `pert baselines` share: the evaluation VAE, the scores, the report.

use std::path::Path;

use pert_prior::Progress;
use pert_prior::core::Split;
use pert_prior::data::Dataset;
use pert_prior::pipeline::{
    Device, EvaluateConfig, EvaluationVae, FitConfig, FolderKind, OutputFolder, Predicted, Truth,
    evaluate_with,
};

use super::evaluation_vae_place::VaePlace;
use crate::args::JudgingArgs;
use crate::failure::in_file;
use crate::progress::Reporter;
use crate::report;

/// Output, evaluation VAE and tables, opened before anything is trained: all that can be refused is looked at first.
pub struct Judging<'a> {
    args: &'a JudgingArgs,
    device: &'a Device,
    output: OutputFolder,
    vae_place: VaePlace,
    kept_vae: Option<EvaluationVae>,
}

impl<'a> Judging<'a> {
    pub fn open(args: &'a JudgingArgs, device: &'a Device) -> anyhow::Result<Self> {
        let output = OutputFolder::create(&args.output, FolderKind::Report)?;
        let vae_place = VaePlace::of(args.evaluation_vae.as_deref(), &args.output)?;
        let kept_vae = match &vae_place {
            VaePlace::Kept(folder) => Some(EvaluationVae::load(folder, device)?),
            _ => None,
        };
        Ok(Self { args, device, output, vae_place, kept_vae })
    }

    /// Genes of the evaluation VAE that an earlier run kept.
    pub fn kept_genes(&self) -> Option<&[String]> {
        self.kept_vae.as_ref().map(EvaluationVae::genes)
    }

    /// Scores, writes the report and prints the table.
    pub fn finish(
        self,
        predicted: Predicted<'_>,
        (real, path): (&Dataset, &Path),
        split: &Split,
        cells: u32,
        reporter: &mut Reporter,
    ) -> anyhow::Result<()> {
        let Self { args, device, output, vae_place, kept_vae } = self;
        let mut known = FitConfig::default();
        args.features.apply(&mut known);
        known.check()?;
        let features = known.feature_table(real)?;
        let truth =
            args.truth.as_deref().map(|path| Truth::read_tsv(path, real.format())).transpose()?;
        let vae = match kept_vae {
            Some(vae) => vae,
            None => EvaluationVae::train(real, predicted.genes(), args.seed, device, reporter)?,
        };
        if let VaePlace::ToKeep(folder) = &vae_place {
            vae.save(folder)?;
        }
        if let Some(inside) = vae_place.inside(&args.output)? {
            vae.save(&output.path().join(inside))?;
        }
        let config = EvaluateConfig {
            cells: cells as usize,
            seed: args.seed,
            truth,
            features,
            bootstraps: args.bootstraps as usize,
            ..EvaluateConfig::default()
        };
        let evaluation = evaluate_with(predicted, real, split, &vae, &config, reporter)
            .map_err(|error| in_file(path, error))?;
        let not_drawn = report::write(&output, &evaluation, args.seed)?;
        output.commit()?;
        report::print(&evaluation)?;
        evaluation.notes.iter().chain(&not_drawn).for_each(|note| reporter.note(note));
        reporter.note(&format!("wrote {}", args.output.display()));
        Ok(())
    }
}

/// Why there is nothing to judge.
pub fn nothing_held_out(split: &Split, real: &Path) -> String {
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
