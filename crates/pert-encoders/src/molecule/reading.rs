//! From SMILES to a graph that RDKit would accept too.

use chematic_core::Molecule as Graph;
use chematic_smiles::{
    RdkitChemistryProblem, SmilesError, SmilesParseLimits, parse_with_limits,
    rdkit_detect_chemistry_problems,
};

use crate::Error;

/// The longest SMILES read, in bytes. Time grows with the cube of the length (seconds at this one, for rings fused all along);
/// SMILES of drugs have some 50 bytes, of the largest peptide drugs 1,000.
pub const LONGEST_SMILES: usize = 2_000;

/// Bytes of a refused SMILES that an error shows.
const SHOWN: usize = 80;

/// Why a text is no molecule.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// The byte it is about, counted from 0, where that is known.
    pub at: Option<usize>,
    /// What is wrong there.
    pub reason: String,
}

impl Refusal {
    /// With the byte it is about, counted from 0.
    pub fn at(at: usize, reason: impl Into<String>) -> Self {
        Self { at: Some(at), reason: reason.into() }
    }

    /// Without a place.
    pub fn whole(reason: impl Into<String>) -> Self {
        Self { at: None, reason: reason.into() }
    }

    /// The error about the text it was read from.
    pub fn of(self, smiles: &str) -> Error {
        Error::BadSmiles {
            smiles: excerpt(smiles, self.at.unwrap_or(0)),
            position: self.at.map(|at| at + 1),
            reason: self.reason,
        }
    }
}

