//! An inspection as one screen of text.

use std::fmt::{self, Write};

use pert_core::{CovariateRole, GuideSuffix, LabelKind};

use super::perturbed::MIN_CELLS;
use super::{CovariateSummary, Encodable, Inspection};
use crate::schema::words;

/// Columns of a screen; only names of the file and commands may be longer.
const WIDTH: usize = 100;
/// Columns of what stands before a line.
const MARGIN: usize = 17;
/// Perturbations that are listed.
const LARGEST: usize = 8;
/// Other columns that are listed.
const OTHER_COLUMNS: usize = 8;
/// Levels of a covariate that are listed.
const LEVELS: usize = 6;
/// Columns that could be meant instead, beside the one taken.
const RUNNERS_UP: usize = 2;
/// Perturbations without an encoding that are told with their reasons; all of them stand in the JSON.
const REFUSED: usize = 4;
/// Notes that are printed; all of them stand in the JSON.
const NOTES: usize = 6;

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        writeln!(f, "{file}: {} cells × {} genes", self.n_cells, self.n_genes)?;
        line(f, "counts", &self.counts_text())?;
        line(f, "perturbation", &self.column_text())?;
        let others: Vec<String> = self
            .candidates
            .iter()
            .skip(1)
            .filter(|candidate| candidate.n_labels > 1)
            .take(RUNNERS_UP)
            .map(|c| format!("{} ({})", c.column, c.reasons.join("; ")))
            .collect();
        if !others.is_empty() {
            line(f, "", &format!("also possible: {}", others.join(", ")))?;
        }
        if self.perturbation_key.is_some() {
            line(f, "control", &self.control_text())?;
            line(f, "labels", &self.labels_text())?;
            line(f, "perturbations", &self.sizes_text())?;
            if !self.largest().is_empty() {
                line(f, "", &self.largest())?;
            }
        }
        if let Some(encodable) = &self.encodable {
            line(f, "encodable", &encodable_text(encodable))?;
        }
        self.covariate_lines(f)?;
        if !self.layers.is_empty() {
            line(f, "layers", &self.layers.join(", "))?;
        }
        line(f, "dropped", &self.dropped_text())?;
        for note in self.notes.iter().take(NOTES) {
            line(f, "note", note)?;
        }
        if self.notes.len() > NOTES {
            line(f, "", &format!("{} more notes with --json", self.notes.len() - NOTES))?;
        }
        if self.count_layer.is_none() {
            return writeln!(
                f,
                "\nThere is nothing to fit: no matrix of the file holds raw counts."
            );
        }
        writeln!(f, "\nFit:\n  {}", self.suggested_command)?;
        match &self.suggested_evaluate {
            Some(evaluate) => writeln!(f, "Then judge it on what was held out:\n  {evaluate}"),
            None => Ok(()),
        }
    }
}

impl Inspection {
    fn counts_text(&self) -> String {
        match (self.counts, &self.count_layer) {
            (true, Some(layer)) => {
                let mut text = format!("raw counts in {layer} (whole numbers)");
                if let (Some(zeros), Some(library)) = (self.sparsity, self.median_library_size) {
                    let zeros = 100.0 * zeros;
                    let _ = write!(text, "; {zeros:.1}% zeros, median {library} counts per cell");
                }
                text
            }
            (_, Some(layer)) => format!("not in the matrix asked for; raw counts in {layer}"),
            (_, None) => "no raw counts found".to_owned(),
        }
    }

    fn column_text(&self) -> String {
        match self.candidates.first() {
            Some(taken) => format!("{} ({})", taken.column, taken.reasons.join("; ")),
            None => "no likely column found".to_owned(),
        }
    }

