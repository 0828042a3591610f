//! The perturbations nearest in the embedding.

use std::num::NonZeroUsize;
use std::sync::Arc;

use pert_core::{ChaCha8Rng, Perturbation};

use crate::baseline::Baseline;
use crate::distance_weights::{euclidean, softmax_of_distances};
use crate::draw::{Placed, join_in_proportion};
use crate::matched::Mover;
use crate::{CellPlan, Embedding, Error, Target, TrainingSummary};

/// Neighbours. Source: the evaluation protocol of this project.
const DEFAULT_NEIGHBOURS: NonZeroUsize = NonZeroUsize::new(5).expect("5 is not 0");

/// `nearest`: the matched control plus Σ_q a_q δ_q over the 5 training perturbations q nearest in the [`Embedding`],
/// a_q ∝ exp(−‖x_p − x_q‖), Σ_q a_q = 1; and cells of those perturbations in these proportions.
///
/// Cells come from the target's strata; where a neighbour has none in a stratum, its cells of other strata are moved
/// from the control of theirs to the control of that one. The population ends when a neighbour has no more cells to
/// give. A perturbation seen in training is its own nearest neighbour. Equal distances go to the first in the order
/// of the training perturbations; with fewer than 5 all are neighbours.
///
/// It covers the perturbations that have a vector, and control, which has no shift and control cells.
///
/// ```
/// use pert_baselines::{Baseline, Embedding, Nearest, TrainingSummary};
/// // `screen` holds two cells each of control, A and B, then one of A+B.
#[doc = include_str!("doc/screen.txt")]
/// let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
/// let (a, b, pair) = (perturbation("A")?, perturbation("B")?, perturbation("A+B")?);
/// let vectors = [(a, vec![0.0]), (b, vec![100.0]), (pair.clone(), vec![1.0])];
/// let nearest = Nearest::fit(&summary, Embedding::from_vectors(vectors)?)?;
/// let mean = nearest.mean(&summary.target(&pair, &[6]));
/// let Some(a) = summary.mean_of_gene("A") else { panic!() };
/// assert!((0..2).all(|gene| (mean[gene] - a[gene]).abs() < 1e-12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Nearest<'a> {
    summary: &'a TrainingSummary<'a>,
    embedding: Arc<Embedding>,
    k: usize,
}

impl<'a> Nearest<'a> {
    /// The baseline over these training cells, with 5 neighbours.
    ///
    /// # Errors
    /// [`Error::MissingFeatures`] where a training perturbation has no vector.
    pub fn fit(
        summary: &'a TrainingSummary<'a>,
        embedding: impl Into<Arc<Embedding>>,
    ) -> Result<Self, Error> {
        let embedding = embedding.into();
        embedding.training(summary)?; // every one has a vector
        Ok(Self { summary, embedding, k: DEFAULT_NEIGHBOURS.get() })
    }

