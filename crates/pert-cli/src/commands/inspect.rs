//! `pert inspect`.

use std::io::Write;
use std::path::Path;

use pert_prior::data::{Encodable, Inspection, inspect};
use pert_prior::pipeline::{
    DeviceChoice, EncodeConfig, EncodeRequest, EncoderKind, FitConfig, PerturbationEncoder,
};

use super::fit::{apply_data_flags, read_options};
use crate::args::InspectArgs;

pub fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let mut keys = FitConfig::default();
    apply_data_flags(&mut keys, &args.data)?;
    let options = read_options(&keys)?;
    let mut found = inspect(&args.file, &options)?;
    if let Some(encodable) = encodable(args, &found)? {
        found = found.with_encodable(encodable, &options);
    }
    let text =
        if args.json { serde_json::to_string_pretty(&found)? + "\n" } else { found.to_string() };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// Asks the encoder whose table, structures or sequences are given.
fn encodable(args: &InspectArgs, found: &Inspection) -> anyhow::Result<Option<Encodable>> {
    let (encoder, name, flag, source, hold_out): (_, _, _, &Path, _) =
        match (&args.features, &args.smiles, &args.reference) {
            (Some(path), ..) => (EncoderKind::GeneSet, "gene-set", "--features", path, None),
            (_, Some(path), _) => {
                (EncoderKind::Smiles, "smiles", "--smiles", path, Some("scaffold:0.2"))
            }
            (.., Some(path)) => {
                (EncoderKind::Protein, "protein", "--reference", path, Some("position:0.2"))
            }
            _ => return Ok(None),
        };
    let mut config = EncodeConfig::new(encoder);
    config.format.separator = found.separator;
    config.format.guide_suffix = found.guide_suffix;
    if let Some(control) = &found.control {
        config.format.control.clone_from(control);
    }
    config.features.clone_from(&args.features);
    config.smiles.clone_from(&args.smiles);
    config.reference.clone_from(&args.reference);
    let encoder = PerturbationEncoder::open(&config, &DeviceChoice::Auto.open()?)?;
    let requests: Vec<EncodeRequest> = found.to_encode().map(EncodeRequest::of).collect();
    let refused = encoder.check(&requests).into_iter().map(|r| (r.label, r.reason)).collect();
    let (encoder, source, n) = (name.to_owned(), source.to_owned(), requests.len());
    Ok(Some(Encodable { encoder, flag, source, hold_out, n, refused }))
}
