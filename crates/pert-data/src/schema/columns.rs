//! Which column holds the perturbations.

use std::collections::HashSet;

use pert_core::{LabelKind, Perturbation};

use super::format::FormatGuess;
use super::names::{N_PERTURBATION_NAMES, guess_role, perturbation_rank};
use crate::h5ad::{Column, Container, Frame};
use crate::labels::Labels;
use crate::{Error, ReadOptions};

/// A column that may hold the perturbations.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct ColumnCandidate {
    /// The column of obs.
    pub column: String,
    /// The larger the likelier; of no meaning by itself.
    pub score: i32,
    /// Number of labels that occur.
    pub n_labels: usize,
    /// What speaks for it, and against.
    pub reasons: Vec<String>,
}

// What the signs weigh. A control label outweighs any name: a column without one cannot be fitted. What the labels look
// like decides between columns with one; of two usual names the likelier wins.
const HOLDS_CONTROL: i32 = 45;
const USUAL_NAME: i32 = 40;
const LOOKS_RIGHT: i32 = 20;
const PLAUSIBLE_NUMBER: i32 = 10;
const ONE_LABEL: i32 = -15;
const OTHER_ROLE: i32 = -30;
const NAMES_CELLS: i32 = -60;

/// Cells per label on average, below which a column rather names cells than what was done to them.
const CELLS_PER_LABEL: usize = 2;
/// Share of the targets that are genes of the file, from which labels look like genes.
const GENES: f64 = 0.5;

/// Columns that may hold perturbations, the likeliest first; a column that is given comes before all.
///
/// # Errors
/// When the column given does not exist, when the likely ones cannot be read, or when there is no column at all.
pub(crate) fn ranked(
    container: &Container,
    obs: &Frame<'_>,
    genes: &HashSet<&str>,
    options: &ReadOptions,
) -> Result<Vec<ColumnCandidate>, Error> {
    let given = options.perturbation_key.as_deref();
    if let Some(key) = given {
        obs.column(key)?;
    }
    let (mut found, mut unreadable) = (Vec::new(), None);
    for (position, name) in obs.columns().iter().enumerate() {
        let rank = perturbation_rank(name);
        let column = match obs.column(name) {
            Ok(column) => column,
            Err(error) => {
                // The reason matters only if the column would have been the one, and no other is.
                if rank.is_some() {
                    unreadable.get_or_insert(error);
                }
                continue;
            }
        };
        let is_given = given == Some(name);
        if !is_given && !matches!(column, Column::Labels { .. }) {
            continue;
        }
        let labels = Labels::of(column);
        if let Some(mut candidate) = judge(name, &labels, genes, options, is_given) {
            if is_given {
                candidate.reasons.insert(0, "given".into());
            }
            let order = (!is_given, -candidate.score, rank.unwrap_or(usize::MAX), position);
            found.push((order, candidate));
        }
    }
    found.sort_by_key(|(order, _)| *order);
    if found.is_empty() {
        if let Some(error) = unreadable {
            return Err(error);
        }
        if obs.columns().is_empty() {
            return Err(container.corrupt("obs", "it has no columns"));
        }
    }
    Ok(found.into_iter().map(|(_, candidate)| candidate).collect())
}

