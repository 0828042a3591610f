//! The residues of a protein in one-letter code.

use std::fmt;

use super::error::ProteinError;

/// The most residues of a protein that are read; titin, the longest human one, has 35,991.
pub const LONGEST_PROTEIN: usize = 100_000;

/// Letters of a sequence: the 20 residues, then selenocysteine, pyrrolysine, and what stands for several.
const LETTERS: &[u8] = b"ACDEFGHIKLMNPQRSTVWYUOBZJX";

/// A protein in one-letter code.
///
/// Read with these rules: lower case is upper case, white space is nothing, one `*` at the end is the stop and left out.
/// Besides the 20 residues stand U (selenocysteine), O (pyrrolysine), B (D or N), Z (E or Q), J (I or L) and X (any);
/// they are kept. Gaps (`-`, `.`) are refused, for they would shift every position behind them; so is a `*` within.
///
/// ```
/// use pert_encoders::ProteinSequence;
/// let protein = ProteinSequence::parse("start of KRAS", "mteyk\nLVVVG*")?;
/// assert_eq!((protein.to_string().as_str(), protein.len()), ("MTEYKLVVVG", 10));
/// let error = ProteinSequence::parse("KRAS", "MTE-YK").unwrap_err();
/// assert!(error.to_string().contains("position 4") && error.to_string().contains("gap"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProteinSequence(Vec<u8>);

impl ProteinSequence {
    /// Reads the sequence of the protein of a name, which errors tell.
    ///
    /// # Errors
    /// [`ProteinError::EmptySequence`], [`ProteinError::TooLong`], [`ProteinError::BadLetter`] with the position.
    pub fn parse(protein: &str, text: &str) -> Result<Self, ProteinError> {
        let mut letters = Vec::new();
        for letter in text.chars().filter(|c| !c.is_whitespace()) {
            if letters.last() == Some(&b'*') {
                letters.pop();
                return Err(bad_letter(protein, letters.len() + 1, '*'));
            }
            let upper = u8::try_from(letter).map(|l| l.to_ascii_uppercase());
            match upper {
                Ok(upper) if upper == b'*' || LETTERS.contains(&upper) => letters.push(upper),
                _ => return Err(bad_letter(protein, letters.len() + 1, letter)),
            }
            if letters.len() > LONGEST_PROTEIN + 1 {
                break;
            }
        }
        letters.pop_if(|last| *last == b'*');
        if letters.is_empty() {
            return Err(ProteinError::EmptySequence { protein: protein.to_owned() });
        }
        if letters.len() > LONGEST_PROTEIN {
            return Err(ProteinError::TooLong {
                protein: protein.to_owned(),
                found: text.chars().filter(|c| !c.is_whitespace()).count(),
                limit: LONGEST_PROTEIN,
            });
        }
        Ok(Self(letters))
    }

    /// Of letters checked before; may be empty behind a stop.
    pub(super) fn from_letters(letters: Vec<u8>) -> Self {
        Self(letters)
    }

    /// The one-letter codes in upper case.
    pub fn letters(&self) -> &[u8] {
        &self.0
    }

    /// Number of residues.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a variant has left no residue.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ProteinSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

fn bad_letter(protein: &str, position: usize, letter: char) -> ProteinError {
    let mend = match letter {
        '-' | '.' => "take gaps out, for they shift every position behind them",
        '*' => "a stop stands at the end only; cut the sequence there",
        _ => "residues are the one-letter codes of the 20, U, O, B, Z, J and X",
    };
    ProteinError::BadLetter { protein: protein.to_owned(), position, letter, mend }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sequences_are_read_by_the_stated_rules() {
        let read = |text: &str| ProteinSequence::parse("P", text).map(|s| s.to_string());
        assert_eq!(read("MTEYK").unwrap(), "MTEYK");
        assert_eq!(read(" mte\r\nyk* \n").unwrap(), "MTEYK");
        assert_eq!(read("xbzuojM").unwrap(), "XBZUOJM");
        for (text, word) in [
            ("", "no residue"),
            (" \n", "no residue"),
            ("*", "no residue"),
            ("MTE-YK", "position 4: '-'"),
            ("MT.YK", "gaps"),
            ("MT*YK", "position 3: '*'"),
            ("MTEYK**", "position 6: '*'"),
            ("MT1YK", "position 3: '1'"),
            ("MTÉ", "position 3: 'É'"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(word), "{text:?}: {message}");
        }
        let long = "A".repeat(LONGEST_PROTEIN);
        assert_eq!(ProteinSequence::parse("P", &long).unwrap().len(), LONGEST_PROTEIN);
        assert!(read(&format!("{long}A")).unwrap_err().to_string().contains("100001 residues"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|[A-Za-z*. -]{0,24}") {
            if let Ok(sequence) = ProteinSequence::parse("P", &text) {
                let again = ProteinSequence::parse("P", &sequence.to_string()).unwrap();
                prop_assert_eq!(again, sequence);
            }
        }
    }
}
