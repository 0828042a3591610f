//! Rows computed before, on disk.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::protein::error::ProteinError;

/// The first words of a file; another version starts anew.
const FORMAT: &str = "pert-esm2-rows 1";

/// Name of the tensor of rows.
const ROWS: &str = "rows";

/// The most bytes of a file that are read: 20 substitutions of each residue of the longest human protein, 641 numbers each.
const LARGEST_FILE: u64 = 2 << 30;

/// The rows of variants of one protein under one network and setting.
#[derive(Debug)]
pub(super) struct CacheFile {
    path: PathBuf,
    key: String,
    dim: usize,
    rows: HashMap<String, Vec<f32>>,
    is_saved: bool,
}

impl CacheFile {
    /// Opens the file of a key in a folder; a missing one is empty.
    pub fn open(folder: &Path, key: &[u8; 32], dim: usize) -> Result<Self, ProteinError> {
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = folder.join(format!("esm2-{}.safetensors", &key[..16]));
        let rows = match File::open(&path) {
            Ok(file) => read(&path, file, &key, dim)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(ProteinError::io("read", &path, error)),
        };
        Ok(Self { path, key, dim, rows, is_saved: true })
    }

    pub fn get(&self, variant: &str) -> Option<&[f32]> {
        self.rows.get(variant).map(Vec::as_slice)
    }

    pub fn insert(&mut self, variant: String, row: Vec<f32>) {
        self.rows.insert(variant, row);
        self.is_saved = false;
    }

    /// Writes what is new; a reader, or a run cut off, sees the old file or the new one.
    pub fn save(&mut self) -> Result<(), ProteinError> {
        if self.is_saved {
            return Ok(());
        }
        let mut variants: Vec<&String> = self.rows.keys().collect();
        variants.sort_unstable(); // the same rows give the same bytes
        let bytes: Vec<u8> = variants
            .iter()
            .flat_map(|variant| &self.rows[*variant])
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let bad = |reason: String| ProteinError::BadCache { path: self.path.clone(), reason };
        let view = TensorView::new(Dtype::F32, vec![variants.len(), self.dim], &bytes)
            .map_err(|e| bad(e.to_string()))?;
        let names = variants.iter().map(|v| v.as_str()).collect::<Vec<_>>().join("\n");
        let metadata = HashMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("key".to_owned(), self.key.clone()),
            ("variants".to_owned(), names),
        ]);
        let file = safetensors::serialize([(ROWS, view)], Some(metadata))
            .map_err(|e| bad(e.to_string()))?;
        write(&self.path, &file).map_err(|e| ProteinError::io("write", &self.path, e))?;
        self.is_saved = true;
        Ok(())
    }
}

fn read(
    path: &Path,
    file: File,
    key: &str,
    dim: usize,
) -> Result<HashMap<String, Vec<f32>>, ProteinError> {
    let bad =
        |reason: &str| ProteinError::BadCache { path: path.to_owned(), reason: reason.into() };
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| ProteinError::io("read", path, e))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(ProteinError::TooLarge { path: path.to_owned(), limit: LARGEST_FILE });
    }
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| bad(&e.to_string()))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| bad(&e.to_string()))?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let text = |name: &str| metadata.get(name).map(String::as_str).unwrap_or_default();
    if text("format") != FORMAT {
        return Err(bad("it is no file of rows of this version"));
    }
    if text("key") != key {
        return Err(bad("it is of another network, protein or setting"));
    }
    let variants: Vec<&str> = text("variants").lines().collect();
    let view = tensors.tensor(ROWS).map_err(|e| bad(&e.to_string()))?;
    if view.dtype() != Dtype::F32 || view.shape() != [variants.len(), dim] {
        return Err(bad("its rows are not as many and as wide as it says"));
    }
    let values: Vec<f32> =
        view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(bad("a row holds a number that is not finite"));
    }
    let rows = values.chunks_exact(dim).map(<[f32]>::to_vec);
    Ok(variants.into_iter().map(str::to_owned).zip(rows).collect())
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".esm2-").suffix(".tmp").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn rows_come_back_bit_for_bit_and_leave_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("made/for/it");
        let mut cache = CacheFile::open(&inner, &KEY, 2).unwrap();
        cache.save().unwrap();
        assert!(!inner.exists(), "nothing new, nothing written");
        cache.insert("G12D".into(), vec![0.1, -3e-20]);
        cache.insert("A1V".into(), vec![1.0, 2.0]);
        cache.save().unwrap();
        let again = CacheFile::open(&inner, &KEY, 2).unwrap();
        assert_eq!(again.get("G12D"), Some(&[0.1, -3e-20][..]));
        assert_eq!((again.get("A1V"), again.get("A1W")), (Some(&[1.0, 2.0][..]), None));
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1);
    }

    #[test]
    fn damaged_or_foreign_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = CacheFile::open(folder.path(), &KEY, 2).unwrap();
        cache.insert("G12D".into(), vec![0.5, 0.25]);
        cache.save().unwrap();
        let path = cache.path.clone();
        let good = fs::read(&path).unwrap();
        for length in 0..good.len() {
            fs::write(&path, &good[..length]).unwrap();
            let error = CacheFile::open(folder.path(), &KEY, 2).unwrap_err().to_string();
            assert!(error.contains("esm2-0707") && error.contains("delete it"), "{error}");
        }
        fs::write(&path, &good).unwrap();
        let error = CacheFile::open(folder.path(), &KEY, 3).unwrap_err();
        assert!(matches!(error, ProteinError::BadCache { .. }));
        let mut other = KEY;
        other[31] = 8; // the file's name has the first bytes alone
        let error = CacheFile::open(folder.path(), &other, 2).unwrap_err().to_string();
        assert!(error.contains("another network"), "{error}");
    }
}
