//! The kinds of gene feature tables as text.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::feature_table::{FeatureTable, Values};
use super::gmt::{is_gmt, is_set_header, parse_gmt, parse_set_rows};
use crate::error::TableProblem;

/// First line of a dense table that is read as it stands.
pub(crate) const DENSE_FORMAT: &str = "# gene features, format 1, dense";

/// First line of a sparse table that is read as it stands.
pub(crate) const SPARSE_FORMAT: &str = "# gene features, format 1, sparse";

const FORMAT_PREFIX: &str = "# gene features, format ";

/// Header of a table of annotation lists.
const ANNOTATION_HEADER: [&str; 3] = ["gene_symbol", "n_terms", "go_ids"];

/// What joins the entries of a list.
pub(super) const LIST_SEPARATOR: char = '|';

/// A problem and its line, counted from 1.
pub(crate) type Found = (Option<usize>, TableProblem);

/// Lines with their numbers from 1, blank ones left out.
pub(crate) fn filled_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text); // spreadsheets write a byte order mark
    text.lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line))
        .filter(|(_, line)| !line.trim().is_empty())
}

/// The first line of a table, which says how the others are split.
pub(crate) struct Header<'a> {
    pub line: usize,
    pub text: &'a str,
    pub columns: Vec<Cow<'a, str>>,
    delimiter: char,
}

impl<'a> Header<'a> {
    pub fn read(lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Result<Self, Found> {
        let (line, text) = lines.next().ok_or((None, TableProblem::Empty))?;
        let delimiter = if has_unquoted_tab(text) { '\t' } else { ',' };
        let columns = split(text, delimiter).map_err(|p| (Some(line), p))?;
        Ok(Self { line, text, columns, delimiter })
    }

    /// The cells of another line, as many as columns.
    pub fn cells<'b>(&self, line: usize, text: &'b str) -> Result<Vec<Cow<'b, str>>, Found> {
        let cells = split(text, self.delimiter).map_err(|p| (Some(line), p))?;
        let (expected, found) = (self.columns.len(), cells.len());
        if expected == found {
            Ok(cells)
        } else {
            Err((Some(line), TableProblem::Width { expected, found }))
        }
    }
}

/// Reads a table of any kind.
pub(crate) fn parse(text: &str) -> Result<FeatureTable, Found> {
    if is_gmt(text) {
        return parse_gmt(text);
    }
    let mut lines = filled_lines(text).peekable();
    let format = match lines.peek() {
        Some(&(_, first)) if first.starts_with(FORMAT_PREFIX) => {
            lines.next();
            Some(first)
        }
        _ => None,
    };
    let header = Header::read(&mut lines)?;
    let columns = &header.columns;
    if columns.len() < 2 {
        let found = header.text.to_owned();
        return Err((Some(header.line), TableProblem::NoFeatures { found }));
    }
    if format.is_none() && is_set_header(columns) {
        return parse_set_rows(lines, &header);
    }
    let mut rows = Rows { genes: Vec::new(), lines: HashMap::new(), cells: Vec::new() };
    for (line, text) in lines {
        rows.push(line, header.cells(line, text)?)?;
    }
    let is_annotation = columns.iter().map(|c| c.trim()).eq(ANNOTATION_HEADER);
    match format {
        Some(DENSE_FORMAT) => rows.dense(columns, false),
        Some(SPARSE_FORMAT) => rows.weighted(),
        Some(other) => {
            let found = other.to_owned();
            Err((Some(1), TableProblem::Format { found, expected: DENSE_FORMAT }))
        }
        None if is_annotation => rows.annotations(),
        None => {
            let number = columns[1..].iter().position(|c| c.trim().parse::<f64>().is_ok());
            if let Some(place) = number.filter(|_| is_all_numbers(&columns[1..])) {
                let value = columns[place + 1].to_string();
                let problem = TableProblem::NoHeader { column: place + 2, value };
                return Err((Some(header.line), problem));
            }
            rows.dense(columns, true)
        }
    }
}