    /// With another number of neighbours.
    ///
    /// ```
    /// # use pert_baselines::{Baseline, Embedding, Nearest, TrainingSummary};
    #[doc = include_str!("doc/screen.txt")]
    /// # let summary = TrainingSummary::fit(&screen, &[0, 1, 2, 3, 4, 5])?;
    /// # let vectors = ["A", "B"].map(|gene| perturbation(gene).map(|p| (p, vec![1.0])));
    /// # let vectors = vectors.into_iter().collect::<Result<Vec<_>, _>>()?;
    /// # let embedding = Embedding::from_vectors(vectors)?;
    /// use std::num::NonZeroUsize;
    /// let nearest = Nearest::fit(&summary, embedding)?.with_neighbours(NonZeroUsize::MIN);
    /// # assert!(nearest.covers(&summary.overall_target(&perturbation("A")?)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_neighbours(mut self, k: NonZeroUsize) -> Self {
        self.k = k.get();
        self
    }

    /// The neighbours of a perturbation with their weights, nearest first; `None` where it has no vector.
    fn neighbours(&self, p: &Perturbation) -> Option<Vec<(&Perturbation, f64)>> {
        let vector = self.embedding.vector(p)?;
        let distance = |q: &Perturbation| {
            euclidean(vector, self.embedding.vector(q).expect("checked when fitting"))
        };
        let mut all: Vec<(&Perturbation, f64)> =
            self.summary.perturbations().map(|q| (q, distance(q))).collect();
        all.sort_by(|a, b| a.1.total_cmp(&b.1)); // stable
        all.truncate(self.k);
        let distances: Vec<f64> = all.iter().map(|(_, d)| *d).collect();
        let neighbours = all.into_iter().map(|(q, _)| q);
        Some(neighbours.zip(softmax_of_distances(&distances)).collect())
    }

    fn shift(&self, p: &Perturbation) -> Option<Vec<f64>> {
        if p.is_control() {
            return self.summary.shift_of(p);
        }
        let mut shift = vec![0.0; self.summary.control_mean().len()];
        for (q, weight) in self.neighbours(p)? {
            let of_q = self.summary.shift_of(q).expect("a neighbour was seen in training");
            shift.iter_mut().zip(of_q).for_each(|(s, v)| *s += weight * v);
        }
        Some(shift)
    }
}

impl Baseline for Nearest<'_> {
    fn name(&self) -> &'static str {
        "nearest"
    }

    fn covers(&self, target: &Target) -> bool {
        let p = target.perturbation();
        p.is_control() || self.embedding.vector(p).is_some()
    }

    fn mean(&self, target: &Target) -> Vec<f64> {
        self.summary.shifted_mean(target, self.shift(target.perturbation()))
    }

    fn cells(&self, target: &Target, n: usize, rng: &mut ChaCha8Rng) -> CellPlan {
        let p = target.perturbation();
        if p.is_control() {
            return CellPlan::Rows(self.summary.copies(self.summary.control(), target, n, rng));
        }
        // A weight that underflowed to 0 has no share to draw.
        let neighbours = self.neighbours(p).unwrap_or_default().into_iter().filter(|q| q.1 > 0.0);
        let (neighbours, weights): (Vec<&Perturbation>, Vec<f64>) = neighbours.unzip();
        let mut mover = Mover::new(self.summary, target);
        let of_neighbours: Vec<Vec<Placed>> = neighbours
            .into_iter()
            .map(|q| {
                let group = self.summary.group_of(q).expect("a neighbour was seen in training");
                mover.draw(group, n, rng)
            })
            .collect();
        mover.plan(join_in_proportion(&of_neighbours, &weights, n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::{perturbation, summary};
    use pert_core::seeded_rng;

    #[test]
    fn cells_are_drawn_from_the_neighbours_in_proportion() {
        let (screen, train, _) = summary();
        let summary = TrainingSummary::fit(&screen, &train).unwrap();
        // C is as far from A as from B, and farther than anything counts from the pair.
        let at = [("A", 1.0), ("B", -1.0), ("A+B", 1e6), ("C", 0.0)];
        let vectors = at.map(|(label, x)| (perturbation(label), vec![x]));
        let nearest = Nearest::fit(&summary, Embedding::from_vectors(vectors).unwrap()).unwrap();
        let target = |label| summary.overall_target(&perturbation(label));
        let plan = nearest.cells(&target("C"), 9, &mut seeded_rng(0, "test"));
        let rows = plan.rows();
        // A and B in turn, two cells each.
        assert_eq!(rows.len(), 4);
        assert!(rows.iter().step_by(2).all(|row| [1, 3].contains(row)), "{rows:?}");
        assert!(rows.iter().skip(1).step_by(2).all(|row| [4, 6].contains(row)), "{rows:?}");
        assert!(nearest.cells(&target("D"), 9, &mut seeded_rng(0, "test")).rows().is_empty());
        assert!(nearest.mean(&target("D"))[0].is_nan());
        assert_eq!(nearest.mean(&target("control")), summary.control_mean());
    }
}
