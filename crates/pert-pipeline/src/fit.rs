//! Fitting: split, select genes, embed cells, learn means, prior and decoder.

use std::ops::ControlFlow;

use burn::tensor::Device;
use pert_baselines::{FeatureVectors, KernelRidge, KernelRidgeConfig};
use pert_core::{Perturbation, Population, Split, SplitConfig, seeded_rng};
use pert_data::{Dataset, GeneSelection, select_genes};
use pert_decoder::{TrainConfig, Vae, VaeConfig, VaeInputs};
use pert_diffusion::{Prior, TrainingData};
use pert_encoders::{GeneFeatures, GeneSetEncoder, UnknownGene};

use crate::Error;
use crate::additive_means::{AdditiveMeans, GroupMeans};
use crate::config::{FitConfig, PriorForm, UnknownGenePolicy};
use crate::contexts::Contexts;
use crate::model::{Means, Model, Provenance, SeenPerturbation, features, path_of};
use crate::progress::{Progress, Silent};
use crate::shrinkage::shrink;
use crate::split_file::read_split;

impl FitConfig {
    /// Fits a model without saying anything.
    ///
    /// # Errors
    /// See [`FitConfig::fit_with`].
    pub fn fit(&self, dataset: &Dataset, device: &Device) -> Result<Model, Error> {
        self.fit_with(dataset, device, &mut Silent)
    }

    /// Fits a model and reports its progress.
    ///
    /// # Errors
    /// A configuration out of range, a split that leaves nothing, a screen without control among the training
    /// cells, a perturbation with too few cells, a gene that cannot be encoded, training that diverges, or
    /// [`Error::Interrupted`] when `progress` breaks off.
    pub fn fit_with(
        &self,
        dataset: &Dataset,
        device: &Device,
        progress: &mut dyn Progress,
    ) -> Result<Model, Error> {
        self.check()?;
        let training = TrainingSet::prepare(dataset, self, progress)?;
        let encoder = build_encoder(dataset.population(), &training, self)?;
        let contexts = &training.contexts;
        let covariate = training.covariate_rows();
        let covariate = (contexts.dim() > 0).then_some(covariate.as_slice());

        // g: the posterior mean of a VAE of counts, trained first, then frozen.
        let config = self.cell_encoder(training.screen.n_genes(), contexts.dim());
        let inputs = training.inputs(None, covariate);
        let cell_encoder = train_vae(
            "cell encoder",
            &training,
            &inputs,
            (&config, &self.cell_encoder_training),
            self.seed,
            device,
            progress,
        )?;
        let cells: Vec<usize> = (0..training.screen.n_cells()).collect();
        let g = cell_encoder.encode(training.screen.counts(), &cells, inputs.conditions())?; // [n_cells, cell_dim]

        let means = fit_means(&training, &g, self.cell_dim, &encoder)?;
        let prior = train_prior(&training, &g, &means, &encoder, self, device, progress)?;
        let decoder = train_vae(
            "decoder",
            &training,
            &training.inputs(Some(&g), covariate),
            (&self.decoder(training.screen.n_genes(), contexts.dim()), &self.decoder_training),
            self.seed,
            device,
            progress,
        )?;
        Ok(Model {
            config: self.clone(),
            provenance: Provenance {
                data: path_of(dataset),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                seed: self.seed,
                n_training_cells: training.screen.n_cells(),
            },
            format: dataset.format().clone(),
            genes: training.screen.genes().to_vec(),
            split: training.split,
            contexts: training.contexts,
            seen: training.seen,
            encoder,
            cell_encoder,
            prior,
            decoder,
            means,
            device: device.clone(),
        })
    }
}

/// The training cells over the kept genes, with their codes.
struct TrainingSet {
    screen: Population,
    split: Split,
    seen: Vec<SeenPerturbation>,
    /// Index into `seen` of each cell.
    perturbation_of: Vec<usize>,
    contexts: Contexts,
    /// Context code of each cell.
    context_of: Vec<usize>,
}

