//! Groups of drugs held out together.

use std::collections::{BTreeSet, HashMap};

use super::{Draw, HeldOut, units};
use crate::{DrugDose, Error, LabelKind, Perturbation, SplitConfig};

/// See [`HoldOutRule::Scaffold`](crate::HoldOutRule::Scaffold).
pub(super) fn groups<'a>(
    draw: Draw,
    config: &SplitConfig,
    perturbed: &[&'a Perturbation],
    group_of: &dyn Fn(&str) -> Option<String>,
) -> Result<HeldOut<'a>, Error> {
    let rule = config.hold_out.to_string();
    let drugs: Vec<Vec<DrugDose>> = perturbed
        .iter()
        .map(|p| {
            let read = p.targets().iter().map(|target| target.parse());
            read.collect::<Result<_, Error>>().map_err(|source| Error::WrongKind {
                rule: rule.clone(),
                needs: LabelKind::Drugs,
                label: p.label().to_owned(),
                source: Box::new(source),
            })
        })
        .collect::<Result<_, _>>()?;
    // Asked once per drug: all doses of it are of one group.
    let names: BTreeSet<&str> = drugs.iter().flatten().map(DrugDose::drug).collect();
    let n_drugs = names.len();
    let (mut group, mut without) = (HashMap::new(), Vec::new());
    for drug in names {
        match group_of(drug) {
            Some(key) => drop(group.insert(drug, key)),
            None => without.push(drug.to_owned()),
        }
    }
    if !without.is_empty() {
        return Err(Error::NoGroup { rule, drugs: without, n_drugs });
    }
    let groups: Vec<BTreeSet<&str>> = drugs
        .iter()
        .map(|of_one| of_one.iter().map(|dosed| group[dosed.drug()].as_str()).collect())
        .collect();
    Ok(units::hold_out(draw, perturbed, &groups))
}
