//! Positions of proteins held out with every variant that changes them.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use super::{Draw, HeldOut, units};
use crate::{Error, LabelKind, Perturbation, SplitConfig, Variant};

/// See [`HoldOutRule::Position`](crate::HoldOutRule::Position).
pub(super) fn positions<'a>(
    draw: Draw,
    config: &SplitConfig,
    perturbed: &[&'a Perturbation],
) -> Result<HeldOut<'a>, Error> {
    let variants: Vec<Vec<Variant>> = perturbed
        .iter()
        .map(|p| {
            let read = p.targets().iter().map(|target| target.parse());
            read.collect::<Result<_, Error>>().map_err(|source| Error::WrongKind {
                rule: config.hold_out.to_string(),
                needs: LabelKind::Variants,
                label: p.label().to_owned(),
                source: Box::new(source),
            })
        })
        .collect::<Result<_, _>>()?;
    let changed: Vec<BTreeSet<(Option<&str>, NonZeroU32)>> =
        variants.iter().map(|of_one| of_one.iter().flat_map(changed_positions).collect()).collect();
    Ok(units::hold_out(draw, perturbed, &changed))
}

/// The protein of a synonymous substitution is that of the reference, so it tells nothing about its position.
fn changed_positions(variant: &Variant) -> impl Iterator<Item = (Option<&str>, NonZeroU32)> {
    let gene = variant.gene();
    let changes = variant.substitutions().iter().filter(|s| !s.is_synonymous());
    changes.map(move |s| (gene, s.position()))
}
