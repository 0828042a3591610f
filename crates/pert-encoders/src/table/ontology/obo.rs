//! The terms of an ontology and what lies above them.

use std::collections::HashMap;
use std::path::Path;

use super::error::OntologyError;
use crate::Error;
use crate::table::file::{LARGEST_TABLE, read_text};

/// What the first line of an OBO file begins with (OBO Flat File Format 1.4, section 2.2).
const OBO_HEADER: &str = "format-version:";

/// The relation that carries annotations upwards beside `is_a`.
const PART_OF: &str = "part_of";

pub(crate) fn is_obo(text: &str) -> bool {
    first_line(text).starts_with(OBO_HEADER)
}

pub(super) fn first_line(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// The terms of an ontology, with what each is (`is_a`) and belongs to (`part_of`).
///
/// A gene annotated with a term is annotated with all of its ancestors: the true-path rule (Ashburner et al. 2000;
/// `is_a` and `part_of` carry annotations upwards, `regulates` and `has_part` do not). Secondary ids
/// (`alt_id`) stand for their term. An obsolete term stands for its `replaced_by` if there is exactly one, else for
/// nothing.
///
/// ```
/// use pert_encoders::Ontology;
/// let obo = "format-version: 1.2\n\n[Term]\nid: T:1\n\n[Term]\nid: T:2\nalt_id: T:9\nis_a: T:1 ! root\n";
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("small.obo");
/// std::fs::write(&path, obo)?;
/// let ontology = Ontology::read(&path)?;
/// assert_eq!(ontology.with_ancestors("T:9"), Some(vec!["T:1", "T:2"]));
/// assert_eq!(ontology.with_ancestors("T:3"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ontology {
    /// Ids of the terms that are not obsolete.
    ids: Vec<String>,
    /// Direct `is_a` and `part_of` of each.
    parents: Vec<Vec<u32>>,
    /// The term for every id, secondary and obsolete ones included; `None`: obsolete without successor.
    term_of: HashMap<String, Option<u32>>,
}

/// A `[Term]` as it is read.
#[derive(Default)]
struct Stanza<'a> {
    line: usize,
    id: Option<&'a str>,
    alternatives: Vec<&'a str>,
    /// Line and id.
    parents: Vec<(usize, &'a str)>,
    replaced_by: Vec<&'a str>,
    obsolete: bool,
}

