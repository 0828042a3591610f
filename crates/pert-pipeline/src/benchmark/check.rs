//! What can be wrong with a protocol, told with the line.

use std::collections::HashSet;

use pert_core::HoldOut;

use super::protocol::{BASELINES, ProtocolFile, REFERENCE};

/// The only version of the format so far.
const FORMAT: u32 = 1;

/// Everything that can be said about the file alone; messages begin with the line where it is known.
pub(super) fn check(file: &ProtocolFile, text: &str) -> Result<(), String> {
    let at = |value: &str, message: String| Err(located(text, value, &message));
    let header = &file.protocol;
    if header.format != FORMAT {
        let message = format!("has format {}, this version reads {FORMAT}", header.format);
        return at("format", message);
    }
    check_name(&header.name).or_else(|reason| at(&header.name, reason))?;
    if header.seeds.is_empty() {
        return at("seeds", "seeds: name at least one".to_owned());
    }
    if file.dataset.is_empty() {
        return Err("it names no data set; add a [[dataset]] with name and path".to_owned());
    }
    if file.evaluation.cells < 2 {
        return at("cells", "[evaluation] cells: must be ≥ 2".to_owned());
    }
    unique(header.seeds.iter()).or_else(|seed| at("seeds", format!("seed {seed} stands twice")))?;
    let names = || file.dataset.iter().map(|d| &d.name);
    let models = || file.model.iter().map(|m| &m.name);
    for name in names().chain(models()) {
        check_name(name).or_else(|reason| at(name, reason))?;
    }
    if let Some(name) = models().find(|name| ["model", BASELINES].contains(&name.as_str())) {
        return at(name, format!("a model cannot be called {name:?}; choose another name"));
    }
    for twice in [unique(names()), unique(models())] {
        twice.or_else(|name| at(name, format!("the name {name:?} stands twice")))?;
    }
    for dataset in &file.dataset {
        let splits = dataset.splits.as_ref().unwrap_or(&header.splits);
        if splits.is_empty() {
            let message = format!("data set {:?} has no splits", dataset.name);
            return at(&dataset.name, message + "; give them there or under [protocol]");
        }
        for split in splits {
            if split == REFERENCE {
                if dataset.reference.is_none() {
                    let message = format!("data set {:?} has no reference table", dataset.name);
                    return at(split, message + " to take held-out labels from");
                }
            } else if let Err(error) = split.parse::<HoldOut>() {
                let message = error.to_string();
                return at(
                    split,
                    format!("{message}; {REFERENCE:?}: the labels of the reference table"),
                );
            }
        }
        unique(splits.iter())
            .or_else(|split| at(split, format!("the split {split:?} stands twice")))?;
    }
    Ok(())
}

/// The first that stands twice.
fn unique<T: std::hash::Hash + Eq + Copy>(values: impl Iterator<Item = T>) -> Result<(), T> {
    let mut seen = HashSet::new();
    for value in values {
        if !seen.insert(value) {
            return Err(value);
        }
    }
    Ok(())
}

/// Names become folders, on every system.
fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && name.chars().all(allowed) && !name.starts_with(['.', '-']) {
        return Ok(());
    }
    Err(format!(
        "{name:?} names a folder: letters, digits, '-', '_' and '.', beginning with a letter or digit"
    ))
}

/// Puts the line before a message, where the value or key stands in the text.
pub(super) fn located(text: &str, value: &str, message: &str) -> String {
    let quoted = format!("{value:?}");
    let is_key = |line: &str| {
        let (line, key) = (line.replace('_', "-"), value.replace('_', "-"));
        [" =", "="].iter().any(|sign| line.contains(&format!("{key}{sign}")))
    };
    let line = text.lines().position(|line| {
        let line = line.trim_start();
        !line.starts_with('#') && (line.contains(&quoted) || is_key(line))
    });
    match line {
        Some(line) => format!("line {}: {message}", line + 1),
        None => message.to_owned(),
    }
}
