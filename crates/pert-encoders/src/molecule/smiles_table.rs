//! Tables of drugs with their structures.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use pert_core::{DrugDose, Perturbation};

use super::drug_encoder::unknown_drug;
use crate::error::TableProblem;
use crate::table::read_text;
use crate::table::{Found, Header, filled_lines};
use crate::{Error, Molecule};

/// The most bytes of text that are read: a million drugs with a hundred bytes.
const LARGEST_TABLE: u64 = 100_000_000;

/// Names of the column of drugs; the first that stands in the header is taken.
const DRUG_COLUMNS: &[&str] = &["drug", "compound", "name", "perturbation"];

/// Names of the column of structures.
pub(super) const SMILES_COLUMNS: &[&str] = &["smiles", "canonical_smiles"];

/// The structures of drugs, by name.
///
/// A SMILES is only looked at when asked for: tables hold more drugs than a screen.
///
/// ```
/// use pert_encoders::SmilesTable;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("drugs.csv");
/// std::fs::write(&path, "Compound,Target,SMILES\nAspirin,COX,CC(=O)Oc1ccccc1C(=O)O\nplacebo,,\n")?;
/// let drugs = SmilesTable::read(&path)?;
/// assert_eq!(drugs.drugs().collect::<Vec<_>>(), ["Aspirin"]);
/// let aspirin = drugs.molecule("Aspirin")?.expect("a row of the table");
/// assert_eq!(aspirin.murcko_scaffold(), "c1ccccc1");
/// assert!(drugs.molecule("placebo")?.is_none() && drugs.molecule("Ibuprofen")?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SmilesTable {
    path: PathBuf,
    drugs: BTreeMap<String, Row>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    line: usize,
    smiles: String,
}

impl SmilesTable {
    /// Reads a table with a header, tab- or comma-separated, plain or gzip.
    ///
    /// The drug is the column `drug`, `compound`, `name` or `perturbation`, its structure the column `smiles` or
    /// `canonical_smiles`, the first of them that there is, without regard to case. A dose behind the name
    /// (`Trametinib_100nM`) is taken off. Rows without SMILES are left out.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::GitLfsPointer`], [`Error::TooLarge`], [`Error::NotText`], and [`Error::Table`] with the
    /// line and what is wrong with it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = read_text(path, LARGEST_TABLE)?;
        let drugs = parse(&text).map_err(|(line, problem)| table(path, line, problem))?;
        Ok(Self { path: path.to_owned(), drugs })
    }

    /// The drugs that have a SMILES, sorted bytewise.
    pub fn drugs(&self) -> impl Iterator<Item = &str> {
        self.drugs.keys().map(String::as_str)
    }

    /// Each drug with its SMILES as it stands in the table, sorted bytewise by name.
    pub fn smiles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.drugs.iter().map(|(drug, row)| (drug.as_str(), row.smiles.as_str()))
    }

    /// The SMILES of a drug as it stands in the table, by its name without dose.
    ///
    /// # Errors
    /// [`MoleculeError::UnknownDrug`](crate::MoleculeError::UnknownDrug) with names that look like it.
    pub fn known_smiles(&self, drug: &str) -> Result<&str, Error> {
        let row = self.drugs.get(drug.trim());
        row.map(|row| row.smiles.as_str()).ok_or_else(|| unknown_drug(drug, &[], self.drugs()))
    }

    /// The molecule of a drug; `None` where the table has no SMILES for it.
    ///
    /// # Errors
    /// [`Error::Table`] with the line whose SMILES is no molecule.
    pub fn molecule(&self, drug: &str) -> Result<Option<Molecule>, Error> {
        let Some(Row { line, smiles }) = self.drugs.get(drug.trim()) else { return Ok(None) };
        Molecule::parse(smiles).map(Some).map_err(|problem| {
            let problem =
                TableProblem::Molecule { drug: drug.to_owned(), problem: problem.to_string() };
            table(&self.path, Some(*line), problem)
        })
    }

    /// [`Molecule::scaffold_group`] of every drug in the perturbations that the table has, by name without dose.
    ///
    /// # Errors
    /// Those of [`Self::molecule`].
    ///
    /// ```
    /// use pert_core::{LabelFormat, LabelKind, Perturbation, SplitConfig};
    /// # use pert_core::{CsrCounts, Population};
    /// use pert_encoders::SmilesTable;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("drugs.tsv");
    /// std::fs::write(&path, "drug\tsmiles\na\tCc1ccccc1\nb\tNc1ccccc1\nc\tC1CCNCC1\n")?;
    /// # let format = LabelFormat { kind: LabelKind::Drugs, ..LabelFormat::default() };
    /// # let labels = ["control", "a_1uM", "a_2uM", "b", "c"].iter().cycle().take(10);
    /// # let of_cell = labels.map(|l| Perturbation::parse(l, &format)).collect::<Result<Vec<_>, _>>()?;
    /// # let cells = (0..10).map(|i| format!("cell {i}")).collect();
    /// # let counts = CsrCounts::from_dense(1, &[1.0; 10])?;
    /// # let screen = Population::new(counts, vec!["gene".into()], cells, &of_cell, vec![])?;
    /// // `screen` holds cells of control, a_1uM, a_2uM, b and c.
    /// let groups = SmilesTable::read(&path)?.scaffold_groups(screen.perturbations())?;
    /// let config = SplitConfig::new("scaffold".parse()?, 0);
    /// let split = config.split_with_groups(&screen, &|drug| groups.get(drug).cloned())?;
    /// // a and b are benzenes.
    /// assert!(split.test == ["a_1uM", "a_2uM", "b"] || split.test == ["c"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scaffold_groups(
        &self,
        perturbations: &[Perturbation],
    ) -> Result<HashMap<String, String>, Error> {
        let mut groups = HashMap::new();
        // A target that names no drug is for the split to refuse.
        let targets = perturbations.iter().flat_map(Perturbation::targets);
        for dosed in targets.filter_map(|target| target.parse::<DrugDose>().ok()) {
            if !groups.contains_key(dosed.drug())
                && let Some(molecule) = self.molecule(dosed.drug())?
            {
                groups.insert(dosed.drug().to_owned(), molecule.scaffold_group().to_owned());
            }
        }
        Ok(groups)
    }
}

