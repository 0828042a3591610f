//! Genes and the terms they are annotated with.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::error::OntologyError;
use super::evidence::Evidence;
use super::obo::{Ontology, Walk, first_line};
use crate::Error;
use crate::table::feature_table::{FeatureTable, index};
use crate::table::file::{LARGEST_TABLE, read_text};

/// What a GAF says of itself in its first lines (GAF 2.2, "File header").
const VERSION: &str = "!gaf-version:";

/// The columns of a GAF 2.x are 17, of which the last two are optional and left out by some writers.
const WIDTHS: std::ops::RangeInclusive<usize> = 15..=17;

/// The columns read, counted from 0.
const SYMBOL: usize = 2;
const QUALIFIER: usize = 3;
const TERM: usize = 4;
const EVIDENCE: usize = 6;

/// A qualifier that denies the annotation.
const NOT: &str = "NOT";

/// The most pairs of gene and term that are held, 12 bytes each as features. All of human, propagated, has about 2 million.
const LARGEST_N_PAIRS: usize = 1 << 26;

pub(crate) fn is_gaf(text: &str) -> bool {
    first_line(text).starts_with(VERSION)
}

/// The terms that genes are annotated with.
///
/// ```
/// use pert_encoders::{Annotations, Evidence, Ontology};
/// # let folder = tempfile::tempdir()?;
/// # let (gaf, obo) = (folder.path().join("x.gaf"), folder.path().join("x.obo"));
/// std::fs::write(&obo, "format-version: 1.2\n[Term]\nid: T:1\n[Term]\nid: T:2\nis_a: T:1\n")?;
/// let line = |symbol: &str, term: &str| {
///     format!("UniProtKB\tP1\t{symbol}\tenables\t{term}\tPMID:1\tIDA\t\tF\t\t\tprotein\ttaxon:9606\t20200101\tX\t\t\n")
/// };
/// std::fs::write(&gaf, format!("!gaf-version: 2.2\n{}{}", line("KLF1", "T:2"), line("MYC", "T:1")))?;
/// let direct = Annotations::read_gaf(&gaf, &Evidence::all())?;
/// let annotations = direct.propagated(&Ontology::read(&obo)?)?;
/// assert_eq!(annotations.terms_of("KLF1"), Some(vec!["T:1", "T:2"]));
/// let features = annotations.features(); // T:1 stands at every gene and weighs nothing
/// assert!(features.get("KLF1").is_some_and(|row| row.dot(&[0.0, 1.0]) == 1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotations {
    /// Sorted bytewise.
    genes: Vec<String>,
    /// Sorted bytewise.
    terms: Vec<String>,
    /// For each gene the places of its terms, increasing.
    lists: Vec<Vec<u32>>,
}

impl Annotations {
    /// Reads the annotations of a GAF 2.x, plain or gzip. A gene is what column 3, the symbol, says; annotations with the
    /// qualifier `NOT`, or of evidence that does not count, are left out, and with them a gene that has no other.
    ///
    /// # Errors
    /// Those of reading a text, and [`OntologyError`]: no version 2, a line of another width, an empty symbol, term
    /// or evidence, no annotation left.
    pub fn read_gaf(path: impl AsRef<Path>, evidence: &Evidence) -> Result<Self, Error> {
        let path = path.as_ref();
        Ok(Self::parse(&read_text(path, LARGEST_TABLE)?, path, evidence)?)
    }