impl TrainingSet {
    fn prepare(
        dataset: &Dataset,
        config: &FitConfig,
        progress: &mut dyn Progress,
    ) -> Result<Self, Error> {
        let population = dataset.population();
        let split = match (&config.split, config.parsed_hold_out()?) {
            (Some(path), _) => read_split(path)?,
            (None, None) => Split::train_on_all(population),
            (None, Some(hold_out)) => {
                let control_split = config.control_split;
                SplitConfig { control_split, ..SplitConfig::new(hold_out, config.seed) }
                    .split(population)?
            }
        };
        let train = split.train_cells(population, dataset.format());
        let selection = GeneSelection { n_top: config.n_top_genes };
        let genes = select_genes(population, &train, &selection);
        let kept = population.select_genes(&genes);
        let (train, empty): (Vec<usize>, Vec<usize>) =
            train.into_iter().partition(|&i| kept.counts().library_size(i) > 0.0);
        if !empty.is_empty() {
            progress.note(&format!(
                "{} training cells have no count in the {} kept genes and are left out",
                empty.len(),
                genes.len()
            ));
        }
        let screen = kept.select_cells(&train);
        let cells: Vec<usize> = (0..screen.n_cells()).collect();
        let (contexts, context_of) = Contexts::fit(&screen, &cells);
        let mut seen: Vec<SeenPerturbation> = screen
            .perturbations()
            .iter()
            .map(|p| SeenPerturbation {
                perturbation: p.clone(),
                cells_in_context: vec![0; contexts.len()],
            })
            .collect();
        let perturbation_of: Vec<usize> = cells
            .iter()
            .map(|&i| {
                let p = screen.perturbation_of(i);
                seen.binary_search_by(|s| s.perturbation.cmp(p)).expect("training labels are seen")
            })
            .collect();
        for (&p, &context) in perturbation_of.iter().zip(&context_of) {
            seen[p].cells_in_context[context] += 1;
        }
        if !seen.first().is_some_and(|s| s.perturbation.is_control()) {
            return Err(Error::NoControl {
                control: dataset.format().control.clone(),
                mend: "name the label with --control, or leave control cells out of the hold-out",
            });
        }
        if let Some(few) = seen.iter().find(|s| s.n_cells() < config.min_cells) {
            return Err(Error::TooFewCells {
                label: few.perturbation.label().to_owned(),
                found: few.n_cells(),
                needed: config.min_cells,
            });
        }
        Ok(Self { screen, split, seen, perturbation_of, contexts, context_of })
    }

    /// Encoded covariates, one row per cell.
    fn covariate_rows(&self) -> Vec<f32> {
        let table: Vec<Vec<f32>> =
            (0..self.contexts.len()).map(|code| self.contexts.encode(code)).collect();
        self.context_of.iter().flat_map(|&code| table[code].iter().copied()).collect()
    }

    fn inputs<'a>(
        &'a self,
        cell: Option<&'a [f32]>,
        covariate: Option<&'a [f32]>,
    ) -> VaeInputs<'a> {
        VaeInputs {
            cell,
            covariate,
            library_group: &self.perturbation_of,
            n_groups: self.seen.len(),
        }
    }

    fn perturbed(&self) -> impl Iterator<Item = (usize, &Perturbation)> {
        self.seen
            .iter()
            .enumerate()
            .filter(|(_, s)| !s.perturbation.is_control())
            .map(|(i, s)| (i, &s.perturbation))
    }
}

/// Dimensions that gene features are reduced to for the network; kernel ridge sees all of them.
const REDUCED_FEATURES: usize = 16;

