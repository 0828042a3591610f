//! What a model knows of a perturbation it is asked for; a misspelt name must not pass for an unseen gene.

use pert_core::Perturbation;
use pert_encoders::{FeatureTable, TargetFeatures};

use crate::Error;
use crate::model::Model;

/// Characters people join names by.
const SEPARATORS: [char; 9] = ['+', '_', '/', ',', ';', '|', '&', ':', ' '];

/// What training and features say about one target of a perturbation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Familiarity {
    /// Perturbed alone in training.
    SeenAlone,
    /// Perturbed in training, in combinations only.
    SeenInCombination,
    /// Never perturbed in training; known by its features.
    FeaturesOnly,
    /// Neither perturbed in training nor in the feature table: encoded as the mean gene.
    Unknown,
}

impl Model {
    /// What is known of each target of a perturbation, in the order of its targets.
    pub fn familiarity(&self, p: &Perturbation) -> Vec<Familiarity> {
        let alone = |gene: &str| {
            self.seen.iter().any(|s| matches!(s.perturbation.targets(), [only] if only == gene))
        };
        p.targets()
            .iter()
            .map(|gene| {
                if alone(gene) {
                    Familiarity::SeenAlone
                } else if self.was_perturbed(gene) {
                    Familiarity::SeenInCombination
                } else if self.encoder.features().is_some_and(|f| f.contains(gene)) {
                    Familiarity::FeaturesOnly
                } else {
                    Familiarity::Unknown
                }
            })
            .collect()
    }

    /// One sentence on how far a prediction of `p` can be trusted; `None` for control and for combinations of genes
    /// all seen alone.
    ///
    /// ```
    #[doc = include_str!("doc/fitted.txt")]
    /// let model = quick.fit(&screen, &device)?;
    /// let seen = &model.seen()[1].perturbation;
    /// assert!(model.remark(seen).is_some_and(|r| r.contains("reproduced, not predicted")));
    /// # Ok::<(), pert_pipeline::Error>(())
    /// ```
    pub fn remark(&self, p: &Perturbation) -> Option<String> {
        if p.is_control() {
            return None;
        }
        let label = p.label();
        if let Some(seen) = self.index_of(p) {
            let n_cells = self.seen[seen].n_cells();
            return Some(format!(
                "{label} was seen in training ({n_cells} cells): reproduced, not predicted"
            ));
        }
        let known = p.targets().iter().zip(self.familiarity(p));
        let remarks: Vec<String> = known
            .filter_map(|(gene, familiarity)| match familiarity {
                Familiarity::SeenAlone => None,
                Familiarity::SeenInCombination => {
                    Some(format!("{gene} was seen in combinations only"))
                }
                Familiarity::FeaturesOnly => {
                    let known_by =
                        self.encoder.features().map_or("features", TargetFeatures::known_by);
                    Some(format!("{gene} was never seen, and is known by its {known_by} only"))
                }
                Familiarity::Unknown => Some(format!(
                    "{gene} was never seen and has no features: an AVERAGE gene stands for it"
                )),
            })
            .collect();
        (!remarks.is_empty()).then(|| format!("{label}: {}", remarks.join("; ")))
    }

    /// Refuses another name of a gene that was perturbed, of which more is known than its features; and a name nobody knows that
    /// is a known one but for case, or known ones joined in another way.
    pub(crate) fn check_names(&self, p: &Perturbation) -> Result<(), Error> {
        for name in p.targets().iter().filter(|name| !self.was_perturbed(name)) {
            if let Some(seen) = self.seen_under_another_name(name) {
                return Err(Error::Request(format!(
                    "{name} is another name of {seen}, which was perturbed in training; write {seen}"
                )));
            }
        }
        let unknown = p.targets().iter().zip(self.familiarity(p));
        for (name, _) in unknown.filter(|(_, f)| *f == Familiarity::Unknown) {
            if let Some(known) = self.known_but_for_case(name) {
                return Err(Error::Request(format!("{name} is not known; did you mean {known}?")));
            }
            let parts: Vec<&str> =
                name.split(SEPARATORS).map(str::trim).filter(|part| !part.is_empty()).collect();
            let known: Option<Vec<&str>> =
                parts.iter().map(|part| self.known_but_for_case(part)).collect();
            if let (true, Some(known)) = (parts.len() > 1, known) {
                let joined = known.join(&self.format.separator.to_string());
                return Err(Error::Request(format!(
                    "{name} is not known; names are joined by {:?}: did you mean {joined}?",
                    self.format.separator
                )));
            }
        }
        Ok(())
    }

    fn seen_under_another_name(&self, name: &str) -> Option<&String> {
        let table = self.encoder.features().and_then(TargetFeatures::table)?;
        if table.aliases().is_empty() {
            return None;
        }
        let symbol = table.symbol_of(name)?;
        self.encoder.seen_genes().iter().find(|seen| table.symbol_of(seen) == Some(symbol))
    }

    fn was_perturbed(&self, gene: &str) -> bool {
        self.encoder.seen_genes().binary_search_by(|g| g.as_str().cmp(gene)).is_ok()
    }

    fn known_but_for_case(&self, name: &str) -> Option<&str> {
        let table = self.encoder.features().and_then(TargetFeatures::table);
        let in_table = table.map_or(&[][..], FeatureTable::genes);
        let known = || self.encoder.seen_genes().iter().chain(in_table).map(String::as_str);
        known().find(|known| *known == name).or_else(|| {
            let name = name.to_lowercase();
            known().find(|known| known.to_lowercase() == name)
        })
    }
}
