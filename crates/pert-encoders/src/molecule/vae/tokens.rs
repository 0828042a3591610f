//! SMILES as tokens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::molecule::MoleculeError;

/// The number of the token behind the last of a molecule, and of all places after it.
pub(super) const END: usize = 0;

/// Splits a SMILES into atoms (two-letter symbols and brackets whole), bonds, branches and ring closures (`%nn` whole). Joined
/// they are the text again.
///
/// ```
/// use pert_encoders::smiles_tokens;
/// let tokens: Vec<&str> = smiles_tokens("Clc1cc[nH]c%12").collect();
/// assert_eq!(tokens, ["Cl", "c", "1", "c", "c", "[nH]", "c", "%12"]);
/// ```
pub fn smiles_tokens(smiles: &str) -> impl Iterator<Item = &str> {
    let mut rest = smiles;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let width = match first {
            '[' => rest.find(']').map(|end| end + 1),
            '%' if rest.as_bytes().get(1) == Some(&b'(') => rest.find(')').map(|end| end + 1),
            '%' => rest.is_char_boundary(3.min(rest.len())).then_some(3.min(rest.len())),
            'C' if rest.starts_with("Cl") => Some(2),
            'B' if rest.starts_with("Br") => Some(2),
            _ => None,
        };
        let (token, behind) = rest.split_at(width.unwrap_or(first.len_utf8()));
        rest = behind;
        Some(token)
    })
}

/// The tokens a network knows; number 0 is the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Vocabulary {
    tokens: Vec<String>,
}

impl Vocabulary {
    /// The tokens that at least `least` of the molecules have, sorted bytewise.
    pub fn of(molecules: &[String], least: usize) -> Self {
        let mut counts = BTreeMap::<&str, usize>::new();
        for smiles in molecules {
            let mut tokens: Vec<&str> = smiles_tokens(smiles).collect();
            tokens.sort_unstable();
            tokens.dedup();
            tokens.into_iter().for_each(|token| *counts.entry(token).or_default() += 1);
        }
        let kept = counts.into_iter().filter(|(_, n)| *n >= least).map(|(token, _)| token);
        Self { tokens: kept.map(str::to_owned).collect() }
    }

    /// The number of tokens, the end included.
    pub fn len(&self) -> usize {
        self.tokens.len() + 1
    }

    /// Whether the tokens are sorted and different, as they were written.
    pub fn is_sound(&self) -> bool {
        !self.tokens.is_empty() && self.tokens.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// The numbers of a molecule's tokens, without the end.
    pub fn numbers(&self, smiles: &str, longest: usize) -> Result<Vec<usize>, MoleculeError> {
        let (mut numbers, mut at) = (Vec::new(), 0);
        for token in smiles_tokens(smiles) {
            let Ok(place) = self.tokens.binary_search_by(|known| known.as_str().cmp(token)) else {
                let (smiles, token) = (smiles.to_owned(), token.to_owned());
                return Err(MoleculeError::UnknownToken { smiles, token, position: at + 1 });
            };
            numbers.push(place + 1);
            at += token.len();
        }
        if numbers.len() > longest {
            let (smiles, found) = (smiles.to_owned(), numbers.len());
            return Err(MoleculeError::TooManyTokens { smiles, found, longest });
        }
        Ok(numbers)
    }

    /// The text of numbers up to the first end.
    pub fn text(&self, numbers: &[usize]) -> String {
        let tokens = numbers.iter().take_while(|&&number| number != END);
        tokens.map(|&number| self.tokens[number - 1].as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn molecules_come_back_and_what_is_unknown_is_named() {
        let molecules = ["CC(=O)Cl", "C[C@@H](N)Br", "C%12CC%12"].map(str::to_owned);
        let vocabulary = Vocabulary::of(&molecules, 1);
        for smiles in &molecules {
            let numbers = vocabulary.numbers(smiles, 20).unwrap();
            assert!(!numbers.contains(&END));
            assert_eq!(vocabulary.text(&numbers), *smiles);
            assert_eq!(vocabulary.text(&[numbers, vec![END, 1]].concat()), *smiles);
        }
        assert!(vocabulary.is_sound());
        let error = vocabulary.numbers("CC[nH]", 20).unwrap_err().to_string();
        assert!(error.contains("\"[nH]\" at byte 3"), "{error}");
        let error = vocabulary.numbers("CCCC", 3).unwrap_err().to_string();
        assert!(error.contains("4 tokens") && error.contains("3 at most"), "{error}");
        // Only C is in more than one of them.
        assert_eq!(Vocabulary::of(&molecules, 2).len(), 4);
    }

    proptest! {
        #[test]
        fn joined_the_tokens_are_the_text(text in "\\PC{0,30}|[A-Za-z0-9()\\[\\]%=#]{0,30}") {
            prop_assert_eq!(smiles_tokens(&text).collect::<String>(), text);
        }
    }
}