    fn control_text(&self) -> String {
        let n_cells = self.perturbation_summary.n_control_cells;
        match (&self.control, self.control_to_use(), self.reasons.get("control")) {
            (Some(control), _, Some(reason)) => format!("{control} ({reason}): {n_cells} cells"),
            (Some(control), _, None) => format!("{control}: {n_cells} cells"),
            (None, Some(only), _) => format!("no usual label; {only:?} is the only one"),
            (None, None, _) => "no usual label found".to_owned(),
        }
    }

    fn labels_text(&self) -> String {
        let because = |key: &str| match self.reasons.get(key) {
            Some(reason) => format!(" ({reason})"),
            None => String::new(),
        };
        let s = &self.perturbation_summary;
        let mut text = match self.label_kind {
            LabelKind::Genes => match (s.n_targets, s.n_targets_in_file) {
                (0, _) => "no names but control".to_owned(),
                (_, 0) => "names, none of them a gene of the file".to_owned(),
                (n, known) => format!("genes ({known} of {n} in the gene list of the file)"),
            },
            LabelKind::Variants => format!("protein variants{}", because("label_kind")),
            LabelKind::Drugs => {
                let doses = match s.n_dosed {
                    0 => String::new(),
                    n => format!("; {n} at more than one dose"),
                };
                format!("drugs{}{doses}", because("label_kind"))
            }
        };
        if self.guide_suffix == GuideSuffix::Strip {
            let _ = write!(text, "; guide numbers are taken off{}", because("guide_suffix"));
        }
        let joined =
            self.perturbation_summary.n_perturbations > self.perturbation_summary.n_singles;
        if joined || self.reasons.contains_key("separator") {
            let _ = write!(text, "; joined by {:?}{}", self.separator, because("separator"));
        }
        text
    }

    fn sizes_text(&self) -> String {
        let s = &self.perturbation_summary;
        let (Some(median), Some(smallest), Some(largest)) = (s.median_cells, s.smallest, s.largest)
        else {
            return "none".to_owned();
        };
        let more = s.n_perturbations - s.n_singles - s.n_pairs;
        let mut kinds = format!("{} single", s.n_singles);
        if s.n_pairs > 0 {
            let _ = write!(
                kinds,
                ", {} pairs ({} with both seen alone)",
                s.n_pairs, s.n_pairs_seen_alone
            );
        }
        if more > 0 {
            let _ = write!(kinds, ", {more} larger");
        }
        if smallest == largest {
            return format!("{}: {kinds}; {smallest} cells each", s.n_perturbations);
        }
        format!(
            "{}: {kinds}; {smallest} to {largest} cells each, median {median}",
            s.n_perturbations
        )
    }

    /// The perturbations with most cells.
    fn largest(&self) -> String {
        let control = self.control_to_use();
        let mut by_size: Vec<(&String, &usize)> = self
            .perturbations
            .iter()
            .filter(|(label, _)| Some(label.as_str()) != control)
            .collect();
        by_size.sort_by_key(|(label, n)| (std::cmp::Reverse(**n), label.as_str()));
        let listed: Vec<String> =
            by_size.iter().take(LARGEST).map(|(label, n)| format!("{label} {n}")).collect();
        let more = by_size.len().saturating_sub(LARGEST);
        let tail = if more > 0 { format!(", {more} more") } else { String::new() };
        listed.join(", ") + &tail
    }

