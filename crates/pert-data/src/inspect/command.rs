//! The commands to run next.

use pert_core::{CovariateRole, GuideSuffix, LabelFormat, LabelKind};

use super::Inspection;
use super::perturbed::MIN_CELLS;
use crate::ReadOptions;
use crate::schema::flag;
use crate::shell::shell_line;

/// From so many pairs on, a share of them is held out: their genes were all seen alone.
const ENOUGH_PAIRS: usize = 8;
/// Share of those pairs held out, which leaves some to learn combinations from.
const HOLD_OUT_PAIRS: &str = "seen-2:0.3";
/// Every fifth cell of every label.
const HOLD_OUT_CELLS: &str = "cells";
/// What `--hold-out cells` takes of n cells, 1 in so many.
const CELLS_PERIOD: usize = 5;

/// Writes the commands, with a note where they would be refused; anew where they stand already.
pub(super) fn suggest(found: &mut Inspection, options: &ReadOptions) {
    let file = found.file.display().to_string();
    // A name that begins with a dash would be read as a flag.
    let file = if file.starts_with('-') { format!("./{file}") } else { file };
    let mut words: Vec<String> = ["pert", "fit", &file, "-o", "model"].map(str::to_owned).to_vec();
    let mut flag_of = |name: &str, value: &str| {
        if value.starts_with('-') {
            words.push(format!("{name}={value}"));
        } else {
            words.extend([name.to_owned(), value.to_owned()]);
        }
    };
    flag_of("--perturbation-key", found.perturbation_key.as_deref().unwrap_or("COL"));
    let control = found.control_to_use();
    flag_of("--control", control.unwrap_or("LABEL"));
    if let Some(layer) = found.count_layer.as_deref().filter(|&layer| layer != "X") {
        flag_of("--layer", layer);
    }
    if options.separator.is_some() || found.separator != LabelFormat::default().separator {
        flag_of("--separator", &found.separator.to_string());
    }
    if options.label_kind.is_some() || found.label_kind != LabelKind::default() {
        flag_of("--label-kind", &found.label_kind.to_string());
    }
    if options.guide_suffix.is_some() || found.guide_suffix != GuideSuffix::default() {
        flag_of("--guide-suffix", &found.guide_suffix.to_string());
    }
    for (role, given) in [
        (CovariateRole::CellType, &options.cell_type_key),
        (CovariateRole::Batch, &options.batch_key),
        (CovariateRole::Dose, &options.dose_key),
    ] {
        let used = found.covariates.iter().find(|c| c.used && c.role == Some(role));
        if let Some(column) = used.map(|c| c.name.as_str()).or(given.as_deref()) {
            flag_of(flag(role), column);
        }
    }
    for filter in &options.filters {
        flag_of("--filter", &filter.to_string());
    }
    let source = found.encodable.as_ref().filter(|encodable| encodable.is_of_use());
    if let Some(encodable) = source {
        flag_of(encodable.flag, &encodable.source.display().to_string());
        for (flag, path) in &encodable.beside {
            flag_of(flag, &path.display().to_string());
        }
        if let Some((flag, value)) = encodable.mend_needed() {
            flag_of(flag, value);
        }
    }
    let of_source = source.and_then(|encodable| encodable.hold_out);
    let hold_out = control.and_then(|_| of_source.or_else(|| hold_out(found)));
    if let Some(rule) = hold_out {
        flag_of("--hold-out", rule);
    }
    let (rare, note) = too_few(found, hold_out);
    if rare && control.is_some() {
        flag_of("--rare", "drop");
    }
    found.notes.extend(note.filter(|note| !found.notes.contains(note)));
    found.suggested_command = shell_line(words.iter().map(String::as_str));
    found.suggested_evaluate =
        hold_out.map(|_| shell_line(["pert", "evaluate", "model", &file, "-o", "report"]));
}

/// What to hold out, so that there is something to judge.
fn hold_out(found: &Inspection) -> Option<&'static str> {
    let summary = &found.perturbation_summary;
    if summary.n_pairs_seen_alone >= ENOUGH_PAIRS {
        Some(HOLD_OUT_PAIRS)
    } else if summary.n_perturbations > summary.rare.len() {
        Some(HOLD_OUT_CELLS)
    } else {
        None
    }
}

/// Whether a perturbation keeps too few training cells under a rule, and what to say where that leaves too little.
fn too_few(found: &Inspection, rule: Option<&str>) -> (bool, Option<String>) {
    let summary = &found.perturbation_summary;
    let (smallest, n_control) = summary.kept;
    let (left, control_left) = match rule {
        Some(HOLD_OUT_CELLS) => {
            (smallest - smallest / CELLS_PERIOD, n_control - n_control / CELLS_PERIOD)
        }
        // Half of the control cells are the reference of the evaluation.
        Some(_) => (smallest, n_control - n_control / 2),
        None => (smallest, n_control),
    };
    let note = if found.control.is_none() {
        None
    } else if control_left < MIN_CELLS {
        Some(format!(
            "{control_left} control cells would be left to learn from, and fit needs {MIN_CELLS}"
        ))
    } else if summary.n_perturbations > 0 && summary.n_perturbations == summary.rare.len() {
        Some(format!("every perturbation has fewer than {MIN_CELLS} cells"))
    } else {
        None
    };
    (left < MIN_CELLS || !summary.rare.is_empty(), note)
}
