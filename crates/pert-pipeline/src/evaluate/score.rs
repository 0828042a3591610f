//! Scores every held-out perturbation under every method.

use pert_baselines::TrainingSummary;
use pert_core::{LabelFormat, Perturbation, Population, Split, shuffled_indices};
use pert_metrics::{
    Gaussian, MetricRow, Pca, Roles, Rows, compare, energy_distance, frechet_distance,
    frechet_floor, pearson_delta, r2, r2_pearson,
};
use rayon::prelude::*;

use super::cells::Cells;
use super::changes::{Changes, MeanChange};
use super::evaluation_vae::{EvaluationVae, rng};
use super::methods::{Baselines, Prediction, judged};
use super::{EvaluateConfig, Evaluation, Predicted, check_predicted};
use crate::Error;
use crate::progress::Progress;

/// Splits into halves of which a floor is the mean (evaluation protocol: 20).
const FLOOR_SPLITS: usize = 20;
/// Generated cells the energy distance uses at least (evaluation protocol: max(n, 100)).
const E_DISTANCE_CELLS: usize = 100;
/// Real cells that the principal components are fitted on at most.
const PCA_CELLS: usize = 5_000;
/// Points of a picture at most, real and generated each.
const PICTURE_CELLS: usize = 2_000;
/// Cells of one perturbation in a picture at most, so that a large one does not hide the others.
const PICTURE_CELLS_EACH: usize = 200;

/// Held-out cells, real and generated, in principal components.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picture {
    /// Width of a point.
    pub n_components: usize,
    /// Real cells, `[n, n_components]`, row-major.
    pub real: Vec<f32>,
    /// Perturbation of each real cell.
    pub real_labels: Vec<String>,
    /// Generated cells, `[n, n_components]`, row-major.
    pub generated: Vec<f32>,
    /// Perturbation of each generated cell.
    pub generated_labels: Vec<String>,
}

impl Picture {
    fn append(&mut self, mut other: Self) {
        self.real.append(&mut other.real);
        self.real_labels.append(&mut other.real_labels);
        self.generated.append(&mut other.generated);
        self.generated_labels.append(&mut other.generated_labels);
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
    vae.check_genes(screen.genes())?;
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
    let test_perturbations: Vec<&Perturbation> = screen
        .perturbations()
        .iter()
        .filter(|p| test.iter().any(|&i| screen.perturbation_of(i) == *p))
        .collect();
    let summary = TrainingSummary::fit(screen, &train)?;
    let baselines = Baselines::fit(screen, &summary, &predicted, &test_perturbations)?;
    let judge = Judge {
        predicted,
        baselines,
        screen,
        vae,
        pca: fit_pca(screen, config)?,
        control: ControlMeans::new(screen, &reference),
        config,
    };
    if reference.iter().all(|i| train.binary_search(i).is_ok()) {
        notes.push(
            "no control cells are held out: training and reference share their control cells"
                .into(),
        );
    }
    let mut evaluation = Evaluation {
        rows: Vec::new(),
        comparisons: Vec::new(),
        notes,
        picture: Picture::default(),
        changes: Changes::new(screen.genes()),
    };
    evaluation.picture.n_components = judge.pca.n_components();
    progress.begin("scoring held-out perturbations", test_perturbations.len());
    let mut done = 0;
    for chunk in test_perturbations.chunks(rayon::current_num_threads()) {
        let scored: Vec<Scored> = chunk
            .par_iter()
            .map(|p| {
                let of_p = |i: &usize| screen.perturbation_of(*i) == *p;
                let rows: Vec<usize> = test.iter().copied().filter(of_p).collect();
                judge.judge(p, &rows, test_perturbations.len())
            })
            .collect::<Result<_, _>>()?;
        for one in scored {
            evaluation.rows.extend(one.rows);
            evaluation.notes.extend(one.note);
            evaluation.picture.append(one.picture);
            one.change.into_iter().for_each(|change| evaluation.changes.offer(change));
        }
        done += chunk.len();
        if progress.step(done, None).is_break() {
            return Err(Error::Interrupted);
        }
    }
    progress.end();
    evaluation.comparisons = compare(&evaluation.rows, &roles());
    Ok(evaluation)
}

/// Which methods are what: real cells of the same perturbation are references, no predictions.
pub fn roles() -> Roles {
    Roles {
        model: "model".to_owned(),
        references: vec!["training_cells".to_owned(), "ceiling".to_owned()],
    }
}

/// What is found about one perturbation.
#[derive(Default)]
struct Scored {
    rows: Vec<MetricRow>,
    note: Option<String>,
    picture: Picture,
    change: Option<MeanChange>,
}

/// What every perturbation is scored with.
struct Judge<'a> {
    predicted: Predicted<'a>,
    baselines: Baselines<'a>,
    screen: &'a Population,
    vae: &'a EvaluationVae,
    pca: Pca,
    control: ControlMeans<'a>,
    config: &'a EvaluateConfig,
}