fn build_encoder(
    screen: &Population,
    training: &TrainingSet,
    config: &FitConfig,
) -> Result<GeneSetEncoder, Error> {
    let table = config.features.as_deref().map(GeneFeatures::read).transpose()?;
    let mut seen_genes: Vec<String> =
        training.perturbed().flat_map(|(_, p)| p.targets().iter().cloned()).collect();
    seen_genes.sort_unstable();
    seen_genes.dedup();
    let unknown = match config.unknown_gene {
        UnknownGenePolicy::Error => UnknownGene::Error,
        UnknownGenePolicy::Mean => UnknownGene::Mean,
    };
    let encoder = GeneSetEncoder::new(seen_genes, table, unknown).with_reduced(REDUCED_FEATURES)?;
    // Held-out perturbations are looked at too: better a message now than after the training.
    encoder.check(screen.perturbations())?;
    Ok(encoder)
}

/// Forwards training steps to the progress of a run; breaking off becomes [`Error::Interrupted`] at the caller.
fn forward(
    progress: &mut dyn Progress,
    interrupted: &mut bool,
    step: usize,
    loss: f64,
) -> ControlFlow<()> {
    let flow = progress.step(step, Some(loss));
    *interrupted |= flow.is_break();
    flow
}

pub(crate) fn train_vae_on(
    stage: &str,
    counts: (&pert_core::CsrCounts, &[usize]),
    inputs: &VaeInputs<'_>,
    (model, training): (&VaeConfig, &TrainConfig),
    seed: u64,
    device: &Device,
    progress: &mut dyn Progress,
) -> Result<Vae, Error> {
    let mut rng = seeded_rng(seed, stage);
    let mut interrupted = false;
    progress.begin(&format!("training the {stage}"), training.steps);
    let fitted =
        Vae::fit(counts.0, counts.1, inputs, model, training, &mut rng, device, &mut |step| {
            forward(progress, &mut interrupted, step.step, step.loss)
        });
    if interrupted {
        return Err(Error::Interrupted);
    }
    progress.end();
    Ok(fitted?)
}

fn train_vae(
    stage: &str,
    training: &TrainingSet,
    inputs: &VaeInputs<'_>,
    config: (&VaeConfig, &TrainConfig),
    seed: u64,
    device: &Device,
    progress: &mut dyn Progress,
) -> Result<Vae, Error> {
    let cells: Vec<usize> = (0..training.screen.n_cells()).collect();
    let counts = (training.screen.counts(), cells.as_slice());
    train_vae_on(stage, counts, inputs, config, seed, device, progress)
}

fn fit_means(
    training: &TrainingSet,
    g: &[f32],
    cell_dim: usize,
    encoder: &GeneSetEncoder,
) -> Result<Means, Error> {
    let (mut of_cell, mut of_gene) = (GroupMeans::default(), GroupMeans::default());
    let counts = training.screen.counts();
    let n_genes = training.screen.n_genes();
    for cell in 0..training.screen.n_cells() {
        let (p, c) = (training.perturbation_of[cell], training.context_of[cell]);
        let row = &g[cell * cell_dim..][..cell_dim];
        of_cell.add(p, c, row.iter().map(|&v| f64::from(v)));
        of_gene.add(p, c, counts.log_normalised(&[cell]).into_iter());
    }
    let (n_seen, n_contexts) = (training.seen.len(), training.contexts.len());
    let control = 0; // sorted by targets: the empty set comes first
    let cell = AdditiveMeans::fit(of_cell, cell_dim, n_seen, n_contexts, control);
    let gene = AdditiveMeans::fit(of_gene, n_genes, n_seen, n_contexts, control);
    let perturbed: Vec<FeatureVectors> =
        training.perturbed().map(|(_, p)| features(encoder, p)).collect::<Result<_, _>>()?;
    let gene_ridge = fit_ridge(&perturbed, &gene)?;
    let shrunk_gene_shift = shrunk_gene_shift(training, &gene, gene_ridge.as_ref());
    Ok(Means {
        cell_ridge: fit_ridge(&perturbed, &cell)?,
        gene_ridge,
        cell,
        gene,
        shrunk_gene_shift,
    })
}

