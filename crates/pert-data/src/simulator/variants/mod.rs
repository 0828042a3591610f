//! Screens of single substitutions in one protein.

mod action;
mod amino_acids;
mod library;
mod protein;

use pert_core::{ChaCha8Rng, LabelFormat, LabelKind, Perturbation, Substitution, Variant};

use super::expression::Effect;
use super::programs::{N_PROGRAMS, add};
use super::{ReferenceProtein, SimulatorConfig, SimulatorError};
use action::ProteinAction;
use library::draw_substitutions;
use protein::{Site, draw_sites};

pub(super) use library::LARGEST_SCREEN;

/// The gene of the simulated protein; no human gene has this name.
const GENE: &str = "SIMP1";

/// The protein of a screen and what its substitutions do.
#[derive(Debug, Clone)]
pub(super) struct Variants {
    sites: Vec<Site>,
    action: ProteinAction,
}

impl Variants {
    /// Draws the protein, what its substitutions do, and which of them the screen holds.
    pub fn draw(
        config: &SimulatorConfig,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Self, Vec<Perturbation>), SimulatorError> {
        let sites = draw_sites(config.seed);
        let format = Self::label_format();
        let perturbations = draw_substitutions(config.n_perturbations, &sites, rng)
            .into_iter()
            .map(|substitution| Variant::new(Some(GENE), vec![substitution]))
            .map(|variant| Perturbation::parse(&variant?.to_string(), &format))
            .collect::<Result<_, _>>()?;
        Ok((Self { sites, action: ProteinAction::draw(config.seed) }, perturbations))
    }

    pub fn label_format() -> LabelFormat {
        LabelFormat { control: "WT".into(), kind: LabelKind::Variants, ..LabelFormat::default() }
    }

    pub fn reference(&self) -> ReferenceProtein {
        let sequence = self.sites.iter().map(|site| site.amino_acid.residue.letter()).collect();
        ReferenceProtein { gene: GENE.to_owned(), sequence }
    }

    /// What any substitutions in the screen's protein do; several add up.
    pub fn effect(&self, perturbation: &Perturbation) -> Result<Effect, SimulatorError> {
        let mut programs = [0.0; N_PROGRAMS];
        for target in perturbation.targets() {
            let variant: Variant = target.parse()?;
            if variant.gene() != Some(GENE) {
                return Err(SimulatorError::OtherProtein {
                    variant: variant.to_string(),
                    gene: GENE.to_owned(),
                });
            }
            for substitution in variant.substitutions() {
                let site = self.site(&variant, substitution)?;
                add(&mut programs, &self.action.shift(site, substitution), 1.0);
            }
        }
        Ok(Effect { programs, activated: Vec::new() })
    }

    fn site(
        &self,
        variant: &Variant,
        substitution: &Substitution,
    ) -> Result<&Site, SimulatorError> {
        let position = substitution.position().get();
        let site = self.sites.get(position as usize - 1);
        let fits = |site: &&Site| site.amino_acid.residue == substitution.from();
        site.filter(fits).ok_or_else(|| SimulatorError::OtherReference {
            variant: variant.to_string(),
            gene: GENE.to_owned(),
            position,
            reference: match site {
                Some(site) => site.amino_acid.residue.letter().to_string(),
                None => format!("beyond its end at {}", self.sites.len()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::SimulatorKind;
    use crate::simulator::programs::norm;
    use pert_core::seeded_rng;

    fn variants(n: usize) -> (Variants, Vec<Perturbation>) {
        let config = SimulatorConfig::of(SimulatorKind::Variants, 3).with_n_perturbations(n);
        Variants::draw(&config, &mut seeded_rng(3, "test")).unwrap()
    }

    fn parse(label: &str) -> Perturbation {
        Perturbation::parse(label, &Variants::label_format()).unwrap()
    }

    #[test]
    fn labels_fit_the_reference_and_are_printed_as_they_are_read() {
        let (variants, perturbations) = variants(40);
        let sequence = variants.reference().sequence.into_bytes();
        for p in &perturbations {
            assert_eq!(p.canonical(&Variants::label_format()), p.label());
            let variant: Variant = p.label().parse().unwrap();
            let [substitution] = variant.substitutions() else { panic!("{p}") };
            let at = sequence[substitution.position().get() as usize - 1];
            assert_eq!(char::from(at), substitution.from().letter(), "{p}");
        }
        assert_eq!(perturbations.len(), 40);
    }

    #[test]
    fn effects_belong_to_the_variant_not_to_the_screen() {
        let ((few, perturbations), (many, _)) = (variants(40), variants(400));
        for p in &perturbations {
            assert_eq!(few.effect(p).unwrap().programs, many.effect(p).unwrap().programs);
        }
        assert_eq!(norm(&few.effect(&parse("WT")).unwrap().programs), 0.0);
        let (a, b) = (&perturbations[0], &perturbations[39]);
        let both = few.effect(&parse(&format!("{a}+{b}"))).unwrap().programs;
        let mut sum = few.effect(a).unwrap().programs;
        add(&mut sum, &few.effect(b).unwrap().programs, 1.0);
        approx::assert_relative_eq!(both[..], sum[..], epsilon = 1e-12);
    }

    #[test]
    fn what_does_not_fit_the_protein_is_named_with_the_residue_there() {
        let (variants, _) = variants(10);
        let refused = |label: &str| variants.effect(&parse(label)).unwrap_err().to_string();
        assert!(refused("KRAS_G12D").contains("SIMP1"), "{}", refused("KRAS_G12D"));
        let other = refused("SIMP1_W1A");
        assert!(other.contains("residue 1 of SIMP1 is M"), "{other}");
        let beyond = refused("SIMP1_A5000C");
        assert!(beyond.contains("end at 200"), "{beyond}");
    }
}
