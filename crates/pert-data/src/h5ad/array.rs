//! Datasets of a file that is not trusted.

use hdf5_pure::{
    Dataset, Datatype, DatatypeByteOrder, FloatingPointLayout, Layout, VlenStringReadOptions,
};

use super::container::{Container, MEMORY_EXPANSION, call};
use crate::Error;

/// How far deflate can expand its input (its documented limit): no honest dataset is larger than this times its file.
const LARGEST_EXPANSION: u64 = 1032;

/// What the elements of a dataset are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    /// 16-bit float; `true` when its bytes are in big-endian order.
    Half(bool),
    Single,
    Double,
    Boolean,
    Text,
    Other(String),
}

impl Kind {
    /// Whether the elements are numbers.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Integer | Self::Half(_) | Self::Single | Self::Double)
    }
}

/// IEEE 754 half precision, as HDF5 describes it.
const BINARY16: FloatingPointLayout = FloatingPointLayout {
    bit_offset: 0,
    bit_precision: 16,
    exponent_location: 10,
    exponent_size: 5,
    mantissa_location: 0,
    mantissa_size: 10,
    exponent_bias: 15,
};

/// A dataset whose declared size has been checked.
pub(crate) struct Array<'a> {
    container: &'a Container,
    object: String,
    dataset: Dataset,
    shape: Vec<u64>,
    kind: Kind,
    width: u64,
    chunk_rows: u64,
}

impl<'a> Array<'a> {
    /// Opens a dataset, refusing one that declares more than the file can hold.
    pub(crate) fn open(container: &'a Container, object: &str) -> Result<Self, Error> {
        let (dataset, shape, datatype, width, layout) = call(container.path(), object, || {
            let dataset = container.file().dataset(object)?;
            let parts =
                (dataset.shape()?, dataset.datatype()?, dataset.element_size()?, dataset.layout()?);
            Ok((dataset, parts.0, parts.1, parts.2, parts.3))
        })?;
        let bytes = |lengths: &[u64]| {
            lengths.iter().try_fold(width, |product, &length| product.checked_mul(length))
        };
        let mut chunk_rows = 1;
        let limit = match layout {
            Layout::Contiguous { .. } | Layout::Compact { .. } => container.n_bytes(),
            Layout::Chunked { ref chunk_shape, .. } => {
                if bytes(chunk_shape).is_none_or(|chunk| chunk > container.memory_limit()) {
                    return Err(container.corrupt(
                        object,
                        format!("chunks of {chunk_shape:?} are too large for this file"),
                    ));
                }
                chunk_rows = chunk_shape.first().copied().unwrap_or(1).max(1);
                container.n_bytes().saturating_mul(LARGEST_EXPANSION)
            }
            _ => return Err(container.unsupported(object, "its data lie in other files")),
        };
        if bytes(&shape).is_none_or(|declared| declared > limit) {
            return Err(container.corrupt(
                object,
                format!(
                    "it declares shape {shape:?}, more than a file of {} bytes holds",
                    container.n_bytes()
                ),
            ));
        }
        let kind = match &datatype {
            Datatype::FixedPoint { .. } => Kind::Integer,
            Datatype::FloatingPoint { size: 8, .. } => Kind::Double,
            Datatype::FloatingPoint { size: 4, .. } => Kind::Single,
            Datatype::FloatingPoint { size: 2, byte_order, layout } if *layout == BINARY16 => {
                Kind::Half(*byte_order == DatatypeByteOrder::BigEndian)
            }
            Datatype::Enumeration { members, .. } if members.len() == 2 => Kind::Boolean,
            Datatype::String { .. } | Datatype::VariableLength { is_string: true, .. } => {
                Kind::Text
            }
            other => Kind::Other(format!("{other:?}").chars().take(40).collect()),
        };
        Ok(Array { container, object: object.to_owned(), dataset, shape, kind, width, chunk_rows })
    }

    /// What the elements are.
    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Lengths of the axes.
    pub(crate) fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Number of elements of a one-dimensional dataset.
    pub(crate) fn len(&self) -> Result<usize, Error> {
        match self.shape[..] {
            [length] => Ok(length as usize), // bounded by 1032 × the file's length
            _ => Err(self.corrupt(format!("expected one axis, found shape {:?}", self.shape))),
        }
    }

