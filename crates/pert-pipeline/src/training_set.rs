//! The cells a model learns from.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use burn::tensor::Device;
use flate2::Crc;
use pert_core::{HoldOut, Perturbation, Population, Split, SplitConfig};
use pert_data::{Dataset, GeneSelection, select_genes};
use pert_decoder::VaeInputs;
use pert_encoders::{GeneSetEncoder, SmilesTable};

use crate::Error;
use crate::checkpoints::RunIdentity;
use crate::config::{FitConfig, RarePolicy};
use crate::contexts::Contexts;
use crate::model::SeenPerturbation;
use crate::progress::Progress;
use crate::split_file::{read_split, split_to_json};

/// Six pairs of values are the fewest of which a two-sided signed-rank test can call a difference significant
/// (2 / 2⁶ < 0.05).
const FEWEST_TO_TEST: usize = 6;

/// The training cells over the kept genes, with their codes.
pub(crate) struct TrainingSet {
    pub screen: Population,
    pub split: Split,
    pub seen: Vec<SeenPerturbation>,
    /// Index into `seen` of each cell.
    pub perturbation_of: Vec<usize>,
    pub contexts: Contexts,
    /// Context code of each cell.
    pub context_of: Vec<usize>,
}

impl TrainingSet {
    pub fn prepare(
        dataset: &Dataset,
        config: &FitConfig,
        progress: &mut dyn Progress,
    ) -> Result<Self, Error> {
        let mut population = Cow::Borrowed(dataset.population());
        if config.rare == RarePolicy::Drop {
            let rare = rare(population.perturbations(), config.min_cells, |p| {
                population.cells_of(p).len()
            });
            if !rare.is_empty() {
                progress.note(&left_out(&rare, "cells", config.min_cells));
                population = Cow::Owned(without(&population, &rare));
            }
        }
        let population = &*population;
        let mut split = match (&config.split, config.parsed_hold_out()?) {
            (Some(path), _) => {
                let split = read_split(path)?;
                check_given(&split, path, dataset, progress)?;
                split
            }
            (None, None) => Split::train_on_all(population),
            (None, Some(hold_out)) => config.make_split(hold_out, population)?,
        };
        if config.rare == RarePolicy::Drop {
            let train = split.train_cells(population, dataset.format());
            let mut n_cells: HashMap<&Perturbation, usize> = HashMap::new();
            for &cell in &train {
                *n_cells.entry(population.perturbation_of(cell)).or_default() += 1;
            }
            let in_training: Vec<Perturbation> = n_cells.keys().map(|&p| p.clone()).collect();
            let rare = rare(&in_training, config.min_cells, |p| n_cells[p]);
            if !rare.is_empty() {
                progress.note(&left_out(&rare, "training cells", config.min_cells));
                let is_kept = |label: &String| {
                    !Perturbation::parse(label, dataset.format()).is_ok_and(|p| rare.contains(&p))
                };
                split.train.retain(is_kept);
                split.test.retain(is_kept);
            }
        }
        let n_held_out = split.test.len();
        if (1..FEWEST_TO_TEST).contains(&n_held_out) {
            let larger = match config.parsed_hold_out()? {
                Some(HoldOut { rule, fraction: Some(_) }) => {
                    format!("a larger fraction such as {rule}:0.9")
                }
                _ => "another rule".to_owned(),
            };
            progress.note(&format!(
                "only {n_held_out} held out ({}): with fewer than {FEWEST_TO_TEST} no difference to a baseline \
                 can be significant; {larger} may hold out more",
                split.test.join(", "),
            ));
        }
        let train = split.train_cells(population, dataset.format());
        let selection = GeneSelection { n_top: config.n_top_genes };
        let genes = select_genes(population, &train, &selection);
        let kept = population.select_genes(&genes);
        let (train, empty): (Vec<usize>, Vec<usize>) =
            train.into_iter().partition(|&i| kept.counts().library_size(i) > 0.0);
        if !empty.is_empty() {
            progress.note(&format!(
                "{} training cells have no count in the {} kept genes and are left out",
                empty.len(),
                genes.len()
            ));
        }
        let screen = kept.select_cells(&train);
        let cells: Vec<usize> = (0..screen.n_cells()).collect();
        let (contexts, context_of) = Contexts::fit(&screen, &cells);
        let mut seen: Vec<SeenPerturbation> = screen
            .perturbations()
            .iter()
            .map(|p| SeenPerturbation {
                perturbation: p.clone(),
                cells_in_context: vec![0; contexts.len()],
            })
            .collect();
        let perturbation_of: Vec<usize> = cells
            .iter()
            .map(|&i| {
                let p = screen.perturbation_of(i);
                seen.binary_search_by(|s| s.perturbation.cmp(p)).expect("training labels are seen")
            })
            .collect();
        for (&p, &context) in perturbation_of.iter().zip(&context_of) {
            seen[p].cells_in_context[context] += 1;
        }
        if !seen.first().is_some_and(|s| s.perturbation.is_control()) {
            return Err(Error::NoControl {
                control: dataset.format().control.clone(),
                mend: "name the label with --control, or leave control cells out of the hold-out",
            });
        }
        if let Some(few) = seen.iter().find(|s| s.n_cells() < config.min_cells) {
            return Err(Error::TooFewCells {
                label: few.perturbation.label().to_owned(),
                found: few.n_cells(),
                needed: config.min_cells,
            });
        }
        Ok(Self { screen, split, seen, perturbation_of, contexts, context_of })
    }