/// The text up to the first white space: behind it SMILES files keep names, and ChemAxon its extension (`|…|`).
pub(super) fn without_name(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// Refuses what is empty or too long to be looked at.
pub(super) fn check_length(smiles: &str) -> Result<(), Refusal> {
    if smiles.is_empty() {
        return Err(Refusal::whole("it is empty"));
    }
    if smiles.len() > LONGEST_SMILES {
        let reason = format!("of {} bytes; {LONGEST_SMILES} is the most", smiles.len());
        return Err(Refusal::whole(reason));
    }
    Ok(())
}

/// The molecular graph of a SMILES. Its chemistry is not checked: see [`chemistry_refusal`].
pub(super) fn graph_of(smiles: &str) -> Result<Graph, Refusal> {
    check_length(smiles)?;
    check_joints(smiles)?;
    unchecked_graph(smiles).map_err(|error| refusal_of(error, smiles))
}

/// The graph of what our own writer wrote, or an error of the parser.
pub(super) fn unchecked_graph(smiles: &str) -> Result<Graph, SmilesError> {
    let limits = SmilesParseLimits { max_input_bytes: 2 * LONGEST_SMILES, ..Default::default() };
    parse_with_limits(smiles, &limits)
}

/// Where and why RDKit's sanitization refuses a graph, once it is known that it does; `reason` stands where no place is found.
pub(super) fn chemistry_refusal(graph: &Graph, smiles: &str, reason: String) -> Refusal {
    let problems = rdkit_detect_chemistry_problems(graph).unwrap_or_default();
    let Some(problem) = problems.into_iter().next() else { return Refusal::whole(reason) };
    let places = atom_places(smiles);
    let found: Vec<usize> =
        problem.atoms.iter().filter_map(|&atom| places.get(atom).copied()).collect();
    let Some(&first) = found.first() else { return Refusal::whole(problem.message) };
    Refusal { at: Some(first), reason: described(&problem, &found) }
}

/// What is wrong with the chemistry, in words that name bytes of the text rather than numbers of atoms.
fn described(problem: &RdkitChemistryProblem, places: &[usize]) -> String {
    match problem.kind.as_str() {
        "KekulizeException" => {
            let places: Vec<String> = places.iter().map(|place| (place + 1).to_string()).collect();
            format!(
                "the aromatic atoms at {} cannot be kekulized (a ring atom or the hydrogen of an [nH] is missing)",
                places.join(", ")
            )
        }
        "AtomKekulizeException" => "the atom is written as aromatic and is in no such ring".into(),
        "AtomValenceException" => "the atom has more bonds than its element can have".into(),
        _ => problem.message.clone(),
    }
}

fn refusal_of(error: SmilesError, smiles: &str) -> Refusal {
    let last = smiles.len() - 1;
    match error {
        SmilesError::UnexpectedEnd { .. } => Refusal::at(last, "it ends too early"),
        SmilesError::UnknownElement { symbol, pos } => {
            Refusal::at(pos.min(last), format!("{symbol:?} is no element"))
        }
        SmilesError::UnmatchedRingClosure { ring_num, pos } => {
            open_ring(u32::from(ring_num), pos.min(last), smiles)
        }
        SmilesError::UnmatchedExtendedRingClosure { ring_num, pos } => {
            open_ring(ring_num, pos.min(last), smiles)
        }
        SmilesError::MismatchedParentheses { pos } => {
            let place = lone_parenthesis(smiles).unwrap_or(pos.min(last));
            Refusal::at(place, "the parenthesis has no partner")
        }
        SmilesError::InvalidBracketAtom { detail, pos } => {
            Refusal::at(pos.min(last), format!("the atom in brackets is none: {detail}"))
        }
        SmilesError::ConflictingRingBond { ring_num, pos } => {
            Refusal::at(pos.min(last), format!("ring {ring_num} is closed by two kinds of bond"))
        }
        SmilesError::NestingTooDeep { pos } => {
            Refusal::at(pos.min(last), "branches stand too deep within branches")
        }
        SmilesError::UnexpectedCharacter { pos } if smiles.as_bytes().get(pos) == Some(&b')') => {
            Refusal::at(pos, "the parenthesis has no partner")
        }
        SmilesError::UnexpectedCharacter { pos } => {
            let found = smiles.get(pos..).and_then(|rest| rest.chars().next());
            let found = found.map_or_else(|| "the end".to_owned(), |c| format!("{c:?}"));
            Refusal::at(pos.min(last), format!("{found} belongs to no SMILES here"))
        }
        SmilesError::InvalidValence { element, atom, valence, max } => Refusal {
            at: atom_places(smiles).get(atom).copied(),
            reason: format!("{element} has {valence} bonds; {max} is the most"),
        },
        other => Refusal::whole(other.to_string()),
    }
}

/// A ring that is opened and not closed; `end` is where the parser noticed. The place is that of the number's last mention.
fn open_ring(number: u32, end: usize, smiles: &str) -> Refusal {
    let (bytes, mut in_brackets, mut place, mut at) = (smiles.as_bytes(), false, end, 0);
    let digits =
        |range: std::ops::Range<usize>| smiles.get(range).and_then(|d| d.parse::<u32>().ok());
    while at < bytes.len() {
        let (found, width) = match bytes[at] {
            b'[' | b']' => {
                in_brackets = bytes[at] == b'[';
                (None, 1)
            }
            _ if in_brackets => (None, 1),
            b'%' => (digits(at + 1..at + 3), 3),
            b'0'..=b'9' => (digits(at..at + 1), 1),
            _ => (None, 1),
        };
        if found == Some(number) {
            place = at;
        }
        at += width;
    }
    Refusal::at(place, format!("ring {number} is opened and never closed"))
}

/// The first closing parenthesis that none opens, or else the last opening one that none closes.
fn lone_parenthesis(smiles: &str) -> Option<usize> {
    let (mut open, mut in_brackets) = (Vec::new(), false);
    for (place, byte) in smiles.bytes().enumerate() {
        match byte {
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            b'(' if !in_brackets => open.push(place),
            b')' if !in_brackets && open.pop().is_none() => return Some(place),
            _ => {}
        }
    }
    open.pop()
}

/// The byte at which each atom begins, in the order of the text.
fn atom_places(smiles: &str) -> Vec<usize> {
    let bytes = smiles.as_bytes();
    let (mut places, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match bytes[at] {
            b'[' => {
                places.push(at);
                while at < bytes.len() && bytes[at] != b']' {
                    at += 1;
                }
            }
            b'C' if bytes.get(at + 1) == Some(&b'l') => {
                places.push(at);
                at += 1;
            }
            b'B' if bytes.get(at + 1) == Some(&b'r') => {
                places.push(at);
                at += 1;
            }
            b'*' | b'A'..=b'Z' | b'a'..=b'z' => places.push(at),
            _ => {}
        }
        at += 1;
    }
    places
}

/// Refuses joints that the parser skips and RDKit refuses: empty branches and parts, a bond before a branch (`C=(O)`), a
/// chirality outside brackets.
fn check_joints(smiles: &str) -> Result<(), Refusal> {
    #[derive(Clone, Copy, PartialEq)]
    enum Behind {
        Atom,
        Open,
        Bond,
        Dot,
    }
    let (mut behind, mut in_brackets) = (Behind::Dot, false);
    for (place, c) in smiles.char_indices() {
        let nothing = |what: &str| Err(Refusal::at(place, format!("{what} joins nothing")));
        if in_brackets {
            in_brackets = c != ']';
            continue;
        }
        behind = match c {
            '@' => return Err(Refusal::at(place, "'@' stands outside brackets")),
            '(' if behind != Behind::Atom => return nothing("the branch"),
            ')' if behind != Behind::Atom => return nothing("the end of a branch"),
            '.' if behind != Behind::Atom && behind != Behind::Open => return nothing("the dot"),
            '(' => Behind::Open,
            '.' => Behind::Dot,
            '-' | '=' | '#' | '$' | ':' | '/' | '\\' | '~' | '<' | '>' => Behind::Bond,
            _ => {
                in_brackets = c == '[';
                Behind::Atom
            }
        };
    }
    if behind == Behind::Atom {
        Ok(())
    } else {
        let last = smiles.char_indices().last().map_or(0, |(place, _)| place);
        Err(Refusal::at(last, "its end joins nothing"))
    }
}

/// A short SMILES whole; of a long one what stands around a byte.
fn excerpt(smiles: &str, at: usize) -> String {
    if smiles.len() <= SHOWN {
        return smiles.to_owned();
    }
    let boundary = |mut byte: usize| {
        while !smiles.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    };
    let from = boundary(at.saturating_sub(SHOWN / 2).min(smiles.len() - SHOWN));
    let to = boundary(from + SHOWN);
    let mark = |is_cut: bool| if is_cut { "…" } else { "" };
    format!("{}{}{}", mark(from > 0), &smiles[from..to], mark(to < smiles.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(smiles: &str) -> Refusal {
        match graph_of(smiles) {
            Err(refusal) => refusal,
            Ok(graph) => chemistry_refusal(&graph, smiles, String::new()),
        }
    }

    #[test]
    fn a_refusal_names_the_place() {
        for (smiles, at, words) in [
            ("CC(C", 2, "parenthesis"),
            ("CC)C", 2, "parenthesis"),
            ("CCXC", 2, "'X'"),
            ("CC[Zz]C", 3, "in brackets"),
            ("CC(C)(C)(C)(C)C", 1, "more bonds"),
            ("Clc1cccc1", 2, "at 3, 5, 6, 7, 8 cannot be kekulized"),
            ("CC=(O)C", 3, "the branch joins nothing"),
            ("CCC=", 3, "its end joins nothing"),
            ("CO(C)C", 1, "3 bonds; 2"),
            ("CN@C", 2, "outside brackets"),
            ("C1CC1[13CH2]C1CC", 13, "ring 1 is opened"),
            ("CC%12C1CC1", 2, "ring 12 is opened"),
        ] {
            let refusal = refused(smiles);
            assert_eq!(refusal.at, Some(at), "{smiles}: {refusal:?}");
            assert!(refusal.reason.contains(words), "{smiles}: {refusal:?}");
        }
    }

    #[test]
    fn atoms_are_found_where_they_begin() {
        assert_eq!(atom_places("ClC(Br)[nH+]c%12*"), [0, 2, 4, 7, 12, 16]);
    }

    #[test]
    fn of_a_long_text_the_place_is_shown() {
        let long = format!("{}X{}", "C".repeat(200), "N".repeat(200));
        let Error::BadSmiles { smiles, position, .. } = refused(&long).of(&long) else {
            panic!("another error")
        };
        assert_eq!(position, Some(201));
        assert!(smiles.starts_with("…C") && smiles.ends_with("N…") && smiles.contains("CXN"));
        assert!(smiles.len() < 100);
        // A cut never falls within a letter of several bytes.
        let letters = "é".repeat(300);
        assert!(refused(&letters).of(&letters).to_string().contains("ééé"));
    }
}
