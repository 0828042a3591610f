//! `pert inspect`.

use std::io::Write;

use pert_prior::data::{Inspection, ReadOptions, inspect};

use crate::args::InspectArgs;

/// Most frequent perturbations shown on a screen.
const SHOWN: usize = 10;

pub fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let found = inspect(&args.file, &ReadOptions::default())?;
    let text = if args.json {
        serde_json::to_string_pretty(&found)? + "\n"
    } else {
        summary(&args.file.display().to_string(), &found)
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn summary(file: &str, found: &Inspection) -> String {
    let mut lines = vec![format!("{file}: {} cells × {} genes", found.n_cells, found.n_genes)];
    let mut line = |name: &str, value: String| lines.push(format!("  {name:<14}{value}"));
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none found".into());
    line("raw counts", or_none(&found.count_layer));
    if let (Some(zeros), Some(library)) = (found.sparsity, found.median_library_size) {
        line("sparsity", format!("{:.1}% zeros, median {library} counts per cell", 100.0 * zeros));
    }
    line("perturbation", or_none(&found.perturbation_key));
    line("control", or_none(&found.control));
    let mut by_size: Vec<(&String, &usize)> = found.perturbations.iter().collect();
    by_size.sort_by_key(|(label, n)| (std::cmp::Reverse(**n), label.as_str()));
    for (label, n) in by_size.iter().take(SHOWN) {
        line("", format!("{n:>7}  {label}"));
    }
    if by_size.len() > SHOWN {
        line("", format!("         … and {} more", by_size.len() - SHOWN));
    }
    for covariate in &found.covariates {
        let role = covariate
            .role
            .map_or(String::new(), |role| format!(", looks like a {role:?}").to_lowercase());
        let values = match (covariate.n_levels, covariate.range) {
            (Some(n), _) => format!("{n} levels"),
            (None, Some((low, high))) => format!("{low} to {high}"),
            (None, None) => String::new(),
        };
        line("column", format!("{} ({}, {values}{role})", covariate.name, covariate.kind));
    }
    if !found.layers.is_empty() {
        line("layers", found.layers.join(", "));
    }
    for note in &found.notes {
        line("note", note.clone());
    }
    line("next", found.suggested_command.clone());
    lines.join("\n") + "\n"
}