    fn parse(text: &str, path: &Path, evidence: &Evidence) -> Result<Self, OntologyError> {
        let header = text.lines().take_while(|line| line.starts_with(['!', '\u{feff}']));
        let version = header.filter_map(|line| line.split_once(VERSION)).next();
        match version {
            Some((_, version)) if version.trim().split('.').next() == Some("2") => {}
            _ => {
                let found = version.map_or(first_line(text), |(_, version)| version.trim());
                let found = found.chars().take(60).collect();
                return Err(OntologyError::Version { path: path.to_owned(), found });
            }
        }
        let mut of_gene: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            if line.starts_with(['!', '\u{feff}']) || line.trim().is_empty() {
                continue;
            }
            let bad = |problem: String| OntologyError::Gaf {
                path: path.to_owned(),
                line: number + 1,
                problem,
            };
            let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
            if !WIDTHS.contains(&cells.len()) {
                return Err(bad(format!("expected 17 columns, found {}", cells.len())));
            }
            for (column, name) in [(SYMBOL, "symbol"), (TERM, "term"), (EVIDENCE, "evidence code")]
            {
                if cells[column].is_empty() {
                    return Err(bad(format!("the {name} (column {}) is empty", column + 1)));
                }
            }
            let denied = cells[QUALIFIER].split('|').any(|q| q.trim().eq_ignore_ascii_case(NOT));
            if !denied && evidence.counts(cells[EVIDENCE]) {
                of_gene.entry(cells[SYMBOL]).or_default().insert(cells[TERM]);
            }
        }
        if of_gene.is_empty() {
            return Err(OntologyError::NoAnnotations { path: path.to_owned() });
        }
        Ok(Self::of(of_gene))
    }

    pub(crate) fn of(of_gene: BTreeMap<&str, BTreeSet<&str>>) -> Self {
        let terms: BTreeSet<&str> = of_gene.values().flatten().copied().collect();
        let place: HashMap<&str, u32> = terms.iter().copied().zip(0..).collect();
        let list = |terms: &BTreeSet<&str>| terms.iter().map(|term| place[term]).collect();
        Self {
            lists: of_gene.values().map(list).collect(),
            genes: of_gene.into_keys().map(str::to_owned).collect(),
            terms: terms.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Annotates every gene with the ancestors of its terms too: the true-path rule, see [`Ontology`]. Annotations with an
    /// obsolete term go to the term that replaced it, or are dropped; a gene without any other stays, without terms.
    ///
    /// # Errors
    /// [`OntologyError::UnknownTerm`], [`OntologyError::TooMany`].
    pub fn propagated(&self, ontology: &Ontology) -> Result<Self, Error> {
        let mut translation = Vec::with_capacity(self.terms.len());
        for (place, term) in self.terms.iter().enumerate() {
            let known = ontology.term(term).ok_or_else(|| {
                let place = place as u32;
                let gene = self.lists.iter().position(|list| list.contains(&place));
                OntologyError::UnknownTerm {
                    gene: gene.map(|g| self.genes[g].clone()).unwrap_or_default(),
                    term: term.clone(),
                }
            })?;
            translation.push(known);
        }
        let mut walk = Walk::new(ontology);
        let mut n_pairs = 0;
        let mut lists = Vec::with_capacity(self.genes.len());
        let mut used = vec![false; ontology.n_terms()];
        for list in &self.lists {
            let found = walk.upwards(list.iter().filter_map(|&t| translation[t as usize]));
            n_pairs += found.len();
            if n_pairs > LARGEST_N_PAIRS {
                return Err(OntologyError::TooMany { limit: LARGEST_N_PAIRS }.into());
            }
            found.iter().for_each(|&term| used[term as usize] = true);
            lists.push(found);
        }
        let mut terms: Vec<u32> =
            (0..).zip(&used).filter(|(_, used)| **used).map(|t| t.0).collect();
        terms.sort_unstable_by_key(|&term| ontology.id(term));
        let mut place = vec![0; ontology.n_terms()];
        (0u32..).zip(&terms).for_each(|(new, &old)| place[old as usize] = new);
        for list in &mut lists {
            list.iter_mut().for_each(|term| *term = place[*term as usize]);
            list.sort_unstable();
        }
        let terms = terms.into_iter().map(|term| ontology.id(term).to_owned()).collect();
        Ok(Self { genes: self.genes.clone(), terms, lists })
    }

    /// The annotated genes, sorted bytewise.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// The terms of a gene, sorted bytewise.
    pub fn terms_of(&self, gene: &str) -> Option<Vec<&str>> {
        let row = self.genes.binary_search_by(|g| g.as_str().cmp(gene)).ok()?;
        Some(self.lists[row].iter().map(|&term| self.terms[term as usize].as_str()).collect())
    }

    /// The genes' features: raw TF-IDF, as [`FeatureTable`] holds annotations.
    pub fn features(self) -> FeatureTable {
        let row_of = match index(&self.genes) {
            Ok(row_of) => row_of,
            Err(rows) => unreachable!("the keys of a map are distinct, rows {rows:?}"),
        };
        FeatureTable::from_term_lists(self.genes, row_of, self.terms, &self.lists)
    }
}

impl FeatureTable {
    /// Features of genes from the Gene Ontology's own files: annotations (GAF 2.x) carried up to the ancestors of their
    /// terms (OBO), weighted as TF-IDF. For a choice of evidence see [`Annotations::read_gaf`].
    ///
    /// # Errors
    /// Those of [`Annotations::read_gaf`], [`Ontology::read`] and [`Annotations::propagated`].
    pub fn read_gaf(gaf: impl AsRef<Path>, obo: impl AsRef<Path>) -> Result<Self, Error> {
        let ontology = Ontology::read(obo)?;
        Ok(Annotations::read_gaf(gaf, &Evidence::all())?.propagated(&ontology)?.features())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(symbol: &str, qualifier: &str, term: &str, evidence: &str) -> String {
        format!(
            "UniProtKB\tP0\t{symbol}\t{qualifier}\t{term}\tPMID:1\t{evidence}\t\tP\t\t\tprotein\ttaxon:9606\t20200101\tX\t\t\n"
        )
    }

    fn parse(text: &str) -> Result<Annotations, OntologyError> {
        Annotations::parse(text, Path::new("test.gaf"), &Evidence::all())
    }

    #[test]
    fn what_is_no_gaf_is_named_with_its_line() {
        let good = line("A", "", "T:1", "IDA");
        assert!(parse(&format!("!gaf-version: 2.0\n!other\n\n{good}")).is_ok());
        assert!(parse(&format!("!generated-by: X\n!gaf-version: 2.2\n{good}")).is_ok());
        let version = parse(&format!("!gaf-version: 1.0\n{good}")).unwrap_err();
        assert!(version.to_string().contains("\"1.0\""), "{version}");
        assert!(matches!(parse(&good), Err(OntologyError::Version { .. })));
        let message =
            |rest: &str| parse(&format!("!gaf-version: 2.1\n{rest}")).unwrap_err().to_string();
        assert!(message("A\tB\n").contains("line 2: expected 17 columns, found 2"));
        assert!(message(&line("", "", "T:1", "IDA")).contains("symbol (column 3) is empty"));
        assert!(message(&line("A", "", "", "IDA")).contains("term (column 5) is empty"));
        let none = message(&line("A", "NOT|involved_in", "T:1", "IDA"));
        assert!(none.contains("no annotation is left"), "{none}");
    }

    #[test]
    fn a_term_of_another_release_is_named_with_its_gene() {
        let annotations =
            parse(&format!("!gaf-version: 2.2\n{}", line("A", "", "T:7", "IDA"))).unwrap();
        let ontology = Ontology::parse("[Term]\nid: T:1\n", Path::new("x.obo")).unwrap();
        let error = annotations.propagated(&ontology).unwrap_err().to_string();
        assert!(error.contains("\"A\"") && error.contains("T:7"), "{error}");
    }
}
