//! What is known of targets beside having seen them: rows of a table, structures, sequences.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::protein::{ChangeEncoderConfig, ProteinReferences};
use crate::{
    ChangeEncoder, Error, FeatureRow, FeatureTable, Scaled, TanimotoMap, TanimotoMapState,
    TargetEncoder,
};

/// Features of targets: genes, drugs at a dose, protein variants.
///
/// A table knows the targets it lists. Drugs and variants are encoded when asked for, so that one nobody has seen needs
/// no row: a drug needs its structure, a variant the sequence of its protein.
#[derive(Debug, Clone)]
pub enum TargetFeatures {
    /// Rows by name.
    Table(FeatureTable),
    /// Structures, compared with those seen in training.
    Drugs(TanimotoMap),
    /// Changes of a sequence.
    Variants(Scaled<ChangeEncoder>),
}

impl TargetFeatures {
    /// Number of features of a target.
    pub fn dim(&self) -> usize {
        match self {
            Self::Table(table) => table.dim(),
            Self::Drugs(map) => map.dim(),
            Self::Variants(encoder) => encoder.dim(),
        }
    }

    /// The table, where there is one.
    pub fn table(&self) -> Option<&FeatureTable> {
        match self {
            Self::Table(table) => Some(table),
            Self::Drugs(_) | Self::Variants(_) => None,
        }
    }

    /// Whether a target has features.
    pub fn contains(&self, target: &str) -> bool {
        match self {
            Self::Table(table) => table.contains(target),
            _ => self.check(target).is_ok(),
        }
    }

    /// What a target is known by, in a word.
    pub fn known_by(&self) -> &'static str {
        match self {
            Self::Table(_) => "features",
            Self::Drugs(_) => "structure",
            Self::Variants(_) => "sequence",
        }
    }

    /// Whether a drug or a variant can be encoded; of a table, whether a name is that of one gene: it has nothing else to say
    /// beside [`contains`](Self::contains).
    ///
    /// # Errors
    /// The reason why not.
    pub fn check(&self, target: &str) -> Result<(), Error> {
        match self {
            Self::Table(table) if table.contains(target) => Ok(()),
            Self::Table(table) => Ok(table.aliases().resolve(target).map(drop)?),
            Self::Drugs(map) => map.check_target(target),
            Self::Variants(encoder) => encoder.check_target(target),
        }
    }

    /// The row of a target; none where it has no features.
    pub(super) fn with_row<T>(
        &self,
        target: &str,
        read: impl FnOnce(FeatureRow<'_>) -> T,
    ) -> Option<T> {
        let row = match self {
            Self::Table(table) => return table.get(target).map(read),
            Self::Drugs(map) => map.encode_targets(&[target]),
            Self::Variants(encoder) => encoder.encode_targets(&[target]),
        };
        row.ok().map(|row| read(FeatureRow::Dense(&row)))
    }

    /// The rows of these targets as a table: that of all, or one made of those that can be encoded.
    pub(super) fn table_of(&self, targets: &[String]) -> Result<Cow<'_, FeatureTable>, Error> {
        if let Self::Table(table) = self {
            return Ok(Cow::Borrowed(table));
        }
        let known: Vec<String> = targets.iter().filter(|t| self.contains(t)).cloned().collect();
        let mut values = Vec::with_capacity(known.len() * self.dim());
        for target in &known {
            self.with_row(target, |row| {
                let mut dense = vec![0.0; self.dim()];
                row.add_to(&mut dense, 1.0);
                values.extend(dense);
            });
        }
        let columns = (0..self.dim()).map(|i| format!("feature {i}")).collect();
        FeatureTable::from_rows(known, columns, values).map(Cow::Owned)
    }

    /// FNV-1a over names and bits: enough to notice that a file was exchanged.
    pub(super) fn fingerprint(&self) -> String {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut take = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        match self {
            Self::Table(table) => take_table(table, &mut take),
            _ => self.to_json().iter().for_each(|json| take(json)),
        }
        format!("{hash:016x}")
    }

    /// What rebuilds encoders of drugs and variants, as JSON; a table is written by [`FeatureTable::write_tsv`].
    pub fn to_json(&self) -> Option<Vec<u8>> {
        let state = match self {
            Self::Table(_) => return None,
            Self::Drugs(map) => State::Drugs(map.state()),
            Self::Variants(encoder) => State::Variants {
                proteins: encoder.encoder().references().state(),
                config: encoder.encoder().config(),
                scale: encoder.scale().to_vec(),
            },
        };
        Some(serde_json::to_vec(&state).expect("a state is plain data"))
    }

    /// Rebuilds what [`to_json`](Self::to_json) wrote; the same rows follow.
    ///
    /// # Errors
    /// [`Error::StateMismatch`] for a text that is no such state, and what a changed one is refused for.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let state = serde_json::from_slice(json)
            .map_err(|e| Error::StateMismatch { reason: e.to_string() })?;
        Ok(match state {
            State::Drugs(state) => Self::Drugs(TanimotoMap::from_state(state)?),
            State::Variants { proteins, config, scale } => {
                let references = ProteinReferences::from_state(proteins)?;
                let encoder = ChangeEncoder::new(references, config)?;
                Self::Variants(Scaled::from_scale(encoder, scale)?)
            }
        })
    }
}

fn take_table(table: &FeatureTable, take: &mut impl FnMut(&[u8])) {
    for name in table.columns().iter().chain(table.genes()) {
        take(name.as_bytes());
        take(&[0]);
    }
    for (alias, symbol) in table.aliases().pairs() {
        take(alias.as_bytes());
        take(&[0]);
        take(symbol.as_bytes());
        take(&[0]);
    }
    for row in 0..table.genes().len() {
        match table.row(row) {
            FeatureRow::Dense(values) => {
                values.iter().for_each(|v| take(&v.to_bits().to_le_bytes()))
            }
            FeatureRow::Sparse { indices, weights } => {
                indices.iter().for_each(|c| take(&c.to_le_bytes()));
                weights.iter().for_each(|w| take(&w.to_bits().to_le_bytes()));
            }
        }
    }
}

impl From<FeatureTable> for TargetFeatures {
    fn from(table: FeatureTable) -> Self {
        Self::Table(table)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum State {
    Drugs(TanimotoMapState),
    Variants { proteins: Vec<(Vec<String>, String)>, config: ChangeEncoderConfig, scale: Vec<f64> },
}
