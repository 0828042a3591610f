//! `pert encode`.

use std::io::Write;

use anyhow::bail;
use pert_prior::Progress;
use pert_prior::pipeline::{
    DeviceChoice, EncodeConfig, EncodeRequest, EncoderKind, NotEncoded, PerturbationEncoder,
    read_encode_requests,
};

use super::fit::set_named;
use crate::args::EncodeArgs;
use crate::output_file::check_output_file;
use crate::progress::Reporter;

/// Refused perturbations that an error names.
const NAMED: usize = 3;

pub fn run(args: &EncodeArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    check_output_file(&args.output, &["tsv", "npz"])?;
    let config = config(args)?;
    config.check()?;
    let device = args.device.parse::<DeviceChoice>()?.open()?;
    let table = args.perturbations.as_deref().map(read_encode_requests).transpose()?;
    let encoder = PerturbationEncoder::open(&config, &device)?;
    if let Some(remark) = encoder.remark() {
        reporter.note(remark);
    }
    let requests = match (table, &args.all_substitutions) {
        (Some(requests), _) => requests,
        (None, Some(protein)) => encoder.all_substitutions(protein)?,
        (None, None) => args.perturbation.iter().map(|label| EncodeRequest::of(label)).collect(),
    };
    let refused = encoder.check(&requests);
    let (n, n_refused) = (requests.len(), refused.len());
    if n_refused > 0 && (args.on_invalid == "error" || n_refused == n) {
        bail!("{}", refusal(&refused, n));
    }
    for perturbation in &refused {
        reporter.note(&format!("skipped {perturbation}"));
    }
    let requests = without(requests, &refused);
    let embeddings = encoder.encode(&requests, reporter)?;
    embeddings.write(&args.output)?;
    let skipped = match n_refused {
        0 => String::new(),
        n => format!(", {n} skipped"),
    };
    writeln!(
        std::io::stdout(),
        "{}: {} perturbations × {} numbers{skipped}",
        args.output.display(),
        embeddings.labels.len(),
        embeddings.columns.len()
    )?;
    Ok(())
}

fn config(args: &EncodeArgs) -> anyhow::Result<EncodeConfig> {
    let mut encoder = EncoderKind::Auto;
    set_named(&mut encoder, "--encoder", &Some(args.encoder.clone()))?;
    let mut config = EncodeConfig::new(encoder);
    config.format.control.clone_from(&args.control);
    let default_cache = || args.keeps_rows().then(|| args.output.with_extension("cache"));
    Ok(EncodeConfig {
        features: args.features.features.clone(),
        gaf: args.features.gaf.clone(),
        obo: args.features.obo.clone(),
        aliases: args.features.aliases.clone(),
        smiles: args.smiles.clone(),
        reference: args.reference.clone(),
        weights: args.weights.clone(),
        cache: args.cache.clone().or_else(default_cache),
        dim: usize::from(args.dim),
        ..config
    })
}

/// One message about all that cannot be encoded, the first of them named.
fn refusal(refused: &[NotEncoded], n: usize) -> String {
    if let ([only], 1) = (refused, n) {
        return only.to_string();
    }
    let mut told: Vec<String> = refused.iter().take(NAMED).map(NotEncoded::to_string).collect();
    if refused.len() > NAMED {
        told.push(format!("and {} more", refused.len() - NAMED));
    }
    if refused.len() < n {
        told.push("leave them out with --on-invalid skip".to_owned());
    }
    format!("{} of {n} perturbations cannot be encoded: {}", refused.len(), told.join("; "))
}

/// The requests without those refused, whose places rise.
fn without(requests: Vec<EncodeRequest>, refused: &[NotEncoded]) -> Vec<EncodeRequest> {
    let is_refused = |index: &usize| refused.binary_search_by_key(index, |r| r.index).is_ok();
    let kept = requests.into_iter().enumerate().filter(|(index, _)| !is_refused(index));
    kept.map(|(_, request)| request).collect()
}
