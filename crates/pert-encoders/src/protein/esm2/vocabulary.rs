//! The tokens of ESM-2.

/// All tokens in the order of their numbers (Lin et al. 2023; `vocab.txt` of the published models).
pub(super) const TOKENS: [&str; 33] = [
    "<cls>", "<pad>", "<eos>", "<unk>", "L", "A", "G", "V", "S", "E", "R", "T", "I", "D", "P", "K",
    "Q", "N", "F", "Y", "M", "H", "W", "C", "X", "B", "U", "Z", "O", ".", "-", "<null_1>",
    "<mask>",
];

/// Before the first residue.
pub(super) const CLS: u8 = 0;
/// Behind the end of a shorter row.
pub(super) const PAD: u8 = 1;
/// Behind the last residue.
pub(super) const EOS: u8 = 2;
/// A letter without a token.
const UNK: u8 = 3;
/// A residue to be guessed.
pub(super) const MASK: u8 = 32;

/// The token of a letter; of J, which has none, `<unk>`.
pub(super) fn token(letter: u8) -> u8 {
    let found = TOKENS.iter().position(|token| token.as_bytes() == [letter]);
    found.map_or(UNK, |index| index as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_names_have_their_numbers() {
        for (name, number) in
            [("<cls>", CLS), ("<pad>", PAD), ("<eos>", EOS), ("<unk>", UNK), ("<mask>", MASK)]
        {
            assert_eq!(TOKENS[usize::from(number)], name);
        }
        assert_eq!(b"LAGJX".map(token), [4, 5, 6, UNK, 24]);
        for letter in b"ACDEFGHIKLMNPQRSTVWYUOBZX" {
            assert!((4..29).contains(&token(*letter)), "{letter}");
        }
    }
}
