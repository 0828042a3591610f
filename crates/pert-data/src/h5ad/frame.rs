//! Tables of an AnnData file: `obs`, `var`, `raw/var`.

use hdf5_pure::AttrValue;

use super::array::{Array, Kind};
use super::container::{Container, Node};
use crate::Error;
use crate::nearest::nearest_first;

/// The precision numbers are stored in; it decides how they compare and print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    Integer,
    Single,
    Double,
}

/// A column, one value per row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    /// Labels: `codes[i]` is the index into `levels` of row `i`, or nothing where the value is missing.
    Labels {
        levels: Vec<String>,
        codes: Vec<Option<u32>>,
        /// Whether the file holds plain text rather than a categorical.
        text: bool,
    },
    /// Numbers; NaN where the value is missing.
    Numbers { values: Vec<f64>, precision: Precision },
    /// Booleans.
    Booleans(Vec<Option<bool>>),
}

impl Column {
    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Labels { codes, .. } => codes.len(),
            Self::Numbers { values, .. } => values.len(),
            Self::Booleans(values) => values.len(),
        }
    }

    /// The column as labels, whatever it holds.
    pub(crate) fn into_labels(self) -> (Vec<String>, Vec<Option<u32>>) {
        match self {
            Self::Labels { levels, codes, .. } => (levels, codes),
            Self::Numbers { values, precision } => encode(
                values
                    .iter()
                    .map(|&value| (!value.is_nan()).then(|| number_label(value, precision)))
                    .collect(),
            ),
            Self::Booleans(values) => encode(
                values
                    .iter()
                    .map(|value| value.map(|v| if v { "True" } else { "False" }.to_owned()))
                    .collect(),
            ),
        }
    }

    /// The column as numbers: numeric as it is, labels if every one of them is a number.
    pub(crate) fn as_numbers(&self) -> Option<Vec<f64>> {
        match self {
            Self::Numbers { values, .. } => Some(values.clone()),
            Self::Labels { levels, codes, .. } => {
                let levels: Vec<f64> =
                    levels.iter().map(|l| l.trim().parse().ok()).collect::<Option<_>>()?;
                Some(codes.iter().map(|c| c.map_or(f64::NAN, |c| levels[c as usize])).collect())
            }
            Self::Booleans(_) => None,
        }
    }
}

/// A number as Python prints it in the same precision, so that labels agree with what anndata shows.
fn number_label(value: f64, precision: Precision) -> String {
    match precision {
        Precision::Integer => format!("{value}"),
        Precision::Single => format!("{:?}", value as f32),
        Precision::Double => format!("{value:?}"),
    }
}

/// Sorted distinct labels and one code per row.
fn encode(values: Vec<Option<String>>) -> (Vec<String>, Vec<Option<u32>>) {
    let mut levels: Vec<String> = values.iter().flatten().cloned().collect();
    levels.sort_unstable();
    levels.dedup();
    let codes = values
        .iter()
        .map(|value| {
            let value = value.as_ref()?;
            Some(levels.binary_search(value).expect("every label is a level") as u32)
        })
        .collect();
    (levels, codes)
}

/// A table with an index.
pub(crate) struct Frame<'a> {
    container: &'a Container,
    group: String,
    index: Vec<String>,
    columns: Vec<String>,
}

/// Where files of anndata 0.7 keep the categories of a column.
const OLD_CATEGORIES: &str = "__categories";

impl<'a> Frame<'a> {
    /// Reads the index and the names of the columns of `obs`, `var` or `raw/var`.
    pub(crate) fn open(container: &'a Container, group: &str) -> Result<Self, Error> {
        match container.node(group)? {
            Node::Group => {}
            Node::Missing => {
                let available = container.members("")?.join(", ");
                return Err(Error::MissingObject {
                    path: container.path().to_owned(),
                    object: group.to_owned(),
                    available,
                });
            }
            Node::Dataset => {
                return Err(container.unsupported(
                    group,
                    "it is a table of anndata 0.6 or older; open the file once with anndata 0.7 to \
                     0.12 and write it again",
                ));
            }
        }
        let attributes = container.attributes(group)?;
        let members = container.members(group)?;
        let index_name = match attributes.get("_index").and_then(AttrValue::as_str) {
            Some(name) => name.to_owned(),
            // Before anndata 0.7 the index had one of these names and no attribute said so.
            None => ["_index", "index"]
                .into_iter()
                .find(|name| members.iter().any(|member| member == name))
                .map(str::to_owned)
                .ok_or_else(|| container.corrupt(group, "it has no index"))?,
        };
        let ordered = attributes.get("column-order").and_then(AttrValue::as_strings);
        let columns = match ordered {
            Some(ordered) if !ordered.is_empty() => ordered.to_vec(),
            _ => members
                .into_iter()
                .filter(|name| *name != index_name && name != OLD_CATEGORIES)
                .collect(),
        };
        let mut frame = Self { container, group: group.to_owned(), index: Vec::new(), columns };
        let (levels, codes) = frame.read_column(&index_name)?.into_labels();
        frame.index = codes
            .into_iter()
            .map(|code| code.map_or_else(|| "nan".to_owned(), |code| levels[code as usize].clone()))
            .collect();
        Ok(frame)
    }

    /// The names of the rows.
    pub(crate) fn index(&self) -> &[String] {
        &self.index
    }

