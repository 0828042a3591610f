//! The sizes and the seed of a simulated screen.

use super::{SimulatorError, SimulatorKind, drugs, genes, variants};

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

/// Sizes and seed of a simulated screen; the biology is fixed (constants of this module).
///
/// | field | range | gene-pairs | drugs | variants |
/// |---|---|---|---|---|
/// | `n_cells` | ≥ control cells + 20 per perturbation | 6,000 | 12,000 | 10,000 |
/// | `n_genes` | ≥ 50; of gene pairs, ≥ 2 per gene perturbed alone | 500 | 500 | 500 |
/// | `n_perturbations` | ≥ 1; ≤ the compounds at three doses, ≤ the substitutions there are | 80 | 240 | 160 |
/// | `seed` | any | 0 | 0 | 0 |
///
/// The defaults are the demonstration's: small enough to fit in minutes on two cores, with about 66 cells per gene or
/// pair, 44 per compound and dose, 55 per variant. 240 perturbations are 80 compounds at three doses.
///
/// ```
/// use pert_data::{SimulatorConfig, SimulatorError, SimulatorKind};
/// assert!(SimulatorConfig::new(1).check().is_ok());
/// assert_eq!(SimulatorConfig::of(SimulatorKind::Drugs, 1).n_perturbations, 240);
/// // The error names the least size, and that size works.
/// let small = SimulatorConfig::new(1).with_n_cells(10);
/// let Err(SimulatorError::TooSmall { what, at_least, .. }) = small.check() else { panic!() };
/// assert_eq!(what, "n_cells");
/// assert!(small.with_n_cells(at_least).check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Partial")]
pub struct SimulatorConfig {
    /// What kind of screen.
    pub kind: SimulatorKind,
    /// Number of cells, control included.
    pub n_cells: usize,
    /// Number of genes measured, those perturbed among them.
    pub n_genes: usize,
    /// Number of distinct perturbations, control not counted; a compound counts once per dose.
    pub n_perturbations: usize,
    /// Seed of everything: the same seed and sizes give the same screen.
    pub seed: u64,
}

/// As it stands in a file: what is left out is the default of the kind.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Partial {
    kind: SimulatorKind,
    n_cells: Option<usize>,
    n_genes: Option<usize>,
    n_perturbations: Option<usize>,
    seed: u64,
}

impl From<Partial> for SimulatorConfig {
    fn from(given: Partial) -> Self {
        let default = Self::of(given.kind, given.seed);
        Self {
            n_cells: given.n_cells.unwrap_or(default.n_cells),
            n_genes: given.n_genes.unwrap_or(default.n_genes),
            n_perturbations: given.n_perturbations.unwrap_or(default.n_perturbations),
            ..default
        }
    }
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self::new(0)
    }
}

impl SimulatorConfig {
    /// The default screen of gene pairs with a seed of its own.
    pub fn new(seed: u64) -> Self {
        Self::of(SimulatorKind::GenePairs, seed)
    }

    /// The default screen of a kind with a seed of its own.
    pub fn of(kind: SimulatorKind, seed: u64) -> Self {
        let (n_cells, n_perturbations) = match kind {
            SimulatorKind::GenePairs => (6_000, 80),
            SimulatorKind::Drugs => (12_000, 240),
            SimulatorKind::Variants => (10_000, 160),
        };
        Self { kind, n_cells, n_genes: 500, n_perturbations, seed }
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

    /// Number of control cells.
    pub(super) fn n_control(&self) -> usize {
        ((self.n_cells as f64 * CONTROL_SHARE).round() as usize).max(LEAST_CONTROL_CELLS)
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`SimulatorError::TooSmall`] or [`SimulatorError::TooLarge`], naming the field and a value that works.
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
        let at_most = |at_most, reason| {
            if self.n_perturbations <= at_most {
                return Ok(());
            }
            let (what, found) = ("n_perturbations", self.n_perturbations);
            Err(SimulatorError::TooLarge { what, found, at_most, reason })
        };
        match self.kind {
            SimulatorKind::GenePairs => at_least(
                "n_genes",
                self.n_genes,
                genes::n_singles(self.n_perturbations).saturating_mul(LEAST_GENES_PER_SINGLE),
                "the perturbed genes must be a minority of those measured",
            )?,
            SimulatorKind::Drugs => {
                at_most(drugs::largest_screen(), "there are no more compounds to draw")?;
            }
            SimulatorKind::Variants => {
                at_most(variants::LARGEST_SCREEN, "the protein has no more substitutions")?;
            }
        }
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
        for kind in SimulatorKind::ALL {
            for n_perturbations in [1, 2, 3, 7, 80, 300] {
                let mut config = SimulatorConfig::of(kind, 0)
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
            assert!(SimulatorConfig::of(kind, 0).with_n_perturbations(0).check().is_err());
            assert!(SimulatorConfig::of(kind, 0).with_n_perturbations(usize::MAX).check().is_err());
            assert!(SimulatorConfig::of(kind, 0).check().is_ok());
        }
    }

    #[test]
    fn the_largest_size_named_by_an_error_works() {
        for kind in [SimulatorKind::Drugs, SimulatorKind::Variants] {
            let large = SimulatorConfig::of(kind, 0).with_n_cells(usize::MAX);
            let error = large.clone().with_n_perturbations(1 << 40).check().unwrap_err();
            let SimulatorError::TooLarge { what: "n_perturbations", at_most, .. } = error else {
                panic!("{error}")
            };
            assert!(large.clone().with_n_perturbations(at_most).check().is_ok());
            assert!(large.with_n_perturbations(at_most + 1).check().is_err());
        }
    }

    #[test]
    fn the_default_has_36_singles_and_720_controls() {
        let config = SimulatorConfig::default();
        assert_eq!((genes::n_singles(config.n_perturbations), config.n_control()), (36, 720));
    }

    #[test]
    fn files_reject_unknown_keys_and_fill_defaults() {
        let config: SimulatorConfig = serde_json::from_str(r#"{"seed": 3}"#).unwrap();
        assert_eq!(config, SimulatorConfig::new(3));
        let config: SimulatorConfig =
            serde_json::from_str(r#"{"kind": "drugs", "n_genes": 60}"#).unwrap();
        assert_eq!(config, SimulatorConfig::of(SimulatorKind::Drugs, 0).with_n_genes(60));
        assert!(serde_json::from_str::<SimulatorConfig>(r#"{"cells": 3}"#).is_err());
    }
}