fn table(path: &Path, line: Option<usize>, problem: TableProblem) -> Error {
    Error::Table { path: path.to_owned(), line, problem }
}

fn parse(text: &str) -> Result<BTreeMap<String, Row>, Found> {
    let mut lines = filled_lines(text);
    let header = Header::read(&mut lines)?;
    let place = |wanted: &'static [&'static str]| {
        let is = |name: &&str, cell: &str| cell.trim().eq_ignore_ascii_case(name);
        let found = wanted.iter().find_map(|name| header.columns.iter().position(|c| is(name, c)));
        found.ok_or_else(|| {
            let found = header.text.to_owned();
            (Some(header.line), TableProblem::NoColumn { wanted, found })
        })
    };
    let (drug_column, smiles_column) = (place(DRUG_COLUMNS)?, place(SMILES_COLUMNS)?);
    let (mut drugs, mut n_rows) = (BTreeMap::<String, Row>::new(), 0);
    for (line, text) in lines {
        n_rows += 1;
        let cells = header.cells(line, text)?;
        let (name, smiles) = (cells[drug_column].trim(), cells[smiles_column].trim());
        if name.is_empty() {
            return Err((Some(line), TableProblem::EmptyDrug));
        }
        // Names that no label can hold are kept as they stand.
        let drug =
            name.parse::<DrugDose>().map_or_else(|_| name.to_owned(), |d| d.drug().to_owned());
        match drugs.get(&drug) {
            _ if smiles.is_empty() => {}
            None => drop(drugs.insert(drug, Row { line, smiles: smiles.to_owned() })),
            Some(row) if row.smiles == smiles => {}
            Some(row) => {
                return Err((Some(line), TableProblem::TwoStructures { drug, first: row.line }));
            }
        }
    }
    if n_rows == 0 { Err((None, TableProblem::Empty)) } else { Ok(drugs) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn smiles(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap().into_iter().map(|(drug, row)| (drug, row.smiles)).collect()
    }

    #[test]
    fn columns_are_found_by_name_in_any_hand() {
        let expected =
            [("a".to_owned(), "CCO".to_owned()), ("b b".to_owned(), "CN |c:1,2|".to_owned())];
        for text in [
            "drug\tsmiles\na\tCCO\nb b\tCN |c:1,2|\n",
            "smiles,compound\nCCO,a\n\"CN |c:1,2|\",b b\n",
            "\u{feff}id\tName\tCanonical_SMILES\r\n1\ta \tCCO\r\n\r\n2\tb b\tCN |c:1,2|\r\n",
            "perturbation\tdose\tsmiles\na_10nM\t10\tCCO\na_1uM\t1000\tCCO\nb b@1\t1\tCN |c:1,2|\n",
            // The first of the names wins, wherever it stands.
            "canonical_smiles\tname\tSMILES\tDrug\nC\tx\tCCO\ta\nC\ty\tCN |c:1,2|\tb b\n",
            "drug\tsmiles\na\t\na\tCCO\nb b\tCN |c:1,2|\nc\t\n",
        ] {
            assert_eq!(smiles(text), expected, "{text:?}");
        }
    }

    #[test]
    fn bad_tables_are_named_with_their_line() {
        for (text, line, words) in [
            ("", None, "no rows"),
            ("drug\tsmiles\n", None, "no rows"),
            ("drug\tstructure\na\tC\n", Some(1), "no column smiles or canonical_smiles"),
            ("gene\tsmiles\na\tC\n", Some(1), "no column drug or compound or name or perturbation"),
            ("drug\tsmiles\na\n", Some(2), "expected 2 columns"),
            ("drug\tsmiles\n\n \tC\n", Some(3), "name of the drug is empty"),
            (
                "drug\tsmiles\na_1uM\tC\nb\tN\na_2uM\tCC\n",
                Some(4),
                "\"a\" has another SMILES in line 2",
            ),
        ] {
            let (found, problem) = parse(text).unwrap_err();
            assert_eq!(found, line, "{text:?}");
            assert!(problem.to_string().contains(words), "{text:?}: {problem}");
        }
    }

    #[test]
    fn a_bad_structure_is_told_when_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drugs.csv");
        std::fs::write(&path, "drug,smiles\ngood,CCO\nbad,c1cccc1\n").unwrap();
        let table = SmilesTable::read(&path).unwrap();
        assert_eq!(table.drugs().collect::<Vec<_>>(), ["bad", "good"]);
        assert!(table.molecule("good").unwrap().is_some());
        let error = table.molecule("bad").unwrap_err().to_string();
        for word in ["drugs.csv, line 3", "\"bad\"", "c1cccc1", "kekulize"] {
            assert!(error.contains(word), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(drug|name)?[\t,]smiles\n(\\PC{0,12}[\t,]\\PC{0,12}\n){0,4}|\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
