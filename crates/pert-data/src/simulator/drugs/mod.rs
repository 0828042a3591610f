//! Screens of compounds at several doses.

mod fragments;
mod library;
mod pharmacology;

use pert_core::{ChaCha8Rng, DrugDose, LabelFormat, LabelKind, Perturbation};

use super::expression::Effect;
use super::programs::{N_PROGRAMS, add};
use super::{Compound, SimulatorConfig, SimulatorError};
use library::{DOSES_NM, Structure, draw_structures, n_structures};
use pharmacology::{Action, Pharmacology};

/// Perturbations of a screen of every compound at every dose.
pub(super) fn largest_screen() -> usize {
    n_structures() * DOSES_NM.len()
}

/// The structure of every compound that a simulated screen of drugs may hold, as SMILES.
///
/// ```
/// let library: Vec<String> = pert_data::simulated_structures().collect();
/// assert!(library.len() > 10_000);
/// assert!(library.iter().any(|smiles| smiles == "c1(F)ccc2[nH]cc(C#N)c2c1")); // an indole
/// ```
pub fn simulated_structures() -> impl Iterator<Item = String> {
    Structure::all().map(Structure::smiles)
}

/// The compounds of a screen and what they do.
#[derive(Debug, Clone)]
pub(super) struct Drugs {
    /// By number.
    drugs: Vec<Drug>,
}

#[derive(Debug, Clone)]
struct Drug {
    compound: Compound,
    action: Action,
}

impl Drugs {
    /// Draws the compounds and what they do; the perturbations are ordered by number and dose.
    pub fn draw(
        config: &SimulatorConfig,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Self, Vec<Perturbation>), SimulatorError> {
        let pharmacology = Pharmacology::draw(config.seed);
        let structures = draw_structures(config.n_perturbations.div_ceil(DOSES_NM.len()), rng);
        let drug = |(index, structure): (usize, &Structure)| Drug {
            compound: Compound {
                name: format!("compound-{}", index + 1),
                smiles: structure.smiles(),
            },
            action: pharmacology.action(*structure),
        };
        let drugs: Vec<Drug> = structures.iter().enumerate().map(drug).collect();
        let format = Self::label_format();
        let perturbations = drugs
            .iter()
            .flat_map(|drug| DOSES_NM.map(|dose| DrugDose::new(&drug.compound.name, Some(dose))))
            // The last compound is given at fewer doses where they do not divide the number asked for.
            .take(config.n_perturbations)
            .map(|dosed| Perturbation::parse(&dosed?.to_string(), &format))
            .collect::<Result<_, _>>()?;
        Ok((Self { drugs }, perturbations))
    }

    pub fn label_format() -> LabelFormat {
        LabelFormat { control: "DMSO".into(), kind: LabelKind::Drugs, ..LabelFormat::default() }
    }

    pub fn compounds(&self) -> Vec<Compound> {
        self.drugs.iter().map(|drug| drug.compound.clone()).collect()
    }

    /// What any of the screen's compounds do, at any dose; several add up.
    pub fn effect(&self, perturbation: &Perturbation) -> Result<Effect, SimulatorError> {
        let mut programs = [0.0; N_PROGRAMS];
        for target in perturbation.targets() {
            let dosed: DrugDose = target.parse()?;
            let dose = dosed.dose_nm();
            let dose =
                dose.ok_or_else(|| SimulatorError::NoDose { drug: dosed.drug().to_owned() })?;
            add(&mut programs, &self.find(dosed.drug())?.action.at(dose), 1.0);
        }
        Ok(Effect { programs, activated: Vec::new() })
    }

    fn find(&self, name: &str) -> Result<&Drug, SimulatorError> {
        let name_of = |drug: Option<&Drug>| drug.map(|d| d.compound.name.clone());
        self.drugs.iter().find(|drug| drug.compound.name == name).ok_or_else(|| {
            SimulatorError::UnknownDrug {
                drug: name.to_owned(),
                first: name_of(self.drugs.first()).unwrap_or_default(),
                last: name_of(self.drugs.last()).unwrap_or_default(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::SimulatorKind;
    use crate::simulator::programs::norm;
    use pert_core::seeded_rng;

    fn drugs(n: usize) -> (Drugs, Vec<Perturbation>) {
        let config = SimulatorConfig::of(SimulatorKind::Drugs, 3).with_n_perturbations(n);
        Drugs::draw(&config, &mut seeded_rng(3, "test")).unwrap()
    }

    #[test]
    fn labels_are_printed_as_they_are_read() {
        let (drugs, perturbations) = drugs(8);
        assert_eq!(drugs.compounds().len(), 3);
        let labels: Vec<&str> = perturbations.iter().map(Perturbation::label).collect();
        assert_eq!(labels[..3], [100, 1_000, 10_000].map(|d| format!("compound-1_{d}nM")));
        assert_eq!(labels[7], "compound-3_1000nM");
        for p in &perturbations {
            assert_eq!(p.canonical(&Drugs::label_format()), p.label());
        }
    }

    #[test]
    fn effects_grow_with_the_dose_and_add_up() {
        let (drugs, perturbations) = drugs(42);
        let length = |p: &Perturbation| norm(&drugs.effect(p).unwrap().programs);
        for of_one in perturbations.chunks(DOSES_NM.len()) {
            assert!(of_one.windows(2).all(|pair| length(&pair[0]) < length(&pair[1])));
        }
        let parse = |label: &str| Perturbation::parse(label, &Drugs::label_format()).unwrap();
        assert_eq!(length(&parse("DMSO")), 0.0);
        let both = drugs.effect(&parse("compound-2_50nM+compound-1_3uM")).unwrap().programs;
        let mut sum = drugs.effect(&parse("compound-1_3000nM")).unwrap().programs;
        add(&mut sum, &drugs.effect(&parse("compound-2_50nM")).unwrap().programs, 1.0);
        approx::assert_relative_eq!(both[..], sum[..], epsilon = 1e-12);
    }

    #[test]
    fn what_the_screen_does_not_hold_is_named() {
        let (drugs, _) = drugs(9);
        let refused = |label: &str| {
            let p = Perturbation::parse(label, &Drugs::label_format()).unwrap();
            drugs.effect(&p).unwrap_err().to_string()
        };
        let unknown = refused("Trametinib_10nM");
        assert!(unknown.contains("Trametinib") && unknown.contains("compound-3"), "{unknown}");
        let no_dose = refused("compound-1");
        assert!(no_dose.contains("compound-1_1000nM"), "{no_dose}");
    }
}
