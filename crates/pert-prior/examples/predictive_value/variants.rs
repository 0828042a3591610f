//! Scores of protein variants, held out by residue position.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use pert_prior::encoders::{ChangeEncoder, ProteinReferences, TargetEncoder};

use crate::columns::Columns;
use crate::kernel_ridge::{Kernel, Problem, gaussians, predict};
use crate::table::Table;
use crate::{Predictions, neighbours};

/// Substitutions of one protein with a score each, replicates averaged.
pub struct Variants {
    pub problem: Problem,
    encoder: ChangeEncoder,
    labels: Vec<String>,
    length: f64,
}

/// How far along the protein positions are alike, in residues; each candidate sums the kernels of its distances.
const REACHES: [&[f64]; 2] = [&[3.0, 10.0], &[2.0, 6.0, 18.0]];

/// Coordinates of a kernel of variants: beyond, their variance is far below any penalty.
const MAX_RANK: usize = 300;

/// Scores `column` of the rows of a table that `keeps` accepts; the variant stands in the column `variant`.
pub fn read(
    folder: &Path,
    file: &str,
    protein: &str,
    column: &str,
    keeps: impl Fn(&Table, usize) -> bool,
) -> Result<Variants, Box<dyn Error>> {
    let table = Table::read(&folder.join(file))?;
    let references = ProteinReferences::read_fasta(folder.join("tp53_kras_reference.fasta"))?;
    let mut of_variant: BTreeMap<(usize, &str), Vec<f64>> = BTreeMap::new();
    for row in 0..table.n_rows() {
        let variant = table.text(row, "variant")?;
        // Substitutions alone: stops and synonymous changes would be told apart by what they are.
        let letters = variant.as_bytes();
        let is_residue =
            |letter: Option<&u8>| letter.is_some_and(|l| b"ACDEFGHIKLMNPQRSTVWY".contains(l));
        if !is_residue(letters.first()) || !is_residue(letters.last()) || !keeps(&table, row) {
            continue;
        }
        let (Ok(position), Ok(score)) =
            (variant[1..variant.len() - 1].parse(), table.text(row, column)?.parse::<f64>())
        else {
            continue;
        };
        if letters.first() != letters.last() {
            of_variant.entry((position, variant)).or_default().push(score);
        }
    }
    let groups = of_variant.keys().map(|&(position, _)| position).collect();
    let labels = of_variant.keys().map(|(_, variant)| format!("{protein}:{variant}")).collect();
    let mean = |scores: &Vec<f64>| scores.iter().sum::<f64>() / scores.len() as f64;
    let targets = of_variant.values().map(mean).collect();
    let length = references.get(protein)?.letters().len() as f64;
    let encoder = ChangeEncoder::new(references, Default::default())?;
    Ok(Variants {
        problem: Problem { targets, d: 1, groups, max_rank: MAX_RANK },
        encoder,
        labels,
        length,
    })
}

impl Variants {
    /// What each method says of every variant when its position is held out.
    pub fn predictions(&self, n_folds: usize) -> Result<Predictions, Box<dyn Error>> {
        let labels: Vec<&str> = self.labels.iter().map(String::as_str).collect();
        let rows = self.encoder.encode_targets(&labels)?;
        let dim = self.encoder.dim();
        let names = self.encoder.columns();
        let columns_of = |keep: &dyn Fn(&str) -> bool| -> Vec<usize> {
            (0..dim).filter(|&c| keep(&names[c])).collect()
        };
        let is_site = |name: &str| name.ends_with("_site") || name.contains("_at_");
        let is_place = |name: &str| name.starts_with("position");
        let position = names.iter().position(|name| name == "position").ok_or("no position")?;
        let place = |i: usize| rows[i * dim + position] * self.length;

        let mut found = Predictions::new(self.problem.targets.len());
        let n = labels.len();
        let all: Vec<usize> = (0..n).collect();
        for fold in 0..n_folds {
            let (training, asked) = self.problem.parts(&all, fold, n_folds);
            let scaled = |wanted: &[usize]| Columns::scaled(&rows, dim, wanted, &training);
            let change =
                scaled(&columns_of(&|name| !is_site(name) && !is_place(name))).distances()?;
            let site = scaled(&columns_of(&is_site)).distances()?;
            let every = scaled(&(0..dim).collect::<Vec<_>>());
            let distances = every.distances()?;

            let ours: Vec<Kernel> = REACHES
                .iter()
                .map(|reaches| -> Kernel {
                    let (change, site) = (&change, &site);
                    Box::new(move |i, j| {
                        let near = |reach: &f64| (-(place(i) - place(j)).abs() / reach).exp();
                        let sites =
                            reaches.iter().map(near).sum::<f64>() + (-site[i * n + j]).exp();
                        let n_sites = (reaches.len() + 1) as f64;
                        let changes = (-change[i * n + j]).exp();
                        // What a site bears, what a change does, and what the change does at such a site.
                        (sites + changes + changes * sites) / (2.0 * n_sites + 1.0)
                    })
                })
                .collect();
            let linear: [Kernel; 1] = [Box::new(|i, j| every.linear(i, j))];
            let gaussian = gaussians(&distances, n);
            let problem = &self.problem;
            found.put("ours", &asked, predict(problem, &ours, &training, &asked)?);
            found.put("ridge", &asked, predict(problem, &linear, &training, &asked)?);
            found.put("kernel ridge", &asked, predict(problem, &gaussian, &training, &asked)?);
            let nearest = neighbours::predict(problem, &gaussian[1], &training, &asked);
            found.put("nearest", &asked, nearest);
            let targets = problem.rows(&training);
            let mean = targets.iter().sum::<f64>() / targets.len() as f64;
            found.put("mean", &asked, vec![mean; asked.len()]);
        }
        Ok(found)
    }
}