impl Ontology {
    /// Reads an OBO file (format 1.2 or 1.4), plain or gzip.
    ///
    /// # Errors
    /// Those of reading a text, and [`OntologyError`]: no term, a term twice, an unknown parent (with its line), a term
    /// that is its own ancestor.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Ok(Self::parse(&read_text(path, LARGEST_TABLE)?, path)?)
    }

    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, OntologyError> {
        let bad = |line, problem: String| OntologyError::Obo { path: path.into(), line, problem };
        let stanzas = stanzas(text).map_err(|(line, problem)| bad(line, problem))?;
        if stanzas.is_empty() {
            return Err(OntologyError::NoTerms { path: path.to_owned() });
        }
        let (mut ids, mut term_of) = (Vec::new(), HashMap::new());
        for stanza in &stanzas {
            let Some(id) = stanza.id else {
                return Err(bad(stanza.line, "a [Term] without an id".to_owned()));
            };
            let term = (!stanza.obsolete).then_some(ids.len() as u32);
            if !stanza.obsolete {
                ids.push(id.to_owned());
            }
            if term_of.insert(id.to_owned(), term).is_some() {
                return Err(bad(stanza.line, format!("term {id} stands twice; keep one")));
            }
        }
        for stanza in &stanzas {
            let own = stanza.id.and_then(|id| term_of.get(id).copied()).flatten();
            for &alternative in &stanza.alternatives {
                // An id may be the name of a term and the second name of another; the first is meant.
                term_of.entry(alternative.to_owned()).or_insert(own);
            }
            if let (true, Some(id), [successor]) =
                (stanza.obsolete, stanza.id, stanza.replaced_by.as_slice())
            {
                let successor = term_of.get(*successor).copied().flatten();
                term_of.insert(id.to_owned(), successor);
            }
        }
        let mut parents = Vec::with_capacity(ids.len());
        for stanza in stanzas.iter().filter(|s| !s.obsolete) {
            let mut of_term = Vec::new();
            for &(line, parent) in &stanza.parents {
                let known = term_of.get(parent).copied().flatten();
                of_term.push(known.ok_or_else(|| {
                    bad(line, format!("{parent} is no term of this file, or an obsolete one"))
                })?);
            }
            parents.push(of_term);
        }
        let ontology = Self { ids, parents, term_of };
        match ontology.cycle() {
            Some(term) => {
                Err(OntologyError::Cycle { path: path.to_owned(), term: term.to_owned() })
            }
            None => Ok(ontology),
        }
    }

    /// Number of terms that are not obsolete.
    pub fn n_terms(&self) -> usize {
        self.ids.len()
    }

    /// A term and all above it, bytewise sorted; nothing for an obsolete term without successor, `None` for an id that the
    /// ontology does not know.
    pub fn with_ancestors(&self, id: &str) -> Option<Vec<&str>> {
        let mut walk = Walk::new(self);
        let term = *self.term_of.get(id)?;
        let found = walk.upwards(term);
        let mut ids: Vec<&str> = found.iter().map(|&t| self.id(t)).collect();
        ids.sort_unstable();
        Some(ids)
    }

    pub(super) fn id(&self, term: u32) -> &str {
        &self.ids[term as usize]
    }

    /// The term an id stands for: `Some(None)` where it is obsolete.
    pub(super) fn term(&self, id: &str) -> Option<Option<u32>> {
        self.term_of.get(id).copied()
    }

    /// A term on a cycle or below one (Kahn's algorithm: terms whose parents are all done are done).
    fn cycle(&self) -> Option<&str> {
        let mut open: Vec<usize> = self.parents.iter().map(Vec::len).collect();
        let mut children = vec![Vec::new(); self.ids.len()];
        for (term, parents) in self.parents.iter().enumerate() {
            parents.iter().for_each(|&parent| children[parent as usize].push(term));
        }
        let mut ready: Vec<usize> = (0..open.len()).filter(|&term| open[term] == 0).collect();
        while let Some(term) = ready.pop() {
            for &child in &children[term] {
                open[child] -= 1;
                if open[child] == 0 {
                    ready.push(child);
                }
            }
        }
        open.iter().position(|&parents| parents > 0).map(|term| self.ids[term].as_str())
    }
}

/// Walks upwards from terms, again and again.
pub(super) struct Walk<'a> {
    ontology: &'a Ontology,
    /// The walk in which a term was met last.
    met_in: Vec<u32>,
    walk: u32,
}

impl<'a> Walk<'a> {
    pub fn new(ontology: &'a Ontology) -> Self {
        Self { ontology, met_in: vec![0; ontology.n_terms()], walk: 0 }
    }

    /// The terms given and all above them, each once.
    pub fn upwards(&mut self, terms: impl IntoIterator<Item = u32>) -> Vec<u32> {
        self.walk += 1;
        let mut found = Vec::new();
        for term in terms {
            self.meet(term, &mut found);
        }
        let mut next = 0;
        while let Some(&term) = found.get(next) {
            next += 1;
            for &parent in &self.ontology.parents[term as usize] {
                self.meet(parent, &mut found);
            }
        }
        found
    }

    fn meet(&mut self, term: u32, found: &mut Vec<u32>) {
        let met_in = &mut self.met_in[term as usize];
        if *met_in != self.walk {
            *met_in = self.walk;
            found.push(term);
        }
    }
}

