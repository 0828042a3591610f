//! Scores every held-out perturbation under every method.

use std::collections::BTreeMap;

use pert_baselines::TrainingSummary;
use pert_core::{LabelFormat, Perturbation, Population, Split};
use pert_metrics::{MetricRow, Roles, compare};
use rayon::prelude::*;

use super::bootstrap::{Resampled, intervals, resample};
use super::cells::Cells;
use super::changes::{Changes, MeanChange};
use super::controls::Controls;
use super::discrimination::{self, MeanPair};
use super::judge::{DISTANCE_CELLS, ceiling, row};
use super::methods::{Baselines, MODEL, Prediction, judged};
use super::picture::Picture;
use super::real::{Against, Real};
use super::spaces::Spaces;
use super::{EvaluateConfig, Evaluation, EvaluationVae, Predicted, check_predicted};
use crate::Error;
use crate::progress::Progress;

/// Which methods are what: real cells of the same perturbation are references, no predictions.
pub fn roles() -> Roles {
    Roles {
        model: MODEL.to_owned(),
        references: vec!["training_cells".to_owned(), "ceiling".to_owned()],
    }
}

#[allow(clippy::too_many_arguments)] // one call site, which has just prepared each of these
pub(super) fn score(
    predicted: Predicted<'_>,
    screen: &Population,
    format: &LabelFormat,
    split: &Split,
    vae: &EvaluationVae,
    config: &EvaluateConfig,
    mut notes: Vec<String>,
    progress: &mut dyn Progress,
) -> Result<Evaluation, Error> {
    let train = split.train_cells(screen, format);
    let test = split.test_cells(screen, format);
    let reference = split.reference_cells(screen);
    if test.is_empty() {
        return Err(Error::Request(
            "no held-out cell to judge: fit with --hold-out, or give --split".into(),
        ));
    }
    if let Predicted::Cells(cells) = predicted {
        check_predicted(cells, screen, format, split)?;
    }
    if reference.is_empty() {
        return Err(Error::NoControl {
            control: format.control.clone(),
            mend: "name the label with --control",
        });
    }
    if reference.iter().all(|i| train.binary_search(i).is_ok()) {
        notes.push(
            "no control cells are held out: training and reference share their control cells"
                .into(),
        );
    }
    let mut test_rows: BTreeMap<&Perturbation, Vec<usize>> = BTreeMap::new();
    test.iter().for_each(|&i| test_rows.entry(screen.perturbation_of(i)).or_default().push(i));
    let perturbations: Vec<(&Perturbation, Vec<usize>)> = test_rows.into_iter().collect();
    let names: Vec<&Perturbation> = perturbations.iter().map(|(p, _)| *p).collect();
    let summary = TrainingSummary::fit(screen, &train)?;
    let judge = Judge {
        predicted,
        baselines: Baselines::fit(screen, &summary, &predicted, config, &names)?,
        screen,
        summary: &summary,
        spaces: Spaces::fit(screen, vae, config)?,
        controls: Controls::new(screen, reference, config.seed),
        config,
        n_judged: perturbations.len(),
    };
    let mut evaluation = Evaluation {
        rows: Vec::new(),
        comparisons: Vec::new(),
        intervals: Vec::new(),
        notes,
        picture: Picture::of_width(judge.spaces.n_components()),
        changes: Changes::new(screen.genes()),
    };
    let (mut pairs, mut resampled) = (Vec::new(), Vec::new());
    progress.begin("scoring held-out perturbations", perturbations.len());
    let mut done = 0;
    for chunk in perturbations.chunks(rayon::current_num_threads()) {
        let judged: Vec<Judged> = chunk
            .par_iter()
            .map(|(p, rows)| match judge.judge(p, rows) {
                Err(Error::Interrupted) => Err(Error::Interrupted),
                Err(error) => Ok(judge.without_numbers(p, rows.len(), error.to_string())),
                judged => judged,
            })
            .collect::<Result<_, _>>()?;
        for one in judged {
            evaluation.rows.extend(one.rows);
            evaluation.notes.extend(one.note);
            evaluation.picture.append(one.picture);
            one.change.into_iter().for_each(|change| evaluation.changes.offer(change));
            pairs.extend(one.pairs);
            resampled.extend(one.resampled);
        }
        done += chunk.len();
        if progress.step(done, None).is_break() {
            return Err(Error::Interrupted);
        }
    }
    progress.end();
    discrimination::fill(&mut evaluation.rows, &pairs, screen.genes())?;
    evaluation.intervals = intervals(&resampled);
    evaluation.comparisons = compare(&evaluation.rows, &roles());
    Ok(evaluation)
}

