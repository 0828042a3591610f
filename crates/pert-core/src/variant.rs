//! A protein variant: a gene with its substitutions.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::{Error, Residue};

/// One residue in another's place; the same one for a synonymous change.
///
/// Read: `G12D`, `Gly12Asp`, `p.G12D`, `p.(Gly12Asp)`, `R213*`, `p.Arg213Ter`, `G12=`. Printed in one-letter code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Substitution {
    // The order of the fields is the order of substitutions.
    position: NonZeroU32,
    from: Residue,
    to: Residue,
}

impl Substitution {
    /// `from` at `position`, counted from 1, becomes `to`.
    pub fn new(from: Residue, position: NonZeroU32, to: Residue) -> Self {
        Self { position, from, to }
    }

    /// The residue of the reference.
    pub fn from(&self) -> Residue {
        self.from
    }

    /// The place in the protein, counted from 1.
    pub fn position(&self) -> NonZeroU32 {
        self.position
    }

    /// The residue that stands there instead.
    pub fn to(&self) -> Residue {
        self.to
    }

    /// Whether the protein stays the same.
    pub fn is_synonymous(&self) -> bool {
        self.from == self.to
    }
}

impl FromStr for Substitution {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |reason: &str| Error::BadVariant { text: text.into(), reason: reason.into() };
        let body = text.trim();
        let body = body.strip_prefix("p.").unwrap_or(body);
        let body = body.strip_prefix('(').and_then(|b| b.strip_suffix(')')).unwrap_or(body);
        let digits = body.find(|c: char| c.is_ascii_digit());
        let start = digits.ok_or_else(|| bad("it names no position"))?;
        let length = body[start..].find(|c: char| !c.is_ascii_digit());
        let end = length.map_or(body.len(), |length| start + length);
        let residue = |code: &str, which: &str| {
            Residue::from_code(code)
                .ok_or_else(|| bad(&format!("{code:?} {which} the position is no amino acid")))
        };
        let from = residue(&body[..start], "before")?;
        let position = body[start..end].parse();
        let position = position.map_err(|_| bad("its position is no number from 1 to 2³²"))?;
        let to = if &body[end..] == "=" { from } else { residue(&body[end..], "behind")? };
        Ok(Self { position, from, to })
    }
}

impl fmt::Display for Substitution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.from.letter(), self.position)?;
        if self.is_synonymous() { f.write_str("=") } else { write!(f, "{}", self.to.letter()) }
    }
}

/// A protein with one or several substitutions.
///
/// Read: `KRAS_G12D`, `KRAS G12D`, `KRAS:p.Gly12Asp`, `KRAS-G12D`, `TP53_R175H_R248Q`, `TP53:p.[Arg175His;Arg248Gln]`, and
/// `G12D` where one gene is meant throughout. Printed by gene and position:
///
/// ```
/// let variant: pert_core::Variant = "TP53:p.[Arg248Gln;Arg175His]".parse()?;
/// assert_eq!(variant.to_string(), "TP53_R175H_R248Q");
/// # Ok::<(), pert_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Variant {
    gene: Option<String>,
    substitutions: Vec<Substitution>,
}

/// What may stand between substitutions.
const JOINERS: [char; 3] = ['_', ',', ';'];

impl Variant {
    /// A gene with substitutions in any order.
    ///
    /// # Errors
    /// [`Error::BadVariant`] for a gene that is no word of letters, digits, `-`, `.` and `_`, for no substitution, and for two
    /// different ones at a position.
    pub fn new(gene: Option<&str>, mut substitutions: Vec<Substitution>) -> Result<Self, Error> {
        substitutions.sort_unstable();
        substitutions.dedup();
        let variant = Self { gene: gene.map(str::to_owned), substitutions };
        let bad = |reason: String| Err(Error::BadVariant { text: variant.to_string(), reason });
        if let Some(gene) = &variant.gene {
            let part_of_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
            if !gene.starts_with(char::is_alphanumeric) || !gene.chars().all(part_of_word) {
                return bad(format!("{gene:?} is no name of a gene"));
            }
        }
        if variant.substitutions.is_empty() {
            return bad("it names no substitution".into());
        }
        let twice = variant.substitutions.windows(2).find(|s| s[0].position == s[1].position);
        match twice {
            Some(pair) => bad(format!("{} and {} stand at one position", pair[0], pair[1])),
            None => Ok(variant),
        }
    }

    /// The gene, if the label names one.
    pub fn gene(&self) -> Option<&str> {
        self.gene.as_deref()
    }

    /// The substitutions by position, each once; never empty.
    pub fn substitutions(&self) -> &[Substitution] {
        &self.substitutions
    }

    /// Whether the protein is that of the reference.
    pub fn is_synonymous(&self) -> bool {
        self.substitutions.iter().all(Substitution::is_synonymous)
    }
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let is_substitution = |word: &str| word.parse::<Substitution>().is_ok();
        let first_gap = text.find(|c: char| JOINERS.contains(&c) || c.is_whitespace());
        let (gene, rest) = if let Some((gene, rest)) = text.split_once(':') {
            (Some(gene.trim()), rest)
        } else if is_substitution(&text[..first_gap.unwrap_or(text.len())]) {
            (None, text)
        } else if let Some(gap) = first_gap {
            (Some(&text[..gap]), text[gap..].trim_start().trim_start_matches('_'))
        } else {
            match text.rsplit_once('-') {
                Some((gene, rest)) if is_substitution(rest) => (Some(gene), rest),
                _ => (None, text),
            }
        };
        Self::new(
            gene,
            substitutions(rest).map_err(|reason| match reason {
                Error::BadVariant { reason, .. } => Error::BadVariant { text: text.into(), reason },
                other => other,
            })?,
        )
    }
}