    /// What a checkpoint must have been made of to be gone on from.
    pub fn identity(
        &self,
        config: &FitConfig,
        encoder: &GeneSetEncoder,
        device: &Device,
    ) -> RunIdentity {
        let counts = self.screen.counts();
        let mut crc = Crc::new();
        let mut add = |bytes: &[u8]| crc.update(bytes);
        counts.indptr().iter().for_each(|&i| add(&(i as u64).to_le_bytes()));
        counts.indices().iter().for_each(|&i| add(&i.to_le_bytes()));
        counts.values().iter().for_each(|&v| add(&v.to_le_bytes()));
        self.screen.genes().iter().for_each(|gene| add(format!("{gene}\n").as_bytes()));
        self.seen.iter().for_each(|s| add(format!("{}\n", s.perturbation.key()).as_bytes()));
        let codes = self.perturbation_of.iter().chain(&self.context_of);
        codes.for_each(|&code| add(&(code as u64).to_le_bytes()));
        add(&self.covariate_rows().iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
        add(split_to_json(&self.split).as_bytes());
        let mut table = Vec::new();
        if let Some(features) = encoder.features() {
            match features.table() {
                Some(rows) => {
                    let text = rows.write_tsv(&mut table).and_then(|()| match rows.aliases() {
                        aliases if aliases.is_empty() => Ok(()),
                        aliases => aliases.write_tsv(&mut table),
                    });
                    text.expect("writing to memory does not fail");
                }
                None => table.extend(features.to_json().into_iter().flatten()),
            }
        }
        add(&table);
        let shape = (self.screen.n_cells(), self.screen.n_genes());
        RunIdentity::new(config.to_toml(), shape, crc.sum(), format!("{device:?}"))
    }

    /// Encoded covariates, one row per cell.
    pub fn covariate_rows(&self) -> Vec<f32> {
        let table: Vec<Vec<f32>> =
            (0..self.contexts.len()).map(|code| self.contexts.encode(code)).collect();
        self.context_of.iter().flat_map(|&code| table[code].iter().copied()).collect()
    }

    pub fn inputs<'a>(
        &'a self,
        cell: Option<&'a [f32]>,
        covariate: Option<&'a [f32]>,
    ) -> VaeInputs<'a> {
        VaeInputs {
            cell,
            covariate,
            library_group: &self.perturbation_of,
            n_groups: self.seen.len(),
        }
    }

    pub fn perturbed(&self) -> impl Iterator<Item = (usize, &Perturbation)> {
        self.seen
            .iter()
            .enumerate()
            .filter(|(_, s)| !s.perturbation.is_control())
            .map(|(i, s)| (i, &s.perturbation))
    }
}

