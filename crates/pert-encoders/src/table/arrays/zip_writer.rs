//! Zip archives of deflated entries, without the extension for sizes of 4 GiB and more.

use std::io::{self, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::zip::{DEFLATED, DIRECTORY_HEADER, END_OF_DIRECTORY, LOCAL_HEADER};

/// Version 2.0 of the zip format knows deflated entries.
const ZIP_VERSION: u16 = 20;
/// The first of January 1980, the earliest day of the format: the same entries give the same bytes.
const DAY: u16 = 0x0021;

/// Writes entries one after another.
pub(super) struct ZipWriter<'a> {
    out: &'a mut dyn Write,
    written: u64,
    directory: Vec<u8>,
    n: u16,
}

impl<'a> ZipWriter<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out, written: 0, directory: Vec::new(), n: 0 }
    }

    /// Writes an entry of the bytes that `content` writes.
    pub fn entry(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut entry = Entry::new();
        content(&mut entry)?;
        let packed = entry.packed.finish()?;
        let too_large =
            || io::Error::other("archives of 4 GiB and more are not written; write a .tsv");
        let in_u32 = |n: u64| u32::try_from(n).map_err(|_| too_large());
        let sizes = [in_u32(packed.len() as u64)?, in_u32(entry.size)?];
        let mut common = Vec::new();
        for word in [ZIP_VERSION, 0, DEFLATED, 0, DAY] {
            common.extend(word.to_le_bytes());
        }
        for word in [entry.crc.sum(), sizes[0], sizes[1]] {
            common.extend(word.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0u16.to_le_bytes()); // no extra field

        self.directory.extend(DIRECTORY_HEADER);
        self.directory.extend(ZIP_VERSION.to_le_bytes());
        self.directory.extend(&common);
        self.directory.extend([0; 10]); // no comment, first disk, attributes
        self.directory.extend(in_u32(self.written)?.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.n += 1;

        self.put(LOCAL_HEADER)?;
        self.put(&common)?;
        self.put(name.as_bytes())?;
        self.put(&packed)
    }

    /// Writes the directory, without which the file is none.
    pub fn finish(mut self) -> io::Result<()> {
        let start = u32::try_from(self.written).map_err(io::Error::other)?;
        let directory = std::mem::take(&mut self.directory);
        self.put(&directory)?;
        let mut end = END_OF_DIRECTORY.to_vec();
        end.extend([0; 4]); // the only disk
        end.extend(self.n.to_le_bytes().repeat(2));
        end.extend((directory.len() as u32).to_le_bytes());
        end.extend(start.to_le_bytes());
        end.extend([0; 2]); // no comment
        self.put(&end)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// The content of an entry while it is compressed.
struct Entry {
    packed: DeflateEncoder<Vec<u8>>,
    crc: Crc,
    size: u64,
}

impl Entry {
    fn new() -> Self {
        let packed = DeflateEncoder::new(Vec::new(), Compression::fast());
        Self { packed, crc: Crc::new(), size: 0 }
    }
}

impl Write for Entry {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.packed.write(bytes)?;
        self.crc.update(&bytes[..n]);
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.packed.flush()
    }
}
