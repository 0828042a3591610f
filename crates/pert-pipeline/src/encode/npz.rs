//! Arrays in a file as numpy's `savez_compressed` writes them.
//!
//! Formats: NEP 1 (npy, version 1.0); APPNOTE 6.3 of PKWARE (zip), of which only deflated entries without the extension for
//! sizes of 4 GiB and more are used.

use std::io::{self, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END_OF_DIRECTORY: u32 = 0x0605_4b50;
/// Version 2.0 of the zip format knows deflated entries.
const ZIP_VERSION: u16 = 20;
const DEFLATED: u16 = 8;
/// The first of January 1980, the earliest day of the format: the same arrays give the same bytes.
const DAY: u16 = 0x0021;
/// The start of an array is a multiple of this.
const ALIGNMENT: usize = 64;

/// Writes arrays one after another.
pub(super) struct NpzWriter<'a> {
    out: &'a mut dyn Write,
    written: u64,
    directory: Vec<u8>,
    n: u16,
}

impl<'a> NpzWriter<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out, written: 0, directory: Vec::new(), n: 0 }
    }

    /// Writes an array of a numpy type such as `<f4`, its values in row-major order.
    pub fn array<const N: usize>(
        &mut self,
        name: &str,
        dtype: &str,
        shape: &[usize],
        values: impl Iterator<Item = [u8; N]>,
    ) -> io::Result<()> {
        let mut entry = Entry::new();
        entry.write_all(&npy_header(dtype, shape))?;
        for value in values {
            entry.write_all(&value)?;
        }
        self.entry(&format!("{name}.npy"), entry)
    }

    fn entry(&mut self, name: &str, entry: Entry) -> io::Result<()> {
        let (bytes, crc, size) = entry.finish()?;
        let too_large =
            || io::Error::other("npz files of 4 GiB and more are not written; write a .tsv");
        let in_u32 = |n: u64| u32::try_from(n).map_err(|_| too_large());
        let (compressed, size) = (in_u32(bytes.len() as u64)?, in_u32(size)?);
        let mut common = Vec::new();
        for word in [ZIP_VERSION, 0, DEFLATED, 0, DAY] {
            common.extend(word.to_le_bytes());
        }
        for word in [crc, compressed, size] {
            common.extend(word.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0u16.to_le_bytes()); // no extra field

        self.directory.extend(CENTRAL_HEADER.to_le_bytes());
        self.directory.extend(ZIP_VERSION.to_le_bytes());
        self.directory.extend(&common);
        self.directory.extend([0; 10]); // no comment, first disk, attributes
        self.directory.extend(in_u32(self.written)?.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.n += 1;

        self.put(&LOCAL_HEADER.to_le_bytes())?;
        self.put(&common)?;
        self.put(name.as_bytes())?;
        self.put(&bytes)
    }

    /// Writes the directory, without which the file is none.
    pub fn finish(mut self) -> io::Result<()> {
        let start = u32::try_from(self.written).map_err(io::Error::other)?;
        let directory = std::mem::take(&mut self.directory);
        self.put(&directory)?;
        let mut end = END_OF_DIRECTORY.to_le_bytes().to_vec();
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

/// Writes texts as an array of numpy's type `<U`.
pub(super) fn text_array(npz: &mut NpzWriter<'_>, name: &str, texts: &[String]) -> io::Result<()> {
    let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
    let padded = texts.iter().flat_map(|text| {
        text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width).map(u32::to_le_bytes)
    });
    npz.array(name, &format!("<U{width}"), &[texts.len()], padded)
}

/// The content of an entry while it is compressed.
struct Entry {
    compressed: DeflateEncoder<Vec<u8>>,
    crc: Crc,
    size: u64,
}

impl Entry {
    fn new() -> Self {
        let compressed = DeflateEncoder::new(Vec::new(), Compression::fast());
        Self { compressed, crc: Crc::new(), size: 0 }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
        self.compressed.write_all(bytes)
    }

    fn finish(self) -> io::Result<(Vec<u8>, u32, u64)> {
        Ok((self.compressed.finish()?, self.crc.sum(), self.size))
    }
}

fn npy_header(dtype: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|n| format!("{n},")).collect();
    let mut text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    let unpadded = header.len() + size_of::<u16>() + text.len() + 1;
    text.push_str(&" ".repeat(unpadded.next_multiple_of(ALIGNMENT) - unpadded));
    text.push('\n');
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.into_bytes());
    header
}