impl Judge<'_> {
    fn judge(&self, p: &Perturbation, rows: &[usize], n_judged: usize) -> Result<Scored, Error> {
        let seed = self.config.seed;
        let n_compared = rows.len().max(E_DISTANCE_CELLS);
        let n_generated = self.config.cells.max(n_compared);
        let Some(model) = judged(&self.predicted, self.screen, rows, p, n_generated, seed)? else {
            let note = format!("{} has no predicted cells and is left out", p.label());
            return Ok(Scored { note: Some(note), ..Scored::default() });
        };
        if rows.len() < 2 {
            let mut row = MetricRow::new(p.label(), model.method, rows.len());
            row.note = Some("one real cell: no distribution to compare with".into());
            return Ok(Scored { rows: vec![row], ..Scored::default() });
        }
        let real = Cells::from_counts(self.screen.counts(), rows);
        let each = (PICTURE_CELLS / n_judged).clamp(1, PICTURE_CELLS_EACH);
        let mut picture = Picture::default();
        self.draw(&mut picture, p, &real, &model.cells, each)?;
        let means = Means { real: real.mean(), control: self.control.matched(rows) };
        let change = means.change(p.label(), real.len(), &model.mean);
        let mut predictions = vec![model];
        predictions.extend(self.baselines.predict(p, n_compared, seed));
        let rows = self.rows_of(p, &real, &means, predictions)?;
        Ok(Scored { rows, note: None, picture, change: Some(change) })
    }

    fn rows_of(
        &self,
        p: &Perturbation,
        real: &Cells,
        means: &Means,
        predictions: Vec<Prediction>,
    ) -> Result<Vec<MetricRow>, Error> {
        let n_genes = self.screen.n_genes();
        let d = self.vae.n_latent();
        let (real_mean, control) = (&means.real, &means.control);
        let real_latent = self.vae.latent(real)?;
        let mut floor_rng = rng(self.config.seed, "floor", &p.key());
        let floor = frechet_floor(Rows::new(&real_latent, d)?, FLOOR_SPLITS, &mut floor_rng);
        let real_gaussian = fit_gaussian(&real_latent, d)?;
        let real_points = self.pca.transform(Rows::new(real.profiles(), n_genes)?);
        let n_components = self.pca.n_components();
        let truth = self.true_shift(p);
        let note = if real.len() <= d {
            let n = real.len();
            Some(format!("{n} real cells for {d} latent dimensions: covariances are shrunk"))
        } else {
            None
        };
        let mut rows = Vec::new();
        for prediction in predictions {
            let mut row = MetricRow::new(p.label(), prediction.method, real.len());
            row.r2 = r2(real_mean, &prediction.mean);
            row.r2_pearson = r2_pearson(real_mean, &prediction.mean);
            row.pearson_delta = pearson_delta(real_mean, &prediction.mean, control);
            if let Some((true_mean, true_control)) = &truth {
                row.pearson_delta_true = pearson_delta(true_mean, &prediction.mean, true_control);
            }
            let as_many = prediction.cells.first(real.len());
            if as_many.len() >= 2 {
                let latent = self.vae.latent(&as_many)?;
                row.fid_latent = frechet_distance(&real_gaussian, &fit_gaussian(&latent, d)?);
                let enough = prediction.cells.first(real.len().max(E_DISTANCE_CELLS));
                let points = self.pca.transform(Rows::new(enough.profiles(), n_genes)?);
                row.e_distance = energy_distance(
                    Rows::new(&real_points, n_components)?,
                    Rows::new(&points, n_components)?,
                );
            }
            row.fid_latent_floor = floor;
            row.fid_latent_ratio = row.fid_latent / floor;
            row.note.clone_from(&note);
            rows.push(row);
        }
        rows.push(self.ceiling(p, real, control, floor)?);
        Ok(rows)
    }

    /// A real half against the other half: what sampling noise alone allows at n/2 cells.
    fn ceiling(
        &self,
        p: &Perturbation,
        real: &Cells,
        control: &[f64],
        floor: f64,
    ) -> Result<MetricRow, Error> {
        let mut rng = rng(self.config.seed, "ceiling", &p.key());
        let order = shuffled_indices(real.len(), &mut rng);
        let (a, b) = order.split_at(real.len() / 2);
        let (a, b) = (real.select(a), real.select(b));
        let mut row = MetricRow::new(p.label(), "ceiling", real.len());
        row.r2 = r2(&a.mean(), &b.mean());
        row.r2_pearson = r2_pearson(&a.mean(), &b.mean());
        row.pearson_delta = pearson_delta(&a.mean(), &b.mean(), control);
        row.fid_latent = floor;
        row.fid_latent_floor = floor;
        row.fid_latent_ratio = 1.0;
        if a.len() >= 2 {
            let n_genes = self.screen.n_genes();
            let n_components = self.pca.n_components();
            let points = |cells: &Cells| -> Result<Vec<f64>, Error> {
                Ok(self.pca.transform(Rows::new(cells.profiles(), n_genes)?))
            };
            let (a, b) = (points(&a)?, points(&b)?);
            row.e_distance =
                energy_distance(Rows::new(&a, n_components)?, Rows::new(&b, n_components)?);
        }
        Ok(row)
    }

    /// True means of the perturbation and of control, where the screen is simulated.
    fn true_shift(&self, p: &Perturbation) -> Option<(Vec<f64>, Vec<f64>)> {
        let truth = self.config.truth.as_ref()?;
        let control = self.screen.perturbations().iter().find(|p| p.is_control())?;
        let genes = self.screen.genes();
        Some((truth.profile(p, genes)?, truth.profile(control, genes)?))
    }

    fn draw(
        &self,
        picture: &mut Picture,
        p: &Perturbation,
        real: &Cells,
        generated: &Cells,
        each: usize,
    ) -> Result<(), Error> {
        let n = real.len().min(generated.len()).min(each);
        for (cells, points, labels) in [
            (real, &mut picture.real, &mut picture.real_labels),
            (generated, &mut picture.generated, &mut picture.generated_labels),
        ] {
            let some = cells.first(n);
            let projected = self.pca.transform(Rows::new(some.profiles(), self.screen.n_genes())?);
            points.extend(projected.into_iter().map(|v| v as f32));
            labels.extend(std::iter::repeat_n(p.label().to_owned(), n));
        }
        Ok(())
    }
}

