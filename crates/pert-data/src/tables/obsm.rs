//! Tables in `obsm`: what was done to each cell, in numbers.

use std::collections::BTreeMap;

use super::{Place, TableRows};
use crate::h5ad::{Array, Frame, Node};
use crate::layers::gene_names_or_none;
use crate::schema::Schema;
use crate::{Error, ReadOptions};

pub(super) fn read(
    place: &Place<'_>,
    node: Node,
    options: &ReadOptions,
) -> Result<TableRows, Error> {
    if node == Node::Group {
        return Err(place.no_table(
            "it is sparse or a DataFrame; store a dense array (`.toarray()`, `.to_numpy()`)"
                .to_owned(),
        ));
    }
    let container = place.container;
    let array = Array::open(container, &place.object)?;
    let obs = Frame::open(container, "obs")?;
    let cells = obs.index();
    let &[n_rows, n_columns] = array.shape() else {
        return Err(place.no_table(format!(
            "expected the axes [cells, d], found the shape {:?}",
            array.shape()
        )));
    };
    if n_rows != cells.len() as u64 {
        return Err(place.no_table(format!("it has {n_rows} rows for {} cells", cells.len())));
    }
    if !array.kind().is_number() {
        return Err(place.no_table(format!("it holds {:?}, not numbers", array.kind())));
    }
    let n_columns = n_columns as usize; // bounded by the file's length

    // Nothing is fitted to these cells, so control may be absent.
    let options = ReadOptions { require_control: false, ..options.clone() };
    let schema =
        Schema::needed(container, &obs, &gene_names_or_none(container, &options), &options)?;
    let format = schema.label_format(container.path(), &options)?;
    let parsed = schema
        .labels
        .parse(&format)
        .map_err(|source| Error::Screen { path: container.path().to_owned(), source })?;
    let single = |code: u32| match parsed[code as usize].as_ref()?.targets() {
        [target] => Some(target.as_str()),
        _ => None,
    };
    let target_of = |cell: usize| schema.labels.codes[cell].and_then(single);
    let mut row_of: BTreeMap<&str, usize> =
        (0..cells.len()).filter_map(target_of).map(|target| (target, 0)).collect();
    row_of.values_mut().zip(0..).for_each(|(row, place)| *row = place);
    place.check_size(row_of.len().max(1), n_columns)?;

    let mut values = vec![0.0; row_of.len() * n_columns];
    let mut first_cell: Vec<Option<usize>> = vec![None; row_of.len()];
    let mut start = 0;
    while start < n_rows && n_columns > 0 {
        let rows = array.rows_per_block().min(n_rows - start);
        let block = array.numbers(start, rows)?;
        for (offset, found) in block.chunks_exact(n_columns).enumerate() {
            let cell = start as usize + offset;
            let Some(target) = target_of(cell) else { continue };
            let row = row_of[target];
            let held = &mut values[row * n_columns..][..n_columns];
            let Some(first) = first_cell[row] else {
                held.copy_from_slice(found);
                first_cell[row] = Some(cell);
                continue;
            };
            // Two NaN are equal here, so that the one who reads the table can name the row.
            let differs = |(a, b): (&f64, &f64)| a != b && !(a.is_nan() && b.is_nan());
            if let Some(column) = held.iter().zip(found).position(differs) {
                return Err(place.no_table(format!(
                    "the cells {:?} and {:?} are both {target}, but column {} is {} for one and {} for the other; it \
                     must describe perturbations, not cells",
                    cells[first],
                    cells[cell],
                    column + 1,
                    held[column],
                    found[column],
                )));
            }
        }
        start += rows;
    }
    let names = row_of.into_keys().map(str::to_owned).collect();
    Ok(TableRows { names, columns: None, n_columns, values })
}
