//! Molecules to learn from.

use std::collections::BTreeSet;
use std::path::Path;

use crate::Error;
use crate::molecule::SaltRule;
use crate::molecule::smiles_table::SMILES_COLUMNS;
use crate::molecule::structure::canonical_of;
use crate::table::{Header, filled_lines, read_text};

/// The most bytes of text that are read: some ten million molecules.
const LARGEST_FILE: u64 = 1_000_000_000;

/// Distinct molecules, by canonical SMILES.
///
/// ```
/// use pert_encoders::{SaltRule, SmilesCorpus};
/// let corpus = SmilesCorpus::new(["OCC", "CCO", "c1cccc1", "CCN.Cl"], SaltRule::LargestPart);
/// assert_eq!(corpus.molecules(), ["CCN", "CCO"]);
/// assert_eq!((corpus.n_refused(), corpus.n_repeated()), (1, 1));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SmilesCorpus {
    molecules: Vec<String>,
    n_refused: usize,
    n_repeated: usize,
}

impl SmilesCorpus {
    /// Reads SMILES; those that are no molecule, and those of molecules met before, are counted and left out.
    pub fn new<S: AsRef<str>>(smiles: impl IntoIterator<Item = S>, salts: SaltRule) -> Self {
        let (mut molecules, mut n_refused, mut n_repeated) = (BTreeSet::new(), 0, 0);
        for smiles in smiles {
            match canonical_of(smiles.as_ref(), salts) {
                Ok(canonical) => n_repeated += usize::from(!molecules.insert(canonical)),
                Err(_) => n_refused += 1,
            }
        }
        Self { molecules: molecules.into_iter().collect(), n_refused, n_repeated }
    }

    /// The texts of a file: the column `smiles` or `canonical_smiles` of a table with a header, or without such a header the
    /// first word of each line. Plain or gzip. They are for [`Self::new`].
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::TooLarge`], [`Error::NotText`], and [`Error::Table`] for a row of another width.
    pub fn read(path: impl AsRef<Path>) -> Result<Vec<String>, Error> {
        let path = path.as_ref();
        let text = read_text(path, LARGEST_FILE)?;
        let mut lines = filled_lines(&text);
        let table = |(line, problem)| Error::Table { path: path.to_owned(), line, problem };
        if let Ok(header) = Header::read(&mut lines)
            && let Some(column) = header.columns.iter().position(|name| {
                SMILES_COLUMNS.iter().any(|wanted| name.trim().eq_ignore_ascii_case(wanted))
            })
        {
            let of_row = |(line, text)| {
                let cells = header.cells(line, text).map_err(table)?;
                Ok(cells[column].trim().to_owned())
            };
            return lines
                .map(of_row)
                .filter(|row| row.as_ref().is_ok_and(|s| !s.is_empty()) || row.is_err())
                .collect();
        }
        let words = filled_lines(&text).filter_map(|(_, line)| line.split_whitespace().next());
        Ok(words.map(str::to_owned).collect())
    }

    /// Canonical SMILES, sorted bytewise.
    pub fn molecules(&self) -> &[String] {
        &self.molecules
    }

    /// How many texts were no molecule.
    pub fn n_refused(&self) -> usize {
        self.n_refused
    }

    /// How many texts were of molecules met before.
    pub fn n_repeated(&self) -> usize {
        self.n_repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_plain_lists_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("molecules");
        for text in [
            "id\tSMILES\n1\tCCO\n2\t\n3\tc1ccccc1\n",
            "smiles\nCCO\nc1ccccc1\n",
            "CCO ethanol\n\nc1ccccc1\tbenzene\n",
            "smiles,source\nCCO,x\nc1ccccc1,y\n",
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(SmilesCorpus::read(&path).unwrap(), ["CCO", "c1ccccc1"], "{text:?}");
        }
        std::fs::write(&path, "id\tsmiles\nCCO\n").unwrap();
        assert!(SmilesCorpus::read(&path).unwrap_err().to_string().contains("line 2"));
        assert!(SmilesCorpus::read(folder.path().join("none")).is_err());
    }
}
