//! An HDF5 file that is not trusted: every call of the library goes through here.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hdf5_pure::{AttrValue, File, FormatError};

use crate::Error;

/// What is held in memory at once may be this many times the file …
pub(super) const MEMORY_EXPANSION: u64 = 64;

/// … and at least this many bytes, for files that are small.
const MEMORY_FLOOR: u64 = 64 << 20;

/// What an HDF5 file begins with.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// What the stand-in of git-LFS begins with.
const LFS_POINTER: &[u8] = b"version https://git-lfs";

/// An open HDF5 file with its path and length.
pub(crate) struct Container {
    path: PathBuf,
    n_bytes: u64,
    file: File,
}

/// What a path inside the file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    Group,
    Dataset,
    Missing,
}

impl Container {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// One of its own for: no file, a folder, a git-LFS pointer, another format, a truncated file.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let read_error = |source: std::io::Error| Error::Read { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::MissingFile { path: path.to_owned() },
            _ => read_error(source),
        })?;
        if metadata.is_dir() {
            return Err(Error::Directory { path: path.to_owned() });
        }
        let n_bytes = metadata.len();
        let mut start = Vec::new();
        let file = fs::File::open(path).map_err(read_error)?;
        file.take(64).read_to_end(&mut start).map_err(read_error)?;
        if start.starts_with(LFS_POINTER) {
            return Err(Error::GitLfsPointer { path: path.to_owned() });
        }
        if start.starts_with(SIGNATURE) {
            if let Some(expected) = announced_length(&start).filter(|&length| length > n_bytes) {
                return Err(Error::Truncated { path: path.to_owned(), found: n_bytes, expected });
            }
        } else if !hdf5_pure::is_hdf5(path).unwrap_or(false) {
            let start = String::from_utf8_lossy(&start[..start.len().min(16)]).into_owned();
            return Err(Error::NotHdf5 { path: path.to_owned(), n_bytes, start });
        }
        let file = call(path, "the file", || File::open_streaming(path))?;
        Ok(Self { path: path.to_owned(), n_bytes, file })
    }

    /// The file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Length of the file in bytes.
    pub(super) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An error about content that contradicts itself.
    pub(crate) fn corrupt(&self, object: &str, reason: impl Into<String>) -> Error {
        Error::Corrupt { path: self.path.clone(), object: object.into(), reason: reason.into() }
    }

    /// An error about content that is valid but not read here.
    pub(crate) fn unsupported(&self, object: &str, reason: impl Into<String>) -> Error {
        Error::Unsupported { path: self.path.clone(), object: object.into(), reason: reason.into() }
    }

    /// What `object` names.
    pub(crate) fn node(&self, object: &str) -> Result<Node, Error> {
        let found = call(&self.path, object, || match self.file.dataset(object) {
            Ok(_) => Ok(Node::Dataset),
            Err(hdf5_pure::Error::NotADataset(_)) => Ok(Node::Group),
            Err(
                hdf5_pure::Error::NotAGroup(_)
                | hdf5_pure::Error::Format(FormatError::PathNotFound(_)),
            ) => Ok(Node::Missing),
            Err(error) => Err(error),
        })?;
        if found == Node::Group {
            return call(&self.path, object, || match self.file.group(object) {
                Ok(_) => Ok(Node::Group),
                Err(hdf5_pure::Error::NotAGroup(_)) => Ok(Node::Missing),
                Err(error) => Err(error),
            });
        }
        Ok(found)
    }

    /// Names of the groups and datasets in a group, sorted; nothing when there is no such group.
    pub(crate) fn members(&self, group: &str) -> Result<Vec<String>, Error> {
        if !group.is_empty() && self.node(group)? != Node::Group {
            return Ok(Vec::new());
        }
        let mut names = call(&self.path, group, || {
            let group = if group.is_empty() { self.file.root() } else { self.file.group(group)? };
            let mut names = group.datasets()?;
            names.extend(group.groups()?);
            Ok(names)
        })?;
        names.sort_unstable();
        Ok(names)
    }

    /// The attributes of a group or dataset.
    pub(crate) fn attributes(&self, object: &str) -> Result<HashMap<String, AttrValue>, Error> {
        call(&self.path, object, || match self.file.group(object) {
            Ok(group) => group.attrs(),
            Err(hdf5_pure::Error::NotAGroup(_)) => self.file.dataset(object)?.attrs(),
            Err(error) => Err(error),
        })
    }

    /// What a group says it is (`dict`, `dataframe`, `csr_matrix`); nothing where it does not say, as before anndata 0.8.
    pub(crate) fn encoding(&self, group: &str) -> Result<Option<String>, Error> {
        let attributes = self.attributes(group)?;
        Ok(attributes.get("encoding-type").and_then(AttrValue::as_str).map(str::to_owned))
    }

    /// The most bytes that may be taken to hold what this file expands to.
    pub(crate) fn memory_limit(&self) -> u64 {
        self.n_bytes.saturating_mul(MEMORY_EXPANSION).max(MEMORY_FLOOR)
    }
}

/// Calls the HDF5 library; its errors, and its panics on hostile bytes, become ours.
pub(super) fn call<T>(
    path: &Path,
    object: &str,
    run: impl FnOnce() -> Result<T, hdf5_pure::Error>,
) -> Result<T, Error> {
    let object = if object.is_empty() { "the root group" } else { object };
    let reason = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(hdf5_pure::Error::Format(FormatError::UnsupportedFilter(id)))) => {
            return Err(Error::UnsupportedFilter {
                path: path.to_owned(),
                object: object.to_owned(),
                filter: filter_name(id),
            });
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "its bytes make no sense".to_owned(),
    };
    Err(Error::Corrupt { path: path.to_owned(), object: object.to_owned(), reason })
}

/// Registered filters that AnnData files are met with (list of the HDF Group).
fn filter_name(id: u16) -> String {
    let name = match id {
        4 => "szip",
        32001 => "blosc",
        32004 => "lz4",
        32008 => "bitshuffle",
        32013 => "zfp",
        32015 => "zstd",
        32026 => "blosc2",
        _ => "an unknown filter",
    };
    format!("{name} (HDF5 filter {id})")
}

/// The end-of-file address in a superblock (HDF5 file format specification, II.A).
fn announced_length(start: &[u8]) -> Option<u64> {
    let version = *start.get(8)?;
    let (width_at, first_address) = match version {
        0 => (13, 24),
        1 => (13, 28),
        2 | 3 => (9, 12),
        _ => return None,
    };
    let width = usize::from(*start.get(width_at)?);
    // Base address, then one more address, then the end of the file.
    let field = start.get(first_address + 2 * width..first_address + 3 * width)?;
    if width == 0 || width > 8 {
        return None;
    }
    let mut bytes = [0u8; 8];
    bytes[..width].copy_from_slice(field);
    Some(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announced_length_is_read_from_every_superblock() {
        let superblock = |version: u8, width_at: usize, length_at: usize| {
            let mut bytes = [SIGNATURE, &[version; 1], &[0; 55]].concat();
            bytes[width_at] = 8;
            bytes[length_at..length_at + 8].copy_from_slice(&77u64.to_le_bytes());
            bytes
        };
        assert_eq!(announced_length(&superblock(0, 13, 40)), Some(77));
        assert_eq!(announced_length(&superblock(1, 13, 44)), Some(77));
        assert_eq!(announced_length(&superblock(3, 9, 28)), Some(77));
        assert_eq!(announced_length(&superblock(9, 9, 28)), None);
        assert_eq!(announced_length(SIGNATURE), None);
    }
}
