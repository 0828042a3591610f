//! Arrays of numpy (NEP 1, "A Simple File Format for NumPy Arrays", versions 1 to 3).

use super::check_size;
use super::error::ArrayProblem;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Bytes of a character of numpy's `U` type.
pub(super) const UTF32: usize = 4;

/// The start of the values in a file that is written here is a multiple of this.
const ALIGNMENT: usize = 64;

/// An array, row-major whatever its order in the file.
pub(super) struct NpyArray {
    pub shape: Vec<usize>,
    pub data: NpyData,
}

pub(super) enum NpyData {
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

impl NpyArray {
    /// The array as a list of texts.
    pub fn texts(self, array: &str) -> Result<Vec<String>, ArrayProblem> {
        if self.shape.len() != 1 {
            let expected = "one axis".to_owned();
            return Err(ArrayProblem::Shape {
                array: array.to_owned(),
                expected,
                found: self.shape,
            });
        }
        match self.data {
            NpyData::Texts(texts) => Ok(texts),
            NpyData::Numbers(_) => {
                let found = "numbers".to_owned();
                Err(ArrayProblem::Type { array: array.to_owned(), expected: "text", found })
            }
        }
    }
}

pub(super) fn parse(bytes: &[u8], array: &str, limit: u64) -> Result<NpyArray, ArrayProblem> {
    let (header, data) = split(bytes).ok_or_else(|| damaged(array, "its header is cut off"))?;
    let descr = after(header, "descr")
        .and_then(|rest| rest.strip_prefix('\''))
        .and_then(|rest| rest.split_once('\''))
        .ok_or_else(|| damaged(array, "its type is no plain one"))?
        .0;
    let order =
        after(header, "fortran_order").ok_or_else(|| damaged(array, "its order is missing"))?;
    let is_fortran = order.starts_with("True");
    let shape = shape(header).ok_or_else(|| damaged(array, "its shape is missing"))?;
    let n = check_size(array, &shape, limit)?;
    let (order, kind, size) = type_of(descr).ok_or_else(|| unknown_type(array, descr))?;
    if kind == 'O' {
        return Err(ArrayProblem::Pickled { array: array.to_owned() });
    }
    let width = if kind == 'U' { size.saturating_mul(UTF32) } else { size };
    if width == 0 {
        return Err(unknown_type(array, descr));
    }
    let data = n.checked_mul(width).and_then(|length| data.get(..length));
    let items = data.ok_or_else(|| damaged(array, "its values are cut off"))?.chunks_exact(width);
    let is_big = order == '>';
    let data = match kind {
        'U' => NpyData::Texts(
            items
                .map(|item| utf32(item, is_big))
                .collect::<Option<_>>()
                .ok_or_else(|| damaged(array, "a text is no Unicode"))?,
        ),
        'S' => NpyData::Texts(
            items
                .map(ascii)
                .collect::<Option<_>>()
                .ok_or_else(|| damaged(array, "a text is no UTF-8"))?,
        ),
        _ => {
            let number = number(kind, size).ok_or_else(|| unknown_type(array, descr))?;
            NpyData::Numbers(items.map(|item| number(&little_endian(item, is_big))).collect())
        }
    };
    match (data, shape.as_slice()) {
        (NpyData::Numbers(numbers), &[rows, columns]) if is_fortran => {
            let by_rows = (0..rows).flat_map(|r| (0..columns).map(move |c| c * rows + r));
            let numbers = by_rows.map(|at| numbers[at]).collect();
            Ok(NpyArray { shape, data: NpyData::Numbers(numbers) })
        }
        (data, _) => Ok(NpyArray { shape, data }),
    }
}

/// The header, version 1.0, of an array in row-major order, of a type such as `<f4`.
pub(super) fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|n| format!("{n},")).collect();
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let mut header = [MAGIC, &[1, 0]].concat();
    let unpadded = header.len() + size_of::<u16>() + text.len() + 1;
    text.push_str(&" ".repeat(unpadded.next_multiple_of(ALIGNMENT) - unpadded));
    text.push('\n');
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.into_bytes());
    header
}

fn damaged(array: &str, reason: &str) -> ArrayProblem {
    ArrayProblem::Damaged { reason: format!("array {array:?}: {reason}") }
}

fn unknown_type(array: &str, descr: &str) -> ArrayProblem {
    let expected = "text or numbers of 1 to 8 bytes";
    ArrayProblem::Type { array: array.to_owned(), expected, found: format!("type {descr:?}") }
}

/// Header and data.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (&[major, _minor], rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = if major == 1 {
        let (length, rest) = rest.split_first_chunk::<2>()?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    Some((str::from_utf8(rest.get(..length)?).ok()?, &rest[length..]))
}

/// What stands behind a key of the header's dictionary.
fn after<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}'"))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

