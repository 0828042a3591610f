//! Rows that somebody printed, to be held beside ours.

use std::path::Path;

use pert_core::{LabelFormat, LabelKind, Perturbation};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What a reference table says about one perturbation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrintedRow {
    /// The label, parts joined by `+` or `/`; empty where the print does not tell which perturbation it is.
    pub perturbation: String,
    /// The label as printed.
    pub as_printed: String,
    /// Cells.
    pub n: usize,
    /// R² as printed.
    pub r2: f64,
    /// Fréchet distance as printed, in a latent space of unknown scale.
    pub fid: f64,
}

/// A reference table: tab-separated, header with `perturbation`, `as_printed`, `n`, `r2`, `fid` in any order; lines that begin
/// with `#` say where it comes from; other columns are for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrintedTable {
    /// The lines that begin with `#`, without it.
    pub source: Vec<String>,
    /// Its rows.
    pub rows: Vec<PrintedRow>,
}

const COLUMNS: [&str; 5] = ["perturbation", "as_printed", "n", "r2", "fid"];

impl PrintedTable {
    /// Reads one.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::ConfigFile`] with line and column.
    pub fn read_tsv(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        Self::parse(&text).map_err(|message| Error::ConfigFile {
            path: path.to_owned(),
            what: "reference table",
            message,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut source = Vec::new();
        let mut columns: Option<[usize; 5]> = None;
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let at = |message: String| format!("line {}: {message}", index + 1);
            if let Some(comment) = line.strip_prefix('#') {
                source.push(comment.trim().to_owned());
                continue;
            }
            if line.trim().is_empty() {
                continue;
            }
            let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
            let Some(columns) = columns else {
                let mut found = [0; 5];
                for (place, name) in found.iter_mut().zip(COLUMNS) {
                    *place = fields.iter().position(|field| *field == name).ok_or_else(|| {
                        at(format!("the header lacks {name:?}; it has {}", fields.join(", ")))
                    })?;
                }
                columns = Some(found);
                continue;
            };
            let field = |column: usize| {
                fields.get(columns[column]).copied().ok_or_else(|| {
                    at(format!("{} fields, too few for {:?}", fields.len(), COLUMNS[column]))
                })
            };
            let number = |column: usize| -> Result<f64, String> {
                let text = field(column)?;
                let bad = || at(format!("{}: {text:?} is no number", COLUMNS[column]));
                text.parse().map_err(|_| bad())
            };
            rows.push(PrintedRow {
                perturbation: field(0)?.to_owned(),
                as_printed: field(1)?.to_owned(),
                n: field(2)?.parse().map_err(|_| at("n: no number of cells".to_owned()))?,
                r2: number(3)?,
                fid: number(4)?,
            });
        }
        if rows.is_empty() {
            return Err("it holds no row".to_owned());
        }
        Ok(Self { source, rows })
    }
}

impl PrintedRow {
    /// The perturbation of a screen that the row is about, however either joins its parts and calls control: `A/ctrl` finds
    /// `A`, `A+ctrl` and `ctrl_A`.
    pub fn find<'a>(
        &self,
        perturbations: &'a [Perturbation],
        format: &LabelFormat,
    ) -> Option<&'a Perturbation> {
        self.spellings(format)
            .find_map(|wanted| perturbations.iter().find(|p| !p.is_control() && **p == wanted))
    }

    fn spellings(&self, format: &LabelFormat) -> impl Iterator<Item = Perturbation> {
        let joined_by = [format.separator, '+', '/'];
        let controls = [format.control.as_str(), "ctrl"];
        let mut spellings = Vec::new();
        // Variants and drugs are written with marks that would be taken for separators; only genes are tried both ways.
        let n_separators = if format.kind == LabelKind::Genes { joined_by.len() } else { 1 };
        for label in [&self.perturbation, &self.as_printed] {
            for separator in &joined_by[..n_separators] {
                for control in controls {
                    let format = LabelFormat {
                        separator: *separator,
                        control: control.to_owned(),
                        ..format.clone()
                    };
                    spellings.extend(Perturbation::parse(label, &format));
                }
            }
        }
        spellings.into_iter().filter(|p| !p.is_control())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# from a slide\nrow\tperturbation\tas_printed\tn\tr2\tfid\n\
        0\tA+B\tB/A\t12\t0.5\t1.5\n1\tC\tctrl/C\t3\t0.25\t2\n2\t\tMEEP\t4\t0.1\t3\n";

    #[test]
    fn printed_rows_find_their_perturbation_in_any_spelling() {
        let table = PrintedTable::parse(TABLE).unwrap();
        assert_eq!(table.source, ["from a slide"]);
        for (control, separator, labels) in [
            ("ctrl", '+', ["ctrl", "B+A", "C+ctrl"]),
            ("control", '_', ["control", "A_B", "C"]),
            ("ctrl", '/', ["ctrl", "A/B", "ctrl/C"]),
        ] {
            let format =
                LabelFormat { control: control.into(), separator, ..LabelFormat::default() };
            let screen: Vec<Perturbation> =
                labels.iter().map(|l| Perturbation::parse(l, &format).unwrap()).collect();
            let found =
                |row: usize| table.rows[row].find(&screen, &format).map(Perturbation::label);
            assert_eq!((found(0), found(1)), (Some(labels[1]), Some(labels[2])), "{labels:?}");
            assert_eq!(found(2), None);
        }
    }

    #[test]
    fn errors_name_line_and_column() {
        let error = PrintedTable::parse("perturbation\tn\tr2\tfid\n").unwrap_err();
        assert!(error.contains("line 1") && error.contains("as_printed"), "{error}");
        let error = PrintedTable::parse(&TABLE.replace("0.25", "x")).unwrap_err();
        assert!(error.contains("line 4") && error.contains("r2"), "{error}");
        assert!(PrintedTable::parse("# nothing").is_err());
    }
}
