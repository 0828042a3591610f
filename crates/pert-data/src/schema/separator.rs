//! What joins the parts of a combination.

use std::collections::HashSet;

use super::guides::stems_of;
use super::names::control_rank;
use pert_core::without_guide_suffix;

/// Marks that join parts, the usual one first.
const SEPARATORS: [char; 7] = ['+', '/', '|', ';', '&', ',', '_'];

/// So many labels must fall into known parts where the mark is one that names are written with.
const CLEAR: usize = 2;
/// With `_`, partners of control are known as genes only where this share of the labels is joined.
const MOST: f64 = 0.8;

/// What joins the parts of labels, with an example of a label it joins; `+` without one where no label is joined.
///
/// A label counts when each of its parts is known: as a label or a gene of the file, as a control spelling, or by standing
/// beside control (`A/ctrl`).
pub(crate) fn guess_separator(
    labels: &[String],
    control: Option<&str>,
    genes: &HashSet<&str>,
) -> (char, Option<String>) {
    let whole: HashSet<&str> = labels.iter().map(|label| label.trim()).collect();
    let stems = stems_of(labels);
    let is_control = |part: &str| Some(part) == control || control_rank(part).is_some();
    let joined_by = |separator: char| -> Vec<&str> {
        let parts = |label: &'_ str| -> Vec<String> {
            label.split(separator).map(|part| part.trim().to_owned()).collect()
        };
        let mut partners: HashSet<String> = HashSet::new();
        for label in labels.iter().filter(|label| label.contains(separator)) {
            let parts = parts(label);
            if parts.iter().any(|part| is_control(part)) {
                partners.extend(parts.into_iter().filter(|part| is_name(part)));
            }
        }
        let known = |part: &str, partners: &HashSet<String>| {
            let stem = without_guide_suffix(part);
            is_control(part)
                || is_control(stem)
                || whole.contains(part)
                || genes.contains(part)
                || partners.contains(part)
                || (stem != part && (stems.contains_key(stem) || genes.contains(stem)))
        };
        let joined = |partners: &HashSet<String>| -> Vec<&str> {
            labels
                .iter()
                .map(String::as_str)
                .filter(|label| label.contains(separator))
                .filter(|label| {
                    parts(label).iter().all(|part| !part.is_empty() && known(part, partners))
                })
                .collect()
        };
        let with_partners = joined(&partners);
        let n_perturbed = labels.iter().filter(|label| !is_control(label.trim())).count();
        if separator == '_' && (with_partners.len() as f64) < MOST * n_perturbed as f64 {
            return joined(&HashSet::new());
        }
        with_partners
    };
    let mut best: Option<(char, Vec<&str>)> = None;
    for separator in SEPARATORS {
        let joined = joined_by(separator);
        let needed = if separator == '_' { CLEAR } else { 1 };
        let more = best.as_ref().is_none_or(|(_, best)| joined.len() > best.len());
        if joined.len() >= needed && more {
            let usual = separator == '+';
            best = Some((separator, joined));
            if usual {
                break;
            }
        }
    }
    match best {
        Some((separator, joined)) => (separator, Some(joined[0].to_owned())),
        None => ('+', labels.iter().find(|label| label.contains('+')).cloned()),
    }
}

/// Words that number something rather than name it.
const COUNTERS: [&str; 15] = [
    "",
    "g",
    "sg",
    "grna",
    "sgrna",
    "guide",
    "rep",
    "replicate",
    "r",
    "batch",
    "lane",
    "day",
    "d",
    "well",
    "h",
];

fn is_name(part: &str) -> bool {
    let word = part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_lowercase();
    !COUNTERS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::names::labels;

    fn guess(words: &[&str]) -> char {
        guess_separator(&labels(words), None, &HashSet::new()).0
    }

    #[test]
    fn every_usual_separator_is_seen() {
        assert_eq!(guess(&["A", "B", "C", "A_B", "B_C"]), '_');
        assert_eq!(guess(&["A", "B", "A+B", "A_B", "B_A"]), '+');
        for separator in ['/', '|', ';', '&', ','] {
            let pair = format!("AA{separator}BB");
            assert_eq!(guess(&["AA", "BB", &pair, "ctrl"]), separator);
        }
    }

    #[test]
    fn singles_written_only_beside_control_are_seen() {
        for separator in ['+', '/', '|', ';', ',', '_'] {
            let written = |a: &str, b: &str| format!("{a}{separator}{b}");
            let labels = [
                written("KLF1", "ctrl"),
                written("ctrl", "MAP2K6"),
                written("KLF1", "MAP2K6"),
                "ctrl".to_owned(),
            ];
            assert_eq!(guess_separator(&labels, None, &HashSet::new()).0, separator);
        }
    }

    #[test]
    fn names_are_not_split() {
        for words in [
            &["A", "HLA_B", "C_2"][..],
            &["NT_1", "NT_2", "KLF1_1", "KLF1_2"],
            &["ctrl_rep1", "ctrl_rep2", "stim_rep1", "stim_rep2"],
            &["KRAS_G12D", "KRAS_G12V", "WT"],
            &["NKX2-1", "HLA-A", "RP11-34P13.7", "control"],
            &["Vehicle", "Cerdulatinib (PRT062070, PRT2070)", "X/Y"],
            &[],
        ] {
            assert_eq!(guess(words), '+', "{words:?}");
        }
    }

    #[test]
    fn genes_of_the_file_are_known_parts() {
        let genes = HashSet::from(["KLF1", "ATF4", "MAP2K6"]);
        let words = labels(&["KLF1_ATF4", "ATF4_MAP2K6", "control"]);
        assert_eq!(guess_separator(&words, None, &genes).0, '_');
    }

    #[test]
    fn guides_of_known_genes_are_known_parts() {
        let words = labels(&["KLF1_sg1", "ATF4_sg1", "KLF1_sg2|ATF4_sg1", "NT_sg1|KLF1_sg1"]);
        assert_eq!(guess_separator(&words, None, &HashSet::new()).0, '|');
    }
}
