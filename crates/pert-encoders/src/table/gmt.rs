//! Sets of genes: what each gene belongs to becomes its features.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::file::{LARGEST_TABLE, read_text};
use super::ontology::Annotations;
use super::text::{Found, LIST_SEPARATOR, filled_lines, split_list};
use super::{FeatureTable, text};
use crate::Error;
use crate::error::TableProblem;

/// Header of a table of sets, one a line, its genes joined by `|`.
const SET_HEADER: [&str; 2] = ["set", "genes"];

/// Fields of a GMT line before the genes: name and description.
const BEFORE_GENES: usize = 2;

/// How missing values are written in tables of numbers.
const MISSING: [&str; 7] = ["", "NA", "N/A", "null", "None", ".", "-"];

impl FeatureTable {
    /// Reads gene sets in the GMT format (Broad Institute: name, description, genes; split by tabs, no header), plain or gzip:
    /// every set is a term, weighted as annotations are.
    ///
    /// [`FeatureTable::read`] takes a file for GMT where its first two lines have three fields or more, the fields from the
    /// third on hold no number, and lines differ in length or the first describes its set by a link, as MSigDB's do. This
    /// function takes any.
    ///
    /// # Errors
    /// Those of reading a text, and [`Error::Table`] with the line: a set twice, without name or genes, or named with `|`.
    ///
    /// ```
    /// use pert_encoders::FeatureTable;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("sets.gmt");
    /// std::fs::write(&path, "HYPOXIA\tna\tPGK1\tLDHA\nGLYCOLYSIS\tna\tLDHA\tENO1\tPKM\n")?;
    /// let features = FeatureTable::read_gmt(&path)?;
    /// assert_eq!(features.genes(), ["ENO1", "LDHA", "PGK1", "PKM"]);
    /// assert_eq!(features.columns(), ["GLYCOLYSIS", "HYPOXIA"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_gmt(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = read_text(path, LARGEST_TABLE)?;
        parse_gmt(&text).map_err(|(line, problem)| Error::Table {
            path: path.into(),
            line,
            problem,
        })
    }
}

/// Whether a text looks like GMT rather than like a table with a header.
pub(super) fn is_gmt(text: &str) -> bool {
    let mut lines = filled_lines(text).map(|(_, line)| line.split('\t').collect::<Vec<_>>());
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return false };
    let is_word =
        |cell: &&&str| cell.trim().parse::<f64>().is_err() && !MISSING.contains(&cell.trim());
    let names_genes = |cells: &[&str]| {
        let genes = cells.get(BEFORE_GENES..).unwrap_or_default();
        genes.iter().filter(is_word).count() > 0
            && genes.iter().all(|cell| cell.trim().parse::<f64>().is_err())
    };
    let has_links = first.get(1).is_some_and(|description| description.contains("://"));
    let mut widths_differ =
        || second.len() != first.len() || lines.any(|line| line.len() != first.len());
    names_genes(&first) && names_genes(&second) && (has_links || widths_differ())
}

/// Whether a header is that of a table of sets.
pub(super) fn is_set_header<S: AsRef<str>>(columns: &[S]) -> bool {
    columns.iter().map(|c| c.as_ref().trim()).eq(SET_HEADER)
}

pub(super) fn parse_gmt(text: &str) -> Result<FeatureTable, Found> {
    let mut sets = Sets::default();
    for (line, text) in filled_lines(text) {
        let mut cells = text.split('\t').map(str::trim);
        let name = cells.next().unwrap_or_default();
        sets.push(line, name, cells.skip(BEFORE_GENES - 1))?;
    }
    sets.features()
}

/// The lines below [`SET_HEADER`].
pub(super) fn parse_set_rows<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
    header: &text::Header<'_>,
) -> Result<FeatureTable, Found> {
    let rows: Vec<_> = lines
        .map(|(line, text)| Ok((line, header.cells(line, text)?)))
        .collect::<Result<_, _>>()?;
    let mut sets = Sets::default();
    for (line, cells) in &rows {
        sets.push(*line, cells[0].trim(), split_list(&cells[1]).into_iter())?;
    }
    sets.features()
}

#[derive(Default)]
struct Sets<'a> {
    lines: HashMap<&'a str, usize>,
    of_gene: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Sets<'a> {
    fn push(
        &mut self,
        line: usize,
        set: &'a str,
        genes: impl Iterator<Item = &'a str>,
    ) -> Result<(), Found> {
        let bad = |problem| Err((Some(line), problem));
        if set.is_empty() || set.contains(LIST_SEPARATOR) {
            return bad(TableProblem::SetName { set: set.to_owned() });
        }
        if let Some(first) = self.lines.insert(set, line) {
            return bad(TableProblem::DuplicateSet { set: set.to_owned(), first });
        }
        let mut is_empty = true;
        for gene in genes.filter(|gene| !gene.is_empty()) {
            is_empty = false;
            self.of_gene.entry(gene).or_default().insert(set);
        }
        if is_empty {
            return bad(TableProblem::EmptySet { set: set.to_owned() });
        }
        Ok(())
    }

    fn features(self) -> Result<FeatureTable, Found> {
        if self.of_gene.is_empty() {
            return Err((None, TableProblem::Empty));
        }
        Ok(Annotations::of(self.of_gene).features())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_told_from_tables_of_numbers() {
        for gmt in [
            "A\tna\tx\ty\nB\tna\tz\n",
            "A\tna\tx\nB\tna\tz\nC\tna\tz\tx\n",
            "A\thttp://a/A\tx\ty\nB\thttp://a/B\tz\tx\n",
        ] {
            assert!(is_gmt(gmt), "{gmt:?}");
        }
        for table in [
            "gene\tx\ty\nA\t1\t2\n",
            "gene\tx\ty\nA\tNA\tNA\n",
            "gene\tx\ty\nA\t1\n",
            "gene\tkind\tfamily\nA\tkinase\tTK\n",
            "gene,x,y\nA,b,c\n",
            "gene\tx\ty\n",
            "",
        ] {
            assert!(!is_gmt(table), "{table:?}");
        }
    }

    #[test]
    fn bad_sets_are_named_with_their_line() {
        let problem = |text: &str| parse_gmt(text).unwrap_err();
        let set = || "A".to_owned();
        let twice = TableProblem::DuplicateSet { set: set(), first: 1 };
        assert_eq!(problem("A\tna\tx\n\nA\tna\ty\n"), (Some(3), twice));
        assert_eq!(problem("A\tna\t\t\n"), (Some(1), TableProblem::EmptySet { set: set() }));
        assert_eq!(problem("A\n"), (Some(1), TableProblem::EmptySet { set: set() }));
        let name = TableProblem::SetName { set: "A|B".to_owned() };
        assert_eq!(problem("A|B\tna\tx\n"), (Some(1), name));
        assert_eq!(problem(" \n"), (None, TableProblem::Empty));
    }

    #[test]
    fn both_layouts_of_the_same_sets_are_one_table() {
        let gmt = parse_gmt("A\tna\tx\ty\tx\nB\tna\tz\n").unwrap();
        assert_eq!(text::parse("set\tgenes\nA\tx|y\nB\tz\n").unwrap(), gmt);
        assert_eq!(text::parse("A\tna\tx\ty\nB\tna\tz\n").unwrap(), gmt);
    }
}