    /// The names of the columns, in file order.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Reads one column.
    ///
    /// # Errors
    /// [`Error::MissingColumn`] lists the columns that exist.
    pub(crate) fn column(&self, name: &str) -> Result<Column, Error> {
        if !self.columns.iter().any(|column| column == name) {
            return Err(Error::MissingColumn {
                path: self.container.path().to_owned(),
                column: name.to_owned(),
                available: nearest_first(name, &self.columns),
            });
        }
        let column = self.read_column(name)?;
        if column.len() != self.index.len() {
            return Err(self.container.corrupt(
                &format!("{}/{name}", self.group),
                format!("{} values for {} rows", column.len(), self.index.len()),
            ));
        }
        Ok(column)
    }

    fn read_column(&self, name: &str) -> Result<Column, Error> {
        let object = format!("{}/{name}", self.group);
        match self.container.node(&object)? {
            Node::Missing => {
                Err(self.container.corrupt(&object, "the table names it, but it is absent"))
            }
            Node::Group => self.read_encoded(&object),
            Node::Dataset => {
                let old = format!("{}/{OLD_CATEGORIES}/{name}", self.group);
                if self.container.node(&old)? == Node::Dataset {
                    return self.categorical(&object, &object, &old);
                }
                self.plain(&Array::open(self.container, &object)?)
            }
        }
    }

    /// A column that is a group: categorical, or values with a mask of the missing ones.
    fn read_encoded(&self, object: &str) -> Result<Column, Error> {
        let members = self.container.members(object)?;
        let has = |name: &str| members.iter().any(|member| member == name);
        if has("categories") && has("codes") {
            let (codes, levels) = (format!("{object}/codes"), format!("{object}/categories"));
            return self.categorical(object, &codes, &levels);
        }
        if !(has("values") && has("mask")) {
            return Err(self.container.unsupported(
                object,
                format!("it is no column known here (it holds {})", members.join(", ")),
            ));
        }
        let mut column = self.plain(&Array::open(self.container, &format!("{object}/values"))?)?;
        let mask = Array::open(self.container, &format!("{object}/mask"))?.all_integers()?;
        if mask.len() != column.len() {
            return Err(self
                .container
                .corrupt(object, "its mask has another length than its values"));
        }
        for (row, _) in mask.iter().enumerate().filter(|(_, missing)| **missing != 0) {
            match &mut column {
                Column::Labels { codes, .. } => codes[row] = None,
                Column::Numbers { values, .. } => values[row] = f64::NAN,
                Column::Booleans(values) => values[row] = None,
            }
        }
        Ok(column)
    }

    fn categorical(&self, object: &str, codes: &str, levels: &str) -> Result<Column, Error> {
        let levels = self.plain(&Array::open(self.container, levels)?)?;
        let levels: Vec<String> = match levels {
            // Texts were encoded into sorted levels; the file's own order is in the codes.
            Column::Labels { levels, codes, .. } => {
                codes.iter().flatten().map(|&code| levels[code as usize].clone()).collect()
            }
            Column::Numbers { values, precision } => {
                values.iter().map(|&value| number_label(value, precision)).collect()
            }
            other => {
                let (levels, codes) = other.into_labels();
                codes.iter().flatten().map(|&code| levels[code as usize].clone()).collect()
            }
        };
        let codes = Array::open(self.container, codes)?.all_integers()?;
        let codes = codes
            .into_iter()
            .map(|code| match code {
                -1 => Ok(None),
                code if code >= 0 && (code as u64) < levels.len() as u64 => Ok(Some(code as u32)),
                code => Err(self.container.corrupt(
                    object,
                    format!("code {code} names none of its {} categories", levels.len()),
                )),
            })
            .collect::<Result<_, _>>()?;
        Ok(Column::Labels { levels, codes, text: false })
    }

    fn plain(&self, array: &Array<'_>) -> Result<Column, Error> {
        Ok(match array.kind() {
            Kind::Integer => {
                Column::Numbers { values: array.all_numbers()?, precision: Precision::Integer }
            }
            Kind::Half(_) | Kind::Single => {
                Column::Numbers { values: array.all_numbers()?, precision: Precision::Single }
            }
            Kind::Double => {
                Column::Numbers { values: array.all_numbers()?, precision: Precision::Double }
            }
            Kind::Boolean => Column::Booleans(
                array.all_integers()?.into_iter().map(|value| Some(value != 0)).collect(),
            ),
            Kind::Text => {
                let (levels, codes) = encode(array.all_text()?.into_iter().map(Some).collect());
                Column::Labels { levels, codes, text: true }
            }
            Kind::Other(kind) => {
                return Err(self
                    .container
                    .unsupported(&self.group, format!("it has a column of type {kind}")));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_the_labels_python_prints() {
        let column =
            |values: &[f64], precision| Column::Numbers { values: values.to_vec(), precision };
        let labels = |column: Column| column.into_labels().0;
        assert_eq!(labels(column(&[2.0, 1.0, 2.0], Precision::Integer)), ["1", "2"]);
        assert_eq!(labels(column(&[1.0], Precision::Double)), ["1.0"]);
        assert_eq!(labels(column(&[f64::from(0.1f32)], Precision::Single)), ["0.1"]);
        let (_, codes) = column(&[f64::NAN, 3.0], Precision::Double).into_labels();
        assert_eq!(codes, [None, Some(0)]);
    }

    #[test]
    fn labels_are_numbers_only_when_all_of_them_are() {
        let labels = |levels: &[&str]| Column::Labels {
            levels: levels.iter().map(|&l| l.to_owned()).collect(),
            codes: vec![Some(1), Some(0)],
            text: false,
        };
        assert_eq!(labels(&["1", "2.5"]).as_numbers(), Some(vec![2.5, 1.0]));
        assert_eq!(labels(&["1", "1+1"]).as_numbers(), None);
    }
}
