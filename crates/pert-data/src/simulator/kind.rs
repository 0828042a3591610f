//! The kinds of screens.

use std::fmt;
use std::str::FromStr;

use super::SimulatorError;

/// What kind of screen is simulated.
///
/// ```
/// use pert_data::SimulatorKind;
/// let kind: SimulatorKind = "gene-pairs".parse()?;
/// assert_eq!((kind, kind.to_string().as_str()), (SimulatorKind::GenePairs, "gene-pairs"));
/// # Ok::<(), pert_data::SimulatorError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SimulatorKind {
    /// Activation of single genes and of pairs of them.
    #[default]
    GenePairs,
    /// Compounds of known structure, each at several doses.
    Drugs,
    /// Single substitutions in one protein.
    Variants,
}

impl SimulatorKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::GenePairs, Self::Drugs, Self::Variants];
}

impl fmt::Display for SimulatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GenePairs => "gene-pairs",
            Self::Drugs => "drugs",
            Self::Variants => "variants",
        })
    }
}

impl FromStr for SimulatorKind {
    type Err = SimulatorError;

    fn from_str(text: &str) -> Result<Self, SimulatorError> {
        let known = Self::ALL.into_iter().find(|kind| kind.to_string() == text);
        known.ok_or_else(|| SimulatorError::UnknownKind { kind: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_as_they_are_read_everywhere() {
        for kind in SimulatorKind::ALL {
            assert_eq!(kind.to_string().parse::<SimulatorKind>().unwrap(), kind);
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
        }
        let error = "guides".parse::<SimulatorKind>().unwrap_err().to_string();
        for kind in SimulatorKind::ALL {
            assert!(error.contains(&kind.to_string()), "{error}");
        }
    }
}