fn shrunk_gene_shift(
    training: &TrainingSet,
    gene: &AdditiveMeans,
    ridge: Option<&KernelRidge>,
) -> Vec<f64> {
    let Some(ridge) = ridge else { return gene.shift.clone() };
    let d = gene.d;
    let mut variance = vec![0.0; d];
    let counts = training.screen.counts();
    for cell in 0..training.screen.n_cells() {
        let (p, c) = (training.perturbation_of[cell], training.context_of[cell]);
        let mean = gene.base_of(c).iter().zip(gene.shift_of(p));
        let profile = counts.log_normalised(&[cell]);
        for (v, (x, (base, shift))) in variance.iter_mut().zip(profile.iter().zip(mean)) {
            *v += (x - base - shift).powi(2);
        }
    }
    let freedom = training.screen.n_cells().saturating_sub(training.seen.len()).max(1) as f64;
    variance.iter_mut().for_each(|v| *v /= freedom);
    let n_cells: Vec<usize> = training.seen[1..].iter().map(SeenPerturbation::n_cells).collect();
    let predicted = ridge.leave_one_out_predictions();
    let mut shift = vec![0.0; d]; // control
    shift.extend(shrink(&gene.shift[d..], &predicted, &variance, &n_cells));
    shift
}

/// Kernel ridge over the seen perturbations (control, row 0, left out); none where there is nothing to leave out.
pub(crate) fn fit_ridge(
    features: &[FeatureVectors],
    means: &AdditiveMeans,
) -> Result<Option<KernelRidge>, Error> {
    if features.len() < 2 {
        return Ok(None);
    }
    let targets = &means.shift[means.d..];
    Ok(Some(KernelRidge::fit(features, targets, means.d, &KernelRidgeConfig::default())?))
}

fn train_prior(
    training: &TrainingSet,
    g: &[f32],
    means: &Means,
    encoder: &GeneSetEncoder,
    config: &FitConfig,
    device: &Device,
    progress: &mut dyn Progress,
) -> Result<Prior, Error> {
    let d = config.cell_dim;
    let n_contexts = training.contexts.len();
    let mut conditions = Vec::new();
    for s in &training.seen {
        for context in 0..n_contexts {
            conditions.extend(condition(encoder, &training.contexts, &s.perturbation, context)?);
        }
    }
    let d_condition = conditions.len() / (training.seen.len() * n_contexts);
    let mut target = g.to_vec();
    let mut condition_of = Vec::with_capacity(training.perturbation_of.len());
    for (cell, row) in target.chunks_exact_mut(d).enumerate() {
        let (p, context) = (training.perturbation_of[cell], training.context_of[cell]);
        condition_of.push(p * n_contexts + context);
        if config.prior_form == PriorForm::Residual {
            let mean = means.cell.base_of(context).iter().zip(means.cell.shift_of(p));
            row.iter_mut().zip(mean).for_each(|(r, (base, shift))| *r -= (base + shift) as f32);
        }
    }
    let mut rng = seeded_rng(config.seed, "prior");
    let mut interrupted = false;
    progress.begin("training the diffusion prior", config.prior.steps);
    let data = TrainingData {
        x: &target,
        d,
        conditions: &conditions,
        d_cond: d_condition,
        condition_of: &condition_of,
    };
    let fitted = Prior::fit(&data, &config.prior, &mut rng, device, &mut |step| {
        forward(progress, &mut interrupted, step.step, step.loss)
    });
    if interrupted {
        return Err(Error::Interrupted);
    }
    progress.end();
    Ok(fitted?)
}

/// What the prior is conditioned on: the perturbation's genes and features, then the covariates.
pub(crate) fn condition(
    encoder: &GeneSetEncoder,
    contexts: &Contexts,
    p: &Perturbation,
    context: usize,
) -> Result<Vec<f32>, Error> {
    let mut condition = encoder.condition(p)?;
    condition.extend(contexts.encode(context));
    Ok(condition)
}
