//! Fitting: split, select genes, embed cells, learn means, prior and decoder.

use burn::tensor::Device;
use pert_baselines::{FeatureVectors, KernelRidge, KernelRidgeConfig};
use pert_core::{Perturbation, seeded_rng};
use pert_data::Dataset;
use pert_diffusion::{Prior, PriorTrainer, TrainingData};
use pert_encoders::GeneSetEncoder;

use crate::Error;
use crate::additive_means::{AdditiveMeans, GroupMeans};
use crate::checkpoints::Checkpoints;
use crate::config::{FitConfig, PriorForm, UnseenLibrary};
use crate::contexts::Contexts;
use crate::encoding::build_encoder;
use crate::model::{Means, Model, Provenance, SeenPerturbation, features, path_of};
use crate::progress::{Progress, Silent};
use crate::shrinkage::shrink;
use crate::training::{train, train_vae};
use crate::training_set::TrainingSet;
use crate::unseen_library::LibraryRidges;

impl FitConfig {
    /// Fits a model without saying anything.
    ///
    /// ```
    #[doc = include_str!("doc/fitted.txt")]
    /// let model = FitConfig { n_top_genes: 30, ..quick }.fit(&screen, &device)?;
    /// // The perturbed genes are kept beside the most variable ones.
    /// assert!(model.genes().len() >= 30);
    /// assert!(model.seen()[0].perturbation.is_control());
    /// # Ok::<(), pert_pipeline::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`FitConfig::fit_with`].
    pub fn fit(&self, dataset: &Dataset, device: &Device) -> Result<Model, Error> {
        self.fit_with(dataset, device, &mut Silent)
    }

    /// Fits a model and reports its progress.
    ///
    /// # Errors
    /// As [`FitConfig::fit_resumable`].
    pub fn fit_with(
        &self,
        dataset: &Dataset,
        device: &Device,
        progress: &mut dyn Progress,
    ) -> Result<Model, Error> {
        self.fit_resumable(dataset, device, progress, &mut Checkpoints::none())
    }

    /// Fits a model, keeps checkpoints, and goes on from those of an earlier run: on a CPU, with the same number of
    /// threads, to the model that run would have made, byte for byte.
    ///
    /// # Errors
    /// A configuration out of range, a split that leaves nothing, a screen without control among the training
    /// cells, a perturbation with too few cells, a gene that cannot be encoded, training that diverges,
    /// [`Error::OtherRun`] when the checkpoints belong to another fit; [`Error::Unfinished`], without checkpoints
    /// [`Error::Interrupted`], when `progress` breaks off.
    pub fn fit_resumable(
        &self,
        dataset: &Dataset,
        device: &Device,
        progress: &mut dyn Progress,
        checkpoints: &mut Checkpoints,
    ) -> Result<Model, Error> {
        let fitted = self.fit_stages(dataset, device, progress, checkpoints);
        let can_go_on = matches!(
            &fitted,
            Ok(_)
                | Err(Error::Unfinished { .. } | Error::OtherRun { .. } | Error::Io { .. })
                | Err(Error::Data(_))
        );
        if !can_go_on {
            checkpoints.discard();
        }
        fitted
    }

    fn fit_stages(
        &self,
        dataset: &Dataset,
        device: &Device,
        progress: &mut dyn Progress,
        checkpoints: &mut Checkpoints,
    ) -> Result<Model, Error> {
        self.check()?;
        let training = TrainingSet::prepare(dataset, self, progress)?;
        let encoder = build_encoder(dataset, &training, self)?;
        let identity = training.identity(self, &encoder, device);
        if let Some(remark) = checkpoints.begin(&identity)? {
            progress.note(&remark);
        }
        let contexts = &training.contexts;
        let covariate = training.covariate_rows();
        let covariate = (contexts.dim() > 0).then_some(covariate.as_slice());
        let cells: Vec<usize> = (0..training.screen.n_cells()).collect();
        let counts = training.screen.counts();

        // g: the posterior mean of a VAE of counts, trained first, then frozen.
        let inputs = training.inputs(None, covariate);
        let cell_encoder = train_vae(
            "cell encoder",
            (counts, &cells),
            &inputs,
            (
                &self.cell_encoder(training.screen.n_genes(), contexts.dim()),
                &self.cell_encoder_training,
            ),
            self.seed,
            device,
            checkpoints,
            progress,
        )?;
        let g = cell_encoder.encode(counts, &cells, inputs.conditions())?; // [n_cells, cell_dim]

        let means = fit_means(&training, &g, self.cell_dim, &encoder)?;
        let prior =
            train_prior(&training, &g, &means, &encoder, self, device, checkpoints, progress)?;
        let decoder = train_vae(
            "decoder",
            (counts, &cells),
            &training.inputs(Some(&g), covariate),
            (&self.decoder(training.screen.n_genes(), contexts.dim()), &self.decoder_training),
            self.seed,
            device,
            checkpoints,
            progress,
        )?;
        let library = match self.unseen_library {
            UnseenLibrary::Predicted => LibraryRidges::fit(
                &perturbed_features(&training, &encoder)?,
                decoder.library_prior(),
            )?,
            UnseenLibrary::Global => LibraryRidges::default(),
        };
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
            library,
            device: device.clone(),
        })
    }
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
    let perturbed = perturbed_features(training, encoder)?;
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

/// What kernel ridge sees of the training perturbations, control left out.
fn perturbed_features(
    training: &TrainingSet,
    encoder: &GeneSetEncoder,
) -> Result<Vec<FeatureVectors>, Error> {
    training.perturbed().map(|(_, p)| features(encoder, p)).collect()
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

#[allow(clippy::too_many_arguments, reason = "data, means, settings, device, run")]
fn train_prior(
    training: &TrainingSet,
    g: &[f32],
    means: &Means,
    encoder: &GeneSetEncoder,
    config: &FitConfig,
    device: &Device,
    checkpoints: &mut Checkpoints,
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
    let data = TrainingData {
        x: &target,
        d,
        conditions: &conditions,
        d_cond: d_condition,
        condition_of: &condition_of,
        ..Default::default()
    };
    let mut rng = seeded_rng(config.seed, "prior");
    let trainer = PriorTrainer::new(&data, &config.prior, &mut rng, device);
    let mut trainer = trainer.map_err(|error| match error {
        pert_diffusion::Error::ConstantColumn { .. } => no_spread(training, n_contexts),
        error => error.into(),
    })?;
    train("diffusion prior", config.prior.steps, &mut trainer, checkpoints, progress)?;
    Ok(trainer.finish())
}

/// Why there is nothing to diffuse.
fn no_spread(training: &TrainingSet, n_contexts: usize) -> Error {
    Error::Request(format!(
        "the {} training cells do not spread around the means of their {} perturbations and {n_contexts} combinations \
         of covariates, so there is no population to learn: give more cells, or leave covariates out (--batch-key none)",
        training.screen.n_cells(),
        training.seen.len(),
    ))
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
    // Control cells alone, without covariates, leave nothing to condition on; the prior needs a number all the same.
    if condition.is_empty() {
        condition.push(0.0);
    }
    Ok(condition)
}