fn shape(header: &str) -> Option<Vec<usize>> {
    let (axes, _) = after(header, "shape")?.strip_prefix('(')?.split_once(')')?;
    let axes = axes.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    axes.map(|axis| axis.parse().ok()).collect()
}

/// Byte order, kind and size of a type such as `<f8`.
fn type_of(descr: &str) -> Option<(char, char, usize)> {
    let mut chars = descr.chars();
    let order = chars.next().filter(|c| "<>|=".contains(*c))?;
    let kind = chars.next()?;
    let size = chars.as_str();
    Some((order, kind, if size.is_empty() { 0 } else { size.parse().ok()? }))
}

/// The bytes of an item in little-endian order, from the left.
fn little_endian(item: &[u8], is_big: bool) -> [u8; 8] {
    let mut bytes = [0; 8];
    for (i, &byte) in item.iter().enumerate() {
        bytes[if is_big { item.len() - 1 - i } else { i }] = byte;
    }
    bytes
}

/// How a number of a kind and size is read.
fn number(kind: char, size: usize) -> Option<fn(&[u8; 8]) -> f64> {
    fn first<const N: usize>(bytes: &[u8; 8]) -> [u8; N] {
        std::array::from_fn(|i| bytes[i])
    }
    Some(match (kind, size) {
        ('f', 8) => |b| f64::from_le_bytes(*b),
        ('f', 4) => |b| f64::from(f32::from_le_bytes(first(b))),
        ('i', 8) => |b| i64::from_le_bytes(*b) as f64,
        ('i', 4) => |b| f64::from(i32::from_le_bytes(first(b))),
        ('i', 2) => |b| f64::from(i16::from_le_bytes(first(b))),
        ('i', 1) => |b| f64::from(i8::from_le_bytes(first(b))),
        ('u', 8) => |b| u64::from_le_bytes(*b) as f64,
        ('u', 4) => |b| f64::from(u32::from_le_bytes(first(b))),
        ('u', 2) => |b| f64::from(u16::from_le_bytes(first(b))),
        ('u' | 'b', 1) => |b| f64::from(b[0]),
        _ => return None,
    })
}

/// Text of 32-bit characters, padded by zeros.
fn utf32(item: &[u8], is_big: bool) -> Option<String> {
    let mut text = String::new();
    for bytes in item.chunks_exact(UTF32) {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        text.push(char::from_u32(if is_big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })?);
    }
    Some(text.trim_end_matches('\0').to_owned())
}

/// Text of bytes, padded by zeros.
fn ascii(item: &[u8]) -> Option<String> {
    Some(str::from_utf8(item).ok()?.trim_end_matches('\0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
    }

    fn problem(descr: &str, shape: &str, data: &[u8]) -> ArrayProblem {
        match parse(&npy(descr, shape, data), "values", 1 << 20) {
            Ok(_) => panic!("must be refused"),
            Err(problem) => problem,
        }
    }

    #[test]
    fn numbers_of_every_size_and_order_are_read() {
        for (descr, bytes) in [
            ("<f8", (-3f64).to_le_bytes().to_vec()),
            (">f8", (-3f64).to_be_bytes().to_vec()),
            (">f4", (-3f32).to_be_bytes().to_vec()),
            ("<i2", (-3i16).to_le_bytes().to_vec()),
            (">i8", (-3i64).to_be_bytes().to_vec()),
            ("|i1", vec![253]),
        ] {
            let array = parse(&npy(descr, "(1,)", &bytes), "x", 1 << 20);
            let Ok(NpyArray { data: NpyData::Numbers(numbers), .. }) = array else {
                panic!("{descr}")
            };
            assert_eq!(numbers, [-3.0], "{descr}");
        }
    }

    #[test]
    fn hostile_headers_are_errors() {
        assert!(matches!(problem("<f8", "(2, 2)", &[0; 31]), ArrayProblem::Damaged { .. }));
        let huge = "(4294967296, 4294967296)";
        assert!(matches!(problem("<f8", huge, &[]), ArrayProblem::TooLarge { .. }));
        assert!(matches!(problem("<f8", "(1000000000,)", &[]), ArrayProblem::TooLarge { .. }));
        for descr in ["<U0", "<c16", "<f2", "<M8", "x", ""] {
            assert!(
                matches!(problem(descr, "(3,)", &[0; 64]), ArrayProblem::Type { .. }),
                "{descr}"
            );
        }
        assert!(matches!(problem("|O", "(3,)", &[0; 64]), ArrayProblem::Pickled { .. }));
        assert!(matches!(problem("<U1", "(1,)", &[255; 4]), ArrayProblem::Damaged { .. }));
        assert!(
            parse(&MAGIC[..5], "x", 1).is_err() && parse(&[MAGIC, &[1]].concat(), "x", 1).is_err()
        );
    }
}
