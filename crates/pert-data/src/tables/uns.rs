//! Tables in `uns`: a dict of vectors, or a data frame.

use super::{Place, TableRows};
use crate::Error;
use crate::h5ad::{Array, Column, Frame, Node};

/// What a table in `uns` must be.
const EXPECTED: &str =
    "store a dict of label → vector, or a DataFrame of numbers with labels as its index";

pub(super) fn read(place: &Place<'_>, node: Node) -> Result<TableRows, Error> {
    if node == Node::Dataset {
        return Err(
            place.no_table(format!("it is an array or a single value, without labels; {EXPECTED}"))
        );
    }
    match place.container.encoding(&place.object)?.as_deref() {
        Some("dataframe") => frame(place),
        None | Some("dict") => dict(place),
        Some(other) => Err(place.no_table(format!("it is stored as {other:?}; {EXPECTED}"))),
    }
}

fn dict(place: &Place<'_>) -> Result<TableRows, Error> {
    let names = place.container.members(&place.object)?;
    let mut n_columns = 0;
    let mut values = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let object = format!("{}/{name}", place.object);
        if place.container.node(&object)? != Node::Dataset {
            return Err(place.no_table(format!(
                "its entry {name:?} is no vector but holds others; if that is the table, it is {}/{name}",
                place.key
            )));
        }
        let array = Array::open(place.container, &object)?;
        if !array.kind().is_number() {
            let found = array.kind();
            return Err(place
                .no_table(format!("its entry {name:?} holds {found:?}, not numbers; {EXPECTED}")));
        }
        // Lengths fit: more than the file can hold has been refused.
        let (rows, width) = match *array.shape() {
            [width] => (width, width as usize),
            [1, width] => (1, width as usize),
            ref shape => {
                return Err(place.no_table(format!(
                    "its entry {name:?} has the shape {shape:?}, not that of a vector, [d] or [1, d]"
                )));
            }
        };
        if i == 0 {
            place.check_size(names.len(), width)?;
            n_columns = width;
        }
        if width != n_columns {
            return Err(place.no_table(format!(
                "its entry {name:?} has {width} numbers, {:?} has {n_columns}; all vectors must be of one length",
                names[0]
            )));
        }
        if width > 0 {
            values.extend(array.numbers(0, rows)?);
        }
    }
    Ok(TableRows { names, columns: None, n_columns, values })
}

fn frame(place: &Place<'_>) -> Result<TableRows, Error> {
    let frame = Frame::open(place.container, &place.object)?;
    let (names, columns) = (frame.index().to_vec(), frame.columns().to_vec());
    place.check_size(names.len(), columns.len())?;
    let mut values = vec![0.0; names.len() * columns.len()];
    for (c, name) in columns.iter().enumerate() {
        let Column::Numbers { values: column, .. } = frame.column(name)? else {
            return Err(place.no_table(format!(
                "its column {name:?} holds no numbers; drop it, or encode it as numbers"
            )));
        };
        for (row, value) in values.chunks_exact_mut(columns.len()).zip(column) {
            row[c] = value;
        }
    }
    Ok(TableRows { names, n_columns: columns.len(), columns: Some(columns), values })
}
