//! Tab-separated text, gzipped.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

/// A table as text, columns by name.
pub struct Table {
    place_of: HashMap<String, usize>,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn read(path: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let file = std::fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut text = String::new();
        GzDecoder::new(file).read_to_string(&mut text)?;
        let mut lines = text.lines().map(|l| l.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let header = lines.next().ok_or("the table is empty")?;
        let place_of = header.iter().cloned().zip(0..).collect();
        Ok(Self { place_of, header, rows: lines.collect() })
    }

    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// All texts of a row.
    pub fn row(&self, row: usize) -> &[String] {
        &self.rows[row]
    }

    pub fn text(&self, row: usize, column: &str) -> Result<&str, String> {
        let place = self.place_of.get(column).ok_or_else(|| format!("no column {column:?}"))?;
        let text = self.rows[row].get(*place).ok_or_else(|| format!("row {row} is too short"))?;
        Ok(text)
    }
}
