//! Expression signatures of drugs, held out one by one or with all drugs of their scaffold.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;

use burn::tensor::Device;
use pert_prior::encoders::{
    InvalidDrug, Molecule, MorganCounts, MorganFingerprint, SaltRule, SmilesNetworkEncoder,
    TargetEncoder, tanimoto_matrix,
};
use pert_prior::pipeline::open_smiles_network;

use crate::columns::Columns;
use crate::kernel_ridge::{Kernel, Problem, gaussians, predict};
use crate::table::Table;
use crate::{Predictions, neighbours};

/// The column before the genes.
const LAST_OF_DRUG: &str = "smiles_match";

/// The highest powers of similarity that a candidate kernel averages: the higher, the more a near drug counts beside many distant
/// ones.
const POWERS: [i32; 3] = [1, 4, 8];

/// Drugs that differ by structure, in the order of their identifiers.
pub struct Signatures {
    targets: Vec<f64>,
    d: usize,
    smiles: Vec<String>,
    scaffolds: Vec<String>,
}

impl Signatures {
    pub fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let table = Table::read(path)?;
        let first =
            table.header().iter().position(|name| name == LAST_OF_DRUG).ok_or("no genes")? + 1;
        let mut order: Vec<usize> = (0..table.n_rows()).collect();
        order.sort_by(|&a, &b| table.row(a)[0].cmp(&table.row(b)[0]));
        let mut known = BTreeSet::new();
        let (mut targets, mut smiles, mut scaffolds) = (Vec::new(), Vec::new(), Vec::new());
        for row in order {
            let text = table.text(row, "smiles")?;
            if text.is_empty() {
                continue;
            }
            let molecule = Molecule::parse(text)?;
            if !known.insert(molecule.canonical_smiles().to_owned()) {
                continue;
            }
            for value in &table.row(row)[first..] {
                targets.push(value.parse()?);
            }
            smiles.push(molecule.canonical_smiles().to_owned());
            scaffolds.push(molecule.scaffold_group().to_owned());
        }
        Ok(Self { targets, d: table.header().len() - first, smiles, scaffolds })
    }

    /// Every drug a group of its own.
    pub fn by_drug(&self) -> Problem {
        self.problem((0..self.smiles.len()).collect())
    }

    /// Drugs of one scaffold are a group.
    pub fn by_scaffold(&self) -> Problem {
        let distinct: BTreeSet<&String> = self.scaffolds.iter().collect();
        let number: BTreeMap<&String, usize> = distinct.into_iter().zip(0..).collect();
        self.problem(self.scaffolds.iter().map(|scaffold| number[scaffold]).collect())
    }

    fn problem(&self, groups: Vec<usize>) -> Problem {
        let max_rank = groups.len();
        Problem { targets: self.targets.clone(), d: self.d, groups, max_rank }
    }

    /// What each method says of every drug when it is held out; `network` holds a trained SMILES network.
    pub fn predictions(
        &self,
        problem: &Problem,
        n_folds: usize,
        network: Option<&Path>,
    ) -> Result<Predictions, Box<dyn Error>> {
        let n = self.smiles.len();
        let parse = |smiles: &String| MorganFingerprint::parse(smiles, SaltRule::LargestPart);
        let bits: Vec<MorganFingerprint> =
            self.smiles.iter().map(parse).collect::<Result<_, _>>()?;
        let parse = |smiles: &String| MorganCounts::parse(smiles, SaltRule::LargestPart);
        let counts: Vec<MorganCounts> = self.smiles.iter().map(parse).collect::<Result<_, _>>()?;
        let tanimoto = tanimoto_matrix(&bits, &bits); // [n, n]
        let of_counts: Vec<f64> =
            counts.iter().flat_map(|a| counts.iter().map(|b| least_over_most(a, b))).collect();
        let mut on_bits = vec![0.0; n * pert_prior::encoders::MORGAN_BITS];
        for (row, drug) in on_bits.chunks_exact_mut(pert_prior::encoders::MORGAN_BITS).zip(&bits) {
            drug.on_bits().for_each(|bit| row[bit] = 1.0);
        }
        let n_on: Vec<f64> = bits.iter().map(|drug| drug.on_bits().count() as f64).collect();
        let learned = network.map(|folder| self.learned(folder)).transpose()?;

        let mut found = Predictions::new(n * self.d);
        let all: Vec<usize> = (0..n).collect();
        for fold in 0..n_folds {
            let (training, asked) = problem.parts(&all, fold, n_folds);
            let ours: Vec<Kernel> = POWERS
                .into_iter()
                .map(|highest| -> Kernel {
                    let (tanimoto, of_counts) = (&tanimoto, &of_counts);
                    let powers = move |x: f64| (1..=highest).map(|p| x.powi(p)).sum::<f64>();
                    Box::new(move |i, j| {
                        let (a, b) = (tanimoto[i * n + j], of_counts[i * n + j]);
                        (powers(a) + powers(b)) / f64::from(2 * highest)
                    })
                })
                .collect();
            let similarity: [Kernel; 1] = [Box::new(|i, j| tanimoto[i * n + j])];
            let mean_on = training.iter().map(|&i| n_on[i]).sum::<f64>() / training.len() as f64;
            let linear: [Kernel; 1] = [Box::new(|i, j| {
                let shared = tanimoto[i * n + j] * (n_on[i] + n_on[j]);
                shared / (1.0 + tanimoto[i * n + j]) / mean_on
            })];
            let mut put = |method, values| found.put_rows(method, &asked, self.d, values);
            put("ours", predict(problem, &ours, &training, &asked)?);
            put("ridge", predict(problem, &linear, &training, &asked)?);
            put("kernel ridge", predict(problem, &similarity, &training, &asked)?);
            put("nearest", neighbours::predict(problem, &similarity[0], &training, &asked));
            let targets = problem.rows(&training);
            let mean = pert_prior::metrics::column_means(pert_prior::metrics::Rows::new(
                &targets, self.d,
            )?);
            put("mean", mean.repeat(asked.len()));
            if let Some((rows, dim)) = &learned {
                let columns: Vec<usize> = (0..*dim).collect();
                let distances = Columns::scaled(rows, *dim, &columns, &training).distances()?;
                let gaussian = gaussians(&distances, n);
                put("SMILES network", predict(problem, &gaussian, &training, &asked)?);
            }
        }
        Ok(found)
    }

    /// Latent means by the network of a folder, `[n, dim]`; zeros for a drug it cannot read.
    fn learned(&self, folder: &Path) -> Result<(Vec<f64>, usize), Box<dyn Error>> {
        let network = open_smiles_network(folder, &Device::default())?;
        let named: Vec<(String, &String)> = self
            .smiles
            .iter()
            .enumerate()
            .map(|(i, smiles)| (format!("drug{i}"), smiles))
            .collect();
        let (salts, invalid) = (SaltRule::LargestPart, InvalidDrug::Skip);
        let encoder = SmilesNetworkEncoder::new(&*network, named, salts, invalid)?;
        eprintln!("{} drugs are beyond the SMILES network", encoder.skipped().len());
        let dim = encoder.dim();
        let mut rows = Vec::with_capacity(self.smiles.len() * dim);
        for i in 0..self.smiles.len() {
            let row = encoder.encode_targets(&[&format!("drug{i}")]);
            rows.extend(row.unwrap_or_else(|_| vec![0.0; dim]));
        }
        Ok((rows, dim))
    }
}

/// Σ min / Σ max of the counts: Tanimoto similarity of multisets.
fn least_over_most(a: &MorganCounts, b: &MorganCounts) -> f64 {
    let sum = |c: &MorganCounts| c.counts().iter().map(|&(_, count)| f64::from(count)).sum::<f64>();
    let (mut left, mut right) = (a.counts().iter().peekable(), b.counts().iter().peekable());
    let mut least = 0.0;
    while let (Some((bit_a, count_a)), Some((bit_b, count_b))) = (left.peek(), right.peek()) {
        match bit_a.cmp(bit_b) {
            std::cmp::Ordering::Less => drop(left.next()),
            std::cmp::Ordering::Greater => drop(right.next()),
            std::cmp::Ordering::Equal => {
                least += f64::from(*count_a.min(count_b));
                left.next();
                right.next();
            }
        }
    }
    let most = sum(a) + sum(b) - least;
    if most > 0.0 { least / most } else { 0.0 }
}
