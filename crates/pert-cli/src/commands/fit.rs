//! `pert fit`.

use std::io::Write;
use std::time::Duration;

use pert_prior::Progress;
use pert_prior::core::CovariateRole;
use pert_prior::data::{Dataset, Filter, ReadOptions};
use pert_prior::pipeline::{Checkpoints, DeviceChoice, FitConfig, read_split};
use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, StrDeserializer};

use crate::args::{DataArgs, FitArgs};
use crate::failure::in_file;
use crate::progress::Reporter;

pub fn run(args: &FitArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    let mut config = match &args.config {
        Some(path) => FitConfig::read_toml(path)?,
        None => FitConfig::default(),
    };
    apply_flags(&mut config, args)?;
    config.check()?;
    if let Some(split) = &config.split {
        read_split(split)?;
    }
    let device = args.device.parse::<DeviceChoice>()?.open()?;
    // Before an hour of training, not after it.
    let every = Duration::from_secs_f64(args.checkpoint_interval);
    let mut checkpoints = Checkpoints::open(&args.output, every, args.resume)?;
    let dataset = Dataset::read_h5ad_with(&args.file, &read_options(&config)?)?;
    for note in dataset.notes() {
        reporter.note(note);
    }
    write_down_guesses(&mut config, &dataset);
    if args.resume && !checkpoints.is_resumed() {
        if Checkpoints::is_finished(&args.output, &config, &args.file)? {
            reporter.note("this fit is finished already; without --resume it is done again");
            return Ok(());
        }
        reporter.note("there is no unfinished fit to resume; a new one begins");
    }
    let model = config
        .fit_resumable(&dataset, &device, reporter, &mut checkpoints)
        .map_err(|error| in_file(&args.file, error))?;
    checkpoints.finish(&model)?;
    let (seen, held_out) = (model.seen().len() - 1, model.split().test.len());
    writeln!(
        std::io::stdout(),
        "{}: {} of {} genes, {} training cells, {seen} perturbations seen, {held_out} held out",
        args.output.display(),
        model.genes().len(),
        dataset.population().n_genes(),
        model.provenance().n_training_cells,
    )?;
    Ok(())
}

/// What was guessed is kept as if it had been given, so that evaluation reads the same.
pub fn write_down_guesses(config: &mut FitConfig, dataset: &Dataset) {
    let format = dataset.format();
    config.perturbation_key = Some(dataset.perturbation_key().to_owned());
    config.control = Some(format.control.clone());
    config.separator = Some(format.separator);
    config.label_kind = Some(format.kind);
    config.guide_suffix = Some(format.guide_suffix);
    let key = |role| {
        let covariates = dataset.population().covariates();
        let column = covariates.iter().find(|covariate| covariate.role == role);
        Some(column.map_or("none", |covariate| &covariate.name).to_owned())
    };
    config.cell_type_key = key(CovariateRole::CellType);
    config.batch_key = key(CovariateRole::Batch);
    config.dose_key = key(CovariateRole::Dose);
}

/// How the configuration reads a cell file.
pub fn read_options(config: &FitConfig) -> anyhow::Result<ReadOptions> {
    Ok(ReadOptions {
        perturbation_key: config.perturbation_key.clone(),
        control: config.control.clone(),
        separator: config.separator,
        label_kind: config.label_kind,
        guide_suffix: config.guide_suffix,
        layer: config.layer.clone(),
        cell_type_key: config.cell_type_key.clone(),
        batch_key: config.batch_key.clone(),
        dose_key: config.dose_key.clone(),
        filters: config.filter.iter().map(|f| f.parse::<Filter>()).collect::<Result<_, _>>()?,
        ..ReadOptions::default()
    })
}

/// Flags that say which columns mean what win over the configuration.
pub fn apply_data_flags(config: &mut FitConfig, data: &DataArgs) -> anyhow::Result<()> {
    let set = |field: &mut Option<String>, flag: &Option<String>| {
        if flag.is_some() {
            field.clone_from(flag);
        }
    };
    set(&mut config.perturbation_key, &data.perturbation_key);
    set(&mut config.control, &data.control);
    set(&mut config.layer, &data.layer);
    set(&mut config.cell_type_key, &data.cell_type_key);
    set(&mut config.batch_key, &data.batch_key);
    set(&mut config.dose_key, &data.dose_key);
    if !data.filter.is_empty() {
        config.filter.clone_from(&data.filter);
    }
    config.separator = data.separator.or(config.separator);
    set_optional(&mut config.label_kind, "--label-kind", &data.label_kind)?;
    set_optional(&mut config.guide_suffix, "--guide-suffix", &data.guide_suffix)
}

fn apply_flags(config: &mut FitConfig, args: &FitArgs) -> anyhow::Result<()> {
    apply_data_flags(config, &args.data)?;
    args.features.apply(config);
    if args.smiles.is_some() {
        config.smiles.clone_from(&args.smiles);
    }
    if args.reference.is_some() {
        config.reference.clone_from(&args.reference);
    }
    if args.hold_out.is_some() {
        config.hold_out.clone_from(&args.hold_out);
        config.split = None;
    }
    if args.split.is_some() {
        config.split.clone_from(&args.split);
        config.hold_out = None;
    }
    set_named(&mut config.encoder, "--encoder", &args.encoder)?;
    set_named(&mut config.unknown_gene, "--unknown-gene", &args.unknown_gene)?;
    set_named(&mut config.rare, "--rare", &args.rare)?;
    set_named(&mut config.likelihood, "--likelihood", &args.likelihood)?;
    set_named(&mut config.prior_form, "--prior-form", &args.prior_form)?;
    set_named(&mut config.gene_anchor, "--gene-anchor", &args.gene_anchor)?;
    config.control_split = args.control_split.unwrap_or(config.control_split);
    config.n_top_genes = args.n_top_genes.unwrap_or(config.n_top_genes);
    config.seed = args.seed.unwrap_or(config.seed);
    Ok(())
}

/// Sets a field whose values have the same names on the command line and in a run file.
pub fn set_named<T: DeserializeOwned>(
    field: &mut T,
    flag: &str,
    value: &Option<String>,
) -> anyhow::Result<()> {
    if let Some(value) = value {
        *field = T::deserialize(StrDeserializer::<ValueError>::new(value))
            .map_err(|e| anyhow::anyhow!("{flag}: {e}"))?;
    }
    Ok(())
}

/// The same for a field that is guessed when nothing is given.
fn set_optional<T: DeserializeOwned + Default>(
    field: &mut Option<T>,
    flag: &str,
    value: &Option<String>,
) -> anyhow::Result<()> {
    if value.is_some() {
        set_named(field.get_or_insert_default(), flag, value)?;
    }
    Ok(())
}
