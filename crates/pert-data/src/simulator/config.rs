//! The sizes and the seed of a simulated screen.

use std::fmt;
use std::str::FromStr;

use super::SimulatorError;

/// The share of perturbations that hit one gene; the rest hit two. 36 of 80, near the 105 of 236 of Norman et al. 2019.
const SINGLE_SHARE: f64 = 0.45;

/// The share of control cells. Screens spend about a tenth of their cells on them (Norman et al. 2019: 11%).
const CONTROL_SHARE: f64 = 0.12;

/// Fewer control cells give a reference profile noisier than the shifts measured against it.
const LEAST_CONTROL_CELLS: usize = 100;

/// Cells per perturbation on average; with [`super::design`]'s unevenness the smallest keeps about half of it.
const LEAST_MEAN_CELLS: usize = 20;

/// Below this a softmax over genes leaves no room for ten programs.
const LEAST_GENES: usize = 50;

/// A perturbed gene's own rise must stay a small part of the transcriptome.
const LEAST_GENES_PER_SINGLE: usize = 2;

/// What kind of screen is simulated.
///
/// ```
/// use pert_data::SimulatorKind;
/// let kind: SimulatorKind = "gene-pairs".parse()?;
/// assert_eq!((kind, kind.to_string().as_str()), (SimulatorKind::GenePairs, "gene-pairs"));
/// # Ok::<(), pert_data::SimulatorError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SimulatorKind {
    /// Activation of single genes and of pairs of them.
    #[default]
    GenePairs,
}

impl fmt::Display for SimulatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GenePairs => "gene-pairs",
        })
    }
}

impl FromStr for SimulatorKind {
    type Err = SimulatorError;

    fn from_str(text: &str) -> Result<Self, SimulatorError> {
        match text {
            "gene-pairs" => Ok(Self::GenePairs),
            _ => Err(SimulatorError::UnknownKind { kind: text.to_owned() }),
        }
    }
}

/// Sizes and seed of a simulated screen; the biology is fixed (constants of this module).
///
/// | field | range | default |
/// |---|---|---|
/// | `kind` | – | `gene-pairs` |
/// | `n_cells` | ≥ control cells + 20 per perturbation | 6,000 |
/// | `n_genes` | ≥ 50, ≥ 2 per gene perturbed alone | 500 |
/// | `n_perturbations` | ≥ 1 | 80 |
/// | `seed` | any | 0 |
///
/// The defaults are the demonstration's: small enough to fit in minutes on two cores, with the cells per
/// perturbation (about 66) of a published screen's subset.
///
/// ```
/// use pert_data::{SimulatorConfig, SimulatorError};
/// assert!(SimulatorConfig::new(1).check().is_ok());
/// // The error names the least size, and that size works.
/// let small = SimulatorConfig::new(1).with_n_cells(10);
/// let Err(SimulatorError::TooSmall { what, at_least, .. }) = small.check() else { panic!() };
/// assert_eq!(what, "n_cells");
/// assert!(small.with_n_cells(at_least).check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulatorConfig {
    /// What kind of screen.
    pub kind: SimulatorKind,
    /// Number of cells, control included.
    pub n_cells: usize,
    /// Number of genes measured, the perturbed ones among them.
    pub n_genes: usize,
    /// Number of distinct perturbations, control not counted.
    pub n_perturbations: usize,
    /// Seed of everything: the same seed and sizes give the same screen.
    pub seed: u64,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            kind: SimulatorKind::GenePairs,
            n_cells: 6_000,
            n_genes: 500,
            n_perturbations: 80,
            seed: 0,
        }
    }
}

impl SimulatorConfig {
    /// The default screen with a seed of its own.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Sets the number of cells.
    pub fn with_n_cells(mut self, n_cells: usize) -> Self {
        self.n_cells = n_cells;
        self
    }

    /// Sets the number of genes.
    pub fn with_n_genes(mut self, n_genes: usize) -> Self {
        self.n_genes = n_genes;
        self
    }

