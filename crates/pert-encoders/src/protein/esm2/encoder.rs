//! Protein variants as ESM-2 sees them, against their wild type.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pert_core::Residue;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache::CacheFile;
use super::model::Esm2;
use super::vocabulary::{MASK, TOKENS, token};
use crate::protein::error::ProteinError;
use crate::protein::reference::{Mutant, ProteinReferences};
use crate::protein::sequence::ProteinSequence;
use crate::{Error, TargetEncoder};

/// Variants computed between two calls of the progress callback.
const CHUNK: usize = 32;

/// How long computed rows may be lost to a run that is cut off.
const SAVED_EVERY: Duration = Duration::from_secs(20);

/// Wild types kept from one call to the next.
const N_WILD_TYPES: usize = 8;

/// A part of the row of a variant; d is the network's width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Esm2Part {
    /// The mean of the variant's states over its residues, d numbers.
    Mean,
    /// That mean less the wild type's, d numbers.
    MeanDifference,
    /// The variant's states less the wild type's, mean over the changed positions, d numbers; zero for a stop alone.
    SiteDifference,
    /// Σ log p(new residue) − log p(residue of the reference) over the changed positions, one number in nats
    /// ([`Marginal`]); zero for a stop alone.
    LogLikelihoodRatio,
    /// The share of residues that a stop cuts off, one number.
    Lost,
}

/// What a residue's probability is given (Meier et al. 2021, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marginal {
    /// The whole wild type: one pass per protein.
    #[default]
    WildType,
    /// The wild type with the changed positions masked: one pass per set of positions.
    Masked,
}

/// Configuration of an [`Esm2Encoder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Esm2EncoderConfig {
    /// What a row holds, in this order. Default: all but the mean itself.
    pub parts: Vec<Esm2Part>,
    /// How log-likelihood ratios are taken. Default: from the wild type.
    pub marginal: Marginal,
}

impl Default for Esm2EncoderConfig {
    fn default() -> Self {
        use Esm2Part::{LogLikelihoodRatio, Lost, MeanDifference, SiteDifference};
        Self {
            parts: vec![SiteDifference, MeanDifference, LogLikelihoodRatio, Lost],
            marginal: Marginal::default(),
        }
    }
}

/// How far an encoding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Esm2Progress {
    /// Different variants that have their row.
    pub done: usize,
    /// Those among them that the cache had.
    pub cached: usize,
    /// All different variants.
    pub total: usize,
}

/// Encodes protein variants by a frozen [`Esm2`] network.
///
/// The wild type goes through the network once, and each variant once; of a protein longer than the network reads, only the
/// windows that hold a change ([`Esm2::residue_states`] tells the windows). A synonymous variant is the wild type: its
/// differences are exactly zero, and nothing is computed. A stop shortens the protein. Rows are f32 numbers, in the order of
/// [`Esm2EncoderConfig::parts`].
///
/// With [`with_cache`](Self::with_cache), rows are kept on disk.
#[derive(Debug)]
pub struct Esm2Encoder {
    model: Esm2,
    references: ProteinReferences,
    config: Esm2EncoderConfig,
    cache: Option<PathBuf>,
    wild_types: Mutex<Vec<(String, Arc<WildType>)>>,
}

/// What a network makes of a protein without variant.
#[derive(Debug)]
struct WildType {
    /// `[n_residues, width]`
    states: Vec<f32>,
    /// Sum of the states that each window owns.
    window_sums: Vec<Vec<f64>>,
    /// `[n_residues, 33]`, where they are asked for.
    log_probabilities: Option<Vec<f32>>,
}

/// What a window with changes comes to.
struct WindowPart {
    sum: Vec<f64>,
    /// Σ over changed positions that the window owns, state less that of the wild type.
    site_difference: Vec<f64>,
}

impl Esm2Encoder {
    /// Encodes variants of these proteins.
    ///
    /// # Errors
    /// [`ProteinError::NoParts`]; [`ProteinError::NoLanguageModel`] where log-likelihood ratios are asked of a network
    /// without head.
    pub fn new(
        model: Esm2,
        references: ProteinReferences,
        config: Esm2EncoderConfig,
    ) -> Result<Self, ProteinError> {
        if config.parts.is_empty() {
            return Err(ProteinError::NoParts);
        }
        if config.parts.contains(&Esm2Part::LogLikelihoodRatio) && !model.has_head() {
            return Err(ProteinError::NoLanguageModel { path: model.folder().to_owned() });
        }
        Ok(Self { model, references, config, cache: None, wild_types: Mutex::default() })
    }

    /// Keeps rows in files of a folder, which is made where it is missing: one for each protein, network and setting,
    /// named by a hash of the three. A run cut off loses at most the rows of some 20 seconds; the next one goes on.
    pub fn with_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// The network.
    pub fn model(&self) -> &Esm2 {
        &self.model
    }

