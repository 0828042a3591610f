//! `pert inspect`.

use std::io::Write;

use pert_prior::data::inspect;
use pert_prior::pipeline::FitConfig;

use super::fit::{apply_data_flags, read_options};
use crate::args::InspectArgs;

pub fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let mut keys = FitConfig::default();
    apply_data_flags(&mut keys, &args.data)?;
    let found = inspect(&args.file, &read_options(&keys)?)?;
    let text =
        if args.json { serde_json::to_string_pretty(&found)? + "\n" } else { found.to_string() };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
