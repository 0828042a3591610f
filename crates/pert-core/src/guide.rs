//! Numbers of guides at the end of gene names.

/// A gene without the guide number at its end: `KLF1_sg1`, `KLF1-g2`, `KLF1_gRNA3`, `KLF1_1` and `KLF1g1` are `KLF1`.
///
/// A number behind `-` or `.` belongs to the gene (`NKX2-1`, `RP11-34P13.7`), and a bare `g` or `sg` counts only behind a
/// capital or a digit. Repeated until nothing is left to take off, so that a name is never read in two ways.
///
/// ```
/// assert_eq!(pert_core::without_guide_suffix("STAT1g2"), "STAT1");
/// assert_eq!(pert_core::without_guide_suffix("NKX2-1"), "NKX2-1");
/// ```
pub fn without_guide_suffix(name: &str) -> &str {
    let mut name = name.trim();
    while let Some(stem) = stem_once(name) {
        name = stem;
    }
    name
}

/// Words for "guide", lower case, the longer first: `sgrna` must not be read as `grna`.
const GUIDE_WORDS: [&str; 5] = ["sgrna", "guide", "grna", "sg", "g"];

fn stem_once(name: &str) -> Option<&str> {
    let rest = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if rest.len() == name.len() {
        return None;
    }
    let word = GUIDE_WORDS.into_iter().find(|word| {
        let start = rest.len().checked_sub(word.len());
        start.and_then(|at| rest.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(word))
    });
    let stem = match word {
        None => rest.strip_suffix('_')?,
        Some(word) => {
            let (before, found) = rest.split_at(rest.len() - word.len());
            match before.strip_suffix(['_', '-', '.']) {
                Some(stem) => stem,
                // `STAT1g1`, but not `Reg1` and not `MEG1`.
                None => {
                    let joined = before.ends_with(|c: char| c.is_ascii_digit() || c.is_uppercase());
                    let lower = found.starts_with(|c: char| c.is_lowercase());
                    if !(joined && lower) {
                        return None;
                    }
                    before
                }
            }
        }
    };
    let stem = stem.trim_end();
    (!stem.is_empty()).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn guides_of_one_gene_have_one_stem() {
        for (name, stem) in [
            ("KLF1_sg1", "KLF1"),
            ("KLF1_g2", "KLF1"),
            ("KLF1-sg2", "KLF1"),
            ("KLF1_sgRNA12", "KLF1"),
            ("KLF1_1", "KLF1"),
            ("KLF1_guide_1", "KLF1_guide"),
            ("STAT1g1", "STAT1"),
            ("NTg10", "NT"),
            ("HLA-A_sg1", "HLA-A"),
            ("NKX2-1_1", "NKX2-1"),
        ] {
            assert_eq!(without_guide_suffix(name), stem);
        }
    }

    #[test]
    fn names_of_genes_are_left_alone() {
        for name in [
            "NKX2-1",
            "HLA-A",
            "C2orf69",
            "KIAA1804",
            "RP11-34P13.7",
            "MEG3",
            "Reg1",
            "PEG10",
            "SG1",
            "g1",
            "_1",
            "KLF1",
            "AC012345.6",
            "ENSG00000105610",
            "",
        ] {
            assert_eq!(without_guide_suffix(name), name);
        }
    }

    proptest! {
        #[test]
        fn a_stem_has_no_suffix(name in "\\PC{0,24}") {
            let stem = without_guide_suffix(&name);
            prop_assert_eq!(without_guide_suffix(stem), stem);
        }
    }
}