    /// Encodes targets, telling how far it is after every few variants.
    ///
    /// All targets are checked before the first is computed.
    ///
    /// # Errors
    /// Those of [`ProteinReferences::apply`], [`ProteinError::NothingLeft`], and of the cache's files
    /// [`ProteinError::Io`] and [`ProteinError::BadCache`].
    pub fn encode(
        &self,
        targets: &[&str],
        progress: &mut dyn FnMut(Esm2Progress),
    ) -> Result<Vec<f64>, ProteinError> {
        self.encode_while(targets, &mut |state| {
            progress(state);
            ControlFlow::Continue(())
        })
    }

    /// The same, until `progress` breaks off; the cache then keeps what was computed.
    ///
    /// # Errors
    /// Those of [`encode`](Self::encode), and [`ProteinError::Interrupted`].
    pub fn encode_while(
        &self,
        targets: &[&str],
        progress: &mut dyn FnMut(Esm2Progress) -> ControlFlow<()>,
    ) -> Result<Vec<f64>, ProteinError> {
        let mutants: Vec<Mutant<'_>> =
            targets.iter().map(|target| self.mutant(target)).collect::<Result<_, _>>()?;
        let mut of_protein: BTreeMap<&str, BTreeMap<String, &Mutant<'_>>> = BTreeMap::new();
        for mutant in &mutants {
            of_protein.entry(mutant.name()).or_default().insert(name_of(mutant), mutant);
        }
        let total = of_protein.values().map(BTreeMap::len).sum();
        let mut state = Esm2Progress { done: 0, cached: 0, total };
        let mut rows: HashMap<(&str, String), Vec<f32>> = HashMap::new();
        for (protein, variants) in of_protein {
            let found = self.encode_protein(&variants, &mut state, progress)?;
            rows.extend(variants.into_keys().zip(found).map(|(name, row)| ((protein, name), row)));
        }
        let row_of = mutants.iter().map(|mutant| &rows[&(mutant.name(), name_of(mutant))]);
        Ok(row_of.flatten().copied().map(f64::from).collect())
    }

