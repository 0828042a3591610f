//! Tables of gene features as files: read, decompressed, bounded, written.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::arrays::{is_arrays, parse_arrays};
use super::feature_table::{FeatureRow, FeatureTable};
use super::ontology::{OntologyError, is_gaf, is_obo};
use super::text::{DENSE_FORMAT, SPARSE_FORMAT, parse};
use crate::Error;

/// The most bytes of text that are read: 20,000 genes × 4,000 numbers of 12 characters. A few kilobytes of gzip can
/// unpack to more than any machine holds.
pub(crate) const LARGEST_TABLE: u64 = 1 << 30;

/// What every gzip file begins with (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What every git-LFS pointer begins with.
const LFS_POINTER: &[u8] = b"version https://git-lfs";

impl FeatureTable {
    /// Reads a table of features; what kind the file is, is told by its content, not by its name.
    ///
    /// | kind | told by | values |
    /// |---|---|---|
    /// | annotation lists | header `gene_symbol`, `n_terms`, `go_ids` (ids joined by `|`) | TF-IDF |
    /// | gene sets, one a line | header `set`, `genes` (genes joined by `|`) | TF-IDF |
    /// | gene sets, GMT | no header and no numbers: see [`FeatureTable::read_gmt`] | TF-IDF |
    /// | what [`FeatureTable::write_tsv`] wrote | its first line | as they stand |
    /// | columns of numbers | any other header; first column the gene | centred and scaled |
    /// | arrays, npz or safetensors | their first bytes: see [`FeatureTable::read_arrays`] | centred and scaled |
    ///
    /// Texts are tab- or comma-separated, plain or gzip. A GAF needs its ontology ([`FeatureTable::read_gaf`]) and is
    /// refused here.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::GitLfsPointer`], [`Error::TooLarge`], [`Error::NotText`], [`Error::Table`] with the line
    /// and what is wrong with it, [`Error::Arrays`], and [`Error::Ontology`] for a GAF or OBO alone.
    ///
    /// ```
    /// use pert_encoders::FeatureTable;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("go.tsv");
    /// std::fs::write(&path, "gene_symbol\tn_terms\tgo_ids\nKLF1\t2\tGO:1|GO:2\nMYC\t1\tGO:2\n")?;
    /// let features = FeatureTable::read(&path)?;
    /// assert_eq!((features.genes().len(), features.columns()), (2, &["GO:1".into(), "GO:2".into()][..]));
    /// // GO:2 stands at every gene, so it weighs ln(2/2) = 0, and GO:1 alone makes up the unit length.
    /// let klf1 = features.get("KLF1").expect("a row of the table");
    /// assert!((klf1.dot(&[1.0, 0.0]) - 1.0).abs() < 1e-12 && klf1.dot(&[0.0, 1.0]) == 0.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        read_table(path.as_ref(), LARGEST_TABLE)
    }

    /// Writes the table so that [`FeatureTable::read`] gives it back bit for bit: standardised or weighted as it is
    /// held, marked by its first line.
    ///
    /// # Errors
    /// Those of the writer; of kind `InvalidInput` when a name holds a line break or outer white space, which a table
    /// read from a file never does.
    ///
    /// ```
    /// use pert_encoders::FeatureTable;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("features.tsv");
    /// let genes = ["KLF1", "MYC", "SPI1"].map(str::to_owned).to_vec();
    /// let features = FeatureTable::from_dense(genes, vec!["length".into()], vec![0.1, 0.2, 0.7])?;
    /// features.write_tsv(std::fs::File::create(&path)?)?;
    /// assert_eq!(FeatureTable::read(&path)?, features);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_tsv(&self, mut out: impl Write) -> io::Result<()> {
        if self.is_sparse() {
            writeln!(out, "{SPARSE_FORMAT}\ngene\tweights")?;
        } else {
            write!(out, "{DENSE_FORMAT}\ngene")?;
            for column in &self.columns {
                write!(out, "\t{}", field(column)?)?;
            }
            out.write_all(b"\n")?;
        }
        for (row, gene) in self.genes.iter().enumerate() {
            out.write_all(field(gene)?.as_bytes())?;
            match self.row(row) {
                FeatureRow::Dense(values) => {
                    for value in values {
                        write!(out, "\t{value}")?;
                    }
                }
                FeatureRow::Sparse { indices, weights } => {
                    let entry = |(&c, w): (&u32, &f64)| format!("{}={w}", self.columns[c as usize]);
                    let list: Vec<String> = indices.iter().zip(weights).map(entry).collect();
                    write!(out, "\t{}", field(&list.join("|"))?)?;
                }
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

/// A name as a field of a tab-separated line, quoted where it must be.
pub(super) fn field(name: &str) -> io::Result<Cow<'_, str>> {
    if name.contains(['\n', '\r']) || name.trim() != name {
        let message = format!("the name {name:?} holds a line break or outer white space");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if name.contains(['\t', '"']) {
        return Ok(Cow::Owned(format!("\"{}\"", name.replace('"', "\"\""))));
    }
    Ok(Cow::Borrowed(name))
}

fn read_table(path: &Path, limit: u64) -> Result<FeatureTable, Error> {
    let bytes = read_bounded(path, limit)?;
    if is_arrays(&bytes) {
        return Ok(parse_arrays(&bytes, path, limit)?);
    }
    let text = text_of(bytes, path)?;
    if is_gaf(&text) {
        return Err(OntologyError::NeedsOntology { path: path.to_owned() }.into());
    }
    if is_obo(&text) {
        return Err(OntologyError::NoGenes { path: path.to_owned() }.into());
    }
    parse(&text).map_err(|(line, problem)| Error::Table { path: path.to_owned(), line, problem })
}

/// The text of a table, plain or gzip.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, Error> {
    text_of(read_bounded(path, limit)?, path)
}

/// The bytes of a file, unpacked if they are gzip.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut start = Vec::new();
    file.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut start).map_err(failed)?;
    let whole = io::Cursor::new(&start).chain(file);
    let mut bytes = Vec::new();
    if start == GZIP_MAGIC {
        MultiGzDecoder::new(whole).take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        whole.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { path: path.to_owned(), limit });
    }
    if bytes.starts_with(LFS_POINTER) {
        return Err(Error::GitLfsPointer { path: path.to_owned() });
    }
    Ok(bytes)
}

