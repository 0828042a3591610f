//! Conditions on cells, such as `guide_umi_fraction>=0.8`.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::h5ad::{Column, Precision};

/// How a filter compares a column with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    AtLeast,
    AtMost,
    Greater,
    Less,
    Equal,
    NotEqual,
}

/// Spellings, the longer first: `>=` must not be read as `>`.
const SPELLINGS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    (">", Comparison::Greater),
    ("<", Comparison::Less),
];

/// A condition that a cell must meet to be read: `COL>=VALUE`, with `>=`, `<=`, `>`, `<`, `==` or `!=`.
///
/// Numeric columns compare as numbers, in the precision they are stored in (`0.8` meets a 32-bit 0.8); columns of
/// labels know only `==` and `!=`; `true` and `false` are the values of boolean ones. A missing value meets no
/// condition except `!=`.
///
/// ```
/// let filter: pert_data::Filter = "guide_umi_fraction >= 0.8".parse()?;
/// assert_eq!(filter.to_string(), "guide_umi_fraction>=0.8");
/// assert!("guide_umi_fraction 0.8".parse::<pert_data::Filter>().is_err());
/// # Ok::<(), pert_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Filter {
    column: String,
    comparison: Comparison,
    value: String,
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |reason: &str| Error::BadFilter { filter: text.into(), reason: reason.into() };
        let (start, spelling, comparison) = text
            .char_indices()
            .find_map(|(at, _)| {
                let (spelling, comparison) =
                    SPELLINGS.iter().find(|(spelling, _)| text[at..].starts_with(spelling))?;
                Some((at, *spelling, *comparison))
            })
            .ok_or_else(|| bad("it holds no comparison"))?;
        let column = text[..start].trim();
        let value = text[start + spelling.len()..].trim();
        if column.is_empty() {
            return Err(bad("the column is missing"));
        }
        if value.is_empty() {
            return Err(bad("the value is missing"));
        }
        if column.ends_with(['=', '!']) || value.starts_with(['=', '<', '>']) {
            return Err(bad("the comparison is unknown"));
        }
        Ok(Self { column: column.to_owned(), comparison, value: value.to_owned() })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spelling = SPELLINGS.iter().find(|(_, comparison)| *comparison == self.comparison);
        let (spelling, _) = spelling.expect("every comparison has a spelling");
        write!(f, "{}{spelling}{}", self.column, self.value)
    }
}

impl TryFrom<String> for Filter {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Filter> for String {
    fn from(filter: Filter) -> Self {
        filter.to_string()
    }
}

impl Filter {
    /// The column of obs that is compared.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// For every cell, whether it meets the condition.
    pub(crate) fn keeps(&self, column: &Column) -> Result<Vec<bool>, Error> {
        let bad = |reason: String| Error::BadFilter { filter: self.to_string(), reason };
        match column {
            Column::Numbers { values, precision } => {
                let mut bound: f64 = self.value.parse().map_err(|_| {
                    bad(format!("{:?} is no number, but the column is", self.value))
                })?;
                if *precision == Precision::Single {
                    bound = f64::from(bound as f32);
                }
                Ok(values.iter().map(|value| self.holds(value.partial_cmp(&bound))).collect())
            }
            Column::Labels { levels, codes, .. } => {
                if !matches!(self.comparison, Comparison::Equal | Comparison::NotEqual) {
                    return Err(
                        bad("the column holds labels, which only == and != compare".into()),
                    );
                }
                let wanted = levels.iter().position(|level| *level == self.value);
                Ok(codes
                    .iter()
                    .map(|code| {
                        let same = code.is_some() && code.map(|c| c as usize) == wanted;
                        same == (self.comparison == Comparison::Equal)
                    })
                    .collect())
            }
            Column::Booleans(values) => {
                let wanted = match self.value.to_lowercase().as_str() {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    _ => return Err(bad("the column holds true and false".into())),
                };
                if !matches!(self.comparison, Comparison::Equal | Comparison::NotEqual) {
                    return Err(bad("the column is boolean, which only == and != compare".into()));
                }
                let equal = self.comparison == Comparison::Equal;
                Ok(values.iter().map(|value| (*value == Some(wanted)) == equal).collect())
            }
        }
    }

    fn holds(&self, ordering: Option<std::cmp::Ordering>) -> bool {
        match self.comparison {
            Comparison::AtLeast => ordering.is_some_and(|o| o.is_ge()),
            Comparison::AtMost => ordering.is_some_and(|o| o.is_le()),
            Comparison::Greater => ordering.is_some_and(|o| o.is_gt()),
            Comparison::Less => ordering.is_some_and(|o| o.is_lt()),
            Comparison::Equal => ordering.is_some_and(|o| o.is_eq()),
            Comparison::NotEqual => !ordering.is_some_and(|o| o.is_eq()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(filter: &str, column: &Column) -> Vec<bool> {
        filter.parse::<Filter>().unwrap().keeps(column).unwrap()
    }

    #[test]
    fn numbers_compare_in_their_own_precision() {
        let values = [0.7f32, 0.8, f32::NAN].map(f64::from).to_vec();
        let column = Column::Numbers { values, precision: Precision::Single };
        assert_eq!(keeps("f>=0.8", &column), [false, true, false]);
        assert_eq!(keeps("f >= 0.7", &column), [true, true, false]);
        assert_eq!(keeps("f<0.8", &column), [true, false, false]);
        assert_eq!(keeps("f!=0.8", &column), [true, false, true]);
    }

    #[test]
    fn labels_know_equality_only() {
        let levels = ["B cell", "T"].map(str::to_owned).to_vec();
        let column = Column::Labels { levels, codes: vec![Some(0), Some(1), None], text: false };
        assert_eq!(keeps("t==B cell", &column), [true, false, false]);
        assert_eq!(keeps("t!=B cell", &column), [false, true, true]);
        assert_eq!(keeps("t==absent", &column), [false; 3]);
        assert!("t>T".parse::<Filter>().unwrap().keeps(&column).is_err());
    }

    #[test]
    fn booleans_compare_with_true_and_false() {
        let column = Column::Booleans(vec![Some(true), Some(false), None]);
        assert_eq!(keeps("ok==true", &column), [true, false, false]);
        assert_eq!(keeps("ok!=True", &column), [false, true, true]);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in ["", "a", ">=3", "a>=", "a=3", "a=>3", "a>>3"] {
            assert!(matches!(text.parse::<Filter>(), Err(Error::BadFilter { .. })), "{text}");
        }
    }
}