    /// Sets the number of perturbations, control not counted.
    pub fn with_n_perturbations(mut self, n_perturbations: usize) -> Self {
        self.n_perturbations = n_perturbations;
        self
    }

    /// Number of genes perturbed alone. Every gene of a pair is one of them, so there are always enough to pair.
    pub(super) fn n_singles(&self) -> usize {
        let mut n = ((self.n_perturbations as f64 * SINGLE_SHARE).round() as usize).max(1);
        // In 128 bits: the numbers come from a command line and are checked only afterwards.
        while (n as u128) * (n as u128 - 1) / 2 < (self.n_perturbations - n) as u128 {
            n += 1;
        }
        n
    }

    /// Number of control cells.
    pub(super) fn n_control(&self) -> usize {
        ((self.n_cells as f64 * CONTROL_SHARE).round() as usize).max(LEAST_CONTROL_CELLS)
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`SimulatorError::TooSmall`], naming the field and the smallest value that works.
    pub fn check(&self) -> Result<(), SimulatorError> {
        let at_least = |what, found, at_least, reason| {
            if found >= at_least {
                Ok(())
            } else {
                Err(SimulatorError::TooSmall { what, found, at_least, reason })
            }
        };
        at_least("n_perturbations", self.n_perturbations, 1, "a screen perturbs something")?;
        at_least("n_genes", self.n_genes, LEAST_GENES, "ten programs share the genes")?;
        at_least(
            "n_genes",
            self.n_genes,
            self.n_singles().saturating_mul(LEAST_GENES_PER_SINGLE),
            "the perturbed genes must be a minority of those measured",
        )?;
        // Control takes its share of what is asked for, so the bound solves n − share·n ≥ 20 per perturbation.
        let perturbed = LEAST_MEAN_CELLS.saturating_mul(self.n_perturbations);
        let by_share = (perturbed as f64 / (1.0 - CONTROL_SHARE)).ceil() as usize;
        at_least(
            "n_cells",
            self.n_cells,
            by_share.saturating_add(1).max(perturbed.saturating_add(LEAST_CONTROL_CELLS)),
            "a perturbation needs 20 cells on average, the control 100",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_size_named_by_an_error_works() {
        for n_perturbations in [1, 2, 3, 7, 80, 300] {
            let mut config = SimulatorConfig::new(0)
                .with_n_perturbations(n_perturbations)
                .with_n_cells(0)
                .with_n_genes(0);
            let mut errors = 0;
            while let Err(SimulatorError::TooSmall { what, at_least, .. }) = config.check() {
                match what {
                    "n_cells" => config.n_cells = at_least,
                    "n_genes" => config.n_genes = at_least,
                    other => panic!("unexpected {other}"),
                }
                errors += 1;
                assert!(errors <= 3, "{n_perturbations}: a bound named does not hold");
            }
            assert!(
                config.n_cells - config.n_control() >= LEAST_MEAN_CELLS * n_perturbations,
                "{n_perturbations}"
            );
        }
        assert!(SimulatorConfig::new(0).with_n_perturbations(0).check().is_err());
        assert!(SimulatorConfig::new(0).with_n_perturbations(usize::MAX).check().is_err());
    }

    #[test]
    fn the_default_has_36_singles_and_720_controls() {
        let config = SimulatorConfig::default();
        assert_eq!((config.n_singles(), config.n_control()), (36, 720));
    }

    #[test]
    fn files_reject_unknown_keys_and_fill_defaults() {
        let config: SimulatorConfig = serde_json::from_str(r#"{"seed": 3}"#).unwrap();
        assert_eq!(config, SimulatorConfig::new(3));
        assert!(serde_json::from_str::<SimulatorConfig>(r#"{"cells": 3}"#).is_err());
        assert_eq!("gene-pairs".parse::<SimulatorKind>().unwrap().to_string(), "gene-pairs");
        assert!("drugs".parse::<SimulatorKind>().is_err());
    }
}