    fn mutant(&self, target: &str) -> Result<Mutant<'_>, ProteinError> {
        let mutant = self.references.apply_label(target)?;
        if mutant.sequence().is_empty() {
            return Err(ProteinError::NothingLeft { variant: target.to_owned() });
        }
        Ok(mutant)
    }

    /// The rows of different variants of one protein.
    fn encode_protein(
        &self,
        variants: &BTreeMap<String, &Mutant<'_>>,
        state: &mut Esm2Progress,
        progress: &mut dyn FnMut(Esm2Progress) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<f32>>, ProteinError> {
        let Some(first) = variants.values().next() else { return Ok(Vec::new()) };
        let (name, reference) = (first.name(), first.reference());
        let mut cache = match &self.cache {
            Some(folder) => Some(CacheFile::open(folder, &self.key(reference), self.dim())?),
            None => None,
        };
        let mut rows: HashMap<&str, Vec<f32>> = HashMap::new();
        if let Some(cache) = &cache {
            let known = |name: &'_ String| cache.get(name).map(<[f32]>::to_vec);
            rows.extend(variants.keys().filter_map(|name| Some((name.as_str(), known(name)?))));
        }
        state.cached += rows.len();
        state.done += rows.len();
        let mut goes_on = progress(*state);
        let missing: Vec<(&String, &Mutant<'_>)> = variants
            .iter()
            .filter(|(name, _)| !rows.contains_key(name.as_str()))
            .map(|(name, mutant)| (name, *mutant))
            .collect();
        if !missing.is_empty() && goes_on.is_continue() {
            let wild_type = self.wild_type(name, reference);
            let mut saved = Instant::now();
            for chunk in missing.chunks(CHUNK) {
                let mutants: Vec<&Mutant<'_>> = chunk.iter().map(|(_, mutant)| *mutant).collect();
                for ((name, _), row) in chunk.iter().zip(self.rows(&mutants, &wild_type)) {
                    if let Some(cache) = &mut cache {
                        cache.insert((*name).clone(), row.clone());
                    }
                    rows.insert(name.as_str(), row);
                }
                if let Some(cache) = &mut cache
                    && saved.elapsed() > SAVED_EVERY
                {
                    cache.save()?;
                    saved = Instant::now();
                }
                state.done += chunk.len();
                goes_on = progress(*state);
                if goes_on.is_break() {
                    break;
                }
            }
            if let Some(cache) = &mut cache {
                cache.save()?;
            }
        }
        if goes_on.is_break() && state.done < state.total {
            return Err(ProteinError::Interrupted { done: state.done, total: state.total });
        }
        Ok(variants.keys().filter_map(|name| rows.remove(name.as_str())).collect())
    }

    /// What a cache file is valid for.
    fn key(&self, reference: &ProteinSequence) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.model.identity());
        // Both are of a fixed set of words, so that no two settings have one text.
        hash.update(format!("{:?} {:?} ", self.config.parts, self.config.marginal));
        hash.update(reference.letters());
        hash.finalize().into()
    }

    fn wild_type(&self, name: &str, reference: &ProteinSequence) -> Arc<WildType> {
        // A thread that panicked left whole entries behind.
        let mut kept = self.wild_types.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, wild_type)) = kept.iter().find(|(known, _)| known == name) {
            return wild_type.clone();
        }
        let windows = self.model.windows(reference.len());
        let tokens: Vec<Vec<u8>> =
            windows.iter().map(|w| Esm2::tokens(&reference.letters()[w.span.clone()])).collect();
        let owned = self
            .model
            .map_states(&tokens, |i, states| self.model.owned(&windows[i], states).to_vec());
        let states = owned.concat();
        let asked = self.config.parts.contains(&Esm2Part::LogLikelihoodRatio)
            && self.config.marginal == Marginal::WildType;
        let wild_type = Arc::new(WildType {
            window_sums: owned.iter().map(|states| self.model.sum(states)).collect(),
            log_probabilities: asked.then(|| self.model.log_probabilities(&states)).flatten(),
            states,
        });
        if kept.len() == N_WILD_TYPES {
            kept.remove(0);
        }
        kept.push((name.to_owned(), wild_type.clone()));
        wild_type
    }

    fn rows(&self, mutants: &[&Mutant<'_>], wild_type: &WildType) -> Vec<Vec<f32>> {
        let d = self.model.width();
        let mut jobs = Vec::new(); // mutant, window
        let mut tokens = Vec::new();
        for (i, mutant) in mutants.iter().enumerate() {
            for (w, window) in self.model.windows(mutant.sequence().len()).into_iter().enumerate() {
                let changed = |s: &pert_core::Substitution| window.span.contains(&index(s));
                if mutant.stop().is_some() || mutant.changes().iter().any(changed) {
                    let letters = &mutant.sequence().letters()[window.span.clone()];
                    tokens.push(Esm2::tokens(letters));
                    jobs.push((i, w, window));
                }
            }
        }
        let parts = self.model.map_states(&tokens, |job, states| {
            let (i, _, window) = &jobs[job];
            let owned = self.model.owned(window, states);
            let mut site_difference = vec![0.0; d];
            for at in mutants[*i].changes().iter().map(index).filter(|at| window.owned.contains(at))
            {
                let mutated = &owned[(at - window.owned.start) * d..][..d];
                for ((sum, a), b) in
                    site_difference.iter_mut().zip(mutated).zip(&wild_type.states[at * d..][..d])
                {
                    *sum += f64::from(*a) - f64::from(*b);
                }
            }
            WindowPart { sum: self.model.sum(owned), site_difference }
        });
        let mut of_mutant: Vec<BTreeMap<usize, WindowPart>> =
            mutants.iter().map(|_| BTreeMap::new()).collect();
        for ((i, w, _), part) in jobs.into_iter().zip(parts) {
            of_mutant[i].insert(w, part);
        }
        let ratios = self.log_likelihood_ratios(mutants, wild_type);
        mutants
            .iter()
            .zip(&of_mutant)
            .zip(ratios)
            .map(|((mutant, parts), ratio)| self.row(mutant, parts, ratio, wild_type))
            .collect()
    }

    fn row(
        &self,
        mutant: &Mutant<'_>,
        parts: &BTreeMap<usize, WindowPart>,
        ratio: f64,
        wild_type: &WildType,
    ) -> Vec<f32> {
        let d = self.model.width();
        let (length, reference_length) = (mutant.sequence().len(), mutant.reference().len());
        let add = |sums: Vec<f64>, part: &[f64]| -> Vec<f64> {
            sums.iter().zip(part).map(|(a, b)| a + b).collect()
        };
        let windows = self.model.windows(length).len();
        let of_window =
            |w: usize| parts.get(&w).map_or(&wild_type.window_sums[w], |part| &part.sum);
        let sum = (0..windows).fold(vec![0.0; d], |sum, w| add(sum, of_window(w)));
        let wild_sum = wild_type.window_sums.iter().fold(vec![0.0; d], |sum, part| add(sum, part));
        let site = parts.values().fold(vec![0.0; d], |sum, part| add(sum, &part.site_difference));
        let n_sites = mutant.changes().len().max(1) as f64;
        let mut row = Vec::with_capacity(self.dim());
        for part in &self.config.parts {
            match part {
                Esm2Part::Mean => row.extend(sum.iter().map(|s| (s / length as f64) as f32)),
                Esm2Part::MeanDifference => row.extend(
                    sum.iter()
                        .zip(&wild_sum)
                        .map(|(a, b)| (a / length as f64 - b / reference_length as f64) as f32),
                ),
                Esm2Part::SiteDifference => row.extend(site.iter().map(|s| (s / n_sites) as f32)),
                Esm2Part::LogLikelihoodRatio => row.push(ratio as f32),
                Esm2Part::Lost => {
                    row.push((1.0 - length as f64 / reference_length as f64) as f32);
                }
            }
        }
        row
    }

    /// Of each variant; zeros where they are not asked for.
    fn log_likelihood_ratios(&self, mutants: &[&Mutant<'_>], wild_type: &WildType) -> Vec<f64> {
        if !self.config.parts.contains(&Esm2Part::LogLikelihoodRatio) {
            return vec![0.0; mutants.len()];
        }
        let masked = match self.config.marginal {
            Marginal::WildType => HashMap::new(),
            Marginal::Masked => self.masked(mutants),
        };
        let ratio = |mutant: &&Mutant<'_>| {
            let positions: Vec<usize> = mutant.changes().iter().map(index).collect();
            let of_change = |(i, change): (usize, &pert_core::Substitution)| -> f64 {
                let n = TOKENS.len();
                let log_p = match (&wild_type.log_probabilities, masked.get(&positions)) {
                    (Some(of_all), _) => &of_all[index(change) * n..][..n],
                    (None, Some(of_changed)) => &of_changed[i * n..][..n],
                    (None, None) => unreachable!("a head was asked for when the encoder was made"),
                };
                let at = |residue: Residue| log_p[usize::from(token(residue.letter() as u8))];
                f64::from(at(change.to())) - f64::from(at(change.from()))
            };
            mutant.changes().iter().enumerate().map(of_change).sum()
        };
        mutants.iter().map(ratio).collect()
    }

    /// Log probabilities at sets of positions, all of a set masked together: `[n_positions, 33]` for each.
    fn masked(&self, mutants: &[&Mutant<'_>]) -> HashMap<Vec<usize>, Vec<f32>> {
        let d = self.model.width();
        let sets: BTreeSet<Vec<usize>> =
            mutants.iter().map(|m| m.changes().iter().map(index).collect()).collect();
        let Some(reference) = mutants.first().map(|mutant| mutant.reference()) else {
            return HashMap::new();
        };
        let windows = self.model.windows(reference.len());
        let mut jobs = Vec::new(); // set, window
        let mut tokens = Vec::new();
        for set in &sets {
            for window in windows.iter().filter(|w| set.iter().any(|at| w.owned.contains(at))) {
                let mut masked = Esm2::tokens(&reference.letters()[window.span.clone()]);
                for at in set.iter().filter(|at| window.span.contains(at)) {
                    masked[at - window.span.start + 1] = MASK;
                }
                tokens.push(masked);
                jobs.push((set, window));
            }
        }
        let states = self.model.map_states(&tokens, |job, states| {
            let (set, window) = jobs[job];
            let owned = self.model.owned(window, states);
            let at = set.iter().filter(|at| window.owned.contains(at));
            at.flat_map(|at| &owned[(at - window.owned.start) * d..][..d]).copied().collect()
        });
        let mut of_set: HashMap<Vec<usize>, Vec<f32>> = HashMap::new();
        // Windows come in order, and so do the positions of a set.
        for ((set, _), states) in jobs.into_iter().zip::<Vec<Vec<f32>>>(states) {
            let log_p = self.model.log_probabilities(&states).unwrap_or_default();
            of_set.entry(set.clone()).or_default().extend(log_p);
        }
        of_set
    }
}

impl TargetEncoder for Esm2Encoder {
    fn dim(&self) -> usize {
        let width = |part: &Esm2Part| match part {
            Esm2Part::Mean | Esm2Part::MeanDifference | Esm2Part::SiteDifference => {
                self.model.width()
            }
            Esm2Part::LogLikelihoodRatio | Esm2Part::Lost => 1,
        };
        self.config.parts.iter().map(width).sum()
    }

    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
        Ok(self.encode(targets, &mut |_| ())?)
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        self.mutant(target)?;
        Ok(())
    }
}

/// The place of a substitution in the letters.
fn index(substitution: &pert_core::Substitution) -> usize {
    substitution.position().get() as usize - 1
}

/// What tells the variants of a protein apart: the protein that they make.
fn name_of(mutant: &Mutant<'_>) -> String {
    let mut words: Vec<String> = mutant.changes().iter().map(ToString::to_string).collect();
    words.extend(mutant.stop().map(|position| format!("*{position}")));
    if words.is_empty() { "=".to_owned() } else { words.join("_") }
}
