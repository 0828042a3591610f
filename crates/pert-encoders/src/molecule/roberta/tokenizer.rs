//! Byte-level pairs of letters (Sennrich et al. 2016; Radford et al. 2019) over SMILES.

use std::collections::HashMap;

use crate::molecule::reading::{Refusal, check_length};

/// Letters of the SMILES of drugs.
const SMILES_LETTERS: &str = "#%()+-./0123456789=@BCFHINOPS[\\]bclnoprs";

/// From text to the numbers of its tokens, between a first and a last one.
///
/// Of SMILES, byte-level pairs need less than of other texts: every letter is printable ASCII and stands for itself, and where the
/// text is split into words, runs of letters, of digits and of other signs are the words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tokenizer {
    vocabulary: HashMap<String, u32>,
    /// From a pair to its rank, lowest first, and what it becomes.
    merges: HashMap<(u32, u32), (usize, u32)>,
    /// What a letter without token becomes; left out without it.
    unknown: Option<u32>,
    first: u32,
    last: u32,
}

impl Tokenizer {
    /// Tokens and their numbers, pairs that become one token, lowest rank first, and the tokens at the two ends.
    ///
    /// The error is a reason without place.
    pub fn new(
        vocabulary: HashMap<String, u32>,
        merges: &[(String, String)],
        unknown: Option<u32>,
        [first, last]: [u32; 2],
    ) -> Result<Self, String> {
        let number = |i: usize, token: &str| {
            let missing = || format!("merge {}: {token:?} is not among the tokens", i + 1);
            vocabulary.get(token).copied().ok_or_else(missing)
        };
        let merge = |(i, (a, b)): (usize, &(String, String))| {
            Ok(((number(i, a)?, number(i, b)?), (i, number(i, &format!("{a}{b}"))?)))
        };
        let merges = merges.iter().enumerate().map(merge).collect::<Result<_, String>>()?;
        Ok(Self { vocabulary, merges, unknown, first, last })
    }

    /// A token whose number is not below `n`, and that number.
    pub fn beyond(&self, n: usize) -> Option<(&str, u32)> {
        let ends = [("the first token", self.first), ("the last token", self.last)];
        let tokens = self.vocabulary.iter().map(|(token, number)| (token.as_str(), *number));
        tokens.chain(ends).filter(|(_, number)| *number as usize >= n).min()
    }

    /// Letters of SMILES that have no token.
    pub fn without_token(&self) -> impl Iterator<Item = char> {
        let has_none = |letter: &char| !self.vocabulary.contains_key(letter.to_string().as_str());
        SMILES_LETTERS.chars().filter(has_none)
    }

    /// Whether letters without a token are left out.
    pub fn leaves_out(&self) -> bool {
        self.unknown.is_none()
    }

    /// The tokens of a text between the first and the last one. What is written like a special token is read as text.
    pub fn tokens(&self, smiles: &str) -> Result<Vec<u32>, Refusal> {
        check_length(smiles)?;
        // An apostrophe would split words in another way; no SMILES has one.
        let is_foreign = |letter: char| !letter.is_ascii_graphic() || letter == '\'';
        if let Some((at, letter)) = smiles.char_indices().find(|(_, letter)| is_foreign(*letter)) {
            return Err(Refusal::at(at, format!("{letter:?} is in no SMILES")));
        }
        let mut tokens = vec![self.first];
        let kind = |byte: &u8| (byte.is_ascii_alphabetic(), byte.is_ascii_digit());
        for word in smiles.as_bytes().chunk_by(|a, b| kind(a) == kind(b)) {
            let letters = word.iter().map(|byte| char::from(*byte).to_string());
            let known = letters.filter_map(|l| self.vocabulary.get(&l).copied().or(self.unknown));
            tokens.extend(self.merged(known.collect()));
        }
        tokens.push(self.last);
        Ok(tokens)
    }

    /// Merges the pair of the lowest rank, the leftmost among equals, as long as there is one.
    fn merged(&self, mut word: Vec<u32>) -> Vec<u32> {
        loop {
            let known = |(at, pair): (usize, &[u32])| {
                self.merges.get(&(pair[0], pair[1])).map(|(rank, product)| (*rank, at, *product))
            };
            let Some((_, at, product)) = word.windows(2).enumerate().filter_map(known).min() else {
                return word;
            };
            word[at] = product;
            word.remove(at + 1);
        }
    }
}
