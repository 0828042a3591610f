//! What each rule holds out.

mod genes;
mod listed;
mod position;
mod scaffold;
mod transfer;
mod units;

use std::collections::{BTreeSet, HashSet};

use super::HoldOutRule;
use super::config::SplitConfig;
use super::draw::Draw;
use crate::{Error, Perturbation, Population};

/// Within `cells`, cell `i` of a label is test if `i % 5 == 4`.
const CELLS_PERIOD: usize = 5;

/// What a rule decides about the perturbations, control aside.
#[derive(Default)]
pub(super) struct HeldOut<'a> {
    pub test: Vec<&'a Perturbation>,
    /// Neither learned from nor tested.
    pub unused: HashSet<&'a Perturbation>,
    /// The cells held out, where not all of a tested perturbation are.
    pub cells: Option<BTreeSet<usize>>,
}

impl<'a> HeldOut<'a> {
    fn whole(test: Vec<&'a Perturbation>) -> Self {
        Self { test, ..Self::default() }
    }
}

/// Applies a rule. `perturbed` is sorted bytewise by label and holds no control.
pub(super) fn apply<'a>(
    config: &SplitConfig,
    screen: &'a Population,
    perturbed: &[&'a Perturbation],
    group_of: &dyn Fn(&str) -> Option<String>,
) -> Result<HeldOut<'a>, Error> {
    let draw = Draw { seed: config.seed, fraction: config.hold_out.share() };
    Ok(match &config.hold_out.rule {
        HoldOutRule::Cells => {
            let every_fifth = |p: &Perturbation| {
                screen.cells_of(p).into_iter().skip(CELLS_PERIOD - 1).step_by(CELLS_PERIOD)
            };
            // A label with fewer cells has none to be judged on.
            let tested =
                perturbed.iter().copied().filter(|p| every_fifth(p).next().is_some()).collect();
            let cells = screen.perturbations().iter().flat_map(every_fifth).collect();
            HeldOut { cells: Some(cells), ..HeldOut::whole(tested) }
        }
        HoldOutRule::Labels(labels) => HeldOut::whole(listed::labels(labels, perturbed, screen)?),
        HoldOutRule::Sorted { k, fold } => HeldOut::whole(listed::fold(*k, *fold, perturbed)),
        HoldOutRule::UnseenSingle => genes::unseen_single(draw, perturbed),
        HoldOutRule::Seen(2) => HeldOut::whole(genes::both_seen(draw, perturbed)),
        HoldOutRule::Seen(k) => genes::fewer_seen(draw, perturbed, usize::from(*k)),
        HoldOutRule::CovariateTransfer => transfer::transfer(draw, config, screen, perturbed)?,
        HoldOutRule::Position => position::positions(draw, config, perturbed)?,
        HoldOutRule::Scaffold => scaffold::groups(draw, config, perturbed, group_of)?,
    })
}