/// Weighs what speaks for a column; `None` when nothing does.
fn judge(
    name: &str,
    labels: &Labels,
    genes: &HashSet<&str>,
    options: &ReadOptions,
    is_given: bool,
) -> Option<ColumnCandidate> {
    let used = labels.used();
    let (n_labels, n_cells) = (used.len(), labels.codes.len());
    let rank = perturbation_rank(name);
    let names_cells = n_labels > 1 && n_labels * CELLS_PER_LABEL > n_cells;
    if names_cells && rank.is_none() && !is_given {
        return None;
    }
    let (mut score, mut reasons) = (0, Vec::new());
    let mut add = |weight: i32, reason: String| {
        score += weight;
        if !reason.is_empty() {
            reasons.push(reason);
        }
    };
    if let Some(rank) = rank {
        let weight = USUAL_NAME - (USUAL_NAME / 2 * rank as i32) / N_PERTURBATION_NAMES as i32;
        add(weight, "its name is usual".into());
    }
    let guess = FormatGuess::of(&used, Some(name), genes, false, options);
    let format = guess.format();
    let read: Vec<Perturbation> =
        used.iter().filter_map(|label| Perturbation::parse(label, &format).ok()).collect();
    let holds_control = guess.control.is_some() && read.iter().any(Perturbation::is_control);
    if holds_control {
        add(HOLDS_CONTROL, format!("it holds the control label {:?}", format.control));
    }
    let targets: HashSet<&str> =
        read.iter().flat_map(|p| p.targets()).map(String::as_str).collect();
    let n_genes = targets.iter().filter(|target| genes.contains(*target)).count();
    let looks_right = match format.kind {
        LabelKind::Variants => Some("its labels are protein variants".to_owned()),
        _ if n_genes > 1 && n_genes as f64 >= GENES * targets.len() as f64 => {
            Some(format!("{n_genes} of its {} targets are genes of the file", targets.len()))
        }
        _ => None,
    };
    // A column of another name must hold a control label and something beside it, or several genes or variants.
    let speaks = holds_control && n_labels > 1 || looks_right.is_some() && targets.len() > 1;
    if rank.is_none() && !speaks && !is_given {
        return None;
    }
    if let Some(reason) = looks_right {
        add(LOOKS_RIGHT, reason);
    }
    match n_labels {
        0 | 1 => add(ONE_LABEL, format!("all its cells have {} label", n_labels)),
        _ if names_cells => {
            add(NAMES_CELLS, format!("but its {n_labels} labels are too many for {n_cells} cells"));
        }
        _ => add(PLAUSIBLE_NUMBER, format!("{n_labels} labels")),
    }
    if guess_role(name).is_some() {
        add(OTHER_ROLE, "but its name is one of a covariate".into());
    }
    Some(ColumnCandidate { column: name.to_owned(), score, n_labels, reasons })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column of 40 cells in which the labels take turns.
    fn score(name: &str, words: &[&str]) -> Option<i32> {
        let codes = (0..40).map(|cell| Some(cell % words.len() as u32)).collect();
        let levels = words.iter().map(|&word| word.to_owned()).collect();
        let labels = Labels::of(Column::Labels { levels, codes, text: false });
        let genes = HashSet::from(["KLF1", "STAT1", "IFNGR1"]);
        let candidate = judge(name, &labels, &genes, &ReadOptions::default(), false)?;
        assert!(!candidate.reasons.is_empty());
        Some(candidate.score)
    }

    /// The column a public data set calls its perturbation, before others of the same file that could be meant.
    #[test]
    fn the_column_of_public_screens_comes_first() {
        let vehicle = |words: &[&'static str]| [&["Vehicle"], words].concat();
        for (wanted, others) in [
            // Norman 2019 as GEARS has it.
            (
                ("condition", vec!["ctrl", "KLF1+ctrl", "KLF1+STAT1"]),
                vec![
                    ("condition_name", vec!["A549_ctrl_1", "A549_KLF1+ctrl_1+1"]),
                    ("cell_type", vec!["A549"]),
                    ("dose_val", vec!["1", "1+1"]),
                ],
            ),
            // Replogle 2022.
            (
                ("gene", vec!["non-targeting", "KLF1", "HLA-A"]),
                vec![
                    ("gene_id", vec!["non-targeting", "ENSG01", "ENSG02"]),
                    ("gem_group", vec!["1", "2"]),
                ],
            ),
            // Papalexi 2021 in Seurat's names.
            (
                ("gene", vec!["NT", "STAT1", "IFNGR1"]),
                vec![
                    (
                        "guide_ID",
                        vec!["NTg1", "NTg2", "STAT1g1", "STAT1g2", "IFNGR1g1", "IFNGR1g2"],
                    ),
                    ("crispr", vec!["NT", "Perturbed"]),
                    ("orig.ident", vec!["Lane1", "Lane2"]),
                    ("Phase", vec!["G1", "G2M", "S"]),
                ],
            ),
            // sci-Plex 3.
            (
                ("product_name", vehicle(&["Trametinib", "Dasatinib", "(+)-JQ1"])),
                vec![
                    ("target", vehicle(&["MEK", "BCR-ABL", "BET"])),
                    ("pathway_level_1", vehicle(&["Signalling", "Epigenetics"])),
                    ("treatment", vec!["S0000", "S2673", "S1021"]),
                    ("cell_type", vec!["A549", "K562"]),
                ],
            ),
            // Ursu 2022.
            (
                ("Variant", vec!["WT", "KRAS_G12D", "KRAS_Q61H"]),
                vec![("gene", vec!["KRAS"]), ("batch", vec!["1", "2"])],
            ),
            // Kang 2018.
            (
                ("stim", vec!["ctrl", "stim"]),
                vec![("cell", vec!["B cells", "CD14+ Monocytes"]), ("ind", vec!["101", "107"])],
            ),
        ] {
            let best = score(wanted.0, &wanted.1).unwrap();
            for (name, words) in others {
                let other = score(name, &words);
                assert!(other.is_none_or(|other| other < best), "{name}: {other:?}, {best}");
            }
        }
    }

    #[test]
    fn columns_that_name_cells_or_nothing_are_not_taken() {
        assert_eq!(score("cell_type", &["CD14+Mono", "B", "T"]), None);
        assert_eq!(score("note", &["x"]), None);
        let barcodes: Vec<String> = (0..40).map(|i| format!("BC{i}")).collect();
        let barcodes: Vec<&str> = barcodes.iter().map(String::as_str).collect();
        assert_eq!(score("barcode", &barcodes), None);
        assert!(score("perturbation", &["unknown"]).is_some());
    }
}
