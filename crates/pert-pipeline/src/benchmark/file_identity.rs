//! Which file a run was made of, told by its content and not by where it lies.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::Crc;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// Size and checksum of a file, and its name for people.
///
/// ```
/// # let folder = tempfile::tempdir().expect("a scratch folder");
/// use pert_pipeline::FileIdentity;
/// let (a, b) = (folder.path().join("a"), folder.path().join("b"));
/// std::fs::write(&a, "cells").expect("writes");
/// std::fs::copy(&a, &b).expect("copies");
/// assert!(FileIdentity::of(&a)?.is_same_content(&FileIdentity::of(&b)?));
/// # Ok::<(), pert_pipeline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileIdentity {
    /// Name without folders.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Checksum of its content.
    pub crc32: u32,
}

impl FileIdentity {
    /// Reads a file once, whole.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn of(path: &Path) -> Result<Self, Error> {
        let io = |e| Error::io("read", path, e);
        let mut file = File::open(path).map_err(io)?;
        let mut crc = Crc::new();
        let mut chunk = vec![0; CHUNK];
        let mut bytes = 0;
        loop {
            let n = file.read(&mut chunk).map_err(io)?;
            if n == 0 {
                break;
            }
            crc.update(&chunk[..n]);
            bytes += n as u64;
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok(Self { file: name.to_string_lossy().into_owned(), bytes, crc32: crc.sum() })
    }

    /// Whether another file holds the same bytes, as far as length and checksum tell.
    pub fn is_same_content(&self, other: &Self) -> bool {
        (self.bytes, self.crc32) == (other.bytes, other.crc32)
    }
}