/// Mean profiles that predictions of one perturbation are held against.
struct Means {
    /// Of its held-out cells, `[n_genes]`.
    real: Vec<f64>,
    /// Of the matched controls, `[n_genes]`.
    control: Vec<f64>,
}

impl Means {
    fn change(&self, label: &str, n_cells: usize, predicted: &[f64]) -> MeanChange {
        let less_control =
            |mean: &[f64]| mean.iter().zip(&self.control).map(|(m, c)| m - c).collect();
        MeanChange {
            perturbation: label.to_owned(),
            n_cells,
            real: less_control(&self.real),
            predicted: less_control(predicted),
            pearson_delta: pearson_delta(&self.real, predicted, &self.control),
        }
    }
}

fn fit_gaussian(latent: &[f64], d: usize) -> Result<Gaussian, Error> {
    let rows = Rows::new(latent, d)?;
    Ok(if rows.n_rows() <= d { Gaussian::fit_shrunk(rows)? } else { Gaussian::fit(rows)? })
}

fn fit_pca(screen: &Population, config: &EvaluateConfig) -> Result<Pca, Error> {
    let mut rng = rng(config.seed, "pca", "");
    let mut rows = shuffled_indices(screen.n_cells(), &mut rng);
    rows.truncate(PCA_CELLS);
    rows.sort_unstable();
    let profiles = screen.counts().log_normalised(&rows);
    let n_components = config.n_components.min(screen.n_genes()).min(rows.len() - 1);
    Ok(Pca::fit(Rows::new(&profiles, screen.n_genes())?, n_components)?)
}

/// Mean profiles of the control cells that are compared with, by covariates.
struct ControlMeans<'a> {
    screen: &'a Population,
    overall: Vec<f64>,
    by_covariates: std::collections::BTreeMap<String, Vec<f64>>,
}

impl<'a> ControlMeans<'a> {
    fn new(screen: &'a Population, reference: &[usize]) -> Self {
        let mut groups: std::collections::BTreeMap<String, Vec<usize>> =
            std::collections::BTreeMap::new();
        for &cell in reference {
            groups.entry(covariate_key(screen, cell)).or_default().push(cell);
        }
        Self {
            screen,
            overall: screen.counts().mean_log_normalised(reference),
            by_covariates: groups
                .into_iter()
                .map(|(key, cells)| (key, screen.counts().mean_log_normalised(&cells)))
                .collect(),
        }
    }

    /// Mean of matched controls: the covariates of these cells, in their proportions.
    fn matched(&self, cells: &[usize]) -> Vec<f64> {
        let mut mean = vec![0.0; self.overall.len()];
        for &cell in cells {
            let key = covariate_key(self.screen, cell);
            let control = self.by_covariates.get(&key).unwrap_or(&self.overall);
            mean.iter_mut().zip(control).for_each(|(m, c)| *m += c / cells.len() as f64);
        }
        mean
    }
}

fn covariate_key(screen: &Population, cell: usize) -> String {
    screen.covariates().iter().map(|c| c.label(cell)).collect::<Vec<_>>().join("\u{1f}")
}
