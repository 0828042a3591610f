//! The residues of a protein.

/// An amino acid, or the stop behind the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the three-letter code")]
pub enum Residue {
    Ala,
    Arg,
    Asn,
    Asp,
    Cys,
    Gln,
    Glu,
    Gly,
    His,
    Ile,
    Leu,
    Lys,
    Met,
    Phe,
    Pro,
    Sec,
    Ser,
    Thr,
    Trp,
    Tyr,
    Val,
    /// A stop codon, `*` or `Ter`.
    Stop,
}

/// One- and three-letter codes in the order of [`Residue::ALL`] (IUPAC-IUB 1983; U is selenocysteine).
const CODES: [(char, &str); 22] = [
    ('A', "Ala"),
    ('R', "Arg"),
    ('N', "Asn"),
    ('D', "Asp"),
    ('C', "Cys"),
    ('Q', "Gln"),
    ('E', "Glu"),
    ('G', "Gly"),
    ('H', "His"),
    ('I', "Ile"),
    ('L', "Leu"),
    ('K', "Lys"),
    ('M', "Met"),
    ('F', "Phe"),
    ('P', "Pro"),
    ('U', "Sec"),
    ('S', "Ser"),
    ('T', "Thr"),
    ('W', "Trp"),
    ('Y', "Tyr"),
    ('V', "Val"),
    ('*', "Ter"),
];

impl Residue {
    /// All residues, by three-letter code, the stop last.
    pub const ALL: [Self; 22] = [
        Self::Ala,
        Self::Arg,
        Self::Asn,
        Self::Asp,
        Self::Cys,
        Self::Gln,
        Self::Glu,
        Self::Gly,
        Self::His,
        Self::Ile,
        Self::Leu,
        Self::Lys,
        Self::Met,
        Self::Phe,
        Self::Pro,
        Self::Sec,
        Self::Ser,
        Self::Thr,
        Self::Trp,
        Self::Tyr,
        Self::Val,
        Self::Stop,
    ];

    /// The residue of a one-letter code (`G`, `*`) or a three-letter code without regard to case (`Gly`, `GLY`, `Ter`).
    pub fn from_code(code: &str) -> Option<Self> {
        let mut letters = code.chars();
        let single = letters.next().filter(|_| letters.next().is_none());
        let found = CODES.iter().position(|(letter, three)| {
            single == Some(*letter) || code.eq_ignore_ascii_case(three)
        });
        found.map(|index| Self::ALL[index])
    }

    /// The one-letter code.
    pub fn letter(self) -> char {
        CODES[self as usize].0
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        CODES[self as usize].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back_to_their_residue() {
        for residue in Residue::ALL {
            assert_eq!(Residue::from_code(residue.code()), Some(residue));
            assert_eq!(Residue::from_code(&residue.letter().to_string()), Some(residue));
        }
        for code in ["", "X", "B", "Gl", "g", "Glyc", "**"] {
            assert_eq!(Residue::from_code(code), None, "{code}");
        }
        assert_eq!(Residue::from_code("GLY"), Some(Residue::Gly));
        assert_eq!(format!("{:?}", Residue::Gly), Residue::Gly.code());
    }
}