/// What is found about one perturbation.
#[derive(Default)]
struct Judged {
    rows: Vec<MetricRow>,
    note: Option<String>,
    picture: Picture,
    change: Option<MeanChange>,
    pairs: Vec<MeanPair>,
    resampled: Vec<Resampled>,
}

/// What every perturbation is judged with.
struct Judge<'a> {
    predicted: Predicted<'a>,
    baselines: Baselines<'a>,
    screen: &'a Population,
    summary: &'a TrainingSummary<'a>,
    spaces: Spaces<'a>,
    controls: Controls<'a>,
    config: &'a EvaluateConfig,
    n_judged: usize,
}

impl Judge<'_> {
    fn judge(&self, p: &Perturbation, test_rows: &[usize]) -> Result<Judged, Error> {
        let (n, seed) = (test_rows.len(), self.config.seed);
        let n_compared = n.max(DISTANCE_CELLS);
        let n_generated = self.config.cells.max(n_compared);
        let model = judged(&self.predicted, self.screen, test_rows, p, n_generated, seed)?;
        if model.is_none() && !matches!(self.predicted, Predicted::Nothing(_)) {
            return Ok(self.without_numbers(p, n, "no predicted cells"));
        }
        if n < 2 {
            let why = "one real cell: no distribution to compare with";
            return Ok(self.without_numbers(p, n, why));
        }
        let control = self.controls.mean_for(test_rows);
        let control_cells = self.controls.cells_for(test_rows)?;
        let truth = self.true_means(p);
        let against = Against {
            control: &control,
            centroid: self.summary.centroid_mean(),
            control_cells: &control_cells,
            truth: truth.as_ref(),
        };
        let cells = Cells::from_counts(self.screen.counts(), test_rows);
        let real = Real::new(p, cells, against, &self.spaces, seed)?;
        let mut judged = Judged::default();
        if let Some(model) = &model {
            let each = Picture::points_each(self.n_judged);
            judged.picture = Picture::of(p, &real.cells, &model.cells, each, &self.spaces)?;
            judged.change = Some(MeanChange::new(p.label(), n, &real.mean, &model.mean, &control));
        }
        let mut predictions = Vec::from_iter(model);
        predictions.extend(self.baselines.predict(p, test_rows, n_compared, seed));
        for prediction in &predictions {
            judged.rows.push(row(p.label(), &real, prediction, &self.spaces)?);
        }
        let change = |mean: &[f64]| mean.iter().zip(&control).map(|(m, c)| m - c).collect();
        let pair = |method: &str, predicted: &[f64], of_real: &[f64]| MeanPair {
            perturbation: p.clone(),
            method: method.to_owned(),
            predicted: change(predicted),
            real: change(of_real),
        };
        judged.pairs.extend(predictions.iter().map(|one| pair(&one.method, &one.mean, &real.mean)));
        if let Some(ceiling) = ceiling(p, &real, &self.spaces, seed)? {
            judged.pairs.push(pair("ceiling", &ceiling.predicted, &ceiling.real));
            judged.rows.push(ceiling.row);
        }
        let methods = predictions.iter().map(|one: &Prediction| (&*one.method, &*one.mean));
        judged.resampled = resample(p, &real, methods, self.config.bootstraps, seed)?;
        Ok(judged)
    }

    /// One row of the model without numbers that says why, so that a broken perturbation does not sink the others; a note
    /// where no model is judged.
    fn without_numbers(&self, p: &Perturbation, n: usize, why: impl Into<String>) -> Judged {
        if matches!(self.predicted, Predicted::Nothing(_)) {
            let note = Some(format!("{} is left out: {}", p.label(), why.into()));
            return Judged { note, ..Judged::default() };
        }
        let mut row = MetricRow::new(p.label(), MODEL, n);
        row.note = Some(why.into());
        Judged { rows: vec![row], ..Judged::default() }
    }

    /// True means of the perturbation and of control, where the screen is simulated.
    fn true_means(&self, p: &Perturbation) -> Option<(Vec<f64>, Vec<f64>)> {
        let truth = self.config.truth.as_ref()?;
        let control = self.screen.perturbations().iter().find(|p| p.is_control())?;
        let genes = self.screen.genes();
        Some((truth.profile(p, genes)?, truth.profile(control, genes)?))
    }
}
