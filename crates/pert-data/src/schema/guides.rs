//! Whether the labels of a screen end in numbers of guides.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pert_core::without_guide_suffix;

use super::names::control_rank;

/// Share of the parts that must end in a number.
const MOST: f64 = 0.8;
/// So many stems must stand with two numbers or more.
const CLEAR: usize = 2;
/// Guides of a gene are counted up to here.
const MOST_GUIDES: u64 = 50;

/// The suffixes of the parts of labels.
#[derive(Debug, PartialEq)]
pub(crate) enum Suffixes {
    /// Most parts end in the number of a guide, and genes repeat; with an example.
    Guides(String),
    /// Most parts end in a number, and stems repeat, but the numbers are not counted: doses.
    Numbers(String),
    /// Neither.
    None,
}

/// Looks at the parts of labels; those that read as control are not counted.
pub(crate) fn suffixes<'a>(parts: impl Iterator<Item = &'a str>) -> Suffixes {
    let parts: BTreeSet<&str> = parts.collect();
    let mut stems: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let (mut n_parts, mut n_suffixed) = (0usize, 0usize);
    let mut numbers: BTreeSet<u64> = BTreeSet::new();
    let mut all_bare = true;
    for part in parts {
        let stem = without_guide_suffix(part);
        let stem = if stem == part { number_suffix(part).unwrap_or(part) } else { stem };
        if control_rank(stem).is_some() {
            continue;
        }
        n_parts += 1;
        if stem == part {
            continue;
        }
        n_suffixed += 1;
        stems.entry(stem).or_default().push(part);
        match part[stem.len()..].strip_prefix('_').map(|number| number.parse::<u64>()) {
            Some(Ok(number)) => {
                numbers.insert(number);
            }
            // `_0.1` is no guide; `_sg1` is one beyond doubt.
            Some(Err(_)) if part[stem.len() + 1..].parse::<f64>().is_ok() => {
                numbers.insert(u64::MAX);
            }
            _ => all_bare = false,
        }
    }
    let repeated: Vec<&Vec<&str>> = stems.values().filter(|parts| parts.len() > 1).collect();
    let most = n_parts > 0 && n_suffixed as f64 >= MOST * n_parts as f64;
    // Genes with one guide each are left alone: there is nothing to join.
    if !most || repeated.len() < CLEAR || 2 * repeated.len() < stems.len() {
        return Suffixes::None;
    }
    let example = repeated[0].iter().take(2).copied().collect::<Vec<_>>().join(", ");
    let counted = numbers.first().is_none_or(|first| {
        let last = *numbers.last().expect("a set with a first number has a last one");
        *first <= 1 && last <= MOST_GUIDES && last - first + 1 == numbers.len() as u64
    });
    match (counted, all_bare) {
        (true, _) => Suffixes::Guides(example),
        (false, true) => Suffixes::Numbers(example),
        (false, false) => Suffixes::None,
    }
}

/// The stem of `NAME_NUMBER`, where the number may have a fraction.
fn number_suffix(part: &str) -> Option<&str> {
    let (stem, number) = part.rsplit_once('_')?;
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    (!stem.is_empty() && number.starts_with(|c: char| c.is_ascii_digit()))
        .then_some(stem)
        .filter(|_| number.chars().all(digits))
}

/// Labels by the gene their guides share, for tests of a separator.
pub(crate) fn stems_of(labels: &[String]) -> HashMap<&str, usize> {
    let mut stems = HashMap::new();
    for label in labels {
        *stems.entry(without_guide_suffix(label)).or_insert(0) += 1;
    }
    stems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(parts: &[&str]) -> Suffixes {
        suffixes(parts.iter().copied())
    }

    #[test]
    fn guides_are_numbered_without_a_gap_and_genes_repeat() {
        for parts in [
            ["KLF1_sg1", "KLF1_sg2", "MAP2K6_sg1", "MAP2K6_sg2", "NT"],
            ["KLF1_1", "KLF1_2", "MAP2K6_1", "MAP2K6_2", "non-targeting"],
            ["STAT1g1", "STAT1g2", "IRF1g1", "IRF1g2", "NTg1"],
            ["KLF1-g1", "KLF1-g3", "MAP2K6-g1", "MAP2K6-g2", "ctrl"],
        ] {
            assert!(matches!(found(&parts), Suffixes::Guides(_)), "{parts:?}");
        }
    }

    #[test]
    fn numbers_that_are_not_counted_are_doses() {
        for parts in [
            ["A_10", "A_100", "B_10", "B_100", "DMSO"],
            ["A_0.1", "A_1.0", "B_0.1", "B_1.0", "control"],
        ] {
            assert!(matches!(found(&parts), Suffixes::Numbers(_)), "{parts:?}");
        }
    }

    #[test]
    fn names_that_happen_to_end_in_numbers_are_neither() {
        for parts in [
            &["KLF1", "KLF2", "MAP2K6", "NKX2-1"][..],
            &["STAT1g1", "IRF1g1", "JAK2g1"],
            &["KRAS_G12D", "KRAS_G12V", "TP53_R175H"],
            &["KLF1_MAP2K6", "KLF1_TGFBR2", "MAP2K6_TGFBR2"],
            &["rep_1", "rep_2", "rep_3"],
            &[],
        ] {
            assert_eq!(found(parts), Suffixes::None, "{parts:?}");
        }
    }
}