impl FitConfig {
    /// Splits a screen by a rule, drugs by the scaffolds of the table `smiles` where there is one.
    ///
    /// # Errors
    /// As [`SplitConfig::split_with_groups`], or [`Error::Encoder`] for a table or structure that cannot be read.
    pub fn make_split(&self, hold_out: HoldOut, screen: &Population) -> Result<Split, Error> {
        let control_split = self.control_split;
        let config = SplitConfig { control_split, ..SplitConfig::new(hold_out, self.seed) };
        let groups = match &self.smiles {
            Some(path) => SmilesTable::read(path)?.scaffold_groups(screen.perturbations())?,
            None => HashMap::new(),
        };
        Ok(config.split_with_groups(screen, &|drug| groups.get(drug).cloned())?)
    }
}

/// The perturbations, control aside, with fewer than `min_cells` cells; sorted.
fn rare(
    perturbations: &[Perturbation],
    min_cells: usize,
    n_cells: impl Fn(&Perturbation) -> usize,
) -> Vec<Perturbation> {
    let mut rare: Vec<Perturbation> = perturbations
        .iter()
        .filter(|p| !p.is_control() && n_cells(p) < min_cells)
        .cloned()
        .collect();
    rare.sort_unstable();
    rare
}

fn without(population: &Population, rare: &[Perturbation]) -> Population {
    let kept: Vec<usize> = (0..population.n_cells())
        .filter(|&cell| rare.binary_search(population.perturbation_of(cell)).is_err())
        .collect();
    population.select_cells(&kept)
}

fn left_out(rare: &[Perturbation], what: &str, min_cells: usize) -> String {
    const SHOWN: usize = 5;
    let mut names: Vec<&str> = rare.iter().take(SHOWN).map(Perturbation::label).collect();
    if rare.len() > SHOWN {
        names.push("…");
    }
    format!(
        "{} perturbations with fewer than {min_cells} {what} are left out: {}",
        rare.len(),
        names.join(", ")
    )
}

/// Refuses a split, written by hand perhaps, that means something else than it says.
fn check_given(
    split: &Split,
    path: &Path,
    dataset: &Dataset,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let bad =
        |message: String| Err(Error::ConfigFile { path: path.to_owned(), what: "split", message });
    let parse = |label: &String| Perturbation::parse(label, dataset.format());
    let train: Vec<Perturbation> = split.train.iter().map(parse).collect::<Result<_, _>>()?;
    let test: Vec<Perturbation> = split.test.iter().map(parse).collect::<Result<_, _>>()?;
    if !train.iter().any(Perturbation::is_control) {
        return bad(format!("train lacks the control label {:?}", dataset.format().control));
    }
    if let (true, Some(both)) =
        (split.test_cells.is_empty(), test.iter().find(|p| train.contains(p)))
    {
        return bad(format!(
            "{both} stands in train and in test; name the cells held out in test_cells"
        ));
    }
    let known = dataset.population().perturbations();
    let absent: Vec<&str> =
        train.iter().chain(&test).filter(|p| !known.contains(p)).map(Perturbation::label).collect();
    if !absent.is_empty() {
        progress.note(&format!(
            "{} names labels that the cells lack: {}",
            path.display(),
            absent.join(", ")
        ));
    }
    let cells: HashSet<&String> = dataset.population().cells().iter().collect();
    let n_absent = split.test_cells.iter().filter(|cell| !cells.contains(cell)).count();
    if n_absent > 0 && n_absent == split.test_cells.len() {
        return bad("none of its test_cells is in the file".to_owned());
    }
    if n_absent > 0 {
        progress
            .note(&format!("{}: {n_absent} of its test_cells are not in the file", path.display()));
    }
    Ok(())
}