/// A header may name a column `1`; a row of numbers is no header.
fn is_all_numbers(cells: &[Cow<'_, str>]) -> bool {
    let numbers: Vec<f64> = cells.iter().filter_map(|c| c.trim().parse().ok()).collect();
    // Data frames without column names are written with the header 0, 1, 2, ….
    let counts_up = numbers.windows(2).all(|w| w[1] == w[0] + 1.0)
        && matches!(numbers.first(), Some(&first) if first == 0.0 || first == 1.0)
        && numbers.len() > 1;
    numbers.len() == cells.len() && !counts_up
}

/// Rows below the header, gene by gene.
struct Rows<'a> {
    genes: Vec<String>,
    /// Line of each gene.
    lines: HashMap<String, usize>,
    /// The other columns, `[n_genes][n_columns − 1]`.
    cells: Vec<(usize, Vec<Cow<'a, str>>)>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, line: usize, cells: Vec<Cow<'a, str>>) -> Result<(), Found> {
        let mut cells = cells.into_iter();
        let gene = cells.next().map(|gene| gene.trim().to_owned()).unwrap_or_default();
        if gene.is_empty() {
            return Err((Some(line), TableProblem::EmptyGene));
        }
        if let Some(first) = self.lines.insert(gene.clone(), line) {
            return Err((Some(line), TableProblem::DuplicateGene { gene, first }));
        }
        self.genes.push(gene);
        self.cells.push((line, cells.collect()));
        Ok(())
    }

    /// Row of each gene.
    fn row_of(&self) -> Result<HashMap<String, usize>, Found> {
        if self.genes.is_empty() {
            return Err((None, TableProblem::Empty));
        }
        Ok(self.genes.iter().cloned().zip(0..).collect())
    }

    fn dense(self, columns: &[Cow<'_, str>], standardise: bool) -> Result<FeatureTable, Found> {
        let row_of = self.row_of()?;
        let columns: Vec<String> = columns[1..].iter().map(|c| c.trim().to_owned()).collect();
        let mut values = Vec::with_capacity(self.genes.len() * columns.len());
        for ((line, cells), gene) in self.cells.iter().zip(&self.genes) {
            for (cell, column) in cells.iter().zip(&columns) {
                values.push(number(cell, gene, column).map_err(|p| (Some(*line), p))?);
            }
        }
        if !standardise {
            return Ok(FeatureTable::held(self.genes, row_of, columns, Values::Dense(values)));
        }
        FeatureTable::from_dense(self.genes, columns, values).map_err(|error| match error {
            crate::Error::Table { problem, .. } => (None, problem),
            other => unreachable!("checked values make no other error: {other}"),
        })
    }

    fn annotations(self) -> Result<FeatureTable, Found> {
        let row_of = self.row_of()?;
        let mut lists = Vec::with_capacity(self.genes.len());
        for ((line, cells), gene) in self.cells.iter().zip(&self.genes) {
            let list = split_list(&cells[1]);
            if cells[0].trim().parse() != Ok(list.len()) {
                let problem = TableProblem::TermCount {
                    gene: gene.clone(),
                    expected: cells[0].trim().to_owned(),
                    found: list.len(),
                };
                return Err((Some(*line), problem));
            }
            lists.push(list);
        }
        Ok(FeatureTable::from_annotations(self.genes.clone(), row_of, &lists))
    }

    fn weighted(self) -> Result<FeatureTable, Found> {
        let row_of = self.row_of()?;
        let mut entries: Vec<Vec<(&str, f64)>> = Vec::with_capacity(self.genes.len());
        for ((line, cells), gene) in self.cells.iter().zip(&self.genes) {
            let mut row = Vec::new();
            for entry in split_list(&cells[0]) {
                let (term, weight) = entry.rsplit_once('=').unwrap_or((entry, ""));
                row.push((term, number(weight, gene, term).map_err(|p| (Some(*line), p))?));
            }
            row.sort_unstable_by_key(|entry| entry.0);
            if let Some(twice) = row.windows(2).find(|w| w[0].0 == w[1].0) {
                let problem = TableProblem::NotANumber {
                    gene: gene.clone(),
                    column: twice[0].0.to_owned(),
                    value: "given twice".to_owned(),
                };
                return Err((Some(*line), problem));
            }
            entries.push(row);
        }
        let terms: HashSet<&str> = entries.iter().flatten().map(|entry| entry.0).collect();
        let mut terms: Vec<&str> = terms.into_iter().collect();
        terms.sort_unstable();
        let column_of: HashMap<&str, u32> = terms.iter().copied().zip(0..).collect();
        let (mut indptr, mut indices, mut weights) = (vec![0], Vec::new(), Vec::new());
        for row in &entries {
            indices.extend(row.iter().map(|entry| column_of[entry.0]));
            weights.extend(row.iter().map(|entry| entry.1));
            indptr.push(weights.len());
        }
        let columns = terms.into_iter().map(str::to_owned).collect();
        let values = Values::Sparse { indptr, indices, weights };
        Ok(FeatureTable::held(self.genes.clone(), row_of, columns, values))
    }
}

pub(super) fn split_list(list: &str) -> Vec<&str> {
    list.split(LIST_SEPARATOR).map(str::trim).filter(|entry| !entry.is_empty()).collect()
}

fn number(cell: &str, gene: &str, column: &str) -> Result<f64, TableProblem> {
    cell.trim().parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| {
        TableProblem::NotANumber {
            gene: gene.to_owned(),
            column: column.to_owned(),
            value: cell.trim().to_owned(),
        }
    })
}

