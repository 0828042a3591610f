//! Other names of genes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::file::{LARGEST_TABLE, field, read_text};
use super::text::{Header, filled_lines};
use crate::Error;

/// The columns of a table of aliases.
const HEADER: [&str; 2] = ["alias", "symbol"];

/// An error about a table of aliases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AliasError {
    /// A text that is no table of aliases.
    #[error("{}, line {line}: {problem}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A name of several genes.
    #[error("{alias:?} is an alias of {}; write the symbol that is meant", symbols.join(" and of "))]
    Ambiguous {
        /// The alias.
        alias: String,
        /// The genes, sorted.
        symbols: Vec<String>,
    },
}

/// Other names of genes (or of any targets), and the symbols they stand for.
///
/// A name is looked up as it is spelled; only where nothing is found, letters' case is left aside. A name of several genes
/// is an error that names them.
///
/// ```
/// use pert_encoders::AliasTable;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("aliases.tsv");
/// std::fs::write(&path, "alias\tsymbol\np53\tTP53\nEKLF\tKLF1\nP21\tCDKN1A\nP21\tKRAS\n")?;
/// let aliases = AliasTable::read(&path)?;
/// assert_eq!(aliases.resolve("EKLF")?, Some("KLF1"));
/// assert_eq!(aliases.resolve("P53")?, Some("TP53"));
/// assert_eq!(aliases.resolve("MYC")?, None);
/// let error = aliases.resolve("p21").expect_err("two genes").to_string();
/// assert!(error.contains("CDKN1A and of KRAS"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AliasTable {
    exact: BTreeMap<String, BTreeSet<String>>,
    /// By upper-case alias.
    any_case: BTreeMap<String, BTreeSet<String>>,
}

impl AliasTable {
    /// Reads two columns with the header `alias`, `symbol`; tab- or comma-separated, plain or gzip. A pair may stand twice.
    ///
    /// # Errors
    /// Those of reading a text, and [`AliasError::Table`]: another header, a line of another width, an empty name.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Ok(Self::parse(&read_text(path, LARGEST_TABLE)?, path)?)
    }

    /// A table from pairs of alias and symbol.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut table = Self::default();
        for (alias, symbol) in pairs {
            let put = |map: &mut BTreeMap<String, BTreeSet<String>>, alias: String| {
                map.entry(alias).or_default().insert(symbol.to_owned());
            };
            put(&mut table.exact, alias.to_owned());
            put(&mut table.any_case, alias.to_uppercase());
        }
        table
    }

    fn parse(text: &str, path: &Path) -> Result<Self, AliasError> {
        let bad = |line: Option<usize>, problem: String| AliasError::Table {
            path: path.to_owned(),
            line: line.unwrap_or(1),
            problem,
        };
        let mut lines = filled_lines(text);
        let header = Header::read(&mut lines).map_err(|(line, p)| bad(line, p.to_string()))?;
        if !header.columns.iter().map(|c| c.trim()).eq(HEADER) {
            let found = header.text;
            return Err(bad(
                Some(header.line),
                format!("expected the header alias, symbol; found {found:?}"),
            ));
        }
        let mut pairs = Vec::new();
        for (line, text) in lines {
            let cells = header.cells(line, text).map_err(|(line, p)| bad(line, p.to_string()))?;
            let pair = (cells[0].trim().to_owned(), cells[1].trim().to_owned());
            if pair.0.is_empty() || pair.1.is_empty() {
                return Err(bad(Some(line), "the alias or the symbol is empty".to_owned()));
            }
            pairs.push(pair);
        }
        Ok(Self::from_pairs(pairs.iter().map(|(alias, symbol)| (alias.as_str(), symbol.as_str()))))
    }

    /// Writes the table so that [`AliasTable::read`] gives it back.
    ///
    /// # Errors
    /// Those of the writer; of kind `InvalidInput` when a name holds a line break or outer white space, which one read from a
    /// file never does.
    pub fn write_tsv(&self, mut out: impl Write) -> io::Result<()> {
        writeln!(out, "{}", HEADER.join("\t"))?;
        self.pairs()
            .try_for_each(|(alias, symbol)| writeln!(out, "{}\t{}", field(alias)?, field(symbol)?))
    }

    /// Every alias with every symbol it stands for, sorted bytewise.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.exact.iter().flat_map(|(alias, symbols)| {
            symbols.iter().map(move |symbol| (alias.as_str(), symbol.as_str()))
        })
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    /// Every alias as it is spelled, sorted bytewise.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.exact.keys().map(String::as_str)
    }

    /// The symbol that a name stands for; `None` when it is no alias.
    ///
    /// # Errors
    /// [`AliasError::Ambiguous`].
    pub fn resolve(&self, name: &str) -> Result<Option<&str>, AliasError> {
        let symbols = self.exact.get(name).or_else(|| self.any_case.get(&name.to_uppercase()));
        let Some(symbols) = symbols else { return Ok(None) };
        if symbols.len() > 1 {
            let symbols = symbols.iter().cloned().collect();
            return Err(AliasError::Ambiguous { alias: name.to_owned(), symbols });
        }
        Ok(symbols.first().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_tables_are_named_with_their_line() {
        let message =
            |text: &str| AliasTable::parse(text, Path::new("a.tsv")).unwrap_err().to_string();
        assert!(message("").starts_with("a.tsv, line 1"));
        assert!(message("symbol\talias\nA\tB\n").contains("expected the header alias, symbol"));
        assert!(message("alias\tsymbol\nA\n").contains("line 2: expected 2 columns"));
        assert!(
            message("alias,symbol\nA,B\n,C\n").contains("line 3: the alias or the symbol is empty")
        );
    }

    #[test]
    fn what_is_written_is_read() {
        let pairs = [("p21", "CDKN1A"), ("p21", "KRAS"), ("a \"b\"", "X"), ("EKLF", "KLF1")];
        let table = AliasTable::from_pairs(pairs);
        let mut bytes = Vec::new();
        table.write_tsv(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(AliasTable::parse(&text, Path::new("a.tsv")).unwrap(), table);
        assert!(AliasTable::from_pairs([("a\nb", "X")]).write_tsv(Vec::new()).is_err());
    }

    #[test]
    fn spelling_comes_before_case() {
        let table =
            AliasTable::from_pairs([("p21", "CDKN1A"), ("P21", "KRAS"), ("a", "X"), ("a", "X")]);
        assert_eq!(table.resolve("p21").unwrap(), Some("CDKN1A"));
        assert_eq!(table.resolve("P21").unwrap(), Some("KRAS"));
        assert_eq!(table.resolve("A").unwrap(), Some("X"));
    }
}