    fn covariate_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for role in [CovariateRole::CellType, CovariateRole::Batch, CovariateRole::Dose] {
            let used = self.covariates.iter().find(|c| c.used && c.role == Some(role));
            let text = match used {
                Some(covariate) => described(covariate),
                None => "none".to_owned(),
            };
            line(f, words(role), &text)?;
        }
        let others: Vec<String> = self
            .covariates
            .iter()
            .filter(|c| !c.used)
            .map(|c| match (c.n_levels, c.range) {
                (Some(1), _) => format!("{} ({})", c.name, c.levels.join("")),
                (Some(n), _) => format!("{} ({n} levels)", c.name),
                (None, Some(range)) => format!("{} ({})", c.name, range_text(range)),
                (None, None) => c.name.clone(),
            })
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        let more = others.len().saturating_sub(OTHER_COLUMNS);
        let tail = if more > 0 { format!(", {more} more") } else { String::new() };
        line(f, "other columns", &(others[..others.len() - more].join(", ") + &tail))
    }

    fn dropped_text(&self) -> String {
        let mut dropped: Vec<String> = self
            .dropped
            .iter()
            .filter(|dropped| dropped.n_cells > 0)
            .map(|dropped| format!("{} {}", dropped.n_cells, dropped.what))
            .collect();
        let rare = &self.perturbation_summary.rare;
        if !rare.is_empty() {
            let shown = rare.iter().take(LEVELS).map(String::as_str).collect::<Vec<_>>().join(", ");
            let tail = if rare.len() > LEVELS { ", …" } else { "" };
            dropped.push(format!(
                "perturbations of fewer than {MIN_CELLS} cells ({}: {shown}{tail}), which fit refuses \
                 without --rare drop",
                rare.len()
            ));
        }
        if dropped.is_empty() { "nothing".to_owned() } else { dropped.join("; ") }
    }
}

fn described(covariate: &CovariateSummary) -> String {
    let missing = match covariate.n_missing {
        0 => String::new(),
        n => format!("; {n} cells without one"),
    };
    let values = match (covariate.n_levels, covariate.range) {
        (Some(n), _) => {
            let shown = covariate.levels[..covariate.levels.len().min(LEVELS)].join(", ");
            format!("{n} levels ({shown}{})", if n > LEVELS { ", …" } else { "" })
        }
        (None, Some(range)) => range_text(range),
        (None, None) => covariate.kind.to_owned(),
    };
    format!("{}: {values}{missing}", covariate.name)
}

fn encodable_text(encodable: &Encodable) -> String {
    let Encodable { encoder, source, n, refused, .. } = encodable;
    let mut text = format!("{} of {n} by {encoder} and {}", n - refused.len(), source.display());
    for (i, (label, reason)) in refused.iter().take(REFUSED).enumerate() {
        let _ = write!(text, "{} {label}: {reason}", if i == 0 { "; not" } else { ";" });
    }
    if refused.len() > REFUSED {
        let _ = write!(text, "; {} more with --json", refused.len() - REFUSED);
    }
    if let Some((flag, value)) = encodable.mend_needed() {
        let _ = write!(text, "; `pert fit {flag} {value}` takes them as average ones");
    }
    text
}

/// Two numbers, those with a fraction in four digits.
fn range_text((low, high): (f64, f64)) -> String {
    const DIGITS: i32 = 4;
    let short = |value: f64| {
        if value.fract() == 0.0 || !value.is_finite() {
            return format!("{value}");
        }
        let before = value.abs().log10().floor() as i32 + 1;
        let shown = format!("{value:.*}", (DIGITS - before).clamp(0, 9) as usize);
        match shown.contains('.') {
            true => shown.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => shown,
        }
    };
    format!("{} to {}", short(low), short(high))
}

/// Writes a line with what it is about before it, broken between words where it is too long.
fn line(f: &mut fmt::Formatter<'_>, about: &str, text: &str) -> fmt::Result {
    write!(f, "  {about:<width$}", width = MARGIN - 2)?;
    let mut column = MARGIN;
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > WIDTH {
            write!(f, "\n{:MARGIN$}", "")?;
            column = MARGIN;
        } else if index > 0 {
            f.write_char(' ')?;
            column += 1;
        }
        f.write_str(word)?;
        column += length;
    }
    f.write_char('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_short() {
        assert_eq!(range_text((0.16129031777381897, 1.0)), "0.1613 to 1");
        assert_eq!(range_text((-3.0, 71649.0)), "-3 to 71649");
        assert_eq!(range_text((0.000123456, 12345.678)), "0.0001235 to 12346");
        assert_eq!(range_text((1e-30, f64::INFINITY)), "0 to inf");
    }
}