fn stanzas(text: &str) -> Result<Vec<Stanza<'_>>, (usize, String)> {
    let mut stanzas: Vec<Stanza<'_>> = Vec::new();
    let mut in_term = false;
    for (number, line) in text.lines().enumerate() {
        let (number, line) = (number + 1, line.trim());
        if line.starts_with('[') {
            in_term = line == "[Term]";
            if in_term {
                stanzas.push(Stanza { line: number, ..Default::default() });
            }
            continue;
        }
        let (Some(stanza), true) = (stanzas.last_mut(), in_term) else { continue };
        let Some((tag, value)) = line.split_once(':') else { continue };
        let value = value_of(value);
        match tag.trim() {
            "id" if stanza.id.is_some() => {
                return Err((number, "a second id in one [Term]".to_owned()));
            }
            "id" if value.is_empty() => return Err((number, "the id is empty".to_owned())),
            "id" => stanza.id = Some(value),
            "alt_id" => stanza.alternatives.push(value),
            "is_a" => stanza.parents.push((number, first_word(value))),
            "relationship" => {
                if let Some(target) = value.strip_prefix(PART_OF)
                    && target.starts_with(char::is_whitespace)
                {
                    stanza.parents.push((number, first_word(target)));
                }
            }
            "replaced_by" => stanza.replaced_by.push(value),
            "is_obsolete" => stanza.obsolete = value == "true",
            _ => {}
        }
    }
    Ok(stanzas)
}

/// A value without its comment (` ! name`).
fn value_of(value: &str) -> &str {
    value.split_once(" !").map_or(value, |(value, _)| value).trim()
}

/// What stands before trailing modifiers (`{source="…"}`).
fn first_word(value: &str) -> &str {
    value.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Ontology, OntologyError> {
        Ontology::parse(text, Path::new("test.obo"))
    }

    #[test]
    fn contradictions_are_named_with_their_line() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert!(matches!(parse("format-version: 1.2\n"), Err(OntologyError::NoTerms { .. })));
        assert!(message("[Term]\nname: x\n").contains("line 1: a [Term] without an id"));
        assert!(message("[Term]\nid: A\nid: B\n").contains("line 3"));
        assert!(message("[Term]\nid: A\n[Term]\nid: A\n").contains("A stands twice"));
        let unknown = message("[Term]\nid: A\nis_a: B ! b\n");
        assert!(unknown.contains("line 3: B is no term"), "{unknown}");
        let cycle = parse("[Term]\nid: A\nis_a: B\n[Term]\nid: B\nrelationship: part_of A ! a\n");
        assert!(matches!(cycle, Err(OntologyError::Cycle { .. })));
        // A parent that is obsolete has no place in the hierarchy.
        assert!(
            message("[Term]\nid: A\nis_a: B\n[Term]\nid: B\nis_obsolete: true\n")
                .contains("obsolete")
        );
    }

    #[test]
    fn stanzas_of_other_kinds_and_modifiers_do_not_disturb() {
        let ontology = parse(
            "format-version: 1.4\n[Term]\nid: A\nname: \"a: b\"\n[Term]\nid: B\nis_a: A {source=\"x\"} ! a\n\
             relationship: regulates A\nrelationship: part_of_other A\n[Typedef]\nid: part_of\nis_transitive: true\n",
        )
        .unwrap();
        assert_eq!(ontology.n_terms(), 2);
        assert_eq!(ontology.parents, [vec![], vec![0]]);
        assert_eq!(ontology.with_ancestors("part_of"), None);
    }

    #[test]
    fn a_long_chain_is_walked_without_recursion() {
        let mut text = "[Term]\nid: T0\n".to_owned();
        for i in 1..20_000 {
            text.push_str(&format!("[Term]\nid: T{i}\nis_a: T{}\n", i - 1));
        }
        assert_eq!(parse(&text).unwrap().with_ancestors("T19999").unwrap().len(), 20_000);
    }
}
