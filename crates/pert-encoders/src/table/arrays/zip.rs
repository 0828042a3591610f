//! As much of the zip format as npz files are made of.

use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::error::ArrayProblem;

/// Signatures (APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.16).
pub(super) const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
pub(super) const DIRECTORY_HEADER: &[u8] = b"PK\x01\x02";
pub(super) const END_OF_DIRECTORY: &[u8] = b"PK\x05\x06";

/// Lengths of their fixed parts.
const LOCAL_LENGTH: usize = 30;
const DIRECTORY_LENGTH: usize = 46;
const END_LENGTH: usize = 22;

/// The longest comment behind the end record.
const LONGEST_COMMENT: usize = u16::MAX as usize;

/// What stands for a value that is written elsewhere because it needs 64 bits.
const IN_ZIP64: u32 = u32::MAX;

const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;

pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(LOCAL_HEADER) || bytes.starts_with(END_OF_DIRECTORY)
}

/// The entries of a zip archive in memory.
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    /// Place of its local header.
    at: u32,
}

fn damaged(reason: &str) -> ArrayProblem {
    ArrayProblem::Damaged { reason: reason.to_owned() }
}

/// Little-endian fields of a record.
struct Record<'a>(&'a [u8]);

impl<'a> Record<'a> {
    fn at(
        bytes: &'a [u8],
        at: usize,
        signature: &[u8],
        length: usize,
    ) -> Result<Self, ArrayProblem> {
        let end = at.checked_add(length);
        let record = end.and_then(|end| bytes.get(at..end)).filter(|r| r.starts_with(signature));
        record.map(Self).ok_or_else(|| damaged("a record of the archive is not where it should be"))
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }
}

impl<'a> Archive<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, ArrayProblem> {
        let first = bytes.len().saturating_sub(END_LENGTH + LONGEST_COMMENT);
        let place =
            bytes[first..].windows(END_OF_DIRECTORY.len()).rposition(|w| w == END_OF_DIRECTORY);
        let place = place.ok_or_else(|| damaged("the archive has no end"))? + first;
        let end = Record::at(bytes, place, END_OF_DIRECTORY, END_LENGTH)?;
        let (n_entries, mut at) = (end.u16(10), end.u32(16) as usize);
        let mut entries = Vec::new();
        for _ in 0..n_entries {
            let record = Record::at(bytes, at, DIRECTORY_HEADER, DIRECTORY_LENGTH)?;
            let [name, extra, comment] = [28, 30, 32].map(|field| usize::from(record.u16(field)));
            let name_at = at + DIRECTORY_LENGTH;
            let text = bytes.get(name_at..name_at + name);
            let text = text.ok_or_else(|| damaged("a name of the archive is cut off"))?;
            let entry = Entry {
                name: String::from_utf8_lossy(text).into_owned(),
                flags: record.u16(8),
                method: record.u16(10),
                crc: record.u32(16),
                packed: record.u32(20),
                at: record.u32(42),
            };
            if [entry.packed, record.u32(24), entry.at].contains(&IN_ZIP64) {
                return Err(damaged("an entry larger than 4 GB"));
            }
            entries.push(entry);
            at = name_at + name + extra + comment;
        }
        Ok(Self { bytes, entries })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// The content of an entry, at most `limit` bytes; `None` when there is none of the name.
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ArrayProblem> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name) else {
            return Ok(None);
        };
        let packing = |found: String| Err(ArrayProblem::Packing { entry: name.to_owned(), found });
        if entry.flags & ENCRYPTED != 0 {
            return packing("encryption".to_owned());
        }
        let at = entry.at as usize;
        let header = Record::at(self.bytes, at, LOCAL_HEADER, LOCAL_LENGTH)?;
        let start = at + LOCAL_LENGTH + usize::from(header.u16(26)) + usize::from(header.u16(28));
        let packed = self.bytes.get(start..start + entry.packed as usize);
        let packed = packed.ok_or_else(|| damaged("an entry of the archive is cut off"))?;
        let mut content = Vec::new();
        match entry.method {
            STORED => content.extend_from_slice(packed),
            DEFLATED => {
                let unpacked =
                    DeflateDecoder::new(packed).take(limit + 1).read_to_end(&mut content);
                unpacked.map_err(|error| damaged(&error.to_string()))?;
            }
            method => return packing(format!("method {method}")),
        }
        if content.len() as u64 > limit {
            return Err(ArrayProblem::TooLarge { array: name.to_owned(), limit });
        }
        let mut crc = Crc::new();
        crc.update(&content);
        if crc.sum() != entry.crc {
            return Err(damaged("an entry differs from its checksum"));
        }
        Ok(Some(content))
    }
}
