//! One run: fit, evaluate, report, record.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use pert_prior::data::Dataset;
use pert_prior::pipeline::{
    BaselineTraining, BenchmarkFolder, Checkpoints, Device, EvaluateConfig, Evaluation,
    EvaluationVae, FileIdentity, FitConfig, FolderKind, Model, OutputFolder, PlannedRun, Predicted,
    Protocol, RunOutcome, RunRecord, RunScore, evaluate_with,
};
use pert_prior::{Error, Progress};

use super::absolute;
use super::plan::Files;
use crate::commands::fit::{read_options, write_down_guesses};
use crate::failure::in_file;
use crate::progress::Reporter;
use crate::report;

/// What all runs share; the data set of the last run stays in memory.
pub struct Runner<'a> {
    pub protocol: &'a Protocol,
    pub folder: &'a BenchmarkFolder,
    data: Option<&'a Path>,
    device: Device,
    checkpoint_interval: Duration,
    force: bool,
    loaded: Option<(usize, Dataset)>,
}

impl<'a> Runner<'a> {
    pub fn new(
        protocol: &'a Protocol,
        folder: &'a BenchmarkFolder,
        data: Option<&'a Path>,
        device: Device,
        checkpoint_interval: Duration,
        force: bool,
    ) -> Self {
        Self { protocol, folder, data, device, checkpoint_interval, force, loaded: None }
    }

    /// Does one run and leaves its record last, by which it counts as finished.
    pub fn run(
        &mut self,
        run: &PlannedRun,
        files: &Files,
        reporter: &mut Reporter,
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.folder.create_run(&run.id)?;
        let path = absolute(&self.protocol.cells_path(run.dataset, self.data))?;
        let mut config = self.protocol.fit_config(run, self.data)?;
        let real = match self.loaded.take() {
            Some((dataset, real)) if dataset == run.dataset => real,
            _ => {
                let real = Dataset::read_h5ad_with(&path, &read_options(&config)?)?;
                real.notes().iter().for_each(|note| reporter.note(note));
                real
            }
        };
        let scored = self.score(run, &mut config, &real, files, reporter);
        let labels = real.format().clone();
        self.loaded = Some((run.dataset, real));
        let (evaluation, mut notes) = scored.map_err(|error| match error.downcast::<Error>() {
            Ok(error) => in_file(&path, error),
            Err(error) => error,
        })?;
        notes.extend(self.write_report(run, &evaluation)?);
        notes.extend(evaluation.notes.iter().cloned());
        notes.iter().for_each(|note| reporter.note(note));
        let settings = self.protocol.settings(run);
        let mut record = RunRecord::new(&run.id, settings, RunOutcome::Finished);
        (record.cells, record.features) = (files.cells.clone(), files.features.clone());
        record.labels = Some(labels);
        record.seconds = begun.elapsed().as_secs_f64();
        record.notes = notes;
        record.scores = evaluation.rows.iter().map(RunScore::from).collect();
        Ok(record.write(&self.folder.record(&run.id))?)
    }

    fn score(
        &self,
        run: &PlannedRun,
        config: &mut FitConfig,
        real: &Dataset,
        files: &Files,
        reporter: &mut Reporter,
    ) -> anyhow::Result<(Evaluation, Vec<String>)> {
        let mut notes = Vec::new();
        if run.split.rule.is_none() {
            let (split, absent) = self.protocol.reference_split(run, real, config.control_split)?;
            if !absent.is_empty() {
                notes.push(format!("printed, but not in the file: {}", absent.join(", ")));
            }
            config.split = Some(self.folder.write_split(&run.id, &split)?);
        }
        write_down_guesses(config, real);
        let evaluate = EvaluateConfig {
            cells: self.protocol.evaluation.cells,
            seed: self.protocol.evaluation.seed,
            ..EvaluateConfig::default()
        };
        let evaluation = if run.model.is_some() {
            let model = self.model(run, config, real, reporter)?;
            let vae = self.evaluation_vae(run, real, model.genes(), files, reporter)?;
            let judged = Predicted::Model(&model);
            evaluate_with(judged, real, model.split(), &vae, &evaluate, reporter)?
        } else {
            let training = BaselineTraining::prepare(real, config, reporter)?;
            let vae = self.evaluation_vae(run, real, &training.genes, files, reporter)?;
            let judged = Predicted::Nothing(&training.genes);
            let features = config.feature_table(real)?;
            let evaluate = EvaluateConfig { features, ..evaluate };
            evaluate_with(judged, real, &training.split, &vae, &evaluate, reporter)?
        };
        Ok((evaluation, notes))
    }

    /// The model of a run: fitted, gone on with, or read where an earlier run was cut off after fitting it.
    fn model(
        &self,
        run: &PlannedRun,
        config: &FitConfig,
        real: &Dataset,
        reporter: &mut Reporter,
    ) -> anyhow::Result<Model> {
        match self.fit(run, config, real, reporter) {
            Err(error) => match error.downcast_ref::<Error>() {
                Some(
                    Error::OtherRun { difference, .. } | Error::FinishedModel { difference, .. },
                ) => {
                    if !self.force {
                        bail!(
                            "{} was begun otherwise: {difference}; give --force to begin it again",
                            run.id
                        );
                    }
                    self.folder.clear_model(&run.id)?;
                    self.fit(run, config, real, reporter)
                }
                _ => Err(error),
            },
            fitted => fitted,
        }
    }

    fn fit(
        &self,
        run: &PlannedRun,
        config: &FitConfig,
        real: &Dataset,
        reporter: &mut Reporter,
    ) -> anyhow::Result<Model> {
        let place = self.folder.model(&run.id);
        let cells = real.path().map(Path::to_owned).unwrap_or_default();
        if Checkpoints::is_finished(&place, config, &cells)? {
            return Ok(Model::load(&place, &self.device)?);
        }
        let mut checkpoints = Checkpoints::open(&place, self.checkpoint_interval, true)?;
        let model = config.fit_resumable(real, &self.device, reporter, &mut checkpoints)?;
        checkpoints.finish(&model)?;
        Ok(model)
    }

    /// The evaluation VAE over these genes, trained by whoever needs it first.
    fn evaluation_vae(
        &self,
        run: &PlannedRun,
        real: &Dataset,
        genes: &[String],
        files: &Files,
        reporter: &mut Reporter,
    ) -> anyhow::Result<EvaluationVae> {
        let (name, seed) =
            (&self.protocol.datasets[run.dataset].name, self.protocol.evaluation.seed);
        let unknown = || FileIdentity { file: String::new(), bytes: 0, crc32: 0 };
        let cells = files.cells.clone().unwrap_or_else(unknown);
        let place = self.folder.evaluation_vae(name, real, &cells, genes, seed);
        if !EvaluationVae::exists(&place) {
            let vae = EvaluationVae::train(real, genes, seed, &self.device, reporter)?;
            self.folder.keep_evaluation_vae(&vae, &place)?;
        }
        // Read back also where it was trained just now, so that every run judges with the same bytes.
        Ok(EvaluationVae::load(&place, &self.device)?)
    }

    fn write_report(
        &self,
        run: &PlannedRun,
        evaluation: &Evaluation,
    ) -> anyhow::Result<Vec<String>> {
        let output = OutputFolder::create(&self.folder.report(&run.id), FolderKind::Report)?;
        let notes = report::write(&output, evaluation, self.protocol.evaluation.seed)?;
        output.commit()?;
        Ok(notes)
    }
}
