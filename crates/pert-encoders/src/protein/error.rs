//! What can be wrong with a protein, a variant of it, or the network that reads it.

use std::path::PathBuf;

use pert_core::{Residue, Substitution};

/// An error about proteins; every variant says where and, if known, what mends it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProteinError {
    /// The file or folder cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that becomes larger than what is read here.
    #[error("{} holds more than {limit} bytes (after decompression), the most that is read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        limit: u64,
    },
    /// A record that is no FASTA.
    #[error(
        "{source_name}, record {record}: {reason}; FASTA is a line \">NAME description\" and lines of residues"
    )]
    Fasta {
        /// The file, or "FASTA".
        source_name: String,
        /// The record, counted from 1.
        record: usize,
        /// What is wrong.
        reason: String,
    },
    /// A sequence with a letter that is none of a protein.
    #[error("{protein}, position {position}: {letter:?} is no residue; {mend}")]
    BadLetter {
        /// The protein.
        protein: String,
        /// The position, counted from 1.
        position: usize,
        /// The letter.
        letter: char,
        /// What to do about it.
        mend: &'static str,
    },
    /// No residue at all.
    #[error("{protein} has no residue; give its sequence in one-letter code")]
    EmptySequence {
        /// The protein.
        protein: String,
    },
    /// More residues than any protein has.
    #[error("{protein} has {found} residues; the longest read is {limit}")]
    TooLong {
        /// The protein.
        protein: String,
        /// Residues found.
        found: usize,
        /// The most read.
        limit: usize,
    },
    /// Two proteins of one name.
    #[error(
        "two proteins are called {name:?} (records {first} and {second}); keep one or rename it"
    )]
    DuplicateName {
        /// The name.
        name: String,
        /// The first, counted from 1.
        first: usize,
        /// The second, counted from 1.
        second: usize,
    },
    /// A gene that no protein is of.
    #[error(
        "no protein is called {gene:?}{}; give its sequence with `--reference FASTA`, or another name with `--aliases TABLE`",
        if nearest.is_empty() { String::new() } else { format!(" (nearest names: {})", nearest.join(", ")) }
    )]
    UnknownGene {
        /// The name asked for.
        gene: String,
        /// Known names nearest to it.
        nearest: Vec<String>,
    },
    /// A gene that several proteins are of.
    #[error("{gene:?} is the gene of {}; name the one that is meant", records.join(" and "))]
    AmbiguousGene {
        /// The name asked for.
        gene: String,
        /// The records, by the first word of their header.
        records: Vec<String>,
    },
    /// A label without gene where several proteins are known.
    #[error("{variant} names no gene, and {n} proteins are known; write GENE_{variant}")]
    NoGene {
        /// The variant.
        variant: String,
        /// Number of proteins.
        n: usize,
    },
    /// A label that is no variant.
    #[error(transparent)]
    Label(#[from] pert_core::Error),
    /// Another residue in the reference than the variant says.
    #[error(
        "{protein} {substitution}: the reference has {} ({}) at position {}, not {} ({}); \
         check the numbering, or give the isoform that is meant",
        found, name_of(*found), substitution.position(), substitution.from().letter(), substitution.from().code()
    )]
    Mismatch {
        /// The protein.
        protein: String,
        /// The substitution.
        substitution: Substitution,
        /// The letter of the reference.
        found: char,
    },
    /// A position behind the last residue.
    #[error(
        "{protein} {substitution}: position {} is behind the last residue, {length}{}",
        substitution.position(),
        if substitution.from() == Residue::Stop { "; what is read beyond a lost stop is not known here" } else { "" }
    )]
    BeyondEnd {
        /// The protein.
        protein: String,
        /// The substitution.
        substitution: Substitution,
        /// Residues of the reference.
        length: usize,
    },
    /// A protein of which a variant leaves nothing.
    #[error("{variant} leaves no residue of the protein; a network needs at least one")]
    NothingLeft {
        /// The variant.
        variant: String,
    },
    /// Log-likelihoods asked of a network without language-model head.
    #[error(
        "{} has no language-model head, which log-likelihood ratios need; take the weights of EsmForMaskedLM, or leave them out",
        path.display()
    )]
    NoLanguageModel {
        /// The folder.
        path: PathBuf,
    },
    /// A setting outside its range.
    #[error("{name} must be {expected}, found {found}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// The range.
        expected: &'static str,
        /// The value given.
        found: usize,
    },
    /// Nothing asked for.
    #[error("the encoder has no part to put into a row; name at least one")]
    NoParts,
    /// The caller broke off.
    #[error("interrupted after {done} of {total} variants")]
    Interrupted {
        /// Variants that have their row.
        done: usize,
        /// All of them.
        total: usize,
    },
    /// A cache file that cannot be used.
    #[error("{}: {reason}; delete it, and its rows are computed again", path.display())]
    BadCache {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl ProteinError {
    pub(super) fn io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}

fn name_of(letter: char) -> &'static str {
    Residue::from_code(letter.encode_utf8(&mut [0; 4])).map_or("not one residue", Residue::code)
}
