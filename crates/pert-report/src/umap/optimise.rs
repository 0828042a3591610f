//! Sampled gradient steps on the cross-entropy between the fuzzy set and the embedding.

use pert_core::ChaCha8Rng;
use rand::Rng;

use super::DIMENSIONS;
use super::curve::Forces;
use super::fuzzy::Edge;
use super::knn::Neighbor;

/// Each coordinate of a gradient is clipped to this (umap-learn).
const LARGEST_STEP: f32 = 4.0;

type Point = [f32; DIMENSIONS];

/// What the steps need beside the points.
pub(super) struct Optimiser<'a> {
    pub(super) forces: &'a Forces,
    pub(super) n_epochs: usize,
    pub(super) negative_samples: usize,
    pub(super) learning_rate: f32,
}

/// When an edge is due: every `period` epochs, an edge of the largest weight at every epoch.
struct Schedule {
    period: f32,
    next: f32,
}

impl Schedule {
    fn new(weight: f32, largest: f32) -> Self {
        let period = largest / weight;
        Self { period, next: period }
    }

    fn is_due(&mut self, epoch: usize) -> bool {
        let due = self.next <= epoch as f32;
        if due {
            self.next += self.period;
        }
        due
    }
}

impl Optimiser<'_> {
    /// Moves all points, `[n, 2]`, along the edges. One thread: the order of steps is part of the result.
    pub(super) fn move_all(&self, embedding: &mut [f32], edges: &[Edge], rng: &mut ChaCha8Rng) {
        let points = embedding.as_chunks_mut::<DIMENSIONS>().0;
        let largest = edges.iter().map(|e| e.weight).fold(0.0, f32::max);
        // An edge that would not come due even once is left out.
        let least = largest / self.n_epochs as f32;
        let mut edges: Vec<(u32, u32, Schedule)> = edges
            .iter()
            .filter(|e| e.weight >= least)
            .map(|e| (e.from, e.to, Schedule::new(e.weight, largest)))
            .collect();
        for epoch in 0..self.n_epochs {
            let rate = self.rate(epoch);
            for (from, to, schedule) in &mut edges {
                if schedule.is_due(epoch) {
                    let (from, to) = (*from as usize, *to as usize);
                    let mut y = points[from];
                    let step = self.attraction(y, points[to]);
                    for axis in 0..DIMENSIONS {
                        y[axis] += rate * step[axis];
                        points[to][axis] -= rate * step[axis];
                    }
                    points[from] = self.repel(y, Some(from), points, rate, rng);
                }
            }
        }
    }

    /// Where a new point comes to lie among fixed ones, from the weighted mean of its neighbours.
    pub(super) fn move_one(
        &self,
        neighbors: &[Neighbor],
        weights: &[f32],
        embedding: &[f32],
        rng: &mut ChaCha8Rng,
    ) -> Point {
        let points = embedding.as_chunks::<DIMENSIONS>().0;
        let total: f32 = weights.iter().sum();
        let mut y = [0.0; DIMENSIONS];
        for (neighbor, weight) in neighbors.iter().zip(weights) {
            for (y, x) in y.iter_mut().zip(points[neighbor.point as usize]) {
                *y += weight / total * x;
            }
        }
        let largest = weights.iter().copied().fold(0.0, f32::max);
        let mut schedules: Vec<Schedule> =
            weights.iter().map(|&weight| Schedule::new(weight, largest)).collect();
        for epoch in 0..self.n_epochs {
            let rate = self.rate(epoch);
            for (schedule, neighbor) in schedules.iter_mut().zip(neighbors) {
                if schedule.is_due(epoch) {
                    let step = self.attraction(y, points[neighbor.point as usize]);
                    // In a fit an edge pulls its point from both ends and repels it from one; with a single
                    // pull new points would be held off dense groups and ring them.
                    for axis in 0..DIMENSIONS {
                        y[axis] += 2.0 * rate * step[axis];
                    }
                    y = self.repel(y, None, points, rate, rng);
                }
            }
        }
        y
    }

    fn rate(&self, epoch: usize) -> f32 {
        self.learning_rate * (1.0 - epoch as f32 / self.n_epochs as f32)
    }

    /// −∂/∂y of −ln v: towards `other`.
    #[inline]
    fn attraction(&self, y: Point, other: Point) -> Point {
        let factor = self.forces.attraction(squared_distance(y, other));
        std::array::from_fn(|k| clip(factor * (other[k] - y[k])))
    }

    /// One step away from points drawn at random: −∂/∂y of −ln(1 − v), summed over them.
    #[inline]
    fn repel(
        &self,
        y: Point,
        own: Option<usize>,
        points: &[Point],
        rate: f32,
        rng: &mut ChaCha8Rng,
    ) -> Point {
        // All are seen from the same y, so that their look-ups do not wait for each other.
        let mut step = [0.0; DIMENSIONS];
        for _ in 0..self.negative_samples {
            let drawn = ((u64::from(rng.next_u32()) * points.len() as u64) >> 32) as usize;
            if Some(drawn) == own {
                continue;
            }
            let other = points[drawn];
            let factor = self.forces.repulsion(squared_distance(y, other));
            for axis in 0..DIMENSIONS {
                step[axis] += clip(factor * (y[axis] - other[axis]));
            }
        }
        std::array::from_fn(|k| y[k] + rate * step[k])
    }
}

#[inline]
fn squared_distance(a: Point, b: Point) -> f32 {
    let difference: Point = std::array::from_fn(|k| a[k] - b[k]);
    difference.iter().map(|d| d * d).sum()
}

#[inline]
fn clip(step: f32) -> f32 {
    step.clamp(-LARGEST_STEP, LARGEST_STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_sampled_in_proportion_to_its_weight() {
        for (weight, expected) in [(1.0, 99), (0.5, 49), (0.1, 9)] {
            let mut schedule = Schedule::new(weight, 1.0);
            assert_eq!((0..100).filter(|&epoch| schedule.is_due(epoch)).count(), expected);
        }
    }
}
