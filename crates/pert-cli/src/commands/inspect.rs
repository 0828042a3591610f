//! `pert inspect`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use pert_prior::data::{Encodable, Inspection, ReadOptions, inspect};
use pert_prior::pipeline::{
    DeviceChoice, EncodeConfig, EncodeRequest, EncoderKind, FitConfig, PerturbationEncoder,
};

use super::fit::{apply_data_flags, read_options};
use crate::args::{FeatureArgs, InspectArgs};

pub fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let mut keys = FitConfig::default();
    apply_data_flags(&mut keys, &args.data)?;
    let options = read_options(&keys)?;
    let mut found = inspect(&args.file, &options)?;
    if let Some(encodable) = encodable(args, &found, &options)? {
        found = found.with_encodable(encodable, &options);
    }
    let text =
        if args.json { serde_json::to_string_pretty(&found)? + "\n" } else { found.to_string() };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// Asks the encoder whose table, structures or sequences are given.
fn encodable(
    args: &InspectArgs,
    found: &Inspection,
    options: &ReadOptions,
) -> anyhow::Result<Option<Encodable>> {
    let FeatureArgs { features, gaf, obo, aliases } = &args.features;
    let (encoder, name, flag, source, hold_out): (_, _, _, PathBuf, _) =
        match (features.clone(), gaf.clone(), args.smiles.clone(), args.reference.clone()) {
            (Some(features), ..) => {
                (EncoderKind::GeneSet, "gene-set", "--features", features.into(), None)
            }
            (_, Some(path), ..) => (EncoderKind::GeneSet, "gene-set", "--gaf", path, None),
            (.., Some(path), _) => {
                (EncoderKind::Smiles, "smiles", "--smiles", path, Some("scaffold:0.2"))
            }
            (.., Some(path)) => {
                (EncoderKind::Protein, "protein", "--reference", path, Some("position:0.2"))
            }
            _ if obo.is_some() || aliases.is_some() => {
                bail!("--obo goes with --gaf, --aliases with --features, --gaf or --reference")
            }
            _ => return Ok(None),
        };
    let beside = [("--obo", obo), ("--aliases", aliases)];
    let beside = beside.into_iter().filter_map(|(flag, path)| Some((flag, path.clone()?)));
    let mend = (encoder == EncoderKind::GeneSet).then_some(("--unknown-gene", "mean"));
    let mut config = EncodeConfig::new(encoder);
    config.format.separator = found.separator;
    config.format.guide_suffix = found.guide_suffix;
    if let Some(control) = &found.control {
        config.format.control.clone_from(control);
    }
    config.features = features.clone().map(|features| features.in_cells(&args.file));
    config.gaf.clone_from(gaf);
    config.obo.clone_from(obo);
    config.aliases.clone_from(aliases);
    if features.as_ref().is_some_and(|features| features.file().is_none()) {
        config.cells = options.clone();
    }
    config.smiles.clone_from(&args.smiles);
    config.reference.clone_from(&args.reference);
    let encoder = PerturbationEncoder::open(&config, &DeviceChoice::Auto.open()?)?;
    let requests: Vec<EncodeRequest> = found.to_encode().map(EncodeRequest::of).collect();
    let refused = encoder.check(&requests).into_iter().map(|r| (r.label, r.reason)).collect();
    let (encoder, n) = (name.to_owned(), requests.len());
    let beside = beside.collect();
    Ok(Some(Encodable { encoder, flag, source, beside, hold_out, n, refused, mend }))
}