fn substitutions(text: &str) -> Result<Vec<Substitution>, Error> {
    let text = text.trim();
    let text = match text.strip_prefix("p.") {
        Some(rest) if rest.starts_with('[') => rest,
        _ => text,
    };
    let text = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let one = |word: &str| {
        word.parse().map_err(|error| match error {
            Error::BadVariant { reason, .. } => Error::BadVariant {
                text: word.to_owned(),
                reason: format!("{word:?} is no substitution: {reason}"),
            },
            other => other,
        })
    };
    let words = text.split(JOINERS).flat_map(|joined| {
        // Spaces around a joiner are nothing; elsewhere they join too. An empty word is refused.
        if joined.trim().is_empty() { vec![""] } else { joined.split_whitespace().collect() }
    });
    words.map(one).collect()
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut joiner = "";
        if let Some(gene) = &self.gene {
            f.write_str(gene)?;
            // C1D is a gene, and reads as a substitution.
            let ambiguous = gene.contains('_') || gene.parse::<Substitution>().is_ok();
            joiner = if ambiguous { ":" } else { "_" };
        }
        for substitution in &self.substitutions {
            write!(f, "{joiner}{substitution}")?;
            joiner = "_";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        text.parse::<Variant>().unwrap_or_else(|e| panic!("{e}")).to_string()
    }

    #[test]
    fn every_usual_spelling_is_read() {
        for (text, expected) in [
            ("KRAS_G12D", "KRAS_G12D"),
            ("KRAS G12D", "KRAS_G12D"),
            ("KRAS:p.Gly12Asp", "KRAS_G12D"),
            ("KRAS p.G12D", "KRAS_G12D"),
            ("KRAS_p.(Gly12Asp)", "KRAS_G12D"),
            ("KRAS-G12D", "KRAS_G12D"),
            ("p.G12D", "G12D"),
            ("G012D", "G12D"),
            ("TP53_R175H_R248Q", "TP53_R175H_R248Q"),
            ("TP53_R248Q,R175H", "TP53_R175H_R248Q"),
            ("TP53_R248Q, R175H", "TP53_R175H_R248Q"),
            ("TP53:p.[Arg175His;Arg248Gln]", "TP53_R175H_R248Q"),
            ("TP53:p.R175H;p.R248Q", "TP53_R175H_R248Q"),
            ("R248Q_R175H", "R175H_R248Q"),
            ("TP53_R213*", "TP53_R213*"),
            ("TP53:p.Arg213Ter", "TP53_R213*"),
            ("TP53:p.Ter394Arg", "TP53_*394R"),
            ("KRAS_G12=", "KRAS_G12="),
            ("KRAS:p.Gly12=", "KRAS_G12="),
            ("KRAS_G12G", "KRAS_G12="),
            ("NKX2-1_R10H", "NKX2-1_R10H"),
            ("HLA-A-G12D", "HLA-A_G12D"),
            ("C1D:G12D", "C1D:G12D"),
            ("NP_004976.2:p.Gly12Asp", "NP_004976.2:G12D"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
        assert!("KRAS_G12=".parse::<Variant>().unwrap().is_synonymous());
    }

    #[test]
    fn what_is_no_variant_is_refused_with_the_reason() {
        for (text, word) in [
            ("", "position"),
            ("KRAS", "position"),
            ("KRAS_", "position"),
            ("KRAS_WT", "position"),
            ("KRAS_G12", "behind"),
            ("KRAS_B12D", "before"),
            ("KRAS_G0D", "from 1"),
            ("KRAS_G99999999999D", "from 1"),
            ("KRAS_G12D_G12V", "one position"),
            ("KRAS_G12D,,G13D", "position"),
            ("KLF1_MAP2K6", "MAP2K6"),
            ("BRAF:p.Val600_Lys601del", "no substitution"),
            ("K?S_G12D", "gene"),
            (":G12D", "gene"),
        ] {
            let error = text.parse::<Variant>().unwrap_err();
            assert!(error.to_string().contains(word), "{text}: {error}");
            assert!(error.to_string().contains("--label-kind genes"), "{error}");
        }
    }

    fn substitution() -> impl Strategy<Value = Substitution> {
        let residue = || proptest::sample::select(Residue::ALL.to_vec());
        (residue(), 1u32.., residue()).prop_map(|(from, position, to)| {
            Substitution::new(from, NonZeroU32::new(position).unwrap(), to)
        })
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(
            gene in proptest::option::of("[A-Za-z0-9][A-Za-z0-9._-]{0,8}|C1D|p\\.G12D"),
            substitutions in proptest::collection::vec(substitution(), 1..4),
        ) {
            if let Ok(variant) = Variant::new(gene.as_deref(), substitutions.clone()) {
                prop_assert_eq!(variant.to_string().parse::<Variant>().unwrap(), variant.clone());
                let reversed = substitutions.into_iter().rev().collect();
                prop_assert_eq!(Variant::new(gene.as_deref(), reversed).unwrap(), variant);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|[A-Z_:,;p.()\\[\\]0-9*= -]{0,24}") {
            if let Ok(variant) = text.parse::<Variant>() {
                prop_assert_eq!(variant.to_string().parse::<Variant>().unwrap(), variant);
            }
        }
    }
}