fn text_of(bytes: Vec<u8>, path: &Path) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|&&b| b == b'\n').count();
        Error::NotText { path: path.to_owned(), line }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_gzip_and_joined_gzip_are_one_table() {
        let text = b"gene\tx\ty\nA\t1\t2\nB\t3\t-4\n";
        let plain = FeatureTable::read(file(text)).unwrap();
        assert_eq!(plain, FeatureTable::read(file(&gzip(text))).unwrap());
        let mut joined = gzip(&text[..9]);
        joined.extend(gzip(&text[9..]));
        assert_eq!(plain, FeatureTable::read(file(&joined)).unwrap());
        assert_eq!((plain.dim(), plain.is_sparse()), (2, false));
    }

    #[test]
    fn a_bomb_is_cut_off_at_the_limit() {
        let bomb = file(&gzip(&vec![b'a'; 1 << 20]));
        let error = read_table(bomb.path(), 1 << 16).unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 65_536, .. }), "{error}");
        let text = b"gene\tx\nA\t1\n";
        assert!(read_table(file(text).path(), text.len() as u64).is_ok());
        assert!(read_table(file(text).path(), text.len() as u64 - 1).is_err());
    }

    #[test]
    fn what_is_no_table_is_told_apart() {
        let missing = FeatureTable::read("no/such/table.tsv").unwrap_err();
        assert!(missing.to_string().contains("no/such/table.tsv"), "{missing}");
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n";
        assert!(matches!(FeatureTable::read(file(pointer)), Err(Error::GitLfsPointer { .. })));
        let binary = FeatureTable::read(file(b"gene\tx\nA\t\xff\xfe\n"));
        assert!(matches!(binary, Err(Error::NotText { line: 2, .. })));
        let cut = gzip(b"gene\tx\nA\t1\nB\t2\n");
        assert!(matches!(FeatureTable::read(file(&cut[..cut.len() - 9])), Err(Error::Read { .. })));
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(FeatureTable::read(folder.path()), Err(Error::Read { .. })));
        assert!(matches!(FeatureTable::read(file(b"")), Err(Error::Table { .. })));
    }

    #[test]
    fn odd_names_survive_or_are_refused() {
        let csv = "gene,\"x\ty\",\"say \"\"z\"\"\"\n\"A\tB\",1,2\n\"\"\"C\",3,5\n";
        let table = FeatureTable::read(file(csv.as_bytes())).unwrap();
        assert_eq!(table.genes(), ["A\tB", "\"C"]);
        let mut bytes = Vec::new();
        table.write_tsv(&mut bytes).unwrap();
        assert_eq!(FeatureTable::read(file(&bytes)).unwrap(), table);
        for name in ["a\nb", " a"] {
            let genes = vec![name.to_owned()];
            let table = FeatureTable::from_dense(genes, vec!["x".to_owned()], vec![1.0]).unwrap();
            assert!(table.write_tsv(Vec::new()).is_err());
        }
    }

    proptest! {
        #[test]
        fn written_tables_come_back_bit_for_bit(
            values in prop::collection::vec(-1e9f64..1e9, 12),
            lists in prop::collection::vec(prop::collection::vec("[A-Z]:[0-9]{1,2}", 0..6), 4),
        ) {
            let names = |prefix: &str, n: usize| -> Vec<String> {
                (0..n).map(|i| format!("{prefix}{i}")).collect()
            };
            let dense = FeatureTable::from_dense(names("G", 4), names("c", 3), values).unwrap();
            let genes = names("G", 4);
            let row_of = super::super::feature_table::index(&genes).unwrap();
            let lists: Vec<Vec<&str>> =
                lists.iter().map(|l| l.iter().map(String::as_str).collect()).collect();
            let sparse = FeatureTable::from_annotations(genes, row_of, &lists);
            for table in [dense.clone(), dense.subset(&names("G", 2)), sparse.clone(), sparse.subset(&names("G", 3))] {
                let mut bytes = Vec::new();
                table.write_tsv(&mut bytes).unwrap();
                prop_assert_eq!(&FeatureTable::read(file(&bytes)).unwrap(), &table);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = FeatureTable::read(file(&bytes));
        }
    }
}
