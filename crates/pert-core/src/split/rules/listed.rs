//! Labels held out by name or by place, without randomness.

use crate::{Error, Perturbation, Population};

/// The perturbations named, each once.
pub(super) fn labels<'a>(
    labels: &[String],
    perturbed: &[&'a Perturbation],
    screen: &Population,
) -> Result<Vec<&'a Perturbation>, Error> {
    let mut found: Vec<&Perturbation> = Vec::with_capacity(labels.len());
    for label in labels {
        let named = perturbed.iter().copied().find(|p| p.label() == label);
        let named = named.ok_or_else(|| Error::unknown_perturbation(label, screen))?;
        if !found.contains(&named) {
            found.push(named);
        }
    }
    Ok(found)
}

/// Those whose place among the sorted labels fits.
pub(super) fn fold<'a>(
    k: usize,
    fold: usize,
    perturbed: &[&'a Perturbation],
) -> Vec<&'a Perturbation> {
    perturbed.iter().enumerate().filter(|(i, _)| i % k == fold).map(|(_, p)| *p).collect()
}