    /// Rows to read at once: about a mebibyte, in whole chunks, so that none is decompressed twice.
    pub(crate) fn rows_per_block(&self) -> u64 {
        const BLOCK_BYTES: u64 = 1 << 20;
        let elements: u64 = self.shape.iter().skip(1).product::<u64>().max(1);
        let wanted = (BLOCK_BYTES / elements.saturating_mul(self.width).max(1)).max(1);
        let most = self.container.memory_limit() / elements.saturating_mul(size_of::<f64>() as u64);
        wanted.next_multiple_of(self.chunk_rows).min(most).max(1)
    }

    /// Some rows as 64-bit floats, row-major.
    pub(crate) fn numbers(&self, start: u64, rows: u64) -> Result<Vec<f64>, Error> {
        self.must_be("numbers", self.kind.is_number())?;
        let count = rows.saturating_mul(self.shape.iter().skip(1).product());
        let values = match self.kind {
            // The library has no decoder for 16 bits.
            Kind::Half(big_endian) => self
                .call(|dataset| dataset.read_raw_rows(start, rows))?
                .as_chunks::<2>()
                .0
                .iter()
                .map(|&b| {
                    half(if big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) })
                })
                .collect(),
            _ => self.call(|dataset| dataset.read_f64_rows(start, rows))?,
        };
        self.check_count(values, count)
    }

    /// Some rows as integers; booleans are 0 and 1.
    pub(crate) fn integers(&self, start: u64, rows: u64) -> Result<Vec<i64>, Error> {
        self.must_be("integers", matches!(self.kind, Kind::Integer | Kind::Boolean))?;
        let values = self.call(|dataset| dataset.read_i64_rows(start, rows))?;
        self.check_count(values, rows)
    }

    /// All elements of a one-dimensional dataset as 64-bit floats.
    pub(crate) fn all_numbers(&self) -> Result<Vec<f64>, Error> {
        self.fits_memory(8)?;
        self.numbers(0, self.len()? as u64)
    }

    /// All elements of a one-dimensional dataset as integers.
    pub(crate) fn all_integers(&self) -> Result<Vec<i64>, Error> {
        self.fits_memory(8)?;
        self.integers(0, self.len()? as u64)
    }

    /// All elements of a one-dimensional dataset as text.
    pub(crate) fn all_text(&self) -> Result<Vec<String>, Error> {
        self.must_be("text", self.kind == Kind::Text)?;
        self.fits_memory(size_of::<String>() as u64)?;
        let length = self.len()?;
        let limits = VlenStringReadOptions::new()
            .with_max_elements(length)
            .with_max_payload_bytes(self.container.memory_limit() as usize);
        let values = self.call(|dataset| match dataset.datatype()? {
            Datatype::String { .. } => dataset.read_string(),
            _ => dataset.read_vlen_strings(limits),
        })?;
        self.check_count(values, length as u64)
    }

    fn fits_memory(&self, bytes_per_element: u64) -> Result<(), Error> {
        let needed = self.shape.iter().product::<u64>().saturating_mul(bytes_per_element);
        if needed > self.container.memory_limit() {
            return Err(self.corrupt(format!(
                "its {:?} elements expand beyond {MEMORY_EXPANSION} times the file",
                self.shape
            )));
        }
        Ok(())
    }

    fn must_be(&self, what: &str, is: bool) -> Result<(), Error> {
        if is {
            Ok(())
        } else {
            Err(self.corrupt(format!("expected {what}, found {:?}", self.kind)))
        }
    }

    fn check_count<T>(&self, values: Vec<T>, expected: u64) -> Result<Vec<T>, Error> {
        if values.len() as u64 == expected {
            return Ok(values);
        }
        Err(self.corrupt(format!("expected {expected} values, found {}", values.len())))
    }

    fn corrupt(&self, reason: String) -> Error {
        self.container.corrupt(&self.object, reason)
    }

    fn call<T>(
        &self,
        read: impl FnOnce(&Dataset) -> Result<T, hdf5_pure::Error>,
    ) -> Result<T, Error> {
        call(self.container.path(), &self.object, || read(&self.dataset))
    }
}

/// The value of an IEEE 754 binary16 number.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_values() {
        // numpy: np.array(bits, "u2").view("f2")
        for (bits, value) in
            [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65_504.0), (0x0001, 2f64.powi(-24)), (0, 0.0)]
        {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }
}
