//! What can be wrong with an ontology or its annotations.

use std::path::PathBuf;

/// An error about an OBO or GAF file; every variant names the file, the place and what mends it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OntologyError {
    /// A file of annotations where a table of features was asked for.
    #[error(
        "{} is a GAF, and its annotations need the ontology; give its OBO file beside it",
        path.display()
    )]
    NeedsOntology {
        /// The file.
        path: PathBuf,
    },
    /// An ontology where annotations of genes were asked for.
    #[error("{} is an ontology (OBO) and names no gene; give the GAF beside it", path.display())]
    NoGenes {
        /// The file.
        path: PathBuf,
    },
    /// A text that is no OBO file.
    #[error("{}: no ontology in the OBO format (no `[Term]` with an id)", path.display())]
    NoTerms {
        /// The file.
        path: PathBuf,
    },
    /// A line of an OBO file that contradicts the format.
    #[error("{}, line {line}: {problem}", path.display())]
    Obo {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A term that is its own ancestor.
    #[error(
        "{}: term {term} is its own ancestor by is_a and part_of; take the release `go-basic.obo`",
        path.display()
    )]
    Cycle {
        /// The file.
        path: PathBuf,
        /// A term of the cycle, or below one.
        term: String,
    },
    /// A file without the version that every GAF begins with.
    #[error(
        "{}: expected a GAF of version 2, which says so in its first lines (`!gaf-version: 2.2`), found {found:?}",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it names, or its first line.
        found: String,
    },
    /// A line of a GAF that contradicts the format.
    #[error("{}, line {line}: {problem}", path.display())]
    Gaf {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A file in which no annotation is left.
    #[error("{}: no annotation is left after qualifiers and evidence codes", path.display())]
    NoAnnotations {
        /// The file.
        path: PathBuf,
    },
    /// An annotation with a term of another release.
    #[error(
        "gene {gene:?} has term {term}, unknown to the ontology; take the OBO of the GAF's release"
    )]
    UnknownTerm {
        /// The gene.
        gene: String,
        /// The term.
        term: String,
    },
    /// More annotations than are held.
    #[error(
        "more than {limit} annotations of genes with terms and their ancestors; keep fewer genes"
    )]
    TooMany {
        /// The most that are held.
        limit: usize,
    },
    /// A code that is no evidence code of the Gene Ontology.
    #[error("{code:?} is no evidence code of the Gene Ontology; they are {}", known.join(", "))]
    UnknownEvidence {
        /// The code given.
        code: String,
        /// All codes.
        known: &'static [&'static str],
    },
}