fn has_unquoted_tab(header: &str) -> bool {
    let mut quoted = false;
    header.chars().any(|c| {
        quoted ^= c == '"';
        c == '\t' && !quoted
    })
}

/// The fields of a line; a field may be quoted (RFC 4180), but not span lines.
fn split(line: &str, delimiter: char) -> Result<Vec<Cow<'_, str>>, TableProblem> {
    if !line.contains('"') {
        return Ok(line.split(delimiter).map(Cow::Borrowed).collect());
    }
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut field = String::new();
            let mut tail = quoted;
            loop {
                let end = tail.find('"').ok_or(TableProblem::OpenQuote)?;
                field.push_str(&tail[..end]);
                tail = &tail[end + 1..];
                match tail.strip_prefix('"') {
                    Some(more) => {
                        field.push('"');
                        tail = more;
                    }
                    None => break,
                }
            }
            // Whatever stands between the closing quote and the delimiter belongs to the field.
            let end = tail.find(delimiter).unwrap_or(tail.len());
            field.push_str(&tail[..end]);
            fields.push(Cow::Owned(field));
            rest = &tail[end..];
        } else {
            let end = rest.find(delimiter).unwrap_or(rest.len());
            fields.push(Cow::Borrowed(&rest[..end]));
            rest = &rest[end..];
        }
        match rest.strip_prefix(delimiter) {
            Some(more) => rest = more,
            None => return Ok(fields),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FeatureRow;

    fn problem(text: &str) -> (Option<usize>, TableProblem) {
        parse(text).unwrap_err()
    }

    #[test]
    fn an_annotation_table_is_weighted_by_rarity() {
        let text = "gene_symbol\tn_terms\tgo_ids\nA\t2\tGO:1|GO:2\nB\t1\tGO:1\nC\t3\tGO:1|GO:3|GO:2\nD\t0\t\n";
        let table = parse(text).unwrap();
        assert!(table.is_sparse());
        assert_eq!(table.columns(), ["GO:1", "GO:2", "GO:3"]);
        let idf = [(4.0f64 / 3.0).ln(), 2f64.ln(), 4f64.ln()];
        let Some(FeatureRow::Sparse { indices, weights }) = table.get("C") else { panic!("C") };
        let norm = idf.iter().map(|w| w * w).sum::<f64>().sqrt();
        assert_eq!(indices, [0, 1, 2]);
        pert_testkit::assert_close("C", weights, &idf.map(|w| w / norm), 1e-14);
        assert_eq!(table.get("B"), Some(FeatureRow::Sparse { indices: &[0], weights: &[1.0] }));
        assert_eq!(table.get("D"), Some(FeatureRow::Sparse { indices: &[], weights: &[] }));
        assert_eq!(table.get("E"), None);
    }

    #[test]
    fn tables_of_numbers_come_in_many_hands() {
        let plain = parse("gene\tx\ty\nA\t1\t2\nB\t3\t5\n").unwrap();
        for other in [
            "gene,x,y\nA,1,2\nB,3,5\n",
            "\u{feff}gene,x,y\r\nA,1.0,2e0\r\n\r\nB,3,5",
            "\"gene\",\"x\",\"y\"\n\"A\",1,2\n\"B\",3,5\n",
            "gene, x, y\nA, 1, 2\nB, 3, 5\n",
        ] {
            assert_eq!(parse(other).unwrap(), plain, "{other:?}");
        }
        assert_eq!(parse(",0,1\nA,1,2\nB,3,5\n").unwrap().columns(), ["0", "1"]);
        assert_eq!(parse("gene,\"x,\"\"1\"\"\",y\nA,1,2\n").unwrap().columns(), ["x,\"1\"", "y"]);
    }

    #[test]
    fn bad_tables_are_named_with_line_and_column() {
        for empty in ["", "\n \n", "gene\tx\n", "gene_symbol\tn_terms\tgo_ids\n"] {
            assert_eq!(problem(empty), (None, TableProblem::Empty), "{empty:?}");
        }
        assert!(matches!(
            problem("A\t1.5\t2\nB\t3\t4\n"),
            (Some(1), TableProblem::NoHeader { column: 2, .. })
        ));
        assert!(matches!(problem("gene\nA\n"), (Some(1), TableProblem::NoFeatures { .. })));
        assert_eq!(
            problem("gene\tx\nA\t1\n\nB\t1\t2\n"),
            (Some(4), TableProblem::Width { expected: 2, found: 3 })
        );
        for bad in ["NaN", "inf", "", "NA", "x", "-1e999"] {
            let (line, problem) = problem(&format!("gene\tx\ty\nA\t1\t2\nB\t1\t{bad}\n"));
            assert_eq!(line, Some(3));
            let value = bad.to_owned();
            let (gene, column) = ("B".to_owned(), "y".to_owned());
            assert_eq!(problem, TableProblem::NotANumber { gene, column, value });
        }
        assert_eq!(
            problem("gene,x\nA,1\nB,2\nA,3\n"),
            (Some(4), TableProblem::DuplicateGene { gene: "A".into(), first: 2 })
        );
        assert_eq!(problem("gene,x\n,1\n"), (Some(2), TableProblem::EmptyGene));
        assert_eq!(problem("gene,x\n\"A,1\n"), (Some(2), TableProblem::OpenQuote));
        assert!(matches!(
            problem("gene_symbol\tn_terms\tgo_ids\nA\t3\tGO:1|GO:2\n"),
            (Some(2), TableProblem::TermCount { found: 2, .. })
        ));
        assert!(matches!(
            problem("# gene features, format 2, dense\ngene\tx\nA\t1\n"),
            (Some(1), TableProblem::Format { .. })
        ));
        assert!(matches!(
            problem(&format!("{SPARSE_FORMAT}\ngene\tweights\nA\tt=1|t=2\n")),
            (Some(3), TableProblem::NotANumber { .. })
        ));
    }
}
