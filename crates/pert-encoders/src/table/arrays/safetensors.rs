//! Tables in safetensors files.

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::error::ArrayProblem;
use super::{COLUMNS, NAMES, NamedRows, VALUES, check_size};

/// Bytes of the length that begins the file.
const LENGTH: usize = 8;

/// The length is below 2³² in any file that is read here, so its upper half is zero, which no text is; then follows JSON.
pub(super) fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(LENGTH) == Some(&b'{') && bytes[LENGTH / 2..LENGTH].iter().all(|&b| b == 0)
}

pub(super) fn read(bytes: &[u8], limit: u64) -> Result<NamedRows, ArrayProblem> {
    let damaged =
        |error: safetensors::SafeTensorError| ArrayProblem::Damaged { reason: error.to_string() };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let list = |key: &'static str| -> Result<Option<Vec<String>>, ArrayProblem> {
        let Some(text) = header.metadata().as_ref().and_then(|m| m.get(key)) else {
            return Ok(None);
        };
        let list = serde_json::from_str(text);
        list.map(Some).map_err(|e| ArrayProblem::Metadata { key, reason: e.to_string() })
    };
    let columns = list(COLUMNS)?;
    if let Some(names) = list(NAMES)? {
        let values = file.tensor(VALUES).map_err(|_| {
            let mut found = file.names();
            found.sort_unstable();
            ArrayProblem::Missing { wanted: VALUES, found: found.join(", ") }
        })?;
        let &[_, n_columns] = values.shape() else {
            let (expected, found) = ("two axes, [n, d]".to_owned(), values.shape().to_vec());
            return Err(ArrayProblem::Shape { array: VALUES.into(), expected, found });
        };
        check_size(VALUES, values.shape(), limit)?;
        return Ok(NamedRows { names, columns, n_columns, values: numbers(VALUES, &values)? });
    }
    // The order of the reader is that of a hash map.
    let mut tensors: Vec<(&str, TensorView<'_>)> = file.iter().collect();
    tensors.sort_unstable_by_key(|tensor| tensor.0);
    let width = |shape: &[usize]| match *shape {
        [d] | [1, d] => Some(d),
        _ => None,
    };
    let n_columns = tensors.first().and_then(|(_, first)| width(first.shape())).unwrap_or(0);
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (name, tensor) in tensors {
        if width(tensor.shape()) != Some(n_columns) {
            let expected = format!("shape [{n_columns}], as the first has");
            let found = tensor.shape().to_vec();
            return Err(ArrayProblem::Shape { array: name.to_owned(), expected, found });
        }
        names.push(name.to_owned());
        values.extend(numbers(name, &tensor)?);
        check_size(name, &[values.len()], limit)?;
    }
    Ok(NamedRows { names, columns, n_columns, values })
}

/// The values of a tensor; its bytes need not be aligned.
fn numbers(name: &str, tensor: &TensorView<'_>) -> Result<Vec<f64>, ArrayProblem> {
    let bytes = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => {
            let (items, _) = bytes.as_chunks::<4>();
            Ok(items.iter().map(|&item| f64::from(f32::from_le_bytes(item))).collect())
        }
        Dtype::F64 => {
            let (items, _) = bytes.as_chunks::<8>();
            Ok(items.iter().map(|&item| f64::from_le_bytes(item)).collect())
        }
        other => {
            let (expected, found) = ("F32 or F64", format!("{other:?}"));
            Err(ArrayProblem::Type { array: name.to_owned(), expected, found })
        }
    }
}
